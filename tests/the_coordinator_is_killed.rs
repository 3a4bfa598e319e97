//! SIGKILL for the coordinator while calls talk: nobody is rung twice, no outcome is lost.
#![allow(clippy::unwrap_used)]

mod support;

use support::installation::Installation;

#[tokio::test]
async fn both_calls_end_once_with_one_outcome_each() {
    let mut installation = Installation::start().await;
    let english = installation.insert("+442079460101", &[("max_attempts", "3")]).await;
    let dutch = installation.insert("+31200000101", &[("max_attempts", "3")]).await;
    installation.talking(english).await;
    installation.talking(dutch).await;
    installation.kill_coordinator();
    installation.start_coordinator().await;
    for call in [english, dutch] {
        let result = installation.settled(call).await;
        assert_eq!((result.state.as_str(), result.outcome.as_deref()), ("finished", Some("booked")), "{result:#?}");
        assert_eq!(result.attempts, 1);
        assert!(result.recording.unwrap().is_file());
    }
    assert_eq!(installation.ask("select count(*)::text from events where kind = 'invite_sent'").await, "2");
    assert_eq!(installation.ask("select count(*)::text from attempts").await, "2");
    assert_eq!(installation.ask("select count(*)::text from port_leases").await, "0");
    installation.no_container_is_left().await;
}
