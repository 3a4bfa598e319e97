//! Notes on their way to the database: bounded, in order, and patient.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI32, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::{sync::watch, task::JoinHandle, time};

use super::{
    WorkerStoreError,
    connection::Line,
    statement::{Statement, Step, storable, storable_text},
};
use crate::turn::Turn;

/// How many notes wait at most. A talkative minute makes about 30, so this is half an hour without a database.
const CAPACITY: usize = 1024;
/// How many notes may wait before events are refused; the rest is for turns and tools.
const CAPACITY_FOR_EVENTS: usize = 768;

/// Something that is not known to have reached the database, for the spool: the coordinator stores it when it settles the attempt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "note", rename_all = "snake_case")]
pub enum Note {
    /// [`super::WorkerStore::turn`]
    Turn(Turn),
    /// [`super::WorkerStore::event`]
    Event {
        /// Its number among the attempt's events.
        number: i32,
        /// Its kind.
        kind: String,
        /// Its detail.
        detail: Value,
        /// When it happened.
        at: DateTime<Utc>,
    },
    /// [`super::WorkerStore::progress_later`]
    Progress {
        /// The step.
        step: Step,
        /// Its detail.
        detail: Value,
        /// When it was taken.
        at: DateTime<Utc>,
    },
    /// [`super::WorkerStore::tool_begin_later`]
    ToolBegin {
        /// The number of the tool call.
        number: i32,
        /// Its name.
        name: String,
        /// Its arguments.
        arguments: Value,
    },
    /// [`super::WorkerStore::tool_end`]
    ToolEnd {
        /// The number of the tool call.
        number: i32,
        /// Its result.
        result: Value,
    },
}

/// The outbox and the task that empties it; the task ends when this is dropped.
pub(super) struct Outbox {
    waiting: Arc<Waiting>,
    events: AtomicI32,
    task: JoinHandle<()>,
}

struct Waiting {
    notes: Mutex<VecDeque<Statement>>,
    /// How many notes wait, and whether the attempt turned out to be over.
    state: watch::Sender<(usize, bool)>,
}

impl Outbox {
    /// Needs a Tokio runtime.
    pub(super) fn start(line: Arc<Line>) -> Outbox {
        let waiting = Arc::new(Waiting { notes: Mutex::default(), state: watch::Sender::new((0, false)) });
        let task = tokio::spawn(empty(Arc::clone(&waiting), line));
        Outbox { waiting, events: AtomicI32::new(0), task }
    }

    pub(super) fn put(&self, statement: Statement) -> Result<(), WorkerStoreError> {
        self.waiting.put(statement, CAPACITY)
    }

    pub(super) fn put_event(&self, kind: &str, detail: Value) -> Result<(), WorkerStoreError> {
        let number = self.events.fetch_add(1, Ordering::Relaxed) + 1;
        let statement = Statement::Event { number, kind: kind.to_owned(), detail, since: Instant::now() };
        self.waiting.put(statement, CAPACITY_FOR_EVENTS)
    }

    pub(super) async fn flush(&self, patience: Duration) -> Result<(), WorkerStoreError> {
        let mut state = self.waiting.state.subscribe();
        let emptied = state.wait_for(|(count, stale)| *count == 0 || *stale);
        match time::timeout(patience, emptied).await {
            Ok(Ok(state)) if state.1 => Err(WorkerStoreError::Stale),
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => {
                let count = self.waiting.notes().len();
                Err(WorkerStoreError::Unavailable(format!("{count} notes still waited after {} s", patience.as_secs())))
            }
        }
    }

    pub(super) fn unsent(&self) -> Vec<Note> {
        self.waiting.notes().iter().filter_map(note).collect()
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Waiting {
    fn notes(&self) -> MutexGuard<'_, VecDeque<Statement>> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(&self, statement: Statement, capacity: usize) -> Result<(), WorkerStoreError> {
        if self.state.borrow().1 {
            return Err(WorkerStoreError::Stale);
        }
        let mut notes = self.notes();
        if notes.len() >= capacity {
            return Err(WorkerStoreError::OutboxFull(notes.len()));
        }
        notes.push_back(statement);
        self.state.send_modify(|state| state.0 = notes.len());
        Ok(())
    }

    fn sent_first(&self) {
        let mut notes = self.notes();
        notes.pop_front();
        self.state.send_modify(|state| state.0 = notes.len());
    }
}

/// Sends the oldest note until it has arrived, then the next one.
async fn empty(waiting: Arc<Waiting>, line: Arc<Line>) {
    let mut state = waiting.state.subscribe();
    let mut pause = line.patience.first_pause;
    // Ends with an error when the outbox is gone.
    while state.wait_for(|(count, _)| *count > 0).await.is_ok() {
        let Some(next) = waiting.notes().front().cloned() else { continue };
        match line.try_once(&next).await {
            Ok(_) => {
                waiting.sent_first();
                pause = line.patience.first_pause;
            }
            Err(WorkerStoreError::Stale) => {
                tracing::warn!(
                    waiting = waiting.notes().len(),
                    "the attempt is over: what still waits for the database is dropped"
                );
                waiting.notes().clear();
                waiting.state.send_replace((0, true));
                return;
            }
            Err(error @ WorkerStoreError::Unavailable(_)) => {
                tracing::warn!(waiting = waiting.notes().len(), %error, "a note has to wait");
                time::sleep(pause).await;
                pause = (pause * 2).min(line.patience.longest_pause);
            }
            Err(error) => {
                // It would be refused again, and those behind it must not suffer for it.
                tracing::error!(%error, "a note was refused and is left out");
                waiting.sent_first();
            }
        }
    }
}

fn note(statement: &Statement) -> Option<Note> {
    Some(match statement.clone() {
        Statement::Turn(turn) => Note::Turn(Turn { text: storable_text(&turn.text), ..turn }),
        Statement::Event { number, kind, detail, since } => {
            Note::Event { number, kind: storable_text(&kind), detail: storable(&detail), at: moment(since) }
        }
        Statement::Progress { step, detail, since } => Note::Progress { step, detail: storable(&detail), at: moment(since) },
        Statement::ToolBegin { number, name, arguments } => {
            Note::ToolBegin { number, name: storable_text(&name), arguments: storable(&arguments) }
        }
        Statement::ToolEnd { number, result } => Note::ToolEnd { number, result: storable(&result) },
        Statement::Seen | Statement::ChangeTrunk { .. } | Statement::Finish { .. } => return None,
    })
}

fn moment(since: Instant) -> DateTime<Utc> {
    Utc::now() - since.elapsed()
}
