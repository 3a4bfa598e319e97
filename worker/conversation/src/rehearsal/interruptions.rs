//! The callee talks while we do.

use offhook::turn::Speaker;
use offhook_types::chat::Role;

use super::*;

const LONG: &str = "The guest would love a table in the garden if the weather allows it on that evening.";

fn opened() -> Rehearsal {
    Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("A table for 4, please."))
        .callee(When::Answering(400), "Anything else?")
        .model(text(LONG))
}

#[test]
fn we_are_silent_at_once_and_remember_only_what_was_heard() {
    let call = opened().callee(When::Into(2_000), "No garden in December!").line(60_000, bye(16)).run();
    let stop = call.actions.iter().find(|(_, action)| matches!(action, Action::StopSpeaking)).unwrap().0;
    let started =
        call.events.iter().filter(|(_, event)| matches!(event, Event::Heard(EarEvent::SpeechStarted { .. }))).nth(2).unwrap().0;
    assert_eq!(stop, started);
    let turns = call.transcript();
    let cut = turns.iter().find(|turn| turn.interrupted).unwrap();
    assert_eq!(cut.speaker, Speaker::Agent);
    assert!(LONG.starts_with(&cut.text) && cut.text.len() < LONG.len() / 2 && !cut.text.is_empty(), "{}", cut.text);
    assert_eq!(cut.ended_ms, stop + 40);
    let told = call.asked()[2];
    assert_eq!(told[told.len() - 2].content, cut.text);
    assert_eq!(told[told.len() - 1].content, "No garden in December!");
    assert_eq!(call.logged("barge_in"), 1);
}

#[test]
fn a_nod_or_a_cough_lets_us_go_on_where_we_were() {
    for nod in ["Mhm.", "ok", ""] {
        let call = opened().callee(When::Into(2_000), nod).line(60_000, bye(16)).run();
        assert_eq!(call.asked().len(), 2, "{nod}");
        let cut = call.transcript().into_iter().find(|turn| turn.interrupted).unwrap();
        let rest = call.said().into_iter().find(|text| LONG.ends_with(*text) && *text != LONG).unwrap();
        assert_eq!(format!("{} {rest}", cut.text), LONG);
    }
}

#[test]
fn a_callee_who_goes_on_before_they_hear_us_gets_one_answer_to_both() {
    let call = Rehearsal::new()
        .callee(When::At(300), "Good evening.")
        .callee(When::At(2_450), "Golden Lion, how can I help?")
        .line(18_000, bye(16))
        .run();
    let asked = call.asked();
    let last = asked.last().unwrap();
    assert_eq!(last[1].content, "Good evening. Golden Lion, how can I help?");
    let heard: Vec<String> =
        call.transcript().into_iter().filter(|turn| turn.speaker == Speaker::Agent).map(|turn| turn.text).collect();
    assert_eq!(heard.len(), 1, "{heard:?}");
}

#[test]
fn what_arrives_for_an_old_thought_is_dropped() {
    let call = Rehearsal::new()
        .callee(When::At(300), "Good evening.")
        .model(vec![Piece::Text("OLD ONE."), accept("19:30")])
        .callee(When::At(2_450), "Wait a second please, who is it?")
        .model(text("NEW ONE."))
        .line(30_000, bye(16))
        .run();
    assert!(call.count(|action| matches!(action, Action::StopThinking)) >= 1);
    assert!(call.said().contains(&"NEW ONE.") && !call.said().contains(&"OLD ONE."));
    assert_eq!(call.count(|action| matches!(action, Action::JournalTool { .. })), 0);
}

#[test]
fn what_nobody_understood_is_asked_again_twice_and_then_left_to_the_model() {
    let call = Rehearsal::new()
        .callee(When::At(300), "Good evening.")
        .callee(When::Answering(500), "")
        .callee(When::Answering(500), "")
        .callee(When::Answering(500), "")
        .line(60_000, bye(16))
        .run();
    let repeats = call.said().into_iter().filter(|text| text.starts_with("I'm sorry, I didn't catch that.")).count();
    assert_eq!(repeats, 2);
    assert_eq!(call.asked().len(), 2);
    let last = call.asked()[1].last().unwrap();
    assert_eq!((last.role, last.content.as_str()), (Role::User, "(unintelligible)"));
}

#[test]
fn a_radio_that_never_stops_does_not_mute_the_agent() {
    // The ear ends an utterance after 15 s and begins the next at once; what it hears is no words, or words now and then.
    let radio = |words: [&'static str; 5]| {
        let mut call = Rehearsal::new();
        for (nth, said) in words.into_iter().enumerate() {
            call = call.sound(When::At(200 + 15_600 * nth as Millis), said, 15_000);
        }
        call.model(text("A table for 4 on 2026-12-04 at 19:30, please."))
            .model(text("Is there a table?"))
            .line(80_000, bye(16))
            .run()
    };
    for words in [["", "", "", "", ""], ["Golden Lion, good evening?", "", "", "", ""]] {
        let call = radio(words);
        let spoke = |text: &str| {
            call.actions.iter().find(|(_, action)| matches!(action, Action::Speak { text: said, .. } if said == text))
        };
        let introduced = spoke("Hello, this is an automated assistant calling on behalf of Ada Winter.").unwrap().0;
        assert!(introduced <= 2_500 + 8_000, "said who it is after {introduced} ms");
    }
    // Words in the middle of it get an answer.
    let call = radio(["", "Good evening, what can I do for you?", "", "", ""]);
    let understood = call
        .events
        .iter()
        .find(|(_, event)| matches!(event, Event::Transcribed { transcript, .. } if !transcript.text.is_empty()));
    let understood = understood.unwrap().0;
    let answered =
        call.actions.iter().find(|(at, action)| *at >= understood && matches!(action, Action::Speak { .. })).unwrap().0;
    assert!(answered <= understood + 10_000, "understood at {understood}, answered at {answered}");
}

#[test]
fn a_monologue_is_cut_off_at_the_end_of_a_sentence() {
    let call = Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(vec![
            Piece::Text("A table for 4, please. "),
            Piece::Text("We look forward to it. It is a birthday. We like fish. We like wine too. We like bread. And we like music. Thank you. Bye."),
        ])
        .line(60_000, bye(16))
        .run();
    assert!(call.said().contains(&"We like bread.") && !call.said().contains(&"Thank you."), "{:?}", call.said());
    assert_eq!(call.logged("reply_cut_off"), 1);
}
