//! Who looks after a call when its coordinator is gone.

#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use offhook::store::{
    claim::claim,
    leases::{release, renew, take_over, take_over_elsewhere, unsettled},
};
use offhook_test_database::{TestDatabase, claimant, first_attempt};
use tokio::sync::Barrier;

const MINUTE: Duration = Duration::from_secs(60);

async fn claimed(database: &TestDatabase, count: usize) -> Vec<i64> {
    database.insert_calls(count, "", "").await;
    let mut ids = Vec::new();
    while ids.len() < count {
        // The trunk's calls per second may ask us to wait.
        let found = claim(&database.pool, &claimant("first", "here"), count - ids.len()).await.unwrap();
        ids.extend(found.calls.iter().map(|fresh| fresh.call.id));
        tokio::time::sleep(found.wait.unwrap_or_default()).await;
    }
    ids
}

#[tokio::test]
async fn a_lease_is_renewed_only_by_who_holds_it() {
    let database = TestDatabase::new().await.with_trunk().await;
    let own: Vec<_> = claimed(&database, 2).await.into_iter().map(first_attempt).collect();
    database.run("update calls set lease_until = now() + interval '1 second'").await;
    assert_eq!(renew(&database.pool, &claimant("first", "here"), &own[..1]).await.unwrap(), own[..1]);
    assert!(renew(&database.pool, &claimant("second", "here"), &own).await.unwrap().is_empty());
    assert_eq!(database.one::<i64>("select count(*) from calls where lease_until > now() + interval '10 seconds'").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_abandoned_attempt_is_taken_over_by_one_of_its_machine() {
    let database = TestDatabase::new().await.with_trunk().await;
    claimed(&database, 50).await;
    let none = take_over(&database.pool, &claimant("second", "here"), &[]).await.unwrap();
    assert!(none.is_empty(), "the lease holds");
    database.run("update calls set lease_until = now() - interval '1 second'").await;
    assert!(take_over(&database.pool, &claimant("stranger", "there"), &[]).await.unwrap().is_empty());
    let barrier = Arc::new(Barrier::new(4));
    let heirs: Vec<_> = (0..4)
        .map(|n| {
            let (pool, barrier) = (database.pool.clone(), barrier.clone());
            tokio::spawn(async move {
                barrier.wait().await;
                take_over(&pool, &claimant(&format!("heir{n}"), "here"), &[]).await.unwrap().len()
            })
        })
        .collect();
    let mut taken = 0;
    for heir in heirs {
        taken += heir.await.unwrap();
    }
    assert_eq!(taken, 50, "each by one");
}

#[tokio::test]
async fn what_is_looked_after_is_not_taken_over_by_oneself() {
    let database = TestDatabase::new().await.with_trunk().await;
    let ids = claimed(&database, 2).await;
    database.run("update calls set lease_until = now() - interval '1 second'").await;
    let taken = take_over(&database.pool, &claimant("first", "here"), &[first_attempt(ids[0])]).await.unwrap();
    assert_eq!(taken, [first_attempt(ids[1])], "a claim whose answer was lost is found again");
}

#[tokio::test]
async fn what_is_released_can_be_taken_over_at_once() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = claimed(&database, 1).await[0];
    release(&database.pool, &claimant("first", "here"), &[first_attempt(id)]).await.unwrap();
    assert_eq!(take_over(&database.pool, &claimant("second", "here"), &[]).await.unwrap(), [first_attempt(id)]);
}

#[tokio::test]
async fn another_machines_call_is_touched_only_when_neither_coordinator_nor_worker_was_heard_of() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = claimed(&database, 1).await[0];
    let other = claimant("second", "there");
    let quiet = "update calls set lease_until = now() - interval '2 minutes'";
    database.run(quiet).await;
    database.run("update attempts set created_at = now() - interval '5 minutes', seen_at = now() - interval '10 seconds'").await;
    assert!(take_over_elsewhere(&database.pool, &other, MINUTE).await.unwrap().is_empty(), "the worker is alive");
    database.run("update attempts set seen_at = now() - interval '90 seconds'").await;
    assert_eq!(take_over_elsewhere(&database.pool, &other, MINUTE).await.unwrap(), [first_attempt(id)]);
    database.run(quiet).await;
    database.run("select offhook_finish_attempt(call_id, number, '{\"disposition\": \"busy\"}') from attempts").await;
    database.run("update attempts set seen_at = now()").await;
    assert_eq!(
        take_over_elsewhere(&database.pool, &other, MINUTE).await.unwrap(),
        [first_attempt(id)],
        "it only has to be settled"
    );
}

#[tokio::test]
async fn only_attempts_that_are_known_and_open_have_a_right_to_run() {
    let database = TestDatabase::new().await.with_trunk().await;
    let ids = claimed(&database, 2).await;
    database.move_on(ids[0], "finished").await;
    let asked = [first_attempt(ids[0]), first_attempt(ids[1]), first_attempt(999)];
    assert_eq!(unsettled(&database.pool, &asked).await.unwrap(), [first_attempt(ids[1])]);
}

#[tokio::test]
async fn a_row_that_a_person_has_locked_holds_up_no_other_lease() {
    let database = TestDatabase::new().await.with_trunk().await;
    let ids = claimed(&database, 3).await;
    database.run("update calls set lease_until = now() + interval '1 second'").await;
    let mut open = database.pool.begin().await.unwrap();
    sqlx::query("update calls set priority = 1 where id = $1").bind(ids[1]).execute(&mut *open).await.unwrap();
    let attempts = ids.iter().map(|id| first_attempt(*id)).collect::<Vec<_>>();
    let owner = claimant("first", "here");
    let renewing = tokio::time::timeout(Duration::from_secs(10), renew(&database.pool, &owner, &attempts));
    let mut renewed = renewing.await.expect("it does not wait for the person").unwrap();
    renewed.sort();
    assert_eq!(renewed, attempts, "all are still ours");
    let longer: i64 = database.one("select count(*) from calls where lease_until > now() + interval '2 seconds'").await;
    assert_eq!(longer, 2);
    open.rollback().await.unwrap();
}
