//! Whether and how a call is recorded.

use serde::{Deserialize, Serialize};

/// As `countries.recording` has it. Whatever it is, the callee is told, and an objection ends the recording and deletes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "text", rename_all = "snake_case")]
pub enum RecordingPolicy {
    /// From the start; the callee is told with the first sentences.
    #[default]
    Announced,
    /// Only once the callee has heard that the call is recorded, and has gone on without objecting.
    AfterConsent,
    /// Never.
    Off,
}
