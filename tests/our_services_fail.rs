//! Our own recogniser, language model or voice does not work: no restaurant's telephone rings to find that out, and calls are made as
//! soon as it works again.
#![allow(clippy::unwrap_used)]

mod support;

use std::{process::Command, time::Duration};

use support::{
    installation::{Installation, binary},
    wire::{Proxy, Wire},
};

const SOON: Duration = Duration::from_secs(60);

/// Calls that were dialled.
async fn dialled(installation: &Installation) -> String {
    installation.ask("select count(*)::text from attempts where dialing_at is not null").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_our_model_spoils_is_the_last_one_until_the_model_works_again() {
    let mut installation = Installation::idle(&[]).await;
    let (host, port) = installation.http.rsplit_once(':').unwrap();
    let wire = Proxy::to(host.to_owned(), port.parse().unwrap()).await;
    installation.set("OFFHOOK_CHAT_URL", &format!("http://127.0.0.1:{}/v1", wire.port));
    installation.run("update installation set provider_breaker_failures = 1, provider_breaker_rest = '1 second'").await;
    installation.run("update retry_policies set provider_failure_from = '1 second', provider_failure_to = '1 second'").await;
    installation.start_coordinator().await;
    let first = installation.insert("+442079460101", &[]).await;
    installation.wait_for(first, "exists (select from turns where call_id = calls.id)", SOON).await;
    wire.set(Wire::Cut);
    installation.wait_for(first, "exists (select from attempts where call_id = calls.id and settled_at is not null)", SOON).await;
    let result = installation.result(first).await;
    assert_eq!((result.state.as_str(), result.disposition.as_deref()), ("queued", Some("provider_failure")), "{result:#?}");
    assert!(result.why.as_ref().unwrap().contains("language model"), "{result:#?}");
    assert_eq!(installation.ask("select failed_provider from call_results").await, "chat");

    // It is asked again and again, and nobody else is rung meanwhile.
    let second = installation.insert("+31200000101", &[]).await;
    let refused = "exists (select from provider_breakers where provider = 'chat' and pauses >= 3)";
    installation.wait_for(second, refused, SOON).await;
    assert_eq!(dialled(&installation).await, "1", "both wait: the one that was spoiled, and the new one");
    let why = installation.ask(&format!("select offhook_why_not_yet({second})")).await;
    assert!(why.contains("Nobody is called because the language model does not work"), "{why}");

    wire.set(Wire::Whole);
    for call in [first, second] {
        let result = installation.settled(call).await;
        assert_eq!((result.state.as_str(), result.outcome.as_deref()), ("finished", Some("booked")), "{result:#?}");
    }
    assert_eq!(dialled(&installation).await, "3");
    assert_eq!(installation.ask("select string_agg(distinct state, ' ') from provider_status").await, "works");
    installation.no_container_is_left().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mistyped_url_rings_nobody_and_is_named() {
    let mut installation = Installation::idle(&[]).await;
    let mistyped = format!("http://{}/v2", installation.http);
    installation.set("OFFHOOK_STT_URL", &mistyped);
    installation.start_coordinator().await;
    let call = installation.insert("+442079460101", &[]).await;
    installation.wait_for(call, "exists (select from provider_breakers where paused_until is not null)", SOON).await;
    assert_eq!(installation.ask("select count(*)::text from attempts").await, "0");
    let why = installation.ask(&format!("select offhook_why_not_yet({call})")).await;
    assert!(why.contains(&mistyped) && why.contains("404"), "{why}");
    let status = Command::new(binary("offhook"))
        .args(["status"])
        .env("OFFHOOK_DATABASE_URL", installation.database.url().expose())
        .output()
        .unwrap();
    let page = String::from_utf8(status.stdout).unwrap();
    assert!(page.contains("NOBODY IS CALLED") && page.contains("speech_to_text"), "{page}");

    installation.drain_coordinator(SOON).await;
    installation.set("OFFHOOK_STT_URL", &format!("http://{}/v1", installation.http));
    installation.start_coordinator().await;
    let result = installation.settled(call).await;
    assert_eq!((result.outcome.as_deref(), result.attempts), (Some("booked"), 1), "{result:#?}");
    installation.no_container_is_left().await;
}
