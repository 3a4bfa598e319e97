//! A whole coordinator with workers as processes: from INSERT to the settled result.

#![allow(clippy::unwrap_used)]

#[path = "support/service.rs"]
mod service;

use std::{os::unix::fs::PermissionsExt, time::Duration};

use offhook_test_database::{TestDatabase, until};
use service::{Running, TestSpool, config};

/// Waits until the call is in `state`, and returns why.
async fn becomes(database: &TestDatabase, id: i64, state: &str) -> String {
    until(&format!("call {id} is {state}"), || async { database.state(id).await.0 == state }).await;
    database.state(id).await.1.unwrap_or_default()
}

#[tokio::test]
async fn an_inserted_call_is_made_and_its_result_is_in_the_table() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    let id = database.insert_calls(1, "special_requests", "'play: booked'").await;
    becomes(&database, id, "finished").await;
    let uri = format!("file://{}", spool.file(&format!("{id}-1/recording.opus")).canonicalize().unwrap().display());
    let row: (String, String, String) =
        sqlx::query_as("select outcome::text, reference, recording from call_results").fetch_one(&database.pool).await.unwrap();
    assert_eq!(row, ("booked".into(), "R7".into(), uri));
    running.drain().await;
    let left: Vec<_> =
        std::fs::read_dir(spool.file(&format!("{id}-1"))).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!left.iter().any(|name| name == "attempt.json"), "secrets do not stay: {left:?}");
}

#[tokio::test]
async fn the_specification_is_for_the_worker_alone() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    let id = database.insert_calls(1, "special_requests", "'play: wait'").await;
    until("the worker runs", || async { spool.file(&format!("started-{id}-1")).exists() }).await;
    let path = spool.file(&format!("{id}-1/attempt.json"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o400);
    assert_eq!(std::fs::metadata(path.parent().unwrap()).unwrap().permissions().mode() & 0o777, 0o700);
    let specification: offhook::attempt::AttemptSpecification = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    assert_eq!((specification.call_id, specification.attempt), (id, 1));
    assert!(specification.dial.sip_call_id.starts_with(&format!("{id}-1-")));
    assert_eq!(specification.request.latest_time, specification.request.wanted_time);
    spool.go();
    becomes(&database, id, "queued").await;
    running.drain().await;
    assert!(!spool.file(&format!("{id}-1")).exists(), "without a recording nothing stays");
}

#[tokio::test]
async fn workers_that_die_or_write_nonsense_leave_a_result_all_the_same() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    for (play, expected) in [("die", "exit code 7"), ("torn", "exit code 0"), ("nonsense", "report was refused")] {
        let id = database.insert_calls(1, "special_requests", &format!("'play: {play}'")).await;
        until("it is settled", || async {
            database
                .one::<bool>(format!("select exists (select from attempts where call_id = {id} and settled_at is not null)"))
                .await
        })
        .await;
        let row: (String, String) = sqlx::query_as("select disposition::text, detail from attempts where call_id = $1")
            .bind(id)
            .fetch_one(&database.pool)
            .await
            .unwrap();
        assert!(row.0 == "lost" && row.1.contains(expected), "{play}: {row:?}");
        assert_eq!(database.state(id).await.0, "queued", "it had not dialled");
    }
    running.drain().await;
}

#[tokio::test]
async fn what_a_worker_said_before_it_ended_without_a_report_is_told_without_its_secrets() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    database.insert_calls(1, "special_requests", "'play: complain'").await;
    until("it is settled", || async {
        database.one::<bool>("select exists (select from attempts where settled_at is not null)").await
    })
    .await;
    let detail = database.one::<String>("select detail from attempts").await;
    let (ended, said) =
        ("the worker ended with exit code 2 without telling", "the last it said: nothing was dialled: no login with …");
    assert!(detail.contains(ended) && detail.ends_with(said), "{detail}");
    let (disposition, counted): (String, i32) =
        sqlx::query_as("select disposition::text, attempts_counted::int from attempts a join calls c on c.id = a.call_id")
            .fetch_one(&database.pool)
            .await
            .unwrap();
    assert_eq!((disposition.as_str(), counted), ("trunk_failure", 0), "nothing was dialled, and no person has to look after it");
    running.drain().await;
}

#[tokio::test]
async fn a_missing_password_puts_the_call_back_with_the_reason() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    database.run("update trunks set username = 'u', secret = 'trunk-password' where name = 'lab'").await;
    let running = Running::start(&config(&database, &spool.0, &[])).await;
    let id = database.insert_calls(1, "special_requests", "'play: busy'").await;
    until("it is settled", || async {
        database.one::<bool>("select exists (select from attempts where settled_at is not null)").await
    })
    .await;
    assert_eq!(database.state(id).await.0, "queued");
    let row: (String, String) =
        sqlx::query_as("select disposition::text, detail from attempts").fetch_one(&database.pool).await.unwrap();
    assert!(row.0 == "trunk_failure" && row.1.contains("trunk-password"), "{row:?}");
    assert_eq!(database.one::<i32>("select attempts_counted from calls").await, 0);
    running.drain().await;
}

#[tokio::test]
async fn a_worker_that_takes_too_long_is_made_to_leave() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let mut service = offhook_coordinator::run::Service::new(&config(&database, &spool.0, &[]), false).await.unwrap();
    service.whole_attempt = Duration::from_millis(300);
    let shutdown = offhook_coordinator::run::Shutdown::default();
    let task = tokio::spawn(service.run(shutdown.clone()));
    let id = database.insert_calls(1, "special_requests", "'play: deaf'").await;
    until("the worker runs", || async { spool.file(&format!("started-{id}-1")).exists() }).await;
    becomes(&database, id, "queued").await;
    assert_eq!(database.one::<String>("select disposition::text from attempts").await, "lost");
    shutdown.drain.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn no_more_calls_run_than_may() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let running = Running::start(&config(&database, &spool.0, &["--max-calls", "2"])).await;
    database.insert_calls(5, "special_requests", "'play: wait'").await;
    until("two run", || async { database.one::<i64>("select count(*) from attempts where launched_at is not null").await == 2 })
        .await;
    assert_eq!(database.one::<i64>("select count(*) from calls where state = 'queued'").await, 3);
    spool.go();
    until("all were made", || async {
        database.one::<i64>("select count(*) from attempts where settled_at is not null").await == 5
    })
    .await;
    running.drain().await;
    assert_eq!(database.one::<i64>("select count(*) from port_leases").await, 0);
}

#[tokio::test]
async fn an_insert_is_launched_within_moments() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    // Polling cannot help: only the notification is fast enough.
    let running = Running::start(&config(&database, &spool.0, &["--poll", "60s"])).await;
    database.insert_calls(1, "special_requests", "'play: busy'").await;
    let settled = "select count(*) from attempts where settled_at is not null";
    until("it listens", || async { database.one::<i64>(settled).await == 1 }).await;
    for nth in 2..=21 {
        database.insert_calls(1, "special_requests", "'play: busy'").await;
        until("it is made", || async { database.one::<i64>(settled).await == nth }).await;
    }
    let percentile = |p: f64| {
        format!(
            "select percentile_cont({p}) within group (order by extract(epoch from a.launched_at - c.created_at) * 1000) from attempts a join calls c on c.id = a.call_id where c.id > 1"
        )
    };
    let (median, p90): (f64, f64) = (database.one(percentile(0.5)).await, database.one(percentile(0.9)).await);
    println!("INSERT to launched process: median {median:.1} ms, p90 {p90:.1} ms");
    assert!(median < 500.0, "{median} ms");
    running.drain().await;
}
