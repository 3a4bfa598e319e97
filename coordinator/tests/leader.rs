//! One leader at a time; when it goes, another one leads.

#![allow(clippy::unwrap_used)]

#[path = "support/service.rs"]
mod service;

use std::{sync::Arc, time::Duration};

use offhook::store::{
    claim::end_expired,
    leader::{MAINTENANCE, lead},
};
use offhook_test_database::{TestDatabase, until};
use service::{Running, TestSpool, config};
use tokio::sync::Barrier;

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_eight_who_ask_at_once_one_leads() {
    let database = TestDatabase::new().await;
    let barrier = Arc::new(Barrier::new(8));
    let asking: Vec<_> = (0..8)
        .map(|n| {
            let (pool, barrier) = (database.pool.clone(), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                lead(&pool, MAINTENANCE, &format!("c{n}"), MINUTE).await.unwrap()
            })
        })
        .collect();
    let mut leaders = 0;
    for answer in asking {
        leaders += usize::from(answer.await.unwrap());
    }
    assert_eq!(leaders, 1);
}

#[tokio::test]
async fn a_leader_that_has_gone_is_replaced_when_its_lease_is_over() {
    let database = TestDatabase::new().await;
    assert!(lead(&database.pool, MAINTENANCE, "first", MINUTE).await.unwrap());
    assert!(lead(&database.pool, MAINTENANCE, "first", MINUTE).await.unwrap(), "it goes on");
    assert!(!lead(&database.pool, MAINTENANCE, "second", MINUTE).await.unwrap());
    assert!(lead(&database.pool, "another task", "second", MINUTE).await.unwrap());
    database.run("update leader set until = clock_timestamp() where task = 'sweep'").await;
    assert!(lead(&database.pool, MAINTENANCE, "second", MINUTE).await.unwrap());
    assert!(!lead(&database.pool, MAINTENANCE, "first", MINUTE).await.unwrap(), "it comes back too late");
}

#[tokio::test]
async fn a_leader_that_leaves_is_replaced_at_once() {
    let database = TestDatabase::new().await;
    assert!(lead(&database.pool, MAINTENANCE, "first", MINUTE).await.unwrap());
    assert!(!lead(&database.pool, MAINTENANCE, "first", Duration::ZERO).await.unwrap());
    assert!(lead(&database.pool, MAINTENANCE, "second", MINUTE).await.unwrap());
}

#[tokio::test]
async fn two_never_sweep_at_once_even_where_a_leader_has_slept_through_its_lease() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "not_before", "now() + interval '1 day'").await;
    database
        .run_unruled("update calls set not_before = now() - interval '2 days', not_after = now() - interval '1 second'")
        .await;
    let mut sleeper = database.pool.begin().await.unwrap();
    let ended: i32 = sqlx::query_scalar("select offhook_end_expired(10)").fetch_one(&mut *sleeper).await.unwrap();
    assert_eq!(ended, 1);
    assert_eq!(end_expired(&database.pool, 10).await.unwrap(), 0, "somebody is at it");
    sleeper.rollback().await.unwrap();
    assert_eq!(end_expired(&database.pool, 10).await.unwrap(), 1);
    assert_eq!(database.state(id).await.0, "expired");
}

#[tokio::test]
async fn a_coordinator_sweeps_when_the_lease_of_a_killed_leader_is_over_and_not_before() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    assert!(lead(&database.pool, MAINTENANCE, "killed", Duration::from_secs(3)).await.unwrap());
    database.run("create table lease as select until from leader").await;
    let late = database.insert_calls(1, "not_before", "now() + interval '1 day'").await;
    // Not due before tomorrow: no claim meets it.
    database
        .run_unruled("update calls set not_before = now() - interval '2 days', not_after = now() - interval '1 second'")
        .await;
    let next = Running::start(&config(&database, &spool.0, &[])).await;
    until("it sweeps", || async { database.state(late).await.0 == "expired" }).await;
    assert!(database.one::<bool>("select finished_at >= until from calls, lease").await, "it did not wait");
    assert!(database.one::<bool>("select coordinator like 'here/%' from leader where task = 'sweep'").await);
    next.drain().await;
    assert!(
        database.one::<bool>("select until <= clock_timestamp() from leader where task = 'sweep'").await,
        "it gave up the lead"
    );
}
