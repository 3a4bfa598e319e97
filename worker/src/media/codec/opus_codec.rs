//! Opus through libopus, 16 kHz mono, packets of 20 ms out and any in.

use opus::{Application, Bitrate, Channels};

use super::{CodecError, EncoderSettings};
use crate::audio::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

/// 24 kbit/s is where wideband speech stops getting better (RFC 7587, section 3.1.1: 16 to 20 for wideband, plus FEC).
const BITRATE: u32 = 24_000;
/// libopus's measure of effort, 0 to 10; 5 is its own choice for telephones.
const COMPLEXITY: i32 = 5;
/// Losses the encoder prepares for, in percent: enough to switch the redundancy on.
const EXPECTED_LOSS: i32 = 10;
/// The longest packet: 120 ms at 16 kHz.
const LONGEST: usize = 1920;
/// Packets in a row that libopus may invent before silence is more honest.
const MOST_INVENTED: u32 = 5;

/// Frames to packets.
pub struct OpusEncoder {
    encoder: opus::Encoder,
}

impl OpusEncoder {
    /// Set up for speech; never discontinuous: silence is sent, so that NAT bindings and clocks hold.
    pub fn new(settings: EncoderSettings) -> Result<Self, CodecError> {
        let mut encoder = opus::Encoder::new(SAMPLE_RATE, Channels::Mono, Application::Voip)?;
        let bitrate = settings.max_bitrate.map_or(BITRATE, |most| most.clamp(6000, BITRATE));
        encoder.set_bitrate(Bitrate::Bits(bitrate as i32))?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_inband_fec(settings.forward_error_correction)?;
        encoder.set_packet_loss_perc(if settings.forward_error_correction { EXPECTED_LOSS } else { 0 })?;
        encoder.set_dtx(false)?;
        Ok(OpusEncoder { encoder })
    }

    /// Appends one packet.
    pub fn encode(&mut self, frame: &Frame, payload: &mut Vec<u8>) -> Result<(), CodecError> {
        let mut buffer = [0; 1275];
        let length = self.encoder.encode(frame, &mut buffer)?;
        payload.extend_from_slice(&buffer[..length]);
        Ok(())
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
