//! What a conversation needs from outside, one trait each.

use std::sync::Arc;

use futures::future::BoxFuture;
use offhook::turn::Turn;
use offhook_types::{
    audio::{Frame, MediaTime},
    hearing::EarEvent,
    ids::{SentenceId, UtteranceId},
    line::{LineEnd, MediaPresence},
    playout::PlayoutEvent,
    services::{Model, Recogniser, Voice},
};
use serde_json::Value;

use crate::measured::Tallies;

/// What a line reports.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "nearly every event is a frame: a box would be an allocation for each")]
pub enum LineEvent {
    /// 20 ms of the callee, in order.
    Heard {
        /// Start of the frame.
        at: MediaTime,
        /// The sound.
        frame: Frame,
    },
    /// What became of a sentence.
    Playout(PlayoutEvent),
    /// RTP comes, or has stopped coming.
    Media(MediaPresence),
    /// The far end put us on hold by signalling, or took us back.
    Held(bool),
    /// The callee pressed a key.
    Key(char),
    /// The line is down; only the playout may still report what was cut. Everything heard before was reported before.
    Ended(LineEnd),
}

/// A telephone line on which somebody answered.
pub trait Line: Send {
    /// The next thing that happens. Waits for ever where nothing more can. Cancel safe.
    fn next(&mut self) -> BoxFuture<'_, LineEvent>;
    /// The way to speak into it.
    fn playout(&self) -> Arc<dyn Playout>;
    /// Ends the call on the wire, after what was played has reached the callee. Keeps its own bound.
    fn hang_up(&mut self) -> BoxFuture<'_, ()>;
}

/// Speaks into the line.
pub trait Playout: Send + Sync {
    /// Appends sound (16 kHz) to a sentence; `last` says that no more follows. Sentences are played in the order of their names.
    fn play(&self, sentence: SentenceId, samples: Vec<i16>, last: bool);
    /// Silence at once. The sentence being played is reported as `Cut`; sound for sentences asked for before is dropped.
    fn stop(&self);
    /// The recording begins, where it was held until now.
    fn record(&self);
    /// The recording is stopped and deleted, for good.
    fn delete_recording(&self);
}

/// Finds utterances in the callee's sound.
pub trait Ear: Send {
    /// Takes the frame that begins `at`.
    fn hear(&mut self, at: MediaTime, frame: &Frame) -> Vec<EarEvent>;
    /// The sound of an utterance, 16 kHz; once.
    fn take_utterance(&mut self, utterance: UtteranceId) -> Option<Vec<i16>>;
    /// Ends what is being said; `EarEvent::Flushed` comes last.
    fn flush(&mut self) -> Vec<EarEvent>;
}

/// Writes down what happens. Nothing here blocks the conversation but `tool_begin`.
pub trait Journal: Send + Sync {
    /// A turn of the transcript; one with the same number replaces the first.
    fn turn(&self, turn: &Turn);
    /// Something worth remembering.
    fn event(&self, kind: &str, detail: Value);
    /// Writes a tool call down before it runs. `Ok(Some(result))`: it ran before, with this result. `Err`: it could be written
    /// nowhere and must not run.
    fn tool_begin(&self, number: u32, name: String, arguments: Value) -> BoxFuture<'static, Result<Option<Value>, String>>;
    /// The tool's result.
    fn tool_end(&self, number: u32, result: Value);
}

/// All ports of one conversation.
pub struct Ports {
    /// The line.
    pub line: Box<dyn Line>,
    /// The ear.
    pub ear: Box<dyn Ear>,
    /// The recogniser.
    pub recogniser: Arc<dyn Recogniser>,
    /// The language model.
    pub model: Arc<dyn Model>,
    /// The voice.
    pub voice: Arc<dyn Voice>,
    /// The journal.
    pub journal: Arc<dyn Journal>,
    /// What the three services took, where they are measured.
    pub tallies: Tallies,
}
