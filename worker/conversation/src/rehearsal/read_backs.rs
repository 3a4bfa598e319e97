//! An agreement counts once the restaurant has heard it from us: the read-back, objections to it, and promises that are taken back.

use offhook::outcome::Outcome;

use super::*;

const CONFIRMED: &str = "I confirm: a table for 4 people on 2026-12-04 at 20:00, under the name Ada Winter.";
const TAKEN_BACK: &str = "I'm sorry, I have to correct myself: nothing is agreed yet.";

/// They have another table than the wanted one, and it is taken.
fn alternative() -> Rehearsal {
    Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
        .callee(When::Answering(400), "Only at eight.")
        .model(vec![accept("20:00")])
}

fn outcome(call: &Rehearsed) -> Option<Outcome> {
    call.conclusion().outcome.as_ref().map(|report| report.outcome)
}

/// When this sentence began and when its sound was out.
fn played(call: &Rehearsed, text: &str) -> Vec<(Millis, Millis)> {
    let said = |(_, action): &(Millis, Action)| match action {
        Action::Speak { sentence, text: said, .. } if said == text => Some(*sentence),
        _ => None,
    };
    let sentences: Vec<_> = call.actions.iter().filter_map(said).collect();
    let at = |which: fn(&PlayoutEvent) -> Option<offhook_types::ids::SentenceId>, id| {
        call.events.iter().find_map(|(at, event)| match event {
            Event::Playout(playout) if which(playout) == Some(id) => Some(*at),
            _ => None,
        })
    };
    let started = |event: &PlayoutEvent| if let PlayoutEvent::Started { sentence, .. } = event { Some(*sentence) } else { None };
    let ended = |event: &PlayoutEvent| if let PlayoutEvent::Played { sentence, .. } = event { Some(*sentence) } else { None };
    sentences.into_iter().filter_map(|id| Some((at(started, id)?, at(ended, id)?))).collect()
}

#[test]
fn an_accepted_table_is_read_back_at_once_and_once() {
    let call = alternative()
        .model(text("Thank you very much."))
        .callee(When::Answering(400), "Great, see you then.")
        .model(vec![report("booked_alternative"), Piece::Text("Goodbye."), end_call()])
        .run();
    assert_eq!(outcome(&call), Some(Outcome::BookedAlternative));
    assert_eq!(played(&call, CONFIRMED).len(), 1);
    let said = call.said();
    let place = |text: &str| said.iter().position(|said| *said == text).unwrap();
    assert!(place(CONFIRMED) < place("Thank you very much."), "{said:?}");
}

#[test]
fn a_model_that_reads_the_booking_back_itself_is_not_repeated() {
    let call = Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("Is there a table for 4?"))
        .callee(When::Answering(400), "Only at eight.")
        .model(vec![Piece::Text("Then a table for 4 on 2026-12-04 at 20:00 for Ada Winter."), accept("20:00")])
        .model(text("Thank you."))
        .line(40_000, bye(16))
        .run();
    assert!(!call.said().contains(&CONFIRMED), "{:?}", call.said());
    assert_eq!(outcome(&call), Some(Outcome::BookedAlternative));
}

#[test]
fn a_table_counts_from_the_moment_the_restaurant_has_heard_that_we_take_it() {
    let whole = alternative().model(text("Thank you.")).line(40_000, bye(16)).run();
    let accepted = whole.actions.iter().find(|(_, action)| matches!(action, Action::SettleTool { .. })).unwrap().0;
    let (began, heard) = played(&whole, CONFIRMED)[0];
    assert!(began >= accepted && heard > began + 1_000);
    for at in (accepted..heard + 2_000).step_by(100) {
        let call = alternative().model(text("Thank you.")).line(at, bye(16)).run();
        // A last syllable may be missing.
        if at + 200 < heard {
            assert_eq!(outcome(&call), Some(Outcome::Unconfirmed), "hung up at {at}, heard at {heard}");
            let report = call.conclusion().outcome.as_ref().unwrap();
            assert_eq!(report.agreed_time, NaiveTime::from_hms_opt(20, 0, 0), "what is known is kept");
        } else if at > heard {
            assert_eq!(outcome(&call), Some(Outcome::BookedAlternative), "hung up at {at}, heard at {heard}");
        }
    }
}

#[test]
fn a_model_or_a_recogniser_that_fails_after_the_acceptance_leaves_no_agreement_unheard() {
    let fail = || vec![Piece::Fail];
    let call = alternative().model(fail()).model(fail()).run();
    assert_eq!(outcome(&call), Some(Outcome::BookedAlternative));
    assert!(!played(&call, CONFIRMED).is_empty());
    // Nobody hears anything of a voice that fails.
    let call = alternative().model(fail()).model(fail()).with(|script| script.voice_fails_after = Some(9_000)).run();
    assert_eq!(outcome(&call), Some(Outcome::Unconfirmed), "{:?}", call.said());
}

#[test]
fn a_no_to_the_read_back_reopens_the_agreement() {
    for (said, contested) in [
        ("No, I said half past eight.", true),
        ("No.", true),
        ("That is not right.", true),
        ("No problem, see you then.", false),
        ("No, that's fine.", false),
        ("Perfect.", false),
        ("And your phone number?", false),
    ] {
        let call = alternative()
            .model(vec![])
            .callee(When::Answering(200), said)
            .model(vec![report("booked_alternative"), Piece::Text("Goodbye."), end_call()])
            .model(vec![Piece::Text("Goodbye."), end_call()])
            .run();
        let expected = if contested { Outcome::Unconfirmed } else { Outcome::BookedAlternative };
        assert_eq!(outcome(&call), Some(expected), "{said}");
        assert_eq!(call.logged("read_back_contested"), usize::from(contested), "{said}");
    }
    // What they then agree on is read back again, and counts.
    let call = alternative()
        .model(vec![])
        .callee(When::Answering(200), "No, I said half past eight.")
        .model(vec![accept("20:30")])
        .model(vec![])
        .callee(When::Answering(200), "Exactly.")
        .model(vec![Piece::Text("Goodbye."), end_call()])
        .run();
    let report = call.conclusion().outcome.as_ref().unwrap();
    assert_eq!((report.outcome, report.agreed_time), (Outcome::BookedAlternative, NaiveTime::from_hms_opt(20, 30, 0)));
}

#[test]
fn a_small_noise_does_not_cut_the_read_back_and_words_do() {
    let (began, _) = played(&alternative().model(vec![]).line(60_000, bye(16)).run(), CONFIRMED)[0];
    let with = |said: &'static str, lasting| {
        let call = alternative().model(vec![]).sound(When::At(began + 1_000), said, lasting);
        call.model(vec![]).line(60_000, bye(16)).run()
    };
    for (said, lasting) in [("", 150), ("", 400), ("Mhm.", 300)] {
        let call = with(said, lasting);
        assert_eq!(call.count(|action| matches!(action, Action::StopSpeaking)), 0, "{said} of {lasting} ms: {:?}", call.said());
        assert_eq!(played(&call, CONFIRMED).len(), 1);
        assert_eq!(outcome(&call), Some(Outcome::BookedAlternative));
    }
    let call = with("Sorry, one second, what did you say?", 3_000);
    assert_eq!(call.count(|action| matches!(action, Action::StopSpeaking)), 1);
    assert_eq!(played(&call, CONFIRMED).len(), 1, "it is said again, whole: {:?}", call.said());
    assert_eq!(call.said().iter().filter(|text| **text == CONFIRMED).count(), 2);
}

#[test]
fn a_promise_that_a_tool_refuses_is_taken_back_before_anything_else_is_said() {
    let promise = "We take the table and thank you so much.";
    let call = |takes| {
        Rehearsal::new()
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
            .callee(When::Answering(400), "Only at nine.")
            .model(vec![Piece::Text(promise), accept("21:00")])
            .model(text("Is there anything before 20:30?"))
            .with(move |script| script.journal_takes = takes)
            .line(60_000, bye(16))
            .run()
    };
    // The refusal comes while they hear it.
    let heard = call(1_500);
    let after: Vec<&str> = heard.said().into_iter().skip_while(|text| *text != promise).skip(1).collect();
    assert_eq!(after[..2], [TAKEN_BACK, "Is there anything before 20:30?"]);
    assert_eq!(played(&heard, TAKEN_BACK).len(), 1);
    assert!(heard.conclusion().outcome.as_ref().is_none_or(|report| report.agreed_time.is_none()));
    // It comes before they hear it: there is nothing to take back.
    let unheard = call(20);
    assert!(!unheard.said().contains(&TAKEN_BACK), "{:?}", unheard.said());
    assert!(played(&unheard, promise).is_empty());
}

#[test]
fn a_call_that_is_written_wrong_is_taken_back_unless_it_is_put_right() {
    let wrong = || {
        Rehearsal::new()
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
            .callee(When::Answering(400), "Yes, of course.")
            .model(vec![Piece::Text("Wonderful, then it is booked."), Piece::Call("accept_offer", json!({ "time": "soon" }))])
            .line(60_000, bye(16))
    };
    let call = wrong().model(text("May I help you with anything else?")).run();
    assert!(call.said().contains(&TAKEN_BACK) || played(&call, "Wonderful, then it is booked.").is_empty(), "{:?}", call.said());
    let call = wrong().model(vec![accept("19:30")]).model(text("Thank you.")).run();
    assert!(!call.said().contains(&TAKEN_BACK), "{:?}", call.said());
    assert_eq!(outcome(&call), Some(Outcome::Booked));
}

#[test]
fn a_reply_that_wants_to_end_on_a_refused_call_does_not_end() {
    // Nobody is left with a promise: the model hears of the refusal, and what was said is taken back.
    for pieces in [
        vec![accept("21:00"), end_call()],
        vec![Piece::Text("Perfect, it is booked. Goodbye."), accept("21:00"), report("booked"), end_call()],
        vec![
            Piece::Text("Perfect, it is booked. Goodbye."),
            Piece::Call("accept_offer", json!({ "party_size": "four" })),
            end_call(),
        ],
    ] {
        let call = Rehearsal::new()
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
            .callee(When::Answering(400), "Only at nine.")
            .model(pieces.clone())
            .model(text("Is there anything before 20:30?"))
            .line(60_000, bye(16))
            .run();
        assert!(call.said().contains(&"Is there anything before 20:30?"), "{:?}", call.said());
    }
}

#[test]
fn an_agreement_that_the_model_drops_again_is_taken_back_in_words() {
    let call = alternative()
        .model(text("Thank you."))
        .callee(When::Answering(400), "See you then.")
        .model(vec![Piece::Text("Goodbye."), report("declined"), end_call()])
        .run();
    assert!(call.said().contains(&TAKEN_BACK), "{:?}", call.said());
    assert_eq!(outcome(&call), Some(Outcome::Declined));
}

#[test]
fn a_model_stuck_on_its_tools_or_trickling_words_does_not_mute_us() {
    let mut stuck = Rehearsal::new().callee(When::At(300), "Good evening, Golden Lion?");
    for _ in 0..12 {
        stuck = stuck.model(vec![Piece::Call("book_table", json!({}))]);
    }
    let call = stuck.callee(When::At(20_000), "Hello, are you still there?").run();
    assert!(call.said().iter().any(|text| text.contains("technical difficulties")), "{:?}", call.said());
    assert_eq!(call.conclusion().disposition, offhook::disposition::Disposition::ProviderFailure);
}
