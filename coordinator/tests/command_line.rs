//! `offhook call …` and `offhook check` as a person uses them.

#![allow(clippy::unwrap_used)]

#[path = "support/command.rs"]
mod command;
#[path = "support/model_server.rs"]
mod model_server;

use std::process::Output;

use command::{json, offhook, out};
use model_server::{Manner, ModelServer};
use offhook::store::claim;
use offhook_test_database::{TestDatabase, claimant};

const CALL: [&str; 14] = [
    "--number",
    "+493012345678",
    "--restaurant",
    "Löwen",
    "--zone",
    "Europe/Berlin",
    "--guest",
    "Ada",
    "--guest-phone",
    "+4915112345678",
    "--party",
    "2",
    "--time",
    "19:30",
];

/// A day in a month's time, and the one after it.
fn days() -> [String; 2] {
    let today = chrono::Utc::now().date_naive();
    [30, 31].map(|ahead| (today + chrono::Days::new(ahead)).to_string())
}

fn add(more: &[&str]) -> Vec<String> {
    let [day, _] = days();
    [&["call", "add", "--json", "--date", &day][..], &CALL, more].concat().into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn a_call_is_added_shown_and_taken_back() {
    let database = TestDatabase::new().await;
    let added = json(&offhook(&database, &add(&["--key", "k1", "--latest", "21:00", "--other-date", &days()[1]])));
    assert_eq!((added["state"].as_str(), added["request_key"].as_str()), (Some("queued"), Some("k1")));
    let id = added["id"].to_string();
    let again = json(&offhook(&database, &add(&["--key", "k1"])));
    assert_eq!(again["id"].to_string(), id, "the same request is the same call");
    assert!(out(&offhook(&database, &["call", "list"])).contains("Löwen"));
    let cancelled = json(&offhook(&database, &["call", "cancel", &id, "--json"]));
    assert_eq!(cancelled["state"], "cancelled");
    let shown = json(&offhook(&database, &["call", "show", &id, "--json"]));
    assert_eq!(shown["call"]["why"], "taken back by the user");
    assert!(out(&offhook(&database, &["call", "watch", &id])).contains("cancelled"));
    assert_eq!(out(&offhook(&database, &["call", "list", "--state", "queued"])), "");
}

/// `count` calls, all of them claimed; returns their numbers.
async fn claimed(database: &TestDatabase, count: usize) -> Vec<i64> {
    database.insert_calls(count, "", "").await;
    let claimed = claim::claim(&database.pool, &claimant("one", "here"), count).await.unwrap();
    assert_eq!(claimed.calls.len(), count);
    claimed.calls.iter().map(|call| call.call.id).collect()
}

#[tokio::test]
async fn all_calls_under_way_are_ended_at_once_and_the_queue_stays() {
    let database = TestDatabase::new().await.with_trunk().await;
    assert!(out(&offhook(&database, &["call", "cancel", "--under-way"])).contains("no call is under way"));
    let live = claimed(&database, 3).await;
    database.insert_calls(1, "not_before", "now() + interval '1 day'").await;
    database.run(format!("update calls set state = 'dialing' where id = {}", live[2])).await;
    let said = out(&offhook(&database, &["call", "cancel", "--under-way"]));
    assert!(live.iter().all(|id| said.contains(&format!("call {id} is under way; its worker ends it within seconds"))), "{said}");
    assert_eq!(said.lines().count(), 3);
    let asked: i64 = database.one("select count(*) from calls where cancel_requested").await;
    assert_eq!(asked, 3);
    assert_eq!(database.one::<i64>("select count(*) from calls where state = 'queued' and not cancel_requested").await, 1);
}

#[tokio::test]
async fn several_calls_are_taken_back_by_their_numbers_and_none_without_one() {
    let database = TestDatabase::new().await.with_trunk().await;
    let first = database.insert_calls(2, "not_before", "now() + interval '1 day'").await;
    assert_eq!(offhook(&database, &["call", "cancel"]).status.code(), Some(2));
    assert_eq!(offhook(&database, &["call", "cancel", "--under-way", &first.to_string()]).status.code(), Some(2));
    let said = out(&offhook(&database, &["call", "cancel", &first.to_string(), &(first + 1).to_string()]));
    assert_eq!(said, format!("call {first} is cancelled\ncall {} is cancelled\n", first + 1));
}

#[tokio::test]
async fn taking_back_a_call_that_is_over_changes_and_records_nothing() {
    let database = TestDatabase::new().await.with_trunk().await;
    let over = claimed(&database, 2).await;
    for (id, state) in [(over[0], "finished"), (over[1], "cancelled")] {
        database.move_on(id, state).await;
    }
    // A shorter retention is for calls that end from now on.
    database.run("update installation set keep = interval '1 day'").await;
    let rows = "select string_agg(to_jsonb(c)::text, ' ' order by id) from (select id, state, why, cancel_requested, finished_at, delete_after from calls) c";
    let (before, audited): (String, i64) = (database.one(rows).await, database.one("select count(*) from audit").await);
    assert_eq!(out(&offhook(&database, &["call", "cancel", &over[0].to_string()])), format!("call {} is finished\n", over[0]));
    database.run("update calls set cancel_requested = true").await;
    assert_eq!(database.one::<String>(rows).await, before);
    assert_eq!(database.one::<i64>("select count(*) from audit").await, audited);
}

#[tokio::test]
async fn lines_of_the_log_in_a_file_or_a_pipe_have_no_colours() {
    let settings = std::env::temp_dir().join(format!("offhook-log-{}.env", uuid::Uuid::new_v4().simple()));
    std::fs::write(&settings, "OFFHOOK_NO_SUCH_SETTING=1\n").unwrap();
    let database = TestDatabase::new().await;
    // It warns of the setting, and then finds no tables.
    let mut run = command::command(&database);
    let run = run.arg("--settings").arg(&settings).args(["run", "--log", "info"]).output().unwrap();
    std::fs::remove_file(&settings).unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("OFFHOOK_NO_SUCH_SETTING"), "{said}");
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

#[tokio::test]
async fn a_number_that_was_pasted_is_read_as_it_is_shown() {
    let database = TestDatabase::new().await;
    let mut pasted = add(&[]);
    pasted[6] = "\u{202a}+49\u{a0}(0)30 1234-5678\u{202c}".to_owned();
    pasted[14] = "tel:+49-151-12345678".to_owned();
    let id = json(&offhook(&database, &pasted))["id"].to_string();
    let numbers = database.one::<String>(&format!("select number || ' ' || guest_phone from calls where id = {id}")).await;
    assert_eq!(numbers, "+493012345678 +4915112345678");
    pasted[6] = "+49 30 12345678 \u{260e}".to_owned();
    let refused = String::from_utf8(offhook(&database, &pasted).stderr).unwrap();
    assert!(refused.contains("U+260E, which belongs in no telephone number") && refused.contains("+4930123456"), "{refused}");
}

#[tokio::test]
async fn a_call_that_makes_no_sense_is_refused_with_a_sentence() {
    let database = TestDatabase::new().await;
    let refused = offhook(&database, &add(&["--trunk", "nowhere"]));
    assert_eq!(refused.status.code(), Some(1));
    let mut past = add(&[]);
    past[4] = "2001-12-04".to_owned();
    let refused = String::from_utf8(offhook(&database, &past).stderr).unwrap();
    assert!(refused.contains("is in the past") && !refused.contains("+4915112345678"), "{refused}");
    let mut premium = add(&[]);
    premium[6] = "+499001234567".to_owned();
    let refused = String::from_utf8(offhook(&database, &premium).stderr).unwrap();
    assert!(refused.contains("is a premium-rate number (Germany)") && refused.contains("an ordinary number"), "{refused}");
    premium[6] = "+12125550100".to_owned();
    let refused = String::from_utf8(offhook(&database, &premium).stderr).unwrap();
    assert!(refused.contains("needs consent (United States)"), "{refused}");
    premium[10] = "America/New_York".to_owned();
    premium.extend(["--consent".to_owned(), "by e-mail on 2026-11-02".to_owned()]);
    assert_eq!(json(&offhook(&database, &premium))["state"], "queued");
    let unknown = offhook(&database, &["call", "show", "4711"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no call 4711"));
}

fn refusal(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[tokio::test]
async fn a_call_that_waits_is_put_off_and_uses_no_attempt() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "", "").await.to_string();
    let snoozed = json(&offhook(&database, &["call", "snooze", &id, "--for", "2h", "--json"]));
    assert_eq!(snoozed["state"], "queued");
    let put_off = "select waits_for = 'not_before' and attempts_counted = 0 and attempt = 0 and due_at = not_before \
                   and due_at between now() + interval '119 minutes' and now() + interval '2 hours' from calls";
    assert!(database.one::<bool>(put_off).await);
    let again = out(&offhook(&database, &["call", "snooze", &id, "--for", "1h"]));
    assert!(again.contains("is queued, due"), "{again}");
    assert!(database.one::<bool>("select due_at < now() + interval '61 minutes' from calls").await, "put off for less after all");
}

#[tokio::test]
async fn a_call_is_not_put_off_beyond_its_end_nor_while_it_is_made() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(1, "", "").await.to_string();
    let late = refusal(&offhook(&database, &["call", "snooze", &id, "--for", "1000h"]));
    assert!(late.contains("may not be made after") && late.contains("Snooze it for less"), "{late}");
    let past = refusal(&offhook(&database, &["call", "snooze", &id, "--until", "2001-01-01T00:00:00Z"]));
    assert!(past.contains("Name a moment still to come"), "{past}");
    let endless = refusal(&offhook(&database, &["call", "snooze", &id, "--for", "5000000000000h"]));
    assert!(endless.contains("cannot be snoozed") || endless.contains("may not be made after"), "{endless}");
    // From an hour ago to half an hour ago, every day: not between 29 and 30 hours from now... nor where midnight is in between.
    database
        .run(
            "update calls set not_after = now() + interval '30 hours', \
             calling_from = ((now() + interval '31 hours') at time zone restaurant_zone)::time, \
             calling_to = greatest(((now() + interval '32 hours') at time zone restaurant_zone)::time, \
                                   ((now() + interval '31 hours 1 second') at time zone restaurant_zone)::time)",
        )
        .await;
    let closed = refusal(&offhook(&database, &["call", "snooze", &id, "--for", "29h"]));
    assert!(closed.contains("cannot be called before not_after"), "{closed}");
    database.run_unruled("update calls set state = 'talking', claimed_by = 'c', lease_until = now()").await;
    let talking = refusal(&offhook(&database, &["call", "snooze", &id, "--for", "2h"]));
    assert!(talking.contains("is talking and cannot be snoozed"), "{talking}");
    assert!(refusal(&offhook(&database, &["call", "snooze", "4711", "--for", "2h"])).contains("there is no call 4711"));
    assert_eq!(offhook(&database, &["call", "snooze", &id]).status.code(), Some(2), "it says for how long");
}

#[tokio::test]
async fn a_held_call_is_released_snoozed_or_finished_by_a_person() {
    let database = TestDatabase::new().await.with_trunk().await;
    let first = database.insert_calls(3, "", "").await;
    database.run_unruled("update calls set state = 'held', why = 'the worker was lost', attempt = 1, attempts_counted = 1").await;
    let [released, snoozed, finished] = [first, first + 1, first + 2].map(|id| id.to_string());
    let shown = out(&offhook(&database, &["call", "show", &released]));
    assert!(shown.contains("It waits for a person: the worker was lost. `offhook call release"), "{shown}");
    assert_eq!(json(&offhook(&database, &["call", "release", &released, "--json"]))["state"], "queued");
    assert_eq!(json(&offhook(&database, &["call", "snooze", &snoozed, "--for", "1h", "--json"]))["state"], "queued");
    let over = json(&offhook(&database, &["call", "release", &finished, "--finish", "--json"]));
    assert_eq!(
        (over["state"].as_str(), over["why"].as_str()),
        (Some("finished"), Some("finished by a person; it was held because the worker was lost"))
    );
    assert!(
        database.one::<bool>(format!("select due_at <= now() and attempts_counted = 1 from calls where id = {released}")).await
    );
    let kinds = database.one::<String>("select string_agg(kind, ' ' order by call_id) from events").await;
    assert_eq!(kinds, "released snoozed released");
    let again = refusal(&offhook(&database, &["call", "release", &released]));
    assert!(again.contains("is queued and cannot be released"), "{again}");
    database.run_unruled("update calls set state = 'held'").await;
    database.run(format!("insert into do_not_call (number) select number from calls where id = {released}")).await;
    let refused = refusal(&offhook(&database, &["call", "release", &released]));
    assert!(refused.contains("do-not-call list") && refused.contains("--finish"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn check_says_of_each_thing_whether_it_is_there() {
    let database = TestDatabase::new().await.with_trunk().await;
    let spool = std::env::temp_dir().join(format!("offhook-check-{}", uuid::Uuid::new_v4().simple()));
    let provider = ModelServer::start(Manner::Works).await;
    let url = provider.url();
    let trunk = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    database.run(format!("update trunks set port = {} where name = 'lab'", trunk.local_addr().unwrap().port())).await;
    tokio::spawn(async move {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = trunk.recv_from(&mut buffer).await {
            let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
            let answer = request.replacen(request.lines().next().unwrap(), "SIP/2.0 200 OK", 1);
            trunk.send_to(answer.as_bytes(), from).await.unwrap();
        }
    });
    let (worker, spool_path) = (env!("CARGO_BIN_EXE_offhook"), spool.to_str().unwrap().to_owned());
    let check = move |database: &TestDatabase, worker: &str| {
        let line = [
            "check",
            "--json",
            "--launcher",
            "process",
            "--worker-program",
            worker,
            "--spool",
            &spool_path,
            "--provider-url",
            &url,
        ];
        offhook(database, &line)
    };
    let (check, database, good) = tokio::task::spawn_blocking(move || {
        let good = check(&database, worker);
        (check, database, good)
    })
    .await
    .unwrap();
    let lines: Vec<serde_json::Value> = out(&good).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.iter().all(|line| line["ok"] == true), "{lines:?}");
    assert!(lines.iter().any(|line| line["detail"].as_str().unwrap().contains("answered 200")), "{lines:?}");
    assert!(
        lines.iter().any(|line| line["subject"] == "addresses" && line["detail"].as_str().unwrap().contains("STUN")),
        "{lines:?}"
    );
    database
        .run("insert into trunks (name, host, port, transport, username, secret) values ('half', '127.0.0.1', 9, 'tcp', 'u', 'no-such-file')")
        .await;
    let bad = check(&database, "/nowhere/offhook-worker");
    let said = String::from_utf8_lossy(&bad.stdout).into_owned();
    assert!(said.contains("trunk half") && said.contains("no-such-file"), "{said}");
    database.run("update trunks set secret = null where name = 'half'").await;
    let bad_port = check(&database, worker);
    let said = String::from_utf8_lossy(&bad_port.stdout).into_owned();
    assert!(said.contains("cannot connect to tcp 127.0.0.1:9") && said.contains("no challenge can be answered"), "{said}");
    assert_eq!(bad.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&bad.stdout).contains("set OFFHOOK_WORKER_PROGRAM"));
    assert!(!spool.exists(), "looking changes nothing");
}

#[tokio::test]
async fn a_number_that_no_call_names_is_not_taken_for_an_erased_one() {
    let database = TestDatabase::new().await;
    let unknown = offhook(&database, &["erase", "+493012345678"]);
    assert_eq!(unknown.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&unknown.stdout).contains("nothing was deleted"), "{unknown:?}");
    let none = refusal(&offhook(&database, &["erase", "03023125103"]));
    assert!(none.contains("it has no country code") && none.contains("+4930123456"), "{none}");
}

#[tokio::test]
async fn whoever_reads_the_first_line_only_ends_the_command_quietly() {
    let database = TestDatabase::new().await;
    for arguments in [
        &["status"][..],
        &["call", "list"],
        &["settings"],
        &["trunk", "list"],
        &["check", "--provider-url", "http://127.0.0.1:9/v1"],
    ] {
        // The reading end is closed before anything is written.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output =
            command::command(&database).args(arguments).stdout(writer).stderr(std::process::Stdio::piped()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.is_empty(), "{arguments:?}: {said}");
        assert!(
            output.status.code().is_some_and(|code| code == 0 || arguments[0] == "check"),
            "{arguments:?}: {:?}",
            output.status
        );
    }
}

#[tokio::test]
async fn a_misspelt_setting_is_named_with_the_one_that_was_meant() {
    let database = TestDatabase::new().await;
    let mut check = command::command(&database);
    let checked = check.env("OFFHOOK_MAXCALLS", "3").args(["check", "--provider-url", "http://127.0.0.1:9/v1"]).output().unwrap();
    let said = String::from_utf8_lossy(&checked.stdout).into_owned();
    assert!(said.contains("FAIL settings: OFFHOOK_MAXCALLS") && said.contains("did you mean OFFHOOK_MAX_CALLS?"), "{said}");
}
