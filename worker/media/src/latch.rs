//! Symmetric RTP: where to send, and whom to listen to.
//!
//! The address in the SDP is often wrong behind NAT, so sound goes where sound comes from. Anybody on the internet can send a
//! packet, though: a source other than the one in the SDP has to show three packets of one stream, and once we listen to
//! somebody, he must have been silent for a second before another gets a chance. Before the answer, sound goes to nobody but the
//! address in the SDP, and whoever was heard until then has to show himself again. An authentic packet (SRTP) needs no proof.

use std::net::{IpAddr, SocketAddr};

/// Packets of one stream that an unknown source has to show.
const PROBATION: u32 = 3;
/// Silence of the known source after which another may take its place.
const SILENCE_MS: u64 = 1000;

/// Decides for one media session. Pure; `now` is milliseconds of any clock.
#[derive(Debug)]
pub struct Latch {
    expected: SocketAddr,
    current: Option<SocketAddr>,
    heard_at: u64,
    candidate: Option<Candidate>,
    /// Nobody has answered yet.
    early: bool,
}

#[derive(Debug)]
struct Candidate {
    source: SocketAddr,
    ssrc: u32,
    sequence: u16,
    packets: u32,
}

impl Latch {
    /// `expected` is the address in the peer's SDP.
    pub fn new(expected: SocketAddr) -> Self {
        Latch { expected, current: None, heard_at: 0, candidate: None, early: false }
    }

    /// The peer has moved to another address, as its new SDP says. The same address changes nothing.
    pub fn expect(&mut self, expected: SocketAddr) {
        if self.expected != expected {
            *self = Latch { early: self.early, ..Latch::new(expected) };
        }
    }

    /// Whether nobody has answered yet.
    pub fn set_early(&mut self, early: bool) {
        if self.early && !early && self.current.is_some_and(|current| current.ip() != self.expected.ip()) {
            *self = Latch::new(self.expected);
        }
        self.early = early;
    }

    /// Where to send.
    pub fn target(&self) -> SocketAddr {
        self.current.filter(|current| !self.early || current.ip() == self.expected.ip()).unwrap_or(self.expected)
    }

    /// Whether control packets from there may be the peer's.
    pub fn knows(&self, source: SocketAddr) -> bool {
        source.ip() == self.expected.ip() || self.current.is_some_and(|current| current.ip() == source.ip())
    }

    /// Whether to listen to this packet, which has a payload type that was agreed on, and is `authentic` or not known to be.
    pub fn admits(&mut self, source: SocketAddr, ssrc: u32, sequence: u16, authentic: bool, now: u64) -> bool {
        if self.current == Some(source) {
            self.heard_at = now;
            return true;
        }
        let free = authentic || self.current.is_none() || now.saturating_sub(self.heard_at) >= SILENCE_MS;
        if !free || !plausible(source) {
            return false;
        }
        let known = authentic || source.ip() == self.expected.ip() && self.current.is_none();
        if !known && !self.proven(source, ssrc, sequence) {
            return false;
        }
        self.current = Some(source);
        self.heard_at = now;
        self.candidate = None;
        true
    }

    fn proven(&mut self, source: SocketAddr, ssrc: u32, sequence: u16) -> bool {
        match &mut self.candidate {
            Some(candidate) if candidate.source == source && candidate.continues(ssrc, sequence) => {
                candidate.sequence = sequence;
                candidate.packets += 1;
                candidate.packets >= PROBATION
            }
            _ => {
                self.candidate = Some(Candidate { source, ssrc, sequence, packets: 1 });
                false
            }
        }
    }
}

impl Candidate {
    fn continues(&self, ssrc: u32, sequence: u16) -> bool {
        self.ssrc == ssrc && (1..=5).contains(&sequence.wrapping_sub(self.sequence))
    }
}

/// Whether an answer sent there could arrive at one host.
fn plausible(source: SocketAddr) -> bool {
    let broadcast = matches!(source.ip(), IpAddr::V4(address) if address.is_broadcast());
    source.port() != 0 && !source.ip().is_unspecified() && !source.ip().is_multicast() && !broadcast
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn address(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_address_of_the_sdp_is_trusted_at_once_even_from_another_port() {
        let mut latch = Latch::new(address("192.0.2.1:4000"));
        assert!(latch.admits(address("192.0.2.1:61000"), 1, 1, false, 0));
        assert_eq!(latch.target(), address("192.0.2.1:61000"));
    }

    #[test]
    fn behind_nat_sound_goes_where_sound_comes_from_after_three_packets() {
        let mut latch = Latch::new(address("10.0.0.5:4000"));
        let source = address("203.0.113.9:1024");
        assert!(!latch.admits(source, 7, 65_535, false, 0));
        assert!(!latch.admits(source, 7, 0, false, 20));
        assert_eq!(latch.target(), address("10.0.0.5:4000"));
        assert!(latch.admits(source, 7, 1, false, 40));
        assert_eq!(latch.target(), source);
    }

    #[test]
    fn a_stranger_cannot_take_over_a_running_stream() {
        let mut latch = Latch::new(address("192.0.2.1:4000"));
        assert!(latch.admits(address("192.0.2.1:4000"), 1, 1, false, 0));
        for packet in 0..40 {
            assert!(!latch.admits(address("198.51.100.1:5000"), 9, packet, false, u64::from(packet) * 20));
        }
        let after = (40..50)
            .filter(|packet| latch.admits(address("198.51.100.1:5000"), 9, *packet, false, u64::from(*packet) * 30))
            .count();
        assert_eq!(after, 8, "after a second of silence the third packet is heard");
    }

    #[test]
    fn random_numbers_from_one_source_prove_nothing() {
        let mut latch = Latch::new(address("10.0.0.5:4000"));
        assert!((0..100u16).all(|index| !latch.admits(address("203.0.113.9:1024"), 7, index.wrapping_mul(7919), false, 0)));
        assert!((0..9).all(|index| !latch.admits(address("224.0.0.1:1024"), 7, index, false, 0)));
    }

    #[test]
    fn a_new_sdp_with_another_address_is_obeyed() {
        let mut latch = Latch::new(address("192.0.2.1:4000"));
        assert!(latch.admits(address("192.0.2.1:4000"), 1, 1, false, 0));
        latch.expect(address("192.0.2.77:4000"));
        assert_eq!(latch.target(), address("192.0.2.77:4000"));
    }

    #[test]
    fn before_the_answer_sound_goes_nowhere_but_to_the_address_of_the_sdp() {
        let mut latch = Latch::new(address("192.0.2.1:4000"));
        latch.set_early(true);
        let stranger = address("203.0.113.9:1024");
        assert!((0..3).any(|packet| latch.admits(stranger, 7, packet, false, 0)), "heard it may be");
        assert_eq!(latch.target(), address("192.0.2.1:4000"));
        latch.set_early(false);
        assert_eq!(latch.target(), address("192.0.2.1:4000"));
        assert!(!latch.admits(stranger, 7, 3, false, 60), "it proves itself again");
        assert!(latch.admits(address("192.0.2.1:4002"), 1, 1, false, 80));
        assert_eq!(latch.target(), address("192.0.2.1:4002"));
    }

    #[test]
    fn an_authentic_packet_is_followed_at_once() {
        let mut latch = Latch::new(address("192.0.2.1:4000"));
        assert!(latch.admits(address("192.0.2.1:4000"), 1, 1, true, 0));
        assert!(latch.admits(address("198.51.100.7:9000"), 1, 2, true, 20));
        assert_eq!(latch.target(), address("198.51.100.7:9000"));
        assert!(!latch.admits(address("0.0.0.0:9000"), 1, 3, true, 20));
    }

    #[test]
    fn reports_are_taken_from_the_hosts_of_the_call_only() {
        let mut latch = Latch::new(address("192.0.2.1:4000"));
        assert!(latch.knows(address("192.0.2.1:4001")) && !latch.knows(address("203.0.113.9:4001")));
        assert!((0..3).any(|packet| latch.admits(address("203.0.113.9:1024"), 7, packet, false, 0)));
        assert!(latch.knows(address("203.0.113.9:1025")));
    }
}
