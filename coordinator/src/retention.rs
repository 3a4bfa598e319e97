//! Deletes what was kept long enough: recordings and event logs of this machine from the spool, then the rows whose files are gone.

use std::{io, time::Duration};

use offhook::store::{error::StoreError, kept_files::KeptFile, leases::AttemptId, retention};
use sqlx::PgPool;
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{spool::Spool, test_signals::Signals};

/// The files of how many attempts, and how many calls, one round deletes at most in one statement, where nothing else is configured.
pub const BATCH: i32 = 200;

/// The pace of a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionConfig {
    /// The time between two rounds.
    pub every: Duration,
    /// The files of how many attempts, and how many calls, one statement takes at most.
    pub batch: i32,
}

/// Sweeps.
#[derive(Debug, Clone)]
pub struct Retention {
    /// The database.
    pub pool: PgPool,
    /// This machine, as attempts name it.
    pub host: String,
    /// Where its recordings and event logs lie.
    pub spool: Spool,
    /// The pace.
    pub config: RetentionConfig,
    /// Signals of what it has done.
    pub signals: Signals,
}

/// What one round did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Deleted {
    /// Recordings whose sound is gone now.
    pub recordings: usize,
    /// Event logs that are gone now.
    pub event_logs: usize,
    /// Files that could not be deleted; the log says why.
    pub kept: usize,
    /// Rows of calls.
    pub calls: usize,
}

impl Deleted {
    fn files(&self) -> usize {
        self.recordings + self.event_logs
    }
}

impl Retention {
    /// Sweeps at once and then regularly, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut tick = interval(self.config.every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            match self.delete_due().await {
                Ok(swept) if swept == Deleted::default() => {}
                Ok(Deleted { recordings, event_logs, kept, calls }) => {
                    tracing::info!(recordings, event_logs, kept, calls, "deleted what was kept long enough")
                }
                Err(error) => tracing::warn!(%error, "nothing more is deleted for now"),
            }
            self.signals.retention_swept.tell();
        }
    }

    /// One round: all that is due, in batches.
    ///
    /// # Errors
    /// [`StoreError`] as the database gives it; what was deleted before stays deleted.
    pub async fn delete_due(&self) -> Result<Deleted, StoreError> {
        let batch = self.config.batch;
        let mut swept = Deleted::default();
        loop {
            let due = retention::files_to_delete(&self.pool, &self.host, batch).await?;
            let found = due.len();
            let gone_before = swept.files();
            for due in due {
                let attempt = due.attempt;
                for (file, uri) in due.files() {
                    self.delete(attempt, file, uri, &mut swept).await?;
                }
            }
            // One that cannot be deleted stays due: it would be found again at once.
            if i32::try_from(found).is_ok_and(|found| found < batch) || swept.files() == gone_before {
                break;
            }
        }
        loop {
            let deleted = retention::delete_calls(&self.pool, batch).await?;
            swept.calls += usize::try_from(deleted).unwrap_or_default();
            if deleted < batch {
                return Ok(swept);
            }
        }
    }

    async fn delete(&self, attempt: AttemptId, file: KeptFile, uri: String, swept: &mut Deleted) -> Result<(), StoreError> {
        let spool = self.spool.clone();
        let deleted = spawn_blocking(move || spool.delete(attempt, file, &uri)).await;
        if let Err(error) = deleted.unwrap_or_else(|panic| Err(io::Error::other(panic))) {
            tracing::error!(%attempt, file = file.name(), %error, "a file that was kept long enough cannot be deleted");
            swept.kept += 1;
            return Ok(());
        }
        retention::file_deleted(&self.pool, attempt, file).await?;
        match file {
            KeptFile::Recording => swept.recordings += 1,
            KeptFile::EventLog => swept.event_logs += 1,
        }
        Ok(())
    }
}
