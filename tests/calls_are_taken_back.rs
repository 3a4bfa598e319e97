//! `cancel_requested = true` at every point of a call's life: nobody is rung afterwards, a telephone that rings stops, and whoever is
//! on the line hears a goodbye in the language of the call before we hang up.
#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use support::{
    callees::Manner,
    engine::EngineWire,
    installation::Installation,
    recording::{Sound, speaking},
    site::{SOON, Site},
};

async fn take_back(site: &Site, call: i64) {
    site.ask(&format!("update calls set cancel_requested = true where id = {call} returning id::text")).await;
    site.until("it is cancelled", &format!("select state = 'cancelled' from calls where id = {call}")).await;
    assert_eq!(site.ask(&format!("select why from calls where id = {call}")).await, "taken back by the user");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_rung_for_a_call_that_was_taken_back_before_it_was_dialled() {
    let mut site = Site::new(&[]).await;
    site.start_coordinator().await;
    let (waiting, claimed) = (site.callees.number(Manner::AnswersAndWaits, 1), site.callees.number(Manner::AnswersAndWaits, 2));
    let call = site.insert(&waiting, &[("not_before", "now() + interval '1 hour'")]).await;
    take_back(&site, call).await;
    site.engine_wire.set(EngineWire { launches_wait: true, ..EngineWire::default() });
    let call = site.insert(&claimed, &[]).await;
    site.until("claimed", &format!("select state = 'claimed' from calls where id = {call}")).await;
    site.ask(&format!("update calls set cancel_requested = true where id = {call} returning id::text")).await;
    site.engine_wire.set(EngineWire::default());
    site.until("it is cancelled", &format!("select state = 'cancelled' from calls where id = {call}")).await;
    site.nothing_is_left_over().await;
    assert_eq!(site.callees.invites(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_telephone_that_rings_stops() {
    let mut site = Site::new(&[]).await;
    site.start_coordinator().await;
    let number = site.callees.number(Manner::RingsForEver, 1);
    let call = site.insert(&number, &[]).await;
    site.callees.until(&number, SOON, "ringing", |seen| seen.ringing).await;
    take_back(&site, call).await;
    let seen = site.callees.seen(&number);
    assert_eq!((seen.invites.len(), seen.cancelled, seen.hung_up_on), (1, 1, 0), "{seen:?}");
    site.nothing_is_left_over().await;
}

#[tokio::test]
async fn whoever_is_on_the_line_hears_a_goodbye_in_english() {
    hears_a_goodbye("+442079460101", "withdrawn").await;
}

#[tokio::test]
async fn whoever_is_on_the_line_hears_a_goodbye_in_german() {
    hears_a_goodbye("+493023125101", "zurückgezogen").await;
}

async fn hears_a_goodbye(number: &str, word: &str) {
    let installation = Installation::start().await;
    let call = installation.insert(number, &[]).await;
    let spoken = "exists (select from turns where call_id = calls.id and speaker = 'agent')";
    installation.wait_for(call, spoken, Duration::from_secs(60)).await;
    installation.ask(&format!("update calls set cancel_requested = true where id = {call} returning id::text")).await;
    let result = installation.settled(call).await;
    assert_eq!((result.state.as_str(), result.disposition.as_deref()), ("cancelled", Some("cancelled")), "{result:#?}");
    let last = installation.transcript(call).await.into_iter().rfind(|said| said.speaker == "agent").expect("the agent spoke");
    assert!(last.text.contains(word), "{}", last.text);
    assert_eq!(
        installation.ask("select count(*)::text from events where kind = 'line_ended'").await,
        "0",
        "we hang up, after it"
    );
    // The whole sentence is on the agent's side, and then the line is down.
    let sound = Sound::read(&result.recording.unwrap());
    assert!(speaking(&sound.right, last.started_ms, last.ended_ms) > 0.4, "it was heard");
    assert!(sound.duration_ms() - last.ended_ms < 3000, "{} ms after the last word", sound.duration_ms() - last.ended_ms);
    installation.no_container_is_left().await;
}
