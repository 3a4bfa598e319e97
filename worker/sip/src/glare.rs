//! Glare: offers that cross (RFC 3261 sections 14.1 and 14.2, RFC 3311 section 5.2). Who may send an offer, and when after 491.

use std::time::{Duration, Instant};

/// An offer is given up after this many 491.
pub(super) const TRIES: u32 = 4;

/// Whose offer has no answer yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Offering {
    /// None: either side may offer.
    #[default]
    Nobody,
    /// Ours.
    Us,
    /// The peer's.
    Them,
}

/// Why an offer of the peer's is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotNow {
    /// 491: our own offer has no answer yet.
    Glare,
    /// 500 with Retry-After: we have not answered the peer's last offer.
    OneAtATime,
}

impl Offering {
    /// Notes an offer of the peer's; until `settled`, neither side may send another.
    ///
    /// # Errors
    /// [`NotNow`] where an offer has no answer yet.
    pub(super) fn theirs(&mut self) -> Result<(), NotNow> {
        match self {
            Offering::Nobody => {
                *self = Offering::Them;
                Ok(())
            }
            Offering::Us => Err(NotNow::Glare),
            Offering::Them => Err(NotNow::OneAtATime),
        }
    }

    /// Notes an offer of ours; returns false where an offer has no answer yet.
    pub(super) fn ours(&mut self) -> bool {
        let free = *self == Offering::Nobody;
        if free {
            *self = Offering::Us;
        }
        free
    }

    /// The offer was answered or refused.
    pub(super) fn settled(&mut self) {
        *self = Offering::Nobody;
    }
}

/// Returns when to send an offer again after 491: 2.1 to 4 s later where we chose the Call-ID, 0 to 2 s otherwise, in steps of 10 ms.
/// `dice` is any random number.
pub(super) fn again_at(now: Instant, we_own_the_call_id: bool, dice: u64) -> Instant {
    let (from, steps) = if we_own_the_call_id { (210, 191) } else { (0, 201) };
    now + Duration::from_millis((from + dice % steps) * 10)
}

/// Returns Retry-After, in seconds (0 to 10), of a request refused because another is still being handled.
pub(super) fn retry_after_seconds(dice: u64) -> u64 {
    dice % 11
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_offer_at_a_time() {
        let mut offering = Offering::default();
        assert_eq!(offering.theirs(), Ok(()));
        assert!(!offering.ours());
        assert_eq!(offering.theirs(), Err(NotNow::OneAtATime));
        offering.settled();
        assert!(offering.ours());
        assert_eq!(offering.theirs(), Err(NotNow::Glare));
        offering.settled();
        assert_eq!(offering, Offering::Nobody);
    }

    #[test]
    fn the_two_sides_wait_for_different_times() {
        let now = Instant::now();
        for dice in 0..1000 {
            let ours = again_at(now, true, dice) - now;
            let theirs = again_at(now, false, dice) - now;
            assert!((Duration::from_millis(2100)..=Duration::from_secs(4)).contains(&ours), "{ours:?}");
            assert!(theirs <= Duration::from_secs(2), "{theirs:?}");
            assert_eq!(ours.as_millis() % 10, 0);
            assert!(retry_after_seconds(dice) <= 10);
        }
    }
}
