//! What is kept how long: sound and event log go before the row, a number can be erased, and the audit knows.

#![allow(clippy::unwrap_used)]

#[path = "support/command.rs"]
mod command;

use std::{fs, path::PathBuf, time::Duration};

use command::{command, out};
use offhook::store::{
    claim,
    kept_files::KeptFile::{self, EventLog, Recording},
};
use offhook_coordinator::{
    retention::{BATCH, Deleted, Retention, RetentionConfig},
    spool::Spool,
    test_signals::Signals,
};
use offhook_test_database::{TestDatabase, claimant, first_attempt};

const HERE: &str = "here";

/// What erasing changes.
const EVERYTHING: &str = "select string_agg(t, ' ') from (select row_to_json(c)::text as t from calls c \
    union all select row_to_json(a)::text from audit a union all select row_to_json(d)::text from do_not_call d \
    union all select row_to_json(r)::text from recordings r) x";

struct House {
    database: TestDatabase,
    spool: Spool,
    root: PathBuf,
}

impl House {
    async fn new() -> House {
        let root = std::env::temp_dir().join(format!("offhook-retention-{}", uuid::Uuid::new_v4().simple()));
        fs::create_dir_all(&root).unwrap();
        House {
            database: TestDatabase::new().await.with_trunk().await,
            spool: Spool::new(&root),
            root: fs::canonicalize(root).unwrap(),
        }
    }

    /// Calls that are over, each with a recording and an event log in the spool of `host`; `columns` and `values` say what else.
    async fn finished(&self, count: usize, host: &str, columns: &str, values: &str) -> Vec<i64> {
        self.finished_with(&KeptFile::ALL, count, host, columns, values).await
    }

    /// The same, each with these files.
    async fn finished_with(&self, files: &[KeptFile], count: usize, host: &str, columns: &str, values: &str) -> Vec<i64> {
        let first = self.database.insert_calls(count, columns, values).await;
        let mut calls: Vec<i64> = Vec::new();
        while calls.len() < count {
            self.database.run("update trunks set tokens = 50, refilled_at = now()").await;
            let claimed = claim::claim(&self.database.pool, &claimant("one", host), count - calls.len()).await.unwrap();
            calls.extend(claimed.calls.iter().map(|call| call.call.id));
        }
        calls.sort_unstable();
        assert_eq!(calls[0], first);
        for call in &calls {
            let folder = self.spool.folder(first_attempt(*call));
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("report.json"), b"{}").unwrap();
            for file in files {
                let path = self.root.join(format!("{call}-1")).join(file.name());
                fs::write(&path, b"12345").unwrap();
                let (table, more, values) = match file {
                    Recording => ("recordings", ", sha256, duration_ms", ", 'x', 1000"),
                    EventLog => ("event_logs", "", ""),
                };
                self.database
                    .run(format!(
                        "insert into {table} (call_id, attempt, uri, bytes{more}) values ({call}, 1, 'file://{}', 5{values})",
                        path.display()
                    ))
                    .await;
            }
            self.database
                .run(format!(
                    "insert into turns (call_id, attempt, number, speaker, text, started_ms, ended_ms) values ({call}, 1, 1, 'callee', 'Hello', 0, 1)"
                ))
                .await;
            self.database.move_on(*call, "finished").await;
        }
        calls
    }

    /// The time that calls of the past are past by grows.
    async fn days_pass(&self, days: u32) {
        self.database
            .run_unruled(format!(
                "update calls set finished_at = finished_at - interval '{days} days', delete_after = delete_after - interval '{days} days'; \
                 update recordings set delete_after = delete_after - interval '{days} days'; \
                 update event_logs set delete_after = delete_after - interval '{days} days'"
            ))
            .await;
    }

    fn retention(&self, host: &str) -> Retention {
        Retention {
            pool: self.database.pool.clone(),
            host: host.into(),
            spool: self.spool.clone(),
            config: RetentionConfig { every: Duration::from_secs(1), batch: BATCH },
            signals: Signals::default(),
        }
    }

    /// Anything of the call on disk.
    fn folder(&self, call: i64) -> bool {
        self.spool.folder(first_attempt(call)).exists()
    }

    fn file(&self, call: i64, file: KeptFile) -> bool {
        self.spool.folder(first_attempt(call)).join(file.name()).exists()
    }

    async fn count(&self, table: &str) -> i64 {
        self.database.one(format!("select count(*) from {table}")).await
    }
}

impl Drop for House {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[tokio::test]
async fn sound_and_log_go_after_thirty_days_and_the_call_after_half_a_year() {
    let house = House::new().await;
    let call = house.finished(1, HERE, "", "").await[0];
    let retention = house.retention(HERE);
    house.days_pass(29).await;
    assert_eq!(retention.delete_due().await.unwrap(), Deleted::default());

    house.days_pass(2).await;
    assert_eq!(retention.delete_due().await.unwrap(), Deleted { recordings: 1, event_logs: 1, ..Deleted::default() });
    assert!(!house.folder(call));
    let shown: (Option<String>, Option<i64>, Option<String>) =
        sqlx::query_as("select recording, recording_ms, event_log from call_results where id = $1")
            .bind(call)
            .fetch_one(&house.database.pool)
            .await
            .unwrap();
    assert_eq!(shown, (None, Some(1000), None), "the row says that there was one");
    assert_eq!(house.database.one::<i64>("select count(*) from event_logs where deleted_at is not null").await, 1);
    assert_eq!(house.count("turns").await, 1, "the transcript is still there");

    house.days_pass(150).await;
    assert_eq!(retention.delete_due().await.unwrap(), Deleted { calls: 1, ..Deleted::default() });
    for table in ["calls", "attempts", "turns", "events", "recordings", "event_logs"] {
        assert_eq!(house.count(table).await, 0, "{table}");
    }
    let acts: Vec<String> = sqlx::query_scalar("select act from audit where call_id = $1 order by id")
        .bind(call)
        .fetch_all(&house.database.pool)
        .await
        .unwrap();
    assert_eq!(acts, ["recording deleted", "event log deleted", "call deleted"]);
}

#[tokio::test]
async fn a_row_says_how_long_it_is_kept_even_when_it_is_over() {
    let house = House::new().await;
    let [short, long] = house.finished(2, HERE, "keep, keep_recording", "interval '2 days', interval '1 day'").await[..] else {
        panic!()
    };
    house.database.run(format!("update calls set keep = '90 days', keep_recording = '90 days' where id = {long}")).await;
    house.days_pass(3).await;
    assert_eq!(house.retention(HERE).delete_due().await.unwrap(), Deleted { recordings: 1, event_logs: 1, kept: 0, calls: 1 });
    assert!(!house.folder(short) && house.file(long, Recording) && house.file(long, EventLog));
    assert_eq!(house.database.one::<i64>("select id from calls").await, long);

    let refused = sqlx::query("update calls set keep = '-1 day'").execute(&house.database.pool).await.unwrap_err().to_string();
    assert!(refused.contains("not a length of time"), "{refused}");
}

#[tokio::test]
async fn a_call_that_waits_for_a_person_keeps_sound_and_log() {
    let house = House::new().await;
    house.database.insert_calls(1, "keep, keep_recording", "interval '0', interval '0'").await;
    let claimed = claim::claim(&house.database.pool, &claimant("one", HERE), 1).await.unwrap();
    let call = claimed.calls[0].call.id;
    house
        .database
        .run(format!(
            "insert into event_logs (call_id, attempt, uri, bytes) values ({call}, 1, 'file:///gone', 5); \
             insert into recordings (call_id, attempt, uri, sha256, bytes, duration_ms) values ({call}, 1, 'file:///gone', 'x', 5, 1000)"
        ))
        .await;
    house.database.move_on(call, "held").await;
    assert_eq!(house.retention(HERE).delete_due().await.unwrap(), Deleted::default());
    house.database.run(format!("update calls set state = 'finished' where id = {call}")).await;
    assert_eq!(house.retention(HERE).delete_due().await.unwrap(), Deleted { recordings: 1, event_logs: 1, kept: 0, calls: 1 });
}

#[tokio::test]
async fn a_log_without_a_recording_goes_when_the_sound_would() {
    let house = House::new().await;
    let call = house.finished_with(&[EventLog], 1, HERE, "", "").await[0];
    let retention = house.retention(HERE);
    house.days_pass(29).await;
    assert_eq!(retention.delete_due().await.unwrap(), Deleted::default());
    house.days_pass(2).await;
    assert_eq!(retention.delete_due().await.unwrap(), Deleted { event_logs: 1, ..Deleted::default() });
    assert!(!house.folder(call));
    house.days_pass(150).await;
    assert_eq!(retention.delete_due().await.unwrap(), Deleted { calls: 1, ..Deleted::default() });
    assert_eq!(house.count("event_logs").await, 0);
}

#[tokio::test]
async fn a_file_that_is_known_of_after_the_end_is_kept_no_longer_than_the_others() {
    let house = House::new().await;
    let call = house.finished_with(&[], 1, HERE, "", "").await[0];
    house
        .database
        .run(format!(
            "insert into event_logs (call_id, attempt, uri, bytes) values ({call}, 1, 'file:///gone', 5); \
             insert into recordings (call_id, attempt, uri, sha256, bytes, duration_ms) values ({call}, 1, 'file:///gone', 'x', 5, 1000)"
        ))
        .await;
    for table in ["event_logs", "recordings"] {
        let days = format!(
            "select extract(day from f.delete_after - c.finished_at)::int from {table} f join calls c on c.id = f.call_id"
        );
        assert_eq!(house.database.one::<i32>(days).await, 30, "{table}");
    }
}

#[tokio::test]
async fn a_row_stays_until_its_machine_has_deleted_sound_and_log() {
    let house = House::new().await;
    let (keep, now) = ("keep", "interval '0'");
    house.finished(1, "there", keep, now).await;
    house.finished_with(&[EventLog], 1, "there", keep, now).await;
    assert_eq!(house.retention(HERE).delete_due().await.unwrap(), Deleted::default());
    assert_eq!(house.retention("there").delete_due().await.unwrap(), Deleted { recordings: 1, event_logs: 2, kept: 0, calls: 2 });
}

#[tokio::test]
async fn a_recording_that_lies_elsewhere_is_left_alone_and_its_row_stays() {
    let house = House::new().await;
    let call = house.finished(1, HERE, "keep", "interval '0'").await[0];
    let elsewhere = house.root.join("elsewhere");
    fs::write(&elsewhere, b"not ours").unwrap();
    house.database.run(format!("update recordings set uri = 'file://{}'", elsewhere.display())).await;
    assert_eq!(house.retention(HERE).delete_due().await.unwrap(), Deleted { kept: 1, event_logs: 1, ..Deleted::default() });
    assert!(elsewhere.exists() && house.file(call, Recording) && !house.file(call, EventLog));
    assert_eq!(house.count("calls").await, 1);
}

#[tokio::test]
async fn a_log_that_lies_elsewhere_is_left_alone_and_its_row_stays() {
    let house = House::new().await;
    let call = house.finished(1, HERE, "keep", "interval '0'").await[0];
    let elsewhere = house.root.join("elsewhere");
    fs::write(&elsewhere, b"not ours").unwrap();
    house.database.run(format!("update event_logs set uri = 'file://{}'", elsewhere.display())).await;
    let retention = house.retention(HERE);
    assert_eq!(retention.delete_due().await.unwrap(), Deleted { kept: 1, recordings: 1, ..Deleted::default() });
    assert!(elsewhere.exists() && !house.file(call, Recording));
    house.database.run(format!("select offhook_event_log_deleted({call}, 1)")).await;
    assert_eq!(retention.delete_due().await.unwrap(), Deleted { calls: 1, ..Deleted::default() }, "deleted by hand");
}

#[tokio::test]
async fn hundreds_are_swept_in_one_round() {
    let house = House::new().await;
    house.finished(450, HERE, "keep", "interval '0'").await;
    assert_eq!(
        house.retention(HERE).delete_due().await.unwrap(),
        Deleted { recordings: 450, event_logs: 450, kept: 0, calls: 450 }
    );
    assert_eq!(fs::read_dir(&house.root).unwrap().count(), 0);
}

#[tokio::test]
async fn a_number_is_erased_wherever_it_stands() {
    let house = House::new().await;
    let over = house.finished(2, HERE, "", "").await;
    let guest = "+4915100000001";
    house.database.run_unruled(format!("update calls set guest_phone = '{guest}' where id = {}", over[0])).await;
    let queued = house.database.insert_calls(1, "not_before", "now() + interval '1 day'").await;
    house.database.run(format!("update calls set guest_phone = '{guest}' where id = {queued}")).await;
    house
        .database
        .run(format!(
            "insert into do_not_call (number, reason, call_id) values ('{guest}', 'said: I am Ada, never again', {})",
            over[0]
        ))
        .await;

    let before = house.database.one::<String>(EVERYTHING).await;
    let dry = out(&command(&house.database).args(["erase", guest, "--dry-run"]).output().unwrap());
    assert!(
        dry.contains("2 calls would be erased: 1 queued or held would be cancelled, 0 under way would be ended, 1 are over"),
        "{dry}"
    );
    assert!(dry.contains("1 recordings, 1 event logs"), "{dry}");
    let dry = command(&house.database).args(["erase", "0151", "--dry-run"]).output().unwrap();
    assert!(!dry.status.success(), "what cannot be erased is refused here too");
    assert_eq!(house.database.one::<String>(EVERYTHING).await, before, "a dry run changes nothing");

    let retention = house.retention(HERE);
    let deleting = tokio::spawn(async move {
        let mut swept = Deleted::default();
        while swept.calls < 2 {
            let round = retention.delete_due().await.unwrap();
            swept.recordings += round.recordings;
            swept.event_logs += round.event_logs;
            swept.calls += round.calls;
            tokio::task::yield_now().await;
        }
        swept
    });
    let mut erase = command(&house.database);
    let erased = tokio::task::spawn_blocking(move || erase.args(["erase", guest]).output().unwrap());
    let said = out(&erased.await.unwrap());
    assert!(said.contains("2 calls are erased"), "{said}");
    assert_eq!(deleting.await.unwrap(), Deleted { recordings: 1, event_logs: 1, kept: 0, calls: 2 });

    assert_eq!(house.database.one::<i64>("select id from calls").await, over[1], "the other one is nobody's business");
    assert!(house.file(over[1], EventLog) && !house.folder(over[0]));
    let left: (String, Option<i64>) =
        sqlx::query_as("select reason, call_id from do_not_call").fetch_one(&house.database.pool).await.unwrap();
    assert_eq!(left, ("asked not to be called".into(), None), "the wish stays, its story goes");
    let everything: String = house
        .database
        .one("select string_agg(t::text, ' ') from (select row_to_json(a)::text as t from audit a union all select row_to_json(e)::text from events e) x")
        .await;
    assert!(!everything.contains(guest), "{everything}");
}

#[tokio::test]
async fn a_call_under_way_is_ended_first_and_erased_when_it_is_over() {
    let house = House::new().await;
    house.database.insert_calls(1, "", "").await;
    let call = claim::claim(&house.database.pool, &claimant("one", HERE), 1).await.unwrap().calls[0].call.clone();
    let concerned = offhook::store::retention::erase(&house.database.pool, &call.request.number).await.unwrap();
    assert_eq!(concerned, 1);
    assert!(house.database.one::<bool>("select cancel_requested and state = 'claimed' from calls").await);
    assert_eq!(house.retention(HERE).delete_due().await.unwrap(), Deleted::default());
    house.database.move_on(call.id, "cancelled").await;
    assert_eq!(house.retention(HERE).delete_due().await.unwrap(), Deleted { calls: 1, ..Deleted::default() });
}

#[tokio::test]
async fn the_audit_tells_what_people_change_and_cannot_be_changed() {
    let house = House::new().await;
    let database = &house.database;
    let call = database.insert_calls(1, "not_before", "now() + interval '1 day'").await;
    database
        .run("update trunks set max_concurrent = 7 where name = 'lab'; update trunks set tokens = 0.5, refilled_at = now()")
        .await;
    database.run("insert into do_not_call (number) values ('+493055512345'); insert into do_not_call (number) values ('sip:ada@example.org')").await;
    database
        .run(format!("update calls set cancel_requested = true where id = {call}; delete from calls where id = {call}"))
        .await;
    let told: Vec<(String, Option<String>, serde_json::Value)> =
        sqlx::query_as("select act, subject, detail from audit where act <> 'trunks added' order by id")
            .fetch_all(&database.pool)
            .await
            .unwrap();
    let told: Vec<String> =
        told.into_iter().map(|(act, subject, detail)| format!("{act} {} {detail}", subject.unwrap_or_default())).collect();
    assert_eq!(
        told.iter().map(|line| line.split(" {").next().unwrap().trim()).collect::<Vec<_>>(),
        [
            "trunks changed lab",
            "do_not_call added …345",
            "do_not_call added sip:…@example.org",
            "call taken back",
            "call removed by hand"
        ]
    );
    assert!(told[0].contains(r#""max_concurrent":[10000,7]"#), "{}", told[0]);
    assert!(!told.join(" ").contains("+4930555"), "{told:?}");
    let who: String = database.one("select who from audit order by id desc limit 1").await;
    assert_eq!(who, database.one::<String>("select session_user::text").await);
    for act in ["update audit set who = 'nobody'", "delete from audit", "truncate audit"] {
        let refused = sqlx::query(act).execute(&database.pool).await.unwrap_err().to_string();
        assert!(refused.contains("only ever added to"), "{refused}");
    }
}
