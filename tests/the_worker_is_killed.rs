//! SIGKILL for the worker in the middle of a call: a result row, the call held for a person, the recording playable, the event log there.
#![allow(clippy::unwrap_used)]

mod support;

use support::{
    event_logs::replayed,
    installation::Installation,
    recording::{Sound, speaking},
};

#[tokio::test]
async fn the_call_is_held_and_the_recording_plays() {
    let installation = Installation::start().await;
    let id = installation.insert("+442079460105", &[("max_attempts", "3")]).await;
    installation
        .wait_for(
            id,
            "exists (select from turns where call_id = calls.id and speaker = 'agent')",
            std::time::Duration::from_secs(60),
        )
        .await;
    let container = installation.containers().pop().expect("a container runs");
    installation.docker(&["kill", "--signal", "KILL", &container]);
    let result = installation.settled(id).await;
    assert_eq!((result.state.as_str(), result.disposition.as_deref()), ("held", Some("lost")), "{result:#?}");
    assert_eq!(result.attempts, 1, "nobody is rung again on our own");
    let sound = Sound::read(&result.recording.unwrap());
    assert!(sound.duration_ms() > 2000, "{} ms", sound.duration_ms());
    assert!((sound.duration_ms() - result.recording_ms.unwrap()).abs() < 1100);
    assert!(speaking(&sound.left, 0, sound.duration_ms()) > 0.05, "the callee is on it");
    assert!(speaking(&sound.right, 0, sound.duration_ms()) > 0.05, "the agent is on it");
    let log = replayed(&result.event_log.unwrap()).unwrap().unwrap();
    assert!(log.events > 0 && !log.complete, "as far as it goes: {log:?}");
    installation.no_container_is_left().await;
    assert_eq!(installation.ask("select count(*)::text from port_leases").await, "0");
}
