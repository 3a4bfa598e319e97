//! Replays a log: the same events must lead to the same actions.

use std::io::{BufRead, Take};

use offhook_mind::{Action, Conclusion, Mind};
use serde_json::Value;

use super::{
    event_log::{ActionsAsLogged, LogLine, MOST_BYTES, VERSION},
    possible,
};

/// The most bytes of a log that is read: as many as are written, and the line that says that it is full.
const LONGEST_LOG: u64 = MOST_BYTES as u64 + 1024;

/// What a replay came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// Events that were told.
    pub events: usize,
    /// The log goes to the end of the call: it is neither cut nor full.
    pub complete: bool,
    /// How the call ended, where the log goes so far.
    pub conclusion: Option<Conclusion>,
}

/// Why a log does not replay.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read.
    #[error("line {line} of the log cannot be read: {error}")]
    Unreadable {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        error: String,
    },
    /// It says what cannot have been: the file was damaged, or was written by hand.
    #[error("line {line} of the log is damaged: {what}")]
    Impossible {
        /// From 1.
        line: usize,
        /// What cannot have been.
        what: String,
    },
    /// It is none, or another program's.
    #[error("this is no event log of version {VERSION}: {0}")]
    Foreign(String),
    /// The mind of today does something else.
    #[error("line {line}: after {event} the log says\n  {logged}\nand the mind says\n  {replayed}")]
    Different {
        /// Of the event, from 1.
        line: usize,
        /// The event, as JSON.
        event: String,
        /// The first action that differs, as logged; empty where there was none.
        logged: String,
        /// The action in its place now; empty where there is none.
        replayed: String,
    },
}

/// Replays a whole log. A last line that was cut off, as by a worker that was killed, is left out.
///
/// # Errors
/// The first difference, or why the log is none.
pub fn replay(log: impl BufRead) -> Result<Replayed, ReplayError> {
    // What follows would be read for nothing: no log is longer.
    let mut lines = Lines { log: log.take(LONGEST_LOG), number: 0, read: 0 };
    let (version, setup) = match lines.next()? {
        Some(LogLine::Setup { version, setup, .. }) => (version, setup),
        _ => return Err(ReplayError::Foreign("its first line is not the set-up of a conversation".to_owned())),
    };
    if version != VERSION {
        return Err(ReplayError::Foreign(format!("it is of version {version}")));
    }
    possible::settings(&setup.settings).map_err(|what| ReplayError::Impossible { line: 1, what })?;
    let mut mind = Mind::new(setup.request, &setup.number, setup.settings, 0);
    let mut before = 0;
    let mut shorter = ActionsAsLogged::default();
    let mut replayed = Replayed { events: 0, complete: false, conclusion: None };
    let mut next = lines.next()?;
    while let Some(line) = next.take() {
        let LogLine::Event { now, event } = line else {
            let full = matches!(line, LogLine::Full);
            if full {
                return Ok(replayed);
            }
            return Err(ReplayError::Unreadable { line: lines.number, error: "it follows no event".to_owned() });
        };
        possible::event(&event, now, before).map_err(|what| ReplayError::Impossible { line: lines.number, what })?;
        before = now;
        let (number, told) = (lines.number, serde_json::to_string(&event).unwrap_or_default());
        let actions = mind.handle(event, now);
        replayed.events += 1;
        let shortened = shorter.shorten(&actions);
        next = lines.next()?;
        let logged = match next.take() {
            Some(LogLine::Actions { actions }) => {
                next = lines.next()?;
                Some(actions)
            }
            // The log may end between an event and its actions.
            None if !shortened.is_empty() => None,
            other => {
                next = other;
                Some(Vec::new())
            }
        };
        if matches!(next, Some(LogLine::Full)) && logged.as_ref().is_some_and(Vec::is_empty) {
            return Ok(replayed);
        }
        if let Some(logged) = logged {
            compare(number, told, &logged, &shortened)?;
        }
        if let Some(Action::Finish(conclusion)) = actions.into_iter().next_back() {
            replayed.conclusion = Some(conclusion);
            replayed.complete = true;
        }
    }
    Ok(replayed)
}

fn compare(line: usize, event: String, logged: &[Value], replayed: &[Value]) -> Result<(), ReplayError> {
    let longest = logged.len().max(replayed.len());
    // Numbers that were floats of 32 bits are read back as they were written.
    let differs = (0..longest).find(|at| logged.get(*at).map(Value::to_string) != replayed.get(*at).map(Value::to_string));
    match differs {
        None => Ok(()),
        Some(at) => {
            let shown = |actions: &[Value]| actions.get(at).map(Value::to_string).unwrap_or_default();
            Err(ReplayError::Different { line, event, logged: shown(logged), replayed: shown(replayed) })
        }
    }
}

struct Lines<R> {
    log: Take<R>,
    number: usize,
    /// Bytes of all lines so far.
    read: u64,
}

impl<R: BufRead> Lines<R> {
    /// The next whole line.
    fn next(&mut self) -> Result<Option<LogLine>, ReplayError> {
        let mut text = Vec::new();
        self.number += 1;
        let unreadable = |error: String| ReplayError::Unreadable { line: self.number, error };
        let length = self.log.read_until(b'\n', &mut text).map_err(|error| unreadable(error.to_string()))?;
        self.read += length as u64;
        if self.read >= LONGEST_LOG {
            let what = format!("a log ends before it has {LONGEST_LOG} bytes, and this one goes on");
            return Err(ReplayError::Impossible { line: self.number, what });
        }
        if text.last() != Some(&b'\n') {
            return Ok(None);
        }
        serde_json::from_slice(&text).map(Some).map_err(|error| {
            // The reader counts lines of this one line.
            let (what, column) = (error.to_string(), error.column());
            let what = what.rsplit_once(" at line ").map_or(what.clone(), |(what, _)| what.to_owned());
            unreadable(format!("{what} (byte {column})"))
        })
    }
}

#[cfg(test)]
mod tests;
