//! Deleting what was kept long enough: the sound first, then the row. The rules are in `migrations/functions/retention.sql`.

use sqlx::PgPool;

use super::{
    error::StoreError,
    leases::{AttemptId, number},
};

/// A recording whose time has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// Whose.
    pub attempt: AttemptId,
    /// Where it is stored, as the attempt's report says.
    pub uri: String,
}

/// Up to `most` recordings on the machine `host` that are to be deleted, the longest due first.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn recordings_to_delete(pool: &PgPool, host: &str, most: i32) -> Result<Vec<Due>, StoreError> {
    let rows: Vec<(i64, i32, String)> = sqlx::query_as("select call_id, attempt, uri from offhook_recordings_to_delete($1, $2)")
        .bind(host)
        .bind(most)
        .fetch_all(pool)
        .await?;
    let due = |(call_id, attempt, uri): (i64, i32, String)| Due {
        attempt: AttemptId { call_id, attempt: attempt.unsigned_abs() },
        uri,
    };
    Ok(rows.into_iter().map(due).collect())
}

/// Notes that the sound of an attempt is gone. To be called after it is: a crash in between deletes it once more.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn recording_deleted(pool: &PgPool, attempt: AttemptId) -> Result<(), StoreError> {
    sqlx::query("select offhook_recording_deleted($1, $2)").bind(attempt.call_id).bind(number(attempt)).execute(pool).await?;
    Ok(())
}

/// Deletes up to `most` calls that were kept long enough and have no sound any more. Returns how many.
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

/// How many calls still name a number, as callee or as guest.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn calls_about(pool: &PgPool, number: &str) -> Result<i64, StoreError> {
    Ok(sqlx::query_scalar("select count(*) from calls where number = $1 or guest_phone = $1")
        .bind(number)
        .fetch_one(pool)
        .await?)
}
