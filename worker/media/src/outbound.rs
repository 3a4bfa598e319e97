//! From one frame a tick to datagrams: always sending, numbers and times without a break. Pure.

use offhook::attempt::CodecName;
use offhook_types::audio::Frame;

use super::{
    codec::{self, Encoder},
    dtmf::Step,
    negotiation::Negotiated,
    rtp::Outgoing,
};

/// One side of one media session.
pub struct Outbound {
    stream: Outgoing,
    encoder: Encoder,
    codec: CodecName,
    payload_type: u8,
    telephone_event: Option<u8>,
    /// A tick in the clock of digits' durations.
    event_units: u32,
    /// Length of a packet in milliseconds.
    packet_ms: u32,
    open: bool,
    /// The time of the first sample that the encoder holds.
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
            event_units: negotiated.telephone_event_clock / 50,
            packet_ms: negotiated.packet_ms,
            open: negotiated.can_send,
            pending_since: 0,
            event_since: 0,
            marker: true,
            sent: 0,
        }
    }

    /// Something else was agreed on. The stream goes on; the encoder changes only where codec or settings do.
    pub fn renegotiate(&mut self, negotiated: &Negotiated, encoder: Option<Encoder>) {
        if let Some(encoder) = encoder {
            self.marker |= self.codec != negotiated.codec;
            self.encoder = encoder;
            self.codec = negotiated.codec;
        }
        self.payload_type = negotiated.payload_type;
        self.telephone_event = negotiated.telephone_event;
        self.event_units = negotiated.telephone_event_clock / 50;
        self.packet_ms = negotiated.packet_ms;
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

    /// The share of our packets that the peer misses, in percent, as its RTCP says.
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
        self.encoder.clear();
        self.marker = true;
    }

    /// One tick: the frame, or a step of a digit instead.
    pub fn tick(&mut self, frame: &Frame, digit: Option<Step>, datagrams: &mut Vec<Vec<u8>>) {
        if !self.open {
            self.encoder.clear();
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

    /// The timestamp is the sound's and stands still; durations count in the clock the event was agreed with, which beside Opus
    /// may be another one.
    fn event(&mut self, step: Step, number: u8, datagrams: &mut Vec<Vec<u8>>) {
        let first = matches!(step, Step::Tone { tick: 0, .. });
        if first {
            self.event_since = self.stream.timestamp();
        }
        if let Some(payload) = step.payload(self.event_units) {
            datagrams.push(self.stream.packet(number, first, self.event_since, &payload));
            self.sent += 1;
            self.marker = true;
        }
    }

    fn sound(&mut self, frame: &Frame, datagrams: &mut Vec<Vec<u8>>) {
        if self.encoder.is_empty() {
            self.pending_since = self.stream.timestamp();
        }
        let mut payloads = Vec::with_capacity(2);
        if let Err(error) = self.encoder.encode(frame, self.packet_ms, &mut payloads) {
            tracing::warn!(%error, "a frame could not be encoded");
        }
        self.send(payloads, datagrams);
    }

    /// Sends what does not fill a packet as a shorter one.
    fn flush(&mut self, datagrams: &mut Vec<Vec<u8>>) {
        let mut payloads = Vec::with_capacity(1);
        if let Err(error) = self.encoder.flush(&mut payloads) {
            tracing::warn!(%error, "the rest of a packet could not be encoded");
        }
        self.send(payloads, datagrams);
    }

    fn send(&mut self, payloads: Vec<Vec<u8>>, datagrams: &mut Vec<Vec<u8>>) {
        let units = self.units() * self.packet_ms / 20;
        for payload in payloads {
            let marker = std::mem::take(&mut self.marker);
            datagrams.push(self.stream.packet(self.payload_type, marker, self.pending_since, &payload));
            self.pending_since = self.pending_since.wrapping_add(units);
            self.sent += 1;
        }
    }
}
