//! What can happen to a conversation.

use offhook_types::{
    chat::ToolCall,
    hearing::EarEvent,
    ids::{Generation, SentenceId, UtteranceId},
    line::{LineEnd, MediaPresence, StopReason},
    playout::PlayoutEvent,
    transcript::Transcript,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Everything the mind is told. Recorded in order with `now`, events replay to the same actions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
pub enum Event {
    /// The callee (or a machine) took the call; the media clock starts.
    Answered,
    /// The line is down.
    LineEnded(LineEnd),
    /// RTP comes, or has stopped coming.
    Media(MediaPresence),
    /// The far end put us on hold by signalling (it does not listen any more), or took us back.
    Held(bool),
    /// The call is to be ended politely.
    Stop(StopReason),
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
        /// Of which reply.
        generation: Generation,
        /// The piece.
        text: String,
    },
    /// A complete tool call of the model.
    ReplyToolCall {
        /// Of which reply.
        generation: Generation,
        /// The call.
        call: ToolCall,
    },
    /// The model has finished this reply.
    ReplyEnded {
        /// Which.
        generation: Generation,
    },
    /// The model failed or took too long.
    ReplyFailed {
        /// Of which reply.
        generation: Generation,
        /// For the log.
        error: String,
    },
    /// What became of a sentence. `Cut` follows `Action::StopSpeaking` for each sentence that had started.
    Playout(PlayoutEvent),
    /// No voice for this sentence, or not all of it: the provider failed. The sentence was not heard.
    SentenceFailed {
        /// Which.
        sentence: SentenceId,
        /// For the log.
        error: String,
        /// It was speech as far as it came, and that much was played.
        #[serde(default)]
        broke_off: bool,
    },
    /// The answer to `Action::JournalTool`: the journal holds the call and it may run. `known` is the stored result of a
    /// call with this number that ran before.
    ToolJournaled {
        /// The tool call's number.
        number: u32,
        /// A result from before.
        known: Option<Value>,
    },
    /// The tool call could be journaled nowhere; it must not run.
    ToolNotJournaled {
        /// The tool call's number.
        number: u32,
        /// For the log.
        error: String,
    },
    /// The moment asked for by `Action::WakeAt` has come.
    Wake,
}
