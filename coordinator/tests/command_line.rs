//! `offhook call …` and `offhook check` as a person uses them.

#![allow(clippy::unwrap_used)]

#[path = "support/database.rs"]
mod database;

use std::process::{Command, Output};

use database::TestDatabase;

fn offhook<A: AsRef<std::ffi::OsStr>>(database: &TestDatabase, arguments: &[A]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_offhook"))
        .args(arguments)
        .env("OFFHOOK_DATABASE_URL", database.url.expose())
        .output()
        .unwrap()
}

fn out(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> serde_json::Value {
    serde_json::from_str(out(output).trim()).unwrap()
}

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

#[tokio::test]
async fn a_call_that_makes_no_sense_is_refused_with_a_sentence() {
    let database = TestDatabase::new().await;
    let refused = offhook(&database, &add(&["--trunk", "nowhere"]));
    assert_eq!(refused.status.code(), Some(1));
    let mut past = add(&[]);
    past[4] = "2001-12-04".to_owned();
    let refused = String::from_utf8(offhook(&database, &past).stderr).unwrap();
    assert!(refused.contains("is in the past") && !refused.contains("+4915112345678"), "{refused}");
    let unknown = offhook(&database, &["call", "show", "4711"]);
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no call 4711"));
}

#[tokio::test]
async fn check_says_of_each_thing_whether_it_is_there() {
    let database = TestDatabase::new().await.with_trunk().await;
    let spool = std::env::temp_dir().join(format!("offhook-check-{}", uuid::Uuid::new_v4().simple()));
    let provider = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/v1", provider.local_addr().unwrap());
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
    let bad = check(&database, "/nowhere/offhook-worker");
    assert_eq!(bad.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&bad.stdout).contains("set OFFHOOK_WORKER_PROGRAM"));
    std::fs::remove_dir_all(&spool).unwrap();
}
