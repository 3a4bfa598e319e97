//! What has happened in a call, in order: for `offhook call show` and `watch`.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgPool, types::Json};

use super::error::StoreError;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub struct EventRow {
    /// Grows.
    pub id: i64,
    /// In which attempt.
    pub attempt: Option<i32>,
    /// When.
    pub at: DateTime<Utc>,
    /// `claimed`, `dialing`, `ringing`, `talking`, `ended`, `settled` and what the worker reports besides.
    pub kind: String,
    /// As JSON.
    pub detail: Json<serde_json::Value>,
}

/// Something that was said.
#[derive(Debug, Clone, PartialEq, Serialize, sqlx::FromRow)]
pub struct TurnRow {
    /// In which attempt.
    pub attempt: i32,
    /// From 1 in each attempt.
    pub number: i32,
    /// `callee` or `agent`.
    pub speaker: String,
    /// ISO 639-1.
    pub language: Option<String>,
    /// For the agent: what was heard of it.
    pub text: String,
    /// On the recording's clock.
    pub started_ms: i64,
    /// On the recording's clock.
    pub ended_ms: i64,
    /// The agent was interrupted.
    pub interrupted: bool,
}

/// The events of a call after the one with the number `after`.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn events(pool: &PgPool, call_id: i64, after: i64) -> Result<Vec<EventRow>, StoreError> {
    let rows =
        sqlx::query_as("select id, attempt, at, kind, detail from events where call_id = $1 and id > $2 order by id limit 1000")
            .bind(call_id)
            .bind(after)
            .fetch_all(pool)
            .await?;
    Ok(rows)
}

/// Everything said in a call, in order.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn turns(pool: &PgPool, call_id: i64) -> Result<Vec<TurnRow>, StoreError> {
    let rows = sqlx::query_as(
        "select attempt, number, speaker, language, text, started_ms, ended_ms, interrupted from turns where call_id = $1 \
         order by attempt, number",
    )
    .bind(call_id)
    .fetch_all(pool)
    .await?;
    Ok(rows)
}
