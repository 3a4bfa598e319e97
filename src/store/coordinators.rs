//! Which coordinators run: each says so three times as often as it takes to be missed.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

use super::{
    claim::{Claimant, interval},
    error::StoreError,
};

/// A coordinator that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct Coordinator {
    /// The name in `calls.claimed_by`.
    pub name: String,
    /// Its machine.
    pub host: String,
    /// Calls under way.
    pub calls: i32,
    /// The most it takes.
    pub most_calls: i32,
    /// It claims nothing any more and leaves when its calls have ended.
    pub draining: bool,
    /// When it started.
    pub started_at: DateTime<Utc>,
}

/// Says that `claimant` runs, and forgets those that have not said so for a day.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn here(pool: &PgPool, claimant: &Claimant, calls: usize, most: usize, draining: bool) -> Result<(), StoreError> {
    sqlx::query(
        "with gone as (delete from coordinators where until < clock_timestamp() - interval '1 day') \
         insert into coordinators (name, host, calls, most_calls, draining, until) \
         values ($1, $2, $3, $4, $5, clock_timestamp() + $6) \
         on conflict (name) do update set calls = excluded.calls, most_calls = excluded.most_calls, draining = excluded.draining, \
             until = excluded.until",
    )
    .bind(&claimant.coordinator)
    .bind(&claimant.host)
    .bind(i32::try_from(calls).unwrap_or(i32::MAX))
    .bind(i32::try_from(most).unwrap_or(i32::MAX))
    .bind(draining)
    .bind(interval(claimant.lease))
    .execute(pool)
    .await?;
    Ok(())
}

/// Says that `claimant` runs no more.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn gone(pool: &PgPool, claimant: &Claimant) -> Result<(), StoreError> {
    sqlx::query("delete from coordinators where name = $1").bind(&claimant.coordinator).execute(pool).await?;
    Ok(())
}

/// Those that run, the eldest first.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn alive(pool: &PgPool) -> Result<Vec<Coordinator>, StoreError> {
    let rows = sqlx::query_as(
        "select name, host, calls, most_calls, draining, started_at from coordinators where until > clock_timestamp() \
         order by started_at, name",
    );
    Ok(rows.fetch_all(pool).await?)
}
