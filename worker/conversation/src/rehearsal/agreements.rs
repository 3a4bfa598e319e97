//! Never a wrong agreement: what the restaurant says of the read-back, what the model calls, and what the row says then.

use chrono::NaiveDate;
use offhook::outcome::Outcome;
use offhook_mind::MindSettings;

use super::*;

const AT_EIGHT: &str = "I confirm: a table for 4 people on 2026-12-04 at 20:00, under the name Ada Winter.";
const HALF_PAST_SEVEN: &str = "I confirm: a table for 4 people on 2026-12-04 at 19:30, under the name Ada Winter.";

fn accept_on(date: &str, time: &str) -> Piece {
    Piece::Call("accept_offer", json!({ "date": date, "time": time, "party_size": 4 }))
}

fn goodbye() -> Vec<Piece> {
    vec![Piece::Text("Goodbye."), end_call()]
}

/// The wanted table is offered and accepted.
fn wanted() -> Rehearsal {
    Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
        .callee(When::Answering(400), "Yes, we have that.")
        .model(vec![accept("19:30")])
}

fn outcome(call: &Rehearsed) -> Option<Outcome> {
    call.conclusion().outcome.as_ref().map(|report| report.outcome)
}

fn agreed_time(call: &Rehearsed) -> Option<String> {
    call.conclusion().outcome.as_ref().and_then(|report| report.agreed_time).map(|time| time.format("%H:%M").to_string())
}

fn read_backs(call: &Rehearsed) -> Vec<&str> {
    call.said().into_iter().filter(|text| text.starts_with("I confirm") || text.starts_with("Ich bestätige")).collect()
}

/// When the read-back began to be heard.
fn read_back_began(call: &Rehearsed) -> Millis {
    let said = call.actions.iter().find_map(|(_, action)| match action {
        Action::Speak { sentence, text, .. } if text.starts_with("I confirm") => Some(*sentence),
        _ => None,
    });
    let started =
        |event: &Event| matches!(event, Event::Playout(PlayoutEvent::Started { sentence, .. }) if Some(*sentence) == said);
    call.events.iter().find(|(_, event)| started(event)).unwrap().0
}

fn results(call: &Rehearsed) -> Vec<&Value> {
    let result = |(_, action): &'_ (Millis, Action)| matches!(action, Action::SettleTool { .. });
    call.actions
        .iter()
        .filter(|action| result(action))
        .filter_map(|(_, action)| if let Action::SettleTool { result, .. } = action { Some(result) } else { None })
        .collect()
}

#[test]
fn one_reply_settles_one_table_however_often_it_accepts() {
    let times = ["19:30", "19:00", "20:00", "20:30", "19:45", "20:15", "19:15", "19:20"];
    let pieces: Vec<Piece> = times.into_iter().chain(times).map(accept).collect();
    let call = Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("A table for 4 on 2026-12-04, please."))
        .callee(When::Answering(400), "Any time is fine, half past seven or eight.")
        .model(pieces)
        .model(text("Thank you."))
        .callee(When::Answering(400), "Great, see you then.")
        .model(goodbye())
        .run();
    assert_eq!(read_backs(&call), [HALF_PAST_SEVEN], "{:?}", call.said());
    assert_eq!((outcome(&call), agreed_time(&call).as_deref()), (Some(Outcome::Booked), Some("19:30")));
    let accepted = results(&call).iter().filter(|result| result["accepted"] == true).count();
    assert_eq!(accepted, 1);
    let reason = results(&call)[1]["reason"].as_str().unwrap();
    assert!(reason.contains("2026-12-04 at 19:30 was accepted already"), "{reason}");
    assert!(call.count(|action| matches!(action, Action::JournalTool { .. })) <= 8, "the journal is not flooded");
}

#[test]
fn an_acceptance_and_another_end_in_one_reply_leave_the_first_of_them() {
    for (pieces, expected) in [
        (vec![accept("19:30"), report("declined")], Outcome::Booked),
        (vec![accept("19:30"), report("offer_outside_limits")], Outcome::Booked),
        (vec![report("declined"), accept("19:30")], Outcome::Declined),
    ] {
        let call = Rehearsal::new()
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
            .callee(When::Answering(400), "Yes, we have that.")
            .model(pieces.clone())
            .model(vec![])
            .callee(When::Answering(400), "Okay.")
            .model(goodbye())
            .run();
        assert_eq!(outcome(&call), Some(expected), "{:?}", call.said());
        let refused = results(&call).iter().filter(|result| result["accepted"] == false || result["recorded"] == false).count();
        assert_eq!(refused, 1);
        assert_eq!(read_backs(&call).len(), usize::from(expected == Outcome::Booked));
    }
}

#[test]
fn another_table_is_accepted_only_once_the_restaurant_has_named_or_denied_something() {
    for (said, changed) in [
        ("Great, see you then.", false),
        ("Mhm.", false),
        ("And what is your phone number?", false),
        ("Oh, sorry, I can only do eight.", true),
        ("Could you come at eight instead?", true),
        ("No, that's gone.", true),
    ] {
        let call = wanted()
            .model(vec![])
            .callee(When::Answering(400), said)
            .model(vec![accept("20:00")])
            .model(vec![])
            .callee(When::Answering(400), "Yes.")
            .model(goodbye())
            .run();
        let expected: &[&str] = if changed { &[HALF_PAST_SEVEN, AT_EIGHT] } else { &[HALF_PAST_SEVEN] };
        assert_eq!(read_backs(&call), expected, "{said}");
        let time = if changed { "20:00" } else { "19:30" };
        assert_eq!(agreed_time(&call).as_deref(), Some(time), "{said}");
        assert!(matches!(outcome(&call), Some(Outcome::Booked | Outcome::BookedAlternative)), "{said}: {:?}", outcome(&call));
    }
}

#[test]
fn what_they_confirm_is_what_was_read_back_or_nothing_is() {
    // What they say to the read-back of half past seven; whether it stands.
    for (language, said, stands) in [
        (None, "Yes, half past seven.", true),
        (None, "Perfect, four people on Friday.", true),
        (None, "Yes, the table is yours until ten.", true),
        (None, "Who is this?", true),
        (None, "And what is your phone number?", true),
        (Some(Language::De), "Ja, halb acht.", true),
        (Some(Language::Es), "Sí, a las siete y media.", true),
        (None, "No, eight.", false),
        (None, "Yes, at eight.", false),
        (None, "Yes, but for three people.", false),
        (None, "Yes, Saturday.", false),
        (None, "On the fifth, yes.", false),
        (None, "Yes, between seven and eight.", false),
        (None, "Seven to eight, okay.", false),
        (None, "No, at eight. No, sorry, at half past eight.", false),
        (Some(Language::De), "Ja, um acht.", false),
        (Some(Language::De), "Ja, 20 Uhr.", false),
        (Some(Language::De), "Genau, für drei Personen.", false),
        (Some(Language::Es), "Sí, a las ocho.", false),
        (Some(Language::Nl), "Ja, om acht uur.", false),
    ] {
        let mut call = wanted().model(vec![]);
        call = match language {
            Some(language) => call.callee_in(language, When::Answering(200), said),
            None => call.callee(When::Answering(200), said),
        };
        // A model that hears nothing of it.
        let call = call.model(goodbye()).model(goodbye()).model(goodbye()).run();
        let expected = if stands { Outcome::Booked } else { Outcome::Unconfirmed };
        assert_eq!(outcome(&call), Some(expected), "{said}: {:?}", call.said());
        assert_eq!(call.logged("read_back_contested"), usize::from(!stands), "{said}");
        let told = call
            .asked()
            .iter()
            .any(|asked| asked.iter().any(|message| message.content.contains("not the table that was read back")));
        assert_eq!(told, !stands, "{said}");
    }
}

#[test]
fn german_is_read_back_and_confirmed_in_german() {
    let german = |said: &'static str| {
        let mut request = request();
        request.language_hint = Some(Language::De);
        Rehearsal::of(request, "+4930123456")
            .callee(When::At(300), "Guten Abend, Goldener Löwe?")
            .model(text("Einen Tisch für 4 am 2026-12-04 um 19:30, bitte."))
            .callee(When::Answering(400), "Ja, das geht.")
            .model(vec![accept("19:30")])
            .model(vec![])
            .callee(When::Answering(200), said)
            .model(goodbye())
            .model(goodbye())
            .run()
    };
    assert_eq!(outcome(&german("Ja, um acht.")), Some(Outcome::Unconfirmed));
    assert_eq!(outcome(&german("Ja, um halb acht.")), Some(Outcome::Booked));
    assert_eq!(read_backs(&german("Ja, gerne.")).len(), 1);
}

#[test]
fn a_yes_that_is_taken_back_takes_the_agreement_back() {
    let call = wanted()
        .model(vec![])
        .callee(When::Answering(200), "Yes.")
        .model(text("Thank you."))
        .callee(When::Answering(200), "No wait, that one is gone.")
        .model(goodbye())
        .model(goodbye())
        .run();
    assert_eq!(outcome(&call), Some(Outcome::Unconfirmed), "{:?}", call.said());
    // "No" to another question does not.
    let call = wanted()
        .model(vec![])
        .callee(When::Answering(200), "Yes.")
        .model(text("Is there anything else you need?"))
        .callee(When::Answering(200), "No.")
        .model(goodbye())
        .run();
    assert_eq!(outcome(&call), Some(Outcome::Booked));
    // To the question whether it is right, it does.
    let call = wanted().model(text("Is that right?")).callee(When::Answering(200), "No.").model(goodbye()).model(goodbye()).run();
    assert_eq!(outcome(&call), Some(Outcome::Unconfirmed), "{:?}", call.said());
}

#[test]
fn two_corrections_end_at_the_last_one() {
    let call = wanted()
        .model(vec![])
        .callee(When::Answering(200), "No, at eight.")
        .model(vec![accept("20:00")])
        .model(vec![])
        .callee(When::Answering(200), "No, sorry, half past eight.")
        .model(vec![accept("20:30")])
        .model(vec![])
        .callee(When::Answering(200), "Yes, exactly.")
        .model(goodbye())
        .run();
    assert_eq!((outcome(&call), agreed_time(&call).as_deref()), (Some(Outcome::BookedAlternative), Some("20:30")));
    assert_eq!(read_backs(&call).len(), 3, "{:?}", call.said());
}

#[test]
fn a_table_that_nobody_offered_counts_only_with_their_yes() {
    // They can only do eight, and the model takes half past seven.
    let only_at_eight = || {
        Rehearsal::new()
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
            .callee(When::Answering(400), "Only at eight.")
            .model(vec![accept("19:30"), Piece::Text("Wonderful, thank you.")])
            .model(vec![])
    };
    let silent = only_at_eight().line(40_000, bye(16)).run();
    assert_eq!(outcome(&silent), Some(Outcome::Unconfirmed), "{:?}", silent.said());
    let agreed = only_at_eight().callee(When::Answering(400), "All right, half past seven then.").model(goodbye()).run();
    assert_eq!(outcome(&agreed), Some(Outcome::Booked), "{:?}", agreed.said());
    // The same after "no": the model insists.
    let insisted = wanted()
        .model(vec![])
        .callee(When::Answering(200), "No, at eight.")
        .model(vec![accept("19:30")])
        .model(vec![])
        .line(60_000, bye(16))
        .run();
    assert_eq!(outcome(&insisted), Some(Outcome::Unconfirmed), "{:?}", insisted.said());
}

#[test]
fn words_of_the_model_that_name_another_time_are_followed_by_the_read_back() {
    let call = wanted().model(text("Perfect, see you at 20:00 then.")).line(40_000, bye(16)).run();
    let said = call.said();
    assert_eq!(said.last(), Some(&HALF_PAST_SEVEN), "{said:?}");
    assert_eq!(outcome(&call), Some(Outcome::Booked));
    // In the reply that accepts, before and behind the call.
    let both = Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
        .callee(When::Answering(400), "Yes, we have that.")
        .model(vec![Piece::Text("Then we take 20:00."), accept("19:30"), Piece::Text("See you at 20:15.")])
        .model(vec![])
        .line(40_000, bye(16))
        .run();
    assert_eq!(both.said().last(), Some(&HALF_PAST_SEVEN), "{:?}", both.said());
}

#[test]
fn whoever_hangs_up_or_is_silent_at_the_read_back_settles_what_they_heard() {
    let whole = wanted().model(vec![]).line(60_000, bye(16)).run();
    let cut = wanted().model(vec![]).line(read_back_began(&whole) + 1_500, bye(16)).run();
    assert_eq!(outcome(&cut), Some(Outcome::Booked), "the wanted table was named by us, and they said yes to it");
    let silent = wanted().model(vec![]).run();
    assert_eq!(outcome(&silent), Some(Outcome::Booked), "{:?}", silent.said());
}

#[test]
fn a_nod_at_the_beginning_of_the_read_back_is_no_yes_to_its_end() {
    let call = |hang_up: Option<Millis>| {
        let call = Rehearsal::new()
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("Is there a table?"))
            .callee(When::Answering(400), "Only at eight.")
            .model(vec![accept("20:00")])
            .model(vec![])
            .sound(When::Into(200), "Yes.", 300);
        match hang_up {
            Some(at) => call.line(at, bye(16)).run(),
            None => call.line(60_000, bye(16)).run(),
        }
    };
    let whole = call(None);
    assert_eq!(outcome(&whole), Some(Outcome::BookedAlternative));
    assert_eq!(outcome(&call(Some(read_back_began(&whole) + 1_800))), Some(Outcome::Unconfirmed));
}

#[test]
fn a_model_that_ends_the_call_at_once_waits_for_the_objection() {
    let call = |said: &'static str| {
        Rehearsal::new()
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
            .callee(When::Answering(400), "Yes, we have that.")
            .model(vec![accept("19:30"), Piece::Text("Goodbye."), end_call()])
            .callee(When::Answering(800), said)
            .model(vec![accept("20:00")])
            .model(vec![])
            .callee(When::Answering(800), "Yes.")
            .model(goodbye())
            .run()
    };
    assert_eq!(agreed_time(&call("Wait, eight.")).as_deref(), Some("20:00"));
    assert_eq!(outcome(&call("Wait, eight.")), Some(Outcome::BookedAlternative));
    assert_eq!(agreed_time(&call("Bye.")).as_deref(), Some("19:30"));
}

#[test]
fn an_end_of_ours_waits_for_a_no_to_the_read_back() {
    // The model fails behind the acceptance: the read-back, trouble, and the end, whatever they say. But they say no.
    let fails = || wanted().model(vec![Piece::Fail]).model(vec![Piece::Fail]);
    let plain = fails().run();
    assert_eq!(outcome(&plain), Some(Outcome::Booked), "{:?}", plain.said());
    let over = plain.over_at();
    let denied = fails().sound(When::At(over - 700), "No, that is not right.", 1_200).run();
    assert_eq!(outcome(&denied), Some(Outcome::Unconfirmed), "{:?}", denied.said());
}

#[test]
fn a_time_that_has_passed_there_is_not_accepted() {
    // It is 18:40 in Berlin, on the day of the table.
    let began = NaiveDate::from_ymd_opt(2026, 12, 4).unwrap().and_hms_opt(17, 40, 0).unwrap().and_utc();
    for (time, expected) in [("18:00", None), ("18:30", None), ("19:00", Some("19:00")), ("24:00", None)] {
        let mut request = request();
        let at = |time: &str| NaiveTime::parse_from_str(time, "%H:%M").unwrap();
        (request.wanted_time, request.earliest_time) = (at("18:00"), at("17:30"));
        let mut call = Rehearsal::of(request, "+442079460958");
        call.setup.settings = MindSettings::new(call.setup.settings.limits, began, chrono_tz::Europe::Berlin);
        let call = call
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("Is there a table for 4 today?"))
            .callee(When::Answering(400), "Yes, of course.")
            .model(vec![accept(time)])
            .model(text("Is there anything later?"))
            .line(40_000, bye(16))
            .run();
        assert_eq!(agreed_time(&call).as_deref(), expected, "{time}");
        let result = results(&call)[0].clone();
        assert_eq!(result["accepted"] == true, expected.is_some(), "{time}");
        if expected.is_none() && time != "24:00" {
            assert!(result["reason"].as_str().unwrap().contains("has passed: it is 18:40"), "{result}");
        }
    }
}

#[test]
fn days_that_are_none_are_not_accepted() {
    for date in ["2027-02-29", "2026-02-30", "2025-12-04", "2026-12-4x", "04-12-2026"] {
        let call = Rehearsal::new()
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
            .callee(When::Answering(400), "Yes, we have that.")
            .model(vec![accept_on(date, "19:30")])
            .model(text("Which day was it?"))
            .line(40_000, bye(16))
            .run();
        assert!(agreed_time(&call).is_none(), "{date}");
    }
}
