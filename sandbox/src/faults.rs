//! Faults on demand: which request of which endpoint is late, refused, stalled, cut off or answered with garbage.
//!
//! Decisions depend on nothing but the plan, its seed and the number of the request, so that a test that failed fails again.

use std::{
    collections::HashMap,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

/// What can be made to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// `/v1/audio/speech`
    Speech,
    /// `/v1/audio/transcriptions`
    Transcriptions,
    /// `/v1/chat/completions`
    Chat,
    /// `/v1/models`
    Models,
}

impl Endpoint {
    const ALL: [(&'static str, Endpoint); 4] = [
        ("speech", Endpoint::Speech),
        ("transcriptions", Endpoint::Transcriptions),
        ("chat", Endpoint::Chat),
        ("models", Endpoint::Models),
    ];

    /// The endpoint behind a request's path.
    pub fn of_path(path: &str) -> Option<Endpoint> {
        match path {
            "/v1/audio/speech" => Some(Endpoint::Speech),
            "/v1/audio/transcriptions" => Some(Endpoint::Transcriptions),
            "/v1/chat/completions" => Some(Endpoint::Chat),
            "/v1/models" => Some(Endpoint::Models),
            _ => None,
        }
    }
}

/// What goes wrong at one endpoint. Shares are of requests, 0–1.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    /// Waited before anything is answered.
    pub latency: Duration,
    /// Share answered with 500.
    pub errors: f64,
    /// Share answered with 429.
    pub limits: f64,
    /// `Retry-After` of a 429, seconds.
    pub retry_after: u64,
    /// Share answered with 200 and half a JSON document.
    pub garbage: f64,
    /// Share answered rightly, in an odd way: stray events, thoughts and calls in the text, fields of other types, a header before every
    /// half second of sound.
    pub odd: f64,
    /// Share of chat requests answered by a server that refuses tools and `max_tokens`, and writes calls as text.
    pub plain: f64,
    /// The body pauses after this many bytes, …
    pub stall: Option<u64>,
    /// … for this long.
    pub stall_for: Duration,
    /// The connection is cut after this many bytes of the body.
    pub cut: Option<u64>,
    /// Only the first so many requests fail; all, where absent.
    pub first: Option<u64>,
    /// Chooses which requests the shares fall on.
    pub seed: u64,
}

impl Default for FaultPlan {
    fn default() -> Self {
        FaultPlan {
            latency: Duration::ZERO,
            errors: 0.0,
            limits: 0.0,
            retry_after: 1,
            garbage: 0.0,
            odd: 0.0,
            plain: 0.0,
            stall: None,
            stall_for: Duration::from_secs(60),
            cut: None,
            first: None,
            seed: 1,
        }
    }
}

/// An answer instead of the right one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// 500 with an error body.
    ServerError,
    /// 429 with `Retry-After`, seconds.
    TooMany(u64),
    /// 200 with half a JSON document.
    Garbage,
}

/// What happens to one request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// Waited first.
    pub latency: Duration,
    /// Then answered with this.
    pub refusal: Option<Refusal>,
    /// Answered in an odd way.
    pub odd: bool,
    /// Answered by a chat server without tools.
    pub plain: bool,
    /// Bytes of the body before the pause, and its length.
    pub stall: Option<(u64, Duration)>,
    /// Bytes of the body before the connection is cut.
    pub cut: Option<u64>,
}

impl FaultPlan {
    /// The verdict on the request of this number, from 0.
    pub fn decide(&self, number: u64) -> Verdict {
        if self.first.is_some_and(|first| number >= first) {
            return Verdict::default();
        }
        let draw = uniform(self.seed, number);
        // One draw for the three refusals, so that shares add up.
        let refusal = if draw < self.errors {
            Some(Refusal::ServerError)
        } else if draw < self.errors + self.limits {
            Some(Refusal::TooMany(self.retry_after))
        } else if draw < self.errors + self.limits + self.garbage {
            Some(Refusal::Garbage)
        } else {
            None
        };
        let odd = uniform(!self.seed, number) < self.odd;
        let plain = uniform(self.seed.rotate_left(32), number) < self.plain;
        Verdict {
            latency: self.latency,
            refusal,
            odd,
            plain,
            stall: self.stall.map(|bytes| (bytes, self.stall_for)),
            cut: self.cut,
        }
    }
}

/// Uniform in 0..1, by splitmix64 (Steele, Lea, Flood 2014).
fn uniform(seed: u64, number: u64) -> f64 {
    let mut z = seed.wrapping_add(number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// A fault as a flag spells it: `chat:latency=300,errors=0.1,seed=7`.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultFlag {
    endpoints: Vec<Endpoint>,
    plan: FaultPlan,
}

/// A flag that is not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the fault {flag:?} is not understood at {at:?}: write speech|transcriptions|chat|models|all, a colon, and any of latency=MS, \
     errors=0..1, limits=0..1, retry-after=S, garbage=0..1, odd=0..1, stall=BYTES, stall-for=MS, cut=BYTES, first=N, seed=N, with commas"
)]
pub struct UnknownFault {
    /// The whole flag.
    pub flag: String,
    /// The part that is wrong.
    pub at: String,
}

impl FromStr for FaultFlag {
    type Err = UnknownFault;

    fn from_str(flag: &str) -> Result<Self, Self::Err> {
        let wrong = |at: &str| UnknownFault { flag: flag.to_owned(), at: at.to_owned() };
        let (name, rest) = flag.split_once(':').ok_or_else(|| wrong(flag))?;
        let endpoints: Vec<Endpoint> =
            Endpoint::ALL.iter().filter(|(known, _)| name == "all" || name == *known).map(|(_, endpoint)| *endpoint).collect();
        if endpoints.is_empty() {
            return Err(wrong(name));
        }
        let mut plan = FaultPlan::default();
        for part in rest.split(',') {
            let (key, value) = part.split_once('=').ok_or_else(|| wrong(part))?;
            let share = || value.parse::<f64>().ok().filter(|share| (0.0..=1.0).contains(share)).ok_or_else(|| wrong(part));
            let count = || value.parse::<u64>().map_err(|_| wrong(part));
            match key {
                "latency" => plan.latency = Duration::from_millis(count()?),
                "errors" => plan.errors = share()?,
                "limits" => plan.limits = share()?,
                "retry-after" => plan.retry_after = count()?,
                "garbage" => plan.garbage = share()?,
                "odd" => plan.odd = share()?,
                "plain" => plan.plain = share()?,
                "stall" => plan.stall = Some(count()?),
                "stall-for" => plan.stall_for = Duration::from_millis(count()?),
                "cut" => plan.cut = Some(count()?),
                "first" => plan.first = Some(count()?),
                "seed" => plan.seed = count()?,
                _ => return Err(wrong(part)),
            }
        }
        Ok(FaultFlag { endpoints, plan })
    }
}

/// The plans of all endpoints, and how many requests each has seen.
#[derive(Debug, Default)]
pub struct Faults {
    plans: HashMap<Endpoint, (FaultPlan, AtomicU64)>,
}

impl Faults {
    /// The plans of these flags; a later flag for an endpoint replaces an earlier one.
    pub fn new(flags: impl IntoIterator<Item = FaultFlag>) -> Self {
        let each =
            flags.into_iter().flat_map(|flag| flag.endpoints.into_iter().map(move |endpoint| (endpoint, flag.plan.clone())));
        Faults { plans: each.map(|(endpoint, plan)| (endpoint, (plan, AtomicU64::new(0)))).collect() }
    }

    /// The verdict on the next request of this endpoint.
    pub fn next(&self, endpoint: Endpoint) -> Verdict {
        let Some((plan, seen)) = self.plans.get(&endpoint) else { return Verdict::default() };
        plan.decide(seen.fetch_add(1, Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plan(flag: &str) -> FaultPlan {
        flag.parse::<FaultFlag>().unwrap().plan
    }

    #[test]
    fn shares_fall_on_as_many_requests_as_they_say_and_on_the_same_ones_again() {
        let plan = plan("chat:errors=0.2,limits=0.3,retry-after=7,seed=42");
        let verdicts: Vec<Verdict> = (0..10_000).map(|n| plan.decide(n)).collect();
        let count = |refusal| verdicts.iter().filter(|verdict| verdict.refusal == Some(refusal)).count();
        assert!(count(Refusal::ServerError).abs_diff(2_000) < 150);
        assert!(count(Refusal::TooMany(7)).abs_diff(3_000) < 150);
        assert_eq!(count(Refusal::Garbage), 0);
        assert_eq!(verdicts, (0..10_000).map(|n| plan.decide(n)).collect::<Vec<_>>());
        let other = FaultPlan { seed: 43, ..plan };
        assert_ne!(verdicts, (0..10_000).map(|n| other.decide(n)).collect::<Vec<_>>());
    }

    #[test]
    fn only_the_first_requests_fail_where_the_flag_says_so() {
        let faults = Faults::new(["all:errors=1,first=2".parse().unwrap(), "speech:cut=100".parse().unwrap()]);
        let chat: Vec<_> = (0..3).map(|_| faults.next(Endpoint::Chat).refusal).collect();
        assert_eq!(chat, [Some(Refusal::ServerError), Some(Refusal::ServerError), None]);
        assert_eq!(faults.next(Endpoint::Speech), Verdict { cut: Some(100), ..Verdict::default() });
        assert_eq!(Faults::default().next(Endpoint::Models), Verdict::default());
    }

    #[test]
    fn a_flag_that_is_wrong_says_where() {
        for (flag, at) in [
            ("chat", "chat"),
            ("tts:errors=1", "tts"),
            ("chat:errors=2", "errors=2"),
            ("chat:sleep=1", "sleep=1"),
            ("chat:cut", "cut"),
        ] {
            assert_eq!(flag.parse::<FaultFlag>().unwrap_err(), UnknownFault { flag: flag.into(), at: at.into() });
        }
    }
}
