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
        call = hears(call.callee(When::Answering(400), words), words, unsure(words, 0.45), None);
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
    assert_eq!(lost.logged("not_heard"), 2, "the recogniser was asked twice");
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

#[test]
fn a_guess_is_nobodys_words_and_turns_no_language_around() {
    // Heard by Whisper base from a Dutch and a German sentence.
    let guesses = ["that's a fate, but when I'm in the heart of the evening", "Ja, Parktags-RUM Testmas Thai, um halb acht"];
    for (guess, confidence) in guesses.into_iter().zip([0.288, 0.016]) {
        let call = opened().callee(When::Answering(400), guess);
        let call = hears(call, guess, Transcript { confidence: Some(confidence), ..Transcript::new(guess, None) }, None);
        let call = call.model(vec![accept("19:30")]).line(40_000, bye(16)).run();
        assert!(!call.transcript().iter().any(|turn| turn.text == guess), "{guess}");
        assert_eq!(call.logged("language"), 0);
        assert!(call.said().iter().any(|text| text.contains("didn't catch that")), "{:?}", call.said());
        assert!(call.conclusion().outcome.as_ref().is_none_or(|report| report.agreed_time.is_none()));
    }
}

#[test]
fn a_doubted_greeting_is_no_answer_and_is_not_asked_back() {
    let greeting = "Govon Lion at eight, good evening, how may I help?";
    let call = Rehearsal::new().callee(When::At(300), greeting).model(text("A table for 4 on 2026-12-04 at 19:30, please."));
    let call = hears(call, greeting, unsure(greeting, 0.48), None).line(30_000, bye(16)).run();
    assert!(!call.said().iter().any(|text| text.starts_with("I understood")), "{:?}", call.said());
}

#[test]
fn a_greeting_that_is_understood_late_is_no_answer_to_what_we_asked() {
    let call = Rehearsal::new()
        .callee(When::At(300), "Corner Table, hello?")
        .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
        .model(text("Could you repeat that, please?"))
        .with(|script| script.recogniser_takes = 7_000)
        .line(20_000, bye(16))
        .run();
    assert!(!call.said().contains(&"Could you repeat that, please?"), "{:?}", call.said());
}
