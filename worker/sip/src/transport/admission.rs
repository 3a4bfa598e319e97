//! Rate limits: a token bucket for every source, and one for all sources without a call, so that a flood cannot fill the table of
//! transactions or disturb a call. Does no I/O; the time is an argument.

use std::{
    collections::HashMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

/// Messages per second that one source may send.
const PER_SOURCE: f64 = 100.0;
/// Burst of one source, in messages.
const BURST_OF_SOURCE: f64 = 400.0;
/// Messages per second that all sources without a call may send together.
const OF_STRANGERS: f64 = 300.0;
/// Burst of all sources without a call, in messages.
const BURST_OF_STRANGERS: f64 = 1500.0;
/// Sources with a bucket of their own; further ones only share the common bucket.
const SOURCES: usize = 2048;
/// Peers of calls that are remembered, at most.
const ACQUAINTANCES: usize = 256;
/// A source that was silent for this long has a full bucket again: its entry is removed.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(8);

/// The rate limits of an endpoint.
#[derive(Debug)]
pub(crate) struct Admission {
    sources: HashMap<SocketAddr, Bucket>,
    acquaintances: HashMap<SocketAddr, Instant>,
    strangers: Bucket,
    swept: Instant,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    filled: Instant,
}

impl Bucket {
    fn take(&mut self, rate: f64, most: f64, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.filled).as_secs_f64();
        self.left = (self.left + passed * rate).min(most);
        self.filled = now;
        let enough = self.left >= 1.0;
        if enough {
            self.left -= 1.0;
        }
        enough
    }
}

impl Admission {
    /// Full buckets.
    pub(crate) fn new(now: Instant) -> Self {
        let strangers = Bucket { left: BURST_OF_STRANGERS, filled: now };
        Admission { sources: HashMap::new(), acquaintances: HashMap::new(), strangers, swept: now }
    }

    /// Notes that a call with this peer was set up: the common bucket does not limit it any more. The oldest peer is forgotten.
    pub(crate) fn acquaint(&mut self, peer: SocketAddr, now: Instant) {
        if self.acquaintances.len() >= ACQUAINTANCES
            && !self.acquaintances.contains_key(&peer)
            && let Some(oldest) = self.acquaintances.iter().min_by_key(|(_, since)| **since).map(|(peer, _)| *peer)
        {
            self.acquaintances.remove(&oldest);
        }
        self.acquaintances.insert(peer, now);
    }

    /// Returns whether a call with this peer was set up.
    pub(crate) fn is_acquainted(&self, peer: SocketAddr) -> bool {
        self.acquaintances.contains_key(&peer)
    }

    /// Returns whether one more message of this source is within the limits. The common bucket does not limit the trunk of a call.
    pub(crate) fn admit(&mut self, source: SocketAddr, is_trunk: bool, now: Instant) -> bool {
        let is_trunk = is_trunk || self.is_acquainted(source);
        if self.sources.len() >= SOURCES && now.saturating_duration_since(self.swept) >= Duration::from_secs(1) {
            self.sources.retain(|_, bucket| now.saturating_duration_since(bucket.filled) < FORGOTTEN_AFTER);
            self.swept = now;
        }
        if is_trunk || self.sources.len() < SOURCES || self.sources.contains_key(&source) {
            let full = Bucket { left: BURST_OF_SOURCE, filled: now };
            if !self.sources.entry(source).or_insert(full).take(PER_SOURCE, BURST_OF_SOURCE, now) {
                return false;
            }
        }
        is_trunk || self.strangers.take(OF_STRANGERS, BURST_OF_STRANGERS, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(number: u32) -> SocketAddr {
        SocketAddr::from((std::net::Ipv4Addr::from(0xc600_0000 + number), 5060))
    }

    #[test]
    fn one_source_is_heard_at_its_rate() {
        let start = Instant::now();
        let mut admission = Admission::new(start);
        let heard = |admission: &mut Admission, at| (0..10_000).filter(|_| admission.admit(source(1), false, at)).count();
        assert_eq!(heard(&mut admission, start), BURST_OF_SOURCE as usize);
        assert_eq!(heard(&mut admission, start), 0);
        assert_eq!(heard(&mut admission, start + Duration::from_secs(2)), 2 * PER_SOURCE as usize);
    }

    #[test]
    fn a_crowd_of_strangers_leaves_the_trunk_its_share() {
        let start = Instant::now();
        let mut admission = Admission::new(start);
        let heard = (0..100_000).filter(|number| admission.admit(source(*number), false, start)).count();
        assert_eq!(heard, BURST_OF_STRANGERS as usize);
        assert!(admission.sources.len() <= SOURCES);
        assert!(admission.admit(source(200_000), true, start));
        assert!(!admission.admit(source(200_001), false, start));
        admission.acquaint(source(200_002), start);
        assert!(admission.admit(source(200_002), false, start));
        for number in 0..ACQUAINTANCES {
            admission.acquaint(source(number as u32), start + Duration::from_secs(1));
        }
        assert_eq!(admission.acquaintances.len(), ACQUAINTANCES);
        assert!(!admission.is_acquainted(source(200_002)));
        assert!(admission.admit(source(200_001), false, start + Duration::from_secs(10)));
    }
}
