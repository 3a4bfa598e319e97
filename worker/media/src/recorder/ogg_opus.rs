//! Frames to pages of Ogg Opus (RFC 7845). Pure: pages come out as bytes.

use offhook_types::audio::{FRAME_SAMPLES, Frame, SAMPLE_RATE, SILENCE};
use ogg::{PacketWriteEndInfo, PacketWriter};
use opus::{Application, Bitrate, Channels};

/// Ogg Opus counts in 48 kHz whatever it carries (RFC 7845, section 4).
const GRANULES: u64 = 960;
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
    pages: PacketWriter<'static, Vec<u8>>,
    serial: u32,
    /// Samples of 48 kHz that a player leaves out at the beginning (RFC 7845, section 4.2).
    pre_skip: u64,
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
        let pre_skip = u64::from(encoder.get_lookahead()?.unsigned_abs()) * GRANULES_PER_SAMPLE;
        Ok(OggOpus { encoder, pages: PacketWriter::new(Vec::new()), serial, pre_skip, frames: 0, in_page: 0 })
    }

    /// Frames written so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// The two pages at the beginning (RFC 7845, section 5).
    pub fn head(&mut self) -> Vec<u8> {
        let mut head = b"OpusHead\x01\x02".to_vec();
        head.extend_from_slice(&(self.pre_skip as u16).to_le_bytes());
        head.extend_from_slice(&SAMPLE_RATE.to_le_bytes());
        head.extend_from_slice(&[0, 0, 0]); // gain 0, channel mapping family 0
        let mut tags = b"OpusTags".to_vec();
        text(&mut tags, concat!("offhook ", env!("CARGO_PKG_VERSION")));
        tags.extend_from_slice(&1u32.to_le_bytes()); // one comment
        text(&mut tags, "DESCRIPTION=left: callee, right: agent");
        self.packet(head, PacketWriteEndInfo::EndPage, 0);
        self.packet(tags, PacketWriteEndInfo::EndPage, 0);
        std::mem::take(self.pages.inner_mut())
    }

    /// One frame of both sides; a page where one is full.
    pub fn frame(&mut self, left: &Frame, right: &Frame) -> Result<Option<Vec<u8>>, opus::Error> {
        let packet = self.encode(left, right)?;
        self.frames += 1;
        self.in_page += 1;
        let full = self.in_page >= PAGE_FRAMES;
        let end = if full { PacketWriteEndInfo::EndPage } else { PacketWriteEndInfo::NormalPacket };
        self.packet(packet, end, self.frames * GRANULES);
        if full {
            self.in_page = 0;
        }
        Ok(full.then(|| std::mem::take(self.pages.inner_mut())))
    }

    /// The last page: one more frame pushes out what the encoder still holds, and the position cuts the stream to its exact
    /// length (RFC 7845, section 4.4).
    pub fn finish(mut self) -> Result<Vec<u8>, opus::Error> {
        let packet = self.encode(&SILENCE, &SILENCE)?;
        let end = self.pre_skip + self.frames * GRANULES;
        self.packet(packet, PacketWriteEndInfo::EndStream, end);
        Ok(std::mem::take(self.pages.inner_mut()))
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

    fn packet(&mut self, packet: Vec<u8>, end: PacketWriteEndInfo, position: u64) {
        self.pages.write_packet(packet, self.serial, end, position).expect("writing to memory does not fail");
    }
}

/// Length and bytes, as in OpusTags.
fn text(tags: &mut Vec<u8>, text: &str) {
    tags.extend_from_slice(&(text.len() as u32).to_le_bytes());
    tags.extend_from_slice(text.as_bytes());
}
