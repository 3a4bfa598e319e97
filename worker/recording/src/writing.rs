//! Packets to pages. Pure: pages come out as bytes.

use ogg::{PacketWriteEndInfo, PacketWriter};

/// An Ogg Opus stream that is being written.
pub struct OggOpusWriter {
    pages: PacketWriter<'static, Vec<u8>>,
    serial: u32,
    pre_skip: u16,
    channels: u8,
    sample_rate: u32,
}

impl OggOpusWriter {
    /// A stream with this serial number. A player leaves out `pre_skip` samples of 48 kHz at the beginning (RFC 7845 section 4.2);
    /// `sample_rate` is that of what was encoded, in Hz, for information. One or two channels.
    pub fn new(serial: u32, channels: u8, sample_rate: u32, pre_skip: u16) -> Self {
        OggOpusWriter { pages: PacketWriter::new(Vec::new()), serial, pre_skip, channels, sample_rate }
    }

    /// The two pages at the beginning (RFC 7845 section 5): what it is, who made it, and `comment`, as `NAME=text`.
    pub fn head(&mut self, vendor: &str, comment: &str) -> Vec<u8> {
        let mut head = b"OpusHead\x01".to_vec();
        head.push(self.channels);
        head.extend_from_slice(&self.pre_skip.to_le_bytes());
        head.extend_from_slice(&self.sample_rate.to_le_bytes());
        head.extend_from_slice(&[0, 0, 0]); // gain 0, channel mapping family 0
        let mut tags = b"OpusTags".to_vec();
        text(&mut tags, vendor);
        tags.extend_from_slice(&1u32.to_le_bytes()); // one comment
        text(&mut tags, comment);
        self.write(head, PacketWriteEndInfo::EndPage, 0);
        self.write(tags, PacketWriteEndInfo::EndPage, 0);
        self.take()
    }

    /// A packet within a page; `granules` is the length of the stream with it, without the pre-skip, in samples of 48 kHz.
    pub fn packet(&mut self, packet: Vec<u8>, granules: u64) {
        self.write(packet, PacketWriteEndInfo::NormalPacket, granules);
    }

    /// A packet that ends its page. Returns the page.
    pub fn end_page(&mut self, packet: Vec<u8>, granules: u64) -> Vec<u8> {
        self.write(packet, PacketWriteEndInfo::EndPage, granules);
        self.take()
    }

    /// The last packet. `granules` cuts the stream to its exact length, pre-skip included (RFC 7845 section 4.4). Returns the last page.
    pub fn end_stream(mut self, packet: Vec<u8>, granules: u64) -> Vec<u8> {
        self.write(packet, PacketWriteEndInfo::EndStream, granules);
        self.take()
    }

    fn write(&mut self, packet: Vec<u8>, end: PacketWriteEndInfo, granules: u64) {
        self.pages.write_packet(packet, self.serial, end, granules).expect("writing to memory does not fail");
    }

    fn take(&mut self) -> Vec<u8> {
        std::mem::take(self.pages.inner_mut())
    }
}

/// Length and bytes, as in OpusTags.
fn text(tags: &mut Vec<u8>, text: &str) {
    tags.extend_from_slice(&(text.len() as u32).to_le_bytes());
    tags.extend_from_slice(text.as_bytes());
}
