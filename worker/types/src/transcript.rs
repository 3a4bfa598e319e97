//! What a recogniser returns for an utterance.

use offhook::language::Language;
use serde::{Deserialize, Serialize};

/// What the recogniser made of an utterance. `text` is empty where it heard no words (noise, or nothing it knows).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Transcript {
    /// As the recogniser wrote it.
    pub text: String,
    /// As the recogniser named it, where it is one of ours.
    pub language: Option<Language>,
    /// How sure the recogniser is of the words, 0 to 1: the geometric mean of the probabilities of all tokens (`exp(avg_logprob)`), or
    /// the mean of the words' confidences. `None` where the server says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confidence: Option<f32>,
    /// How likely it is that nobody spoke, 0 to 1 (Whisper's `no_speech_prob`). `None` where the server says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_speech: Option<f32>,
    /// Why the words are hardly those of a callee we can talk to. `None`: nothing speaks against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreign: Option<Foreign>,
}

/// What marks a text as none of our languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Foreign {
    /// Most of its letters are not Latin. Nobody said that: recognisers write so of noise, or of another language.
    Script,
    /// The recogniser names this language (as it wrote it). Short utterances are often taken for a neighbour of the right language:
    /// Galician for Spanish, Afrikaans for Dutch, Luxembourgish for German.
    Language(String),
}

/// Below this confidence a text is a guess: Whisper itself takes a decoding with an average log probability under −1 for failed, which
/// is a confidence of 0.37.
pub const GUESSED: f32 = 0.37;
/// Above this, nobody spoke, unless the words are sure (Whisper's `no_speech_threshold`).
pub const NOBODY_SPOKE: f32 = 0.6;

impl Transcript {
    /// A text of which nothing more is known.
    pub fn new(text: impl Into<String>, language: Option<Language>) -> Self {
        Transcript { text: text.into(), language, ..Transcript::default() }
    }

    /// Whether the recogniser itself says that it guessed. Not knowing is no doubt.
    pub fn is_guessed(&self) -> bool {
        self.confidence.is_some_and(|confidence| confidence < GUESSED)
    }
}
