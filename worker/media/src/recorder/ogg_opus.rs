//! Frames to packets of Opus, in pages of Ogg Opus. Pure: pages come out as bytes.

use offhook_recording::{GRANULES_PER_MS, OggOpusWriter};
use offhook_types::audio::{FRAME_MS, FRAME_SAMPLES, Frame, SAMPLE_RATE, SILENCE};
use opus::{Application, Bitrate, Channels};

const GRANULES_PER_FRAME: u64 = FRAME_MS * GRANULES_PER_MS;
/// Of 16 kHz.
const GRANULES_PER_SAMPLE: u64 = 3;
/// Frames in a page: half a second.
const PAGE_FRAMES: u32 = 25;
/// Two voices in wideband, hard left and right. Variable: silence costs next to nothing.
const BITRATE: i32 = 40_000;
/// libopus's measure of effort.
const COMPLEXITY: i32 = 4;

/// A stream that is being written.
pub struct OggOpus {
    encoder: opus::Encoder,
    pages: OggOpusWriter,
    /// Samples of 48 kHz that a player leaves out at the beginning (RFC 7845, section 4.2).
    pre_skip: u16,
    frames: u64,
    in_page: u32,
}

impl OggOpus {
    /// A stream with this serial number.
    pub fn new(serial: u32) -> Result<Self, opus::Error> {
        // "Audio", not "Voip": speech mode codes the sum of both channels and smears one voice into the other.
        let mut encoder = opus::Encoder::new(SAMPLE_RATE, Channels::Stereo, Application::Audio)?;
        encoder.set_bitrate(Bitrate::Bits(BITRATE))?;
        encoder.set_complexity(COMPLEXITY)?;
        encoder.set_phase_inversion_disabled(true)?;
        let pre_skip = (u64::from(encoder.get_lookahead()?.unsigned_abs()) * GRANULES_PER_SAMPLE) as u16;
        Ok(OggOpus { encoder, pages: OggOpusWriter::new(serial, 2, SAMPLE_RATE, pre_skip), pre_skip, frames: 0, in_page: 0 })
    }

    /// Frames written so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The two pages at the beginning.
    pub fn head(&mut self) -> Vec<u8> {
        self.pages.head(concat!("offhook ", env!("CARGO_PKG_VERSION")), "DESCRIPTION=left: callee, right: agent")
    }

    /// One frame of both sides; a page where one is full.
    pub fn frame(&mut self, left: &Frame, right: &Frame) -> Result<Option<Vec<u8>>, opus::Error> {
        let packet = self.encode(left, right)?;
        self.frames += 1;
        self.in_page += 1;
        let position = self.frames * GRANULES_PER_FRAME;
        if self.in_page < PAGE_FRAMES {
            self.pages.packet(packet, position);
            return Ok(None);
        }
        self.in_page = 0;
        Ok(Some(self.pages.end_page(packet, position)))
    }

    /// The last page: one more frame pushes out what the encoder still holds, and the position cuts the stream to its exact
    /// length (RFC 7845, section 4.4).
    pub fn finish(mut self) -> Result<Vec<u8>, opus::Error> {
        let packet = self.encode(&SILENCE, &SILENCE)?;
        let end = u64::from(self.pre_skip) + self.frames * GRANULES_PER_FRAME;
        Ok(self.pages.end_stream(packet, end))
    }

    fn encode(&mut self, left: &Frame, right: &Frame) -> Result<Vec<u8>, opus::Error> {
        let mut both = [0; 2 * FRAME_SAMPLES];
        for (pair, (left, right)) in both.chunks_exact_mut(2).zip(left.iter().zip(right)) {
            pair.copy_from_slice(&[*left, *right]);
        }
        let mut packet = [0; 1275];
        let length = self.encoder.encode(&both, &mut packet)?;
        Ok(packet[..length].to_vec())
    }
}
