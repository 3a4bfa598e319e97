//! What the mind wants done. Every action is carried out in order; answers come back as events.

use offhook::{language::Language, outcome::OutcomeReport};
use serde_json::Value;

use super::event::{Generation, Millis, SentenceId, ToolCall, UtteranceId};
use crate::audio::MediaTime;

/// Who said a message in the model's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The prompt.
    System,
    /// The callee.
    User,
    /// The agent: only what the callee heard.
    Assistant,
    /// The result of a tool.
    Tool,
}

/// A message of the model's history, as the chat wire has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Who.
    pub role: Role,
    /// What.
    pub content: String,
    /// The assistant's tool calls.
    pub tool_calls: Vec<ToolCall>,
    /// The identifier a tool's result answers.
    pub tool_call_id: Option<String>,
}

/// A tool as the chat wire describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// When to call it, for the model.
    pub description: String,
    /// JSON schema of its arguments.
    pub parameters: Value,
}

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// The restaurant.
    Callee,
    /// Us.
    Agent,
}

/// A turn as it goes into the transcript. A turn sent again with the same number replaces the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// From 1, both speakers, in the order of `started`.
    pub number: u32,
    /// Who.
    pub speaker: Speaker,
    /// In which language.
    pub language: Option<Language>,
    /// The callee's words as recognised; the agent's words as far as they were heard.
    pub text: String,
    /// Start on the recording's clock.
    pub started: MediaTime,
    /// End on the recording's clock.
    pub ended: MediaTime,
    /// The agent's turn was cut off by the callee.
    pub interrupted: bool,
}

/// How the conversation ended, once it has.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// Who answered, as a disposition: `Answered`, `Voicemail`, `MenuDeadEnd` or `Cancelled`.
    pub disposition: offhook::disposition::Disposition,
    /// What it came to; absent where the line dropped before anything was agreed or reported.
    pub outcome: Option<OutcomeReport>,
    /// One sentence for people.
    pub detail: Option<String>,
    /// The callee asked not to be called again.
    pub do_not_call: bool,
}

/// What is to be done now.
#[derive(Debug, Clone, PartialEq)]
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
    /// Silence at once: drop everything asked for by `Speak` and not yet played. Answers `SentenceCut` for the one playing.
    StopSpeaking,
    /// Write the tool call to the journal before it runs; answers `ToolJournaled`.
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
    /// Send `Event::Wake` at this moment; replaces the moment asked for before.
    WakeAt(Millis),
    /// End the call on the wire. What is being played is cut: the mind has waited for the last sentence.
    HangUp,
    /// The conversation is over; nothing follows.
    Finish(Conclusion),
}
