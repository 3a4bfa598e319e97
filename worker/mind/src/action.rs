//! What the mind wants done. Every action is carried out in order; answers come back as events.

use offhook::{end_cause::EndCause, language::Language, outcome::OutcomeReport, provider::Provider, turn::Turn};
use offhook_types::{
    chat::{Message, Tool},
    ids::{Generation, Millis, SentenceId, UtteranceId},
};
use serde::Serialize;
use serde_json::Value;

/// How the conversation ended, once it has.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Conclusion {
    /// Who answered, as a disposition: `Answered`, `Voicemail`, `MenuDeadEnd`, `NoMedia` or `Cancelled`.
    pub disposition: offhook::disposition::Disposition,
    /// What it came to; absent where the line dropped before anything was agreed or reported.
    pub outcome: Option<OutcomeReport>,
    /// One sentence for people.
    pub detail: Option<String>,
    /// The provider that spoiled the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failed_provider: Option<Provider>,
    /// The callee asked not to be called again.
    pub do_not_call: bool,
    /// Who or what ended the call; absent where it was over before anybody answered.
    pub ended: Option<EndCause>,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", content = "of", rename_all = "snake_case")]
pub enum Action {
    /// Send the utterance's sound to the recogniser.
    Transcribe {
        /// Which.
        utterance: UtteranceId,
        /// A hint, where the language is settled.
        language: Option<Language>,
    },
    /// Ask the model; stream its answer back as `Reply…` events of this generation.
    Think {
        /// The new generation.
        generation: Generation,
        /// The whole history, prompt first.
        messages: Vec<Message>,
        /// What it may call.
        tools: Vec<Tool>,
    },
    /// Stop asking the model: the current generation is old.
    StopThinking,
    /// Fetch the voice for this sentence now, and play it after all sentences asked for before it.
    Speak {
        /// Its name.
        sentence: SentenceId,
        /// Words, as they are to be spoken and shown; numbers are turned into words on the way to the voice.
        text: String,
        /// Whose voice.
        language: Language,
    },
    /// Silence at once: drop everything asked for by `Speak` and not yet played. `Cut` follows for the one playing.
    StopSpeaking,
    /// Write the tool call to the journal before it runs; answered by `ToolJournaled` or `ToolNotJournaled`.
    JournalTool {
        /// From 1 within the attempt.
        number: u32,
        /// The tool's name.
        name: String,
        /// Its arguments, parsed.
        arguments: Value,
    },
    /// Write the tool's result to the journal.
    SettleTool {
        /// Its number.
        number: u32,
        /// The result as the model sees it.
        result: Value,
    },
    /// Write a turn to the transcript.
    Record(Turn),
    /// The callee knows that the call is recorded and goes on: where that was waited for, the recording begins.
    StartRecording,
    /// The callee does not want to be recorded: stop, and delete what there is.
    DeleteRecording,
    /// Write an event to the call's log.
    Log {
        /// A word: `language`, `barge_in`, `voicemail`, …
        kind: &'static str,
        /// Details.
        detail: Value,
    },
    /// The line is down: end the utterance that is open. What comes of it is told as `Heard`, `EarEvent::Flushed` last.
    FlushEar,
    /// Send `Event::Wake` at this moment; replaces the moment asked for before.
    WakeAt(Millis),
    /// End the call on the wire. The line first lets what the playout has sent reach the callee; the mind has waited for its last
    /// sentence.
    HangUp,
    /// The conversation is over; nothing follows.
    Finish(Conclusion),
}
