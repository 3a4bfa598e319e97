//! Agreements, refusals, and their outcomes.

use offhook::{outcome::Outcome, request::CallKind};
use offhook_types::chat::Role;

use super::*;

fn opened() -> Rehearsal {
    Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
}

#[test]
fn the_wanted_table_is_booked() {
    let call = opened()
        .callee(When::Answering(400), "Yes, we have a table at 19:30.")
        .model(vec![accept("19:30"), Piece::Text("Wonderful, thank you.")])
        .model(vec![report("booked"), Piece::Text("Goodbye."), end_call()])
        .run();
    let conclusion = call.conclusion();
    let outcome = conclusion.outcome.as_ref().unwrap();
    assert_eq!(outcome.outcome, Outcome::Booked);
    assert_eq!(outcome.agreed_time, NaiveTime::from_hms_opt(19, 30, 0));
    assert_eq!((outcome.agreed_party, outcome.agreed_name.as_deref()), (Some(4), Some("Ada Winter")));
    let turns = call.transcript();
    let yes = turns.iter().find(|turn| turn.text.starts_with("Yes")).unwrap();
    assert_eq!(outcome.evidence, [yes.number]);
    assert_eq!(outcome.offers[0].turn, Some(yes.number));
    assert_eq!(turns.last().unwrap().text, "Goodbye.");
    assert!(turns.windows(2).all(|pair| pair[0].started_ms <= pair[1].started_ms && pair[0].number + 1 == pair[1].number));
    // The goodbye was played before the line was cut.
    let played =
        call.events.iter().rev().find(|(_, event)| matches!(event, Event::Playout(PlayoutEvent::Played { .. }))).unwrap().0;
    let hung_up = call.actions.iter().find(|(_, action)| matches!(action, Action::HangUp)).unwrap().0;
    assert!((played..=played + 2_000).contains(&hung_up), "played until {played}, hung up at {hung_up}");
}

#[test]
fn another_table_within_the_limits_is_an_alternative() {
    let call = opened()
        .callee(When::Answering(400), "Only at 20:00.")
        .model(vec![accept("20:00")])
        .model(vec![Piece::Text("Perfect, goodbye."), end_call()])
        .run();
    assert_eq!(call.conclusion().outcome.as_ref().unwrap().outcome, Outcome::BookedAlternative);
}

#[test]
fn an_offer_outside_the_limits_is_refused_in_code_and_recorded() {
    let call = opened()
        .callee(When::Answering(400), "We could offer you 21:00 instead.")
        .model(vec![accept("21:00")])
        .model(vec![report("booked"), Piece::Text("That is too late.")])
        .model(vec![report("offer_outside_limits"), Piece::Text("Goodbye."), end_call()])
        .run();
    let settled: Vec<&Value> = call
        .actions
        .iter()
        .filter_map(|(_, action)| if let Action::SettleTool { result, .. } = action { Some(result) } else { None })
        .collect();
    assert_eq!(settled[0]["accepted"], false);
    assert!(settled[0]["reason"].as_str().unwrap().contains("too late"));
    assert_eq!(settled[1]["recorded"], false);
    assert_eq!(settled[2]["recorded"], true);
    let result = call.asked()[2].iter().find(|message| message.role == Role::Tool).unwrap();
    assert!(result.content.contains("too late"));
    let outcome = call.conclusion().outcome.as_ref().unwrap();
    assert_eq!(outcome.outcome, Outcome::OfferOutsideLimits);
    assert_eq!(outcome.offers.len(), 1);
    assert!(!outcome.offers[0].accepted && outcome.offers[0].refusal.is_some());
    assert_eq!(outcome.agreed_date, None);
}

#[test]
fn a_write_tool_survives_the_callee_talking_over_it_and_runs_once() {
    let mut call = opened()
        .callee(When::Answering(400), "Yes, 19:30 is fine.")
        .model(vec![Piece::Text("Wonderful, I take it, thank you so much."), accept("19:30")])
        .callee(When::Into(600), "And the name please?")
        .model(vec![accept("19:30"), Piece::Text("Ada Winter.")])
        .model(text("Thank you."))
        .line(60_000, bye(16));
    call.script.journal_takes = 3_000;
    // The first sentence after the callee's yes is talked over; the opening is not.
    let call = call.run();
    let accepts = call.count(|action| matches!(action, Action::JournalTool { name, .. } if name == "accept_offer"));
    assert_eq!(accepts, 1, "the repeated acceptance is answered without a second record");
    let told = call.asked().into_iter().find(|messages| messages.iter().any(|message| message.role == Role::Tool)).unwrap();
    assert!(told.iter().any(|message| message.content.contains(r#""accepted":true"#)));
    let outcome = call.conclusion().outcome.as_ref().unwrap();
    assert_eq!((outcome.outcome, outcome.offers.len()), (Outcome::Booked, 1));
}

#[test]
fn a_model_that_calls_nonsense_is_told_so_and_goes_on() {
    let call = opened()
        .callee(When::Answering(400), "Yes.")
        .model(vec![Piece::Call("book_it", json!({})), Piece::Call("accept_offer", json!({ "time": "soon" }))])
        .model(text("Let me see."))
        .line(40_000, bye(16))
        .run();
    assert_eq!(call.count(|action| matches!(action, Action::JournalTool { .. })), 0);
    let told = call.asked()[2].iter().filter(|message| message.role == Role::Tool).count();
    assert_eq!(told, 2);
    assert!(call.said().contains(&"Let me see."));
}

#[test]
fn existing_bookings_are_changed_cancelled_and_confirmed() {
    for (kind, pieces, expected) in [
        (CallKind::Change, vec![accept("20:00")], Outcome::Changed),
        (CallKind::Cancel, vec![report("cancelled")], Outcome::Cancelled),
        (CallKind::Confirm, vec![report("confirmed")], Outcome::Confirmed),
    ] {
        let mut request = request();
        request.kind = kind;
        let call = Rehearsal::of(request, "+44")
            .callee(When::At(300), "Good evening.")
            .model(text("It is about a booking for Ada Winter."))
            .callee(When::Answering(400), "Yes, that is done.")
            .model(pieces)
            .model(vec![Piece::Text("Thank you, goodbye."), end_call()])
            .run();
        assert_eq!(call.conclusion().outcome.as_ref().unwrap().outcome, expected);
    }
}

#[test]
fn an_agreement_journaled_while_the_callee_hangs_up_is_not_lost() {
    let mut call = opened()
        .callee(When::Answering(400), "Yes, 19:30 is fine.")
        .model(vec![accept("19:30"), Piece::Text("Wonderful.")])
        .model(vec![]);
    call.script.journal_takes = 2_000;
    let call = call.run();
    let journaled = call.actions.iter().find(|(_, action)| matches!(action, Action::JournalTool { .. })).unwrap().0;
    let mut again = opened()
        .callee(When::Answering(400), "Yes, 19:30 is fine.")
        .model(vec![accept("19:30"), Piece::Text("Wonderful.")])
        .line(journaled + 500, bye(16));
    again.script.journal_takes = 2_000;
    let again = again.run();
    assert_eq!(again.conclusion().outcome.as_ref().unwrap().outcome, Outcome::Booked);
}
