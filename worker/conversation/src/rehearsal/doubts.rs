//! What the recogniser doubts, and what is none of our languages.

use offhook::outcome::Outcome;
use offhook_types::transcript::{Foreign, Transcript};

use super::*;

fn opened() -> Rehearsal {
    Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
}

/// The recogniser says this of these words, and, where it is told the language, hears the second ones.
fn hears(call: Rehearsal, words: &'static str, transcript: Transcript, hinted: Option<&'static str>) -> Rehearsal {
    call.with(move |script| {
        script.transcripts.insert(words, (transcript, hinted));
    })
}

fn unsure(text: &str, confidence: f32) -> Transcript {
    Transcript { confidence: Some(confidence), ..Transcript::new(text, Some(Language::En)) }
}

#[test]
fn a_time_that_was_not_heard_for_certain_is_asked_again_before_the_model_hears_of_it() {
    let call = opened().callee(When::Answering(400), "At eight, twenty hundred").callee(When::Answering(400), "Yes, exactly.");
    let call = hears(call, "At eight, twenty hundred", unsure("At eight, twenty hundred", 0.4), None);
    let call = call.model(vec![accept("20:00")]).model(text("Thank you.")).line(60_000, bye(16)).run();
    assert!(call.said().contains(&"I understood: At eight, twenty hundred. Is that right?"), "{:?}", call.said());
    assert_eq!(call.asked().len(), 3, "the model is asked after the yes");
    assert_eq!(call.conclusion().outcome.as_ref().unwrap().outcome, Outcome::BookedAlternative);
}

#[test]
fn what_stays_doubtful_is_never_agreed_on() {
    let mumbled = ["At eight or so", "At eight or nine", "Eight, ten"];
    let mut call = opened();
    for words in mumbled {
        call = hears(call.callee(When::Answering(400), words), words, unsure(words, 0.3), None);
    }
    let call = call.model(vec![accept("20:00")]).model(text("Could you say the time again?")).line(80_000, bye(16)).run();
    assert_eq!(call.said().iter().filter(|text| text.starts_with("I understood")).count(), 2, "{:?}", call.said());
    assert!(call.conclusion().outcome.as_ref().is_none_or(|report| report.agreed_time.is_none()));
    let refused =
        call.actions.iter().any(|(_, action)| matches!(action, Action::SettleTool { result, .. } if result["accepted"] == false));
    assert!(refused);
}

#[test]
fn words_that_decide_nothing_or_are_certain_are_not_asked_again() {
    for (words, confidence) in [("What is it about?", 0.4), ("At eight.", 0.8)] {
        let call = opened().callee(When::Answering(400), words);
        let call = hears(call, words, unsure(words, confidence), None).line(40_000, bye(16)).run();
        assert!(!call.said().iter().any(|text| text.starts_with("I understood")), "{words}");
    }
}

#[test]
fn text_in_another_script_is_heard_again_with_the_language_of_the_call() {
    let thai = || Transcript { foreign: Some(Foreign::Script), ..Transcript::new("สวัสดีครับ", None) };
    let call = || opened().callee(When::Answering(400), "mumble");
    let call_heard = hears(call(), "mumble", thai(), Some("Yes, that is possible.")).line(40_000, bye(16)).run();
    assert!(call_heard.transcript().iter().any(|turn| turn.text == "Yes, that is possible."));
    let lost = hears(call(), "mumble", thai(), None).line(40_000, bye(16)).run();
    assert!(!lost.transcript().iter().any(|turn| turn.text.contains("สวัสดี")));
    assert_eq!(lost.logged("not_understood"), 1);
    assert!(lost.said().iter().any(|text| text.contains("didn't catch that")), "{:?}", lost.said());
}

#[test]
fn what_is_no_words_of_ours_is_no_consent_to_the_recording() {
    for (transcript, given) in [
        (Transcript { foreign: Some(Foreign::Script), ..Transcript::new("สวัสดีครับ", None) }, false),
        (Transcript { foreign: Some(Foreign::Language("welsh".into())), ..Transcript::new("Diolch yn fawr", None) }, false),
        (unsure("Do not call us again", 0.2), false),
        (Transcript::new("What can I do for you?", None), true),
    ] {
        let call = hears(opened().callee(When::Answering(400), "mumble"), "mumble", transcript.clone(), None);
        let call = call.line(30_000, bye(16)).run();
        assert_eq!(call.logged("recording_agreed") == 1, given, "{transcript:?}");
        assert!(!call.conclusion().do_not_call);
    }
}
