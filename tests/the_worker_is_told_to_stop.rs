//! SIGTERM for the worker in the middle of a call, as an engine that is restarted sends it: the callee hears why the call ends, and a
//! person decides what becomes of it.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{
    installation::Installation,
    recording::{Sound, speaking},
};

#[tokio::test]
async fn the_callee_hears_technical_reasons_in_english() {
    hears_why("+442079460105", "for technical reasons").await;
}

#[tokio::test]
async fn the_callee_hears_technical_reasons_in_german() {
    hears_why("+493023125101", "aus technischen Gründen").await;
}

async fn hears_why(number: &str, reason: &str) {
    let installation = Installation::start().await;
    let id = installation.insert(number, &[("max_attempts", "3")]).await;
    let spoken = "exists (select from turns where call_id = calls.id and speaker = 'agent')";
    installation.wait_for(id, spoken, Duration::from_secs(60)).await;
    let container = installation.containers().pop().expect("a container runs");
    installation.docker(&["kill", "--signal", "TERM", &container]);
    let result = installation.settled(id).await;
    let transcript = installation.transcript(id).await;

    let last = transcript.iter().rfind(|said| said.speaker == "agent").expect("the agent spoke");
    assert!(last.text.contains(reason), "{transcript:#?}");
    let sound = Sound::read(result.recording.as_ref().unwrap());
    assert!(speaking(&sound.right, last.started_ms, last.ended_ms) > 0.4, "it was heard");

    assert_eq!((result.state.as_str(), result.attempts), ("held", 1), "{result:#?}");
    assert_eq!(result.outcome, None);
    let why = result.why.expect("a held call says why");
    assert!(!why.contains("taken back") && why.contains("stopped"), "{why}");
    let ended = format!("select ended_by::text from call_results where id = {id}");
    assert_eq!(installation.ask(&ended).await, "process_stopped");
    let detail = installation.ask(&format!("select detail from attempts where call_id = {id}")).await;
    assert_eq!(detail, "The worker was told to stop while the call went on.");
    let cancelled = format!("select cancel_requested::text from calls where id = {id}");
    assert_eq!(installation.ask(&cancelled).await, "false", "nobody took it back");
    installation.no_container_is_left().await;
}
