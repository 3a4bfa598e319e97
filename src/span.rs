//! Lengths of time: as people write them, `45s` or `2m`, and spans that a pause is drawn from.

use std::time::Duration;

use rand::{Rng, RngExt};

/// From a least to a most; a delay is drawn from it at random, so that calls do not come back in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    least: Duration,
    most: Duration,
}

/// A length of time that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a length of time; write a number and ms, s, m or h, such as 45s or 2m")]
pub struct BadSpan(String);

impl Span {
    /// From `least` to `most`; always `least` where that is the longer one.
    pub fn between(least: Duration, most: Duration) -> Span {
        Span { least, most: most.max(least) }
    }

    /// From `least` to `most` seconds.
    pub const fn seconds(least: u64, most: u64) -> Span {
        Span { least: Duration::from_secs(least), most: Duration::from_secs(most) }
    }

    /// From `least` to `most` minutes.
    pub const fn minutes(least: u64, most: u64) -> Span {
        Span::seconds(least * 60, most * 60)
    }

    /// The shortest.
    pub const fn least(self) -> Duration {
        self.least
    }

    /// The longest.
    pub const fn most(self) -> Duration {
        self.most
    }

    /// A delay out of the span.
    pub fn pick(self, rng: &mut impl Rng) -> Duration {
        let (least, most) = (millis(self.least), millis(self.most));
        Duration::from_millis(rng.random_range(least..=most))
    }

    /// The backoff: the delay after as many failures in a row before this one. Twice the least, doubled each time up to the most; half of it is
    /// left to chance.
    pub fn grow(self, failures: u32, rng: &mut impl Rng) -> Duration {
        let most = self.least.saturating_mul(2u32.saturating_pow(failures.min(16) + 1)).clamp(self.least, self.most);
        Span { least: (most / 2).max(self.least), most }.pick(rng)
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Reads `250ms`, `45s`, `2m`, `1h`.
///
/// # Errors
/// Where the text is none of these; the message says how to write it.
pub fn duration(text: &str) -> Result<Duration, BadSpan> {
    let bad = || BadSpan(text.to_owned());
    let trimmed = text.trim();
    let unit_at = trimmed.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?;
    let number: u64 = trimmed[..unit_at].parse().map_err(|_| bad())?;
    let factor = match &trimmed[unit_at..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(bad()),
    };
    number.checked_mul(factor).map(Duration::from_millis).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn people_write_lengths_of_time_with_a_unit() {
        assert_eq!(duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for bad in ["", "5", "m", "10m-5m", "5 minutes", "-5m", "99999999999999999h"] {
            let message = duration(bad).unwrap_err().to_string();
            assert!(message.contains("such as 45s"), "{message}");
        }
    }

    #[test]
    fn failures_in_a_row_wait_longer_but_never_beyond_the_span() {
        let span = Span::seconds(30, 120);
        for failures in 0..40 {
            let delay = span.grow(failures, &mut StdRng::seed_from_u64(failures.into()));
            assert!((Duration::from_secs(30)..=Duration::from_secs(120)).contains(&delay), "{failures}: {delay:?}");
        }
    }
}
