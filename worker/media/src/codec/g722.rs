//! G.722 at 64 kbit/s: 16 kHz sound as it is, two bands of ADPCM, no filter of ours in between.

use audio_codec::{Decoder as _, Encoder as _, g722};
use offhook_types::audio::{FRAME_SAMPLES, Frame};

use super::concealment::Concealment;

/// Frames to bytes.
#[derive(Default)]
pub struct G722Encoder {
    encoder: g722::G722Encoder,
}

impl G722Encoder {
    /// Appends 160 bytes.
    pub fn encode(&mut self, frame: &Frame, payload: &mut Vec<u8>) {
        let start = payload.len();
        payload.resize(start + self.encoder.max_encode_bytes(frame.len()), 0);
        // It fails only where the room is too small, and the room is what it asked for.
        let written = self.encoder.encode_into(frame, &mut payload[start..]).unwrap_or(0);
        payload.truncate(start + written);
    }
}

/// Bytes to sound.
pub struct G722Decoder {
    decoder: g722::G722Decoder,
    concealment: Concealment,
    /// Samples in the packet before.
    length: usize,
}

impl Default for G722Decoder {
    fn default() -> Self {
        G722Decoder { decoder: g722::G722Decoder::new(), concealment: Concealment::default(), length: FRAME_SAMPLES }
    }
}

impl G722Decoder {
    /// Appends two samples for every byte.
    pub fn decode(&mut self, payload: &[u8], sound: &mut Vec<i16>) {
        let start = sound.len();
        sound.resize(start + self.decoder.max_decode_samples(payload.len()), 0);
        let written = self.decoder.decode_into(payload, &mut sound[start..]).unwrap_or(0);
        sound.truncate(start + written);
        self.concealment.heard(&mut sound[start..]);
        self.length = written;
    }

    /// Appends as much as the packet before had.
    pub fn conceal(&mut self, sound: &mut Vec<i16>) {
        self.concealment.conceal(self.length, sound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{sine, tone_dbfs};

    #[test]
    fn the_wide_band_is_kept() {
        for frequency in [100.0, 3400.0, 5000.0, 6500.0] {
            let sent = sine(frequency, 6000.0, 16_000, 50 * 320);
            let (mut encoder, mut payload, mut heard) = (G722Encoder::default(), Vec::new(), Vec::new());
            sent.as_chunks::<FRAME_SAMPLES>().0.iter().for_each(|frame| encoder.encode(frame, &mut payload));
            assert_eq!(payload.len(), 50 * 160);
            G722Decoder::default().decode(&payload, &mut heard);
            assert_eq!(heard.len(), sent.len());
            let difference = tone_dbfs(&heard[1600..], frequency, 16_000) - tone_dbfs(&sent[1600..], frequency, 16_000);
            assert!(difference.abs() < 1.5, "{frequency} Hz: {difference} dB");
        }
    }
}
