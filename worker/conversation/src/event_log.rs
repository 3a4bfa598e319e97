//! The log of one conversation: every event with its time, and what the mind wanted done, one JSON object a line.
//!
//! The first line is what the mind was made of. The log holds what was said, and no key or password: the mind knows none. It is
//! bounded; a call that talks longer keeps its beginning.

use std::{
    fs::OpenOptions,
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

use offhook_mind::{Action, Event};
use offhook_types::{chat::Message, ids::Millis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::setup::Setup;

/// The version of the format.
pub const VERSION: u32 = 1;
/// The most a log holds, in bytes: a call of five minutes writes about a tenth.
pub(super) const MOST_BYTES: usize = 8 << 20;

/// A line of the log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "snake_case")]
pub(super) enum LogLine {
    /// The first.
    Setup {
        /// Of the format.
        version: u32,
        /// The program that wrote it.
        program: String,
        #[serde(flatten)]
        setup: Box<Setup>,
    },
    /// Something happened.
    Event { now: Millis, event: Event },
    /// What followed from the event before; absent where nothing did.
    Actions { actions: Vec<Value> },
    /// The bound was reached; what followed is not here.
    Full,
}

/// Writes the log of one conversation. What cannot be written is not: a full disk is no reason to end a call.
pub struct EventLog {
    out: Option<Box<dyn Write + Send>>,
    bytes: usize,
    shorter: ActionsAsLogged,
}

impl EventLog {
    /// No log.
    pub fn none() -> Self {
        EventLog { out: None, bytes: 0, shorter: ActionsAsLogged::default() }
    }

    /// A new file that nobody but its owner reads.
    ///
    /// # Errors
    /// Where it exists already or cannot be made.
    pub fn create(path: &Path, setup: &Setup) -> io::Result<Self> {
        let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?;
        Ok(EventLog::to(Box::new(file), setup))
    }

    /// Writes to anything.
    pub fn to(out: Box<dyn Write + Send>, setup: &Setup) -> Self {
        let mut log = EventLog { out: Some(out), ..EventLog::none() };
        let program = env!("CARGO_PKG_VERSION").to_owned();
        log.write(&LogLine::Setup { version: VERSION, program, setup: Box::new(setup.clone()) });
        log
    }

    /// Something happens. It is written before the mind is told, so that a log also shows what the mind did not survive.
    pub(super) fn event(&mut self, now: Millis, event: &Event) {
        if self.out.is_some() {
            self.write(&LogLine::Event { now, event: event.clone() });
        }
    }

    /// What the mind wants done.
    pub(super) fn actions(&mut self, actions: &[Action]) {
        if self.out.is_some() && !actions.is_empty() {
            let actions = self.shorter.shorten(actions);
            self.write(&LogLine::Actions { actions });
        }
    }

    fn write(&mut self, line: &LogLine) {
        let Some(out) = &mut self.out else { return };
        let written = serde_json::to_vec(line).map_err(io::Error::other).and_then(|mut json| {
            json.push(b'\n');
            self.bytes += json.len();
            if self.bytes > MOST_BYTES {
                json = serde_json::to_vec(&LogLine::Full).map_err(io::Error::other)?;
                json.push(b'\n');
            }
            out.write_all(&json)
        });
        if let Err(error) = &written {
            tracing::warn!(%error, "the event log ends here");
        }
        if written.is_err() || self.bytes > MOST_BYTES {
            self.out = None;
        }
    }
}

/// Actions as the log has them: of the messages for the model only those that are new, for the whole history would be written with
/// every reply.
#[derive(Debug, Default)]
pub(super) struct ActionsAsLogged {
    asked: Vec<Message>,
}

impl ActionsAsLogged {
    /// The actions of one event, after all before.
    pub(super) fn shorten(&mut self, actions: &[Action]) -> Vec<Value> {
        actions.iter().map(|action| self.one(action)).collect()
    }

    fn one(&mut self, action: &Action) -> Value {
        let Action::Think { generation, messages, tools } = action else {
            return serde_json::to_value(action).unwrap_or_else(|error| json!({ "unwritable": error.to_string() }));
        };
        let kept = self.asked.iter().zip(messages).take_while(|(before, now)| before == now).count();
        self.asked.clone_from(messages);
        let tools: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
        let new = &messages[kept..];
        json!({ "kind": "think", "of": { "generation": generation, "kept": kept, "messages": new, "tools": tools } })
    }
}
