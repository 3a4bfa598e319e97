//! Calls that a recogniser, a language model or a voice spoils open its circuit breaker: nobody is called any more, until a probe has
//! found that the server works.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use offhook::{
    disposition::Disposition,
    outcome::{Outcome, OutcomeReport},
    provider::Provider,
    report::Report,
    store::{
        claim::{Claimant, FreshClaim, claim},
        evidence::Evidence,
        leases::AttemptId,
        providers::{self, ProviderStatus},
        settle::settle,
    },
};
use offhook_test_database::{TestDatabase, claimant};
use rand::{SeedableRng, rngs::StdRng};

/// A coordinator whose three services are on servers of this name.
fn coordinator(server: &str) -> Claimant {
    let servers = ["stt", "chat", "tts"].map(|service| format!("http://{server}/{service}")).to_vec();
    Claimant { servers, ..claimant("c", "one") }
}

async fn database() -> TestDatabase {
    let database = TestDatabase::new().await.with_trunk().await;
    database.run("update installation set quiet_time = '0', calls_per_day = 1000").await;
    database
}

async fn claimed(database: &TestDatabase, who: &Claimant, room: usize) -> Vec<FreshClaim> {
    claim(&database.pool, who, room).await.unwrap().calls
}

async fn end(database: &TestDatabase, fresh: &FreshClaim, report: Report) {
    for step in ["dialing", "talking"] {
        let told = sqlx::query("select worker_progress($1, $2, '{}')").bind(fresh.token.expose()).bind(step);
        told.execute(&database.pool).await.unwrap();
    }
    let attempt = AttemptId { call_id: fresh.call.id, attempt: fresh.call.attempt.unsigned_abs() };
    let evidence = Evidence { report: Some(report), ..Evidence::lost("") };
    settle(&database.pool, attempt, &evidence, &mut StdRng::seed_from_u64(1)).await.unwrap();
}

fn spoiled(by: Provider) -> Report {
    let detail = Some(format!("The {} failed twice in a row: 500", by.noun()));
    Report { failed_provider: Some(by), detail, ..Report::new(Disposition::ProviderFailure) }
}

fn booked() -> Report {
    let outcome = OutcomeReport {
        outcome: Outcome::Declined,
        agreed_date: None,
        agreed_time: None,
        agreed_party: None,
        agreed_name: None,
        reference: None,
        notes: None,
        offers: vec![],
        evidence: vec![],
        language: None,
    };
    Report { outcome: Some(outcome), ..Report::new(Disposition::Answered) }
}

/// Inserts a call, and has it end so.
async fn call(database: &TestDatabase, who: &Claimant, report: Report) {
    database.insert_calls(1, "", "").await;
    let fresh = claimed(database, who, 1).await.pop().expect("it is claimed");
    end(database, &fresh, report).await;
}

/// Has it end so, and the probe that is due afterwards go well.
async fn call_and_probe(database: &TestDatabase, who: &Claimant, report: Report) {
    call(database, who, report).await;
    for (provider, server) in Provider::ALL.into_iter().zip(&who.servers) {
        if state(database, provider).await == "probing" {
            providers::probed(&database.pool, provider, server, &Ok(Duration::from_millis(1))).await.unwrap();
        }
    }
}

async fn status(database: &TestDatabase, provider: Provider) -> Option<ProviderStatus> {
    let known = providers::status(&database.pool).await.unwrap();
    known.into_iter().find(|status| status.provider == provider.as_str())
}

async fn state(database: &TestDatabase, provider: Provider) -> String {
    status(database, provider).await.map(|status| status.state).unwrap_or_default()
}

#[tokio::test]
async fn two_spoiled_calls_in_a_row_stop_all_calling_until_a_probe_has_gone_well() {
    let (database, ours, others) = (database().await, coordinator("ours"), coordinator("others"));
    call_and_probe(&database, &ours, spoiled(Provider::Chat)).await;
    assert_eq!(state(&database, Provider::Chat).await, "works");
    call_and_probe(&database, &ours, spoiled(Provider::Chat)).await;
    assert_eq!(state(&database, Provider::Chat).await, "paused");

    let waiting = database.insert_calls(1, "", "").await;
    assert!(claimed(&database, &ours, 10).await.is_empty(), "nobody is rung while our model does not work");
    let sentence: String = database.one(format!("select offhook_why_not_yet({waiting})")).await;
    for part in ["Nobody is called because the language model does not work", "http://ours/chat", "failed twice in a row: 500"] {
        assert!(sentence.contains(part), "{sentence}");
    }
    database.insert_calls(1, "", "").await;
    assert_eq!(claimed(&database, &others, 1).await.len(), 1, "whoever uses another server is not concerned");
    assert!(claimed(&database, &claimant("old", "one"), 1).await.is_empty(), "who names no servers may use this one");

    // The pause passes, and still no telephone finds out: whoever takes the probe does, alone.
    database.run("update provider_breakers set paused_until = now() - interval '1 second'").await;
    assert!(claimed(&database, &ours, 10).await.is_empty());
    assert_eq!(state(&database, Provider::Chat).await, "probing");
    let lease = Duration::from_secs(20);
    assert_eq!(providers::take_probes(&database.pool, &ours.servers, lease).await.unwrap(), ["chat"]);
    assert!(providers::take_probes(&database.pool, &ours.servers, lease).await.unwrap().is_empty(), "one at a time");
    let server = &ours.servers[1];
    let fault = Err("chat: the server failed with 500".to_owned());
    assert!(providers::probed(&database.pool, Provider::Chat, server, &fault).await.unwrap());
    assert!(claimed(&database, &ours, 10).await.is_empty());
    let found = Ok(Duration::from_millis(321));
    assert!(!providers::probed(&database.pool, Provider::Chat, server, &found).await.unwrap());
    assert_eq!(claimed(&database, &ours, 1).await.len(), 1);
    let chat = status(&database, Provider::Chat).await.unwrap();
    assert_eq!((chat.state.as_str(), chat.latency_ms, chat.reason), ("works", Some(321), None));
}

#[tokio::test]
async fn a_conversation_that_came_to_a_result_begins_the_count_anew() {
    let (database, ours) = (database().await, coordinator("ours"));
    for report in [spoiled(Provider::TextToSpeech), booked(), spoiled(Provider::TextToSpeech)] {
        call_and_probe(&database, &ours, report).await;
    }
    assert_eq!(status(&database, Provider::TextToSpeech).await.unwrap().failures, 1);
    // Each is counted for itself.
    call_and_probe(&database, &ours, spoiled(Provider::SpeechToText)).await;
    assert_eq!(status(&database, Provider::SpeechToText).await.unwrap().failures, 1);
    call_and_probe(&database, &ours, booked()).await;
    assert_eq!(state(&database, Provider::SpeechToText).await, "works");
    // What says nothing about a provider changes nothing.
    call_and_probe(&database, &ours, spoiled(Provider::Chat)).await;
    call_and_probe(&database, &ours, Report::new(Disposition::Answered)).await;
    assert_eq!(status(&database, Provider::Chat).await.unwrap().failures, 1);
    // An agreement that was reached before the voice failed does not excuse the voice.
    let agreed = Report { failed_provider: Some(Provider::Chat), ..booked() };
    call_and_probe(&database, &ours, agreed).await;
    assert_eq!(state(&database, Provider::Chat).await, "paused");
}

#[tokio::test]
async fn after_a_probe_one_more_spoiled_call_is_enough_and_the_pause_is_longer() {
    let (database, ours) = (database().await, coordinator("ours"));
    database.run("update installation set provider_breaker_rest = '1 minute'").await;
    for pause in [60, 120, 240, 480, 600, 600] {
        while state(&database, Provider::Chat).await != "paused" {
            call_and_probe(&database, &ours, spoiled(Provider::Chat)).await;
        }
        let left: f64 =
            database.one("select extract(epoch from paused_until - failed_at)::double precision from provider_breakers").await;
        assert!((left - f64::from(pause)).abs() < 1.0, "{left} s, not {pause}");
        providers::probed(&database.pool, Provider::Chat, &ours.servers[1], &Ok(Duration::from_millis(1))).await.unwrap();
    }
    let spoiled_in_all: i64 = database.one("select count(*) from attempts").await;
    assert_eq!(spoiled_in_all, 7, "two, and then one each");
}

#[tokio::test]
async fn a_server_that_fails_for_one_coordinator_alone_stays_open_to_the_others() {
    let (database, ours) = (database().await, coordinator("ours"));
    let probed = async |found: &Result<Duration, String>| {
        providers::probed(&database.pool, Provider::Chat, &ours.servers[1], found).await.unwrap()
    };
    assert!(!probed(&Ok(Duration::from_millis(5))).await);
    let refused = Err("chat: the key was refused".to_owned());
    assert!(!probed(&refused).await, "it has just worked for somebody: the key of one machine is wrong");
    assert_eq!(state(&database, Provider::Chat).await, "failing");
    database.run("update provider_breakers set worked_at = now() - interval '2 minutes'").await;
    assert!(probed(&refused).await);
}

#[tokio::test]
async fn after_one_spoiled_call_nobody_is_called_before_a_probe_has_gone_well() {
    let (database, ours) = (database().await, coordinator("ours"));
    call(&database, &ours, spoiled(Provider::Chat)).await;
    database.insert_calls(1, "", "").await;
    assert!(claimed(&database, &ours, 10).await.is_empty(), "the server may be gone for good");
    assert_eq!(state(&database, Provider::Chat).await, "probing");
    let probes = || providers::take_probes(&database.pool, &ours.servers, Duration::from_secs(20));
    assert_eq!(probes().await.unwrap(), ["chat"], "at once");
    let fault = Err("chat: 127.0.0.1:9 cannot be reached".to_owned());
    assert!(providers::probed(&database.pool, Provider::Chat, &ours.servers[1], &fault).await.unwrap());
    assert_eq!(status(&database, Provider::Chat).await.unwrap().failures, 1, "one restaurant was disturbed, and no more");
    let pause: f64 =
        database.one("select extract(epoch from paused_until - now())::double precision from provider_breakers").await;
    assert!((14.0..=15.0).contains(&pause), "{pause}");
}

#[tokio::test]
async fn probes_of_a_coordinator_that_starts_make_no_pause_longer() {
    let (database, ours) = (database().await, coordinator("ours"));
    let fault = Err("chat: 127.0.0.1:9 cannot be reached".to_owned());
    for _ in 0..6 {
        providers::probed(&database.pool, Provider::Chat, &ours.servers[1], &fault).await.unwrap();
    }
    let pause: f64 =
        database.one("select extract(epoch from paused_until - now())::double precision from provider_breakers").await;
    assert!((14.0..=15.0).contains(&pause), "{pause}");
    database.run("update provider_breakers set failed_at = failed_at - interval '15 seconds'").await;
    providers::probed(&database.pool, Provider::Chat, &ours.servers[1], &fault).await.unwrap();
    let pause: f64 =
        database.one("select extract(epoch from paused_until - now())::double precision from provider_breakers").await;
    assert!((29.0..=30.0).contains(&pause), "that one was waited for: {pause}");
}

#[tokio::test]
async fn a_server_that_nobody_uses_any_more_is_forgotten() {
    let (database, wrong, right) = (database().await, coordinator("wrong"), coordinator("right"));
    let fault = Err("chat: cannot be reached".to_owned());
    providers::probed(&database.pool, Provider::Chat, &wrong.servers[1], &fault).await.unwrap();
    database.run("update provider_breakers set paused_until = now() - interval '1 hour'").await;
    providers::take_probes(&database.pool, &right.servers, Duration::from_secs(10)).await.unwrap();
    assert_eq!(status(&database, Provider::Chat).await, None);
}
