//! Nobody moves a call that is being made, or its attempt, by hand: the owner of the database neither. Otherwise its worker goes on, and the
//! call is made a second time beside it.
#![allow(clippy::unwrap_used)]

use offhook::store::claim::claim;
use offhook_test_database::{TestDatabase, claimant};
use sqlx::{AssertSqlSafe, PgPool, postgres::PgDatabaseError};

/// A statement about call 1 while it is being made, and what the owner reads.
const BY_HAND: &[(&str, &str, &str)] = &[
    ("update calls set state = 'queued'", "cannot be made queued by hand: its attempt 1 is under way", "cancel_requested = true"),
    ("update calls set state = 'finished'", "cannot be made finished by hand", "cancel_requested = true"),
    ("update calls set state = 'held'", "cannot be made held by hand", "cancel_requested = true"),
    ("update calls set state = 'cancelled'", "cannot be made cancelled by hand", "cancel_requested = true"),
    ("update calls set state = 'expired'", "cannot be made expired by hand", "cancel_requested = true"),
    (
        "update calls set state = 'queued', claimed_by = null, lease_until = null, attempts_counted = 1, due_at = now()",
        "cannot be made queued by hand",
        "cancel_requested = true",
    ),
    ("update calls set attempt = 2", "attempt of call 1 cannot be set to 2", "max_attempts"),
    ("update calls set attempt = 0", "an attempt number only grows", "coordinator"),
    ("update calls set attempts_counted = -100", "attempts_counted of call 1 cannot be set to -100", "max_attempts"),
    ("update calls set lease_until = null", "lease_until of call 1 cannot be null", "coordinator"),
    ("update calls set lease_until = 'infinity'", "lease_until of call 1 cannot be infinity", "coordinator"),
    ("update calls set claimed_by = 'me'", "claimed_by of call 1 cannot change", "Another coordinator"),
    ("update calls set claimed_by = null", "claimed_by of call 1 cannot change", "Another coordinator"),
    ("update calls set number = '+4930999999'", "what it asks for can no longer change", "cancel_requested"),
    ("update calls set record = false", "whether it is recorded can no longer change", "keep_recording"),
    ("update calls set finished_at = now()", "it has no end yet", "keep"),
    ("update calls set delete_after = now()", "it has no end yet", "keep"),
    ("update calls set created_at = now() - interval '1 year'", "created_at of call 1 cannot change", "Leave it"),
    ("delete from calls", "call 1 is dialing and cannot be deleted", "cancel_requested = true"),
    ("truncate calls cascade", "cannot be truncated: a call is under way", "offhook pause"),
    ("truncate attempts cascade", "cannot be truncated: a call is under way", "offhook pause"),
    ("delete from attempts", "attempt 1 of call 1 cannot be settled or deleted by hand", "cancel_requested = true"),
    ("update attempts set settled_at = now()", "cannot be settled: it has not ended", "cancel_requested = true"),
    (
        "update attempts set ended_at = now(), disposition = 'busy'",
        "how it ends is told by its worker",
        "cancel_requested = true",
    ),
    (
        "update attempts set ended_at = now(), disposition = 'busy', settled_at = now()",
        "how it ends is told by its worker",
        "cancel_requested = true",
    ),
    ("update attempts set outcome = 'booked'", "how it ends is told by its worker", "when it is settled"),
    ("update attempts set notes = 'x'", "how it ends is told by its worker", "when it is settled"),
    ("update attempts set dialing_at = null", "dialing_at of attempt 1 of call 1 cannot change", "rung again"),
    ("update attempts set dialing_at = now() + interval '1 hour'", "dialing_at of attempt 1", "rung again"),
    ("update attempts set number = 2", "number of attempt 1 of call 1 cannot change", "Leave it"),
    ("update attempts set call_id = 2", "call_id of attempt 1 of call 1 cannot change", "Leave it"),
    ("update attempts set host = 'elsewhere'", "host of attempt 1 of call 1 cannot change", "Leave it"),
    ("update attempts set trunk = 'direct'", "trunk of attempt 1 of call 1 cannot change", "Leave it"),
    ("update attempts set container = 'x'", "container of attempt 1 of call 1 cannot change", "Leave it"),
    ("update attempts set token_hash = ''", "token_hash of attempt 1 of call 1 cannot change", "Leave it"),
    ("update attempts set port_base = 20000", "port_base of attempt 1 of call 1 cannot change", "Leave it"),
    ("delete from port_leases", "are in use by attempt 1 of call 1", "when the attempt is settled"),
    ("update port_leases set base = 1", "are in use by attempt 1 of call 1", "when the attempt is settled"),
    ("delete from trunks where name = 'lab'", "trunk \"lab\" cannot be deleted", "enabled = false"),
    ("update trunks set name = 'lab-2' where name = 'lab'", "trunk \"lab\" cannot be renamed", "enabled = false"),
];

async fn refused(pool: &PgPool, statement: &str, sentence: &str, hint: &str) {
    let error = sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(pool).await.expect_err(statement);
    let error = error.as_database_error().unwrap().downcast_ref::<PgDatabaseError>();
    assert!(error.message().contains(sentence), "{statement}\nsaid: {}\nnot: {sentence}", error.message());
    let said_hint = error.hint().unwrap_or_default();
    assert!(said_hint.contains(hint), "{statement}\nhinted: {said_hint}\nnot: {hint}");
}

/// A call that dials.
async fn dialing() -> (TestDatabase, String) {
    let database = TestDatabase::new().await.with_trunk().await;
    database.run("update installation set quiet_time = '0'").await;
    database.insert_calls(1, "", "").await;
    let claimed = claim(&database.pool, &claimant("one", "here"), 1).await.unwrap().calls;
    let token = claimed[0].token.expose().to_owned();
    assert!(database.one::<bool>(format!("select worker_progress('{token}', 'dialing', '{{}}')")).await);
    (database, token)
}

#[tokio::test]
async fn what_is_under_way_is_not_changed_by_hand() {
    let (database, token) = dialing().await;
    let before: String = database.one("select concat_ws(' ', to_jsonb(c), to_jsonb(a)) from calls c, attempts a").await;
    for (statement, sentence, hint) in BY_HAND {
        refused(&database.pool, statement, sentence, hint).await;
        let after: String = database.one("select concat_ws(' ', to_jsonb(c), to_jsonb(a)) from calls c, attempts a").await;
        assert_eq!(after, before, "{statement}");
    }
    assert!(claim(&database.pool, &claimant("two", "there"), 1).await.unwrap().calls.is_empty(), "nobody is rung twice");
    assert!(database.one::<bool>(format!("select worker_progress('{token}', 'talking', '{{}}')")).await, "its worker goes on");
}

#[tokio::test]
async fn what_is_allowed_one_by_one_is_looked_at_together_when_the_transaction_ends() {
    let (database, _) = dialing().await;
    let finish = "select offhook_finish_attempt(1, 1, '{\"disposition\": \"busy\"}')";
    refused(
        &database.pool,
        &format!("begin; {finish}; update calls set state = 'queued'; commit"),
        "cannot be made queued by hand: its attempt 1 is under way",
        "cancel_requested",
    )
    .await;
    refused(
        &database.pool,
        &format!("begin; {finish}; update attempts set settled_at = now(); commit"),
        "attempt 1 of call 1 cannot be settled or deleted by hand: the call is dialing",
        "cancel_requested",
    )
    .await;
    // What a settling does.
    database.move_on(1, "queued").await;
    assert_eq!(database.state(1).await.0, "queued");
}

#[tokio::test]
async fn a_call_that_waits_is_claimed_by_the_queue_alone() {
    let database = TestDatabase::new().await.with_trunk().await;
    database.insert_calls(1, "", "").await;
    for columns in ["", ", attempt = 1"] {
        refused(
            &database.pool,
            &format!("update calls set state = 'claimed', claimed_by = 'me', lease_until = now(){columns}"),
            "call 1 cannot be made claimed by hand: it has no attempt under way",
            "offhook_why_not_yet",
        )
        .await;
    }
    refused(&database.pool, "update calls set attempt = 7", "attempt of call 1 cannot be set to 7", "max_attempts").await;
    refused(&database.pool, "update calls set attempts_counted = -100", "attempts_counted of call 1", "max_attempts").await;
    refused(&database.pool, "update calls set delete_after = now()", "it has no end yet", "keep").await;
    // In line before it is due: it would be made at once.
    database.run("update calls set not_before = now() + interval '1 day'").await;
    database.run("update calls set ready = true").await;
    assert!(claim(&database.pool, &claimant("one", "here"), 1).await.unwrap().calls.is_empty());
}

#[tokio::test]
async fn what_has_happened_stays_and_what_was_agreed_can_be_corrected() {
    let (database, _) = dialing().await;
    database.move_on(1, "finished").await;
    for (column, sentence) in [
        ("dialing_at = null", "dialing_at of attempt 1 of call 1 cannot change"),
        ("settled_at = null", "settled_at of attempt 1 of call 1 cannot change"),
        ("ended_at = null, disposition = null", "ended_at of attempt 1 of call 1 cannot change"),
    ] {
        refused(&database.pool, &format!("update attempts set {column}"), sentence, "rung again").await;
    }
    refused(&database.pool, "update calls set finished_at = null", "finished_at of call 1 cannot change", "keep").await;
    database.run("update attempts set notes = 'they called back', reference = 'A17'").await;
    database
        .run("insert into recordings (call_id, attempt, uri, sha256, bytes, duration_ms) values (1, 1, 'file:///x', '', 1, 1)")
        .await;
    refused(&database.pool, "delete from attempts", "has a recording or an event log", "keep_recording").await;
    refused(&database.pool, "truncate calls cascade", "there are recordings or event logs", "keep_recording").await;
    refused(&database.pool, "delete from calls", "has a recording or an event log", "keep_recording").await;
    database.run("update recordings set uri = null, deleted_at = now(); delete from calls").await;
}

/// As a database of before may have it, or one where somebody has switched the rules off.
#[tokio::test]
async fn a_call_whose_attempt_is_still_open_is_not_made_beside_it() {
    let (database, _) = dialing().await;
    database
        .run(
            "begin; set local session_replication_role = replica; \
             update calls set state = 'queued', claimed_by = null, lease_until = null, ready = true, due_at = now(); commit",
        )
        .await;
    assert!(claim(&database.pool, &claimant("two", "there"), 1).await.unwrap().calls.is_empty());
    assert_eq!(database.state(1).await.0, "queued", "it waits");
    database.run("update calls set cancel_requested = true").await;
    assert_eq!(database.state(1).await.0, "cancelled", "it can be taken back");
}
