//! How the line goes, and what the row says of it.

use offhook::{disposition::Disposition, end_cause::EndCause, outcome::Outcome};
use offhook_types::line::MediaPresence;

use super::*;

fn accepted() -> Rehearsal {
    Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("A table for 4, please."))
        .callee(When::Answering(400), "Yes, 19:30 is fine.")
        .model(vec![accept("19:30"), Piece::Text("Wonderful.")])
        .model(text("Thank you."))
}

/// When the callee's nth utterance began and ended, in ms of the call.
fn utterance(call: &Rehearsed, nth: usize) -> (Millis, Millis) {
    let ended = call.events.iter().filter_map(|(_, event)| match event {
        Event::Heard(EarEvent::SpeechEnded { started, ended, .. }) => Some((started.0, ended.0)),
        _ => None,
    });
    ended.collect::<Vec<_>>()[nth]
}

fn absent(at: Millis) -> (Millis, LineEvent) {
    (at + 1_000, LineEvent::Media(MediaPresence::Absent { for_ms: 1_000 }))
}

#[test]
fn a_slow_recogniser_does_not_cost_a_table_that_was_given() {
    for slow in [200, 3_000, 7_900] {
        let call = || accepted().callee(When::Answering(400), "Great, and do not call here again. Bye!");
        let goodbye = utterance(&call().line(90_000, bye(16)).run(), 2);
        // The recogniser is slow from then on only: what was said before is long understood.
        let hung_up = goodbye.1 + 1_000;
        let call = call().line(hung_up, bye(16)).with(|script| script.recogniser_slow_after = Some((goodbye.0, slow))).run();
        let conclusion = call.conclusion();
        assert_eq!(conclusion.outcome.as_ref().map(|report| report.outcome), Some(Outcome::Booked), "{slow} ms");
        assert!(conclusion.do_not_call, "{slow} ms");
        assert_eq!(call.transcript().last().unwrap().text, "Great, and do not call here again. Bye!");
        assert!(call.over_at() < hung_up + slow + 200);
    }
}

#[test]
fn an_earlier_wish_is_kept_although_the_last_words_are_never_understood() {
    let call = || accepted().callee(When::Answering(400), "Don't call here again!").callee(When::Answering(400), "Bye!");
    let last = utterance(&call().line(90_000, bye(16)).run(), 3);
    let (slow, hung_up) = (last.0 - 100, last.1 + 1_000);
    let call = call().line(hung_up, bye(16)).with(|script| script.recogniser_slow_after = Some((slow, 600_000))).run();
    assert!(call.conclusion().do_not_call);
    assert_eq!(call.conclusion().outcome.as_ref().map(|report| report.outcome), Some(Outcome::Booked));
    assert!(call.over_at() <= hung_up + 10_000, "{}", call.over_at());
}

#[test]
fn the_last_words_before_a_bye_are_heard() {
    let call = || {
        Rehearsal::new()
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("A table for 4, please."))
            .callee(When::Answering(400), "Don't call here again!")
    };
    let said = utterance(&call().line(90_000, bye(16)).run(), 1);
    for after in [20, 200, 480, 550] {
        let call = call().line(said.1 + after, bye(16)).run();
        assert!(call.conclusion().do_not_call, "BYE {after} ms after the last word");
        assert_eq!(call.conclusion().outcome.as_ref().map(|report| report.outcome), Some(Outcome::Refused));
        assert_eq!(call.transcript().last().unwrap().text, "Don't call here again!");
    }
}

#[test]
fn a_bye_at_any_moment_ends_in_one_conclusion_with_its_cause() {
    for at in (0..32_000).step_by(250) {
        for cause in [None, Some(16), Some(41)] {
            let call = accepted().line(at, LineEvent::Ended(LineEnd::Bye { cause })).run();
            assert_eq!(call.count(|action| matches!(action, Action::Finish(_))), 1);
            assert_eq!(call.count(|action| matches!(action, Action::HangUp)), 0, "the line is down already");
            assert_eq!(call.conclusion().ended, Some(EndCause::HungUpByCallee { cause }), "{at}");
            assert!(call.over_at() < at + 10_000);
        }
    }
}

#[test]
fn a_dialog_that_is_lost_is_no_bye() {
    let lost = LineEvent::Ended(LineEnd::DialogLost { why: "the session was not refreshed".into() });
    let call = accepted().line(9_000, lost).run();
    assert_eq!(call.conclusion().ended, Some(EndCause::DialogLost));
    assert!(call.conclusion().detail.as_ref().unwrap().contains("the session was not refreshed"));
}

#[test]
fn ten_seconds_without_media_are_a_line_that_went_down() {
    let (at, event) = absent(12_000);
    let call = accepted().line(at, event).run();
    assert_eq!(call.conclusion().ended, Some(EndCause::MediaLost { silent_ms: 10_000 }));
    assert_eq!(call.conclusion().disposition, Disposition::Answered);
    assert_eq!(call.count(|action| matches!(action, Action::HangUp)), 1, "the far end may still hold the call open");
    // Media that comes again in time is no such line.
    let (at, event) = absent(12_000);
    let call = accepted().line(at, event).line(20_000, LineEvent::Media(MediaPresence::Present)).line(25_000, bye(16)).run();
    assert_eq!(call.conclusion().ended, Some(EndCause::HungUpByCallee { cause: Some(16) }));
}

#[test]
fn a_call_on_which_no_sound_ever_comes_has_no_media() {
    let call = Rehearsal::new().with(|script| script.media_comes = false).run();
    assert_eq!(call.conclusion().disposition, Disposition::NoMedia);
    assert_eq!(call.conclusion().detail.as_deref(), Some("answered, but no sound came within 10 s"));
    assert_eq!(call.conclusion().ended, Some(EndCause::MediaLost { silent_ms: 10_000 }));
    assert!((10_000..10_100).contains(&call.over_at()), "{}", call.over_at());
    // Somebody who hangs up before that has hung up.
    let call = Rehearsal::new().with(|script| script.media_comes = false).line(4_000, bye(16)).run();
    assert_eq!(call.conclusion().disposition, Disposition::Answered);
}

#[test]
fn a_hold_lasts_a_minute_whether_it_is_said_signalled_or_silent() {
    let waiting = || {
        Rehearsal::new()
            .callee(When::At(300), "Good evening, Golden Lion?")
            .model(text("A table for 4, please."))
            .callee(When::Answering(400), "One moment please.")
    };
    let asked = utterance(&waiting().line(90_000, bye(16)).run(), 1).1;
    // An exchange that stops sending while somebody looks into the book: no line that went down.
    let (at, event) = absent(asked + 500);
    let call = waiting().line(at, event.clone()).line(asked + 45_000, bye(16)).run();
    assert_eq!(call.conclusion().ended, Some(EndCause::HungUpByCallee { cause: Some(16) }));
    let call = waiting().line(at, event).run();
    let silent = EndCause::MediaLost { silent_ms: 60_000 };
    assert_eq!(call.conclusion().ended, Some(silent), "{:?}", call.said());
    // By signalling, music or none: what we say meanwhile waits, and is no failure of the voice.
    let held = || accepted().line(7_000, LineEvent::Held(true)).with(|script| script.held = Some((7_000, None)));
    let call = held().run();
    assert!((66_900..67_200).contains(&call.over_at()), "{}", call.over_at());
    assert!(call.conclusion().detail.as_ref().unwrap().contains("on hold"), "{:?}", call.conclusion());
    assert_eq!((call.logged("voice_failed"), call.logged("playout_overdue")), (0, 0));
    let back = held().with(|script| script.held = Some((7_000, Some(50_000)))).line(50_000, LineEvent::Held(false));
    let call = back.line(90_000, bye(16)).run();
    assert_eq!(call.conclusion().outcome.as_ref().map(|report| report.outcome), Some(Outcome::Booked), "{:?}", call.said());
}

#[test]
fn three_reasons_to_stop_are_three_sentences_and_three_rows() {
    let mut told = Vec::new();
    for (reason, disposition, ended, words, detail) in [
        (StopReason::TakenBack, Disposition::Cancelled, EndCause::HungUpByUs, "withdrawn", "Taken back by the user."),
        (StopReason::ProcessStopping, Disposition::Answered, EndCause::ProcessStopped, "technical reasons", "told to stop"),
        (StopReason::AttemptStale, Disposition::Answered, EndCause::AttemptStale, "technical difficulties", "attempt is over"),
    ] {
        for at in [100, 4_000, 9_000, 15_000] {
            let call = Rehearsal::new()
                .callee(When::At(300), "Good evening, Golden Lion?")
                .model(text("A table for 4, please."))
                .stop(at, reason)
                .run();
            let conclusion = call.conclusion();
            assert_eq!((conclusion.disposition, conclusion.ended), (disposition, Some(ended)), "{reason:?} at {at}");
            assert!(conclusion.detail.as_ref().unwrap().contains(detail), "{conclusion:?}");
            assert_eq!(conclusion.outcome, None, "a fault of ours is no answer of the restaurant");
            let last = call.said().last().unwrap().to_string();
            assert!(last.contains(words), "{reason:?}: {last}");
            told.push(last);
        }
        let call = accepted().stop(25_000, reason).run();
        let outcome = call.conclusion().outcome.as_ref().map(|report| report.outcome);
        assert_eq!(outcome, Some(Outcome::Booked), "what was agreed on stays agreed");
    }
    told.dedup();
    assert_eq!(told.len(), 3);
}

#[test]
fn at_most_two_sentences_are_fetched_ahead_of_the_one_that_is_heard() {
    let monologue = "One. This is two. Here comes three. And now four. Then there is five. Next is six. At last seven.";
    let call = Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text(monologue))
        .callee(When::Into(3_000), "Stop please, who is it?")
        .line(60_000, bye(16))
        .run();
    let world = call.world.lock().unwrap();
    assert!(world.most_voices_ahead <= 3, "{} at once", world.most_voices_ahead);
    let spoken = call.said().len();
    assert!(world.requested_voices < spoken, "{} of {spoken} sentences were paid for", world.requested_voices);
}
