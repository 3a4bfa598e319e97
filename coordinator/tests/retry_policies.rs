//! When a call is made again is a row of `retry_policies`: the call's, else its trunk's, else `default`.

#![allow(clippy::unwrap_used)]

use offhook::{
    disposition::Disposition,
    report::Report,
    retry_policy::RetryPolicy,
    store::{claim::claim, evidence::Evidence, leases::AttemptId, retry_policies, settle::settle},
};
use offhook_test_database::{TestDatabase, claimant};
use rand::{SeedableRng, rngs::StdRng};

/// Makes the due call with `disposition` as its end; returns how many minutes later it is due again, rounded.
async fn minutes_until_again(database: &TestDatabase, disposition: Disposition) -> Option<i64> {
    database.run("update installation set quiet_time = '0'").await;
    let fresh = claim(&database.pool, &claimant("c", "one"), 1).await.unwrap().calls.pop().expect("a due call");
    let attempt = AttemptId { call_id: fresh.call.id, attempt: fresh.call.attempt.unsigned_abs() };
    let report = Report::new(disposition);
    let evidence = Evidence { report: Some(report), ..Evidence::lost("") };
    settle(&database.pool, attempt, &evidence, &mut StdRng::seed_from_u64(1)).await.unwrap();
    database
        .one(format!(
            "select case when state = 'queued' then round(extract(epoch from due_at - now()) / 60)::bigint end from calls where id = {}",
            fresh.call.id
        ))
        .await
}

#[tokio::test]
async fn the_row_default_is_what_the_program_thinks_is_patient() {
    let database = TestDatabase::new().await;
    let mut connection = database.pool.acquire().await.unwrap();
    assert_eq!(retry_policies::find(&mut connection, "default").await.unwrap(), RetryPolicy::default());
    assert_eq!(retry_policies::find(&mut connection, "gone meanwhile").await.unwrap(), RetryPolicy::default());
}

#[tokio::test]
async fn the_calls_own_policy_wins_then_its_trunks_then_the_default() {
    let database = TestDatabase::new().await.with_trunk().await;
    database
        .run(
            "insert into retry_policies (name, busy_from, busy_to) values ('hourly', '1 hour', '1 hour'), ('daily', '1 day', '1 day');
             update retry_policies set busy_from = '10 minutes' where name = 'default'",
        )
        .await;
    database.insert_calls(1, "", "").await;
    assert_eq!(minutes_until_again(&database, Disposition::Busy).await, Some(10));
    database.run("update trunks set retry_policy = 'hourly' where name = 'lab'").await;
    database.insert_calls(1, "", "").await;
    assert_eq!(minutes_until_again(&database, Disposition::Busy).await, Some(60));
    database.insert_calls(1, "retry_policy", "'daily'").await;
    assert_eq!(minutes_until_again(&database, Disposition::Busy).await, Some(24 * 60));
}

#[tokio::test]
async fn a_policy_that_is_changed_holds_for_the_next_end() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.insert_calls(1, "max_attempts", "5").await;
    database.run("update installation set quiet_time = '0'").await;
    database.run("update retry_policies set machine_times = 3, machine_from = '90 minutes', machine_to = '90 minutes'").await;
    for _ in 0..3 {
        assert_eq!(minutes_until_again(&database, Disposition::Voicemail).await, Some(90));
        database.run("update calls set due_at = now()").await;
    }
    assert_eq!(minutes_until_again(&database, Disposition::Voicemail).await, None, "three times is what was allowed");
}

#[tokio::test]
async fn each_trunk_has_a_breaker_of_its_own() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.run("update trunks set breaker_failures = 2, breaker_rest = '10 minutes' where name = 'lab'").await;
    for nth in 1..=2 {
        database.insert_calls(1, "", "").await;
        let fresh = claim(&database.pool, &claimant("c", "one"), 1).await.unwrap().calls.pop().unwrap();
        sqlx::query("select worker_progress($1, 'dialing', '{}')")
            .bind(fresh.token.expose())
            .execute(&database.pool)
            .await
            .unwrap();
        let attempt = AttemptId { call_id: fresh.call.id, attempt: 1 };
        let report = Report::new(Disposition::TrunkFailure);
        let evidence = Evidence { report: Some(report), ..Evidence::lost("") };
        settle(&database.pool, attempt, &evidence, &mut StdRng::seed_from_u64(1)).await.unwrap();
        let rests: bool = database
            .one("select coalesce(paused_until > now() + interval '9 minutes', false) from trunks where name = 'lab'")
            .await;
        assert_eq!(rests, nth == 2, "after {nth} failures");
    }
}
