//! Whether and how a call is recorded.

use serde::{Deserialize, Serialize};

/// A value of `countries.recording`. In every case but `off` the callee is informed, and an objection stops and deletes the recording.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum RecordingPolicy {
    /// From the start; one of the first sentences says so.
    #[default]
    Announced,
    /// Only once the callee has heard that the call is recorded, and has gone on without objecting.
    AfterConsent,
    /// Never.
    Off,
}
