//! From one frame a tick to datagrams: always sending, numbers and times without a break. Pure.

use offhook::attempt::CodecName;

use super::{
    codec::{self, Encoder},
    dtmf::Step,
    negotiation::Negotiated,
    rtp::Outgoing,
};
use crate::audio::{FRAME_SAMPLES, Frame};

/// One side of one media session.
pub struct Outbound {
    stream: Outgoing,
    encoder: Encoder,
    codec: CodecName,
    payload_type: u8,
    telephone_event: Option<u8>,
    /// Bytes of G.711 in a packet; a packet of Opus is always one frame.
    packet_bytes: usize,
    open: bool,
    /// Encoded and not yet sent, and the time of its first sample.
    pending: Vec<u8>,
    pending_since: u32,
    /// The time at which the digit being sent began.
    event_since: u32,
    /// The next packet is the first after a pause.
    marker: bool,
    sent: u64,
}

impl Outbound {
    /// Sends what was agreed on, with an encoder for it.
    pub fn new(stream: Outgoing, negotiated: &Negotiated, encoder: Encoder) -> Self {
        Outbound {
            stream,
            encoder,
            codec: negotiated.codec,
            payload_type: negotiated.payload_type,
            telephone_event: negotiated.telephone_event,
            packet_bytes: negotiated.packet_ms as usize * 8,
            open: negotiated.can_send,
            pending: Vec::with_capacity(FRAME_SAMPLES),
            pending_since: 0,
            event_since: 0,
            marker: true,
            sent: 0,
        }
    }

    /// Something else was agreed on. The stream goes on; the encoder changes only where codec or settings do.
    pub fn renegotiate(&mut self, negotiated: &Negotiated, encoder: Option<Encoder>) {
        if let Some(encoder) = encoder {
            self.encoder = encoder;
            self.codec = negotiated.codec;
            self.pending.clear();
        }
        self.payload_type = negotiated.payload_type;
        self.telephone_event = negotiated.telephone_event;
        self.packet_bytes = negotiated.packet_ms as usize * 8;
        self.open = negotiated.can_send;
    }

    /// Whether the peer listens.
    pub fn open(&self) -> bool {
        self.open
    }

    /// Packets sent.
    pub fn sent(&self) -> u64 {
        self.sent
    }

    /// Prepares for so much loss on the way, 0 to 100, as the peer reports it.
    pub fn set_expected_loss(&mut self, percent: u8) {
        self.encoder.set_expected_loss(percent);
    }

    /// The codec we send.
    pub fn codec(&self) -> CodecName {
        self.codec
    }

    /// Ticks that are left out.
    pub fn skip(&mut self, ticks: u64) {
        let units = (ticks * u64::from(self.units())) as u32;
        self.stream.advance(units);
        self.pending.clear();
        self.marker = true;
    }

    /// One tick: the frame, or a step of a digit instead.
    pub fn tick(&mut self, frame: &Frame, digit: Option<Step>, datagrams: &mut Vec<Vec<u8>>) {
        if !self.open {
            self.pending.clear();
            self.marker = true;
        } else if let (Some(step), Some(number)) = (digit.filter(|step| *step != Step::Pause), self.telephone_event) {
            self.flush(datagrams);
            self.event(step, number, datagrams);
        } else {
            self.sound(frame, datagrams);
        }
        self.stream.advance(self.units());
    }

    fn units(&self) -> u32 {
        codec::clock_rate(self.codec) / 50
    }

    fn event(&mut self, step: Step, number: u8, datagrams: &mut Vec<Vec<u8>>) {
        let first = matches!(step, Step::Tone { tick: 0, .. });
        if first {
            self.event_since = self.stream.timestamp();
        }
        if let Some(payload) = step.payload(self.units()) {
            datagrams.push(self.stream.packet(number, first, self.event_since, &payload));
            self.sent += 1;
            self.marker = true;
        }
    }

    fn sound(&mut self, frame: &Frame, datagrams: &mut Vec<Vec<u8>>) {
        if self.pending.is_empty() {
            self.pending_since = self.stream.timestamp();
        }
        if let Err(error) = self.encoder.encode(frame, &mut self.pending) {
            tracing::warn!(%error, "a frame could not be encoded");
        }
        if self.codec == CodecName::Opus {
            self.flush(datagrams);
            return;
        }
        while self.pending.len() >= self.packet_bytes {
            let rest = self.pending.split_off(self.packet_bytes);
            self.flush(datagrams);
            self.pending_since = self.pending_since.wrapping_add(self.packet_bytes as u32);
            self.pending = rest;
        }
    }

    /// Sends what is pending as one packet.
    fn flush(&mut self, datagrams: &mut Vec<Vec<u8>>) {
        if !self.pending.is_empty() {
            let marker = std::mem::take(&mut self.marker);
            datagrams.push(self.stream.packet(self.payload_type, marker, self.pending_since, &self.pending));
            self.pending.clear();
            self.sent += 1;
        }
    }
}
