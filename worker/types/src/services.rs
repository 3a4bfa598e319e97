//! What is done elsewhere: hearing words, writing replies, speaking. One trait each, which every provider implements and tests play.

use std::fmt;

use futures::{future::BoxFuture, stream::BoxStream};
use offhook::language::Language;

use crate::{
    chat::{Message, ReplyPiece, Tool},
    transcript::Transcript,
};

/// Turns speech into words. Keeps its own bound.
pub trait Recogniser: Send + Sync {
    /// The words in `sound` (16 kHz, mono). The text is empty where there were none. The error is a sentence for the log.
    fn transcribe(&self, sound: Vec<i16>, hint: Option<Language>) -> BoxFuture<'static, Result<Transcript, String>>;
}

/// Writes replies.
pub trait Model: Send + Sync {
    /// The model's reply, piece by piece. The stream ends with the reply, or after an error. Dropping it ends the request.
    fn reply(&self, messages: Vec<Message>, tools: Vec<Tool>) -> BoxStream<'static, Result<ReplyPiece, String>>;
}

/// Speaks.
pub trait Voice: Send + Sync {
    /// The sound of a sentence (16 kHz, mono) as it comes. The stream ends with the sound, or after an error. Dropping it ends the
    /// request.
    fn speak(&self, text: &str, language: Language) -> BoxStream<'static, Result<Vec<i16>, VoiceError>>;
}

/// Why a sentence has no sound, or no more of it. Holds a sentence for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VoiceError {
    /// The voice failed. What came before was speech, and was heard as far as it was played.
    Failed(String),
    /// What came is no speech of that sentence: far too short or too long, silence, noise. However much of it was played, the sentence
    /// was not heard.
    NotSpeech(String),
}

impl fmt::Display for VoiceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (VoiceError::Failed(why) | VoiceError::NotSpeech(why)) = self;
        f.write_str(why)
    }
}
