//! The first seconds.

use offhook::language::Language;
use offhook_types::chat::Role;

use super::*;

const INTRODUCTION: &str = "Hello, this is an automated assistant calling on behalf of Ada Winter.";

#[test]
fn the_callee_greets_first_and_then_hears_who_calls_before_anything_else() {
    let call = Rehearsal::new()
        .callee(When::At(600), "Good evening, Golden Lion?")
        .model(text("I would like a table for 4 on 2026-12-04 at 19:30."))
        .line(20_000, bye(16))
        .run();
    let said = call.said();
    assert_eq!(said[..3], [INTRODUCTION, "This call is recorded.", "I would like a table for 4 on 2026-12-04 at 19:30."]);
    let first = call.asked()[0];
    assert_eq!(first.iter().map(|message| message.role).collect::<Vec<_>>(), [Role::System, Role::User, Role::Assistant]);
    assert_eq!(first[1].content, "Good evening, Golden Lion?");
    assert_eq!(first[2].content, format!("{INTRODUCTION} This call is recorded."));
    let turns = call.transcript();
    assert_eq!((turns[0].number, turns[0].text.as_str(), turns[0].started_ms), (1, "Good evening, Golden Lion?", 600));
    assert_eq!(turns[0].ended_ms, 2_100);
    assert!(turns[1].text.starts_with(INTRODUCTION) && turns[1].started_ms > turns[0].ended_ms);
}

#[test]
fn after_two_and_a_half_seconds_of_silence_we_speak_first() {
    let call = Rehearsal::new().line(6_000, bye(16)).run();
    let first = call.actions.iter().find(|(_, action)| matches!(action, Action::Speak { .. })).unwrap();
    assert_eq!(first.0, 2_500);
    assert_eq!(call.said()[0], INTRODUCTION);
}

#[test]
fn a_call_that_is_not_recorded_does_not_say_it_is_and_a_dropped_one_says_so() {
    let mut request = request();
    request.record = false;
    request.dropped_before = true;
    let call = Rehearsal::of(request, "+44").line(20_000, bye(16)).run();
    assert_eq!(call.said()[..2], [INTRODUCTION, "We were cut off a moment ago."]);
    assert!(!call.said().contains(&"This call is recorded."));
}

#[test]
fn the_greeting_decides_the_language_of_the_opening_where_nothing_is_known_of_the_restaurant() {
    let mut request = request();
    request.language_hint = None;
    let call = Rehearsal::of(request, "sip:host@example.org")
        .callee_in(Language::De, When::At(400), "Guten Abend, Zum Goldenen Löwen.")
        .line(20_000, bye(16))
        .run();
    assert_eq!(
        call.said()[..2],
        ["Guten Tag, hier ist ein automatischer Assistent im Auftrag von Ada Winter.", "Dieses Gespräch wird aufgezeichnet."]
    );
    assert!(call.asked()[0][0].content.contains("Speak German only"));
    assert_eq!(call.logged("language"), 1);
}

#[test]
fn a_greeting_alone_does_not_beat_the_country_but_the_second_sentence_does() {
    let call = Rehearsal::new()
        .callee_in(Language::De, When::At(400), "Guten Abend, Zum Goldenen Löwen.")
        .callee_in(Language::De, When::Answering(400), "Entschuldigung, ich verstehe Sie nicht, was möchten Sie?")
        .line(30_000, bye(16))
        .run();
    assert_eq!(call.said()[0], INTRODUCTION);
    assert!(call.said().contains(&"Guten Tag, hier ist ein automatischer Assistent im Auftrag von Ada Winter."));
    assert_eq!(call.logged("language"), 1);
}

#[test]
fn a_misheard_utterance_brings_no_introduction_again() {
    let call = Rehearsal::of(german(), "+4930123456")
        .callee_in(Language::De, When::At(400), "Guten Abend, Zum Goldenen Löwen.")
        .callee_in(Language::De, When::Answering(400), "Für wie viele Personen soll das sein?")
        .callee_in(Language::En, When::Answering(400), "Good evening, the table is for you, thank you.")
        .callee_in(Language::De, When::Answering(400), "Um acht Uhr geht es bei uns.")
        .line(60_000, bye(16))
        .run();
    assert_eq!(call.logged("language"), 0);
    assert_eq!(call.said().iter().filter(|text| text.contains("automat")).count(), 1, "{:?}", call.said());
}

fn german() -> Request {
    let mut request = request();
    request.language_hint = None;
    request
}

#[test]
fn a_hallo_leaves_the_country_its_language_and_a_clear_sentence_later_brings_the_disclosure_again_once() {
    let mut request = request();
    request.language_hint = None;
    let call = Rehearsal::of(request, "+4930123456")
        .callee_in(Language::Nl, When::At(400), "Hallo?")
        .callee_in(Language::En, When::Answering(500), "Sorry, do you speak English?")
        .callee_in(Language::En, When::Answering(500), "Yes, that is better, how can I help?")
        .line(60_000, bye(16))
        .run();
    let said = call.said();
    assert!(said[0].starts_with("Guten Tag"), "{said:?}");
    assert_eq!(said.iter().filter(|text| **text == INTRODUCTION).count(), 1);
    assert_eq!(said.iter().filter(|text| **text == "This call is recorded.").count(), 1);
    let english =
        call.actions.iter().filter(|(_, action)| matches!(action, Action::Speak { language: Language::En, .. })).count();
    assert!(english >= 3);
    assert!(call.asked().last().unwrap()[0].content.contains("Speak English only"));
    assert_eq!(call.logged("language"), 1);
}

#[test]
fn a_greeting_nobody_understood_is_a_greeting() {
    let call = Rehearsal::new().callee(When::At(300), "").line(12_000, bye(16)).run();
    assert_eq!(call.said()[0], INTRODUCTION);
    assert_eq!(call.asked().len(), 1);
}

#[test]
fn an_opening_that_was_talked_over_is_said_again() {
    let call = Rehearsal::new()
        .callee(When::At(300), "Hello?")
        .callee(When::Into(1_000), "Hello, who is calling please?")
        .line(40_000, bye(16))
        .run();
    assert_eq!(call.said().iter().filter(|text| **text == INTRODUCTION).count(), 2);
    let last = call.asked().last().unwrap().to_vec();
    assert!(
        last.iter().any(|message| message.role == Role::Assistant
            && INTRODUCTION.starts_with(&message.content)
            && message.content.len() < 30),
        "{last:?}"
    );
}

#[test]
fn who_goes_on_after_the_announcement_agrees_to_it() {
    let call = Rehearsal::new()
        .callee(When::At(600), "Good evening, Golden Lion?")
        .model(text("I would like a table for 4 on 2026-12-04 at 19:30."))
        .callee(When::Answering(500), "Yes, which name?")
        .line(60_000, bye(16))
        .run();
    let starts: Vec<u64> =
        call.actions.iter().filter(|(_, action)| *action == Action::StartRecording).map(|(at, _)| *at).collect();
    assert_eq!(starts.len(), 1, "once");
    let greeting_understood = 2_500;
    assert!(starts[0] > greeting_understood, "the greeting agrees to nothing: {starts:?}");
    assert_eq!(call.logged("recording_agreed"), 1);
    assert!(!call.actions.iter().any(|(_, action)| *action == Action::DeleteRecording));
}

#[test]
fn an_objection_deletes_the_recording_is_answered_and_noted() {
    for (language, objection, answer) in [
        (Language::En, "Please don't record this.", "All right, the recording is stopped and deleted."),
        (Language::De, "Bitte nicht aufzeichnen!", "In Ordnung, die Aufzeichnung ist beendet und gelöscht."),
        (Language::Es, "No grabe la llamada, por favor.", "De acuerdo, la grabación se ha detenido y borrado."),
        (Language::Nl, "Ik wil niet opgenomen worden.", "Goed, de opname is gestopt en verwijderd."),
    ] {
        let mut request = request();
        request.language_hint = Some(language);
        let call = Rehearsal::of(request, "+44")
            .callee_in(language, When::At(600), "Golden Lion?")
            .model(text("19:30?"))
            .callee_in(language, When::Answering(500), objection)
            .model(text("19:30?"))
            .callee_in(language, When::Answering(500), "Golden Lion?")
            .line(90_000, bye(16))
            .run();
        let deletions = call.actions.iter().filter(|(_, action)| *action == Action::DeleteRecording).count();
        assert_eq!(deletions, 1, "{language:?}");
        assert!(!call.actions.iter().any(|(_, action)| *action == Action::StartRecording), "{language:?}");
        assert_eq!(call.said().iter().filter(|said| **said == answer).count(), 1, "{language:?}: {:?}", call.said());
        assert_eq!(call.logged("recording_deleted"), 1);
        let noted = call.actions.iter().any(|(_, action)| {
            matches!(action, Action::Finish(Conclusion { detail: Some(detail), .. }) if detail.contains("objected to the recording"))
        });
        assert!(noted, "{language:?}");
    }
}

#[test]
fn every_breath_within_a_greeting_is_given_way_to_and_loses_nothing() {
    // Up to a second, and on to two, where we are speaking for certain.
    let mut interrupted = 0;
    for breath in (0..=2_000).step_by(50) {
        let (began, first) = (300, 900);
        let second = began + first + breath;
        // A breath that is shorter than the ear's pause is none: it is one utterance.
        let greeting = if breath < 600 {
            Rehearsal::new().sound(When::At(began), "Good evening, Golden Lion, Mary speaking.", second - began + 1_500)
        } else {
            Rehearsal::new().sound(When::At(began), "Good evening,", first).sound(
                When::At(second),
                "Golden Lion, Mary speaking.",
                1_500,
            )
        };
        let call = greeting
            .model(text("A table for 4, please."))
            .model(text("A table for 4 at 19:30, please."))
            .line(40_000, bye(16))
            .run();
        let last = call.asked().last().unwrap().to_vec();
        let heard: String = last
            .iter()
            .filter(|message| message.role == offhook_types::chat::Role::User)
            .map(|message| message.content.as_str())
            .collect();
        assert!(heard.contains("Good evening") && heard.contains("Mary speaking"), "{breath} ms: {heard}");
        for (at, _) in call.events.iter().filter(|(_, event)| matches!(event, Event::Heard(EarEvent::SpeechStarted { .. }))) {
            let audible = |moment: Millis| {
                call.world
                    .lock()
                    .unwrap()
                    .audible
                    .clone()
                    .into_iter()
                    .filter(move |(from, to)| *from < moment && moment < *to)
                    .count()
            };
            // The callee alone is heard from 100 ms after the ear has noticed them.
            assert!(audible(at + 100) <= 1, "{breath} ms: we speak {} ms after their onset", 200);
            interrupted += usize::from(audible(at - 1) > 1);
        }
        assert!(call.said().contains(&INTRODUCTION), "{breath} ms");
    }
    assert!(interrupted >= 5, "we began to speak within {interrupted} of the breaths");
}
