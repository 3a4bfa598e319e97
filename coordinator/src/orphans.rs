//! Orphaned containers and folders: those of attempts that are over, or that this database does not know, as after a crash between a
//! launch and its row.

use std::{collections::HashSet, io};

use offhook::store::{
    error::{StoreError, within},
    kept_files,
    leases::{self, AttemptId},
};
use tokio::task::spawn_blocking;

use crate::maintenance::{LookError, Maintenance};

impl Maintenance {
    /// A worker whose attempt this database does not know, or has settled, works for nobody: it is stopped, and its folder tidied.
    pub(crate) async fn remove_orphaned_containers(&self) -> Result<(), LookError> {
        let launched: Vec<AttemptId> = self.launcher.list().await?.into_iter().map(|launched| launched.attempt).collect();
        for attempt in self.orphans(launched).await? {
            tracing::warn!(%attempt, "removing a worker whose attempt is over or unknown");
            self.launcher.stop(attempt, self.config.stop_grace).await?;
            self.launcher.remove(attempt).await?;
        }
        for attempt in self.orphans(self.spool.attempts()?).await? {
            self.tidy(attempt).await?;
        }
        Ok(())
    }

    /// Tidies the folder of an attempt that is over or unknown, and was never looked after here to its end, as where its machine was away:
    /// there may still be secrets in it, and files that the database does not know yet.
    async fn tidy(&self, attempt: AttemptId) -> Result<(), LookError> {
        let spool = self.spool.clone();
        let files = spawn_blocking(move || spool.scrub(attempt).map(|()| spool.contents(attempt).files));
        let files = files.await.map_err(io::Error::other)??;
        let known = within(self.config.statement, kept_files::note(&self.pool, attempt, &files)).await?;
        let spool = self.spool.clone();
        let tidied = spawn_blocking(move || if known { spool.tidy(attempt) } else { spool.remove(attempt) });
        Ok(tidied.await.map_err(io::Error::other)??)
    }

    /// Those of `attempts` that are over or unknown.
    async fn orphans(&self, attempts: Vec<AttemptId>) -> Result<Vec<AttemptId>, StoreError> {
        let ours: HashSet<AttemptId> = self.running.attempts().into_iter().collect();
        let doubtful: Vec<AttemptId> = attempts.into_iter().filter(|attempt| !ours.contains(attempt)).collect();
        if doubtful.is_empty() {
            return Ok(Vec::new());
        }
        let unsettled = within(self.config.statement, leases::unsettled(&self.pool, &doubtful)).await?;
        Ok(doubtful.into_iter().filter(|attempt| !unsettled.contains(attempt)).collect())
    }
}
