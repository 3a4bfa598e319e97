//! A call just claimed, as its row has it, and what is to be negotiated in it.

use chrono::{DateTime, Utc};

use super::{request_columns::RequestColumns, trunks::TrunkRow, unusable_row::UnusableRow};
use crate::{recording::RecordingPolicy, request::Request};

/// A call with its new attempt and the trunk it goes through. The token is not here: it is in no table.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ClaimedCall {
    /// The call.
    pub id: i64,
    /// The new attempt, from 1.
    pub attempt: i32,
    /// Whom to call, and what to negotiate.
    #[sqlx(flatten)]
    pub request: RequestColumns,
    /// Whether and how to record, as the row and the policy of the number's country have it.
    pub recording: RecordingPolicy,
    /// Why the number must not be called any more: a sentence, what to change, and a constraint's name.
    pub refusal: Option<Vec<String>>,
    /// Since when it could have been made.
    pub due_at: DateTime<Utc>,
    /// An earlier attempt was cut off while talking.
    pub dropped_before: bool,
    /// The name of the attempt's trunk.
    pub trunk: String,
    /// That trunk, then those it may fail over to.
    #[sqlx(skip)]
    pub trunks: Vec<TrunkRow>,
    /// The first of its UDP ports, [`crate::attempt::PORTS_PER_ATTEMPT`] in a row.
    pub port_base: Option<i32>,
    /// Derived from call and attempt.
    pub sip_call_id: String,
    /// Tells which token belongs to it.
    pub(super) token_hash: Vec<u8>,
}

impl ClaimedCall {
    /// What the agent negotiates.
    ///
    /// # Errors
    /// Where the zone is not known.
    pub fn to_request(&self) -> Result<Request, UnusableRow> {
        self.request.to_request(self.recording != RecordingPolicy::Off, self.dropped_before)
    }
}
