//! Coordinators come and go, databases go away and come back; calls under way are neither lost nor made twice.

#![allow(clippy::unwrap_used)]

#[path = "support/service.rs"]
mod service;

use std::process::{Command, Stdio};

use offhook_test_database::{TestDatabase, until};
use service::{Running, TestSpool, config, told};
use sqlx::AssertSqlSafe;

async fn one_waiting_call(database: &TestDatabase, spool: &TestSpool) -> i64 {
    let id = database.insert_calls(1, "special_requests", "'play: wait'").await;
    until("the worker runs", || async { spool.file(&format!("started-{id}-1")).exists() }).await;
    id
}

async fn was_made_once(database: &TestDatabase, id: i64) {
    until("it is settled", || async {
        database.one::<i64>("select count(*) from attempts where settled_at is not null").await == 1
    })
    .await;
    let row: (String, i32, i64) = sqlx::query_as(
        "select a.disposition::text, c.attempt, (select count(*) from attempts) from calls c join attempts a on a.call_id = c.id where c.id = $1",
    )
    .bind(id)
    .fetch_one(&database.pool)
    .await
    .unwrap();
    assert_eq!(row, ("busy".into(), 1, 1));
}

#[tokio::test]
async fn draining_waits_for_calls_under_way_and_takes_no_new_ones() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    let id = one_waiting_call(&database, &spool).await;
    running.shutdown.drain.cancel();
    let late = database.insert_calls(1, "special_requests", "'play: busy'").await;
    // Its lease is renewed during the drain, again when it would have run out, so that nobody takes the call over.
    let first: String = database.one(format!("select lease_until::text from calls where id = {id}")).await;
    until("the lease is renewed", || async {
        database
            .one::<bool>(format!("select lease_until > '{first}'::timestamptz + interval '1 second' from calls where id = {id}"))
            .await
    })
    .await;
    told("it has looked around since", &running.signals.looked_around, running.signals.looked_around.count() + 2).await;
    assert!(!running.task.is_finished());
    assert_eq!(database.state(late).await.0, "queued");
    spool.go();
    running.drain().await;
    was_made_once(&database, id).await;
    assert_eq!(database.state(late).await, ("queued".into(), None));
}

#[tokio::test]
async fn what_a_coordinator_leaves_the_next_one_takes_over_and_settles() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let settings = config(&database, &spool.0, &[]);
    let first = Running::start(&settings).await;
    let id = one_waiting_call(&database, &spool).await;
    first.leave().await;
    let second = Running::start(&settings).await;
    until("it is taken over", || async {
        database
            .one::<bool>(format!("select lease_until > clock_timestamp() + interval '500 ms' from calls where id = {id}"))
            .await
    })
    .await;
    spool.go();
    was_made_once(&database, id).await;
    second.drain().await;
}

#[tokio::test]
async fn a_worker_that_ended_while_nobody_looked_is_settled_by_the_next_coordinator() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let settings = config(&database, &spool.0, &[]);
    let first = Running::start(&settings).await;
    let id = one_waiting_call(&database, &spool).await;
    first.leave().await;
    spool.go();
    until("the worker has ended", || async { spool.file(&format!("{id}-1/report.json")).exists() }).await;
    let second = Running::start(&settings).await;
    was_made_once(&database, id).await;
    second.drain().await;
}

/// A coordinator as a program, so that it can be killed.
fn program(database: &TestDatabase, spool: &TestSpool) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_offhook"))
        .args(["run", "--launcher", "process", "--host", "here", "--lease", "1s", "--provider-url", "http://127.0.0.1:9/v1"])
        .args(["--worker-program", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/fake_worker.sh")])
        .args(["--provider-probe", "false"])
        .arg("--spool")
        .arg(&spool.0)
        .env("OFFHOOK_DATABASE_URL", database.url().expose())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_coordinator_that_is_killed_leaves_its_workers_alive_and_they_are_adopted() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let mut first = program(&database, &spool);
    let id = one_waiting_call(&database, &spool).await;
    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = program(&database, &spool);
    until("it is taken over", || async {
        database
            .one::<bool>(format!("select lease_until > clock_timestamp() + interval '500 ms' from calls where id = {id}"))
            .await
    })
    .await;
    assert_eq!(database.state(id).await.0, "claimed");
    spool.go();
    was_made_once(&database, id).await;
    let _ = Command::new("kill").arg(second.id().to_string()).status().unwrap();
    assert!(second.wait().unwrap().success(), "SIGTERM ends it well");
}

#[tokio::test]
async fn a_database_that_goes_away_and_comes_back_loses_no_call_and_doubles_none() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let running = Running::start(&config(&database, &spool.0, &["--database-timeout", "500ms"])).await;
    let id = one_waiting_call(&database, &spool).await;
    let name: String = database.one("select current_database()::text").await;
    let admin_url =
        std::env::var("OFFHOOK_TEST_DATABASE_URL").unwrap_or_else(|_| "postgres://offhook@127.0.0.1:54329/postgres".into());
    let admin = sqlx::PgPool::connect(&admin_url).await.unwrap();
    let run = async |sql: String| sqlx::query(AssertSqlSafe(sql)).execute(&admin).await.unwrap();
    run(format!("alter database {name} allow_connections false")).await;
    run(format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'")).await;
    // The call ends while the database is away, longer than a lease and longer than a statement waits.
    spool.go();
    told("its lease has run out", &running.signals.leases_expired, 1).await;
    told("settling was tried", &running.signals.not_settled, 1).await;
    assert!(!running.task.is_finished());
    run(format!("alter database {name} allow_connections true")).await;
    was_made_once(&database, id).await;
    let next = database.insert_calls(1, "special_requests", "'play: busy'").await;
    until("the queue goes on", || async {
        database
            .one::<bool>(format!("select exists (select from attempts where call_id = {next} and settled_at is not null)"))
            .await
    })
    .await;
    running.drain().await;
}

#[tokio::test]
async fn a_worker_that_works_for_nobody_is_removed() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let settings = config(&database, &spool.0, &[]);
    let first = Running::start(&settings).await;
    let id = one_waiting_call(&database, &spool).await;
    first.leave().await;
    database.run_unruled(format!("delete from calls where id = {id}")).await;
    let second = Running::start(&settings).await;
    until("its folder is gone", || async { !spool.file(&format!("{id}-1")).exists() }).await;
    second.drain().await;
}

#[tokio::test]
async fn a_short_lease_is_no_short_patience_with_the_database() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    // Whoever claims waits for this lock: a claim of a loaded database.
    let mut busy = database.pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(1869768040, 1)").execute(&mut *busy).await.unwrap();
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    let id = database.insert_calls(1, "special_requests", "'play: busy'").await;
    let waiting =
        "from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%offhook_claim(%'";
    until("a claim has waited for two leases", || async {
        database
            .one::<bool>(format!("select coalesce(min(query_start) < clock_timestamp() - interval '2 seconds', false) {waiting}"))
            .await
    })
    .await;
    assert_eq!(database.one::<i64>(format!("select count(*) {waiting}")).await, 1, "one claim, not one after another");
    busy.commit().await.unwrap();
    was_made_once(&database, id).await;
    running.drain().await;
}
