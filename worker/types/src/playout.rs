//! What the playout reports of the agent's sentences. Only the playout clock knows what was spoken.

use serde::{Deserialize, Serialize};

use crate::{audio::MediaTime, ids::SentenceId};

/// What became of a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum PlayoutEvent {
    /// Its first sample is in the frame of this tick.
    Started {
        /// Which.
        sentence: SentenceId,
        /// When.
        at: MediaTime,
    },
    /// Its last sample is out.
    Played {
        /// Which.
        sentence: SentenceId,
        /// When its last sample ended.
        at: MediaTime,
    },
    /// It was being played when `stop` came.
    Cut {
        /// Which.
        sentence: SentenceId,
        /// When.
        at: MediaTime,
        /// The share of the sound known by then that was played at full level, 0 to 1.
        share: f32,
    },
}
