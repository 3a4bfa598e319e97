//! A login with which no worker can work is found before the first call is made with it.

#![allow(clippy::unwrap_used)]

#[path = "support/command.rs"]
mod command;
#[path = "support/service.rs"]
mod service;

use command::offhook;
use offhook_coordinator::run::Service;
use offhook_test_database::TestDatabase;
use service::{TestSpool, config};

/// A role with a password, and its URL on `database`.
async fn role(database: &TestDatabase, password: &str, groups: &str) -> (String, String) {
    let name = format!("w_{}", &uuid::Uuid::new_v4().simple().to_string()[..12]);
    database.run(format!("create role {name} login password 'right-{name}' {groups}")).await;
    let url = database.url();
    let (_, place) = url.expose().rsplit_once('@').unwrap();
    (name.clone(), format!("postgres://{name}:{password}{name}@{place}"))
}

/// What `offhook check` says of the workers' database.
fn checked(database: &TestDatabase, url: &str) -> String {
    let checked = offhook(database, &["check", "--worker-database-url", url, "--provider-url", "http://127.0.0.1:9/v1"]);
    let text = String::from_utf8(checked.stdout).unwrap();
    let line = text.lines().find(|line| line[5..].starts_with("worker's database"));
    line.unwrap_or_else(|| panic!("{text}")).to_owned()
}

#[tokio::test]
async fn check_connects_as_a_worker_and_says_what_it_may_not_do() {
    let (database, other) = (TestDatabase::new().await, TestDatabase::new().await);
    let (good, good_url) = role(&database, "right-", "in role offhook_worker").await;
    let (bad, wrong_password) = role(&database, "wrong-", "in role offhook_worker").await;
    let (stranger, without_rights) = role(&database, "right-", "").await;
    let (both, with_more) = role(&database, "right-", "in role offhook_worker, offhook_user").await;
    let elsewhere =
        good_url.replace(database.url().expose().rsplit_once('/').unwrap().1, other.url().expose().rsplit_once('/').unwrap().1);
    for (url, begins, parts) in [
        (&good_url, "ok ", vec![good.as_str(), "and no more"]),
        (&with_more, "ok ", vec![both.as_str(), "may also read the calls"]),
        (&wrong_password, "FAIL", vec!["password authentication failed", "OFFHOOK_WORKER_DATABASE_URL"]),
        (&without_rights, "FAIL", vec!["may not run", "worker_finish", "grant offhook_worker to"]),
        (&elsewhere, "FAIL", vec!["another database than OFFHOOK_DATABASE_URL"]),
    ] {
        let line = checked(&database, url);
        assert!(line.starts_with(begins) && parts.iter().all(|part| line.contains(part)), "{parts:?}: {line}");
        assert!(!line.contains("right-") && !line.contains("wrong-"), "{line}");
    }
    let unreachable = checked(&database, "postgres://w:secret@127.0.0.1:9/calls");
    assert!(unreachable.contains("127.0.0.1:9/calls") && unreachable.contains("refused"), "{unreachable}");

    let spool = TestSpool::new();
    for (url, part) in [(&wrong_password, "password authentication failed"), (&without_rights, "may not run")] {
        let said =
            Service::new(&config(&database, &spool.0, &["--worker-database-url", url]), false).await.unwrap_err().to_string();
        assert!(said.contains("no worker could tell how its call went") && said.contains(part), "{said}");
    }
    for role in [good, bad, stranger, both] {
        database.run(format!("drop role {role}")).await;
    }
}

#[tokio::test]
async fn check_waits_for_a_notification() {
    let database = TestDatabase::new().await;
    let line = |further: &[&str]| {
        let line = [&["check", "--provider-url", "http://127.0.0.1:9/v1"], further].concat();
        let text = String::from_utf8(offhook(&database, &line).stdout).unwrap();
        text.lines().find(|line| line[5..].starts_with("notifications")).unwrap().to_owned()
    };
    assert!(line(&[]).starts_with("ok   notifications: one arrived"), "{}", line(&[]));
    let wrong = line(&["--listen-database-url", "postgres://w@127.0.0.1:9/calls"]);
    assert!(wrong.starts_with("FAIL") && wrong.contains("OFFHOOK_LISTEN_DATABASE_URL"), "{wrong}");
}
