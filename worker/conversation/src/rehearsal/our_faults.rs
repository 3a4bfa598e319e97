//! What goes wrong on our side is not taken for the callee's doing, nor the callee's for ours.

use offhook::{disposition::Disposition, outcome::Outcome, provider::Provider};
use offhook_types::transcript::{Foreign, Transcript};

use super::*;

const WISH: &str = "A table for 4 on 2026-12-04 at 19:30, please.";

fn greeted() -> Rehearsal {
    Rehearsal::new().callee(When::At(300), "Good evening, Golden Lion?")
}

fn accepted() -> Rehearsal {
    greeted().model(text("A table, please.")).callee(When::Answering(400), "Yes, 19:30 is fine.").model(vec![accept("19:30")])
}

fn breaks_off(call: Rehearsal, word: &'static str, times: usize) -> Rehearsal {
    call.with(|script| script.breaks_off = Some((word, times)))
}

/// Who is to blame, and whether the row says so.
fn blamed(call: &Rehearsed) -> Option<Provider> {
    let conclusion = call.conclusion();
    assert_eq!(call.count(|action| matches!(action, Action::Finish(_))), 1);
    assert_eq!(conclusion.disposition == Disposition::ProviderFailure, conclusion.failed_provider.is_some(), "{conclusion:?}");
    assert!(conclusion.failed_provider.is_none() || conclusion.outcome.is_none(), "{conclusion:?}");
    conclusion.failed_provider
}

fn outcome(call: &Rehearsed) -> Option<Outcome> {
    call.conclusion().outcome.as_ref().map(|report| report.outcome)
}

/// When the callee's nth utterance ended, in ms of the call.
fn ended(call: &Rehearsed, nth: usize) -> Millis {
    let ended = call.events.iter().filter_map(|(_, event)| match event {
        Event::Heard(EarEvent::SpeechEnded { ended, .. }) => Some(ended.0),
        _ => None,
    });
    ended.collect::<Vec<_>>()[nth]
}

#[test]
fn a_sentence_that_breaks_off_is_said_again_before_what_follows_it() {
    let call = breaks_off(greeted().model(text("Good evening to you. We would like a table. For four, please.")), "a table", 1);
    let call = call.line(30_000, bye(16)).run();
    assert_eq!(call.logged("voice_failed"), 1);
    let started: Vec<&str> = call
        .events
        .iter()
        .filter_map(|(_, event)| match event {
            Event::Playout(PlayoutEvent::Played { sentence, .. }) => call.actions.iter().find_map(|(_, action)| match action {
                Action::Speak { sentence: spoken, text, .. } if spoken == sentence => Some(text.as_str()),
                _ => None,
            }),
            _ => None,
        })
        .collect();
    let reply = ["Good evening to you.", "We would like a table.", "For four, please."];
    assert!(started.windows(3).any(|heard| heard == reply), "{started:?}");
}

#[test]
fn words_of_a_sentence_that_broke_off_are_kept_as_far_as_they_were_heard() {
    let call = breaks_off(greeted().model(text(WISH)), "table", 2).line(40_000, bye(16)).run();
    let turns = call.transcript();
    let part = turns.iter().find(|turn| turn.interrupted && turn.text.contains("table")).unwrap_or_else(|| panic!("{turns:?}"));
    assert!(part.text.contains("A table") && !part.text.contains("please"), "{turns:?}");
}

#[test]
fn a_disclosure_that_breaks_off_is_no_announcement_until_it_was_heard() {
    // Twice: also the repeat, so that it is owed until the next turn.
    let call = breaks_off(greeted().model(text(WISH)), "recorded", 2).callee(When::Answering(400), "And which name is it?");
    let call = call.callee(When::Answering(400), "Very well then.").line(60_000, bye(16)).run();
    let agreed = call.actions.iter().find(|(_, action)| matches!(action, Action::StartRecording)).unwrap().0;
    assert!(agreed > ended(&call, 1) + 2_000, "they agreed to what they had not heard");
    assert_eq!(call.said().iter().filter(|text| text.contains("recorded")).count(), 3);
}

#[test]
fn a_read_back_that_breaks_off_is_not_heard() {
    let whole = breaks_off(accepted(), "I confirm", 1).model(text("Thank you.")).line(40_000, bye(16)).run();
    assert_eq!(outcome(&whole), Some(Outcome::Booked), "it was said again");
    let first = whole.events.iter().find(|(_, event)| matches!(event, Event::SentenceFailed { .. })).unwrap().0;
    let never = breaks_off(accepted(), "I confirm", 9).line(first + 150, bye(16)).run();
    assert_eq!(outcome(&never), Some(Outcome::Unconfirmed));
    // A yes to the half of it that names no party or time is a yes to nothing.
    let nod = breaks_off(accepted().model(vec![end_call()]), "I confirm", 9).callee(When::Answering(300), "Yes.");
    assert_ne!(outcome(&nod.line(60_000, bye(16)).run()), Some(Outcome::Booked));
}

#[test]
fn a_voice_whose_every_sentence_breaks_off_has_failed() {
    let call = breaks_off(greeted().model(text(WISH)), "", 100).run();
    assert_eq!(blamed(&call), Some(Provider::TextToSpeech));
    assert_eq!(call.logged("voice_failed"), 3);
}

#[test]
fn nobody_falls_silent_while_our_recogniser_and_voice_are_dead() {
    for (recogniser, voice) in [(true, true), (false, true), (true, false)] {
        for reply in ["Just a moment.", "Which name is it?"] {
            let call = greeted().model(text(WISH)).callee(When::Answering(400), reply).model(text("Ada Winter is the name."));
            let call = call.with(|script| {
                script.recogniser_fails_after = recogniser.then_some(3_000);
                script.voice_fails_after = voice.then_some(9_500);
            });
            let call = call.run();
            assert!(blamed(&call).is_some(), "{recogniser} {voice} {reply}: {:?} {:?}", call.conclusion(), call.said());
        }
    }
}

#[test]
fn a_question_that_nobody_heard_was_not_asked() {
    let unheard = breaks_off(greeted().model(text(WISH)), "still there", 2).run();
    assert_eq!(blamed(&unheard), Some(Provider::TextToSpeech));
    assert!(unheard.said().last().unwrap().contains("technical difficulties"), "{:?}", unheard.said());
    // Said again, it was heard.
    let heard = breaks_off(greeted().model(text(WISH)), "still there", 1).run();
    assert_eq!(outcome(&heard), Some(Outcome::NoAgreement));
    // A cough over it is no answer, and leaves it unasked.
    let cough = greeted().model(text(WISH)).callee(When::Answering(400), "Just go on.");
    let asked = cough.run();
    let at =
        asked.actions.iter().find(|(_, action)| matches!(action, Action::Speak { text, .. } if text.contains("still there")));
    let cough =
        greeted().model(text(WISH)).callee(When::Answering(400), "Just go on.").sound(When::At(at.unwrap().0 + 300), "", 300);
    let cough = cough.run();
    assert_eq!(outcome(&cough), Some(Outcome::NoAgreement));
    assert!(cough.over_at() > asked.over_at());
}

#[test]
fn a_model_that_writes_nothing_twice_has_failed() {
    for nothing in ["", "   \n", "🙂 …"] {
        for turns in [0, 1] {
            let mut call = greeted();
            if turns == 1 {
                call = call.model(text(WISH)).callee(When::Answering(400), "Which name is it?");
            }
            let call = call.model(text(nothing)).model(text(nothing)).run();
            assert_eq!(blamed(&call), Some(Provider::Chat), "{nothing:?}");
            assert!(call.said().last().unwrap().contains("technical difficulties"));
            assert_eq!(call.logged("model_failed"), 2);
        }
    }
    // Once is forgiven, and what was said before does not count for later.
    let once = greeted().model(text("")).model(text(WISH)).callee(When::Answering(400), "Which name is it?").model(text(""));
    let once = once.model(text("Ada Winter.")).line(60_000, bye(16)).run();
    assert_eq!(blamed(&once), None);
    // Neither does an end without words after a tool call that the callee heard nothing of.
    let mute = greeted().model(text(WISH)).callee(When::Answering(400), "We are full.").model(vec![report("declined")]);
    let mute = mute.model(text("")).model(text("")).line(60_000, bye(16)).run();
    assert!(mute.said().last().unwrap().contains("technical difficulties"), "{:?}", mute.said());
    // But a model may have nothing to add to a read-back.
    let call = accepted().model(text("")).line(40_000, bye(16)).run();
    assert_eq!((blamed(&call), call.logged("model_failed")), (None, 0));
}

#[test]
fn who_hangs_up_because_their_last_words_had_no_answer_is_called_again() {
    let asked = || greeted().model(text(WISH)).callee(When::Answering(400), "For how long do you want to stay?");
    let last = ended(&asked().line(90_000, bye(16)).run(), 1);
    let of = |call: Rehearsal, after: Millis| blamed(&call.line(last + after, bye(16)).run());
    for broken in [vec![Piece::Never], vec![Piece::Text("Well"), Piece::Never]] {
        assert_eq!(of(asked().model(broken.clone()), 7_000), Some(Provider::Chat));
        assert_eq!(of(asked().model(broken), 2_000), None, "nobody waits less");
    }
    let deaf = || asked().with(|script| script.recogniser_slow_after = Some((3_000, 600_000)));
    assert_eq!(of(deaf(), 7_000), Some(Provider::SpeechToText));
    assert_eq!(of(deaf(), 2_000), None);
    assert_eq!(of(asked().model(text("Two hours.")), 9_000), None, "they had their answer");
    // A callee who asks again and again, of a model that is asked anew each time.
    let mut hello = asked();
    for _ in 0..5 {
        hello = hello.model(vec![Piece::Never]);
    }
    for at in [3_000, 6_000, 9_000] {
        hello = hello.callee(When::At(last + at), "Hello?");
    }
    assert_eq!(of(hello, 12_000), Some(Provider::Chat));
}

#[test]
fn nobody_is_to_blame_for_what_a_held_line_does_not_carry() {
    for at in [20, 2_500, 6_000] {
        let held = greeted().model(text(WISH)).line(at, LineEvent::Held(true)).with(|script| script.held = Some((at, None)));
        for cause in [16, 31] {
            assert_eq!(blamed(&held_copy(at, 9_000 + at, cause)), None, "held at {at}");
        }
        let call = held.line(9_000 + at, bye(16)).run();
        assert_eq!((blamed(&call), call.logged("voice_failed")), (None, 0));
    }
    // The model's failures are not what they hang up on either: they were not listening.
    let held =
        greeted().model(vec![Piece::Never]).line(2_000, LineEvent::Held(true)).with(|script| script.held = Some((0, None)));
    assert_eq!(blamed(&held.line(9_000, bye(16)).run()), None);
    // A line on which no sound comes carries none of ours either, as far as we know.
    let dead = Rehearsal::new().model(text(WISH)).with(|script| (script.media_comes, script.held) = (false, Some((0, None))));
    assert_eq!(blamed(&dead.line(9_000, bye(16)).run()), None);
    // Answered on hold, without any sound, and taken back after half a minute: a call like any other.
    let late = Rehearsal::new().line(10, LineEvent::Held(true)).line(30_000, LineEvent::Held(false)).with(|script| {
        (script.media_comes, script.held) = (false, Some((0, Some(30_000))));
    });
    let present = LineEvent::Media(offhook_types::line::MediaPresence::Present);
    let late = late.line(30_100, present).model(text(WISH)).line(50_000, bye(16)).run();
    assert!(late.transcript().iter().any(|turn| turn.text.contains("19:30")), "{:?} {:?}", late.conclusion(), late.transcript());
    // Taken back, the voice has its time from then on.
    let back = greeted().model(text(WISH)).with(|script| script.held = Some((20, None)));
    let back = back.line(20, LineEvent::Held(true)).line(9_000, LineEvent::Held(false));
    assert_eq!(blamed(&back.line(10_000, bye(16)).run()), None);
}

fn held_copy(at: Millis, over: Millis, cause: u16) -> Rehearsed {
    let held = Rehearsal::new().line(at, LineEvent::Held(true)).with(|script| script.held = Some((at, None)));
    held.line(over, bye(cause)).run()
}

/// The recogniser makes this of everything that is said after the greeting, or of all of it.
fn garbled(transcript: impl Fn(&str) -> Transcript, greeting: bool, replies: usize) -> Rehearsal {
    const REPLIES: [&str; 6] =
        ["It is booked", "Your table is booked", "Yes, booked", "I said booked", "Booked, yes", "Goodbye then"];
    let mut call = greeted();
    for words in &REPLIES[..replies] {
        call = call.callee(When::Answering(400), words);
    }
    call.with(|script| {
        for words in REPLIES.into_iter().chain(greeting.then_some("Good evening, Golden Lion?")) {
            script.transcripts.insert(words, (transcript(words), None));
        }
    })
}

#[test]
fn a_recogniser_that_makes_nothing_of_clear_speech_has_failed() {
    let low = |text: &str| Transcript { confidence: Some(0.22), ..Transcript::new(text, Some(Language::En)) };
    let empty = |_: &str| Transcript::default();
    let script =
        |_: &str| Transcript { foreign: Some(Foreign::Script), ..Transcript::new("สวัสดีครับ", None) };
    for (nth, transcript) in [&low as &dyn Fn(&str) -> Transcript, &empty, &script].into_iter().enumerate() {
        for greeting in [true, false] {
            let call = garbled(transcript, greeting, 6).run();
            assert_eq!(blamed(&call), Some(Provider::SpeechToText), "{nth} {greeting}: {:?}", call.conclusion());
            assert!(call.said().last().unwrap().contains("technical difficulties"), "{:?}", call.said());
            // Who hangs up before that, hangs up on it too.
            let call = garbled(transcript, greeting, 3).run();
            let hung_up = garbled(transcript, greeting, 3).line(ended(&call, 3) + 1_500, bye(16)).run();
            assert_eq!(blamed(&hung_up), Some(Provider::SpeechToText), "{nth} {greeting}");
        }
    }
    let call = garbled(low, true, 6).run();
    let kept = |call: &Rehearsed, words: &str| {
        call.actions.iter().any(|(_, action)| {
            matches!(action, Action::Log { kind: "not_heard", detail } if detail["text"] == words && detail["confidence"].is_number())
        })
    };
    assert!(kept(&call, "Your table is booked"), "a person can read what was not believed");
    // Also the last words, of which the transcript comes after the hang-up.
    let last = garbled(low, false, 1).line(ended(&garbled(low, false, 1).run(), 1) + 520, bye(16)).run();
    assert!(kept(&last, "It is booked"));
}

#[test]
fn a_bad_line_and_a_foreign_tongue_are_no_failure_of_the_recogniser() {
    let low = |text: &str| Transcript { confidence: Some(0.22), ..Transcript::new(text, Some(Language::En)) };
    // Now and then, words come through.
    let mut call = garbled(low, false, 0);
    for words in ["It is booked", "Your table is booked", "What was the name?", "Yes, booked", "I said booked", "And the time?"] {
        call = call.callee(When::Answering(400), words);
    }
    assert_eq!(blamed(&call.line(120_000, bye(16)).run()), None);
    // Coughs are no speech.
    let mut coughs = greeted().model(text(WISH));
    for _ in 0..6 {
        coughs = coughs.sound(When::Answering(400), "", 300);
    }
    assert_eq!(blamed(&coughs.run()), None);
    // Music on hold has no words.
    let mut music = greeted().model(text(WISH)).callee(When::Answering(400), "One moment please.");
    for at in 0..6 {
        music = music.sound(When::At(20_000 + 4_000 * at), "", 3_000);
    }
    assert_eq!(blamed(&music.line(60_000, bye(16)).run()), None);
    let welsh =
        |_: &str| Transcript { foreign: Some(Foreign::Language("welsh".into())), ..Transcript::new("Diolch yn fawr", None) };
    assert_eq!(blamed(&garbled(welsh, true, 6).run()), None);
}
