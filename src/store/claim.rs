//! Taking due calls out of the queue. The rules are in `migrations/functions/claim.sql`, in one transaction; this is the door to them.

use std::time::Duration;

use sha2::{Digest, Sha256};
use sqlx::{PgPool, Row, postgres::types::PgInterval};

use super::{claimed::ClaimedCall, error::StoreError, request_columns::RequestColumns, trunks};
use crate::secret::Secret;

/// Who claims, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claimant {
    /// The name in `calls.claimed_by`: one per running coordinator.
    pub coordinator: String,
    /// The machine the containers run on.
    pub host: String,
    /// The first part of container names.
    pub namespace: String,
    /// How long a claim holds unless it is renewed.
    pub lease: Duration,
    /// The first UDP port calls may use.
    pub port_first: u16,
    /// The last one, inclusive. Every call takes [`crate::attempt::PORTS_PER_ATTEMPT`].
    pub port_last: u16,
    /// The base URLs of its recogniser, language model and voice, in this order and without secrets. While the circuit breaker of one of
    /// them is open, nothing is claimed. Empty: while that of any server is.
    pub servers: Vec<String>,
}

/// A claimed call and the token its worker opens the database with.
#[derive(Debug, Clone)]
pub struct FreshClaim {
    /// The rows.
    pub call: ClaimedCall,
    /// 64 hexadecimal digits; the database has only its SHA-256.
    pub token: Secret,
}

/// What a claim brought.
#[derive(Debug, Default)]
pub struct Claim {
    /// The calls, committed as claimed; at most as many as there was room for.
    pub calls: Vec<FreshClaim>,
    /// A due call waits for nothing but its trunk's calls per second, or was not looked at yet: ask again after this.
    pub wait: Option<Duration>,
    /// A due call waits because every block of ports is leased.
    pub no_ports: bool,
}

/// Claims up to `room` due calls. Committed when it returns. Where it fails nothing is claimed, or what is claimed has a lease that
/// nobody renews: it is taken over as the calls of any coordinator that has gone.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn claim(pool: &PgPool, claimant: &Claimant, room: usize) -> Result<Claim, StoreError> {
    claim_while(pool, claimant, room, || true).await
}

/// Like [`claim`], but rolls back if `still_wanted()` is false when the query returns: a coordinator that begins to drain meanwhile
/// has claimed nothing.
///
/// # Errors
/// As [`claim`].
pub async fn claim_while(
    pool: &PgPool,
    claimant: &Claimant,
    room: usize,
    still_wanted: impl Fn() -> bool,
) -> Result<Claim, StoreError> {
    if room == 0 {
        return Ok(Claim::default());
    }
    let tokens: Vec<(Vec<u8>, Secret)> = (0..room).map(|_| new_token()).collect();
    let hashes: Vec<&[u8]> = tokens.iter().map(|(hash, _)| hash.as_slice()).collect();

    let mut transaction = pool.begin().await?;
    let taken = sqlx::query("select claimed, wait_ms, no_ports from offhook_claim($1, $2, $3, $4, $5, $6, $7, $8)")
        .bind(&claimant.coordinator)
        .bind(&claimant.host)
        .bind(&claimant.namespace)
        .bind(interval(claimant.lease))
        .bind(i32::from(claimant.port_first))
        .bind(i32::from(claimant.port_last))
        .bind(hashes)
        .bind(Some(&claimant.servers).filter(|servers| !servers.is_empty()))
        .fetch_one(&mut *transaction)
        .await?;
    // Others wait for their turn to claim until this is committed: what was claimed is read afterwards.
    if !still_wanted() {
        transaction.rollback().await?;
        return Ok(Claim::default());
    }
    transaction.commit().await?;
    let ids: Vec<i64> = taken.try_get("claimed")?;
    let rows = if ids.is_empty() { Vec::new() } else { claimed_calls(pool, &ids).await? };

    let token_of = |hash: &[u8]| tokens.iter().find(|(known, _)| known == hash).map(|(_, token)| token.clone());
    let calls = rows.into_iter().filter_map(|call| token_of(&call.token_hash).map(|token| FreshClaim { call, token })).collect();
    let wait: Option<i32> = taken.try_get("wait_ms")?;
    let wait = wait.map(|ms| Duration::from_millis(ms.max(1).unsigned_abs().into()));
    Ok(Claim { calls, wait, no_ports: taken.try_get("no_ports")? })
}

/// The calls just claimed, in this order, each with its trunks.
async fn claimed_calls(pool: &PgPool, ids: &[i64]) -> Result<Vec<ClaimedCall>, StoreError> {
    let mut connection = pool.acquire().await?;
    let request = RequestColumns::NAMES.map(|name| format!("c.{name}")).join(", ");
    let query = format!(
        "select c.id, c.attempt, {request}, c.due_at, \
                offhook_destination_refusal(c.number, c.line_type, c.consent) as refusal, offhook_recording(c.number, c.record) as recording, \
                exists (select from attempts p where p.call_id = c.id and p.number < c.attempt \
                        and coalesce(p.line_dropped, p.disposition = 'answered' and p.outcome is null)) as dropped_before, \
                a.trunk, a.port_base, a.sip_call_id, a.token_hash \
         from calls c join attempts a on a.call_id = c.id and a.number = c.attempt \
         where c.id = any($1) order by array_position($1, c.id)"
    );
    let mut rows: Vec<ClaimedCall> = sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(ids).fetch_all(&mut *connection).await?;
    for (call_id, trunk) in trunks::of_calls(&mut connection, ids).await? {
        rows.iter_mut().filter(|row| row.id == call_id).for_each(|row| row.trunks.push(trunk.clone()));
    }
    Ok(rows)
}

/// Ends up to `most` queued calls that can never be made: expired, or on the do-not-call list. Returns how many.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn end_expired(pool: &PgPool, most: i32) -> Result<i32, StoreError> {
    Ok(sqlx::query_scalar("select offhook_end_expired($1)").bind(most).fetch_one(pool).await?)
}

/// Makes up to `most` calls that have become due ready, and those that waited for a call which has ended. Returns how many
/// moved.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn keep_queue(pool: &PgPool, most: i32) -> Result<i32, StoreError> {
    Ok(sqlx::query_scalar("select offhook_keep_queue($1)").bind(most).fetch_one(pool).await?)
}

/// A token and its SHA-256, as `attempts.token_hash` keeps it: of the token's text.
fn new_token() -> (Vec<u8>, Secret) {
    let token: String = rand::random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
    (Sha256::digest(token.as_bytes()).to_vec(), Secret::new(token))
}

/// A length of time as Postgres takes it.
pub(super) fn interval(duration: Duration) -> PgInterval {
    PgInterval { months: 0, days: 0, microseconds: i64::try_from(duration.as_micros()).unwrap_or(i64::MAX) }
}
