//! "Why has this call not been made yet?" has an answer, for each reason there is: by `offhook call show` and in SQL.

#![allow(clippy::unwrap_used)]

#[path = "support/command.rs"]
mod command;

use command::{offhook, out};
use offhook::{
    disposition::Disposition,
    report::Report,
    store::{
        claim::{FreshClaim, claim},
        coordinators,
        evidence::Evidence,
        leases::AttemptId,
        settle::settle,
        why_not_yet::obstacles,
    },
};
use offhook_test_database::{TestDatabase, claimant};
use rand::{SeedableRng, rngs::StdRng};

struct Scene {
    database: TestDatabase,
    /// A call to a number of its own.
    id: i64,
}

impl Scene {
    /// One due call, a trunk, a coordinator: nothing stands in its way.
    async fn new() -> Scene {
        let database = TestDatabase::new().await.with_trunk().await;
        coordinators::here(&database.pool, &claimant("c", "one"), 0, 20, false).await.unwrap();
        let id = database.insert_calls(1, "", "").await;
        Scene { database, id }
    }

    async fn after(sql: &str) -> Scene {
        let scene = Scene::new().await;
        scene.database.run(sql).await;
        scene
    }

    /// The weightiest reason is `reason`, and its sentence has these parts.
    async fn says(&self, reason: &str, parts: &[&str]) {
        let found = obstacles(&self.database.pool, self.id).await.unwrap();
        let first = found.first().expect("there is a reason");
        assert_eq!(first.reason, reason, "{found:#?}");
        for part in parts {
            assert!(first.sentence.contains(part), "{part}: {}", first.sentence);
        }
        assert!(first.sentence.ends_with('.'), "{}", first.sentence);
    }

    /// All reasons, the weightiest first.
    async fn reasons(&self) -> Vec<String> {
        obstacles(&self.database.pool, self.id).await.unwrap().into_iter().map(|obstacle| obstacle.reason).collect()
    }

    async fn claim(&self) -> Vec<FreshClaim> {
        claim(&self.database.pool, &claimant("c", "one"), 10).await.unwrap().calls
    }

    async fn progress(&self, fresh: &FreshClaim, step: &str) {
        sqlx::query("select worker_progress($1, $2, '{}')")
            .bind(fresh.token.expose())
            .bind(step)
            .execute(&self.database.pool)
            .await
            .unwrap();
    }

    async fn settle(&self, fresh: &FreshClaim, disposition: Disposition) {
        let report = Report::new(disposition);
        let attempt = AttemptId { call_id: fresh.call.id, attempt: fresh.call.attempt.unsigned_abs() };
        let evidence = Evidence { report: Some(report), ..Evidence::lost("") };
        settle(&self.database.pool, attempt, &evidence, &mut StdRng::seed_from_u64(1)).await.unwrap();
    }
}

#[tokio::test]
async fn a_call_that_nothing_keeps_is_in_line_and_says_how_many_come_before_it() {
    let scene = Scene::new().await;
    scene.says("in_line", &["It is due, and next in line."]).await;
    scene.database.insert_calls(3, "priority", "10").await;
    scene.says("in_line", &["3 calls come before it"]).await;
}

#[tokio::test]
async fn a_pause_in_all_or_of_its_trunk_is_said_with_its_reason() {
    Scene::after("select offhook_pause(null, 'maintenance')")
        .await
        .says("paused", &["All calls are paused (maintenance)", "offhook resume"])
        .await;
    let paused = Scene::after("select offhook_pause('lab', 'unpaid'); update calls set trunk = 'lab'").await;
    paused.says("trunk_paused", &["Trunk \"lab\" is paused (unpaid)", "offhook resume --trunk lab"]).await;
    let only = Scene::after("select offhook_pause('lab')").await;
    only.says("trunk_paused", &["Every trunk that could carry it is paused", "\"lab\""]).await;
}

#[tokio::test]
async fn a_wish_for_later_and_closed_hours_are_told_by_the_restaurants_clock() {
    let later = Scene::after("update calls set not_before = now() + interval '3 days'").await;
    let local: String =
        later.database.one("select to_char(not_before at time zone 'Europe/Berlin', 'YYYY-MM-DD HH24:MI') from calls").await;
    later.says("not_before", &["not to be made before", &local, "in Europe/Berlin"]).await;
    let closed = Scene::after(
        "update calls set calling_from = case when (now() at time zone 'Europe/Berlin')::time < '12:00' then '22:00' else '01:00' end::time,
                          calling_to   = case when (now() at time zone 'Europe/Berlin')::time < '12:00' then '23:00' else '02:00' end::time",
    )
    .await;
    assert!(closed.claim().await.is_empty());
    let hour = if closed.database.one("select calling_from = '22:00' from calls").await { "22:00" } else { "01:00" };
    closed.says("calling_hours", &["outside the hours", hour, "in Europe/Berlin"]).await;
    let by_hand = Scene::after("update calls set due_at = now() + interval '1 day'").await;
    by_hand.says("not_before", &["It was put off until"]).await;
}

#[tokio::test]
async fn a_retry_says_what_the_last_attempt_came_to() {
    let scene = Scene::new().await;
    let fresh = scene.claim().await.pop().unwrap();
    scene.progress(&fresh, "dialing").await;
    scene.settle(&fresh, Disposition::Busy).await;
    scene.says("retry", &["The line was busy; attempt 2 is made at"]).await;
}

#[tokio::test]
async fn another_call_to_the_same_number_is_named() {
    let scene = Scene::new().await;
    let other: i64 = scene.claim().await.pop().unwrap().call.id;
    let same: i64 = scene
        .database
        .one(
            "insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time, \
                                calling_from, calling_to) \
             select number, 'Löwen', 'Europe/Berlin', 'Bo', '+4915112345678', 2, current_date + 30, '19:30', '00:00', '24:00' from calls returning id",
        )
        .await;
    let scene = Scene { id: same, ..scene };
    let named = format!("Call {other} to the same number is under way");
    scene.says("other_call", &[&named]).await;
    assert!(scene.claim().await.is_empty(), "a claim sends it outside");
    scene.says("other_call", &[&named]).await;
}

#[tokio::test]
async fn a_number_that_was_rung_a_moment_ago_or_often_enough_is_left_alone() {
    let quiet = Scene::after(
        "insert into numbers select number, now(), (now() at time zone 'Europe/Berlin')::date, 1 from calls; update installation set quiet_time = '1 hour'",
    )
    .await;
    quiet.says("quiet_time", &["is left alone for 01:00:00 (quiet_time)"]).await;
    assert!(quiet.claim().await.is_empty());
    quiet.says("quiet_time", &["The number was rung at", "the call is due at"]).await;
    let often = Scene::after(
        "insert into numbers select number, now() - interval '1 second', (now() at time zone 'Europe/Berlin')::date, 10 from calls;
         update installation set quiet_time = '0'",
    )
    .await;
    often.says("daily_cap", &["was rung 10 times today, and 10 times a day is the most (calls_per_day)"]).await;
    assert!(often.claim().await.is_empty());
    often.says("daily_cap", &["was rung 10 times today"]).await;
}

#[tokio::test]
async fn a_trunk_that_is_missing_disabled_resting_full_or_too_fast_is_named() {
    Scene::after("update trunks set enabled = false where name = 'lab'")
        .await
        .says("no_trunk", &["No trunk with a host is enabled"])
        .await;
    let disabled = Scene::after("update calls set trunk = 'lab'; update trunks set enabled = false where name = 'lab'").await;
    disabled.says("trunk_disabled", &["Trunk \"lab\" is disabled"]).await;
    let resting =
        Scene::after("update trunks set failures = 5, paused_until = now() + interval '1 hour' where name = 'lab'").await;
    resting.says("trunk_resting", &["Trunk \"lab\" rests after 5 failures in a row until"]).await;
    let wished =
        Scene::after("update trunks set failures = 1, paused_until = now() + interval '1 hour' where name = 'lab'").await;
    wished.says("trunk_resting", &["rests as it wished until"]).await;
    let full = Scene::after("update trunks set max_concurrent = 0 where name = 'lab'").await;
    full.says("trunk_full", &["Trunk \"lab\" is full: 0 of 0 calls"]).await;
    let fast =
        Scene::after("update trunks set calls_per_second = 0.01, tokens = 0, refilled_at = now() where name = 'lab'").await;
    fast.says("calls_per_second", &["The calls per second of trunk \"lab\" (0.01) are used up"]).await;
    assert_eq!(fast.reasons().await, ["calls_per_second", "in_line"]);
    let address = Scene::after("update calls set number = 'sip:x@example.org'; delete from trunks where name = 'direct'").await;
    address.says("no_trunk", &["no trunk \"direct\""]).await;
}

#[tokio::test]
async fn one_call_finds_out_about_a_trunk_that_has_rested_and_the_fallback_of_a_resting_one_is_looked_at() {
    let probing =
        Scene::after("update trunks set failures = 5, paused_until = now() - interval '1 second' where name = 'lab'").await;
    assert_eq!(probing.claim().await.len(), 1);
    let scene = Scene { id: probing.database.insert_calls(1, "", "").await, database: probing.database };
    scene.says("trunk_probing", &["Another call finds out whether trunk \"lab\" works again"]).await;
    let instead = Scene::after(
        "insert into trunks (name, host, max_concurrent) values ('spare', '127.0.0.2', 0); update calls set trunk = 'lab';
         update trunks set fallback = '{spare}', paused_until = now() + interval '1 hour' where name = 'lab'",
    )
    .await;
    instead.says("trunk_full", &["Trunk \"spare\" is full"]).await;
}

#[tokio::test]
async fn no_room_in_all_or_nobody_to_make_it_is_said() {
    let full = Scene::after("update installation set max_concurrent = 0").await;
    full.says("installation_full", &["0 of 0 calls in all", "installation.max_concurrent"]).await;
    let busy = Scene::after("update coordinators set calls = 20").await;
    busy.says("coordinators_full", &["20 of 20 calls", "OFFHOOK_MAX_CALLS"]).await;
    Scene::after("delete from coordinators").await.says("no_coordinator", &["No coordinator runs", "offhook run"]).await;
    let gone = Scene::after("update coordinators set until = now() - interval '1 second'").await;
    gone.says("no_coordinator", &["No coordinator runs"]).await;
    Scene::after("update coordinators set draining = true").await.says("no_coordinator", &["is leaving (draining)"]).await;
}

#[tokio::test]
async fn a_call_that_waits_for_its_moment_also_says_what_will_still_be_in_its_way_then() {
    let scene =
        Scene::after("update calls set not_before = now() + interval '1 day'; select offhook_pause(); delete from coordinators")
            .await;
    assert_eq!(scene.reasons().await, ["not_before", "paused", "no_coordinator"]);
    let sentences: String = scene.database.one(format!("select offhook_why_not_yet({})", scene.id)).await;
    assert!(sentences.contains("not to be made before") && sentences.contains("All calls are paused"), "{sentences}");
    assert!(!sentences.contains("No coordinator"), "two sentences are enough: {sentences}");
}

#[tokio::test]
async fn a_call_that_is_under_way_held_or_over_says_so() {
    let scene = Scene::new().await;
    let fresh = scene.claim().await.pop().unwrap();
    scene.says("claimed", &["attempt 1 over trunk \"lab\" is being started"]).await;
    scene.progress(&fresh, "dialing").await;
    scene.says("dialing", &["dials"]).await;
    scene.progress(&fresh, "ringing").await;
    scene.says("dialing", &["rings"]).await;
    scene.progress(&fresh, "talking").await;
    scene.says("talking", &["talks."]).await;
    scene.database.run("update calls set cancel_requested = true").await;
    scene.says("talking", &["and is being taken back"]).await;
    scene.settle(&fresh, Disposition::Lost).await;
    let release = format!("`offhook call release {}`", scene.id);
    scene.says("held", &["waits for a person: the worker was lost", &release, "--finish"]).await;
    scene.database.run(format!("select offhook_release({}, true)", scene.id)).await;
    scene.says("finished", &["It is finished: finished by a person"]).await;
    let cancelled = Scene::after("update calls set cancel_requested = true").await;
    cancelled.says("cancelled", &["It was cancelled: taken back by the user"]).await;
    let expired = Scene::new().await;
    expired
        .database
        .run_unruled("update calls set not_before = now() - interval '1 hour', not_after = now() - interval '1 second'")
        .await;
    expired.says("expired", &["It will end as expired"]).await;
    assert!(expired.claim().await.is_empty());
    expired.says("expired", &["Its time has passed", "Insert a new call"]).await;
    let unwanted = Scene::after("insert into do_not_call (number, reason) select number, 'asked' from calls").await;
    unwanted.says("do_not_call", &["It will be cancelled", "do-not-call list: asked"]).await;
}

#[tokio::test]
async fn people_read_it_in_call_show_and_programs_in_json_and_users_in_sql() {
    let scene = Scene::after("select offhook_pause(null, 'maintenance')").await;
    let show = |more: &[&str]| {
        let id = scene.id.to_string();
        out(&offhook(&scene.database, &[&["call", "show", &id], more].concat()))
    };
    let page = show(&[]);
    assert!(
        page.contains("All calls are paused (maintenance); `offhook resume` goes on. It is due, and next in line."),
        "{page}"
    );
    let json: serde_json::Value = serde_json::from_str(&show(&["--json"])).unwrap();
    assert_eq!(json["why_not_yet"][0]["reason"], "paused");
    let mut connection = scene.database.pool.acquire().await.unwrap();
    sqlx::query("set role offhook_user").execute(&mut *connection).await.unwrap();
    let said: String = sqlx::query_scalar("select offhook_why_not_yet(id) from calls where state = 'queued'")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert!(said.starts_with("All calls are paused"), "{said}");
    sqlx::query("reset role").execute(&mut *connection).await.unwrap();
    let none: Option<String> = sqlx::query_scalar("select offhook_why_not_yet(4711)").fetch_one(&mut *connection).await.unwrap();
    assert_eq!(none, None);
}
