//! Why a call has not been made yet (`migrations/functions/why_not_yet.sql`).

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

use super::error::StoreError;

/// Something between a call and its being made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Obstacle {
    /// A word for programs: `paused`, `not_before`, `calling_hours`, `retry`, `in_line` and so on.
    pub reason: String,
    /// For people.
    pub sentence: String,
    /// Until when, where that is known.
    pub until: Option<DateTime<Utc>>,
}

/// What keeps a call, the weightiest first; for one that is under way, over or held, how that is.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn obstacles(pool: &PgPool, id: i64) -> Result<Vec<Obstacle>, StoreError> {
    Ok(sqlx::query_as("select reason, sentence, until from offhook_explain($1)").bind(id).fetch_all(pool).await?)
}
