//! What becomes of a call when its attempt has ended.

#![allow(clippy::unwrap_used)]

use offhook::{
    call::CallState,
    disposition::{Disposition, FinalAnswer},
    end_cause::EndCause,
    outcome::{Outcome, OutcomeReport},
    report::{RecordingReport, Report},
    store::{
        claim::{FreshClaim, claim},
        evidence::Evidence,
        kept_files::KeptFiles,
        leases::AttemptId,
        settle::{Settled, settle},
    },
};
use offhook_test_database::{TestDatabase, claimant, first_attempt};
use rand::{SeedableRng, rngs::StdRng};

struct Scene {
    database: TestDatabase,
}

impl Scene {
    async fn new() -> Scene {
        Scene { database: TestDatabase::new().await.with_trunk().await }
    }

    async fn claimed(&self) -> FreshClaim {
        self.database.insert_calls(1, "", "").await;
        self.claim_next().await
    }

    async fn claim_next(&self) -> FreshClaim {
        let mut found = claim(&self.database.pool, &claimant("c", "one"), 1).await.unwrap();
        found.calls.pop().expect("a due call")
    }

    /// The worker tells how far it got.
    async fn progress(&self, fresh: &FreshClaim, step: &str) -> Result<bool, sqlx::Error> {
        sqlx::query_scalar("select worker_progress($1, $2, '{}')")
            .bind(fresh.token.expose())
            .bind(step)
            .fetch_one(&self.database.pool)
            .await
    }

    /// Somebody answers.
    async fn answered(&self, fresh: &FreshClaim) {
        for step in ["dialing", "talking"] {
            assert!(self.progress(fresh, step).await.unwrap());
        }
    }

    /// The worker writes a turn of the callee's.
    async fn callee_says(&self, fresh: &FreshClaim, text: &str) {
        sqlx::query("select worker_turn($1, 1, 'callee', 'de', $2, 0, 900, false)")
            .bind(fresh.token.expose())
            .bind(text)
            .execute(&self.database.pool)
            .await
            .unwrap();
    }

    async fn settle(&self, attempt: AttemptId, evidence: &Evidence) -> Settled {
        let rng = &mut StdRng::seed_from_u64(1);
        settle(&self.database.pool, attempt, evidence, rng).await.unwrap()
    }

    async fn settled_state(&self, attempt: AttemptId, evidence: &Evidence) -> CallState {
        match self.settle(attempt, evidence).await {
            Settled::Now { state, .. } => state,
            other => panic!("{attempt} is not settled now: {other:?}"),
        }
    }
}

fn told(report: Report) -> Evidence {
    Evidence { report: Some(report), ..Evidence::lost("") }
}

fn booked() -> Report {
    let outcome = OutcomeReport {
        outcome: Outcome::Booked,
        agreed_date: chrono::NaiveDate::from_ymd_opt(2027, 12, 4),
        agreed_time: chrono::NaiveTime::from_hms_opt(19, 30, 0),
        agreed_party: Some(2),
        agreed_name: Some("Ada".into()),
        reference: Some("R7".into()),
        notes: None,
        offers: Vec::new(),
        evidence: vec![2, 4],
        language: None,
    };
    Report { outcome: Some(outcome), ..Report::new(Disposition::Answered) }
}

#[tokio::test]
async fn a_booked_table_is_in_the_results_and_the_ports_are_free_again() {
    let scene = Scene::new().await;
    let fresh = scene.claimed().await;
    let attempt = first_attempt(fresh.call.id);
    assert_eq!(scene.settled_state(attempt, &told(booked())).await, CallState::Finished);
    let row: (String, String, i32, bool) =
        sqlx::query_as("select outcome::text, reference, agreed_party, finished_at is not null from call_results")
            .fetch_one(&scene.database.pool)
            .await
            .unwrap();
    assert_eq!(row, ("booked".into(), "R7".into(), 2, true));
    assert_eq!(scene.database.one::<i64>("select count(*) from port_leases").await, 0);
    assert!(scene.database.one::<bool>("select claimed_by is null and lease_until is null from calls").await);
}

#[tokio::test]
async fn a_busy_restaurant_is_called_again_and_the_attempt_counts() {
    let scene = Scene::new().await;
    let fresh = scene.claimed().await;
    assert_eq!(scene.settled_state(first_attempt(fresh.call.id), &told(Report::new(Disposition::Busy))).await, CallState::Queued);
    let waits: bool = scene
        .database
        .one("select due_at between now() + interval '4 minutes' and now() + interval '11 minutes' and attempts_counted = 1 from calls")
        .await;
    assert!(waits);
    scene.database.run("update calls set due_at = now()").await;
    assert_eq!(scene.claim_next().await.call.attempt, 2);
}

#[tokio::test]
async fn who_hangs_up_after_a_word_is_left_alone_and_the_row_says_so() {
    let scene = Scene::new().await;
    let fresh = scene.claimed().await;
    let id = fresh.call.id;
    scene.answered(&fresh).await;
    scene.callee_says(&fresh, "Guten Tag?").await;
    let ended = Some(EndCause::HungUpByCallee { cause: Some(16) });
    let report = Report { ended, ..Report::new(Disposition::Answered) };
    assert_eq!(scene.settled_state(first_attempt(id), &told(report)).await, CallState::Finished);
    let row: (String, i32, String) =
        sqlx::query_as("select ended_by, ended_cause, why from call_results").fetch_one(&scene.database.pool).await.unwrap();
    assert_eq!(row, ("hung_up_by_callee".into(), 16, "the callee hung up before anything was settled".into()));
    assert!(!scene.database.one::<bool>("select line_dropped from attempts").await);
}

#[tokio::test]
async fn a_line_that_dropped_is_resumed_and_the_agent_knows_it() {
    let scene = Scene::new().await;
    scene.database.run("update installation set quiet_time = '0'").await;
    for ended in [EndCause::MediaLost { silent_ms: 10_000 }, EndCause::HungUpByCallee { cause: Some(41) }] {
        let fresh = scene.claimed().await;
        let id = fresh.call.id;
        scene.answered(&fresh).await;
        scene.callee_says(&fresh, "Guten Tag?").await;
        let report = Report { ended: Some(ended), ..Report::new(Disposition::Answered) };
        assert_eq!(scene.settled_state(first_attempt(id), &told(report)).await, CallState::Queued, "{ended:?}");
        scene.database.run("update calls set due_at = now() where state = 'queued'").await;
        let again = scene.claim_next().await;
        assert_eq!((again.call.id, again.call.dropped_before), (id, true), "{ended:?}");
        let report = told(booked());
        scene.settle(AttemptId { call_id: id, attempt: 2 }, &report).await;
    }
    let silent: i64 = scene.database.one("select silent_ms from attempts where ended_by = 'media_lost'").await;
    assert_eq!(silent, 10_000);
}

#[tokio::test]
async fn the_database_has_the_names_of_what_ends_a_call() {
    let scene = Scene::new().await;
    let names: Vec<String> =
        sqlx::query_scalar("select unnest(enum_range(null::end_cause))::text").fetch_all(&scene.database.pool).await.unwrap();
    for name in &names {
        let known = EndCause::of_row(name, Some(16), Some(7)).unwrap_or_else(|| panic!("{name} is not known in Rust"));
        let id = scene.claimed().await.call.id;
        scene.settle(first_attempt(id), &told(Report { ended: Some(known), ..booked() })).await;
        let stored: (String, Option<i32>, Option<i64>) =
            sqlx::query_as("select ended_by::text, ended_cause, silent_ms from attempts where call_id = $1")
                .bind(id)
                .fetch_one(&scene.database.pool)
                .await
                .unwrap();
        assert_eq!(EndCause::of_row(&stored.0, stored.1, stored.2), Some(known));
    }
    assert_eq!(names.len(), 6);
}

#[tokio::test]
async fn a_retry_that_would_come_too_late_expires() {
    let scene = Scene::new().await;
    let fresh = scene.claimed().await;
    scene.database.run("update calls set not_after = now() + interval '1 minute'").await;
    assert_eq!(
        scene.settled_state(first_attempt(fresh.call.id), &told(Report::new(Disposition::Busy))).await,
        CallState::Expired
    );
    let (_, why) = scene.database.state(fresh.call.id).await;
    assert_eq!(why.unwrap(), "the line was busy, and there is no time left to call again");
}

#[tokio::test]
async fn what_an_older_attempt_says_does_not_count() {
    let scene = Scene::new().await;
    let first = scene.claimed().await;
    let attempt = first_attempt(first.call.id);
    assert_eq!(scene.settled_state(attempt, &told(Report::new(Disposition::Busy))).await, CallState::Queued);
    assert_eq!(scene.settle(attempt, &told(booked())).await, Settled::Already);
    let refused = scene.progress(&first, "dialing").await.unwrap_err().to_string();
    assert!(refused.contains("over"), "{refused}");
    scene.database.run("update calls set due_at = now()").await;
    let second = scene.claim_next().await;
    assert_eq!(scene.settle(attempt, &told(booked())).await, Settled::Already);
    assert!(scene.progress(&second, "dialing").await.unwrap());
    assert_eq!(scene.database.one::<i64>("select count(*) from attempts where outcome is not null").await, 0);
}

#[tokio::test]
async fn a_worker_that_waits_to_dial_while_its_attempt_is_settled_may_not_dial() {
    let scene = Scene::new().await;
    let fresh = scene.claimed().await;
    let id = fresh.call.id;
    let mut settling = scene.database.pool.begin().await.unwrap();
    sqlx::query("select from calls where id = $1 for update").bind(id).execute(&mut *settling).await.unwrap();
    let token = fresh.token.expose().to_owned();
    let pool = scene.database.pool.clone();
    let dials = tokio::spawn(async move {
        sqlx::query_scalar::<_, bool>("select worker_progress($1, 'dialing', '{}')").bind(token).fetch_one(&pool).await
    });
    offhook_test_database::until("the worker waits for the row", || async {
        scene
            .database
            .one::<bool>(
                "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')",
            )
            .await
    })
    .await;
    move_on(&mut settling, id).await;
    settling.commit().await.unwrap();
    assert!(dials.await.unwrap().is_err(), "it must not dial");
    assert!(scene.database.one::<bool>("select dialing_at is null from attempts").await);
}

#[tokio::test]
async fn an_attempt_that_two_settle_at_once_is_settled_once() {
    let scene = Scene::new().await;
    let fresh = scene.claimed().await;
    let (id, pool) = (fresh.call.id, scene.database.pool.clone());
    let mut first = scene.database.pool.begin().await.unwrap();
    sqlx::query("select from calls where id = $1 for update").bind(id).execute(&mut *first).await.unwrap();
    let second =
        tokio::spawn(
            async move { settle(&pool, first_attempt(id), &told(booked()), &mut StdRng::seed_from_u64(1)).await.unwrap() },
        );
    offhook_test_database::until("the second waits for the row", || async {
        scene
            .database
            .one::<bool>(
                "select exists (select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock')",
            )
            .await
    })
    .await;
    move_on(&mut first, id).await;
    first.commit().await.unwrap();
    assert_eq!(second.await.unwrap(), Settled::Already);
    assert_eq!(scene.database.one::<i64>("select count(*) from events where kind = 'settled'").await, 0);
}

#[tokio::test]
async fn lost_attempts_are_redialled_only_if_nobody_was_rung() {
    for (steps, expected) in [
        (&[][..], CallState::Queued),
        (&["dialing"][..], CallState::Held),
        (&["dialing", "ringing"][..], CallState::Held),
        (&["dialing", "talking"][..], CallState::Held),
    ] {
        let scene = Scene::new().await;
        let fresh = scene.claimed().await;
        for step in steps {
            scene.progress(&fresh, step).await.unwrap();
        }
        let state = scene.settled_state(first_attempt(fresh.call.id), &Evidence::lost("the worker is gone")).await;
        assert_eq!(state, expected, "{steps:?}");
        let counted = scene.database.one::<i32>("select attempts_counted from calls").await;
        assert_eq!(counted, i32::from(expected == CallState::Held));
    }
}

#[tokio::test]
async fn a_result_the_worker_told_itself_is_not_overwritten() {
    let scene = Scene::new().await;
    let fresh = scene.claimed().await;
    sqlx::query("select worker_finish($1, $2)")
        .bind(fresh.token.expose())
        .bind(sqlx::types::Json(booked()))
        .execute(&scene.database.pool)
        .await
        .unwrap();
    let state = scene.settled_state(first_attempt(fresh.call.id), &Evidence::lost("exit code 137")).await;
    assert_eq!(state, CallState::Finished);
    assert_eq!(scene.database.one::<String>("select disposition::text from attempts").await, "answered");
}

#[tokio::test]
async fn a_cut_recording_is_kept_and_a_told_one_gets_the_machines_path() {
    let scene = Scene::new().await;
    let cut =
        RecordingReport { uri: "file:///var/1.opus".into(), sha256: "00".into(), bytes: 7, duration_ms: 3, complete: false };
    let fresh = scene.claimed().await;
    let files = KeptFiles { rescued: Some(cut.clone()), recording_uri: Some(cut.uri.clone()), event_log: None };
    let evidence = Evidence { files, ..Evidence::lost("gone") };
    scene.settle(first_attempt(fresh.call.id), &evidence).await;
    let row = "select uri || ' ' || complete from recordings where call_id =";
    assert_eq!(scene.database.one::<String>(format!("{row} {}", fresh.call.id)).await, "file:///var/1.opus false");

    let fresh = scene.claimed().await;
    let whole = RecordingReport { uri: "file:///spool/recording.opus".into(), complete: true, ..cut.clone() };
    let report = Report { recording: Some(whole), ..booked() };
    scene.settle(first_attempt(fresh.call.id), &Evidence { report: Some(report), ..evidence }).await;
    assert_eq!(scene.database.one::<String>(format!("{row} {}", fresh.call.id)).await, "file:///var/1.opus true");
}

#[tokio::test]
async fn who_does_not_want_to_be_called_is_not_called_again() {
    for code in [603, 607] {
        let scene = Scene::new().await;
        let fresh = scene.claimed().await;
        let declined = Report { sip_code: Some(code), ..Report::new(Disposition::Rejected) };
        assert_eq!(scene.settled_state(first_attempt(fresh.call.id), &told(declined)).await, CallState::Finished);
        assert_eq!(scene.database.one::<String>("select number from do_not_call").await, fresh.call.request.number);
    }
}

#[tokio::test]
async fn a_call_refused_by_the_line_is_over_and_the_number_stays_callable() {
    for (code, cause) in [(403, Some(21)), (480, Some(21)), (500, Some(21)), (503, Some(24)), (608, None), (470, None)] {
        let scene = Scene::new().await;
        let fresh = scene.claimed().await;
        let answer = FinalAnswer { code: Some(code), cause, rang: false };
        let refused = Report { sip_code: Some(code), cause, ..Report::new(answer.disposition()) };
        assert_eq!(scene.settled_state(first_attempt(fresh.call.id), &told(refused)).await, CallState::Finished, "{code}");
        assert_eq!(scene.database.one::<i64>("select count(*) from do_not_call").await, 0, "{code}");
    }
}

#[tokio::test]
async fn who_asks_not_to_be_called_is_not_called_again_even_where_the_line_drops_then() {
    let scene = Scene::new().await;
    let fresh = scene.claimed().await;
    let asked = Report { do_not_call: true, ..Report::new(Disposition::Answered) };
    assert_eq!(scene.settled_state(first_attempt(fresh.call.id), &told(asked)).await, CallState::Finished);
    let (_, why) = scene.database.state(fresh.call.id).await;
    assert_eq!(why.unwrap(), "the line dropped in the middle of the call, and the number is on the do-not-call list");
}

#[tokio::test]
async fn a_call_taken_back_while_it_rang_ends_as_cancelled() {
    let scene = Scene::new().await;
    let fresh = scene.claimed().await;
    assert!(scene.progress(&fresh, "dialing").await.unwrap());
    scene.database.run("update calls set cancel_requested = true").await;
    assert_eq!(scene.database.state(fresh.call.id).await.0, "dialing", "the worker ends it, not the update");
    assert_eq!(
        scene.settled_state(first_attempt(fresh.call.id), &told(Report::new(Disposition::Cancelled))).await,
        CallState::Cancelled
    );
}

#[tokio::test]
async fn a_trunk_that_fails_again_and_again_rests() {
    let scene = Scene::new().await;
    for nth in 1..=5 {
        let fresh = scene.claimed().await;
        assert!(scene.progress(&fresh, "dialing").await.unwrap());
        let state = scene.settled_state(first_attempt(fresh.call.id), &told(Report::new(Disposition::TrunkFailure))).await;
        assert_eq!(state, CallState::Queued);
        let rests: bool = scene.database.one("select paused_until is not null from trunks where name = 'lab'").await;
        assert_eq!(rests, nth == 5, "after {nth}");
    }
    assert_eq!(scene.database.one::<i32>("select max(attempts_counted) from calls").await, 0);
    scene.database.insert_calls(1, "", "").await;
    assert!(claim(&scene.database.pool, &claimant("c", "one"), 1).await.unwrap().calls.is_empty());
    scene.database.run("update trunks set paused_until = now()").await;
    let fresh = scene.claim_next().await;
    assert!(scene.progress(&fresh, "dialing").await.unwrap());
    scene
        .settle(
            AttemptId { call_id: fresh.call.id, attempt: fresh.call.attempt.unsigned_abs() },
            &told(Report::new(Disposition::Busy)),
        )
        .await;
    assert_eq!(scene.database.one::<i32>("select failures from trunks where name = 'lab'").await, 0);
}

#[tokio::test]
async fn what_could_not_be_launched_is_not_the_trunks_fault() {
    let scene = Scene::new().await;
    let fresh = scene.claimed().await;
    let evidence = Evidence::not_launched("there is no image");
    assert_eq!(scene.settled_state(first_attempt(fresh.call.id), &evidence).await, CallState::Queued);
    assert_eq!(scene.database.one::<i32>("select failures from trunks where name = 'lab'").await, 0);
    assert_eq!(scene.database.one::<String>("select detail from attempts").await, "there is no image");
}

/// What a settling writes, within a transaction of the test's own.
async fn move_on(connection: &mut sqlx::PgConnection, call: i64) {
    for statement in [
        "select offhook_finish_attempt($1, 1, '{\"disposition\": \"trunk_failure\"}')",
        "update calls set state = 'queued' where id = $1",
        "update attempts set settled_at = now() where call_id = $1",
    ] {
        sqlx::query(statement).bind(call).execute(&mut *connection).await.unwrap();
    }
}
