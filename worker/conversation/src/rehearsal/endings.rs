//! Every way a call ends.

use offhook::{disposition::Disposition, outcome::Outcome, provider::Provider};
use offhook_types::chat::Role;

use super::*;

fn finishes(call: &Rehearsed) {
    assert_eq!(call.count(|action| matches!(action, Action::Finish(_))), 1);
    assert!(matches!(call.actions.last(), Some((_, Action::Finish(_)))));
}

fn outcome(call: &Rehearsed) -> Option<Outcome> {
    finishes(call);
    call.conclusion().outcome.as_ref().map(|report| report.outcome)
}

fn greeted() -> Rehearsal {
    Rehearsal::new().callee(When::At(300), "Good evening, Golden Lion?")
}

#[test]
fn a_machine_hears_no_more_of_us() {
    for greeting in ["Please leave a message after the tone.", "Bitte hinterlassen Sie eine Nachricht nach dem Signalton."] {
        let call = Rehearsal::new().callee(When::At(300), greeting).run();
        assert_eq!(outcome(&call), None);
        assert_eq!(call.conclusion().disposition, Disposition::Voicemail);
        assert!(call.said().is_empty());
        assert_eq!(call.count(|action| matches!(action, Action::HangUp)), 1);
        assert_eq!(call.transcript()[0].text, greeting);
    }
    let call = greeted().callee(When::Into(500), "We are closed. Leave a message after the beep.").run();
    assert_eq!(call.conclusion().disposition, Disposition::Voicemail);
    let call = Rehearsal::new().ear(4_000, EarEvent::Beep { at: MediaTime(3_900) }).run();
    assert_eq!(call.conclusion().disposition, Disposition::Voicemail);
    let call = Rehearsal::new().callee(When::At(300), "For reservations press 1.").run();
    assert_eq!(call.conclusion().disposition, Disposition::MenuDeadEnd);
}

#[test]
fn a_silent_line_is_asked_once_and_then_left() {
    let call = greeted().model(text("A table for 4, please.")).run();
    assert_eq!(outcome(&call), Some(Outcome::NoAgreement));
    let said = call.said();
    assert_eq!(said[said.len() - 2..], ["Are you still there?", "Thank you for your time. Goodbye."]);
}

#[test]
fn a_callee_who_asks_to_wait_is_waited_for() {
    let call = greeted().callee(When::Answering(500), "One moment please.").line(50_000, bye(16)).run();
    assert!(!call.said().contains(&"Are you still there?"));
    assert_eq!(call.logged("hold"), 1);
}

#[test]
fn a_queue_is_not_told_what_only_a_person_can_hear() {
    let call = Rehearsal::new()
        .callee(When::At(300), "All our lines are busy, please hold.")
        .callee(When::At(30_000), "Golden Lion, good evening?")
        .line(45_000, bye(16))
        .run();
    let first = call.actions.iter().find(|(_, action)| matches!(action, Action::Speak { .. })).unwrap().0;
    assert!(first > 30_000);
}

#[test]
fn the_whole_call_is_bounded() {
    let mut call = greeted();
    for _ in 0..100 {
        call = call.callee(When::Answering(300), "And what else can I do for you?");
    }
    let call = call.run();
    assert_eq!(outcome(&call), Some(Outcome::NoAgreement));
    assert!(call.over_at() >= 300_000 && call.over_at() < 316_000, "{}", call.over_at());
    assert!(call.said().last().unwrap().starts_with("I'm sorry, I have to end the call"));
}

#[test]
fn a_request_taken_back_ends_politely() {
    let call = greeted().stop(8_000, StopReason::TakenBack).run();
    assert_eq!(outcome(&call), None);
    assert_eq!(call.conclusion().disposition, Disposition::Cancelled);
    assert!(call.said().last().unwrap().contains("withdrawn"));
    let mut mind = Mind::new(request(), "+44", settings(), 0);
    assert!(matches!(mind.handle(Event::Stop(StopReason::TakenBack), 5).last(), Some(Action::Finish(_))));
}

#[test]
fn a_dropped_line_has_no_outcome_and_an_agreement_survives_it() {
    let call = greeted().line(9_000, bye(16)).run();
    assert_eq!(outcome(&call), None);
    assert_eq!(call.conclusion().disposition, Disposition::Answered);
    let call = greeted()
        .callee(When::Answering(400), "Yes, 19:30 is fine.")
        .model(text("19:30?"))
        .model(vec![accept("19:30"), Piece::Text("Wonderful.")])
        .line(30_000, bye(16))
        .run();
    assert_eq!(outcome(&call), Some(Outcome::Booked));
}

#[test]
fn a_wish_never_to_be_called_again_is_kept() {
    let call = greeted().callee(When::Answering(300), "Don't call us again!").line(16_000, bye(16)).run();
    assert!(call.conclusion().do_not_call);
    assert_eq!(outcome(&call), Some(Outcome::Refused));
}

#[test]
fn a_model_that_fails_is_asked_once_more_and_then_given_up() {
    let call = greeted().model(vec![Piece::Fail]).model(text("A table for 4, please.")).line(30_000, bye(16)).run();
    assert!(call.said().contains(&"I'm sorry, one moment please.") && call.said().contains(&"A table for 4, please."));
    let call = greeted().model(vec![Piece::Fail]).model(vec![Piece::Fail]).run();
    assert_eq!((call.conclusion().disposition, outcome(&call)), (Disposition::ProviderFailure, None));
    assert!(call.conclusion().detail.as_ref().unwrap().contains("language model"));
}

#[test]
fn a_recogniser_that_fails_counts_as_silence_once() {
    let mut call = greeted().callee(When::Answering(300), "Hello?");
    call.script.recogniser_fails = true;
    let call = call.run();
    assert_eq!((call.conclusion().disposition, outcome(&call)), (Disposition::ProviderFailure, None));
    assert!(call.conclusion().detail.as_ref().unwrap().contains("recogniser"));
}

#[test]
fn without_a_voice_the_call_ends() {
    let mut call = greeted();
    call.script.voice_fails = true;
    let call = call.run();
    assert_eq!((call.conclusion().disposition, outcome(&call)), (Disposition::ProviderFailure, None));
    assert_eq!(call.count(|action| matches!(action, Action::HangUp)), 1);
}

#[test]
fn a_sentence_whose_sound_was_no_speech_was_not_heard() {
    let call = || {
        greeted().model(text("A table for 4, please.")).callee(When::At(12_000), "Hello? What was that?").line(30_000, bye(16))
    };
    let heard = |call: &Rehearsed| {
        let last = call.asked().pop().unwrap();
        last.iter().any(|message| message.role == Role::Assistant && message.content.contains("table for 4"))
    };
    let fine = call().run();
    assert!(heard(&fine) && fine.transcript().iter().any(|turn| turn.text.contains("table for 4")));
    let noise = call().with(|script| script.no_speech = Some("table")).run();
    assert_eq!(noise.logged("voice_failed"), 2, "it was said once more");
    assert!(!heard(&noise) && !noise.transcript().iter().any(|turn| turn.text.contains("table for 4")));
    // The sentence before it, in the same turn, was heard.
    let second =
        greeted().model(text("Good evening. A table for 4, please.")).callee(When::At(14_000), "Hello?").line(30_000, bye(16));
    let second = second.with(|script| script.no_speech = Some("table")).run();
    let agent =
        second.transcript().into_iter().find(|turn| turn.text.contains("Good evening. ") || turn.text.ends_with("Good evening."));
    assert!(agent.is_some_and(|turn| !turn.text.contains("table for 4")), "{:?}", second.transcript());
}

#[test]
fn a_voice_that_never_speaks_though_it_sounds_ends_the_call() {
    let call = greeted()
        .model(text("Well, yes. A table for 4, please."))
        .callee(When::At(14_000), "Hello?")
        .with(|script| script.no_speech = Some(""));
    let call = call.run();
    assert!(call.logged("voice_failed") >= 3);
    assert_eq!(call.count(|action| matches!(action, Action::HangUp)), 1);
    assert!(call.over_at() < 60_000);
}

#[test]
fn a_callee_may_talk_us_out_of_our_goodbye_but_a_farewell_does_not() {
    let goodbye = || vec![Piece::Text("Thank you very much for everything, have a nice evening."), end_call()];
    let call = greeted()
        .model(text("A table for 4, please."))
        .callee(When::Answering(300), "No table.")
        .model(goodbye())
        .callee(When::Into(800), "Wait, for which name is it?")
        .model(text("Ada Winter."))
        .line(40_000, bye(16))
        .run();
    assert!(call.said().contains(&"Ada Winter."));
    let call = greeted()
        .model(text("A table for 4, please."))
        .callee(When::Answering(300), "No table.")
        .model(goodbye())
        .callee(When::Into(800), "Thanks, bye!")
        .run();
    assert_eq!(outcome(&call), Some(Outcome::NoAgreement));
    assert_eq!(call.asked().len(), 2);
}

#[test]
fn what_failed_is_named_in_the_conclusion() {
    let fails = || vec![Piece::Fail];
    let chat = greeted().model(fails()).model(fails()).run();
    let mut deaf = greeted().callee(When::Answering(300), "Hello?");
    deaf.script.recogniser_fails = true;
    let mut mute = greeted();
    mute.script.voice_fails = true;
    for (call, provider) in [(chat, Provider::Chat), (deaf.run(), Provider::SpeechToText), (mute.run(), Provider::TextToSpeech)] {
        assert_eq!(call.conclusion().failed_provider, Some(provider));
    }
    let well = greeted().model(text("A table for 4, please.")).line(30_000, bye(16)).run();
    assert_eq!(well.conclusion().failed_provider, None);
}

/// A callee who has heard nothing of the model's and hangs up has refused nothing.
#[test]
fn a_callee_who_hangs_up_on_our_silence_is_not_the_end_of_the_call() {
    let silence = |call: Rehearsal, at| {
        let call = call.line(at, bye(16)).run();
        finishes(&call);
        (call.conclusion().disposition, call.conclusion().failed_provider)
    };
    let spoiled = |provider| (Disposition::ProviderFailure, Some(provider));
    let mut mute = greeted().model(text("A table for 4, please."));
    mute.script.voice_fails = true;
    assert_eq!(silence(mute, 5_000), spoiled(Provider::TextToSpeech));
    assert_eq!(silence(greeted().model(vec![Piece::Never]), 8_500), spoiled(Provider::Chat));
    assert_eq!(silence(greeted().model(vec![Piece::Fail]).model(vec![Piece::Never]), 4_000), spoiled(Provider::Chat));
    // Who hung up at once, or after they had heard us, has.
    let answered = (Disposition::Answered, None);
    assert_eq!(silence(greeted().model(vec![Piece::Never]), 3_000), answered);
    assert_eq!(silence(greeted().model(text("A table for 4, please.")).model(vec![Piece::Fail]), 30_000), answered);
}
