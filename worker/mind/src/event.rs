//! What can happen to a conversation.

use offhook_types::{
    chat::ToolCall,
    hearing::EarEvent,
    ids::{Generation, SentenceId, UtteranceId},
    playout::PlayoutEvent,
    transcript::Transcript,
};
use serde_json::Value;

/// Everything the mind is told. Recorded in order with `now`, events replay to the same actions.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// The callee (or a machine) took the call; the media clock starts.
    Answered,
    /// BYE from the other side, or its media is gone.
    CalleeHungUp,
    /// The user takes the call back.
    CancelRequested,
    /// What the ear noticed of the callee's sound.
    Heard(EarEvent),
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
    /// What became of a sentence. `Cut` is the answer to `Action::StopSpeaking` for each sentence that had started.
    Playout(PlayoutEvent),
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
