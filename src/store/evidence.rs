//! What is left of an attempt when its container has ended.

use super::{kept_files::KeptFiles, worker::Note};
use crate::{disposition::Disposition, report::Report, retry_policy::Settlement};

/// Gathered by the coordinator from the spool and the launcher.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The worker's report from the spool; used where the worker could not send it to the database itself.
    pub report: Option<Report>,
    /// What the worker could not send to the database before it ended, oldest first; what did arrive is stored once.
    pub notes: Vec<Note>,
    /// The end to assume where neither the database nor the spool has one.
    pub otherwise: Disposition,
    /// Why, for people.
    pub detail: String,
    /// The files that stay.
    pub files: KeptFiles,
    /// What becomes of the call where that is clear before anything was dialled; else the policy decides.
    pub decided: Option<Settlement>,
}

impl Evidence {
    /// Nothing is left.
    pub fn lost(detail: impl Into<String>) -> Self {
        Evidence {
            report: None,
            notes: Vec::new(),
            otherwise: Disposition::Lost,
            detail: detail.into(),
            files: KeptFiles::default(),
            decided: None,
        }
    }

    /// The attempt could not be launched: not the callee's fault, nobody was disturbed.
    pub fn not_launched(detail: impl Into<String>) -> Self {
        Evidence { otherwise: Disposition::TrunkFailure, ..Evidence::lost(detail) }
    }

    /// Nothing was dialled: no telephone can have the number, or it costs more than a call.
    pub fn undiallable(why: impl Into<String>) -> Self {
        let why = why.into();
        let decided = Some(Settlement::Finish { why: why.clone(), counted: false, do_not_call: false });
        Evidence { otherwise: Disposition::InvalidNumber, decided, ..Evidence::lost(why) }
    }

    /// Nothing was dialled: the number must not be called any more.
    pub fn not_allowed(why: impl Into<String>) -> Self {
        let why = why.into();
        Evidence {
            otherwise: Disposition::Cancelled,
            decided: Some(Settlement::Cancel { why: why.clone() }),
            ..Evidence::lost(why)
        }
    }

    /// A claim that will not be begun: nothing was launched, and the call goes back to its place in the queue.
    pub fn given_back() -> Self {
        let why = "given back before it was begun".to_owned();
        let decided = Some(Settlement::PutBack { why: why.clone() });
        Evidence { otherwise: Disposition::Cancelled, decided, ..Evidence::lost(why) }
    }

    /// The report to store where the database has none. An attempt that has `dialled` did not fail to start, whatever was believed.
    pub(super) fn last_word(&self, dialled: bool) -> Report {
        let not_launched = self.otherwise == Disposition::TrunkFailure;
        let disposition = if dialled && not_launched { Disposition::Lost } else { self.otherwise };
        self.report.clone().unwrap_or_else(|| Report { detail: Some(self.detail.clone()), ..Report::new(disposition) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempt_that_dialled_was_lost_and_not_merely_not_launched() {
        let evidence = Evidence::not_launched("the engine is away");
        assert_eq!(evidence.last_word(false).disposition, Disposition::TrunkFailure, "tried again soon");
        assert_eq!(evidence.last_word(true).disposition, Disposition::Lost, "a person decides");
    }
}
