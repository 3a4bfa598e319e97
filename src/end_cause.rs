//! Who or what ended an answered call, and whether that is a line that dropped. The disposition says how the call was answered; this says
//! how it stopped.

use serde::{Deserialize, Serialize};

use crate::disposition::FinalAnswer;

/// Why a dialog that was established came to its end. As JSON `{"by": "hung_up_by_callee", "cause": 16}`; in `attempts` the columns
/// `ended_by`, `ended_cause` and `silent_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum EndCause {
    /// The far end sent BYE.
    HungUpByCallee {
        /// The Q.850 cause of the Reason header of the BYE (RFC 3326); `None` where the BYE had none.
        #[serde(default)]
        cause: Option<u16>,
    },
    /// We sent BYE, because the conversation was over or one of its limits was reached.
    HungUpByUs,
    /// No RTP came from the peer for too long, though it may send.
    MediaLost {
        /// How long nothing had come, in milliseconds.
        silent_ms: u64,
    },
    /// The SIP dialog broke: a 481 or 408 to a request of ours (RFC 3261 section 12.2.1.2), a session timer that ran out (RFC 4028), a
    /// connection that is gone.
    DialogLost,
    /// The worker got SIGTERM while somebody was on the line.
    ProcessStopped,
    /// The database says that the attempt is no longer the current one of its call.
    AttemptStale,
}

impl EndCause {
    /// The name as JSON and the database write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            EndCause::HungUpByCallee { .. } => "hung_up_by_callee",
            EndCause::HungUpByUs => "hung_up_by_us",
            EndCause::MediaLost { .. } => "media_lost",
            EndCause::DialogLost => "dialog_lost",
            EndCause::ProcessStopped => "process_stopped",
            EndCause::AttemptStale => "attempt_stale",
        }
    }

    /// Reads the columns `ended_by`, `ended_cause` and `silent_ms` of `attempts`; `None` where the first names nothing known.
    pub fn of_row(ended_by: &str, ended_cause: Option<i32>, silent_ms: Option<i64>) -> Option<EndCause> {
        let cause = ended_cause.and_then(|cause| u16::try_from(cause).ok());
        let silent_ms = silent_ms.map_or(0, i64::unsigned_abs);
        [
            EndCause::HungUpByCallee { cause },
            EndCause::HungUpByUs,
            EndCause::MediaLost { silent_ms },
            EndCause::DialogLost,
            EndCause::ProcessStopped,
            EndCause::AttemptStale,
        ]
        .into_iter()
        .find(|known| known.as_str() == ended_by)
    }

    /// Whether the line dropped, so that a conversation without an outcome may be resumed once.
    ///
    /// A BYE with the cause of a network failure is a drop, whoever spoke before. Any other BYE is the callee's decision once
    /// `callee_spoke`; before the callee said a word it is taken for a line that did not carry sound both ways.
    pub const fn is_line_drop(self, callee_spoke: bool) -> bool {
        match self {
            EndCause::HungUpByCallee { cause: Some(cause) } if is_network_failure(cause) => true,
            EndCause::HungUpByCallee { .. } => !callee_spoke,
            EndCause::MediaLost { .. } | EndCause::DialogLost => true,
            EndCause::HungUpByUs | EndCause::ProcessStopped | EndCause::AttemptStale => false,
        }
    }
}

/// Whether a Q.850 cause in a BYE says that the network, not the callee, released an established call: the causes that blame a trunk
/// before the answer (no circuit, network out of order, temporary failure, congestion, protocol errors and the like), and two that say
/// the callee's end was lost: 20 (subscriber absent: a mobile without radio contact) and 27 (destination out of order).
///
/// 16 (normal clearing), 31 (normal, unspecified: gateways send it for an ordinary end) and 127 (interworking) do not.
const fn is_network_failure(cause: u16) -> bool {
    matches!(cause, 20 | 27) || FinalAnswer::is_cause_of_trunk_failure(cause)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ALL: [(EndCause, &str); 6] = [
        (EndCause::HungUpByCallee { cause: Some(16) }, r#"{"by":"hung_up_by_callee","cause":16}"#),
        (EndCause::HungUpByUs, r#"{"by":"hung_up_by_us"}"#),
        (EndCause::MediaLost { silent_ms: 10_000 }, r#"{"by":"media_lost","silent_ms":10000}"#),
        (EndCause::DialogLost, r#"{"by":"dialog_lost"}"#),
        (EndCause::ProcessStopped, r#"{"by":"process_stopped"}"#),
        (EndCause::AttemptStale, r#"{"by":"attempt_stale"}"#),
    ];

    #[test]
    fn the_names_in_json_are_those_of_the_database() {
        for (cause, json) in ALL {
            assert_eq!(serde_json::to_string(&cause).unwrap(), json);
            assert_eq!(serde_json::from_str::<EndCause>(json).unwrap(), cause);
            assert!(json.contains(&format!("\"{}\"", cause.as_str())));
        }
        let without_cause: EndCause = serde_json::from_str(r#"{"by":"hung_up_by_callee"}"#).unwrap();
        assert_eq!(without_cause, EndCause::HungUpByCallee { cause: None });
    }

    #[test]
    fn who_hangs_up_after_a_word_did_not_lose_the_line() {
        for cause in [None, Some(16), Some(17), Some(21), Some(31), Some(127), Some(500)] {
            let hung_up = EndCause::HungUpByCallee { cause };
            assert!(!hung_up.is_line_drop(true), "{cause:?}");
            assert!(hung_up.is_line_drop(false), "{cause:?}: nothing was heard");
        }
    }

    #[test]
    fn a_network_that_failed_dropped_the_line_whoever_spoke() {
        for cause in [20, 27, 34, 38, 41, 42, 44, 47, 102, 111] {
            for callee_spoke in [true, false] {
                assert!(EndCause::HungUpByCallee { cause: Some(cause) }.is_line_drop(callee_spoke), "{cause}");
            }
        }
        assert!(EndCause::MediaLost { silent_ms: 10_000 }.is_line_drop(true));
        assert!(EndCause::DialogLost.is_line_drop(true));
    }

    #[test]
    fn what_we_ended_ourselves_is_no_dropped_line() {
        for ours in [EndCause::HungUpByUs, EndCause::ProcessStopped, EndCause::AttemptStale] {
            assert!(!ours.is_line_drop(true) && !ours.is_line_drop(false), "{ours:?}");
        }
    }
}
