//! Pausing stops new calls, in all or over one trunk, until it is ended; everybody can see that and why.

#![allow(clippy::unwrap_used)]

#[path = "support/command.rs"]
mod command;

use command::{json, offhook, out};
use offhook::store::{claim::claim, coordinators};
use offhook_test_database::{TestDatabase, claimant, until};
use sqlx::postgres::PgListener;

fn status(database: &TestDatabase) -> serde_json::Value {
    json(&offhook(database, &["status", "--json"]))
}

async fn claimed(database: &TestDatabase) -> usize {
    claim(&database.pool, &claimant("c", "one"), 1).await.unwrap().calls.len()
}

#[tokio::test]
async fn nothing_is_claimed_while_everything_is_paused() {
    let database = TestDatabase::new().await.with_trunk().await;
    let id = database.insert_calls(2, "", "").await;
    assert!(out(&offhook(&database, &["pause", "--reason", "maintenance"])).contains("no new calls"));
    assert!(out(&offhook(&database, &["pause", "--reason", "longer maintenance"])).contains("paused already"));
    assert_eq!(claimed(&database).await, 0);
    let now = status(&database);
    assert_eq!((now["paused"].as_bool(), now["pause_reason"].as_str()), (Some(true), Some("longer maintenance")));
    let shown = out(&offhook(&database, &["call", "show", &id.to_string()]));
    assert!(shown.contains("All calls are paused (longer maintenance); `offhook resume` goes on."), "{shown}");
    assert!(out(&offhook(&database, &["resume"])).contains("made again"));
    assert!(out(&offhook(&database, &["resume"])).contains("were not paused"));
    assert_eq!(claimed(&database).await, 1);
}

#[tokio::test]
async fn a_paused_trunk_carries_nothing_new_and_others_go_on() {
    let database = TestDatabase::new().await.with_trunk().await;
    database
        .run("insert into trunks (name, host, preference, calls_per_second, tokens) values ('spare', '127.0.0.2', 2, 1000, 50)")
        .await;
    database.insert_calls(1, "trunk", "'lab'").await;
    assert!(out(&offhook(&database, &["pause", "--trunk", "lab", "--reason", "unpaid"])).contains("over trunk lab"));
    assert_eq!(claimed(&database).await, 0, "the call names the trunk that is paused");
    assert!(out(&offhook(&database, &["trunk", "list"])).contains("paused"));
    assert!(out(&offhook(&database, &["status"])).contains("(unpaid)"));
    database.insert_calls(1, "", "").await;
    assert_eq!(claimed(&database).await, 1, "a call that names none goes another way");
    assert_eq!(database.one::<String>("select trunk from attempts").await, "spare");
    offhook(&database, &["resume", "--trunk", "lab"]);
    assert_eq!(claimed(&database).await, 1);
}

#[tokio::test]
async fn who_paused_what_is_in_the_audit() {
    let database = TestDatabase::new().await.with_trunk().await;
    offhook(&database, &["pause", "--trunk", "lab", "--reason", "unpaid"]);
    offhook(&database, &["pause"]);
    offhook(&database, &["resume"]);
    database.run("update retry_policies set lost_times = 3").await;
    let acts = database.one::<String>("select string_agg(act, ', ' order by id) from audit where act not like '%added'").await;
    assert_eq!(acts, "trunks changed, installation changed, installation changed, retry_policies changed");
    let detail = "select (detail -> 'pause_reason' ->> 1) || ' ' || program from audit where act = 'trunks changed'";
    assert_eq!(database.one::<String>(detail).await, "unpaid offhook");
}

#[tokio::test]
async fn a_trunk_that_is_none_is_not_paused() {
    let database = TestDatabase::new().await.with_trunk().await;
    for command in ["pause", "resume"] {
        let refused = offhook(&database, &[command, "--trunk", "berlin"]);
        let said = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(1));
        assert!(said.contains("there is no trunk \"berlin\"") && said.contains("Use one of direct, lab."), "{said}");
    }
}

#[tokio::test]
async fn the_end_of_a_pause_is_told_to_the_coordinators_at_once_and_a_claim_tells_nobody() {
    let database = TestDatabase::new().await.with_trunk().await;
    let mut listener = PgListener::connect(database.url().expose()).await.unwrap();
    listener.listen("offhook_calls").await.unwrap();
    offhook(&database, &["pause", "--trunk", "lab"]);
    listener.recv().await.unwrap();
    offhook(&database, &["resume", "--trunk", "lab"]);
    listener.recv().await.unwrap();
    offhook(&database, &["pause"]);
    listener.recv().await.unwrap();
    // The bucket is kept in the trunk's row: that alone must not wake everybody.
    database.run("update trunks set tokens = 1, refilled_at = now() where name = 'lab'").await;
    database.run("notify offhook_calls, 'last'").await;
    assert_eq!(listener.recv().await.unwrap().payload(), "last");
}

#[tokio::test]
async fn status_shows_calls_trunks_and_the_coordinators_that_run() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.insert_calls(3, "", "").await;
    database.insert_calls(1, "not_before", "now() + interval '1 day'").await;
    let said = out(&offhook(&database, &["status"]));
    assert!(said.contains("queued            4") && said.contains("3 due by now"), "{said}");
    assert!(said.contains("none runs; start one with `offhook run`"), "{said}");
    let here = claimant("one/1", "one");
    coordinators::here(&database.pool, &here, 2, 20, false).await.unwrap();
    coordinators::here(&database.pool, &claimant("two/1", "two"), 0, 5, true).await.unwrap();
    let now = status(&database);
    assert_eq!(now["coordinators"].as_array().unwrap().len(), 2);
    assert_eq!((now["coordinators"][0]["calls"].as_i64(), now["coordinators"][1]["draining"].as_bool()), (Some(2), Some(true)));
    assert_eq!((now["due"].as_i64(), now["calls"][0]["count"].as_i64()), (Some(3), Some(4)));
    coordinators::gone(&database.pool, &here).await.unwrap();
    database.run("update coordinators set until = now() - interval '1 second'").await;
    assert_eq!(status(&database)["coordinators"].as_array().unwrap().len(), 0, "who has not been heard of is not there");
    until("it is forgotten", || async {
        database.run("update coordinators set until = now() - interval '2 days'").await;
        coordinators::here(&database.pool, &here, 0, 1, false).await.unwrap();
        database.one::<i64>("select count(*) from coordinators").await == 1
    })
    .await;
}
