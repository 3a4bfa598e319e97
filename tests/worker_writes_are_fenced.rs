//! What a worker writes counts only for the current attempt, is stored once, and survives a database that is away.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::{Duration, Instant};

use offhook::{
    disposition::Disposition,
    outcome::{Outcome, OutcomeReport},
    report::Report,
    secret::Secret,
    store::worker::{Note, Patience, Step, ToolBegin, WorkerStore, WorkerStoreError},
    turn::{Speaker, Turn},
};
use offhook_test_database::{CALL, StartedAttempt, TestDatabase, insert_statement};
use serde_json::{Value, json};
use sqlx::postgres::PgListener;
use support::wire::{Proxy, Wire};

const BOUND: Duration = Duration::from_secs(20);

fn brisk() -> Patience {
    Patience {
        connect: Duration::from_secs(5),
        statement: Duration::from_millis(700),
        ask: Duration::from_secs(10),
        tool: Duration::from_secs(10),
        finish: Duration::from_secs(30),
        first_pause: Duration::from_millis(10),
        longest_pause: Duration::from_millis(50),
    }
}

async fn attempt(database: &TestDatabase) -> StartedAttempt {
    let call = database.insert_call(&[]).await;
    database.start_attempt(call).await
}

async fn worker(database: &TestDatabase, attempt: &StartedAttempt) -> WorkerStore {
    WorkerStore::connect_with(&database.url(), &attempt.token, brisk()).await.unwrap()
}

async fn through_a_wire(database: &TestDatabase, attempt: &StartedAttempt) -> (Proxy, WorkerStore) {
    let (host, port) = database.address();
    let wire = Proxy::to(host, port).await;
    let store = WorkerStore::connect_with(&database.url_through(wire.port), &attempt.token, brisk()).await.unwrap();
    (wire, store)
}

fn turn(number: u32, text: &str) -> Turn {
    let started_ms = u64::from(number) * 1000;
    Turn {
        number,
        speaker: Speaker::Agent,
        language: None,
        text: text.into(),
        started_ms,
        ended_ms: started_ms + 900,
        interrupted: false,
    }
}

fn booked() -> Report {
    Report {
        sip_code: Some(200),
        sip_reason: Some("OK".into()),
        detail: Some("a table was agreed on".into()),
        codec: Some("opus".into()),
        outcome: Some(OutcomeReport {
            outcome: Outcome::Booked,
            agreed_date: chrono::NaiveDate::from_ymd_opt(2030, 12, 4),
            agreed_time: chrono::NaiveTime::from_hms_opt(19, 30, 0),
            agreed_party: Some(4),
            agreed_name: Some("Winter".into()),
            reference: Some("A\u{0}17".into()),
            notes: None,
            offers: Vec::new(),
            evidence: vec![3, 5],
            language: Some(offhook::language::Language::De),
        }),
        do_not_call: true,
        ..Report::new(Disposition::Answered)
    }
}

async fn count(database: &TestDatabase, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&database.pool).await.unwrap()
}

#[tokio::test]
async fn a_worker_of_an_older_attempt_is_told_to_stop_and_leaves_nothing() {
    let database = TestDatabase::new().await;
    let first = attempt(&database).await;
    let store = worker(&database, &first).await;
    assert_eq!(store.progress(Step::Dialing, json!({})).await, Ok(true));
    database.move_on(first.call_id, "queued").await;
    database.start_attempt(first.call_id).await;

    assert_eq!(store.progress(Step::Talking, json!({})).await, Err(WorkerStoreError::Stale));
    assert_eq!(store.seen().await, Err(WorkerStoreError::Stale));
    assert_eq!(store.tool_begin(1, "accept_offer", json!({})).await, Err(WorkerStoreError::Stale));
    store.turn(turn(1, "too late")).unwrap();
    assert_eq!(store.finish(&booked()).await, Err(WorkerStoreError::Stale));
    assert_eq!(store.turn(turn(2, "still too late")), Err(WorkerStoreError::Stale));
    assert_eq!(count(&database, "select count(*) from turns").await, 0);
    assert_eq!(count(&database, "select count(*) from tool_calls").await, 0);
    assert_eq!(count(&database, "select count(*) from attempts where outcome is not null").await, 0);
    let state: String = sqlx::query_scalar("select state::text from calls").fetch_one(&database.pool).await.unwrap();
    assert_eq!(state, "claimed");
}

#[tokio::test]
async fn an_unknown_token_never_connects() {
    let database = TestDatabase::new().await;
    let refused = WorkerStore::connect_with(&database.url(), &Secret::new("guessed"), brisk()).await;
    assert_eq!(refused.err(), Some(WorkerStoreError::Stale));
}

#[tokio::test]
async fn a_call_that_was_taken_back_is_not_dialled() {
    let database = TestDatabase::new().await;
    let attempt = attempt(&database).await;
    let store = worker(&database, &attempt).await;
    assert_eq!(store.seen().await, Ok(false));
    sqlx::query("update calls set cancel_requested = true").execute(&database.pool).await.unwrap();
    assert_eq!(store.seen().await, Ok(true));
    assert_eq!(store.progress(Step::Dialing, json!({})).await, Ok(false));
    assert_eq!(count(&database, "select count(*) from attempts where dialing_at is not null").await, 0);
}

#[tokio::test]
async fn a_tool_runs_once_whoever_asks_again() {
    let database = TestDatabase::new().await;
    let attempt = attempt(&database).await;
    let store = worker(&database, &attempt).await;
    assert_eq!(store.tool_begin(1, "accept_offer", json!({"time": "19:30"})).await, Ok(ToolBegin::Run));
    assert_eq!(store.tool_begin(1, "accept_offer", json!({})).await, Ok(ToolBegin::Known(json!({}))));
    let other = worker(&database, &attempt).await;
    assert_eq!(other.tool_begin(1, "accept_offer", json!({})).await, Ok(ToolBegin::Known(json!({}))));
    store.tool_end(1, json!({"accepted": true})).unwrap();
    store.flush(BOUND).await.unwrap();
    assert_eq!(other.tool_begin(1, "accept_offer", json!({})).await, Ok(ToolBegin::Known(json!({"accepted": true}))));
}

#[tokio::test]
async fn what_is_noted_while_the_database_is_away_arrives_in_order_once_and_with_its_moment() {
    let database = TestDatabase::new().await;
    let attempt = attempt(&database).await;
    let (wire, store) = through_a_wire(&database, &attempt).await;
    store.turn(turn(1, "before")).unwrap();
    store.flush(BOUND).await.unwrap();

    wire.set(Wire::Cut);
    let away = Instant::now();
    for number in 2..=60 {
        store.turn(turn(number, "while it was away")).unwrap();
        store.event("noted", json!({"number": number})).unwrap();
    }
    store.progress_later(Step::Ringing, json!({})).unwrap();
    let asked = store.flush(Duration::from_millis(200)).await;
    assert!(matches!(asked, Err(WorkerStoreError::Unavailable(_))), "{asked:?}");
    assert_eq!(store.unsent().len(), 59 * 2 + 1);
    assert!(matches!(&store.unsent()[0], Note::Turn(turn) if turn.number == 2));
    wire.set(Wire::Whole);
    store.flush(BOUND).await.unwrap();
    let waited = away.elapsed().as_secs_f64();

    let numbers: Vec<i32> = sqlx::query_scalar("select number from turns order by at").fetch_all(&database.pool).await.unwrap();
    assert_eq!(numbers, (1..=60).collect::<Vec<_>>());
    let events: Vec<i32> = sqlx::query_scalar("select (detail ->> 'number')::int from events where kind = 'noted' order by id")
        .fetch_all(&database.pool)
        .await
        .unwrap();
    assert_eq!(events, (2..=60).collect::<Vec<_>>());
    // Stamped when it happened: all of them within the moment they were noted in, long before the last one was stored.
    let spread: f64 = sqlx::query_scalar("select extract(epoch from max(at) - min(at))::float8 from events where kind = 'noted'")
        .fetch_one(&database.pool)
        .await
        .unwrap();
    assert!(spread < waited - 0.15, "spread over {spread} s of {waited} s");
    assert_eq!(store.unsent(), Vec::new());
}

#[tokio::test]
async fn an_answer_that_is_lost_doubles_nothing() {
    let database = TestDatabase::new().await;
    let attempt = attempt(&database).await;
    let (wire, store) = through_a_wire(&database, &attempt).await;
    // The first of its kind is prepared in a conversation of its own; the second one is said in one go.
    store.event("before", json!({})).unwrap();
    assert_eq!(store.progress(Step::Dialing, json!({})).await, Ok(true));
    store.flush(BOUND).await.unwrap();
    let mut heard = PgListener::connect_with(&database.pool).await.unwrap();
    heard.listen("offhook_events").await.unwrap();

    wire.set(Wire::AnswersLost);
    store.event("noted", json!({})).unwrap();
    tokio::time::timeout(BOUND, heard.recv()).await.expect("the event arrives, only its answer does not").unwrap();
    wire.set(Wire::Cut);
    wire.set(Wire::Whole);
    store.flush(BOUND).await.unwrap();
    assert_eq!(count(&database, "select count(*) from events where kind = 'noted'").await, 1);

    assert_eq!(store.progress(Step::Dialing, json!({"again": true})).await, Ok(true));
    wire.set(Wire::AnswersLost);
    let talking = tokio::spawn({
        let store = store.clone();
        async move { store.progress(Step::Talking, json!({})).await }
    });
    tokio::time::timeout(BOUND, heard.recv()).await.expect("the step arrives").unwrap();
    wire.set(Wire::Cut);
    wire.set(Wire::Whole);
    assert_eq!(talking.await.unwrap(), Ok(true));
    assert_eq!(count(&database, "select count(*) from events where kind = 'dialing'").await, 1);
    assert_eq!(count(&database, "select count(*) from events where kind = 'talking'").await, 1);
}

#[tokio::test]
async fn a_tool_whose_beginning_was_confirmed_too_late_still_runs_once() {
    let database = TestDatabase::new().await;
    let attempt = attempt(&database).await;
    let (wire, store) = through_a_wire(&database, &attempt).await;
    assert_eq!(store.tool_begin(6, "report_outcome", json!({})).await, Ok(ToolBegin::Run));
    wire.set(Wire::AnswersLost);
    let begin = tokio::spawn({
        let store = store.clone();
        async move { store.tool_begin(7, "accept_offer", json!({})).await }
    });
    let journaled = async {
        while count(&database, "select count(*) from tool_calls").await == 1 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(BOUND, journaled).await.expect("the journal has it, only the answer is lost");
    wire.set(Wire::Cut);
    wire.set(Wire::Whole);
    assert_eq!(begin.await.unwrap(), Ok(ToolBegin::Run), "it has not run, so it runs");
    assert_eq!(store.tool_begin(7, "accept_offer", json!({})).await, Ok(ToolBegin::Known(json!({}))), "and not again");
}

#[tokio::test]
async fn a_database_that_does_not_answer_is_waited_for_no_longer_than_said() {
    let database = TestDatabase::new().await;
    let attempt = attempt(&database).await;
    let (host, port) = database.address();
    let wire = Proxy::to(host, port).await;
    let patience = Patience { ask: Duration::from_millis(900), ..brisk() };
    let store = WorkerStore::connect_with(&database.url_through(wire.port), &attempt.token, patience).await.unwrap();
    for broken in [Wire::AnswersLost, Wire::Cut] {
        wire.set(broken);
        let asked = Instant::now();
        let answer = store.progress(Step::Dialing, json!({})).await;
        assert!(matches!(answer, Err(WorkerStoreError::Unavailable(_))), "{broken:?}: {answer:?}");
        assert!(asked.elapsed() < Duration::from_secs(5), "{broken:?}: {:?}", asked.elapsed());
    }
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_not_noticed() {
    let database = TestDatabase::new().await;
    let attempt = attempt(&database).await;
    let store = worker(&database, &attempt).await;
    for _ in 0..3 {
        let ended = count(
            &database,
            "select count(pg_terminate_backend(pid)) from pg_stat_activity
              where datname = current_database() and application_name = 'offhook-worker'",
        );
        assert_eq!(ended.await, 1, "a worker holds one connection");
        assert_eq!(store.seen().await, Ok(false));
    }
}

#[tokio::test]
async fn the_first_report_stands_and_comes_after_the_transcript() {
    let database = TestDatabase::new().await;
    let attempt = attempt(&database).await;
    let store = worker(&database, &attempt).await;
    assert_eq!(store.progress(Step::Dialing, json!({})).await, Ok(true));
    assert_eq!(store.progress(Step::Talking, json!({"code": 200})).await, Ok(true));
    store.turn(turn(1, "Guten\u{0} Tag")).unwrap();
    store.turn(Turn { interrupted: true, ..turn(1, "Guten") }).unwrap();
    store.finish(&booked()).await.unwrap();
    store.finish(&Report { disposition: Disposition::Lost, outcome: None, ..booked() }).await.unwrap();

    let (text, interrupted): (String, bool) =
        sqlx::query_as("select text, interrupted from turns").fetch_one(&database.pool).await.unwrap();
    assert_eq!((text.as_str(), interrupted), ("Guten", true));
    let row: Value = sqlx::query_scalar("select to_jsonb(r) from call_results r").fetch_one(&database.pool).await.unwrap();
    for (column, expected) in [
        ("disposition", json!("answered")),
        ("outcome", json!("booked")),
        ("agreed_date", json!("2030-12-04")),
        ("agreed_time", json!("19:30:00")),
        ("agreed_party", json!(4)),
        ("reference", json!("A17")),
        ("evidence", json!([3, 5])),
        ("language", json!("de")),
        ("sip_code", json!(200)),
    ] {
        assert_eq!(row[column], expected, "{column}");
    }
    assert_eq!(count(&database, "select count(*) from do_not_call where number = '+4930123456'").await, 1);

    database.move_on(attempt.call_id, "finished").await;
    assert_eq!(store.finish(&booked()).await, Err(WorkerStoreError::Stale));
}

#[tokio::test]
async fn a_worker_may_use_its_functions_and_nothing_else_and_a_user_may_not_play_the_coordinator() {
    let database = TestDatabase::new().await;
    let attempt = attempt(&database).await;
    let mut connection = database.pool.acquire().await.unwrap();
    sqlx::query("set role offhook_worker").execute(&mut *connection).await.unwrap();
    let seen: bool =
        sqlx::query_scalar("select worker_seen($1)").bind(attempt.token.expose()).fetch_one(&mut *connection).await.unwrap();
    assert!(!seen);
    for forbidden in [
        "select number from calls",
        "select token_hash from attempts",
        "update attempts set outcome = 'booked'",
        "select offhook_finish_attempt(1, 1, '{}')",
        "insert into do_not_call (number) values ('+4930123456')",
    ] {
        let error = sqlx::query(forbidden).execute(&mut *connection).await.expect_err(forbidden);
        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("42501"), "{forbidden}");
    }
    // A table of the worker's own does not stand in for ours.
    sqlx::query("create temporary table attempts (token_hash bytea)").execute(&mut *connection).await.unwrap();
    let seen: bool =
        sqlx::query_scalar("select worker_seen($1)").bind(attempt.token.expose()).fetch_one(&mut *connection).await.unwrap();
    assert!(!seen);
    sqlx::query("drop table pg_temp.attempts").execute(&mut *connection).await.unwrap();

    sqlx::query("set role offhook_user").execute(&mut *connection).await.unwrap();
    let insert = insert_statement("calls", CALL, &[("request_key", "'by-a-user'")]);
    sqlx::query(sqlx::AssertSqlSafe(insert)).execute(&mut *connection).await.unwrap();
    sqlx::query("update calls set cancel_requested = true where request_key = 'by-a-user'")
        .execute(&mut *connection)
        .await
        .unwrap();
    let rows: i64 = sqlx::query_scalar("select count(*) from call_results").fetch_one(&mut *connection).await.unwrap();
    assert_eq!(rows, 2);
    for forbidden in ["update calls set state = 'finished'", "select token_hash from attempts", "delete from turns"] {
        let error = sqlx::query(forbidden).execute(&mut *connection).await.expect_err(forbidden);
        assert_eq!(error.as_database_error().unwrap().code().as_deref(), Some("42501"), "{forbidden}");
    }
}
