//! The states of a call and the only moves between them (drawn in `docs/states.md`, held by the database as well).

use serde::{Deserialize, Serialize};

/// The state of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "call_state", rename_all = "snake_case")]
pub enum CallState {
    /// Waits for its moment.
    Queued,
    /// A coordinator has taken it; the attempt row exists, nothing was dialled yet.
    Claimed,
    /// The attempt may be ringing somebody.
    Dialing,
    /// Somebody or something answered.
    Talking,
    /// Over, with a result.
    Finished,
    /// Waits for a person: the attempt was lost after somebody answered, so nobody is rung again on our own.
    Held,
    /// Its window passed before it could be made.
    Expired,
    /// Taken back by the user.
    Cancelled,
}

impl CallState {
    /// Every state, in the order a call meets them.
    pub const ALL: [CallState; 8] = [
        CallState::Queued,
        CallState::Claimed,
        CallState::Dialing,
        CallState::Talking,
        CallState::Finished,
        CallState::Held,
        CallState::Expired,
        CallState::Cancelled,
    ];

    /// Whether a call may go from `self` to `next`. The table `call_transitions` holds the same pairs.
    pub const fn can_become(self, next: CallState) -> bool {
        use CallState::*;
        matches!(
            (self, next),
            (Queued, Claimed | Cancelled | Expired)
                | (Claimed, Dialing | Queued | Finished | Held | Cancelled | Expired)
                | (Dialing, Talking | Queued | Finished | Held | Cancelled | Expired)
                | (Talking, Queued | Finished | Held | Cancelled | Expired)
                | (Held, Queued | Finished | Cancelled)
        )
    }

    /// Whether an attempt of the call is under way.
    pub const fn is_live(self) -> bool {
        matches!(self, CallState::Claimed | CallState::Dialing | CallState::Talking)
    }

    /// Whether nothing will ever happen to the call again.
    pub const fn is_final(self) -> bool {
        matches!(self, CallState::Finished | CallState::Expired | CallState::Cancelled)
    }

    /// The name as the database writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            CallState::Queued => "queued",
            CallState::Claimed => "claimed",
            CallState::Dialing => "dialing",
            CallState::Talking => "talking",
            CallState::Finished => "finished",
            CallState::Held => "held",
            CallState::Expired => "expired",
            CallState::Cancelled => "cancelled",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn final_states_have_no_way_out_and_every_other_state_has_one() {
        for state in CallState::ALL {
            let ways_out = CallState::ALL.into_iter().filter(|next| state.can_become(*next)).count();
            assert_eq!(ways_out == 0, state.is_final(), "{state:?}");
        }
    }

    #[test]
    fn every_live_state_can_end_in_a_result_and_in_a_hold() {
        for state in CallState::ALL.into_iter().filter(|state| state.is_live()) {
            assert!(state.can_become(CallState::Finished) && state.can_become(CallState::Held), "{state:?}");
        }
    }
}
