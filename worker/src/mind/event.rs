//! What can happen to a conversation.

use offhook::language::Language;
use serde_json::Value;

use crate::audio::MediaTime;

/// Milliseconds of the worker's monotonic clock since it started. Only differences mean anything.
pub type Millis = u64;

/// One stretch of callee's speech, numbered from 1 in the order it began.
pub type UtteranceId = u32;

/// Marks everything that one thought of ours produced. What arrives for an old generation is dropped.
pub type Generation = u32;

/// One sentence of the agent: sentences of a generation are spoken in the order of `index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SentenceId {
    /// The thought it belongs to.
    pub generation: Generation,
    /// From 0.
    pub index: u32,
}

/// What the recogniser made of an utterance. `text` is empty where it heard no words (noise, or nothing it knows).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transcript {
    /// As the recogniser wrote it.
    pub text: String,
    /// As the recogniser named it, where it is one of ours.
    pub language: Option<Language>,
}

/// A complete tool call of the language model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToolCall {
    /// The model's identifier, echoed with the result.
    pub id: String,
    /// `accept_offer`, `report_outcome`, `end_call`, or nonsense.
    pub name: String,
    /// JSON text as the model wrote it; may be malformed.
    pub arguments: String,
}

/// Everything the mind is told. Recorded in order with `now`, events replay to the same actions.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The callee (or a machine) took the call; the media clock starts.
    Answered,
    /// BYE from the other side, or its media is gone.
    CalleeHungUp,
    /// The user takes the call back.
    CancelRequested,
    /// The callee began to speak: confirmed by voice activity, so `at` lies a little in the past.
    SpeechStarted {
        /// When it began.
        at: MediaTime,
    },
    /// The callee stopped for long enough to call it a turn.
    SpeechEnded {
        /// Its number.
        utterance: UtteranceId,
        /// When it began.
        started: MediaTime,
        /// When the sound ended (not when the pause was long enough).
        ended: MediaTime,
    },
    /// The recogniser's answer to `Action::Transcribe`.
    Transcribed {
        /// Of which utterance.
        utterance: UtteranceId,
        /// What was heard.
        transcript: Transcript,
    },
    /// The recogniser failed or took too long.
    TranscriptionFailed {
        /// Of which utterance.
        utterance: UtteranceId,
        /// For the log.
        error: String,
    },
    /// A machine's tone: record after it.
    Beep {
        /// When it ended.
        at: MediaTime,
    },
    /// A piece of the model's text.
    ReplyText {
        /// Of which thought.
        generation: Generation,
        /// The piece.
        text: String,
    },
    /// A complete tool call of the model.
    ReplyToolCall {
        /// Of which thought.
        generation: Generation,
        /// The call.
        call: ToolCall,
    },
    /// The model has finished this reply.
    ReplyEnded {
        /// Of which thought.
        generation: Generation,
    },
    /// The model failed or took too long.
    ReplyFailed {
        /// Of which thought.
        generation: Generation,
        /// For the log.
        error: String,
    },
    /// The first sound of a sentence left for the callee.
    SentenceStarted {
        /// Which.
        sentence: SentenceId,
        /// When.
        at: MediaTime,
    },
    /// The whole sentence was played.
    SentencePlayed {
        /// Which.
        sentence: SentenceId,
        /// When its last sample was played.
        at: MediaTime,
    },
    /// The answer to `Action::StopSpeaking` for each sentence that had started and was cut.
    SentenceCut {
        /// Which.
        sentence: SentenceId,
        /// When.
        at: MediaTime,
        /// The share of its sound that was played, 0 to 1.
        share: f32,
    },
    /// No voice for this sentence: the provider failed. The sentence was not heard.
    SentenceFailed {
        /// Which.
        sentence: SentenceId,
        /// For the log.
        error: String,
    },
    /// The answer to `Action::JournalTool`: the journal holds the call and it may run. `known` is the stored result of a
    /// call with this number that ran before.
    ToolJournaled {
        /// The tool call's number.
        number: u32,
        /// A result from before.
        known: Option<Value>,
    },
    /// The moment asked for by `Action::WakeAt` has come.
    Wake,
}
