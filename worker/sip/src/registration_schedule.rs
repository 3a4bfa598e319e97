//! When to send the next REGISTER (RFC 3261 section 10.2). Does no I/O; the time is an argument.

use std::time::Duration;

use tokio::time::Instant;

/// RFC 5626 section 4.5: the backoff doubles with each failure, up to this many times the first.
const LAST_RETRY: u32 = 24;
/// The longest interval that is asked for.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Failures in a row after which the registration is lost.
pub(super) const FAILURES_TOLD: u32 = 3;

/// The result of a REGISTER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// 200: the interval granted.
    Granted(Duration),
    /// 423: the shortest interval the registrar accepts.
    TooBrief(Duration),
    /// Any other response or none; its Retry-After.
    Failed(Option<Duration>),
}

/// The schedule of one registration.
#[derive(Debug)]
pub(super) struct Schedule {
    asked: Duration,
    first_retry: Duration,
    failures: u32,
    next: Instant,
}

impl Schedule {
    /// The first REGISTER is due at once and asks for `expires`; `first_retry` is the first backoff.
    pub(super) fn new(expires: Duration, first_retry: Duration, now: Instant) -> Schedule {
        Schedule { asked: expires.clamp(Duration::from_secs(1), LONGEST), first_retry, failures: 0, next: now }
    }

    /// Returns the interval to ask for.
    pub(super) fn asked(&self) -> Duration {
        self.asked
    }

    /// Returns when the next REGISTER is due.
    pub(super) fn next(&self) -> Instant {
        self.next
    }

    /// Returns the number of failures in a row.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Notes the result of a REGISTER.
    pub(super) fn note(&mut self, outcome: Outcome, now: Instant) {
        match outcome {
            Outcome::Granted(granted) => {
                self.failures = 0;
                self.next = now + refresh_after(granted);
            }
            // Once: a registrar that finds its own minimum too brief is failing.
            Outcome::TooBrief(least) if least > self.asked && least <= LONGEST => {
                self.asked = least;
                self.next = now;
            }
            Outcome::TooBrief(_) => self.note(Outcome::Failed(None), now),
            Outcome::Failed(retry_after) => {
                let backoff = self.first_retry * 2_u32.pow(self.failures.min(10)).min(LAST_RETRY);
                self.failures += 1;
                self.next = now + retry_after.unwrap_or(backoff).clamp(self.first_retry, LONGEST);
            }
        }
    }
}

/// Returns the time to the next refresh: 4/5 of the interval and at least 32 s before its end, where it is long enough.
fn refresh_after(granted: Duration) -> Duration {
    let early = granted.mul_f64(0.8);
    let latest = granted.saturating_sub(Duration::from_secs(32));
    let after = if latest > granted / 2 { early.min(latest) } else { early };
    after.max(Duration::from_millis(500))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_registration_is_refreshed_before_it_ends_for_days() {
        for expires in [1, 30, 60, 120, 600, 3600, 86_400] {
            let mut now = Instant::now();
            let mut schedule = Schedule::new(seconds(expires), seconds(5), now);
            let end = now + seconds(7 * 86_400).min(seconds(expires) * 1000);
            let mut valid_until = now;
            while now < end {
                now = schedule.next();
                assert!(valid_until >= now, "{expires} s: a gap of {:?}", now - valid_until);
                valid_until = now + seconds(expires);
                schedule.note(Outcome::Granted(seconds(expires)), now);
            }
        }
    }

    #[test]
    fn what_the_registrar_finds_too_brief_is_asked_for_longer_at_once() {
        let now = Instant::now();
        let mut schedule = Schedule::new(seconds(60), seconds(5), now);
        schedule.note(Outcome::TooBrief(seconds(1800)), now);
        assert_eq!((schedule.asked(), schedule.next(), schedule.failures()), (seconds(1800), now, 0));
        schedule.note(Outcome::TooBrief(seconds(1800)), now);
        assert_eq!(schedule.failures(), 1);
        schedule.note(Outcome::TooBrief(seconds(1_000_000)), now);
        assert_eq!((schedule.asked(), schedule.failures()), (seconds(1800), 2));
    }

    #[test]
    fn failures_are_repeated_less_and_less_often_and_forgotten_once_it_works() {
        let now = Instant::now();
        let mut schedule = Schedule::new(seconds(600), seconds(5), now);
        let mut pauses = vec![];
        for _ in 0..7 {
            schedule.note(Outcome::Failed(None), now);
            pauses.push((schedule.next() - now).as_secs());
        }
        assert_eq!(pauses, [5, 10, 20, 40, 80, 120, 120]);
        schedule.note(Outcome::Failed(Some(seconds(300))), now);
        assert_eq!(schedule.next() - now, seconds(300));
        schedule.note(Outcome::Failed(Some(seconds(0))), now);
        assert_eq!(schedule.next() - now, seconds(5));
        assert!(schedule.failures() > FAILURES_TOLD);
        schedule.note(Outcome::Granted(seconds(600)), now);
        assert_eq!(schedule.failures(), 0);
        schedule.note(Outcome::Failed(None), now);
        assert_eq!(schedule.next() - now, seconds(5));
    }
}
