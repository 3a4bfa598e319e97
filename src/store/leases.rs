//! Who looks after which live call. A lease says so until a moment; whoever stops renewing has stopped looking after it.

use std::time::Duration;

use sqlx::PgPool;

use super::{
    claim::{Claimant, interval},
    error::StoreError,
};

/// One attempt of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AttemptId {
    /// The call.
    pub call_id: i64,
    /// Which attempt of it, from 1.
    pub attempt: u32,
}

impl std::fmt::Display for AttemptId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}-{}", self.call_id, self.attempt)
    }
}

/// Renews the leases of `attempts`; returns those that are still ours. One that is missing was taken over or is over.
///
/// A row that somebody else has locked (a person whose transaction is open, a worker that writes) is left for the next time, so that it
/// does not hold up the others: nobody takes over a locked row either.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn renew(pool: &PgPool, claimant: &Claimant, attempts: &[AttemptId]) -> Result<Vec<AttemptId>, StoreError> {
    let (calls, numbers) = columns(attempts);
    let rows: Vec<(i64, i32)> = sqlx::query_as(
        "with asked as materialized (select * from unnest($3::bigint[], $4::int[]) as asked (call_id, attempt)), \
         free as materialized ( \
             select c.id from calls c join asked on c.id = asked.call_id and c.attempt = asked.attempt \
              where c.claimed_by = $1 for update of c skip locked), \
         renewed as ( \
             update calls c set lease_until = clock_timestamp() + $2 from free where c.id = free.id returning c.id, c.attempt), \
         others as materialized (select * from asked where not exists (select from free where free.id = asked.call_id)) \
         select id, attempt from renewed \
         union all \
         select c.id, c.attempt from others cross join lateral ( \
             select k.id, k.attempt from calls k \
              where k.id = others.call_id and k.attempt = others.attempt and k.claimed_by = $1 limit 1) c",
    )
    .bind(&claimant.coordinator)
    .bind(interval(claimant.lease))
    .bind(calls)
    .bind(numbers)
    .fetch_all(pool)
    .await?;
    Ok(ids(rows))
}

/// Lets go of `attempts`, so that the next coordinator of this machine takes them over at once.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn release(pool: &PgPool, claimant: &Claimant, attempts: &[AttemptId]) -> Result<(), StoreError> {
    let (calls, numbers) = columns(attempts);
    sqlx::query(
        "update calls c set lease_until = clock_timestamp() from unnest($2::bigint[], $3::int[]) as own (call_id, attempt) \
         where c.id = own.call_id and c.attempt = own.attempt and c.claimed_by = $1",
    )
    .bind(&claimant.coordinator)
    .bind(calls)
    .bind(numbers)
    .execute(pool)
    .await?;
    Ok(())
}

/// Takes over live attempts of this machine whose lease has run out, whoever held it; they are the caller's now.
///
/// The rows are locked in a step of their own (`materialized`), so that each is locked or skipped once.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn take_over(pool: &PgPool, claimant: &Claimant, besides: &[AttemptId]) -> Result<Vec<AttemptId>, StoreError> {
    let (calls, numbers) = columns(besides);
    let rows: Vec<(i64, i32)> = sqlx::query_as(
        "with free as materialized ( \
             select l.id from calls l join attempts a on a.call_id = l.id and a.number = l.attempt \
              where l.state in ('claimed', 'dialing', 'talking') and l.lease_until < clock_timestamp() and a.host = $3 \
                and not exists (select from unnest($4::bigint[], $5::int[]) as own (call_id, attempt) \
                                 where own.call_id = l.id and own.attempt = l.attempt) \
              for update of l skip locked) \
         update calls c set claimed_by = $1, lease_until = clock_timestamp() + $2 from free where c.id = free.id \
         returning c.id, c.attempt",
    )
    .bind(&claimant.coordinator)
    .bind(interval(claimant.lease))
    .bind(&claimant.host)
    .bind(calls)
    .bind(numbers)
    .fetch_all(pool)
    .await?;
    Ok(ids(rows))
}

/// Takes over live attempts of other machines that nobody has looked after for `grace`: neither their coordinator nor their worker
/// has given a sign of life, or the worker has reported its end and nobody settled it. We cannot see their containers; settling is
/// fenced, so a worker that is alive after all can dial nobody any more.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn take_over_elsewhere(pool: &PgPool, claimant: &Claimant, grace: Duration) -> Result<Vec<AttemptId>, StoreError> {
    let rows: Vec<(i64, i32)> = sqlx::query_as(
        "with free as materialized ( \
             select l.id from calls l join attempts a on a.call_id = l.id and a.number = l.attempt \
              where l.state in ('claimed', 'dialing', 'talking') and a.host <> $3 and l.lease_until < clock_timestamp() - $4::interval \
                and (a.ended_at is not null or greatest(a.created_at, a.seen_at, a.answered_at) < clock_timestamp() - $4::interval) \
              for update of l skip locked) \
         update calls c set claimed_by = $1, lease_until = clock_timestamp() + $2 from free where c.id = free.id \
         returning c.id, c.attempt",
    )
    .bind(&claimant.coordinator)
    .bind(interval(claimant.lease))
    .bind(&claimant.host)
    .bind(interval(grace))
    .fetch_all(pool)
    .await?;
    Ok(ids(rows))
}

/// Notes that the container of an attempt was started.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn launched(pool: &PgPool, attempt: AttemptId) -> Result<(), StoreError> {
    sqlx::query("update attempts set launched_at = clock_timestamp() where call_id = $1 and number = $2 and launched_at is null")
        .bind(attempt.call_id)
        .bind(number(attempt))
        .execute(pool)
        .await?;
    Ok(())
}

/// Those of `attempts` that this database knows of and has not settled: what runs for any other is an orphan.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn unsettled(pool: &PgPool, attempts: &[AttemptId]) -> Result<Vec<AttemptId>, StoreError> {
    let (calls, numbers) = columns(attempts);
    let rows: Vec<(i64, i32)> = sqlx::query_as(
        "select a.call_id, a.number from attempts a \
         join unnest($1::bigint[], $2::int[]) as asked (call_id, attempt) on asked.call_id = a.call_id and asked.attempt = a.number \
         where a.settled_at is null",
    )
    .bind(calls)
    .bind(numbers)
    .fetch_all(pool)
    .await?;
    Ok(ids(rows))
}

pub(super) fn number(attempt: AttemptId) -> i32 {
    i32::try_from(attempt.attempt).unwrap_or(i32::MAX)
}

fn columns(attempts: &[AttemptId]) -> (Vec<i64>, Vec<i32>) {
    attempts.iter().map(|attempt| (attempt.call_id, number(*attempt))).unzip()
}

fn ids(rows: Vec<(i64, i32)>) -> Vec<AttemptId> {
    rows.into_iter().map(|(call_id, attempt)| AttemptId { call_id, attempt: attempt.unsigned_abs() }).collect()
}
