//! What goes out beside the sound: reports, keep-alives; and the figures that come back.

use std::net::SocketAddr;

use offhook::{attempt::CodecName, report::MediaReport};

use crate::{
    codec,
    quality::{Path, mean_opinion_score},
    reception::Reception,
    rtcp::{Rtcp, Sent},
    rtp,
    srtp::{self, Keys, SrtpContext},
    stun,
};

/// A way through NAT is kept open by a packet at least so often (RFC 6263, section 4: 15 s; binding timers are 30 s and more).
const KEEP_ALIVE_US: u64 = 12_000_000;
/// What a way takes besides the buffer: a packet of 20 ms, and as much in the peer.
const ENDS_MS: f32 = 40.0;
/// Of the loss that was expected before, this much is still expected after a report with less.
const LOSS_MEMORY: f32 = 0.75;

/// Which socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Port {
    /// The one of RTP.
    Sound,
    /// The one beside it.
    Control,
}

/// A datagram beside the sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Upkeep {
    /// From which socket.
    pub port: Port,
    /// To whom.
    pub target: SocketAddr,
    /// What.
    pub datagram: Vec<u8>,
}

/// The encryption of both directions.
pub(super) struct Secured {
    keys: (Keys, Keys),
    pub(super) outgoing: SrtpContext,
    pub(super) incoming: SrtpContext,
}

impl Secured {
    pub(super) fn new(local: Keys, remote: Keys) -> Self {
        Secured { keys: (local, remote), outgoing: srtp::SrtpContext::new(&local), incoming: SrtpContext::new(&remote) }
    }

    /// Other keys: a direction whose key stays goes on with its counters, as the peer's does (RFC 3711, section 3.3.1).
    pub(super) fn rekey(&mut self, local: Keys, remote: Keys) {
        if self.keys.0 != local {
            self.outgoing = SrtpContext::new(&local);
        }
        if self.keys.1 != remote {
            self.incoming = SrtpContext::new(&remote);
        }
        self.keys = (local, remote);
    }
}

/// Counts what is sent and speaks RTCP.
pub(super) struct Control {
    rtcp: Rtcp,
    ssrc: u32,
    began_us: u64,
    multiplexed: bool,
    /// Where reports have come from.
    source: Option<SocketAddr>,
    packets: u64,
    octets: u64,
    /// RTP time and clock rate of the last packet, and when it went.
    last: Option<(u32, u32, u64)>,
    /// When the port of the sound sent anything.
    alive_us: u64,
    expected_loss: f32,
}

impl Control {
    pub(super) fn new(ssrc: u32, origin: u64, now_us: u64) -> Self {
        Control {
            rtcp: Rtcp::new(ssrc, origin, now_us),
            ssrc,
            began_us: now_us,
            multiplexed: false,
            source: None,
            packets: 0,
            octets: 0,
            last: None,
            alive_us: now_us,
            expected_loss: 0.0,
        }
    }

    /// Before the first report.
    pub(super) fn set_origin(&mut self, origin: u64) {
        self.rtcp = Rtcp::new(self.ssrc, origin, self.began_us);
    }

    pub(super) fn set_multiplexed(&mut self, multiplexed: bool) {
        self.multiplexed = multiplexed;
    }

    /// These packets of sound go out now, still readable.
    pub(super) fn sent(&mut self, datagrams: &[Vec<u8>], codec: CodecName, now_us: u64) {
        for packet in datagrams.iter().filter_map(|datagram| rtp::read(datagram)) {
            self.packets += 1;
            self.octets += packet.payload.len() as u64;
            self.last = Some((packet.timestamp, codec::clock_rate(codec), now_us));
            self.alive_us = now_us;
        }
    }

    /// Takes a report from where it may come; false where it is none.
    pub(super) fn receive(&mut self, source: SocketAddr, datagram: &[u8], now_us: u64) -> bool {
        let taken = self.rtcp.receive(datagram, now_us);
        if taken {
            self.source = Some(source);
            let recent = self.rtcp.echo().map_or(0.0, |echo| echo.recent_loss_percent);
            self.expected_loss = recent.max(self.expected_loss * LOSS_MEMORY);
        }
        taken
    }

    /// Loss of what we send, in percent: rises with a report and falls slowly.
    pub(super) fn expected_loss(&self) -> u8 {
        self.expected_loss.round().clamp(0.0, 100.0) as u8
    }

    pub(super) fn report(&mut self, now_us: u64, sound: SocketAddr, reception: &mut Reception) -> Option<Upkeep> {
        let datagram = self.rtcp.report(now_us, self.so_far(now_us), reception)?;
        Some(self.addressed(datagram, sound))
    }

    pub(super) fn farewell(&mut self, now_us: u64, sound: SocketAddr, reception: &mut Reception) -> Option<Upkeep> {
        let datagram = self.rtcp.farewell(now_us, self.so_far(now_us), reception)?;
        Some(self.addressed(datagram, sound))
    }

    /// Something to send where the sound has been silent for long, as on hold: a STUN indication (RFC 6263, section 4.3), which
    /// every receiver of RTP tells from sound by its first bits.
    pub(super) fn keep_alive(&mut self, now_us: u64, target: SocketAddr) -> Option<Upkeep> {
        if now_us.saturating_sub(self.alive_us) < KEEP_ALIVE_US || target.ip().is_unspecified() || target.port() == 0 {
            return None;
        }
        self.alive_us = now_us;
        Some(Upkeep { port: Port::Sound, target, datagram: stun::indication(rand::random()) })
    }

    /// Adds what the peer has said.
    pub(super) fn count(&self, report: &mut MediaReport) {
        let Some(echo) = self.rtcp.echo() else { return };
        let clock_rate = self.last.map_or(8000, |(_, clock_rate, _)| clock_rate);
        report.remote_loss_percent = Some((echo.lost.max(0) as f32 * 100.0 / self.packets.max(1) as f32).min(100.0));
        report.remote_jitter_ms = Some(echo.jitter as f32 * 1000.0 / clock_rate as f32);
        report.round_trip_ms = echo.round_trip_ms;
    }

    fn so_far(&self, now_us: u64) -> Sent {
        let timestamp = self.last.map_or(0, |(timestamp, clock_rate, at_us)| {
            let passed = now_us.saturating_sub(at_us) * u64::from(clock_rate) / 1_000_000;
            timestamp.wrapping_add(passed as u32)
        });
        Sent { packets: self.packets, octets: self.octets, timestamp }
    }

    fn addressed(&self, datagram: Vec<u8>, sound: SocketAddr) -> Upkeep {
        if self.multiplexed {
            return Upkeep { port: Port::Sound, target: sound, datagram };
        }
        // Behind NAT reports come from elsewhere than one port further: they are answered there, while it is the same host.
        let beside = SocketAddr::new(sound.ip(), sound.port().saturating_add(1));
        let target = self.source.filter(|source| source.ip() == sound.ip() && *source != sound).unwrap_or(beside);
        Upkeep { port: Port::Control, target, datagram }
    }
}

/// How what we heard would be rated.
pub(super) fn score(report: &MediaReport, codec: CodecName, (loss_percent, burst_ratio): (f32, f32)) -> f32 {
    let way = report.round_trip_ms.map_or(0.0, |round_trip| round_trip / 2.0);
    let delay_ms = way + report.buffer_ms.unwrap_or(0.0) + ENDS_MS;
    mean_opinion_score(Path { codec, loss_percent, burst_ratio, delay_ms })
}
