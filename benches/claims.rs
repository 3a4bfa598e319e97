//! How fast the next calls are chosen: three coordinators, each claiming ten at a time, on 100,000 queued calls beside a
//! million that are over. Run by `make bench`;
//! needs only Postgres.
#![allow(clippy::unwrap_used, missing_docs)]

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use offhook::store::claim::{Claimant, claim};
use offhook_test_database::TestDatabase;
use sqlx::PgPool;
use tokio::sync::Barrier;

const COORDINATORS: usize = 3;
const BATCH: usize = 10;
const QUEUED: usize = 100_000;
/// Calls that are over lie beside them.
const FINISHED: usize = 1_000_000;
/// Calls of a round are live at the same time; between two rounds, while no clock runs, they are ended.
const ROUND: usize = 1_500;
const ROUNDS: usize = 12;

#[tokio::main]
async fn main() {
    let database = TestDatabase::new().await;
    fill(&database.pool).await;
    let (mut took, mut clock) = (Vec::new(), Duration::ZERO);
    for _ in 0..ROUNDS {
        let (latencies, elapsed) = round(&database.pool).await;
        took.extend(latencies);
        clock += elapsed;
        end_all(&database.pool).await;
    }
    took.sort_by(f64::total_cmp);
    let at = |share: f64| took[((took.len() - 1) as f64 * share) as usize];
    println!("| what | p50 | p99 | aim |\n|---|---|---|---|");
    println!(
        "| claims per second, {COORDINATORS} coordinators, {QUEUED} queued, {FINISHED} over | {:.0} | | 2000 |",
        (ROUND * ROUNDS) as f64 / clock.as_secs_f64()
    );
    println!("| one claim of {BATCH} among them, until its rows are here, ms | {:.1} | {:.1} | 20 p99 |", at(0.5), at(0.99));
}

/// Over four trunks, with different priorities.
async fn fill(pool: &PgPool) {
    let columns = "number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time, calling_from, calling_to";
    let values =
        "'R', 'Europe/Berlin', 'Ada', '+4915112345678', 2, (now() + interval '30 days')::date, '19:30', '00:00', '24:00'";
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!(
        "insert into trunks (name, host, preference, max_concurrent, calls_per_second, tokens) \
             select 't' || n, '127.0.0.1', n, 10000, 1000, 50 from generate_series(1, 4) n; \
         begin; set local session_replication_role = replica; \
         insert into calls ({columns}, not_after, state, attempt, finished_at) \
             select '+4930' || (1000000 + n), {values}, now() + interval '1 day', 'finished', 1, now() from generate_series(1, {FINISHED}) n; \
         insert into attempts (call_id, number, trunk, host, container, sip_call_id, token_hash, ended_at, settled_at, disposition) \
             select id, 1, 't1', 'h', 'c' || id, 's' || id, sha256(id::text::bytea), now(), now(), 'busy' from calls; commit; \
         insert into calls ({columns}, trunk, priority) \
             select '+4940' || (1000000 + n), {values}, 't' || (1 + n % 4), n * 7919 % 21 - 10 from generate_series(1, {QUEUED}) n; \
         analyze"
    )))
    .execute(pool)
    .await
    .unwrap();
}

/// Claims a round's calls; how long each claim took, in ms, and how long all of them together.
async fn round(pool: &PgPool) -> (Vec<f64>, Duration) {
    let (barrier, left) = (Arc::new(Barrier::new(COORDINATORS + 1)), Arc::new(AtomicUsize::new(ROUND / BATCH)));
    let coordinators: Vec<_> = (0..COORDINATORS)
        .map(|n| {
            let (pool, barrier, left) = (pool.clone(), barrier.clone(), left.clone());
            tokio::spawn(async move {
                let own = Claimant {
                    coordinator: format!("c{n}"),
                    host: format!("host{n}"),
                    namespace: "bench".into(),
                    lease: Duration::from_secs(15),
                    port_first: 20_000,
                    port_last: 59_999,
                    servers: Vec::new(),
                };
                let mut took = Vec::new();
                barrier.wait().await;
                while left.fetch_update(Ordering::AcqRel, Ordering::Acquire, |left| left.checked_sub(1)).is_ok() {
                    let begun = Instant::now();
                    let mut claimed = claim(&pool, &own, BATCH).await.unwrap();
                    took.push(begun.elapsed().as_secs_f64() * 1000.0);
                    let mut count = claimed.calls.len();
                    // The trunks' calls per second: 1000 each is what a row may say.
                    while count < BATCH {
                        tokio::time::sleep(claimed.wait.unwrap_or_default()).await;
                        claimed = claim(&pool, &own, BATCH - count).await.unwrap();
                        count += claimed.calls.len();
                    }
                }
                took
            })
        })
        .collect();
    barrier.wait().await;
    let begun = Instant::now();
    let mut took = Vec::new();
    for coordinator in coordinators {
        took.extend(coordinator.await.unwrap());
    }
    (took, begun.elapsed())
}

async fn end_all(pool: &PgPool) {
    sqlx::raw_sql(
        "begin; set local session_replication_role = replica; \
         update attempts set settled_at = now() where settled_at is null; \
         update calls set state = 'finished', claimed_by = null, lease_until = null where state = 'claimed'; \
         delete from port_leases; commit",
    )
    .execute(pool)
    .await
    .unwrap();
}
