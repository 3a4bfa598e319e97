//! What becomes of a call when an attempt has ended: the retry policy as data, and the one function that applies it.
//!
//! Pure: the caller brings the facts and the random numbers. Calling hours and `not_after` are the database's business; a retry
//! that would come too late ends as `expired` there.

use std::time::Duration;

use rand::Rng;

use crate::{disposition::Disposition, end_cause::EndCause, outcome::Outcome, span::Span};

/// When to call again, per kind of end: a row of `retry_policies`. The defaults are the row `default`: what a patient person would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// After a busy line: 5 to 10 minutes.
    pub busy: Span,
    /// After it rang out: 30 to 60 minutes.
    pub no_answer: Span,
    /// After a machine or a menu: another hour, 2 to 4 hours later.
    pub machine: Span,
    /// How often a machine or a menu is called again: once.
    pub machine_retries: u32,
    /// After the trunk's fault: 30 to 120 seconds, growing within the span; never counted.
    pub trunk_failure: Span,
    /// After the line of an answered call dropped before it came to anything ([`EndCause::is_line_drop`]): 2 minutes.
    pub dropped: Span,
    /// How often a dropped call is resumed: once.
    pub dropped_retries: u32,
    /// After our own recogniser, model or voice failed in the call: 5 to 15 minutes, growing within the span; never counted. While they
    /// fail nobody is called.
    pub provider_failure: Span,
    /// How often in a row a call may be spoiled so, until a person has to look: 2.
    pub provider_failure_retries: u32,
    /// How many attempts may be lost before they dialled (a worker that cannot start), until a person has to look: 5.
    pub lost_retries: u32,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        RetryPolicy {
            busy: Span::minutes(5, 10),
            no_answer: Span::minutes(30, 60),
            machine: Span::minutes(120, 240),
            machine_retries: 1,
            trunk_failure: Span::seconds(30, 120),
            dropped: Span::minutes(2, 2),
            dropped_retries: 1,
            provider_failure: Span::minutes(5, 15),
            provider_failure_retries: 2,
            lost_retries: 5,
        }
    }
}

/// The longest Retry-After that is kept.
const LONGEST_WISH: Duration = Duration::from_secs(86_400);

/// How far an attempt got, whatever became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// Nothing was sent to the trunk: nobody can have been disturbed.
    Nothing,
    /// The INVITE may have gone out; a telephone may have rung.
    Dialling,
    /// Somebody or something answered.
    Media,
}

/// An attempt that came before, as far as the policy looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier {
    /// How it ended.
    pub disposition: Disposition,
    /// The line dropped in the middle of a conversation ([`Ending::is_line_drop`]).
    pub line_dropped: bool,
}

/// The facts of an attempt that has ended.
#[derive(Debug, Clone, Copy)]
pub struct Ending<'a> {
    /// How the telephone call ended.
    pub disposition: Disposition,
    /// What was understood, if anything.
    pub outcome: Option<Outcome>,
    /// How far it got.
    pub reached: Reached,
    /// What ended it once it was answered, where that is known.
    pub ended: Option<EndCause>,
    /// The transcript has a turn of the callee's.
    pub callee_spoke: bool,
    /// Attempts that used up one of `max_attempts`, without this one.
    pub counted: u32,
    /// The most attempts the user allows.
    pub max_attempts: u32,
    /// The user has taken the call back.
    pub cancel_requested: bool,
    /// The callee's own words were that it does not want to be called: 603, 607. Others that are `rejected` say less.
    pub unwanted: bool,
    /// The number is on the do-not-call list: somebody asked not to be called, in this call or meanwhile.
    pub do_not_call: bool,
    /// The far end's Retry-After (RFC 3261 section 20.33).
    pub retry_after: Option<Duration>,
    /// The attempts before this one, oldest first.
    pub earlier: &'a [Earlier],
}

/// What becomes of the call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settlement {
    /// It is over; the results are in the row of the attempt.
    Finish {
        /// For people.
        why: String,
        /// This attempt used up one of `max_attempts`.
        counted: bool,
        /// The number is never to be called again.
        do_not_call: bool,
    },
    /// It goes back into the queue.
    Retry {
        /// From now, no sooner than the callee wished; the restaurant's calling hours may move it further.
        after: Duration,
        /// This attempt used up one of `max_attempts`.
        counted: bool,
        /// For people.
        why: String,
    },
    /// It goes back to its place in the queue as if it had not been claimed: nothing was begun.
    PutBack {
        /// For people.
        why: String,
    },
    /// A person has to look at it; nobody is rung on our own.
    Hold {
        /// For people.
        why: String,
    },
    /// The user's wish.
    Cancel {
        /// For people.
        why: String,
    },
}

impl RetryPolicy {
    /// Decides what becomes of the call.
    ///
    /// `lost` is judged by how far the attempt got. Lost before dialling: nobody was disturbed, so it is made again, uncounted, and
    /// held once that happened [`RetryPolicy::lost_retries`] times. Lost while dialling or later: the telephone may be ringing still, or
    /// somebody may have said yes to a table, so it is held; nobody is rung twice by accident.
    pub fn settle(&self, ending: &Ending<'_>, rng: &mut impl Rng) -> Settlement {
        if ending.outcome == Some(Outcome::Unconfirmed) {
            // Somebody may keep a table for the guest, or may not: the next call is a person's.
            let why = "a table was accepted, and the restaurant may not know; ask them";
            return Settlement::Hold { why: why.into() };
        }
        if let Some(outcome) = ending.outcome.filter(|outcome| is_final(ending.disposition, *outcome)) {
            let why = format!("came to an end: {}", words(outcome.as_str()));
            return Settlement::Finish { why, counted: true, do_not_call: ending.unwanted };
        }
        let settlement = match self.without_outcome(ending, rng) {
            Settlement::Retry { after, counted, why } => {
                Settlement::Retry { after: ending.no_sooner_than().max(after), counted, why }
            }
            other => other,
        };
        match settlement {
            Settlement::Retry { .. } if ending.cancel_requested => Settlement::Cancel { why: "taken back by the user".into() },
            Settlement::Retry { counted, why, .. } if ending.do_not_call => Settlement::Finish {
                why: format!("{why}, and the number is on the do-not-call list"),
                counted,
                do_not_call: false,
            },
            Settlement::Retry { counted: true, why, .. } if ending.counted + 1 >= ending.max_attempts => Settlement::Finish {
                why: format!("{why}, and {} of {} attempts are used up", ending.counted + 1, ending.max_attempts),
                counted: true,
                do_not_call: false,
            },
            other => other,
        }
    }

    fn without_outcome(&self, ending: &Ending<'_>, rng: &mut impl Rng) -> Settlement {
        let again =
            |span: Span, why: &str, rng: &mut _| Settlement::Retry { after: span.pick(rng), counted: true, why: why.into() };
        let finish = |why: &str| Settlement::Finish { why: why.into(), counted: true, do_not_call: false };
        match ending.disposition_of_the_callee() {
            Disposition::Busy => again(self.busy, "the line was busy", rng),
            Disposition::NoAnswer => again(self.no_answer, "nobody answered", rng),
            Disposition::Voicemail | Disposition::MenuDeadEnd => {
                let why = if ending.disposition == Disposition::Voicemail { "a machine answered" } else { "a menu led nowhere" };
                let before = ending.count(|e| matches!(e.disposition, Disposition::Voicemail | Disposition::MenuDeadEnd));
                if before < self.machine_retries {
                    again(self.machine, why, rng)
                } else {
                    finish(&format!("{why}, and machines or menus took the call {} times", before + 1))
                }
            }
            Disposition::Answered => self.answered(ending, rng),
            Disposition::TrunkFailure => {
                let in_a_row = ending.in_a_row(Disposition::TrunkFailure);
                Settlement::Retry {
                    after: self.trunk_failure.grow(in_a_row, rng),
                    counted: false,
                    // A worker that could not be launched ends so as well, and then no trunk was asked for anything.
                    why: if ending.reached == Reached::Nothing { "nothing was dialled" } else { "the trunk failed" }.into(),
                }
            }
            Disposition::ProviderFailure => {
                let in_a_row = ending.in_a_row(Disposition::ProviderFailure);
                if in_a_row >= self.provider_failure_retries {
                    let why = format!("our recogniser, model or voice failed in {} calls in a row; see events", in_a_row + 1);
                    return Settlement::Hold { why };
                }
                let after = self.provider_failure.grow(in_a_row, rng);
                Settlement::Retry { after, counted: false, why: "our recogniser, model or voice failed".into() }
            }
            Disposition::InvalidNumber => finish("there is nobody behind this number"),
            Disposition::Rejected if ending.unwanted => {
                Settlement::Finish { why: "the callee does not want to be called".into(), counted: true, do_not_call: true }
            }
            // A button pressed, a feature of the exchange, a filter on the way: no for this call, and no more is known.
            Disposition::Rejected => finish("the call was rejected"),
            Disposition::NoMedia => {
                let before = ending.count(|earlier| earlier.disposition == Disposition::NoMedia);
                if before < self.dropped_retries {
                    again(self.dropped, "somebody answered, but no sound came", rng)
                } else {
                    finish(&format!("somebody answered and no sound came, {} times", before + 1))
                }
            }
            Disposition::Lost => self.lost(ending, rng),
            Disposition::Cancelled => self.cancelled(ending, rng),
        }
    }

    /// A conversation without an outcome. Only a line that dropped is resumed; who hung up on us is left alone.
    fn answered(&self, ending: &Ending<'_>, rng: &mut impl Rng) -> Settlement {
        let finish = |why: String| Settlement::Finish { why, counted: true, do_not_call: false };
        if ending.is_line_drop() {
            let why = "the line dropped in the middle of the call";
            let before = ending.count(|earlier| earlier.line_dropped);
            return if before < self.dropped_retries {
                Settlement::Retry { after: self.dropped.pick(rng), counted: true, why: why.into() }
            } else {
                finish(format!("{why}, {} times", before + 1))
            };
        }
        match ending.ended {
            Some(EndCause::ProcessStopped | EndCause::AttemptStale) => self.cancelled(ending, rng),
            _ if ending.cancel_requested => Settlement::Cancel { why: "taken back by the user".into() },
            Some(EndCause::HungUpByUs) => finish("we ended the call without a result".into()),
            _ => finish("the callee hung up before anything was settled".into()),
        }
    }

    fn lost(&self, ending: &Ending<'_>, rng: &mut impl Rng) -> Settlement {
        match ending.reached {
            Reached::Media => Settlement::Hold {
                why: "the worker was lost after somebody answered; listen to the recording and ask before calling again".into(),
            },
            Reached::Dialling => Settlement::Hold {
                why: "the worker was lost while the telephone may have been ringing; nobody is rung twice by accident".into(),
            },
            Reached::Nothing => {
                let in_a_row = ending.in_a_row(Disposition::Lost);
                if in_a_row >= self.lost_retries {
                    let why = format!("the worker ended {} times before it dialled; see its logs", in_a_row + 1);
                    return Settlement::Hold { why };
                }
                let after = self.trunk_failure.grow(in_a_row, rng);
                Settlement::Retry { after, counted: false, why: "the worker was lost before it dialled".into() }
            }
        }
    }

    /// `cancelled` is the user's request, or a worker that got SIGTERM.
    fn cancelled(&self, ending: &Ending<'_>, rng: &mut impl Rng) -> Settlement {
        if ending.cancel_requested {
            return Settlement::Cancel { why: "taken back by the user".into() };
        }
        match ending.reached {
            Reached::Media => Settlement::Hold { why: "the worker was stopped after somebody answered".into() },
            // The worker itself said so: its CANCEL is out, nothing rings any more. To the callee it was a call that rang and stopped.
            Reached::Dialling => Settlement::Retry {
                after: self.no_answer.pick(rng),
                counted: false,
                why: "the worker was stopped while the telephone may have been ringing".into(),
            },
            Reached::Nothing => Settlement::Retry {
                after: self.trunk_failure.pick(rng),
                counted: false,
                why: "the worker was stopped before it dialled".into(),
            },
        }
    }
}

impl Ending<'_> {
    /// Whether this was a conversation that the line cut off: without an outcome, and nobody chose to end it. Where it is not known what
    /// ended it, the line is assumed.
    pub fn is_line_drop(&self) -> bool {
        self.disposition_of_the_callee() == Disposition::Answered
            && self.outcome.is_none()
            && self.ended.is_none_or(|ended| ended.is_line_drop(self.callee_spoke))
    }

    /// Whatever is said of the line afterwards: somebody had answered, and is not rung as if nobody had.
    fn disposition_of_the_callee(&self) -> Disposition {
        match (self.disposition, self.reached) {
            (Disposition::Busy | Disposition::NoAnswer | Disposition::TrunkFailure, Reached::Media) => Disposition::Answered,
            (disposition, _) => disposition,
        }
    }

    /// The Retry-After of the callee. That of a trunk keeps its circuit breaker open instead, and the call may go over another trunk.
    fn no_sooner_than(&self) -> Duration {
        match self.disposition {
            Disposition::Busy | Disposition::NoAnswer => self.retry_after.unwrap_or_default().min(LONGEST_WISH),
            _ => Duration::ZERO,
        }
    }

    fn count(&self, matching: impl Fn(&Earlier) -> bool) -> u32 {
        u32::try_from(self.earlier.iter().filter(|earlier| matching(earlier)).count()).unwrap_or(u32::MAX)
    }

    fn in_a_row(&self, disposition: Disposition) -> u32 {
        let count = self.earlier.iter().rev().take_while(|earlier| earlier.disposition == disposition).count();
        u32::try_from(count).unwrap_or(u32::MAX)
    }
}

/// Whether the conversation settles the matter. A machine or a menu that was not left a message settles nothing.
fn is_final(disposition: Disposition, outcome: Outcome) -> bool {
    match disposition {
        Disposition::Voicemail | Disposition::MenuDeadEnd => outcome != Outcome::NoAgreement,
        _ => true,
    }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// What an ending says about the trunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrunkVerdict {
    /// It answered for itself or the callee: forget earlier failures.
    Works,
    /// Its fault.
    Failed,
    /// The ending says nothing about it.
    Unknown,
}

/// What the ending of an attempt says about its trunk: the one it went over in the end, those before it are judged when it leaves
/// them. A failure before dialling is ours, not the trunk's; a call without sound may be anybody's fault.
pub const fn trunk_verdict(disposition: Disposition, reached: Reached) -> TrunkVerdict {
    match (disposition, reached) {
        (Disposition::Lost | Disposition::Cancelled | Disposition::NoMedia, _) | (_, Reached::Nothing) => TrunkVerdict::Unknown,
        (Disposition::TrunkFailure, _) => TrunkVerdict::Failed,
        _ => TrunkVerdict::Works,
    }
}

#[cfg(test)]
mod table_tests;
#[cfg(test)]
mod tests;
