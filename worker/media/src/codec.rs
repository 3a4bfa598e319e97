//! Opus at 16 kHz mono, G.722, and both laws of G.711; the last two with concealment of our own.

pub mod concealment;
pub mod g722;
pub mod law;
pub mod opus_codec;

use offhook::attempt::CodecName;
use offhook_types::audio::Frame;

use self::{
    g722::{G722Decoder, G722Encoder},
    law::{Law, LawDecoder, LawEncoder},
    opus_codec::{OpusDecoder, OpusEncoder},
};

/// Bytes of G.711 and G.722 in a millisecond: both are 64 kbit/s.
const BYTES_PER_MS: usize = 8;

/// libopus refused.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The decoder could not make sound of the bytes, or the encoder bytes of the sound.
    #[error("{0}; the packet is dropped and concealed")]
    Opus(#[from] opus::Error),
}

/// RTP clock: 48 kHz for Opus whatever it carries (RFC 7587, section 4.1), 8 kHz for G.711, and for G.722 too, by an old mistake
/// that everybody has to share (RFC 3551, section 4.5.2).
pub fn clock_rate(codec: CodecName) -> u32 {
    match codec {
        CodecName::Opus => 48_000,
        CodecName::G722 | CodecName::Pcmu | CodecName::Pcma => 8000,
    }
}

/// Samples of 16 kHz that a payload will decode to; `None` where it is no payload of this codec. Up to 120 ms.
pub fn decoded_samples(codec: CodecName, payload: &[u8]) -> Option<u32> {
    let samples = match codec {
        _ if payload.is_empty() => return None,
        CodecName::Opus => opus::packet::get_nb_samples(payload, 16_000).ok()?,
        CodecName::G722 | CodecName::Pcmu | CodecName::Pcma => payload.len() * 2,
    };
    u32::try_from(samples).ok().filter(|samples| (1..=1920).contains(samples))
}

/// How the encoder is to be set, as negotiated. All of it is about Opus.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EncoderSettings {
    /// The peer wants in-band forward error correction.
    pub forward_error_correction: bool,
    /// Bits per second at most.
    pub max_bitrate: Option<u32>,
    /// The peer wants every packet to be of the same size.
    pub constant_bitrate: bool,
    /// What the peer can play, in Hz; nothing above half of it need be sent.
    pub max_playback_rate: Option<u32>,
}

/// Frames of 20 ms to packets of 10 to 60 ms.
pub struct Encoder {
    kind: EncoderKind,
    /// Bytes of G.711 or G.722 that do not make a packet yet.
    bytes: Vec<u8>,
}

enum EncoderKind {
    Opus(OpusEncoder),
    G722(Box<G722Encoder>),
    Law(LawEncoder),
}

impl Encoder {
    /// An encoder from silence.
    pub fn new(codec: CodecName, settings: EncoderSettings) -> Result<Self, CodecError> {
        let kind = match codec {
            CodecName::Opus => EncoderKind::Opus(OpusEncoder::new(settings)?),
            CodecName::G722 => EncoderKind::G722(Box::default()),
            CodecName::Pcmu => EncoderKind::Law(LawEncoder::new(Law::Mu)),
            CodecName::Pcma => EncoderKind::Law(LawEncoder::new(Law::A)),
        };
        Ok(Encoder { kind, bytes: Vec::new() })
    }

    /// Takes one frame and appends the payloads that are full with it, each of `packet_ms`: 10, 20, 40 or 60, and 30 except for
    /// Opus.
    pub fn encode(&mut self, frame: &Frame, packet_ms: u32, payloads: &mut Vec<Vec<u8>>) -> Result<(), CodecError> {
        match &mut self.kind {
            EncoderKind::Opus(encoder) => return encoder.encode(frame, packet_ms, payloads),
            EncoderKind::G722(encoder) => encoder.encode(frame, &mut self.bytes),
            EncoderKind::Law(encoder) => encoder.encode(frame, &mut self.bytes),
        }
        let full = (packet_ms.max(1) as usize) * BYTES_PER_MS;
        while self.bytes.len() >= full {
            let rest = self.bytes.split_off(full);
            payloads.push(std::mem::replace(&mut self.bytes, rest));
        }
        Ok(())
    }

    /// Appends what does not fill a packet as a shorter one.
    pub fn flush(&mut self, payloads: &mut Vec<Vec<u8>>) -> Result<(), CodecError> {
        if let EncoderKind::Opus(encoder) = &mut self.kind {
            return encoder.flush(payloads);
        }
        if !self.bytes.is_empty() {
            payloads.push(std::mem::take(&mut self.bytes));
        }
        Ok(())
    }

    /// Whether nothing waits to fill a packet.
    pub fn is_empty(&self) -> bool {
        match &self.kind {
            EncoderKind::Opus(encoder) => encoder.is_empty(),
            EncoderKind::G722(_) | EncoderKind::Law(_) => self.bytes.is_empty(),
        }
    }

    /// Forgets what does not fill a packet.
    pub fn clear(&mut self) {
        self.bytes.clear();
        if let EncoderKind::Opus(encoder) = &mut self.kind {
            encoder.clear();
        }
    }

    /// The share of our packets that the peer misses, in percent, as its RTCP says: Opus carries as much of the packet before
    /// in each one as that is worth.
    pub fn set_expected_loss(&mut self, percent: u8) {
        if let EncoderKind::Opus(encoder) = &mut self.kind {
            encoder.set_expected_loss(percent);
        }
    }
}

/// Payloads to sound of 16 kHz.
pub enum Decoder {
    /// Opus.
    Opus(OpusDecoder),
    /// G.722.
    G722(Box<G722Decoder>),
    /// G.711.
    Law(Box<LawDecoder>),
}

impl Decoder {
    /// A decoder from silence.
    pub fn new(codec: CodecName) -> Result<Self, CodecError> {
        Ok(match codec {
            CodecName::Opus => Decoder::Opus(OpusDecoder::new()?),
            CodecName::G722 => Decoder::G722(Box::default()),
            CodecName::Pcmu => Decoder::Law(Box::new(LawDecoder::new(Law::Mu))),
            CodecName::Pcma => Decoder::Law(Box::new(LawDecoder::new(Law::A))),
        })
    }

    /// Appends the sound of a payload.
    pub fn decode(&mut self, payload: &[u8], sound: &mut Vec<i16>) -> Result<(), CodecError> {
        match self {
            Decoder::Opus(decoder) => decoder.decode(payload, sound),
            Decoder::G722(decoder) => {
                decoder.decode(payload, sound);
                Ok(())
            }
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
            Decoder::G722(decoder) => decoder.conceal(sound),
            Decoder::Law(decoder) => decoder.conceal(sound),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offhook_test_sounds::speech;
    use offhook_types::audio::level_dbfs;
    use rand::{RngExt, SeedableRng, rngs::SmallRng};

    use super::*;
    use crate::testing::{purity, sine, tone_dbfs};

    const ALL: [CodecName; 4] = CodecName::ALL;

    fn payloads(codec: CodecName, sound: &[i16]) -> Vec<Vec<u8>> {
        let settings = EncoderSettings { forward_error_correction: true, ..EncoderSettings::default() };
        packets(codec, settings, 20, sound)
    }

    fn packets(codec: CodecName, settings: EncoderSettings, packet_ms: u32, sound: &[i16]) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new(codec, settings).unwrap();
        let mut payloads = Vec::new();
        sound.chunks_exact(320).for_each(|frame| encoder.encode(frame.try_into().unwrap(), packet_ms, &mut payloads).unwrap());
        payloads
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

    #[test]
    fn packets_are_as_long_as_asked_for_and_hold_all_the_sound() {
        let sent = sine(440.0, 8000.0, 16_000, 60 * 320);
        for codec in ALL {
            for packet_ms in [10, 20, 30, 40, 60].into_iter().filter(|ms| codec != CodecName::Opus || *ms != 30) {
                let packets = packets(codec, EncoderSettings::default(), packet_ms, &sent);
                assert_eq!(packets.len() as u32, 1200 / packet_ms, "{codec:?}, {packet_ms} ms");
                let mut decoder = Decoder::new(codec).unwrap();
                let mut heard = Vec::new();
                for packet in &packets {
                    assert_eq!(decoded_samples(codec, packet), Some(packet_ms * 16), "{codec:?}, {packet_ms} ms");
                    decoder.decode(packet, &mut heard).unwrap();
                }
                assert!(purity(&heard[3200..], 440.0) > 0.98, "{codec:?}, {packet_ms} ms: {}", purity(&heard[3200..], 440.0));
            }
        }
    }

    #[test]
    fn what_does_not_fill_a_packet_is_a_shorter_one() {
        for codec in ALL {
            let mut encoder = Encoder::new(codec, EncoderSettings::default()).unwrap();
            let mut payloads = Vec::new();
            encoder.encode(&[100; 320], 60, &mut payloads).unwrap();
            assert!(payloads.is_empty() && !encoder.is_empty());
            encoder.flush(&mut payloads).unwrap();
            assert_eq!(decoded_samples(codec, &payloads[0]), Some(320), "{codec:?}");
            assert!(encoder.is_empty());
        }
    }

    #[test]
    fn opus_keeps_to_what_the_peer_asked_for() {
        let speech = voiced(100 * 320);
        let bytes = |packets: &[Vec<u8>]| packets.iter().map(Vec::len).sum::<usize>();
        let plain = packets(CodecName::Opus, EncoderSettings::default(), 20, &speech);
        let few = EncoderSettings { max_bitrate: Some(8000), ..EncoderSettings::default() };
        let few = packets(CodecName::Opus, few, 20, &speech);
        assert!(bytes(&few) * 2 < bytes(&plain), "{} of {} bytes", bytes(&few), bytes(&plain));
        assert!(bytes(&few) * 8 / 2 < 10_000, "{} bit/s", bytes(&few) * 8 / 2);

        let constant = EncoderSettings { constant_bitrate: true, ..EncoderSettings::default() };
        let constant = packets(CodecName::Opus, constant, 20, &speech);
        assert!(constant.windows(2).all(|pair| pair[0].len() == pair[1].len()));

        let narrow = EncoderSettings { max_playback_rate: Some(8000), ..EncoderSettings::default() };
        let narrow = packets(CodecName::Opus, narrow, 20, &speech);
        assert!(narrow.iter().all(|packet| opus::packet::get_bandwidth(packet).unwrap() == opus::Bandwidth::Narrowband));
    }

    #[test]
    fn opus_carries_more_of_the_past_where_more_is_lost() {
        let settings = EncoderSettings { forward_error_correction: true, ..EncoderSettings::default() };
        let words = speech("en+f3", "Good evening, do you have a table for four people tomorrow at half past seven?");
        let loud: Vec<usize> = (1..words.len() / 320).filter(|at| level_dbfs(&words[at * 320 - 320..at * 320]) > -30.0).collect();
        // The share of lost frames of speech that the packet after them tells of.
        let remembered = |percent: u8| {
            let mut encoder = Encoder::new(CodecName::Opus, settings).unwrap();
            encoder.set_expected_loss(percent);
            let mut payloads = Vec::new();
            words.chunks_exact(320).for_each(|frame| encoder.encode(frame.try_into().unwrap(), 20, &mut payloads).unwrap());
            let tells = |at: &&usize| {
                let mut heard = Vec::new();
                Decoder::new(CodecName::Opus).unwrap().conceal(Some(&payloads[**at]), &mut heard);
                level_dbfs(&heard) > -50.0
            };
            loud.iter().filter(tells).count() as f64 / loud.len() as f64
        };
        let (few, many) = (remembered(0), remembered(255));
        println!("{few} {} {many}", remembered(10));
        assert!(many > 0.8 && few < many, "{few} at the least, {many} at the most");
    }

    #[test]
    fn a_peers_discontinuous_opus_is_silence_and_then_sound() {
        let mut encoder = opus::Encoder::new(16_000, opus::Channels::Mono, opus::Application::Voip).unwrap();
        encoder.set_dtx(true).unwrap();
        let sent = [vec![0; 60 * 320], voiced(20 * 320)].concat();
        let mut decoder = Decoder::new(CodecName::Opus).unwrap();
        let (mut heard, mut left_out) = (Vec::new(), 0);
        for frame in sent.chunks_exact(320) {
            let packet = encoder.encode_vec(frame, 1275).unwrap();
            if packet.len() <= 2 {
                left_out += 1; // not sent on the wire; the receiver makes it up
                decoder.conceal(None, &mut heard);
            } else {
                assert_eq!(decoded_samples(CodecName::Opus, &packet), Some(320));
                decoder.decode(&packet, &mut heard).unwrap();
            }
        }
        assert!(left_out > 10, "{left_out} packets were left out");
        assert!(level_dbfs(&heard[20 * 320..50 * 320]) < -55.0 && level_dbfs(&heard[65 * 320..]) > -30.0);
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
