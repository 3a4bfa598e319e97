//! What of an attempt stays on its machine when all else is tidied away: the recording and the event log. The database says where each
//! lies, so that none is left on a disk that nobody knows of.

use sqlx::{PgConnection, PgPool};

use super::{
    current::is_current,
    error::StoreError,
    leases::{AttemptId, number},
};
use crate::{
    attempt::{EVENT_LOG_FILE, RECORDING_FILE},
    report::RecordingReport,
};

/// A file that outlives its attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeptFile {
    /// The sound.
    Recording,
    /// The events of the conversation, and what followed from each.
    EventLog,
}

impl KeptFile {
    /// All there are.
    pub const ALL: [KeptFile; 2] = [KeptFile::Recording, KeptFile::EventLog];

    /// Its name in the attempt's folder.
    pub const fn name(self) -> &'static str {
        match self {
            KeptFile::Recording => RECORDING_FILE,
            KeptFile::EventLog => EVENT_LOG_FILE,
        }
    }

    /// The database function that notes that it is gone.
    pub const fn deleted_function(self) -> &'static str {
        match self {
            KeptFile::Recording => "offhook_recording_deleted",
            KeptFile::EventLog => "offhook_event_log_deleted",
        }
    }
}

/// Where an event log lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventLogFile {
    /// `file://` URI, the machine's path.
    pub uri: String,
    /// Size of the file.
    pub bytes: u64,
}

/// The files of one attempt that stay, as they were found on disk when its worker had ended.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeptFiles {
    /// Where the recording lies as people find it, `file://` and the machine's path; replaces the worker's own path.
    pub recording_uri: Option<String>,
    /// A recording that was cut off; counts where no other is known.
    pub rescued: Option<RecordingReport>,
    /// The event log, whole or cut off.
    pub event_log: Option<EventLogFile>,
}

/// Notes where the files of an attempt lie, whoever has settled it. Returns whether the database knows the attempt; where it does not,
/// as where its number was erased, nobody may keep its files.
///
/// # Errors
/// [`StoreError`] as the database gives it; then nothing was written.
pub async fn note(pool: &PgPool, attempt: AttemptId, files: &KeptFiles) -> Result<bool, StoreError> {
    let mut transaction = pool.begin().await?;
    // The call is locked: whether it is over, and so how long its files are kept, stays as it is until they are known.
    let known = is_current(&mut transaction, attempt).await?.is_some();
    if known {
        store(&mut transaction, attempt, files).await?;
    }
    transaction.commit().await?;
    Ok(known)
}

/// Stores where the files of an attempt lie, once its report is stored.
pub(super) async fn store(connection: &mut PgConnection, attempt: AttemptId, files: &KeptFiles) -> Result<(), StoreError> {
    if let Some(rescued) = &files.rescued {
        sqlx::query(
            "insert into recordings (call_id, attempt, uri, sha256, bytes, duration_ms, complete) \
             values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
        )
        .bind(attempt.call_id)
        .bind(number(attempt))
        .bind(&rescued.uri)
        .bind(&rescued.sha256)
        .bind(i64::try_from(rescued.bytes).unwrap_or(i64::MAX))
        .bind(i64::try_from(rescued.duration_ms).unwrap_or(i64::MAX))
        .bind(rescued.complete)
        .execute(&mut *connection)
        .await?;
    }
    if let Some(uri) = &files.recording_uri {
        sqlx::query("update recordings set uri = $3 where call_id = $1 and attempt = $2 and uri like 'file:%' and uri <> $3")
            .bind(attempt.call_id)
            .bind(number(attempt))
            .bind(uri)
            .execute(&mut *connection)
            .await?;
    }
    if let Some(log) = &files.event_log {
        sqlx::query("insert into event_logs (call_id, attempt, uri, bytes) values ($1, $2, $3, $4) on conflict do nothing")
            .bind(attempt.call_id)
            .bind(number(attempt))
            .bind(&log.uri)
            .bind(i64::try_from(log.bytes).unwrap_or(i64::MAX))
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}
