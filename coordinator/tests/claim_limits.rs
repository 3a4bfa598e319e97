//! How much at once, and how often: limits in all and per number, pauses, and what waits for them.

#![allow(clippy::unwrap_used)]

use offhook::{
    disposition::Disposition,
    store::{
        claim::{FreshClaim, claim, keep_queue},
        evidence::Evidence,
        leases::AttemptId,
        settle::settle,
    },
};
use offhook_test_database::{TestDatabase, claimant};
use rand::{SeedableRng, rngs::StdRng};

async fn claimed(database: &TestDatabase, room: usize) -> Vec<FreshClaim> {
    claim(&database.pool, &claimant("c", "one"), room).await.unwrap().calls
}

async fn claim_ids(database: &TestDatabase, room: usize) -> Vec<i64> {
    claimed(database, room).await.iter().map(|fresh| fresh.call.id).collect()
}

async fn end(database: &TestDatabase, fresh: &FreshClaim, how: Disposition) {
    let attempt = AttemptId { call_id: fresh.call.id, attempt: fresh.call.attempt.unsigned_abs() };
    let evidence = Evidence { otherwise: how, ..Evidence::lost("") };
    let rng = &mut StdRng::seed_from_u64(1);
    settle(&database.pool, attempt, &evidence, rng).await.unwrap();
}

/// `count` calls to one number.
async fn to_one_number(database: &TestDatabase, count: usize) -> Vec<i64> {
    let first = database.insert_calls(count, "", "").await;
    database.run("update calls set number = '+493012345678'").await;
    (first..first + count as i64).collect()
}

#[tokio::test]
async fn no_more_calls_in_all_than_the_installation_may_have() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.run("update installation set max_concurrent = 3").await;
    database.insert_calls(10, "", "").await;
    let live = claimed(&database, 10).await;
    assert_eq!(live.len(), 3);
    assert!(claimed(&database, 10).await.is_empty());
    end(&database, &live[0], Disposition::InvalidNumber).await;
    assert_eq!(claimed(&database, 10).await.len(), 1);
    database.run("update installation set max_concurrent = null").await;
    assert_eq!(claimed(&database, 10).await.len(), 6);
}

#[tokio::test]
async fn a_paused_installation_claims_nothing_until_it_is_resumed() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.insert_calls(2, "", "").await;
    let live = claimed(&database, 1).await;
    database.run("update installation set paused = true, pause_reason = 'the PBX is being moved'").await;
    assert!(claimed(&database, 10).await.is_empty());
    end(&database, &live[0], Disposition::InvalidNumber).await;
    assert_eq!(database.state(live[0].call.id).await.0, "finished", "what is under way goes on");
    database.run("update installation set paused = false").await;
    assert_eq!(claimed(&database, 10).await.len(), 1);
}

#[tokio::test]
async fn a_paused_trunk_claims_nothing_and_calls_that_name_none_go_another_way() {
    let database = TestDatabase::new().await.with_trunk().await;
    database
        .run(
            "insert into trunks (name, host, preference, calls_per_second, tokens) values ('spare', 'h', 2, 1000, 50); \
             update trunks set paused = true, fallback = '{spare}' where name = 'lab'",
        )
        .await;
    let any = database.insert_calls(1, "", "").await;
    let named = database.insert_calls(1, "trunk", "'lab'").await;
    let calls = claimed(&database, 10).await;
    assert_eq!(calls.iter().map(|fresh| (fresh.call.id, fresh.call.trunk.as_str())).collect::<Vec<_>>(), [(any, "spare")]);
    assert_eq!(database.one::<String>("select state from trunk_status where name = 'lab'").await, "paused");
    database.run("update trunks set paused = false where name = 'lab'").await;
    assert_eq!(claim_ids(&database, 10).await, [named], "it has waited for its own trunk");
}

#[tokio::test]
async fn nobody_fails_over_to_a_paused_trunk() {
    let database = TestDatabase::new().await.with_trunk().await;
    database
        .run(
            "insert into trunks (name, host, preference, paused) values ('spare', 'h', 2, true); \
             update trunks set fallback = '{spare}' where name = 'lab'",
        )
        .await;
    database.insert_calls(1, "", "").await;
    let call = claimed(&database, 1).await.remove(0);
    assert_eq!(call.call.trunks.iter().map(|trunk| trunk.name.as_str()).collect::<Vec<_>>(), ["lab"]);
    let answer: String = sqlx::query_scalar("select worker_change_trunk($1, 2, 'spare', '{}') ->> 'why'")
        .bind(call.token.expose())
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert_eq!(answer, "\"spare\" is paused");
}

#[tokio::test]
async fn a_number_that_was_rung_is_left_alone_for_its_quiet_time() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.run("update installation set quiet_time = '1 minute'").await;
    let calls = to_one_number(&database, 3).await;
    let first = claimed(&database, 10).await;
    assert_eq!(first.len(), 1);
    let waits = format!("select string_agg(waits_for, ',') from calls where id <> {}", calls[0]);
    assert_eq!(database.one::<String>(waits.clone()).await, "other_call,other_call");
    end(&database, &first[0], Disposition::NoAnswer).await;
    assert_eq!(database.one::<String>(waits).await, "quiet_time,quiet_time");
    assert!(claimed(&database, 10).await.is_empty());
    let due = "select bool_and(due_at between now() + interval '50 s' and now() + interval '60 s') from calls where waits_for = 'quiet_time'";
    assert!(database.one::<bool>(due).await);
    // The minute passes.
    database.run("update numbers set last_rung_at = last_rung_at - interval '1 minute'").await;
    database.run("update calls set due_at = due_at - interval '1 minute' where waits_for = 'quiet_time'").await;
    assert_eq!(claim_ids(&database, 10).await, [calls[1]], "the one that has waited longest");
}

#[tokio::test]
async fn what_rang_nobody_makes_nobody_wait() {
    for how in [Disposition::TrunkFailure, Disposition::Busy, Disposition::InvalidNumber] {
        let database = TestDatabase::new().await.with_trunk().await;
        database.run("update installation set quiet_time = '1 minute', calls_per_day = 1").await;
        let calls = to_one_number(&database, 2).await;
        let first = claimed(&database, 1).await;
        end(&database, &first[0], how).await;
        assert_eq!(database.one::<i64>("select count(*) from numbers").await, 0, "{how:?}");
        assert_eq!(claim_ids(&database, 10).await, [calls[1]], "{how:?}: at once");
    }
}

#[tokio::test]
async fn a_number_is_rung_so_often_a_day_and_not_more() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.run("update installation set quiet_time = '0', calls_per_day = 2").await;
    let calls = to_one_number(&database, 3).await;
    for call in &calls[..2] {
        let next = claimed(&database, 1).await;
        assert_eq!(next[0].call.id, *call);
        end(&database, &next[0], Disposition::Answered).await;
    }
    assert!(claim_ids(&database, 10).await.is_empty());
    let tomorrow: bool = database
        .one(format!(
            "select waits_for = 'daily_cap' and (due_at at time zone restaurant_zone) = (now() at time zone restaurant_zone)::date + 1 \
             from calls where id = {}",
            calls[2]
        ))
        .await;
    assert!(tomorrow, "the day of the restaurant's calendar, from its midnight on");
    // The day passes.
    database.run("update numbers set day = day - 1").await;
    database.run(format!("update calls set due_at = now() where id = {}", calls[2])).await;
    assert_eq!(claim_ids(&database, 10).await, [calls[2]]);
}

#[tokio::test]
async fn a_call_that_could_only_be_made_after_its_time_because_of_the_cap_expires() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.run("update installation set quiet_time = '0', calls_per_day = 1").await;
    let calls = to_one_number(&database, 2).await;
    database.run(format!("update calls set not_after = now() + interval '10 seconds' where id = {}", calls[1])).await;
    // It is rung on this day, whatever the clock says in Berlin, and again until tomorrow.
    database
        .run("insert into numbers values ('+493012345678', now(), (now() at time zone 'Europe/Berlin' + interval '1 hour')::date, 1)")
        .await;
    database.run("update numbers set day = (now() at time zone 'Europe/Berlin')::date").await;
    assert!(claim_ids(&database, 10).await.is_empty());
    let (state, why) = database.state(calls[1]).await;
    // Within ten seconds of midnight it may still be made in time.
    assert_eq!(state, "expired");
    assert_eq!(why.unwrap(), "the number has been rung 1 times today, and there is no time left before not_after");
}

#[tokio::test]
async fn the_next_call_to_a_number_does_not_hang_on_one_that_is_taken_back() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.run("update installation set quiet_time = '0'").await;
    let calls = to_one_number(&database, 8).await;
    let first = claimed(&database, 1).await;
    assert!(claimed(&database, 10).await.is_empty());
    end(&database, &first[0], Disposition::InvalidNumber).await;
    database.run(format!("update calls set cancel_requested = true where id between {} and {}", calls[1], calls[6])).await;
    keep_queue(&database.pool, 100).await.unwrap();
    assert_eq!(claim_ids(&database, 10).await, [calls[7]]);
}

#[tokio::test]
async fn people_may_take_back_a_call_others_wait_behind() {
    let database = TestDatabase::new().await.with_trunk().await;
    let calls = to_one_number(&database, 4).await;
    claimed(&database, 10).await;
    database
        .run(format!(
            "begin; set local role offhook_user; update calls set cancel_requested = true where id = {}; commit",
            calls[1]
        ))
        .await;
    assert_eq!(database.state(calls[1]).await.0, "cancelled");
}
