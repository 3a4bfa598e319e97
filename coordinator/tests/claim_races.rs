//! Many coordinators, one queue: every call is claimed once.

#![allow(clippy::unwrap_used)]

#[path = "support/database.rs"]
mod database;

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use database::{TestDatabase, claimant, first_attempt};
use offhook::{
    disposition::Disposition,
    store::{
        claim::claim,
        evidence::Evidence,
        settle::{Settled, settle},
    },
};
use rand::{SeedableRng, rngs::StdRng};
use tokio::sync::Barrier;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn three_coordinators_claim_a_thousand_calls_once_each() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.insert_calls(1000, "", "").await;
    let barrier = Arc::new(Barrier::new(3));
    let claimers: Vec<_> = (0..3)
        .map(|n| {
            let (pool, barrier) = (database.pool.clone(), barrier.clone());
            tokio::spawn(async move {
                let own = claimant(&format!("c{n}"), &format!("host{n}"));
                barrier.wait().await;
                let (mut claimed, begun) = (Vec::new(), Instant::now());
                // A trunk that lets 1,000 calls a second through makes us wait now and then; the last ones find nothing.
                let mut empty = 0;
                while empty < 3 {
                    assert!(begun.elapsed() < Duration::from_secs(60), "1,000 calls take too long");
                    let found = claim(&pool, &own, 7).await.unwrap();
                    empty = if found.calls.is_empty() && found.wait.is_none() { empty + 1 } else { 0 };
                    tokio::time::sleep(found.wait.unwrap_or_default()).await;
                    claimed.extend(
                        found.calls.into_iter().map(|fresh| (fresh.call.id, fresh.call.attempt, fresh.token.expose().to_owned())),
                    );
                }
                claimed
            })
        })
        .collect();
    let mut all = Vec::new();
    for claimer in claimers {
        let claimed = claimer.await.unwrap();
        assert!(!claimed.is_empty(), "everybody gets some");
        all.extend(claimed);
    }
    let calls: HashSet<i64> = all.iter().map(|(call, _, _)| *call).collect();
    let tokens: HashSet<&str> = all.iter().map(|(_, _, token)| token.as_str()).collect();
    assert_eq!((all.len(), calls.len(), tokens.len()), (1000, 1000, 1000));
    assert!(all.iter().all(|(_, attempt, _)| *attempt == 1));
    assert_eq!(database.one::<i64>("select count(*) from attempts").await, 1000);
    assert_eq!(database.one::<i64>("select count(distinct (host, base)) from port_leases").await, 1000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_trunk_never_has_more_calls_than_it_may() {
    let database = TestDatabase::new().await;
    database
        .run("insert into trunks (name, host, preference, max_concurrent, calls_per_second) values ('narrow', 'x', 1, 5, 1000)")
        .await;
    database.insert_calls(150, "", "").await;
    let barrier = Arc::new(Barrier::new(4));
    let coordinators: Vec<_> = (0..4)
        .map(|n| {
            let (pool, barrier) = (database.pool.clone(), barrier.clone());
            tokio::spawn(async move {
                let own = claimant(&format!("c{n}"), "one");
                let rng = &mut StdRng::seed_from_u64(n);
                let mut most = 0;
                barrier.wait().await;
                loop {
                    let found = claim(&pool, &own, 3).await.unwrap();
                    let live: i64 =
                        sqlx::query_scalar("select count(*) from calls where state = 'claimed'").fetch_one(&pool).await.unwrap();
                    most = most.max(live);
                    for fresh in &found.calls {
                        let busy = Evidence { otherwise: Disposition::InvalidNumber, ..Evidence::lost("") };
                        let attempt = first_attempt(fresh.call.id);
                        let settled = settle(&pool, attempt, &busy, rng).await.unwrap();
                        assert!(matches!(settled, Settled::Now { .. }));
                    }
                    let left: i64 =
                        sqlx::query_scalar("select count(*) from calls where state = 'queued'").fetch_one(&pool).await.unwrap();
                    if left == 0 {
                        return most;
                    }
                }
            })
        })
        .collect();
    for coordinator in coordinators {
        let most = coordinator.await.unwrap();
        assert!((1..=5).contains(&most), "{most} calls at once on a trunk for 5");
    }
    assert_eq!(database.one::<i64>("select max(attempt)::bigint from calls").await, 1);
}

#[tokio::test]
async fn a_claim_is_there_in_ten_milliseconds() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.insert_calls(20_000, "", "").await;
    database.run("analyze calls").await;
    let own = claimant("c", "one");
    let mut took = Vec::new();
    for _ in 0..100 {
        let begun = Instant::now();
        let found = claim(&database.pool, &own, 1).await.unwrap();
        if !found.calls.is_empty() {
            took.push(begun.elapsed());
        }
    }
    took.sort();
    println!(
        "claim out of 20,000: median {:?}, p95 {:?}, {} claims",
        took[took.len() / 2],
        took[took.len() * 95 / 100],
        took.len()
    );
    // Ten times what it takes on a quiet machine.
    assert!(took[took.len() / 2] < Duration::from_millis(50), "{:?}", took[took.len() / 2]);
}
