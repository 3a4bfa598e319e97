//! What a worker says to Postgres: only the functions of `migrations/functions/worker.sql`, only for the attempt its token opens.
//!
//! There are two kinds of statement, over one connection. What must be committed before the next step is *asked* and waited for:
//! `progress`, `seen`, `tool_begin`, `finish`. The rest is *noted* into an outbox (bounded, in order) that a task sends, with retries
//! while the database is unreachable: `turn`, `event`, `tool_end`, `progress_later`.

mod connection;
mod outbox;
mod statement;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use serde_json::Value;

pub(in crate::store) use self::statement::milliseconds;
use self::{connection::Line, outbox::Outbox, statement::Statement};
pub use self::{
    outbox::Note,
    statement::{Step, TrunkChange, TrunkFailed},
};
use crate::{report::Report, secret::Secret, turn::Turn};

/// How long the store is patient. All of them are wall clocks over everything inside, retries included.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// One try to connect.
    pub connect: Duration,
    /// One statement, from sending it to its answer; a connection that exceeds it is thrown away.
    pub statement: Duration,
    /// [`WorkerStore::connect`], [`WorkerStore::progress`] and [`WorkerStore::seen`].
    pub ask: Duration,
    /// [`WorkerStore::tool_begin`]: somebody on the telephone waits for it, and may hang up. Nothing where the database is known to be
    /// away.
    pub tool: Duration,
    /// [`WorkerStore::finish`], which first waits for the outbox.
    pub finish: Duration,
    /// Between two tries at first; doubles up to [`Patience::longest_pause`].
    pub first_pause: Duration,
    /// Between two tries at most.
    pub longest_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Patience {
            connect: Duration::from_secs(3),
            statement: Duration::from_secs(5),
            ask: Duration::from_secs(10),
            tool: Duration::from_secs(2),
            finish: Duration::from_secs(90),
            first_pause: Duration::from_millis(100),
            longest_pause: Duration::from_secs(2),
        }
    }
}

/// Why a write did not count, or is not known to have counted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WorkerStoreError {
    /// The token opens nothing (any more): the attempt is settled, or another one has taken its place.
    #[error("this attempt is over or was never given out; the worker must stop, nothing it writes counts any more")]
    Stale,
    /// Not within the time limit; it may or may not have arrived, and may be sent again.
    #[error(
        "the database could not be reached in time: {0}; check that it is up and reachable from the worker's machine at the host and port in OFFHOOK_WORKER_DATABASE_URL"
    )]
    Unavailable(String),
    /// Postgres answered and said no; telling it again would not help.
    #[error(
        "the database refused: {0}; check user and password in OFFHOOK_WORKER_DATABASE_URL, and that `offhook migrate` has been run"
    )]
    Refused(String),
    /// More is waiting for the database than the outbox holds.
    #[error("{0} notes are waiting for the database, and no more are kept; check that the database is up")]
    OutboxFull(usize),
    /// The URL in the specification is none.
    #[error("OFFHOOK_WORKER_DATABASE_URL is no URL: {0}; write it as postgres://role:password@host:5432/database")]
    NotAUrl(String),
}

/// What the journal says about a tool that is about to run.
#[derive(Debug, Clone, PartialEq)]
pub enum ToolBegin {
    /// Written down, never begun before: run it.
    Run,
    /// Begun before: do not run it again. The stored result, or `{}` where it is not known how it ended.
    Known(Value),
}

/// One worker's line to the database. Cheap to clone; the outbox's task ends with the last clone.
#[derive(Clone)]
pub struct WorkerStore {
    line: Arc<Line>,
    outbox: Arc<Outbox>,
    /// Tools this worker has sent a `begin` for, and whether it was answered.
    begun: Arc<Mutex<HashMap<i32, bool>>>,
    patience: Patience,
}

impl WorkerStore {
    /// Connects and proves the token with a first sign of life, so that a worker with a stale token never dials.
    ///
    /// # Errors
    /// [`WorkerStoreError::Stale`], or what keeps the database from answering within [`Patience::ask`].
    pub async fn connect(url: &Secret, token: &Secret) -> Result<WorkerStore, WorkerStoreError> {
        WorkerStore::connect_with(url, token, Patience::default()).await
    }

    /// [`WorkerStore::connect`] with another patience.
    ///
    /// # Errors
    /// As there.
    pub async fn connect_with(url: &Secret, token: &Secret, patience: Patience) -> Result<WorkerStore, WorkerStoreError> {
        let line = Arc::new(Line::new(url, token.clone(), patience)?);
        line.ask(&Statement::Seen, patience.ask).await?;
        let outbox = Arc::new(Outbox::start(Arc::clone(&line)));
        Ok(WorkerStore { line, outbox, begun: Arc::default(), patience })
    }

    /// Says that the next step is about to be taken, and waits until the row knows. Returns whether to go on: `false` means that the
    /// user has taken the call back, and then nothing may be dialled.
    ///
    /// # Errors
    /// Where it is not confirmed; then nothing may be dialled either.
    pub async fn progress(&self, step: Step, detail: Value) -> Result<bool, WorkerStoreError> {
        let answer = self.line.ask(&Statement::Progress { step, detail, since: Instant::now() }, self.patience.ask).await?;
        Ok(answer == Some(Value::Bool(true)))
    }

    /// The same through the outbox, for steps that happen whether the database knows or not. The moment is kept.
    ///
    /// # Errors
    /// [`WorkerStoreError::Stale`] or [`WorkerStoreError::OutboxFull`].
    pub fn progress_later(&self, step: Step, detail: Value) -> Result<(), WorkerStoreError> {
        self.outbox.put(Statement::Progress { step, detail, since: Instant::now() })
    }

    /// Asks whether the call may go over another trunk, `next_trunk`, because the last one has failed and nobody was rung; waits until
    /// the row knows. `nth` is the number of this try within the attempt, from 2.
    ///
    /// # Errors
    /// Where it is not confirmed; then nothing may be dialled.
    pub async fn change_trunk(&self, nth: u32, next_trunk: &str, failed: &TrunkFailed) -> Result<TrunkChange, WorkerStoreError> {
        let failed = serde_json::to_value(failed).map_err(|error| WorkerStoreError::Refused(error.to_string()))?;
        let nth = i32::try_from(nth).unwrap_or(i32::MAX);
        let statement = Statement::ChangeTrunk { nth, next_trunk: next_trunk.to_owned(), failed };
        Ok(TrunkChange::of_answer(self.line.ask(&statement, self.patience.ask).await?))
    }

    /// A sign of life. Returns whether the user has taken the call back.
    ///
    /// # Errors
    /// [`WorkerStoreError::Stale`]: stop. Others: go on talking and say it again later.
    pub async fn seen(&self) -> Result<bool, WorkerStoreError> {
        Ok(self.line.ask(&Statement::Seen, self.patience.ask).await? == Some(Value::Bool(true)))
    }

    /// Notes something that happened. Stored once, with the moment it was noted, however often it has to be sent.
    ///
    /// # Errors
    /// [`WorkerStoreError::Stale`] or [`WorkerStoreError::OutboxFull`]; the last quarter of the outbox is kept for turns.
    pub fn event(&self, kind: &str, detail: Value) -> Result<(), WorkerStoreError> {
        self.outbox.put_event(kind, detail)
    }

    /// Notes a turn. A second one of the same number replaces text, end, language and interruption.
    ///
    /// # Errors
    /// [`WorkerStoreError::Stale`] or [`WorkerStoreError::OutboxFull`].
    pub fn turn(&self, turn: Turn) -> Result<(), WorkerStoreError> {
        self.outbox.put(Statement::Turn(turn))
    }

    /// Writes a tool into the journal before it runs, and waits until it is there.
    ///
    /// # Errors
    /// Where it is not confirmed within [`Patience::tool`]; then the tool must not run, unless it is journaled elsewhere.
    pub async fn tool_begin(&self, number: i32, name: &str, arguments: Value) -> Result<ToolBegin, WorkerStoreError> {
        // Should an answer be lost, the row that is found the next time is our own, and the tool has not run.
        let before = self.begun().get(&number).copied();
        self.begun().entry(number).or_insert(false);
        let statement = Statement::ToolBegin { number, name: name.to_owned(), arguments };
        let patience = if self.line.is_away() { Duration::ZERO } else { self.patience.tool };
        let (answer, tries) = self.line.ask_counting(&statement, patience).await?;
        self.begun().insert(number, true);
        let ours = before == Some(false) || (before.is_none() && tries > 1);
        Ok(match answer {
            None => ToolBegin::Run,
            Some(known) if ours && known == serde_json::json!({}) => ToolBegin::Run,
            Some(known) => ToolBegin::Known(known),
        })
    }

    /// Notes that a tool was begun that is journaled elsewhere, so that the database has it too when it is back.
    ///
    /// # Errors
    /// [`WorkerStoreError::Stale`] or [`WorkerStoreError::OutboxFull`].
    pub fn tool_begin_later(&self, number: i32, name: &str, arguments: Value) -> Result<(), WorkerStoreError> {
        self.outbox.put(Statement::ToolBegin { number, name: name.to_owned(), arguments })
    }

    /// Notes the result of a tool.
    ///
    /// # Errors
    /// [`WorkerStoreError::Stale`] or [`WorkerStoreError::OutboxFull`].
    pub fn tool_end(&self, number: i32, result: Value) -> Result<(), WorkerStoreError> {
        self.outbox.put(Statement::ToolEnd { number, result })
    }

    /// Sends the outbox, then ends the attempt. The first report counts; sending it again does no harm.
    ///
    /// # Errors
    /// [`WorkerStoreError::Unavailable`]: not known to have arrived within [`Patience::finish`]; leave the report and
    /// [`WorkerStore::unsent`] in the spool. [`WorkerStoreError::Stale`]: reported already, or somebody else ended the attempt; there is
    /// nothing left to do.
    pub async fn finish(&self, report: &Report) -> Result<(), WorkerStoreError> {
        let deadline = Instant::now() + self.patience.finish;
        self.flush(self.patience.finish).await?;
        let report = serde_json::to_value(report).map_err(|error| WorkerStoreError::Refused(error.to_string()))?;
        let left = deadline.saturating_duration_since(Instant::now()).max(self.patience.statement);
        self.line.ask(&Statement::Finish { report }, left).await?;
        Ok(())
    }

    /// Waits until the outbox is empty.
    ///
    /// # Errors
    /// [`WorkerStoreError::Stale`], or [`WorkerStoreError::Unavailable`] where `patience` is over before that.
    pub async fn flush(&self, patience: Duration) -> Result<(), WorkerStoreError> {
        self.outbox.flush(patience).await
    }

    /// What is still waiting for the database, oldest first.
    pub fn unsent(&self) -> Vec<Note> {
        self.outbox.unsent()
    }

    fn begun(&self) -> std::sync::MutexGuard<'_, HashMap<i32, bool>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
