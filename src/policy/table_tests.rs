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
    Policy::default().settle(ending, &mut StdRng::seed_from_u64(7))
}

/// The first time, and once it has happened as often as the policy allows.
fn what_becomes(disposition: Disposition, outcome: Option<Outcome>, reached: Reached) -> String {
    let first = ending(disposition, outcome, reached);
    let again_and_again = [Earlier { disposition, had_outcome: false }; 10];
    let later = Ending { counted: 0, max_attempts: 100, earlier: &again_and_again, ..first };
    match (settle(&first), settle(&later)) {
        (Settlement::Retry { counted, .. }, later) => {
            let pause = match disposition {
                Disposition::Busy | Disposition::NoAnswer | Disposition::TrunkFailure if reached == Reached::Media => "`dropped`",
                Disposition::Busy => "`busy`",
                Disposition::NoAnswer => "`no_answer`",
                Disposition::Voicemail | Disposition::MenuDeadEnd => "`machine`",
                Disposition::Answered | Disposition::NoMedia => "`dropped`",
                _ => "`trunk_failure`",
            };
            let times = match later {
                Settlement::Retry { .. } => "",
                Settlement::Finish { .. } => ", once",
                Settlement::Hold { .. } => ", then held for a person",
                Settlement::Cancel { .. } => panic!("nobody took it back"),
            };
            format!("again after {pause}{times}{}", if counted { "" } else { "; not counted" })
        }
        (Settlement::Finish { .. }, _) => "over".to_owned(),
        (Settlement::Hold { .. }, _) => "held for a person".to_owned(),
        (Settlement::Cancel { .. }, _) => panic!("nobody took it back"),
    }
}

/// One line per disposition and result; `any` stands for all there are.
fn table() -> String {
    let mut table = "| disposition | outcome | how far it got | what becomes of the call |\n|---|---|---|---|\n".to_owned();
    for disposition in Disposition::ALL {
        // What becomes of it by how far it got, and the outcomes for which that is so, in the order they are met.
        let mut lines: Vec<(Results, Vec<Option<Outcome>>)> = Vec::new();
        for outcome in outcomes() {
            let results: Results = REACHED.map(|(reached, name)| (what_becomes(disposition, outcome, reached), name)).to_vec();
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

#[test]
fn the_table_for_people_is_what_the_policy_does() {
    let table = table();
    assert!(RETRIES.contains(&table), "docs/retries.md should have this table:\n{table}");
}

#[test]
fn a_person_is_never_rung_again_after_an_outcome_a_refusal_or_asking_not_to_be_called() {
    let histories: [&[Earlier]; 2] = [&[], &[Earlier { disposition: Disposition::Busy, had_outcome: false }]];
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
