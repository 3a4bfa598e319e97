//! What the policy does with every way a call can end: docs/retries.md has the table, and this is where it comes from.

#![allow(clippy::unwrap_used)]

use std::fmt::Write;

use rand::{SeedableRng, rngs::StdRng};

use super::*;

const RETRIES: &str = include_str!("../../docs/retries.md");
const REACHED: [(Reached, &str); 3] =
    [(Reached::Nothing, "nothing dialled"), (Reached::Dialling, "dialled"), (Reached::Media, "answered")];

/// What becomes of a call, by how far it got.
type Results = Vec<(String, &'static str)>;

/// Every outcome, and none.
fn outcomes() -> impl Iterator<Item = Option<Outcome>> {
    [None].into_iter().chain(Outcome::ALL.map(Some))
}

fn ending(disposition: Disposition, outcome: Option<Outcome>, reached: Reached) -> Ending<'static> {
    Ending {
        disposition,
        outcome,
        reached,
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

/// The spans do not overlap, so a pause shows which span it is from.
fn policy() -> RetryPolicy {
    RetryPolicy {
        busy: Span::seconds(1_000, 1_999),
        no_answer: Span::seconds(2_000, 2_999),
        machine: Span::seconds(3_000, 3_999),
        trunk_failure: Span::seconds(4_000, 4_999),
        dropped: Span::seconds(5_000, 5_999),
        provider_failure: Span::seconds(6_000, 6_999),
        ..RetryPolicy::default()
    }
}

/// The name of the span a pause was drawn from.
fn span_of(after: Duration) -> &'static str {
    let RetryPolicy { busy, no_answer, machine, trunk_failure, dropped, provider_failure, .. } = policy();
    let spans = [
        (busy, "`busy`"),
        (no_answer, "`no_answer`"),
        (machine, "`machine`"),
        (trunk_failure, "`trunk_failure`"),
        (dropped, "`dropped`"),
        (provider_failure, "`provider_failure`"),
    ];
    let mut names = spans.iter().filter(|(span, _)| (span.least()..=span.most()).contains(&after)).map(|(_, name)| *name);
    let name = names.next().unwrap_or_else(|| panic!("a pause of {after:?} is out of no span"));
    assert_eq!(names.next(), None, "the spans overlap");
    name
}

fn settle(ending: &Ending<'_>) -> Settlement {
    policy().settle(ending, &mut StdRng::seed_from_u64(7))
}

/// The first time, and once it has happened as often as the policy allows.
fn what_becomes(first: Ending<'_>) -> String {
    match settle(&first) {
        Settlement::Retry { after, counted, .. } => {
            let span = span_of(after);
            let then = limit(first).unwrap_or_default();
            format!("again after {span}{then}{}", if counted { "" } else { "; not counted" })
        }
        Settlement::Finish { .. } => "over".to_owned(),
        Settlement::Hold { .. } => "held for a person".to_owned(),
        Settlement::PutBack { .. } => panic!("the policy puts nothing back"),
        Settlement::Cancel { .. } => panic!("nobody took it back"),
    }
}

/// How often the call is made again when it ends the same way every time, and what becomes of it then. `None` where only
/// `max_attempts` ends it.
fn limit(first: Ending<'_>) -> Option<String> {
    let earlier = [Earlier { disposition: first.disposition, line_dropped: first.is_line_drop() }; 10];
    for times in 1..=earlier.len() {
        let then = match settle(&Ending { max_attempts: 100, earlier: &earlier[..times], ..first }) {
            Settlement::Retry { .. } => continue,
            Settlement::Finish { .. } => "",
            Settlement::Hold { .. } => ", then held for a person",
            Settlement::PutBack { .. } | Settlement::Cancel { .. } => panic!("the policy decides otherwise"),
        };
        let times = if times == 1 { "once".to_owned() } else { format!("{times} times") };
        return Some(format!(", {times}{then}"));
    }
    None
}

/// One line per disposition and result; `any` stands for all there are.
fn table() -> String {
    let mut table = "| disposition | outcome | how far it got | what becomes of the call |\n|---|---|---|---|\n".to_owned();
    for disposition in Disposition::ALL {
        // What becomes of it by how far it got, and the outcomes for which that is so, in the order they are met.
        let mut lines: Vec<(Results, Vec<Option<Outcome>>)> = Vec::new();
        for outcome in outcomes() {
            let results: Results =
                REACHED.map(|(reached, name)| (what_becomes(ending(disposition, outcome, reached)), name)).to_vec();
            match lines.iter_mut().find(|(known, _)| *known == results) {
                Some((_, of)) => of.push(outcome),
                None => lines.push((results, vec![outcome])),
            }
        }
        let widest = lines.iter().map(|(_, of)| of.len()).max().unwrap();
        let alone = lines.len() == 1;
        for (results, of) in lines {
            let outcome = match of.as_slice() {
                _ if alone => "any or none".to_owned(),
                several if several.len() == widest => "any other".to_owned(),
                few => few
                    .iter()
                    .map(|outcome| outcome.map_or("none".to_owned(), |outcome| format!("`{}`", outcome.as_str())))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            let mut left = results.as_slice();
            while let Some((result, _)) = left.first() {
                let same = left.iter().take_while(|(other, _)| other == result).count();
                let reached = match same {
                    3 => "any".to_owned(),
                    _ => left[..same].iter().map(|(_, name)| *name).collect::<Vec<_>>().join(", "),
                };
                writeln!(table, "| `{}` | {outcome} | {reached} | {result} |", disposition.as_str()).unwrap();
                left = &left[same..];
            }
        }
    }
    table
}

/// What ended an answered call without an outcome, in the words of the second table.
const ENDED: [(Option<EndCause>, &str); 8] = [
    (None, "not known"),
    (Some(EndCause::MediaLost { silent_ms: 10_000 }), "`media_lost`"),
    (Some(EndCause::DialogLost), "`dialog_lost`"),
    (Some(EndCause::HungUpByCallee { cause: Some(41) }), "`hung_up_by_callee`, cause of a network failure"),
    (Some(EndCause::HungUpByCallee { cause: Some(16) }), "`hung_up_by_callee`, any other cause or none"),
    (Some(EndCause::HungUpByUs), "`hung_up_by_us`"),
    (Some(EndCause::ProcessStopped), "`process_stopped`"),
    (Some(EndCause::AttemptStale), "`attempt_stale`"),
];

fn table_of_ends() -> String {
    let mut table = "| `ended_by` | the callee had spoken | what becomes of the call |\n|---|---|---|\n".to_owned();
    for (ended, name) in ENDED {
        let [spoke, silent] = [true, false].map(|callee_spoke| {
            let answered = ending(Disposition::Answered, None, Reached::Media);
            what_becomes(Ending { ended, callee_spoke, ..answered })
        });
        if spoke == silent {
            writeln!(table, "| {name} | or not | {spoke} |").unwrap();
        } else {
            writeln!(table, "| {name} | yes | {spoke} |\n| {name} | no | {silent} |").unwrap();
        }
    }
    table
}

#[test]
fn the_table_of_what_ended_an_answered_call_is_what_the_policy_does() {
    let table = table_of_ends();
    assert!(RETRIES.contains(&table), "docs/retries.md should have this table:\n{table}");
}

#[test]
fn the_table_for_people_is_what_the_policy_does() {
    let table = table();
    assert!(RETRIES.contains(&table), "docs/retries.md should have this table:\n{table}");
}

#[test]
fn a_person_is_never_rung_again_after_an_outcome_a_refusal_or_asking_not_to_be_called() {
    let histories: [&[Earlier]; 2] = [&[], &[Earlier { disposition: Disposition::Busy, line_dropped: false }]];
    for disposition in Disposition::ALL {
        for outcome in outcomes() {
            for (reached, _) in REACHED {
                for earlier in histories {
                    for (unwanted, do_not_call) in [(false, false), (true, false), (false, true), (true, true)] {
                        let ending = Ending { unwanted, do_not_call, earlier, ..ending(disposition, outcome, reached) };
                        let settled = settle(&ending);
                        let machine = matches!(disposition, Disposition::Voicemail | Disposition::MenuDeadEnd);
                        let settles_it = outcome.is_some_and(|outcome| !machine || outcome != Outcome::NoAgreement);
                        if settles_it || disposition == Disposition::Rejected || do_not_call {
                            assert!(!matches!(settled, Settlement::Retry { .. }), "{ending:?} gave {settled:?}");
                        }
                        // Somebody may have said yes to a table: nobody but a person says what is next.
                        if disposition == Disposition::Lost && reached != Reached::Nothing && outcome.is_none() {
                            assert!(matches!(settled, Settlement::Hold { .. }), "{ending:?} gave {settled:?}");
                        }
                    }
                }
            }
        }
    }
}
