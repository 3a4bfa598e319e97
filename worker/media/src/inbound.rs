//! From datagrams to one frame a tick: who may speak, in which order, in which codec. Pure; `now` is milliseconds, `arrived_us`
//! microseconds of the same clock.

use std::net::SocketAddr;

use offhook::{attempt::CodecName, report::MediaReport};
use offhook_types::audio::{FRAME_SAMPLES, Frame, SILENCE, level_dbfs};

use super::{
    codec::{self, Decoder},
    dtmf::DtmfReceiver,
    jitter::{JitterBuffer, Packet, Pulled, Sound},
    latch::Latch,
    negotiation::Negotiated,
    reception::{Noted, Reception},
    rtp,
};

/// Comfort noise (RFC 3389): the peer is silent and says so.
const COMFORT_NOISE: u8 = 13;

/// Opus packets up to this many bytes say that nothing follows for a while (RFC 6716, section 2.1.9; RFC 7587, section 3.1.3).
const DISCONTINUED: usize = 2;
/// Below this level a frame may be left out, or come twice, unheard.
const QUIET_DBFS: f32 = -50.0;

/// One side of one media session.
pub struct Inbound {
    latch: Latch,
    receive: Vec<(u8, CodecName)>,
    events: Vec<u8>,
    open: bool,
    jitter: JitterBuffer,
    digits: DtmfReceiver,
    reception: Reception,
    /// The codec of the packet before, and its decoder.
    decoder: Option<(CodecName, Decoder)>,
    /// Decoded, and not yet a frame.
    sound: Vec<i16>,
    received: u64,
    refused: u64,
    concealed: u64,
    frames: u64,
    heard_at: u64,
    /// The frame before was quiet.
    quiet: bool,
    /// What is missing is silence, to show what concealment is worth.
    unconcealed: bool,
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
            reception: Reception::default(),
            decoder: None,
            sound: Vec::with_capacity(4 * FRAME_SAMPLES),
            received: 0,
            refused: 0,
            concealed: 0,
            frames: 0,
            heard_at: now,
            quiet: true,
            unconcealed: false,
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

    /// Nobody has answered yet: see `Latch`.
    pub fn set_early(&mut self, early: bool) {
        self.latch.set_early(early);
    }

    /// Whether control packets from there may be the peer's.
    pub fn knows(&self, source: SocketAddr) -> bool {
        self.latch.knows(source)
    }

    /// Silence for what is missing, instead of concealment: for comparisons.
    pub fn leave_holes(&mut self) {
        self.unconcealed = true;
    }

    /// What has come, for reports.
    pub fn reception(&mut self) -> &mut Reception {
        &mut self.reception
    }

    /// What was refused elsewhere before it came here.
    pub fn refuse(&mut self) {
        self.refused += 1;
    }

    /// The share of sound that had to be concealed, 0 to 100, and how much longer the holes are than random ones would be.
    pub fn loss(&self) -> (f32, f32) {
        let jitter = self.jitter.counters();
        let share = self.concealed_frames() as f32 / self.frames.max(1) as f32;
        let length = if jitter.holes == 0 { 1.0 } else { jitter.lost as f32 / jitter.holes as f32 };
        (share * 100.0, (length * (1.0 - share)).clamp(1.0, 10.0))
    }

    fn concealed_frames(&self) -> u64 {
        self.concealed.saturating_sub(self.jitter.counters().paused)
    }

    /// Milliseconds without a packet, while the peer is to send.
    pub fn silent_for(&self, now: u64) -> u64 {
        if self.open { now.saturating_sub(self.heard_at) } else { 0 }
    }

    /// Adds what was counted here.
    pub fn count(&self, report: &mut MediaReport) {
        let jitter = self.jitter.counters();
        report.packets_received = self.received;
        report.frames_concealed = self.concealed_frames();
        report.packets_lost = self.reception.lost();
        report.jitter_ms = self.reception.jitter_ms();
        report.buffer_ms = (jitter.played > 0).then(|| jitter.waited_ms as f32 / jitter.played as f32);
        report.packets_late = jitter.late;
        report.packets_duplicate = jitter.duplicate;
        report.packets_refused = self.refused;
    }

    /// Takes a datagram, which is `authentic` or not known to be; returns a digit where one begins.
    pub fn receive(&mut self, source: SocketAddr, datagram: &[u8], authentic: bool, arrived_us: u64) -> Option<char> {
        let taken = self.take(source, datagram, authentic, arrived_us);
        self.refused += u64::from(taken.is_none());
        taken.flatten()
    }

    /// `None` where the datagram is refused.
    fn take(&mut self, source: SocketAddr, datagram: &[u8], authentic: bool, arrived_us: u64) -> Option<Option<char>> {
        let now = arrived_us / 1000;
        let arrived = rtp::read(datagram)?;
        let codec = self.receive.iter().find(|(number, _)| *number == arrived.payload_type).map(|(_, codec)| *codec);
        let event = self.events.contains(&arrived.payload_type);
        let samples = codec.and_then(|codec| codec::decoded_samples(codec, arrived.payload));
        let known = samples.is_some() || event || arrived.payload_type == COMFORT_NOISE;
        if !known || !self.latch.admits(source, arrived.ssrc, arrived.sequence, authentic, now) {
            return None;
        }
        self.heard_at = now;
        self.received += 1;
        let sound = samples.map(|_| Sound { payload_type: arrived.payload_type, payload: arrived.payload.to_vec() });
        let clock_rate = codec.map_or(8000, codec::clock_rate);
        let time = sound.is_some().then_some((arrived.timestamp, clock_rate));
        self.reception.note(Noted { ssrc: arrived.ssrc, sequence: arrived.sequence, arrived_us, time });
        let discontinued = codec == Some(CodecName::Opus) && arrived.payload.len() <= DISCONTINUED;
        let packet = Packet {
            ssrc: arrived.ssrc,
            sequence: arrived.sequence,
            then_silence: sound.is_none() || discontinued,
            sound,
            samples: samples.unwrap_or(0),
            timestamp: arrived.timestamp,
            clock_rate,
        };
        self.jitter.insert(packet, now);
        Some(if event { self.digits.receive(arrived.ssrc, arrived.timestamp, arrived.payload) } else { None })
    }

    /// The sound of this tick, and whether any of it was made up because packets were missing.
    pub fn frame(&mut self, now: u64) -> (Frame, bool) {
        let mut concealed = false;
        let mut nothing = false;
        while self.sound.len() < FRAME_SAMPLES {
            match self.jitter.pull(now, self.quiet) {
                Pulled::Frame(sound) => {
                    let before = self.sound.len();
                    concealed |= !self.decode(&sound);
                    if self.jitter.may_leave_out() && self.quiet && level_dbfs(&self.sound[before..]) < QUIET_DBFS {
                        self.sound.truncate(before);
                        self.jitter.left_out();
                    }
                }
                Pulled::Lost => {
                    self.conceal();
                    concealed = true;
                }
                Pulled::Nothing => {
                    nothing = self.sound.is_empty();
                    self.sound.resize(FRAME_SAMPLES, 0);
                }
            }
        }
        self.concealed += u64::from(concealed);
        self.frames += u64::from(!nothing);
        let mut frame = SILENCE;
        frame.copy_from_slice(&self.sound[..FRAME_SAMPLES]);
        self.sound.drain(..FRAME_SAMPLES);
        self.quiet = level_dbfs(&frame) < QUIET_DBFS;
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
        let before = self.sound.len();
        let same = |sound: &&Sound| self.receive.contains(&(sound.payload_type, *codec));
        let following = self.jitter.following().filter(same).map(|sound| sound.payload.as_slice());
        decoder.conceal(following, &mut self.sound);
        if self.unconcealed {
            self.sound[before..].fill(0);
        }
    }
}
