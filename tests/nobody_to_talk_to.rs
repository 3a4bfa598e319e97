//! Where no person answers, the row says why, and the outcome stays empty.
#![allow(clippy::unwrap_used)]

mod support;

use support::installation::{CallResult, Installation};

async fn call(number: &str, settings: &[(&str, &str)]) -> (Installation, CallResult) {
    let installation = Installation::start_with(&[], settings).await;
    let id = installation.insert(number, &[]).await;
    let result = installation.settled(id).await;
    (installation, result)
}

#[tokio::test]
async fn a_busy_line() {
    let (_installation, result) = call("+442079460108", &[]).await;
    assert_eq!((result.disposition.as_deref(), result.sip_code, result.outcome), (Some("busy"), Some(486), None));
}

#[tokio::test]
async fn a_telephone_that_rings_out() {
    let (_installation, result) = call("+442079460109", &[("OFFHOOK_LIMIT_RING", "3s")]).await;
    assert_eq!((result.disposition.as_deref(), result.outcome), (Some("no_answer"), None));
}

#[tokio::test]
async fn a_restaurant_that_rejects_the_call_is_not_called_again() {
    let (installation, result) = call("+442079460110", &[]).await;
    assert_eq!((result.disposition.as_deref(), result.sip_code), (Some("rejected"), Some(603)));
    assert_eq!(installation.ask("select number from do_not_call").await, "+442079460110");
}

#[tokio::test]
async fn a_number_behind_which_there_is_nobody() {
    let (_installation, result) = call("+442079460199", &[]).await;
    assert_eq!((result.disposition.as_deref(), result.sip_code), (Some("invalid_number"), Some(404)));
}

#[tokio::test]
async fn a_voicemail_is_told_from_a_person_and_not_talked_to() {
    let (installation, result) = call("+442079460107", &[]).await;
    assert_eq!((result.disposition.as_deref(), result.outcome.as_deref()), (Some("voicemail"), None));
    let transcript = installation.transcript(result.id).await;
    assert!(transcript.iter().all(|said| said.speaker == "callee"), "{transcript:#?}");
}
