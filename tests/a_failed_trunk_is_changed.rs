//! Before a call goes over another trunk the database says yes, and the row says which trunk failed, and why.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use offhook::{
    disposition::Disposition,
    report::{MediaReport, Report},
    store::worker::{Step, TrunkChange, TrunkFailed, WorkerStore, WorkerStoreError},
};
use offhook_test_database::{StartedAttempt, TestDatabase};
use serde_json::{Value, json};

struct Scene {
    database: TestDatabase,
    attempt: StartedAttempt,
    store: WorkerStore,
}

impl Scene {
    /// A call that is being dialled over `berlin`, which falls back to `hamburg` and `bremen`.
    async fn new() -> Scene {
        let database = TestDatabase::new().await;
        run(
            &database,
            "insert into trunks (name, host, calls_per_second, fallback) values ('bremen', 'c', 100, '{}'), ('hamburg', 'b', 100, '{}'),
                 ('munich', 'd', 100, '{}'), ('berlin', 'a', 100, '{hamburg,bremen}')",
        )
        .await;
        run(&database, "update installation set id = 'lab'").await;
        let call = database.insert_call(&[("trunk", "'berlin'")]).await;
        let attempt = database.start_attempt(call).await;
        let store = WorkerStore::connect(&database.url(), &attempt.token).await.unwrap();
        assert_eq!(store.progress(Step::Dialing, json!({})).await, Ok(true));
        Scene { database, attempt, store }
    }

    async fn change(&self, nth: u32, trunk: &str) -> TrunkChange {
        self.store.change_trunk(nth, trunk, &overloaded(None)).await.unwrap()
    }

    async fn refused(&self, nth: u32, trunk: &str) -> String {
        match self.change(nth, trunk).await {
            TrunkChange::No { why } => why,
            other => panic!("{trunk}: {other:?}"),
        }
    }

    async fn one<T: Send + Unpin + for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres>>(&self, sql: &str) -> T {
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned())).fetch_one(&self.database.pool).await.unwrap()
    }

    /// A call of somebody else under way over `trunk`.
    async fn another_call_over(&self, trunk: &str) {
        let number: i64 = self.one("select count(*) from calls").await;
        let (number, trunk) = (format!("'+493012345{number:02}'"), format!("'{trunk}'"));
        let call = self.database.insert_call(&[("number", &number), ("trunk", &trunk)]).await;
        self.database.start_attempt(call).await;
    }
}

async fn run(database: &TestDatabase, sql: &str) {
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned())).execute(&database.pool).await.unwrap();
}

fn overloaded(retry_after: Option<u32>) -> TrunkFailed {
    TrunkFailed { why: "Service Unavailable".into(), sip_code: Some(503), cause: Some(42), retry_after }
}

fn dial(sip_call_id: &str) -> TrunkChange {
    TrunkChange::Dial { sip_call_id: sip_call_id.into() }
}

#[tokio::test]
async fn the_row_knows_both_trunks_and_the_call_id_of_each() {
    let scene = Scene::new().await;
    assert_eq!(scene.change(2, "hamburg").await, dial("1-1-lab.2@offhook"));
    assert_eq!(scene.change(3, "bremen").await, dial("1-1-lab.3@offhook"));
    let row: (String, String) =
        sqlx::query_as("select trunk, sip_call_id from attempts").fetch_one(&scene.database.pool).await.unwrap();
    assert_eq!(row, ("bremen".into(), "1-1-lab.3@offhook".into()));
    let failed: Value = scene.one("select jsonb_agg(f - 'at') from call_results, jsonb_array_elements(failed_trunks) f").await;
    let berlin =
        json!({"trunk": "berlin", "sip_call_id": "1-1-lab@offhook", "why": "Service Unavailable", "sip_code": 503, "cause": 42});
    assert_eq!(failed[0], berlin);
    assert_eq!(failed[1]["trunk"], json!("hamburg"));
    let told: String =
        scene.one("select string_agg(detail ->> 'to', ' ' order by id) from events where kind = 'trunk_changed'").await;
    assert_eq!(told, "hamburg bremen");
}

#[tokio::test]
async fn a_question_told_twice_has_one_answer_and_takes_one_token() {
    let scene = Scene::new().await;
    run(&scene.database, "update trunks set tokens = 3, calls_per_second = 60, refilled_at = now() + interval '1 hour'").await;
    for _ in 0..3 {
        assert_eq!(scene.change(2, "hamburg").await, dial("1-1-lab.2@offhook"));
    }
    assert_eq!(scene.one::<i64>("select count(*) from events where kind = 'trunk_changed'").await, 1);
    assert_eq!(scene.one::<f64>("select tokens from trunks where name = 'hamburg'").await, 2.0);
    assert_eq!(scene.one::<i32>("select failures from trunks where name = 'berlin'").await, 1);
}

#[tokio::test]
async fn only_a_fallback_of_the_first_trunk_with_room_that_works_may_take_over() {
    let scene = Scene::new().await;
    for stranger in ["munich", "berlin", "direct", "nowhere"] {
        assert_eq!(scene.refused(2, stranger).await, format!("\"{stranger}\" is not a fallback of \"berlin\""));
    }
    for (made, unmade, why) in [
        ("enabled = false", "enabled = true", "is not enabled"),
        ("paused_until = now() + interval '1 minute'", "paused_until = null", "rests after failures"),
        ("max_concurrent = 0", "max_concurrent = 10", "has no room"),
    ] {
        run(&scene.database, &format!("update trunks set {made} where name = 'hamburg'")).await;
        let said = scene.refused(2, "hamburg").await;
        assert!(said.contains(why), "{said}");
        run(&scene.database, &format!("update trunks set {unmade} where name = 'hamburg'")).await;
    }
    scene.another_call_over("hamburg").await;
    run(&scene.database, "update trunks set max_concurrent = 1 where name = 'hamburg'").await;
    assert_eq!(scene.refused(2, "hamburg").await, "\"hamburg\" has no room");
    assert_eq!(scene.change(2, "bremen").await, dial("1-1-lab.2@offhook"));
    assert_eq!(scene.refused(3, "berlin").await, "\"berlin\" is not a fallback of \"berlin\"", "it has failed already");
}

#[tokio::test]
async fn calls_per_second_are_waited_for() {
    let scene = Scene::new().await;
    run(&scene.database, "update trunks set tokens = 0, refilled_at = now(), calls_per_second = 0.5 where name = 'hamburg'")
        .await;
    let TrunkChange::Wait { after } = scene.change(2, "hamburg").await else { panic!() };
    assert!((1000..=2000).contains(&after.as_millis()), "{after:?}");
    assert_eq!(scene.one::<String>("select trunk from attempts").await, "berlin");
    run(&scene.database, "update trunks set refilled_at = now() - interval '3 seconds' where name = 'hamburg'").await;
    assert_eq!(scene.change(2, "hamburg").await, dial("1-1-lab.2@offhook"));
}

#[tokio::test]
async fn a_trunk_that_has_rested_is_tried_by_one_call_at_a_time() {
    let scene = Scene::new().await;
    run(&scene.database, "update trunks set paused_until = now() - interval '1 second', failures = 5 where name = 'hamburg'")
        .await;
    scene.another_call_over("hamburg").await;
    assert_eq!(scene.refused(2, "hamburg").await, "another call finds out whether \"hamburg\" works again");
    run(&scene.database, "update attempts set ringing_at = now() where trunk = 'hamburg'").await;
    assert_eq!(scene.change(2, "hamburg").await, dial("1-1-lab.2@offhook"));
    // It rings: the trunk works, and what failed before is forgotten.
    assert_eq!(scene.store.progress(Step::Ringing, json!({})).await, Ok(true));
    assert_eq!(scene.one::<String>("select state from trunk_status where name = 'hamburg'").await, "ready");
    assert_eq!(scene.one::<i32>("select failures from trunks where name = 'hamburg'").await, 0);
}

#[tokio::test]
async fn the_breaker_counts_the_trunk_that_failed_and_keeps_its_retry_after() {
    let scene = Scene::new().await;
    scene.store.change_trunk(2, "hamburg", &overloaded(Some(600))).await.unwrap();
    let (berlin, hamburg): (bool, bool) = sqlx::query_as(
        "select (select paused_until between now() + interval '590 seconds' and now() + interval '600 seconds' and failures = 1
                   from trunks where name = 'berlin'),
                (select paused_until is null and failures = 0 from trunks where name = 'hamburg')",
    )
    .fetch_one(&scene.database.pool)
    .await
    .unwrap();
    assert!(berlin && hamburg);
    scene.store.change_trunk(3, "bremen", &overloaded(Some(4_000_000_000))).await.unwrap();
    let an_hour: bool = scene.one("select paused_until < now() + interval '61 minutes' from trunks where name = 'hamburg'").await;
    assert!(an_hour, "a wish is kept up to an hour");

    let scene = Scene::new().await;
    scene.change(2, "hamburg").await;
    assert!(scene.one::<bool>("select paused_until is null from trunks where name = 'berlin'").await, "one failure is none");
}

#[tokio::test]
async fn nobody_is_dialled_again_after_it_rang_or_was_taken_back_or_over_an_attempt_that_is_over() {
    let scene = Scene::new().await;
    assert_eq!(scene.store.progress(Step::Ringing, json!({})).await, Ok(true));
    assert!(scene.refused(2, "hamburg").await.contains("not at a point"));

    let scene = Scene::new().await;
    run(&scene.database, "update calls set cancel_requested = true").await;
    assert_eq!(scene.change(2, "hamburg").await, TrunkChange::Cancelled);

    let scene = Scene::new().await;
    scene.database.move_on(scene.attempt.call_id, "queued").await;
    scene.database.start_attempt(scene.attempt.call_id).await;
    let refused = scene.store.change_trunk(2, "hamburg", &overloaded(None)).await;
    assert_eq!(refused, Err(WorkerStoreError::Stale));
    assert_eq!(scene.one::<i64>("select count(*) from attempts where trunk = 'hamburg'").await, 0);
}

#[tokio::test]
async fn two_calls_that_change_at_once_find_room_for_one() {
    let scene = Scene::new().await;
    run(&scene.database, "update trunks set max_concurrent = 1 where name = 'hamburg'").await;
    let call = scene.database.insert_call(&[("number", "'+4930987654'"), ("trunk", "'berlin'")]).await;
    let other = scene.database.start_attempt(call).await;
    let other = WorkerStore::connect(&scene.database.url(), &other.token).await.unwrap();
    assert_eq!(other.progress(Step::Dialing, json!({})).await, Ok(true));
    let failed = overloaded(None);
    let (one, two) = tokio::join!(scene.store.change_trunk(2, "hamburg", &failed), other.change_trunk(2, "hamburg", &failed));
    let dialled = [one.unwrap(), two.unwrap()].iter().filter(|change| matches!(change, TrunkChange::Dial { .. })).count();
    assert_eq!(dialled, 1);
}

#[tokio::test]
async fn how_the_line_was_can_be_read_with_plain_sql() {
    let scene = Scene::new().await;
    let media = MediaReport {
        packets_received: 1900,
        packets_lost: 100,
        jitter_ms: Some(12.5),
        round_trip_ms: None,
        mos: Some(3.75),
        ..MediaReport::default()
    };
    let report = Report {
        sip_code: Some(200),
        cause: Some(31),
        retry_after: Some(u32::MAX),
        codec: Some("PCMA".into()),
        media: Some(media),
        ..Report::new(Disposition::NoMedia)
    };
    scene.store.finish(&report).await.unwrap();
    let row: (String, i32, f64, f64, Option<f64>, f64) = sqlx::query_as(
        "select disposition::text, cause, loss_percent, jitter_ms, round_trip_ms, mos from call_results where mos < 4",
    )
    .fetch_one(&scene.database.pool)
    .await
    .unwrap();
    assert_eq!(row, ("no_media".into(), 31, 5.0, 12.5, None, 3.75));
    let mut connection = scene.database.pool.acquire().await.unwrap();
    sqlx::query("set role offhook_user").execute(&mut *connection).await.unwrap();
    for readable in [
        "select mos, loss_percent, failed_trunks from call_results",
        "select mos, cause, retry_after from attempts",
        "select * from trunk_status",
    ] {
        sqlx::query(readable).fetch_all(&mut *connection).await.unwrap_or_else(|error| panic!("{readable}: {error}"));
    }
    sqlx::query("set role offhook_worker").execute(&mut *connection).await.unwrap();
    for forbidden in [
        "select offhook_judge_trunk('berlin', true, 1, 1, '1 hour')",
        "select * from trunk_status",
        "update trunks set breaker_failures = 1",
    ] {
        let error = sqlx::query(forbidden).execute(&mut *connection).await.expect_err(forbidden);
        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("42501"), "{forbidden}");
    }
    let patience = Duration::from_secs(5);
    assert!(scene.store.flush(patience).await.is_ok());
}
