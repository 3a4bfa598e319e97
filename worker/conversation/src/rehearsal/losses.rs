//! Whatever is lost on its way, the agent is never mute for long, and the call ends.

use offhook::{disposition::Disposition, outcome::Outcome};

use super::*;

/// The longest the callee may hear nothing of us while they say nothing, until the call is over, where answers of recogniser, model,
/// voice and journal are lost: each is waited for to its deadline (9 s with the default limits), and has one repeat.
const LONGEST_MUTE: Millis = 40_000;
/// The same where also the ear's and the playout's own reports are lost, which never happens unless we are wrong.
const LONGEST_MUTE_INSIDE: Millis = 45_000;

/// The longest stretch in which nobody was heard.
fn longest_mute(call: &Rehearsed) -> Millis {
    let world = call.world.lock().unwrap();
    let over = world.hung_up.unwrap_or_else(|| call.over_at());
    let mut audible = world.audible.clone();
    audible.sort_unstable();
    let mut mute = 0;
    let mut heard_until = 0;
    for (from, until) in audible.into_iter().chain([(over, over)]) {
        mute = mute.max(from.min(over).saturating_sub(heard_until));
        heard_until = heard_until.max(until);
    }
    mute
}

fn talk() -> Rehearsal {
    Rehearsal::new()
        .callee(When::At(300), "Good evening, Golden Lion?")
        .model(text("A table for 4 on 2026-12-04 at 19:30, please."))
        .callee(When::Answering(400), "Only at 20:00.")
        .model(vec![accept("20:00")])
        .model(text("Perfect. The name is Ada Winter."))
        .callee(When::Answering(400), "Anything else?")
        .model(vec![report("booked"), Piece::Text("No, thank you, goodbye."), end_call()])
}

fn losses(inside: bool) -> (Millis, usize) {
    let mut longest = (0, 0);
    let mut agreed = 0;
    for seed in 0..600 {
        let share = [0.05, 0.2, 0.5, 1.0][seed as usize % 4];
        let call = talk().with(|script| (script.losses, script.losses_inside) = (Some((seed, share)), inside)).run();
        longest = longest.max((longest_mute(&call), seed));
        agreed += usize::from(call.conclusion().outcome.as_ref().is_some_and(|report| report.agreed_time.is_some()));
    }
    println!("mute for {} ms at most, with seed {}; {agreed} of 600 came to an agreement", longest.0, longest.1);
    (longest.0, agreed)
}

#[test]
fn the_agent_is_never_mute_for_long_whatever_is_lost() {
    let (longest, agreed) = losses(false);
    assert!((9_000..=LONGEST_MUTE).contains(&longest), "mute for {longest} ms");
    assert!(agreed > 60, "only {agreed} calls came to an agreement: they prove little");
}

#[test]
fn nor_where_our_own_reports_are_lost() {
    let (longest, agreed) = losses(true);
    assert!((9_000..=LONGEST_MUTE_INSIDE).contains(&longest), "mute for {longest} ms");
    assert!(agreed > 60, "only {agreed} calls came to an agreement: they prove little");
}

#[test]
fn without_losses_the_same_talk_is_booked() {
    let call = talk().run();
    assert_eq!(call.conclusion().outcome.as_ref().map(|report| report.outcome), Some(Outcome::BookedAlternative));
    assert!(longest_mute(&call) < 3_000, "{}", longest_mute(&call));
}

#[test]
fn a_tool_that_can_be_journaled_nowhere_ends_in_a_goodbye() {
    for lost in [false, true] {
        let script = |script: &mut world::Script| {
            script.journal_fails = true;
            script.journal_takes = if lost { 3_600_000 } else { 20 };
        };
        let call = talk().with(script).run();
        let last = call.said().last().unwrap().to_string();
        assert!(last.contains("technical difficulties"), "{last}");
        let conclusion = call.conclusion();
        assert_eq!(conclusion.disposition, Disposition::ProviderFailure);
        assert!(conclusion.detail.as_ref().unwrap().contains("journaled"), "{conclusion:?}");
        assert_eq!(conclusion.outcome, None, "what is not written down does not run");
        assert_eq!(call.count(|action| matches!(action, Action::SettleTool { .. })), 0);
        assert!(longest_mute(&call) < 8_000, "{}", longest_mute(&call));
    }
}

#[test]
fn a_database_that_is_away_for_good_still_ends_every_call_with_words() {
    let call = talk().with(|script| script.journal_fails = true).run();
    assert!(call.over_at() < 60_000, "{}", call.over_at());
}
