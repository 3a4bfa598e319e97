//! Retry policies as their rows have them.

use std::time::Duration;

use sqlx::{PgConnection, postgres::types::PgInterval};

use super::error::StoreError;
use crate::{retry_policy::RetryPolicy, span::Span};

/// A row of `retry_policies`.
#[derive(sqlx::FromRow)]
struct PolicyRow {
    busy_from: PgInterval,
    busy_to: PgInterval,
    no_answer_from: PgInterval,
    no_answer_to: PgInterval,
    machine_from: PgInterval,
    machine_to: PgInterval,
    machine_times: i32,
    trunk_failure_from: PgInterval,
    trunk_failure_to: PgInterval,
    dropped_from: PgInterval,
    dropped_to: PgInterval,
    dropped_times: i32,
    provider_failure_from: PgInterval,
    provider_failure_to: PgInterval,
    provider_failure_times: i32,
    lost_times: i32,
}

impl From<PolicyRow> for RetryPolicy {
    fn from(row: PolicyRow) -> RetryPolicy {
        let span = |least: &PgInterval, most: &PgInterval| Span::between(length(least), length(most));
        let times = |times: i32| times.max(0).unsigned_abs();
        RetryPolicy {
            busy: span(&row.busy_from, &row.busy_to),
            no_answer: span(&row.no_answer_from, &row.no_answer_to),
            machine: span(&row.machine_from, &row.machine_to),
            machine_retries: times(row.machine_times),
            trunk_failure: span(&row.trunk_failure_from, &row.trunk_failure_to),
            dropped: span(&row.dropped_from, &row.dropped_to),
            dropped_retries: times(row.dropped_times),
            provider_failure: span(&row.provider_failure_from, &row.provider_failure_to),
            provider_failure_retries: times(row.provider_failure_times),
            lost_retries: times(row.lost_times),
        }
    }
}

/// The policy of that name. One that has gone meanwhile is `default`, which cannot go.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn find(connection: &mut PgConnection, name: &str) -> Result<RetryPolicy, StoreError> {
    let row: PolicyRow =
        sqlx::query_as("select * from retry_policies where name in ($1, 'default') order by (name = $1) desc limit 1")
            .bind(name)
            .fetch_one(connection)
            .await?;
    Ok(row.into())
}

/// A month is 30 days, as Postgres counts where it compares intervals.
fn length(interval: &PgInterval) -> Duration {
    let days = i64::from(interval.months) * 30 + i64::from(interval.days);
    let microseconds = days.saturating_mul(86_400_000_000).saturating_add(interval.microseconds);
    Duration::from_micros(microseconds.max(0).unsigned_abs())
}
