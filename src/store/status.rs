//! How things are, at one look.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

use super::{
    coordinators::{self, Coordinator},
    error::StoreError,
    providers::{self, ProviderStatus},
    trunks::{self, TrunkStatus},
};
use crate::call::CallState;

/// What `offhook status` shows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Whether everything is paused.
    pub paused: bool,
    /// Why, if somebody said so.
    pub pause_reason: Option<String>,
    /// How many calls are in each state, in the order of [`CallState::ALL`].
    pub calls: Vec<CallsInState>,
    /// How many of the queued ones are due by now.
    pub due: i64,
    /// Since when the one that waits longest has been due.
    pub oldest_due: Option<DateTime<Utc>>,
    /// When the next one is due that is not yet.
    pub next_due: Option<DateTime<Utc>>,
    /// The trunks, the preferred one first.
    pub trunks: Vec<TrunkStatus>,
    /// The servers of recogniser, language model and voice.
    pub providers: Vec<ProviderStatus>,
    /// The coordinators that run.
    pub coordinators: Vec<Coordinator>,
}

/// One state and its calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct CallsInState {
    /// The state.
    pub state: CallState,
    /// How many calls are in it.
    pub count: i64,
}

/// Looks.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn status(pool: &PgPool) -> Result<Status, StoreError> {
    let (paused, pause_reason): (bool, Option<String>) =
        sqlx::query_as("select paused, pause_reason from installation").fetch_one(pool).await?;
    let calls = sqlx::query_as(
        "select s.state, count(c.id) from unnest(enum_range(null::call_state)) s (state) left join calls c on c.state = s.state \
         group by s.state order by s.state",
    )
    .fetch_all(pool)
    .await?;
    let (due, oldest_due, next_due) = sqlx::query_as(
        "select count(*) filter (where due_at <= now()), min(due_at) filter (where due_at <= now()), \
                min(due_at) filter (where due_at > now()) from calls where state = 'queued'",
    )
    .fetch_one(pool)
    .await?;
    let (trunks, providers) = (trunks::status(pool).await?, providers::status(pool).await?);
    let coordinators = coordinators::alive(pool).await?;
    Ok(Status { paused, pause_reason, calls, due, oldest_due, next_due, trunks, providers, coordinators })
}
