//! The event log goes the way of the recording: however a worker ended, the database says where it lies, and it can be erased.

#![allow(clippy::unwrap_used)]

#[path = "support/command.rs"]
mod command;
#[path = "support/service.rs"]
mod service;

use std::{fs, path::Path};

use command::{command, json, offhook, out};
use offhook::{
    attempt::{EVENT_LOG_FILE, RECORDING_FILE, SPECIFICATION_FILE},
    disposition::Disposition,
    report::Report,
    store::{
        claim::{FreshClaim, claim},
        evidence::Evidence,
        kept_files::{EventLogFile, KeptFiles, note},
        leases::AttemptId,
        settle::{Settled, settle},
    },
};
use offhook_test_database::{TestDatabase, claimant, first_attempt, until};
use rand::{SeedableRng, rngs::StdRng};
use service::{Running, TestSpool, config};

async fn claimed(database: &TestDatabase) -> FreshClaim {
    database.insert_calls(1, "", "").await;
    claim(&database.pool, &claimant("gone", "here"), 1).await.unwrap().calls.pop().expect("a due call")
}

async fn settled(database: &TestDatabase, attempt: AttemptId, evidence: Evidence) -> Settled {
    settle(&database.pool, attempt, &evidence, &mut StdRng::seed_from_u64(1)).await.unwrap()
}

fn log_at(uri: &str) -> KeptFiles {
    KeptFiles { event_log: Some(EventLogFile { uri: uri.into(), bytes: 7 }), ..KeptFiles::default() }
}

/// The names in a folder, none where there is no folder.
fn left(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn the_log_is_known_whether_the_worker_told_its_end_or_left_a_report_or_died() {
    let database = TestDatabase::new().await.with_trunk().await;
    let busy = Report::new(Disposition::Busy);
    let told = claimed(&database).await;
    sqlx::query("select worker_finish($1, $2)")
        .bind(told.token.expose())
        .bind(sqlx::types::Json(&busy))
        .execute(&database.pool)
        .await
        .unwrap();
    let (reported, died) = (claimed(&database).await, claimed(&database).await);
    let lost = Evidence::lost("exit code 137");
    for (call, evidence) in
        [(told.call.id, lost.clone()), (reported.call.id, Evidence { report: Some(busy), ..lost.clone() }), (died.call.id, lost)]
    {
        let evidence = Evidence { files: log_at(&format!("file:///spool/{call}")), ..evidence };
        assert!(matches!(settled(&database, first_attempt(call), evidence).await, Settled::Now { .. }));
        let shown: String = database.one(format!("select event_log from call_results where id = {call}")).await;
        assert_eq!(shown, format!("file:///spool/{call}"));
    }
}

#[tokio::test]
async fn files_of_an_attempt_that_another_machine_has_settled_are_known_and_those_of_nobody_are_not() {
    let database = TestDatabase::new().await.with_trunk().await;
    let call = claimed(&database).await.call.id;
    let attempt = first_attempt(call);
    settled(&database, attempt, Evidence::lost("nothing was heard of its machine")).await;
    let late = Evidence { files: log_at("file:///spool/late"), ..Evidence::lost("late") };
    assert_eq!(settled(&database, attempt, late).await, Settled::Already);
    assert_eq!(database.one::<String>("select uri || ' ' || bytes from event_logs").await, "file:///spool/late 7");
    assert!(note(&database.pool, attempt, &log_at("file:///spool/again")).await.unwrap());
    assert_eq!(database.one::<String>("select uri from event_logs").await, "file:///spool/late", "told once");

    let nobodys = AttemptId { call_id: call + 1000, attempt: 1 };
    assert!(!note(&database.pool, nobodys, &log_at("file:///spool/nobody")).await.unwrap());
    let found = Evidence { files: log_at("file:///spool/nobody"), ..Evidence::lost("late") };
    assert_eq!(settled(&database, nobodys, found).await, Settled::Gone);
    assert_eq!(database.one::<i64>("select count(*) from event_logs").await, 1);
}

#[tokio::test]
async fn every_log_is_shown_and_can_be_erased() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let running = Running::start(&config(&database, &spool.0, &["--sweep", "100ms"])).await;
    for (play, kept) in
        [("booked", &[EVENT_LOG_FILE, RECORDING_FILE][..]), ("unrecorded", &[EVENT_LOG_FILE]), ("killed", &[EVENT_LOG_FILE])]
    {
        let id = database.insert_calls(1, "special_requests", &format!("'play: {play}'")).await;
        let folder = fs::canonicalize(&spool.0).unwrap().join(format!("{id}-1"));
        let is_settled = format!("select exists (select from attempts where call_id = {id} and settled_at is not null)");
        until("it is settled", || async { database.one::<bool>(is_settled.clone()).await }).await;
        until("it is tidy", || async { left(&folder) == kept }).await;
        let log = folder.join(EVENT_LOG_FILE);
        let uri = format!("file://{}", log.display());
        let row: (String, i64) = sqlx::query_as("select uri, bytes from event_logs where call_id = $1")
            .bind(id)
            .fetch_one(&database.pool)
            .await
            .unwrap();
        assert_eq!(row, (uri.clone(), fs::metadata(&log).unwrap().len().cast_signed()), "{play}");
        let shown = json(&offhook(&database, &["call", "show", &id.to_string(), "--json"]));
        assert_eq!(shown["call"]["event_log"], uri, "{play}");
        let page = out(&offhook(&database, &["call", "show", &id.to_string()]));
        assert!(page.contains(&format!("event log: {uri}")), "{play}: {page}");

        let number: String = database.one(format!("select number from calls where id = {id}")).await;
        let mut erase = command(&database);
        let erased = tokio::task::spawn_blocking(move || erase.args(["erase", &number]).output().unwrap());
        let said = out(&erased.await.unwrap());
        assert!(said.contains("1 calls are erased"), "{play}: {said}");
        assert!(!folder.exists(), "{play}: {:?}", left(&folder));
        assert_eq!(database.one::<i64>("select count(*) from event_logs").await, 0, "{play}");
    }
    running.drain().await;
}

/// A second of a recording whose writer was killed.
fn cut_recording() -> Vec<u8> {
    let mut writer = offhook_recording::OggOpusWriter::new(1, 2, 16_000, 312);
    [writer.head("test", "DESCRIPTION=test"), writer.end_page(vec![7; 100], 48_312)].concat()
}

#[tokio::test]
async fn a_machine_that_was_away_tells_of_its_files_and_keeps_none_of_what_was_erased_meanwhile() {
    let (database, spool) = (TestDatabase::new().await.with_trunk().await, TestSpool::new());
    let (waiting, over, erased) =
        (claimed(&database).await.call.id, claimed(&database).await.call.id, claimed(&database).await.call.id);
    for call in [waiting, over, erased] {
        let folder = spool.file(&format!("{call}-1"));
        fs::create_dir(&folder).unwrap();
        for (name, content) in
            [(SPECIFICATION_FILE, &b"{}"[..]), (RECORDING_FILE, &cut_recording()), (EVENT_LOG_FILE, b"{\"line\":\"setup\"}\n")]
        {
            fs::write(folder.join(name), content).unwrap();
        }
        settled(&database, first_attempt(call), Evidence::lost("nothing was heard of its machine for too long")).await;
    }
    database.run(format!("update calls set not_before = now() + interval '1 day' where state = 'queued'; update calls set cancel_requested = true where id = {over}; update calls set cancel_requested = true where id = {erased}; delete from calls where id = {erased}")).await;

    let running = Running::start(&config(&database, &spool.0, &[])).await;
    for call in [waiting, over] {
        let folder = spool.file(&format!("{call}-1"));
        until("its folder is tidy", || async { left(&folder) == [EVENT_LOG_FILE, RECORDING_FILE] }).await;
        let folder = fs::canonicalize(folder).unwrap();
        let known: (String, String, bool, bool) = sqlx::query_as(
            "select r.uri, l.uri, r.delete_after is not null, l.delete_after is not null \
             from recordings r join event_logs l using (call_id, attempt) where call_id = $1",
        )
        .bind(call)
        .fetch_one(&database.pool)
        .await
        .unwrap();
        let [sound, log] = [RECORDING_FILE, EVENT_LOG_FILE].map(|name| format!("file://{}", folder.join(name).display()));
        assert_eq!(known, (sound, log, call == over, call == over));
    }
    until("nothing is left of the erased one", || async { !spool.file(&format!("{erased}-1")).exists() }).await;
    running.drain().await;
}
