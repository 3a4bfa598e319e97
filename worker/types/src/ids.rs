//! Identifiers that several rooms share.

use serde::{Deserialize, Serialize};

/// Milliseconds of the worker's monotonic clock since the conversation began. Only differences mean anything.
pub type Millis = u64;

/// One stretch of callee's speech, numbered from 1 in the order it began.
pub type UtteranceId = u32;

/// Marks everything that one reply of ours produced. What arrives for an old generation is dropped.
pub type Generation = u32;

/// One sentence of the agent: sentences of a generation are spoken in the order of `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SentenceId {
    /// The reply it belongs to.
    pub generation: Generation,
    /// From 0.
    pub index: u32,
}
