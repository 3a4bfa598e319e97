//! Never an agreement on words that do not offer it: what was said before the acceptance, the name, doubted words, a promise without a tool.

use offhook::outcome::Outcome;
use offhook_types::transcript::Transcript;

use super::*;

fn opened() -> Rehearsal {
    Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
}

fn goodbye() -> Vec<Piece> {
    vec![Piece::Text("Goodbye."), end_call()]
}

fn outcome(call: &Rehearsed) -> Option<Outcome> {
    call.conclusion().outcome.as_ref().map(|report| report.outcome)
}

#[test]
fn a_table_accepted_on_words_that_do_not_offer_it_needs_their_yes() {
    for said in [
        "No, sorry, we are fully booked.",
        "Sorry, this is a private house, wrong number.",
        "On Friday only for two people at eight.",
        "I can put you on the waiting list.",
        "We are closed that day.",
        "We don't have anything that evening.",
        "Only if you come before six.",
    ] {
        let accepted = || opened().callee(When::Answering(400), said).model(vec![accept("19:30")]).model(vec![]);
        let silent = accepted().line(60_000, bye(16)).run();
        assert_eq!(outcome(&silent), Some(Outcome::Unconfirmed), "{said}: {:?}", silent.said());
        let agreed = accepted().callee(When::Answering(200), "Yes, that's right.").model(goodbye()).run();
        assert_eq!(outcome(&agreed), Some(Outcome::Booked), "{said}: {:?}", agreed.said());
    }
}

#[test]
fn a_denial_holds_until_something_is_offered() {
    let call = opened()
        .callee(When::Answering(400), "Sorry, we are fully booked.")
        .model(text("Is there really nothing?"))
        .callee(When::Answering(400), "Hello?")
        .model(vec![accept("19:30")])
        .model(vec![])
        .line(60_000, bye(16))
        .run();
    assert_eq!(outcome(&call), Some(Outcome::Unconfirmed), "{:?}", call.said());
    let offered = opened()
        .callee(When::Answering(400), "No, sorry, but we have a table at eight.")
        .model(vec![accept("20:00")])
        .model(vec![])
        .line(60_000, bye(16))
        .run();
    assert_eq!(outcome(&offered), Some(Outcome::BookedAlternative), "{:?}", offered.said());
}

#[test]
fn objections_of_any_words_leave_the_row_unconfirmed_and_remarks_do_not() {
    for (said, stands) in [
        ("There's nothing available.", false),
        ("What? I never said that.", false),
        ("The kitchen closes at six.", false),
        ("Tomorrow then.", false),
        ("Fine, under Ada Summer.", false),
        ("The kitchen closes at 21:30.", true),
        ("You can have it until 21:00.", true),
        ("Please don't be late.", true),
    ] {
        let call = opened()
            .callee(When::Answering(400), "Yes, we have that.")
            .model(vec![accept("19:30")])
            .model(vec![])
            .callee(When::Answering(200), said)
            .model(goodbye())
            .model(goodbye())
            .run();
        let expected = if stands { Outcome::Booked } else { Outcome::Unconfirmed };
        assert_eq!(outcome(&call), Some(expected), "{said}: {:?}", call.said());
    }
}

#[test]
fn a_table_is_booked_under_the_guests_name_whatever_the_model_writes() {
    let long = "x".repeat(5_000);
    for (name, agreed) in [
        ("Bob Summer", "Ada Winter"),
        ("guest_name", "Ada Winter"),
        ("The Golden Lion", "Ada Winter"),
        ("Ada\u{202e} Winter", "Ada Winter"),
        (long.as_str(), "Ada Winter"),
        ("Winter", "Winter"),
    ] {
        let arguments = json!({ "date": "2026-12-04", "time": "19:30", "party_size": 4, "name": name });
        let call = opened()
            .callee(When::Answering(400), "Yes, we have that.")
            .model(vec![Piece::Call("accept_offer", arguments)])
            .model(vec![])
            .callee(When::Answering(200), "Yes, perfect.")
            .model(goodbye())
            .run();
        let report = call.conclusion().outcome.as_ref().unwrap();
        assert_eq!((report.outcome, report.agreed_name.as_deref()), (Outcome::Booked, Some(agreed)));
        let read_back = format!("under the name {agreed}.");
        assert!(call.said().iter().any(|said| said.ends_with(&read_back)), "{:?}", call.said());
    }
}

#[test]
fn a_doubted_yes_within_a_sentence_is_asked_back() {
    for said in ["Yes, we have a table for you. Under what name, please?", "That's fine.", "We don't have a table."] {
        let transcript = Transcript { confidence: Some(0.41), ..Transcript::new(said, Some(Language::En)) };
        let call = opened()
            .callee(When::Answering(400), said)
            .with(move |script| {
                script.transcripts.insert(said, (transcript, None));
            })
            .model(vec![accept("19:30")])
            .line(40_000, bye(16))
            .run();
        assert!(call.said().iter().any(|said| said.starts_with("I understood")), "{said}: {:?}", call.said());
        assert_ne!(outcome(&call), Some(Outcome::Booked), "{said}");
    }
}

#[test]
fn a_promise_without_a_tool_is_told_to_the_model_once_and_is_unconfirmed() {
    let promised = || {
        opened()
            .callee(When::Answering(400), "Yes, your table is booked.")
            .model(vec![Piece::Text("Your table is booked, 2026-12-04 at 19:30 for 4. Goodbye."), end_call()])
    };
    let stubborn = promised().model(goodbye()).run();
    assert_eq!(outcome(&stubborn), Some(Outcome::Unconfirmed), "{:?}", stubborn.said());
    let notes = stubborn.conclusion().outcome.as_ref().unwrap().notes.clone().unwrap_or_default();
    assert!(notes.contains("Your table is booked") || notes.contains("your table is booked"), "{notes}");
    let told = promised().model(vec![accept("19:30")]).model(vec![]).callee(When::Answering(200), "Yes.").model(goodbye()).run();
    assert_eq!(outcome(&told), Some(Outcome::Booked), "{:?}", told.said());
    // They hang up on it.
    let hung_up =
        opened().callee(When::Answering(400), "Yes, your table is booked.").model(text("Thank you.")).line(40_000, bye(16)).run();
    assert_eq!(outcome(&hung_up), Some(Outcome::Unconfirmed), "{:?}", hung_up.said());
}
