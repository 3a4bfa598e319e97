//! Reads compound RTCP packets (RFC 3550, section 6.1), as far as we use them. What is beyond is skipped, what is wrong ends it.

use rtcp_types::{Compound, Packet, ReportBlock};

/// What a compound packet says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Said {
    /// Source and NTP time of a sender report.
    pub(super) sender: Option<(u32, u64)>,
    /// How our stream reaches the peer.
    pub(super) about_us: Option<AboutUs>,
}

/// A report block about our stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct AboutUs {
    pub(super) fraction_lost: u8,
    pub(super) lost: i32,
    pub(super) jitter: u32,
    pub(super) last_report: u32,
    pub(super) delay: u32,
}

/// Whether a datagram on the port of RTP is RTCP (RFC 5761, section 4).
pub fn is_rtcp(datagram: &[u8]) -> bool {
    matches!(datagram, [first, 192..=223, ..] if first >> 6 == 2)
}

/// `None` where it is no compound packet that begins with a report (RFC 3550, appendix A.2), or a short one (RFC 5506).
pub(super) fn read(datagram: &[u8], ours: u32) -> Option<Said> {
    let mut said = Said::default();
    for packet in Compound::parse(datagram).ok()? {
        match packet.ok()? {
            Packet::Sr(report) => {
                said.sender = Some((report.ssrc(), report.ntp_timestamp()));
                said.about_us = said.about_us.or(about(ours, report.report_blocks()));
            }
            Packet::Rr(report) => said.about_us = said.about_us.or(about(ours, report.report_blocks())),
            _ => {}
        }
    }
    Some(said)
}

fn about<'a>(ours: u32, mut blocks: impl Iterator<Item = ReportBlock<'a>>) -> Option<AboutUs> {
    let block = blocks.find(|block| block.ssrc() == ours)?;
    Some(AboutUs {
        fraction_lost: block.fraction_lost(),
        // 24 bits with a sign.
        lost: ((block.cumulative_lost() << 8) as i32) >> 8,
        jitter: block.interarrival_jitter(),
        last_report: block.last_sender_report_timestamp(),
        delay: block.delay_since_last_sender_report_timestamp(),
    })
}
