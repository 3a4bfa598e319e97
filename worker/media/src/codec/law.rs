//! G.711: µ-law and A-law at 8 kHz, brought to 16 kHz and back.

use audio_codec_algorithms::{decode_alaw, decode_ulaw, encode_alaw, encode_ulaw};
use offhook_types::audio::{FRAME_SAMPLES, Frame};

use super::concealment::Concealment;
use crate::resample::{Doubler, Halver};

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Law {
    /// PCMU, North America and Japan.
    Mu,
    /// PCMA, the rest of the world.
    A,
}

/// Frames to bytes.
pub struct LawEncoder {
    law: Law,
    halver: Halver,
    narrow: Vec<i16>,
}

impl LawEncoder {
    /// From silence.
    pub fn new(law: Law) -> Self {
        LawEncoder { law, halver: Halver::default(), narrow: Vec::with_capacity(FRAME_SAMPLES / 2) }
    }

    /// Appends 160 bytes.
    pub fn encode(&mut self, frame: &Frame, payload: &mut Vec<u8>) {
        self.narrow.clear();
        self.halver.halve(frame, &mut self.narrow);
        let encode = match self.law {
            Law::Mu => encode_ulaw,
            Law::A => encode_alaw,
        };
        payload.extend(self.narrow.iter().map(|sample| encode(*sample)));
    }
}

/// Bytes to sound.
pub struct LawDecoder {
    law: Law,
    doubler: Doubler,
    narrow: Vec<i16>,
    concealment: Concealment,
    /// Samples of 16 kHz in the packet before.
    length: usize,
}

impl LawDecoder {
    /// From silence.
    pub fn new(law: Law) -> Self {
        let (doubler, concealment) = (Doubler::default(), Concealment::default());
        LawDecoder { law, doubler, narrow: Vec::with_capacity(FRAME_SAMPLES / 2), concealment, length: FRAME_SAMPLES }
    }

    /// Appends two samples of 16 kHz for every byte.
    pub fn decode(&mut self, payload: &[u8], sound: &mut Vec<i16>) {
        let decode = match self.law {
            Law::Mu => decode_ulaw,
            Law::A => decode_alaw,
        };
        self.narrow.clear();
        self.narrow.extend(payload.iter().map(|byte| decode(*byte)));
        let start = sound.len();
        self.doubler.double(&self.narrow, sound);
        self.concealment.heard(&mut sound[start..]);
        self.length = sound.len() - start;
    }

    /// Appends as much as the packet before had.
    pub fn conceal(&mut self, sound: &mut Vec<i16>) {
        self.concealment.conceal(self.length, sound);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_laws_know_the_recommendations_values() {
        // ITU-T G.711, tables 1a and 2a: silence, and the first code of the loudest segment.
        assert_eq!((encode_ulaw(0), encode_alaw(0)), (0xff, 0xd5));
        assert_eq!((decode_ulaw(0x80), decode_ulaw(0x00)), (32_124, -32_124));
        assert_eq!((decode_alaw(0xaa), decode_alaw(0x2a)), (32_256, -32_256));
    }

    #[test]
    fn every_length_of_packet_decodes_to_its_sound() {
        for bytes in [80, 160, 240, 320, 1] {
            let mut sound = Vec::new();
            LawDecoder::new(Law::A).decode(&vec![0xd5; bytes], &mut sound);
            assert_eq!(sound.len(), bytes * 2);
        }
    }
}
