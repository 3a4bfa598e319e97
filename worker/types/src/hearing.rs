//! What the ear reports of the callee's sound.

use serde::{Deserialize, Serialize};

use crate::{audio::MediaTime, ids::UtteranceId};

/// What the ear noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum EarEvent {
    /// The callee began to speak: confirmed by voice activity, so `at` lies some 100 ms in the past.
    SpeechStarted {
        /// When it began.
        at: MediaTime,
    },
    /// The callee stopped for long enough to call it a turn, or the ear was flushed. Follows each `SpeechStarted` exactly once.
    SpeechEnded {
        /// Its number, from 1.
        utterance: UtteranceId,
        /// When the speech began.
        started: MediaTime,
        /// When its last sound ended (not when the pause was long enough).
        ended: MediaTime,
    },
    /// A machine's tone ended, and quiet followed.
    Beep {
        /// When the tone ended.
        at: MediaTime,
    },
    /// The ear was flushed because the line is down: what was being said is ended, nothing follows.
    Flushed,
}
