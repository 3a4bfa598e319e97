//! What a recogniser returns for an utterance.

use offhook::language::Language;
use serde::{Deserialize, Serialize};

/// What the recogniser made of an utterance. `text` is empty where it heard no words (noise, or nothing it knows).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transcript {
    /// As the recogniser wrote it.
    pub text: String,
    /// As the recogniser named it, where it is one of ours.
    pub language: Option<Language>,
}
