//! What a telephone line reports beside sound: its end, its silence, and hold.

use serde::{Deserialize, Serialize};

/// The line is down, and this is how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "how", rename_all = "snake_case")]
pub enum LineEnd {
    /// The far end sent BYE.
    Bye {
        /// The Q.850 cause of its Reason header (RFC 3326); absent where it gave none.
        cause: Option<u16>,
    },
    /// The dialog broke without a BYE: a session timer ran out, a request of ours was answered with 481 or 408.
    DialogLost {
        /// For people.
        why: String,
    },
}

/// Whether RTP comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum MediaPresence {
    /// Packets come: the first ones, or again after a silence.
    Present,
    /// None have come for so long, from a peer that may send.
    Absent {
        /// Milliseconds.
        for_ms: u64,
    },
}

/// Why a conversation is to be ended politely, from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// The user takes the call back.
    TakenBack,
    /// The process was told to stop (SIGTERM, SIGINT).
    ProcessStopping,
    /// The database says that this attempt is not the current one of its call any more.
    AttemptStale,
}
