//! Opus through libopus, 16 kHz mono, packets of 10, 20, 40 or 60 ms out and any in.

use offhook_types::audio::{FRAME_SAMPLES, Frame, SAMPLE_RATE};
use opus::{Application, Bandwidth, Bitrate, Channels};

use super::{CodecError, EncoderSettings};

/// 24 kbit/s is where wideband speech stops getting better (RFC 7587, section 3.1.1: 16 to 20 for wideband, plus FEC).
const BITRATE: u32 = 24_000;
/// libopus's measure of effort, 0 to 10; 5 is its own choice for telephones.
const COMPLEXITY: i32 = 5;
/// Losses the encoder prepares for before the peer has told, in percent: enough to switch the redundancy on.
const FIRST_EXPECTED_LOSS: u8 = 10;
/// The least and the most it prepares for after that: losses come in bursts, and a report is seconds old.
const EXPECTED_LOSS: std::ops::RangeInclusive<u8> = 3..=40;
/// Samples of 16 kHz in a millisecond.
const SAMPLES_PER_MS: usize = 16;
/// The longest packet: 120 ms at 16 kHz.
const LONGEST: usize = 1920;
/// Packets in a row that libopus may invent before silence is more honest.
const MOST_INVENTED: u32 = 5;

/// Frames to packets.
pub struct OpusEncoder {
    encoder: opus::Encoder,
    forward_error_correction: bool,
    /// Sound that does not make a packet yet.
    waiting: Vec<i16>,
}

impl OpusEncoder {
    /// Set up for speech; never discontinuous: silence is sent, so that NAT bindings and clocks hold. Always mono, which every
    /// decoder can play (RFC 7587, section 3.4).
    pub fn new(settings: EncoderSettings) -> Result<Self, CodecError> {
        let mut encoder = opus::Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
        let bitrate = settings.max_bitrate.map_or(BITRATE, |most| most.clamp(6000, BITRATE));
        encoder.set_bitrate(Bitrate::Bits(bitrate as i32))?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_vbr(!settings.constant_bitrate)?;
        encoder.set_max_bandwidth(bandwidth(settings.max_playback_rate))?;
        encoder.set_inband_fec(settings.forward_error_correction)?;
        encoder.set_dtx(false)?;
        let mut encoder =
            OpusEncoder { encoder, forward_error_correction: settings.forward_error_correction, waiting: Vec::new() };
        encoder.set_expected_loss(FIRST_EXPECTED_LOSS);
        Ok(encoder)
    }

    /// Takes one frame and appends the packets that are full with it. Opus has no packets of 30 ms; those are of 20.
    pub fn encode(&mut self, frame: &Frame, packet_ms: u32, payloads: &mut Vec<Vec<u8>>) -> Result<(), CodecError> {
        self.waiting.extend_from_slice(frame);
        let full = match packet_ms {
            10 | 40 | 60 => packet_ms as usize * SAMPLES_PER_MS,
            _ => FRAME_SAMPLES,
        };
        while self.waiting.len() >= full {
            let rest = self.waiting.split_off(full);
            let packet = std::mem::replace(&mut self.waiting, rest);
            payloads.push(self.packet(&packet)?);
        }
        Ok(())
    }

    /// Appends what does not fill a packet as one of 20 or 40 ms.
    pub fn flush(&mut self, payloads: &mut Vec<Vec<u8>>) -> Result<(), CodecError> {
        let rest = std::mem::take(&mut self.waiting);
        if !rest.is_empty() {
            payloads.push(self.packet(&rest)?);
        }
        Ok(())
    }

    /// Whether nothing waits to fill a packet.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Forgets what does not fill a packet.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The share of our packets that the peer misses, in percent.
    pub fn set_expected_loss(&mut self, percent: u8) {
        let expected =
            if self.forward_error_correction { percent.clamp(*EXPECTED_LOSS.start(), *EXPECTED_LOSS.end()) } else { 0 };
        if let Err(error) = self.encoder.set_packet_loss_perc(i32::from(expected)) {
            tracing::warn!(%error, "the encoder does not take the peer's losses");
        }
    }

    fn packet(&mut self, sound: &[i16]) -> Result<Vec<u8>, CodecError> {
        let mut buffer = [0; 1275];
        let length = self.encoder.encode(sound, &mut buffer)?;
        Ok(buffer[..length].to_vec())
    }
}

/// What is worth sending to a peer that plays at so many Hz (RFC 7587, section 6.1: `maxplaybackrate`).
fn bandwidth(max_playback_rate: Option<u32>) -> Bandwidth {
    match max_playback_rate {
        Some(..12_000) => Bandwidth::Narrowband,
        Some(12_000..16_000) => Bandwidth::Mediumband,
        _ => Bandwidth::Wideband,
    }
}

/// Packets to sound.
pub struct OpusDecoder {
    decoder: opus::Decoder,
    /// Samples of the packet before.
    length: usize,
    invented: u32,
}

impl OpusDecoder {
    /// From silence.
    pub fn new() -> Result<Self, CodecError> {
        let decoder = opus::Decoder::new(SAMPLE_RATE, Channels::Mono)?;
        Ok(OpusDecoder { decoder, length: FRAME_SAMPLES, invented: 0 })
    }

    /// Appends a packet's sound; stereo is mixed down by libopus.
    pub fn decode(&mut self, payload: &[u8], sound: &mut Vec<i16>) -> Result<(), CodecError> {
        let mut buffer = [0; LONGEST];
        let length = self.decoder.decode(payload, &mut buffer, false)?;
        sound.extend_from_slice(&buffer[..length]);
        self.length = length;
        self.invented = 0;
        Ok(())
    }

    /// Appends what the next packet remembers of the lost one (in-band FEC), else what libopus invents, else silence.
    pub fn conceal(&mut self, following: Option<&[u8]>, sound: &mut Vec<i16>) {
        let mut buffer = [0; LONGEST];
        let gap = &mut buffer[..self.length];
        let remembered = following.filter(|payload| !payload.is_empty()).map(|payload| self.decoder.decode(payload, gap, true));
        if !matches!(remembered, Some(Ok(_))) {
            self.invented += 1;
            if self.invented > MOST_INVENTED || self.decoder.decode(&[], gap, false).is_err() {
                gap.fill(0);
            }
        }
        sound.extend_from_slice(gap);
    }
}
