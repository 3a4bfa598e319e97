//! Whoever hangs up is taken at their last word, though it ended a moment before the line did, and is not rung again for the same table.
#![allow(clippy::unwrap_used)]

mod support;

use support::installation::{CallResult, Installation, Said};

/// One call of at most three attempts, to its end.
async fn call(number: &str) -> (Installation, CallResult, Vec<Said>) {
    let installation = Installation::start().await;
    let id = installation.insert(number, &[("max_attempts", "3")]).await;
    let result = installation.settled(id).await;
    let transcript = installation.transcript(id).await;
    println!("{result:#?}");
    for said in &transcript {
        println!("{:>7} {:>6} {}", said.started_ms, said.speaker, said.text);
    }
    (installation, result, transcript)
}

/// `ended_by` and the cause of the BYE, as the view has them.
async fn ended(installation: &Installation, call: i64) -> String {
    installation.ask(&format!("select concat_ws(' ', ended_by, ended_cause) from call_results where id = {call}")).await
}

/// One attempt, and a state that the database lets nobody leave: the call is not made again.
async fn is_over(installation: &Installation, call: i64) {
    let query = format!(
        "select c.state || ', ' || (select count(*) from attempts a where a.call_id = c.id) from calls c where id = {call}"
    );
    assert_eq!(installation.ask(&query).await, "finished, 1");
}

async fn is_taken_at_the_last_word(number: &str, introduction: &str, last_words: &str) {
    let (installation, result, transcript) = call(number).await;
    assert!(
        transcript.iter().any(|said| said.speaker == "agent" && said.text.contains(introduction)),
        "the callee heard who calls: {transcript:#?}"
    );
    let last = transcript.last().expect("a transcript");
    assert_eq!((last.speaker.as_str(), last.text.as_str()), ("callee", last_words), "{transcript:#?}");

    assert_eq!((result.state.as_str(), result.disposition.as_deref()), ("finished", Some("answered")), "{result:#?}");
    assert_eq!(result.outcome.as_deref(), Some("refused"));
    assert_eq!(ended(&installation, result.id).await, "hung_up_by_callee 16");
    let entry = "select call_id || ' ' || number from do_not_call";
    assert_eq!(installation.ask(entry).await, format!("{} {number}", result.id));

    is_over(&installation, result.id).await;
    let another = installation.insert(number, &[]).await;
    let another = installation.settled(another).await;
    assert_eq!((another.state.as_str(), another.attempts), ("cancelled", 0), "nor for any other table: {another:#?}");
}

#[tokio::test]
async fn do_not_call_us_again_and_the_receiver_is_down_in_english() {
    is_taken_at_the_last_word("+442079460113", "automated assistant", "Please do not call us again.").await;
}

#[tokio::test]
async fn do_not_call_us_again_and_the_receiver_is_down_in_german() {
    is_taken_at_the_last_word("+493023125108", "automatischer Assistent", "Bitte rufen Sie uns nicht mehr an.").await;
}

#[tokio::test]
async fn who_hangs_up_after_a_word_did_not_lose_the_line() {
    let (installation, result, transcript) = call("+493023125109").await;
    let last = transcript.last().expect("a transcript");
    assert_eq!(
        (last.speaker.as_str(), last.text.as_str()),
        ("callee", "Entschuldigung, für wie viele Personen soll es sein?"),
        "{transcript:#?}"
    );
    assert_eq!((result.state.as_str(), result.disposition.as_deref()), ("finished", Some("answered")), "{result:#?}");
    assert_eq!(result.why.as_deref(), Some("the callee hung up before anything was settled"));
    assert_eq!((result.outcome, result.attempts), (None, 1));
    assert_eq!(ended(&installation, result.id).await, "hung_up_by_callee 16");
    assert_eq!(installation.ask("select count(*)::text from do_not_call").await, "0", "nobody asked for that");
    is_over(&installation, result.id).await;
}
