//! Recogniser, model and voice answer as odd servers do: a keep-alive as data, thoughts and tool calls in the text, segments as an object,
//! a WAV header before every half second. A call over them comes to the same as over good ones.
#![allow(clippy::unwrap_used)]

mod support;

use support::installation::Installation;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_booked_over_odd_servers_as_over_good_ones() {
    let installation = Installation::start_with(&["--fault", "all:odd=1"], &[]).await;
    let call = installation.insert("+442079460101", &[]).await;
    let result = installation.settled(call).await;
    assert_eq!((result.state.as_str(), result.outcome.as_deref()), ("finished", Some("booked")), "{result:#?}");
    let failures =
        "select count(*)::text from events where kind in ('model_failed', 'recogniser_failed', 'voice_failed', 'tool_refused')";
    assert_eq!(installation.ask(failures).await, "0");
    let said = installation.transcript(call).await;
    for turn in said.iter().filter(|turn| turn.speaker == "agent") {
        assert!(!turn.text.contains(['<', '{', '_']) && !turn.text.contains("The callee wants"), "{turn:?}");
    }
    installation.no_container_is_left().await;
}

/// The coordinator's probe learns what the chat server refuses; no request of the call is refused, and the calls that the model writes as
/// text are made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_table_is_booked_by_a_model_whose_server_takes_no_tools() {
    let installation = Installation::start_with(&["--fault", "chat:plain=1"], &[("OFFHOOK_PROVIDER_PROBE", "true")]).await;
    let call = installation.insert("+442079460101", &[]).await;
    let result = installation.settled(call).await;
    assert_eq!((result.state.as_str(), result.outcome.as_deref()), ("finished", Some("booked")), "{result:#?}");
    let failures = "select count(*)::text from events where kind in ('model_failed', 'tool_refused')";
    assert_eq!(installation.ask(failures).await, "0");
    let said = installation.transcript(call).await;
    for turn in said.iter().filter(|turn| turn.speaker == "agent") {
        assert!(!turn.text.contains(['<', '{', '_']), "{turn:?}");
    }
    installation.no_container_is_left().await;
}
