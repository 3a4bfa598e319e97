//! RTCP: what we tell the peer about the sound, and what it tells us (RFC 3550, section 6).
//!
//! Pure; times are microseconds of the media clock. The first report goes out half a second after the sound has begun, because a
//! pair of ends need not wait longer (section 6.2), then one every five seconds, at random from half to one and a half of that.

mod reading;

use std::collections::VecDeque;

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use rtcp_types::{Bye, Compound, ReceiverReport, ReportBlock, RtcpPacketWriterExt, Sdes, SdesChunk, SdesItem, SenderReport};

pub use self::reading::is_rtcp;
use self::reading::read;
use super::reception::{Figures, Reception};

/// Before the first report.
const FIRST_US: u64 = 500_000;
/// Between reports in the mean (RFC 3550, section 6.2: five seconds at least).
const INTERVAL_US: u64 = 5_000_000;
/// Makes up for the mean that random intervals shift (section 6.3.1: e − 3/2).
const COMPENSATION: f64 = 1.218_28;
/// Reports of ours whose echo is awaited.
const REMEMBERED: usize = 8;
/// The longest report is far below.
const LONGEST: usize = 512;

/// What we have sent so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sent {
    /// RTP packets.
    pub packets: u64,
    /// Bytes of payload.
    pub octets: u64,
    /// The RTP time of now.
    pub timestamp: u32,
}

/// What the peer says about our sound.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Echo {
    /// Of its last interval, 0 to 100.
    pub recent_loss_percent: f32,
    /// Packets that never reached it.
    pub lost: i32,
    /// In units of our RTP clock.
    pub jitter: u32,
    /// ms.
    pub round_trip_ms: Option<f32>,
}

/// Our end of the control stream.
#[derive(Debug)]
pub struct Rtcp {
    ssrc: u32,
    cname: String,
    /// NTP time (RFC 3550, section 4) of the media clock's zero.
    origin: u64,
    next_us: u64,
    random: SmallRng,
    /// Packets sent by the report before.
    packets_before: u64,
    /// Middle of the NTP time of our last sender reports.
    ours: VecDeque<u32>,
    /// Middle of the NTP time of the peer's last sender report, from whom, and when it came.
    theirs: Option<(u32, u32, u64)>,
    echo: Option<Echo>,
    reports_sent: u64,
}

impl Rtcp {
    /// For the stream with this source; `origin` is the NTP time at the media clock's zero, `now_us` the beginning.
    pub fn new(ssrc: u32, origin: u64, now_us: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(u64::from(ssrc) ^ origin);
        // Tells the streams of a call apart without telling who we are (RFC 7022, section 4.2).
        let cname = format!("{:016x}", random.random::<u64>());
        Rtcp {
            ssrc,
            cname,
            origin,
            next_us: now_us + FIRST_US,
            random,
            packets_before: 0,
            ours: VecDeque::with_capacity(REMEMBERED),
            theirs: None,
            echo: None,
            reports_sent: 0,
        }
    }

    /// What the peer said last about our sound.
    pub fn echo(&self) -> Option<Echo> {
        self.echo
    }

    /// The report that is due now, if one is.
    pub fn report(&mut self, now_us: u64, sent: Sent, reception: &mut Reception) -> Option<Vec<u8>> {
        if now_us < self.next_us {
            return None;
        }
        let share = self.random.random_range(0.5..1.5) / COMPENSATION;
        self.next_us = now_us + (INTERVAL_US as f64 * share) as u64;
        self.compound(now_us, sent, reception, false)
    }

    /// The last words of our stream.
    pub fn farewell(&mut self, now_us: u64, sent: Sent, reception: &mut Reception) -> Option<Vec<u8>> {
        // Whoever never sent anything does not take leave (RFC 3550, section 6.3.7).
        if sent.packets == 0 && self.reports_sent == 0 { None } else { self.compound(now_us, sent, reception, true) }
    }

    /// Takes a compound packet of the peer; false where it is none.
    pub fn receive(&mut self, datagram: &[u8], now_us: u64) -> bool {
        let Some(said) = read(datagram, self.ssrc) else { return false };
        if let Some((ssrc, ntp)) = said.sender {
            self.theirs = Some((ssrc, middle(ntp), now_us));
        }
        if let Some(block) = said.about_us {
            let round_trip = self.round_trip(block.last_report, block.delay, now_us);
            self.echo = Some(Echo {
                recent_loss_percent: f32::from(block.fraction_lost) / 2.56,
                lost: block.lost,
                jitter: block.jitter,
                round_trip_ms: round_trip.or(self.echo.and_then(|echo| echo.round_trip_ms)),
            });
        }
        true
    }

    /// RFC 3550, section 6.4.1; only for a report that was ours.
    fn round_trip(&self, last_report: u32, delay: u32, now_us: u64) -> Option<f32> {
        if last_report == 0 || !self.ours.contains(&last_report) {
            return None;
        }
        let passed = middle(self.ntp(now_us)).wrapping_sub(last_report).wrapping_sub(delay) as i32;
        // The peer's clock may run a little faster: a negative time is none.
        Some(passed.max(0) as f32 / 65.536)
    }

    fn compound(&mut self, now_us: u64, sent: Sent, reception: &mut Reception, last: bool) -> Option<Vec<u8>> {
        let block = reception.figures().map(|figures| self.block(figures, now_us));
        let sends = sent.packets > self.packets_before;
        self.packets_before = sent.packets;
        let mut compound = Compound::builder();
        if sends {
            let ntp = self.ntp(now_us);
            if self.ours.len() == REMEMBERED {
                self.ours.pop_front();
            }
            self.ours.push_back(middle(ntp));
            let report = SenderReport::builder(self.ssrc)
                .ntp_timestamp(ntp)
                .rtp_timestamp(sent.timestamp)
                .packet_count(sent.packets as u32)
                .octet_count(sent.octets as u32);
            compound = compound.add_packet(block.into_iter().fold(report, |report, block| report.add_report_block(block)));
        } else {
            let report = ReceiverReport::builder(self.ssrc);
            compound = compound.add_packet(block.into_iter().fold(report, |report, block| report.add_report_block(block)));
        }
        let name = SdesChunk::builder(self.ssrc).add_item(SdesItem::builder(SdesItem::CNAME, &self.cname));
        compound = compound.add_packet(Sdes::builder().add_chunk(name));
        if last {
            compound = compound.add_packet(Bye::builder().add_source(self.ssrc));
        }
        let mut packet = vec![0; LONGEST];
        let length =
            compound.write_into(&mut packet).inspect_err(|error| tracing::warn!(%error, "no report was written")).ok()?;
        packet.truncate(length);
        self.reports_sent += 1;
        Some(packet)
    }

    fn block(&self, figures: Figures, now_us: u64) -> rtcp_types::ReportBlockBuilder {
        let (last, delay) = match self.theirs {
            Some((ssrc, last, at_us)) if ssrc == figures.ssrc => (last, now_us.saturating_sub(at_us) * 65_536 / 1_000_000),
            _ => (0, 0),
        };
        ReportBlock::builder(figures.ssrc)
            .fraction_lost(figures.fraction_lost)
            .cumulative_lost(figures.lost as u32 & 0x00ff_ffff)
            .extended_sequence_number(figures.highest)
            .interarrival_jitter(figures.jitter)
            .last_sender_report_timestamp(last)
            .delay_since_last_sender_report_timestamp(u32::try_from(delay).unwrap_or(u32::MAX))
    }

    fn ntp(&self, now_us: u64) -> u64 {
        let passed = (u128::from(now_us) << 32) / 1_000_000;
        self.origin.wrapping_add(passed as u64)
    }
}

/// The part of an NTP time that reports echo: 16 bits of seconds, 16 of fraction.
fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

#[cfg(test)]
mod tests;
