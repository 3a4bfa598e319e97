//! SIP's clock (RFC 3261 section 17).

use std::time::Duration;

/// SIP's clock (RFC 3261 section 17, table 4).
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Estimate of the round trip: the first retransmission comes after T1, and a silent peer is given up after 64 × T1.
    pub t1: Duration,
}

impl Default for Timing {
    /// T1 = 500 ms: a silent peer is given up after 32 s.
    fn default() -> Self {
        Timing { t1: Duration::from_millis(500) }
    }
}

impl Timing {
    /// 64 × T1: how long a transaction waits for a peer.
    pub(super) fn give_up(self) -> Duration {
        self.t1 * 64
    }
}
