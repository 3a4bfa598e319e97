//! A row becomes a finished phone call: whoever answers, the right outcome stands in `call_results`.
#![allow(clippy::unwrap_used)]

mod support;

use support::installation::{CallResult, Installation};

async fn call(number: &str, columns: &[(&str, &str)]) -> (Installation, CallResult) {
    let installation = Installation::start().await;
    let id = installation.insert(number, columns).await;
    let result = installation.settled(id).await;
    let transcript = installation.transcript(id).await;
    println!("{result:#?}");
    for said in &transcript {
        println!("{:>7} {:>6} {}", said.started_ms, said.speaker, said.text);
    }
    (installation, result)
}

async fn wanted(installation: &Installation, call: i64) -> String {
    installation
        .ask(&format!("select to_char(wanted_date + wanted_time, 'YYYY-MM-DD HH24:MI') || ' for ' || party_size from calls where id = {call}"))
        .await
}

async fn books_the_wanted_table(number: &str, language: &str) {
    let (installation, result) = call(number, &[]).await;
    assert_eq!((result.state.as_str(), result.disposition.as_deref()), ("finished", Some("answered")));
    assert_eq!(result.outcome.as_deref(), Some("booked"));
    assert_eq!(result.agreed, Some(wanted(&installation, result.id).await));
    assert_eq!(result.language.as_deref(), Some(language));
    assert!(result.recording.unwrap().is_file());
}

#[tokio::test]
async fn an_english_restaurant_gives_the_table() {
    books_the_wanted_table("+442079460101", "en").await;
}

#[tokio::test]
async fn a_german_restaurant_gives_the_table() {
    books_the_wanted_table("+493023125101", "de").await;
}

#[tokio::test]
async fn a_spanish_restaurant_gives_the_table() {
    books_the_wanted_table("+34910000101", "es").await;
}

#[tokio::test]
async fn a_dutch_restaurant_gives_the_table() {
    books_the_wanted_table("+31200000101", "nl").await;
}

#[tokio::test]
async fn the_language_is_taken_from_what_is_heard_not_from_the_country_code() {
    // A Dutch restaurant reached under a sip: URI, with a wrong hint.
    let installation = Installation::start().await;
    let uri = format!("sip:gouden-leeuw@{}", installation.sip);
    let id = installation.insert(&uri, &[("language_hint", "'en'")]).await;
    let result = installation.settled(id).await;
    assert_eq!((result.outcome.as_deref(), result.language.as_deref()), (Some("booked"), Some("nl")));
}

#[tokio::test]
async fn another_time_inside_the_limits_is_taken() {
    let (_installation, result) = call("+493023125102", &[("earliest_time", "'18:00'"), ("latest_time", "'21:30'")]).await;
    assert_eq!(result.outcome.as_deref(), Some("booked_alternative"));
    let agreed = result.agreed.unwrap();
    assert!(!agreed.contains("19:30"), "{agreed}");
}

#[tokio::test]
async fn times_outside_the_limits_are_never_taken() {
    let (_installation, result) = call("+442079460104", &[("latest_time", "'20:30'")]).await;
    assert!(matches!(result.outcome.as_deref(), Some("offer_outside_limits" | "declined")), "{result:?}");
    assert_eq!(result.agreed, None);
    assert_eq!(result.state, "finished");
}

#[tokio::test]
async fn a_fully_booked_restaurant_declines() {
    let (_installation, result) = call("+442079460102", &[]).await;
    assert_eq!(result.outcome.as_deref(), Some("declined"));
}

#[tokio::test]
async fn name_spelling_and_number_are_given_when_asked() {
    let (installation, result) = call("+442079460105", &[]).await;
    assert_eq!(result.outcome.as_deref(), Some("booked"));
    let said: String = installation
        .transcript(result.id)
        .await
        .into_iter()
        .filter(|said| said.speaker == "agent")
        .map(|said| said.text + "\n")
        .collect();
    assert!(said.contains("Ada Winter"), "{said}");
    assert!(said.contains("W, I, N, T, E, R") || said.contains("W-I-N-T-E-R") || said.contains("W I N T E R"), "{said}");
}
