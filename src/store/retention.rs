//! Deleting what was kept long enough: the files first, then the row. The rules are in `migrations/functions/retention.sql`.

use sqlx::{AssertSqlSafe, PgPool};

use super::{
    error::StoreError,
    kept_files::KeptFile,
    leases::{AttemptId, number},
};

/// An attempt with files whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub attempt: AttemptId,
    /// Where its recording lies, as the attempt's end was told; `None` where there is none, or its time has not come.
    pub recording: Option<String>,
    /// Where its event log lies; likewise.
    pub event_log: Option<String>,
}

impl Due {
    /// Each file that is to be deleted, and where it lies.
    pub fn files(self) -> impl Iterator<Item = (KeptFile, String)> {
        let files = [(KeptFile::Recording, self.recording), (KeptFile::EventLog, self.event_log)];
        files.into_iter().filter_map(|(file, uri)| Some((file, uri?)))
    }
}

/// Up to `most` attempts whose files on the machine `host` are to be deleted, the longest due first.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn files_to_delete(pool: &PgPool, host: &str, most: i32) -> Result<Vec<Due>, StoreError> {
    let rows: Vec<(i64, i32, Option<String>, Option<String>)> =
        sqlx::query_as("select call_id, attempt, recording, event_log from offhook_files_to_delete($1, $2)")
            .bind(host)
            .bind(most)
            .fetch_all(pool)
            .await?;
    let due = |(call_id, attempt, recording, event_log): (i64, i32, _, _)| Due {
        attempt: AttemptId { call_id, attempt: attempt.unsigned_abs() },
        recording,
        event_log,
    };
    Ok(rows.into_iter().map(due).collect())
}

/// Notes that a file of an attempt is gone. To be called after it is: a crash in between deletes it once more.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn file_deleted(pool: &PgPool, attempt: AttemptId, file: KeptFile) -> Result<(), StoreError> {
    let noted = format!("select {}($1, $2)", file.deleted_function());
    sqlx::query(AssertSqlSafe(noted)).bind(attempt.call_id).bind(number(attempt)).execute(pool).await?;
    Ok(())
}

/// Deletes up to `most` calls that were kept long enough and have no files any more. Answers how many.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn delete_calls(pool: &PgPool, most: i32) -> Result<i32, StoreError> {
    Ok(sqlx::query_scalar("select offhook_delete_calls($1)").bind(most).fetch_one(pool).await?)
}

/// Has everything about a number deleted, whether it was called or called for. Returns how many calls are concerned.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn erase(pool: &PgPool, number: &str) -> Result<i32, StoreError> {
    Ok(sqlx::query_scalar("select offhook_erase($1)").bind(number).fetch_one(pool).await?)
}

/// What erasing a number would delete.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct Erasable {
    /// Calls that name the number, as callee or as guest.
    pub calls: i64,
    /// Of these, queued or held: they would be cancelled.
    pub waiting: i64,
    /// Of these, being made: they would be ended.
    pub under_way: i64,
    /// Of these, over.
    pub over: i64,
    /// Recordings that are still there.
    pub recordings: i64,
    /// Event logs that are still there.
    pub event_logs: i64,
}

/// What [`erase`] would delete, by its own rules: a number that it refuses is refused here too. Changes nothing.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn would_erase(pool: &PgPool, number: &str) -> Result<Erasable, StoreError> {
    let mut transaction = pool.begin().await?;
    // Counted first: erasing cancels what waits.
    let found = sqlx::query_as(
        "with about as (select c.id, c.state from calls c, offhook_reached_number(offhook_as_stored($1)) of_number \
                         where number = of_number or reaches = of_number or guest_phone = of_number) \
         select count(*) as calls, count(*) filter (where state in ('queued', 'held')) as waiting, \
                count(*) filter (where state in ('claimed', 'dialing', 'talking')) as under_way, \
                count(*) filter (where state in ('finished', 'expired', 'cancelled')) as over, \
                (select count(*) from recordings r join about a on a.id = r.call_id where r.deleted_at is null) as recordings, \
                (select count(*) from event_logs l join about a on a.id = l.call_id where l.deleted_at is null) as event_logs \
           from about",
    )
    .bind(number)
    .fetch_one(&mut *transaction)
    .await?;
    sqlx::query("select offhook_erase($1)").bind(number).execute(&mut *transaction).await?;
    transaction.rollback().await?;
    Ok(found)
}

/// How many calls still name a number, as callee or as guest.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn calls_about(pool: &PgPool, number: &str) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar(
        "select count(*) from calls, offhook_reached_number(offhook_as_stored($1)) of_number where number = of_number or reaches = of_number or guest_phone = of_number",
    )
    .bind(number)
    .fetch_one(pool)
    .await?)
}
