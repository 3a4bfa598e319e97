//! Many coordinators, one queue: every call is claimed once.

#![allow(clippy::unwrap_used)]

use std::{
    collections::HashSet,
    sync::Arc,
    time::{Duration, Instant},
};

use offhook::{
    disposition::Disposition,
    store::{
        claim::{claim, keep_queue},
        evidence::Evidence,
        settle::{Settled, settle},
    },
};
use offhook_test_database::{TestDatabase, claimant, first_attempt};
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

/// Eight coordinators claim and settle at full speed. A trigger looks at every attempt in the moment it is made: no limit is passed,
/// not even between two looks from outside.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_claimers_at_once_claim_nothing_twice_and_pass_no_limit_at_any_moment() {
    const CALLS: usize = 600;
    const NUMBERS: usize = 150;
    const PER_SECOND: f64 = 200.0;
    let database = TestDatabase::new().await;
    database
        .run(format!(
            "insert into trunks (name, host, preference, max_concurrent, calls_per_second, tokens) values \
                 ('wide', 'x', 1, 8, {PER_SECOND}, 1), ('narrow', 'x', 2, 3, {PER_SECOND}, 1); \
             update installation set max_concurrent = 9, quiet_time = '0', calls_per_day = 1000; \
             create table passed (what text); \
             create function look() returns trigger language plpgsql as $$ begin \
                 insert into passed select trunk from attempts where settled_at is null group by trunk \
                     having count(*) > (select max_concurrent from trunks where name = trunk); \
                 insert into passed select 'all' from attempts where settled_at is null having count(*) > 9; \
                 insert into passed select number from calls where state in ('claimed', 'dialing', 'talking') \
                     group by number having count(*) > 1; \
                 return null; end $$; \
             create trigger look after insert on attempts for each statement execute function look()"
        ))
        .await;
    database.insert_calls(CALLS, "trunk", "case when g % 3 = 0 then 'narrow' end").await;
    database
        .run(format!(
            "begin; set local session_replication_role = replica; \
             update calls set number = '+4930' || (2000000 + id % {NUMBERS}); commit; analyze calls"
        ))
        .await;
    let barrier = Arc::new(Barrier::new(8));
    let begun = Instant::now();
    let claimers: Vec<_> = (0..8)
        .map(|n| {
            let (pool, barrier) = (database.pool.clone(), barrier.clone());
            tokio::spawn(async move {
                let own = claimant(&format!("c{n}"), &format!("host{}", n % 3));
                let rng = &mut StdRng::seed_from_u64(n);
                let mut claimed = Vec::new();
                barrier.wait().await;
                loop {
                    let found = claim(&pool, &own, 4).await.unwrap();
                    claimed.extend(found.calls.iter().map(|fresh| (fresh.call.id, fresh.call.attempt)));
                    for fresh in &found.calls {
                        let invalid = Evidence { otherwise: Disposition::InvalidNumber, ..Evidence::lost("") };
                        let attempt = first_attempt(fresh.call.id);
                        let settled = settle(&pool, attempt, &invalid, rng).await.unwrap();
                        assert!(matches!(settled, Settled::Now { .. }));
                    }
                    if found.calls.is_empty() {
                        let left: i64 = sqlx::query_scalar("select count(*) from calls where state = 'queued'")
                            .fetch_one(&pool)
                            .await
                            .unwrap();
                        if left == 0 {
                            return claimed;
                        }
                        // What waited for a call that ended in the moment between is found by whoever keeps the line.
                        keep_queue(&pool, 100).await.unwrap();
                        tokio::time::sleep(found.wait.unwrap_or(Duration::from_millis(2))).await;
                    }
                    assert!(begun.elapsed() < Duration::from_secs(100), "it takes too long");
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for claimer in claimers {
        all.extend(claimer.await.unwrap());
    }
    let calls: HashSet<i64> = all.iter().map(|(call, _)| *call).collect();
    assert_eq!((all.len(), calls.len()), (CALLS, CALLS), "each once");
    assert!(all.iter().all(|(_, attempt)| *attempt == 1));
    let passed: Vec<String> = sqlx::query_scalar("select what from passed").fetch_all(&database.pool).await.unwrap();
    assert!(passed.is_empty(), "limits were passed: {passed:?}");
    assert_eq!(database.one::<i64>("select count(*) from port_leases").await, 0);

    // Calls per second, over every stretch of time: what may come at once, and the rate from there on.
    for trunk in ["wide", "narrow"] {
        let moments: Vec<f64> = sqlx::query_scalar(
            "select extract(epoch from e.at)::float8 from events e where e.kind = 'claimed' and e.detail ->> 'trunk' = $1 order by e.at",
        )
        .bind(trunk)
        .fetch_all(&database.pool)
        .await
        .unwrap();
        assert!(moments.len() > 100);
        for from in 0..moments.len() {
            for to in from..moments.len() {
                // The event is written up to some milliseconds after the moment that counts.
                let most = (PER_SECOND / 20.0).max(1.0) + PER_SECOND * (moments[to] - moments[from] + 0.05);
                let calls = (to - from + 1) as f64;
                assert!(calls <= most, "{calls} calls within {} s", moments[to] - moments[from]);
            }
        }
    }
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
