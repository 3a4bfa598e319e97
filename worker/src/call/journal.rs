//! What the call writes while it goes on: steps, turns, tools, events. Nothing here blocks the conversation but what must be
//! committed before the act it names.

use std::{
    fs::OpenOptions,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::{FutureExt, future::BoxFuture};
use offhook::{
    attempt::TOOLS_FILE,
    report::Report,
    secret::Secret,
    store::worker::{Note, Step, ToolBegin, TrunkChange, TrunkFailed, WorkerStore, WorkerStoreError},
    turn::Turn,
};
use offhook_types::line::StopReason;
use serde_json::{Value, json};

use super::stop::StopSender;

/// The call's connection to the database; cheap to clone. What cannot be written now waits there; what is refused is logged, never fatal.
#[derive(Clone)]
pub struct Journal {
    store: WorkerStore,
    /// Where tools are journaled while the database is away.
    tools: PathBuf,
    asking: Arc<AtomicBool>,
}

impl Journal {
    /// Connects, and proves that the attempt is still ours.
    ///
    /// # Errors
    /// Where the database is away or the attempt is over; then nothing may be dialled.
    pub async fn connect(database: &Secret, token: &Secret, spool: &Path) -> Result<Journal, WorkerStoreError> {
        let store = WorkerStore::connect(database, token).await?;
        Ok(Journal { store, tools: spool.join(TOOLS_FILE), asking: Arc::default() })
    }

    /// Commits that we are about to dial. `false`: the call was taken back, do not.
    ///
    /// # Errors
    /// Where it is not certain that the row knows; then nothing may be dialled.
    pub async fn dialing(&self) -> Result<bool, WorkerStoreError> {
        self.store.progress(Step::Dialing, json!({})).await
    }

    /// Commits that we are about to dial over another trunk, because of what the last one did.
    ///
    /// # Errors
    /// Where it is not certain that the row knows; then nothing may be dialled.
    pub async fn change_trunk(&self, nth: u32, next_trunk: &str, failed: &TrunkFailed) -> Result<TrunkChange, WorkerStoreError> {
        self.store.change_trunk(nth, next_trunk, failed).await
    }

    /// It rings.
    pub fn ringing(&self, code: u16) {
        note("ringing", self.store.progress_later(Step::Ringing, json!({ "code": code })));
    }

    /// Somebody answered.
    pub fn talking(&self, detail: Value) {
        note("talking", self.store.progress_later(Step::Talking, detail));
    }

    /// Something worth remembering.
    pub fn event(&self, kind: &str, detail: Value) {
        tracing::debug!(kind, %detail, "event");
        note(kind, self.store.event(kind, detail));
    }

    /// Shows that we live; asks for the call to end where the user has taken it back, or the attempt is not ours any more.
    pub fn seen(&self, stop: &StopSender) {
        if self.asking.swap(true, Ordering::AcqRel) {
            return;
        }
        let (store, asking, stop) = (self.store.clone(), Arc::clone(&self.asking), stop.clone());
        tokio::spawn(async move {
            match store.seen().await {
                Ok(false) => {}
                Ok(true) => stop.ask(StopReason::TakenBack),
                Err(WorkerStoreError::Stale) => stop.ask(StopReason::AttemptStale),
                Err(error) => tracing::warn!(%error, "no sign of life could be given"),
            }
            asking.store(false, Ordering::Release);
        });
    }

    /// What the database has not taken yet.
    pub fn unsent(&self) -> Vec<Note> {
        self.store.unsent()
    }

    /// Tells the end. Returns whether the database knows it (or does not want to know it any more).
    pub async fn finish(&self, report: &Report) -> bool {
        match self.store.finish(report).await {
            Ok(()) | Err(WorkerStoreError::Stale) => true,
            Err(error) => {
                tracing::error!(%error, unsent = self.store.unsent().len(), "the report stays on disk");
                false
            }
        }
    }
}

impl offhook_conversation::ports::Journal for Journal {
    fn turn(&self, turn: &Turn) {
        note("turn", self.store.turn(turn.clone()));
    }

    fn event(&self, kind: &str, detail: Value) {
        Journal::event(self, kind, detail);
    }

    /// Where the database is away for longer than it is asked, the entry goes to the disk beside the recording instead: this process
    /// is the only one that will ever run this attempt.
    fn tool_begin(&self, number: u32, name: String, arguments: Value) -> BoxFuture<'static, Result<Option<Value>, String>> {
        let (store, tools) = (self.store.clone(), self.tools.clone());
        async move {
            match store.tool_begin(number as i32, &name, arguments.clone()).await {
                Ok(ToolBegin::Run) => Ok(None),
                Ok(ToolBegin::Known(result)) => Ok(Some(result)),
                Err(error) => {
                    tracing::warn!(%error, name, number, "the tool is journaled on disk");
                    journal_on_disk(&tools, number, &name, &arguments)
                        .map_err(|disk| format!("the database: {error}; the disk: {disk}"))?;
                    note("tool", store.tool_begin_later(number as i32, &name, arguments));
                    Ok(None)
                }
            }
        }
        .boxed()
    }

    fn tool_end(&self, number: u32, result: Value) {
        note("tool", self.store.tool_end(number as i32, result));
    }
}

fn journal_on_disk(tools: &Path, number: u32, name: &str, arguments: &Value) -> std::io::Result<()> {
    let mut file = OpenOptions::new().create(true).append(true).open(tools)?;
    writeln!(file, "{}", json!({ "number": number, "name": name, "arguments": arguments }))?;
    file.sync_all()
}

fn note(what: &str, written: Result<(), WorkerStoreError>) {
    if let Err(error) = written {
        tracing::warn!(what, %error, "not written");
    }
}
