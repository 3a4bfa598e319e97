//! Deletes what was kept long enough: recordings of this machine from the spool, then the rows whose sound is gone.

use std::{io, time::Duration};

use offhook::store::{error::StoreError, retention};
use sqlx::PgPool;
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::{signal::Signals, spool::Spool};

/// How many recordings, and how many calls, one round deletes at most in one statement, where nothing else is configured.
pub const BATCH: i32 = 200;

/// The pace of a retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetentionConfig {
    /// The time between two rounds.
    pub every: Duration,
    /// How many recordings, and how many calls, one statement takes at most.
    pub batch: i32,
}

/// Sweeps.
#[derive(Debug, Clone)]
pub struct Retention {
    /// The database.
    pub pool: PgPool,
    /// This machine, as attempts name it.
    pub host: String,
    /// Where its recordings lie.
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
    /// Recordings that could not be deleted; the log says why.
    pub kept: usize,
    /// Rows of calls.
    pub calls: usize,
}

impl Retention {
    /// Sweeps at once and then regularly, until `stop`.
    pub async fn run(self, stop: CancellationToken) {
        let mut tick = interval(self.config.every);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while stop.run_until_cancelled(tick.tick()).await.is_some() {
            match self.delete_due().await {
                Ok(swept) if swept == Deleted::default() => {}
                Ok(Deleted { recordings, kept, calls }) => {
                    tracing::info!(recordings, kept, calls, "deleted what was kept long enough")
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
            let due = retention::recordings_to_delete(&self.pool, &self.host, batch).await?;
            let found = due.len();
            let gone_before = swept.recordings;
            for recording in due {
                let (spool, attempt) = (self.spool.clone(), recording.attempt);
                let deleted = spawn_blocking(move || spool.delete_recording(attempt, &recording.uri)).await;
                match deleted.unwrap_or_else(|panic| Err(io::Error::other(panic))) {
                    Ok(()) => {
                        retention::recording_deleted(&self.pool, attempt).await?;
                        swept.recordings += 1;
                    }
                    Err(error) => {
                        tracing::error!(%attempt, %error, "a recording that was kept long enough cannot be deleted");
                        swept.kept += 1;
                    }
                }
            }
            // One that cannot be deleted stays due: it would be found again at once.
            if i32::try_from(found).is_ok_and(|found| found < batch) || swept.recordings == gone_before {
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
}
