//! A trunk that fails rests; then one call at a time finds out whether it works again, and others go round it.

#![allow(clippy::unwrap_used)]

use offhook::{
    disposition::Disposition,
    report::Report,
    store::{
        claim::{FreshClaim, claim},
        evidence::Evidence,
        leases::AttemptId,
        settle::settle,
        trunks,
    },
};
use offhook_test_database::{TestDatabase, claimant};
use rand::{SeedableRng, rngs::StdRng};

/// `lab` is preferred and falls back to `spare`.
async fn two_trunks() -> TestDatabase {
    let database = TestDatabase::new().await.with_trunk().await;
    database
        .run(
            "insert into trunks (name, host, preference, max_concurrent, calls_per_second, tokens) values ('spare', '127.0.0.2', 2, 1000, 1000, 50);
             update trunks set fallback = '{spare}' where name = 'lab'",
        )
        .await;
    database
}

async fn claimed(database: &TestDatabase, room: usize) -> Vec<FreshClaim> {
    claim(&database.pool, &claimant("c", "one"), room).await.unwrap().calls
}

fn trunks_of(calls: &[FreshClaim]) -> Vec<&str> {
    calls.iter().map(|fresh| fresh.call.trunk.as_str()).collect()
}

async fn end(database: &TestDatabase, fresh: &FreshClaim, disposition: Disposition, retry_after: Option<u32>) {
    for step in ["dialing"] {
        sqlx::query("select worker_progress($1, $2, '{}')")
            .bind(fresh.token.expose())
            .bind(step)
            .execute(&database.pool)
            .await
            .unwrap();
    }
    let report = Report { retry_after, ..Report::new(disposition) };
    let attempt = AttemptId { call_id: fresh.call.id, attempt: fresh.call.attempt.unsigned_abs() };
    let evidence = Evidence { report: Some(report), ..Evidence::lost("") };
    let rng = &mut StdRng::seed_from_u64(1);
    settle(&database.pool, attempt, &evidence, rng).await.unwrap();
}

async fn state(database: &TestDatabase, trunk: &str) -> String {
    let status = trunks::status(&database.pool).await.unwrap();
    status.into_iter().find(|status| status.name == trunk).unwrap().state
}

#[tokio::test]
async fn after_its_rest_one_call_tries_the_trunk_and_the_others_go_round_it() {
    let database = two_trunks().await;
    database.run("update trunks set failures = 5, paused_until = now() - interval '1 second' where name = 'lab'").await;
    database.insert_calls(4, "", "").await;
    let calls = claimed(&database, 10).await;
    assert_eq!(trunks_of(&calls), ["lab", "spare", "spare", "spare"]);
    database.insert_calls(1, "", "").await;
    assert_eq!(trunks_of(&claimed(&database, 10).await), ["spare"], "one is on its way to find out");

    end(&database, &calls[0], Disposition::TrunkFailure, None).await;
    assert_eq!(state(&database, "lab").await, "resting", "one failure is enough this time");
    database.run("update trunks set paused_until = now() - interval '1 second' where name = 'lab'").await;
    assert_eq!(state(&database, "lab").await, "probing");
    database.insert_calls(1, "", "").await;
    let probe = claimed(&database, 10).await;
    assert_eq!(trunks_of(&probe), ["lab"]);
    end(&database, &probe[0], Disposition::Busy, None).await;
    assert_eq!(state(&database, "lab").await, "ready");
    database.insert_calls(2, "", "").await;
    assert_eq!(trunks_of(&claimed(&database, 10).await), ["lab", "lab"]);
}

#[tokio::test]
async fn the_first_call_that_rings_closes_the_breaker_without_waiting_for_its_end() {
    let database = two_trunks().await;
    database.run("update trunks set failures = 5, paused_until = now() - interval '1 second' where name = 'lab'").await;
    database.insert_calls(1, "", "").await;
    let probe = claimed(&database, 1).await.remove(0);
    for step in ["dialing", "ringing"] {
        let told = sqlx::query("select worker_progress($1, $2, '{}')").bind(probe.token.expose()).bind(step);
        told.execute(&database.pool).await.unwrap();
    }
    assert_eq!(state(&database, "lab").await, "ready");
}

#[tokio::test]
async fn a_call_that_names_a_resting_trunk_takes_its_first_fallback_that_works() {
    let database = two_trunks().await;
    database
        .run(
            "insert into trunks (name, host, enabled, preference) values ('off', '127.0.0.3', false, 3);
             update trunks set fallback = '{off,direct,spare}' where name = 'lab';
             update trunks set paused_until = now() + interval '1 hour' where name = 'lab'",
        )
        .await;
    database.insert_calls(1, "trunk", "'lab'").await;
    // `direct` comes first, and cannot carry a telephone number.
    assert!(claimed(&database, 10).await.is_empty());
    database.run("update trunks set fallback = '{off,spare}' where name = 'lab'").await;
    let calls = claimed(&database, 10).await;
    assert_eq!(trunks_of(&calls), ["spare"]);
    assert_eq!(database.one::<String>("select detail ->> 'instead_of' from events where kind = 'claimed'").await, "lab");
    assert_eq!(calls[0].call.trunks.iter().map(|trunk| trunk.name.as_str()).collect::<Vec<_>>(), ["spare"]);
}

#[tokio::test]
async fn without_a_fallback_calls_wait_for_the_trunk_they_name() {
    let database = two_trunks().await;
    database.run("update trunks set fallback = '{}', paused_until = now() + interval '1 hour' where name = 'lab'").await;
    database.insert_calls(1, "trunk", "'lab'").await;
    assert!(claimed(&database, 10).await.is_empty());
    database.run("update trunks set paused_until = now() - interval '1 second' where name = 'lab'").await;
    assert_eq!(trunks_of(&claimed(&database, 10).await), ["lab"]);
}

#[tokio::test]
async fn retry_after_makes_a_trunk_rest_after_one_failure_and_a_call_that_went_well_does_not_wake_it() {
    let database = two_trunks().await;
    database.insert_calls(2, "", "").await;
    let calls = claimed(&database, 2).await;
    end(&database, &calls[0], Disposition::TrunkFailure, Some(120)).await;
    let wish = "select paused_until between now() + interval '110 seconds' and now() + interval '120 seconds' from trunks where name = 'lab'";
    assert!(database.one::<bool>(wish).await);
    end(&database, &calls[1], Disposition::Busy, Some(7200)).await;
    assert!(database.one::<bool>(wish).await, "the callee's wish is no trunk's");
    assert!(
        database
            .one::<bool>(format!("select due_at > now() + interval '119 minutes' from calls where id = {}", calls[1].call.id))
            .await
    );
}

#[tokio::test]
async fn a_claimed_call_brings_the_fallbacks_that_can_carry_it_in_their_order() {
    let database = two_trunks().await;
    database
        .run(
            "insert into trunks (name, host, enabled, paused_until) values ('off', 'h', false, null), ('rests', 'h', true, now() + interval '1 hour'),
                 ('last', 'h', true, null);
             update trunks set fallback = '{last,off,rests,direct,spare}' where name = 'lab'",
        )
        .await;
    let names = |fresh: &FreshClaim| fresh.call.trunks.iter().map(|trunk| trunk.name.clone()).collect::<Vec<_>>();
    database.insert_calls(1, "", "").await;
    assert_eq!(names(&claimed(&database, 1).await[0]), ["lab", "last", "spare"]);
    database.insert_calls(1, "trunk", "'lab'").await;
    database.run("update calls set number = 'sip:x@example.org' where state = 'queued'").await;
    assert_eq!(names(&claimed(&database, 1).await[0]), ["lab", "last", "direct", "spare"]);
}
