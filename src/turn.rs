//! One turn of a conversation, as the transcript keeps it.

use serde::{Deserialize, Serialize};

use crate::language::Language;

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// The restaurant.
    Callee,
    /// Us.
    Agent,
}

impl Speaker {
    /// As the column `turns.speaker` has it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Speaker::Callee => "callee",
            Speaker::Agent => "agent",
        }
    }
}

/// One turn, a row of `turns`. A turn written again with the same number replaces the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turn {
    /// From 1, both speakers, in the order of `started_ms`.
    pub number: u32,
    /// Who.
    pub speaker: Speaker,
    /// In which language, where it is known.
    pub language: Option<Language>,
    /// The callee's words as recognised; the agent's words as far as they were heard, not those that were written.
    pub text: String,
    /// Start on the recording's clock, in milliseconds.
    pub started_ms: u64,
    /// End on the recording's clock, in milliseconds.
    pub ended_ms: u64,
    /// Whether the other side cut it short.
    pub interrupted: bool,
}
