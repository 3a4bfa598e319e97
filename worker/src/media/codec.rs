//! Opus at 16 kHz mono, and both laws of G.711 with concealment of our own.

pub mod concealment;
pub mod law;
pub mod opus_codec;

use offhook::attempt::CodecName;

use self::{
    law::{Law, LawDecoder, LawEncoder},
    opus_codec::{OpusDecoder, OpusEncoder},
};
use crate::audio::Frame;

/// libopus refused.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The decoder could not make sound of the bytes, or the encoder bytes of the sound.
    #[error("{0}; the packet is dropped and concealed")]
    Opus(#[from] opus::Error),
}

/// RTP clock: 48 kHz for Opus whatever it carries (RFC 7587, section 4.1), 8 kHz for G.711 (RFC 3551, table 4).
pub fn clock_rate(codec: CodecName) -> u32 {
    match codec {
        CodecName::Opus => 48_000,
        CodecName::Pcmu | CodecName::Pcma => 8000,
    }
}

/// Samples of 16 kHz that a payload will decode to; `None` where it is no payload of this codec. Up to 120 ms.
pub fn decoded_samples(codec: CodecName, payload: &[u8]) -> Option<u32> {
    let samples = match codec {
        _ if payload.is_empty() => return None,
        CodecName::Opus => opus::packet::get_nb_samples(payload, 16_000).ok()?,
        CodecName::Pcmu | CodecName::Pcma => payload.len() * 2,
    };
    u32::try_from(samples).ok().filter(|samples| (1..=1920).contains(samples))
}

/// How the encoder is to be set, as negotiated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EncoderSettings {
    /// The peer wants in-band forward error correction (Opus).
    pub forward_error_correction: bool,
    /// Bits per second at most (Opus).
    pub max_bitrate: Option<u32>,
}

/// Frames to payloads.
pub enum Encoder {
    /// Opus.
    Opus(OpusEncoder),
    /// G.711.
    Law(LawEncoder),
}

impl Encoder {
    /// An encoder from silence.
    pub fn new(codec: CodecName, settings: EncoderSettings) -> Result<Self, CodecError> {
        Ok(match codec {
            CodecName::Opus => Encoder::Opus(OpusEncoder::new(settings)?),
            CodecName::Pcmu => Encoder::Law(LawEncoder::new(Law::Mu)),
            CodecName::Pcma => Encoder::Law(LawEncoder::new(Law::A)),
        })
    }

    /// Prepares for so much loss on the way, 0 to 100.
    pub fn set_expected_loss(&mut self, _percent: u8) {}

    /// Appends the payload of one frame: a whole Opus packet, or 160 bytes of G.711.
    pub fn encode(&mut self, frame: &Frame, payload: &mut Vec<u8>) -> Result<(), CodecError> {
        match self {
            Encoder::Opus(encoder) => encoder.encode(frame, payload),
            Encoder::Law(encoder) => {
                encoder.encode(frame, payload);
                Ok(())
            }
        }
    }
}

/// Payloads to sound of 16 kHz.
pub enum Decoder {
    /// Opus.
    Opus(OpusDecoder),
    /// G.711.
    Law(Box<LawDecoder>),
}

impl Decoder {
    /// A decoder from silence.
    pub fn new(codec: CodecName) -> Result<Self, CodecError> {
        Ok(match codec {
            CodecName::Opus => Decoder::Opus(OpusDecoder::new()?),
            CodecName::Pcmu => Decoder::Law(Box::new(LawDecoder::new(Law::Mu))),
            CodecName::Pcma => Decoder::Law(Box::new(LawDecoder::new(Law::A))),
        })
    }

    /// Appends the sound of a payload.
    pub fn decode(&mut self, payload: &[u8], sound: &mut Vec<i16>) -> Result<(), CodecError> {
        match self {
            Decoder::Opus(decoder) => decoder.decode(payload, sound),
            Decoder::Law(decoder) => {
                decoder.decode(payload, sound);
                Ok(())
            }
        }
    }

    /// Appends what most likely stood in a packet that did not come, as long as the packet before it. `following` is the
    /// payload after it, where that is here already: Opus may carry a copy of the lost one in it.
    pub fn conceal(&mut self, following: Option<&[u8]>, sound: &mut Vec<i16>) {
        match self {
            Decoder::Opus(decoder) => decoder.conceal(following, sound),
            Decoder::Law(decoder) => decoder.conceal(sound),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::{RngExt, SeedableRng, rngs::SmallRng};

    use super::*;
    use crate::{
        audio::level_dbfs,
        media::testing::{purity, sine, tone_dbfs},
    };

    const PLAIN: EncoderSettings = EncoderSettings { forward_error_correction: true, max_bitrate: None };
    const ALL: [CodecName; 3] = [CodecName::Opus, CodecName::Pcmu, CodecName::Pcma];

    fn payloads(codec: CodecName, sound: &[i16]) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new(codec, PLAIN).unwrap();
        let encode = |frame: &[i16]| {
            let mut payload = Vec::new();
            encoder.encode(frame.try_into().unwrap(), &mut payload).unwrap();
            payload
        };
        sound.chunks_exact(320).map(encode).collect()
    }

    #[test]
    fn a_tone_keeps_level_and_frequency() {
        for codec in ALL {
            for frequency in [440.0, 1000.0] {
                let sent = sine(frequency, 8000.0, 16_000, 32_000);
                let mut decoder = Decoder::new(codec).unwrap();
                let mut heard = Vec::new();
                for payload in payloads(codec, &sent) {
                    assert_eq!(decoded_samples(codec, &payload), Some(320));
                    decoder.decode(&payload, &mut heard).unwrap();
                }
                let heard = &heard[3200..];
                let difference = tone_dbfs(heard, frequency, 16_000) - tone_dbfs(&sent, frequency, 16_000);
                assert!(difference.abs() < 1.0, "{codec:?} {frequency} Hz: {difference} dB");
                assert!(purity(heard, frequency) > 0.99, "{codec:?} {frequency} Hz: {}", purity(heard, frequency));
            }
        }
    }

    #[test]
    fn a_lost_packet_is_hardly_heard_and_a_lost_call_falls_silent() {
        for codec in ALL {
            let sent = voiced(100 * 320);
            let packets = payloads(codec, &sent);
            let mut decoder = Decoder::new(codec).unwrap();
            let mut heard = Vec::new();
            for (index, payload) in packets.iter().enumerate() {
                match index {
                    40 | 60 => decoder.conceal(packets.get(index + 1).map(Vec::as_slice), &mut heard),
                    _ => decoder.decode(payload, &mut heard).unwrap(),
                }
            }
            assert_eq!(heard.len(), sent.len());
            let hole = level_dbfs(&heard[40 * 320..41 * 320]) - level_dbfs(&heard[30 * 320..31 * 320]);
            assert!(hole.abs() < 3.0, "{codec:?} leaves a hole of {hole} dB");
            let steepest = |sound: &[i16]| sound.windows(2).map(|pair| pair[0].abs_diff(pair[1])).max().unwrap();
            assert!(steepest(&heard[9600..]) < 2 * steepest(&sent), "{codec:?} clicks: {}", steepest(&heard[9600..]));
            heard.clear();
            (0..20).for_each(|_| decoder.conceal(None, &mut heard));
            assert!(level_dbfs(&heard[heard.len() - 320..]) < -60.0, "{codec:?} does not fall silent");
        }
    }

    #[test]
    fn opus_finds_a_lost_beginning_in_the_packet_after_it() {
        let mut sent = vec![0; 20 * 320];
        sent.extend(voiced(20 * 320));
        let packets = payloads(CodecName::Opus, &sent);
        let level = |following: Option<&[u8]>| {
            let mut decoder = Decoder::new(CodecName::Opus).unwrap();
            let mut heard = Vec::new();
            packets[..20].iter().for_each(|payload| decoder.decode(payload, &mut heard).unwrap());
            decoder.conceal(following, &mut heard);
            level_dbfs(&heard[20 * 320..])
        };
        let (with, without) = (level(Some(&packets[21])), level(None));
        assert!(with > -30.0 && without < -60.0, "{with} dBFS with the next packet, {without} without");
    }

    /// A vowel without a mouth: ten harmonics of 150 Hz.
    fn voiced(count: usize) -> Vec<i16> {
        let harmonics: Vec<Vec<i16>> =
            (1..=10).map(|harmonic| sine(150.0 * f64::from(harmonic), 4000.0 / f64::from(harmonic), 16_000, count)).collect();
        (0..count).map(|index| harmonics.iter().map(|harmonic| harmonic[index]).sum()).collect()
    }

    #[test]
    fn noise_from_the_wire_is_an_error_and_no_panic() {
        let mut random = SmallRng::seed_from_u64(2);
        for codec in ALL {
            let mut decoder = Decoder::new(codec).unwrap();
            let mut sound = Vec::new();
            for _ in 0..3000 {
                let mut payload = vec![0u8; random.random_range(0..300)];
                random.fill(&mut payload[..]);
                sound.clear();
                match decoded_samples(codec, &payload) {
                    Some(samples) if decoder.decode(&payload, &mut sound).is_ok() => assert_eq!(sound.len(), samples as usize),
                    Some(_) => assert_eq!(sound.len(), 0),
                    None => decoder.conceal(Some(&payload), &mut sound),
                }
            }
        }
    }
}
