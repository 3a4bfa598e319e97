//! SIP's timers (RFC 3261 section 17).

use std::time::Duration;

/// SIP's timers (RFC 3261 section 17, table 4).
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Estimate of the round trip: the first retransmission comes after T1, and a transaction fails after 64 × T1.
    pub t1: Duration,
}

impl Default for Timing {
    /// T1 = 500 ms: a transaction fails after 32 s.
    fn default() -> Self {
        Timing { t1: Duration::from_millis(500) }
    }
}

impl Timing {
    /// Returns 64 × T1: how long a transaction waits for a response.
    pub(super) fn give_up(self) -> Duration {
        self.t1 * 64
    }
}
