//! The policy, row by row as the design states it.

#![allow(clippy::unwrap_used)]

use rand::{SeedableRng, rngs::StdRng};

use super::*;

fn ending(disposition: Disposition) -> Ending<'static> {
    Ending {
        disposition,
        outcome: None,
        reached: Reached::Dialling,
        ended: None,
        callee_spoke: false,
        counted: 0,
        max_attempts: 3,
        cancel_requested: false,
        unwanted: false,
        do_not_call: false,
        retry_after: None,
        earlier: &[],
    }
}

fn settle(ending: &Ending<'_>) -> Settlement {
    RetryPolicy::default().settle(ending, &mut StdRng::seed_from_u64(7))
}

/// The delay in seconds and whether it counts, for endings that are retried.
fn retry(ending: &Ending<'_>) -> (u64, bool) {
    match settle(ending) {
        Settlement::Retry { after, counted, .. } => (after.as_secs(), counted),
        other => panic!("{ending:?} gave {other:?}"),
    }
}

#[test]
fn a_busy_line_is_called_again_in_5_to_10_minutes_and_a_silent_one_in_30_to_60() {
    for seed in 0..200 {
        let rng = &mut StdRng::seed_from_u64(seed);
        for (disposition, least, most) in [(Disposition::Busy, 300, 600), (Disposition::NoAnswer, 1800, 3600)] {
            let Settlement::Retry { after, counted: true, .. } = RetryPolicy::default().settle(&ending(disposition), rng) else {
                panic!()
            };
            assert!((least..=most).contains(&after.as_secs()), "{disposition:?} {after:?}");
        }
    }
}

#[test]
fn a_callee_who_says_when_to_call_again_is_called_no_sooner_and_a_day_is_the_most() {
    let wishing = |disposition, seconds| Ending { retry_after: Some(Duration::from_secs(seconds)), ..ending(disposition) };
    assert_eq!(retry(&wishing(Disposition::Busy, 7200)), (7200, true));
    assert_eq!(retry(&wishing(Disposition::NoAnswer, 10_000_000)), (86_400, true));
    assert!((300..=600).contains(&retry(&wishing(Disposition::Busy, 5)).0), "no sooner than a patient person would");
    assert!(retry(&wishing(Disposition::TrunkFailure, 7200)).0 <= 120, "the trunk rests, the call may go another way");
}

#[test]
fn a_line_without_sound_is_tried_once_more() {
    let silent = Ending { reached: Reached::Media, ..ending(Disposition::NoMedia) };
    assert_eq!(retry(&silent), (120, true));
    let earlier = [Earlier { disposition: Disposition::NoMedia, line_dropped: false }];
    assert!(matches!(settle(&Ending { earlier: &earlier, ..silent }), Settlement::Finish { .. }));
    assert_eq!(trunk_verdict(Disposition::NoMedia, Reached::Media), TrunkVerdict::Unknown);
}

#[test]
fn the_last_attempt_is_the_last() {
    let used_up = Ending { counted: 2, ..ending(Disposition::Busy) };
    let Settlement::Finish { why, counted: true, do_not_call: false } = settle(&used_up) else { panic!() };
    assert_eq!(why, "the line was busy, and 3 of 3 attempts are used up");
}

#[test]
fn trunk_failures_do_not_use_up_attempts_and_wait_longer_each_time() {
    let failed = Earlier { disposition: Disposition::TrunkFailure, line_dropped: false };
    let last_chance = Ending { counted: 2, ..ending(Disposition::TrunkFailure) };
    assert!(matches!(retry(&last_chance), (30..=60, false)), "{:?}", retry(&last_chance));
    let tenth = Ending { earlier: &[failed; 9], ..ending(Disposition::TrunkFailure) };
    assert!(matches!(retry(&tenth), (60..=120, false)), "{:?}", retry(&tenth));
}

#[test]
fn a_call_that_was_never_dialled_does_not_blame_the_trunk() {
    for (reached, words) in [(Reached::Nothing, "nothing was dialled"), (Reached::Dialling, "the trunk failed")] {
        let Settlement::Retry { why, .. } = settle(&Ending { reached, ..ending(Disposition::TrunkFailure) }) else { panic!() };
        assert_eq!(why, words);
    }
}

#[test]
fn a_machine_and_a_menu_are_counted_together_and_told_apart() {
    let earlier = [Earlier { disposition: Disposition::Voicemail, line_dropped: false }];
    let Settlement::Finish { why, .. } = settle(&Ending { earlier: &earlier, ..ending(Disposition::MenuDeadEnd) }) else {
        panic!()
    };
    assert_eq!(why, "a menu led nowhere, and machines or menus took the call 2 times");
}

#[test]
fn a_machine_is_called_once_more_at_another_hour() {
    let first = ending(Disposition::Voicemail);
    assert!(retry(&first).0 >= 3600);
    let earlier = [Earlier { disposition: Disposition::MenuDeadEnd, line_dropped: false }];
    let second = Ending { earlier: &earlier, counted: 1, ..ending(Disposition::Voicemail) };
    assert!(matches!(settle(&second), Settlement::Finish { .. }));
    let no_agreement = Ending { outcome: Some(Outcome::NoAgreement), ..first };
    assert!(retry(&no_agreement).0 >= 3600, "a machine agreed to nothing");
    let message = Ending { outcome: Some(Outcome::MessageLeft), ..first };
    assert!(matches!(settle(&message), Settlement::Finish { .. }), "a message is left once");
}

#[test]
fn a_dropped_conversation_is_resumed_once_after_two_minutes() {
    let dropped = Ending { reached: Reached::Media, ..ending(Disposition::Answered) };
    assert_eq!(retry(&dropped), (120, true));
    let earlier = [Earlier { disposition: Disposition::Answered, line_dropped: true }];
    assert!(matches!(settle(&Ending { earlier: &earlier, ..dropped }), Settlement::Finish { .. }));
}

#[test]
fn who_hangs_up_on_us_after_a_word_is_not_rung_again() {
    let ended = Some(EndCause::HungUpByCallee { cause: Some(16) });
    let hung_up = Ending { reached: Reached::Media, ended, callee_spoke: true, ..ending(Disposition::Answered) };
    let Settlement::Finish { why, counted: true, do_not_call: false } = settle(&hung_up) else { panic!() };
    assert_eq!(why, "the callee hung up before anything was settled");
    assert!(!hung_up.is_line_drop());
    assert!(matches!(settle(&Ending { cancel_requested: true, ..hung_up }), Settlement::Cancel { .. }));
    assert_eq!(retry(&Ending { callee_spoke: false, ..hung_up }), (120, true), "picked up, and nothing was heard");
}

#[test]
fn a_call_that_somebody_hung_up_earlier_does_not_count_as_a_dropped_line() {
    let hung_up = [Earlier { disposition: Disposition::Answered, line_dropped: false }];
    let dropped = Ending { reached: Reached::Media, earlier: &hung_up, ..ending(Disposition::Answered) };
    assert_eq!(retry(&dropped), (120, true));
}

#[test]
fn a_trunk_that_fails_after_the_answer_drops_the_line_once() {
    let failed = Ending { reached: Reached::Media, ..ending(Disposition::TrunkFailure) };
    assert_eq!(retry(&failed), (120, true));
    let earlier = [Earlier { disposition: Disposition::TrunkFailure, line_dropped: failed.is_line_drop() }];
    assert!(matches!(settle(&Ending { earlier: &earlier, ..failed }), Settlement::Finish { .. }));
}

#[test]
fn a_line_that_dropped_is_resumed_whoever_spoke_before() {
    for ended in [
        EndCause::HungUpByCallee { cause: Some(41) },
        EndCause::HungUpByCallee { cause: Some(27) },
        EndCause::MediaLost { silent_ms: 10_000 },
        EndCause::DialogLost,
    ] {
        let dropped = Ending { reached: Reached::Media, ended: Some(ended), callee_spoke: true, ..ending(Disposition::Answered) };
        assert_eq!(retry(&dropped), (120, true), "{ended:?}");
        assert!(dropped.is_line_drop());
    }
}

#[test]
fn a_worker_that_was_stopped_in_a_conversation_leaves_the_call_to_a_person() {
    for ended in [EndCause::ProcessStopped, EndCause::AttemptStale] {
        let stopped = Ending { reached: Reached::Media, ended: Some(ended), callee_spoke: true, ..ending(Disposition::Answered) };
        assert!(matches!(settle(&stopped), Settlement::Hold { .. }), "{ended:?}");
    }
}

#[test]
fn an_outcome_is_final_even_if_the_user_took_the_call_back_meanwhile() {
    let booked = Ending { outcome: Some(Outcome::Booked), cancel_requested: true, ..ending(Disposition::Answered) };
    assert!(matches!(settle(&booked), Settlement::Finish { .. }));
}

#[test]
fn an_invalid_number_is_never_called_again_and_one_that_refuses_calls_goes_on_the_list() {
    assert!(matches!(settle(&ending(Disposition::InvalidNumber)), Settlement::Finish { do_not_call: false, .. }));
    let unwanted = Ending { unwanted: true, ..ending(Disposition::Rejected) };
    assert!(matches!(settle(&unwanted), Settlement::Finish { do_not_call: true, .. }));
    let rejected = settle(&ending(Disposition::Rejected));
    assert!(matches!(rejected, Settlement::Finish { do_not_call: false, .. }), "a pressed button is no wish for ever");
}

#[test]
fn who_asked_not_to_be_called_is_not_called_again_whatever_ended_the_call() {
    for disposition in Disposition::ALL {
        for reached in [Reached::Nothing, Reached::Dialling, Reached::Media] {
            let settled = settle(&Ending { do_not_call: true, reached, ..ending(disposition) });
            assert!(!matches!(settled, Settlement::Retry { .. }), "{disposition:?} {reached:?}");
        }
    }
}

#[test]
fn a_lost_attempt_is_redialled_only_if_nobody_can_have_been_rung() {
    let lost = |reached| Ending { reached, ..ending(Disposition::Lost) };
    assert!(!retry(&lost(Reached::Nothing)).1);
    assert!(matches!(settle(&lost(Reached::Dialling)), Settlement::Hold { .. }));
    assert!(matches!(settle(&lost(Reached::Media)), Settlement::Hold { .. }));
    let again_and_again = [Earlier { disposition: Disposition::Lost, line_dropped: false }; 5];
    let sixth = Ending { earlier: &again_and_again, ..lost(Reached::Nothing) };
    assert!(matches!(settle(&sixth), Settlement::Hold { .. }), "a worker that cannot start is a person's business");
}

#[test]
fn taking_a_call_back_ends_it_unless_somebody_may_have_agreed_to_something() {
    for disposition in [Disposition::Busy, Disposition::NoAnswer, Disposition::TrunkFailure, Disposition::Cancelled] {
        let taken_back = Ending { cancel_requested: true, ..ending(disposition) };
        assert!(matches!(settle(&taken_back), Settlement::Cancel { .. }), "{disposition:?}");
    }
    let lost = Ending { cancel_requested: true, reached: Reached::Media, ..ending(Disposition::Lost) };
    assert!(matches!(settle(&lost), Settlement::Hold { .. }));
}

#[test]
fn a_worker_that_was_stopped_is_replaced_unless_somebody_had_answered() {
    assert!(!retry(&ending(Disposition::Cancelled)).1);
    let answered = Ending { reached: Reached::Media, ..ending(Disposition::Cancelled) };
    assert!(matches!(settle(&answered), Settlement::Hold { .. }));
}

#[test]
fn only_what_was_dialled_is_the_trunks_fault() {
    assert_eq!(trunk_verdict(Disposition::TrunkFailure, Reached::Nothing), TrunkVerdict::Unknown);
    assert_eq!(trunk_verdict(Disposition::TrunkFailure, Reached::Dialling), TrunkVerdict::Failed);
    assert_eq!(trunk_verdict(Disposition::Busy, Reached::Dialling), TrunkVerdict::Works);
    assert_eq!(trunk_verdict(Disposition::Lost, Reached::Media), TrunkVerdict::Unknown);
}

#[test]
fn a_call_that_our_models_spoiled_is_made_again_uncounted_and_held_after_three_in_a_row() {
    let spoiled = Ending { reached: Reached::Media, counted: 2, ..ending(Disposition::ProviderFailure) };
    assert!(matches!(retry(&spoiled), (300..=900, false)));
    let earlier = [Earlier { disposition: Disposition::ProviderFailure, line_dropped: false }; 2];
    assert!(matches!(retry(&Ending { earlier: &earlier[..1], ..spoiled }), (300..=900, false)));
    assert!(matches!(settle(&Ending { earlier: &earlier, ..spoiled }), Settlement::Hold { .. }));
    assert_eq!(trunk_verdict(Disposition::ProviderFailure, Reached::Media), TrunkVerdict::Works);
}

#[test]
fn an_agreement_the_restaurant_may_not_know_of_is_a_persons_to_settle() {
    for disposition in [Disposition::Answered, Disposition::ProviderFailure, Disposition::Cancelled] {
        let unconfirmed = Ending { outcome: Some(Outcome::Unconfirmed), reached: Reached::Media, ..ending(disposition) };
        for cancel_requested in [false, true] {
            assert!(matches!(settle(&Ending { cancel_requested, ..unconfirmed }), Settlement::Hold { .. }));
        }
    }
}
