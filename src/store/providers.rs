//! The circuit breakers of the providers' servers: how they are, and what probes have found. The rules are in
//! `migrations/functions/provider_breaker.sql`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

use super::{claim::interval, error::StoreError};
use crate::provider::Provider;

/// A row of `provider_status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct ProviderStatus {
    /// The name of a [`Provider`].
    pub provider: String,
    /// Its base URL, without secrets.
    pub server: String,
    /// `works`, `failing`, `paused` (nobody is called), `probing`.
    pub state: String,
    /// What failed last.
    pub reason: Option<String>,
    /// Calls in a row that it spoiled.
    pub failures: i32,
    /// When it is probed again.
    pub paused_until: Option<DateTime<Utc>>,
    /// When a call or a probe failed last.
    pub failed_at: Option<DateTime<Utc>>,
    /// When a call or a probe went well last.
    pub worked_at: Option<DateTime<Utc>>,
    /// When it was probed last.
    pub checked_at: Option<DateTime<Utc>>,
    /// How long the last probe took that went well, in milliseconds.
    pub latency_ms: Option<i32>,
}

/// All servers that are known.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn status(pool: &PgPool) -> Result<Vec<ProviderStatus>, StoreError> {
    Ok(sqlx::query_as("select * from provider_status order by provider, server").fetch_all(pool).await?)
}

/// The open circuit breakers among `servers` (in the order of [`Provider::ALL`]).
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn open(pool: &PgPool, servers: &[String]) -> Result<Vec<ProviderStatus>, StoreError> {
    let rows = sqlx::query_as(
        "select s.* from offhook_open_breakers($1) b join provider_status s using (provider, server) order by provider, server",
    );
    Ok(rows.bind(servers).fetch_all(pool).await?)
}

/// Takes the probes of `servers` that are due. What is returned is probed by the caller, within `lease`, and by nobody else.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn take_probes(pool: &PgPool, servers: &[String], lease: Duration) -> Result<Vec<String>, StoreError> {
    let taken = sqlx::query_scalar("select offhook_take_probes($1, $2)").bind(servers).bind(interval(lease));
    Ok(taken.fetch_all(pool).await?)
}

/// Writes down what a probe has found: `fault`, or how long the server took. Returns whether its circuit breaker is open now.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn probed(
    pool: &PgPool,
    provider: Provider,
    server: &str,
    found: &Result<Duration, String>,
) -> Result<bool, StoreError> {
    let took = found.as_ref().ok().map(|took| i32::try_from(took.as_millis()).unwrap_or(i32::MAX));
    let open = sqlx::query_scalar("select offhook_provider_probed($1, $2, $3, $4)")
        .bind(provider.as_str())
        .bind(server)
        .bind(found.as_ref().err())
        .bind(took);
    Ok(open.fetch_one(pool).await?)
}

/// Closes the circuit breakers of the providers named `due` without a probe: the next call finds out, and one that is spoiled is enough to
/// open it again.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn let_through(pool: &PgPool, servers: &[String], due: &[String]) -> Result<(), StoreError> {
    sqlx::query("select offhook_let_providers_through($1, $2)").bind(servers).bind(due).execute(pool).await?;
    Ok(())
}
