//! From datagrams to one frame a tick: who may speak, in which order, in which codec. Pure; `now` is milliseconds.

use std::net::SocketAddr;

use offhook::{attempt::CodecName, report::MediaReport};

use super::{
    codec::{self, Decoder},
    dtmf::DtmfReceiver,
    jitter::{JitterBuffer, Packet, Pulled, Sound},
    latch::Latch,
    negotiation::Negotiated,
    rtp,
};
use crate::audio::{FRAME_SAMPLES, Frame, SILENCE};

/// Comfort noise (RFC 3389): the peer is silent and says so.
const COMFORT_NOISE: u8 = 13;

/// One side of one media session.
pub struct Inbound {
    latch: Latch,
    receive: Vec<(u8, CodecName)>,
    events: Vec<u8>,
    open: bool,
    jitter: JitterBuffer,
    digits: DtmfReceiver,
    /// The codec of the packet before, and its decoder.
    decoder: Option<(CodecName, Decoder)>,
    /// Decoded, and not yet a frame.
    sound: Vec<i16>,
    received: u64,
    refused: u64,
    concealed: u64,
    heard_at: u64,
}

impl Inbound {
    /// Listens to what was agreed on.
    pub fn new(negotiated: &Negotiated, now: u64) -> Self {
        Inbound {
            latch: Latch::new(negotiated.remote),
            receive: negotiated.receive.clone(),
            events: negotiated.receive_events.clone(),
            open: negotiated.can_receive,
            jitter: JitterBuffer::default(),
            digits: DtmfReceiver::default(),
            decoder: None,
            sound: Vec::with_capacity(4 * FRAME_SAMPLES),
            received: 0,
            refused: 0,
            concealed: 0,
            heard_at: now,
        }
    }

    /// Something else was agreed on.
    pub fn renegotiate(&mut self, negotiated: &Negotiated, now: u64) {
        if !negotiated.remote.ip().is_unspecified() {
            self.latch.expect(negotiated.remote);
        }
        self.receive.clone_from(&negotiated.receive);
        self.events.clone_from(&negotiated.receive_events);
        self.open = negotiated.can_receive;
        self.heard_at = now;
    }

    /// Where to send.
    pub fn target(&self) -> SocketAddr {
        self.latch.target()
    }

    /// Whether anything has come from the peer.
    pub fn has_heard(&self) -> bool {
        self.received > 0
    }

    /// Milliseconds without a packet, while the peer is to send.
    pub fn silent_for(&self, now: u64) -> u64 {
        if self.open { now.saturating_sub(self.heard_at) } else { 0 }
    }

    /// Adds what was counted here.
    pub fn count(&self, report: &mut MediaReport) {
        let jitter = self.jitter.counters();
        report.packets_received = self.received;
        report.frames_concealed = self.concealed;
        report.packets_late = jitter.late;
        report.packets_duplicate = jitter.duplicate;
        report.packets_refused = self.refused;
    }

    /// Takes a datagram; returns a digit where one begins.
    pub fn receive(&mut self, source: SocketAddr, datagram: &[u8], now: u64) -> Option<char> {
        let taken = self.take(source, datagram, now);
        self.refused += u64::from(taken.is_none());
        taken.flatten()
    }

    /// `None` where the datagram is refused.
    fn take(&mut self, source: SocketAddr, datagram: &[u8], now: u64) -> Option<Option<char>> {
        let arrived = rtp::read(datagram)?;
        let codec = self.receive.iter().find(|(number, _)| *number == arrived.payload_type).map(|(_, codec)| *codec);
        let event = self.events.contains(&arrived.payload_type);
        let samples = codec.and_then(|codec| codec::decoded_samples(codec, arrived.payload));
        let known = samples.is_some() || event || arrived.payload_type == COMFORT_NOISE;
        if !known || !self.latch.admits(source, arrived.ssrc, arrived.sequence, now) {
            return None;
        }
        self.heard_at = now;
        self.received += 1;
        let sound = samples.map(|_| Sound { payload_type: arrived.payload_type, payload: arrived.payload.to_vec() });
        let packet = Packet { ssrc: arrived.ssrc, sequence: arrived.sequence, sound, samples: samples.unwrap_or(0) };
        self.jitter.insert(packet, now);
        Some(if event { self.digits.receive(arrived.ssrc, arrived.timestamp, arrived.payload) } else { None })
    }

    /// The sound of this tick, and whether any of it was made up because packets were missing.
    pub fn frame(&mut self, now: u64) -> (Frame, bool) {
        let mut concealed = false;
        while self.sound.len() < FRAME_SAMPLES {
            match self.jitter.pull(now) {
                Pulled::Frame(sound) => concealed |= !self.decode(&sound),
                Pulled::Lost => {
                    self.conceal();
                    concealed = true;
                }
                Pulled::Nothing => self.sound.resize(FRAME_SAMPLES, 0),
            }
        }
        self.concealed += u64::from(concealed);
        let mut frame = SILENCE;
        frame.copy_from_slice(&self.sound[..FRAME_SAMPLES]);
        self.sound.drain(..FRAME_SAMPLES);
        (frame, concealed)
    }

    fn decode(&mut self, sound: &Sound) -> bool {
        let Some((_, codec)) = self.receive.iter().find(|(number, _)| *number == sound.payload_type).copied() else {
            self.conceal();
            return false;
        };
        if self.decoder.as_ref().is_none_or(|(known, _)| *known != codec) {
            self.decoder = Decoder::new(codec).ok().map(|decoder| (codec, decoder));
        }
        let decoded = self.decoder.as_mut().map(|(_, decoder)| decoder.decode(&sound.payload, &mut self.sound));
        if matches!(decoded, Some(Ok(()))) {
            return true;
        }
        self.conceal();
        false
    }

    fn conceal(&mut self) {
        let Some((codec, decoder)) = &mut self.decoder else {
            self.sound.extend_from_slice(&SILENCE);
            return;
        };
        let same = |sound: &&Sound| self.receive.contains(&(sound.payload_type, *codec));
        let following = self.jitter.following().filter(same).map(|sound| sound.payload.as_slice());
        decoder.conceal(following, &mut self.sound);
    }
}
