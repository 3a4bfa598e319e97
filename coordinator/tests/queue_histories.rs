//! Random histories of the queue, each step held against a model in memory: nothing is lost, nothing is made twice.
//!
//! `OFFHOOK_HISTORIES` says how many, `OFFHOOK_SEED` from which seed on. A failure names its seed and the shortest history of that
//! seed that fails.

#![allow(clippy::unwrap_used)]

#[path = "support/queue_model.rs"]
mod queue_model;
#[path = "support/queue_world.rs"]
mod queue_world;

use offhook::disposition::Disposition;
use offhook_test_database::TestDatabase;
use queue_model::{HOSTS, NUMBERS, TRUNKS};
use queue_world::{Fault, Step, World};
use rand::{Rng, RngExt, SeedableRng, rngs::StdRng};

const HISTORIES: u64 = 240;
const STEPS: usize = 30;
const TASKS: u64 = 2;

fn random_step(rng: &mut impl Rng) -> Step {
    let which = rng.random_range(0..64);
    let place = rng.random_range(0..HOSTS.len());
    let how =
        [Disposition::Busy, Disposition::NoAnswer, Disposition::InvalidNumber, Disposition::TrunkFailure, Disposition::Lost];
    match rng.random_range(0..100) {
        0..18 => Step::Insert {
            number: rng.random_range(0..NUMBERS),
            priority: rng.random_range(-1..=2),
            trunk: [None, None, Some(0), Some(1)][rng.random_range(0..4)],
            later: rng.random_bool(0.2),
        },
        18..38 => Step::Claim { place, room: rng.random_range(1..=4) },
        38..52 => Step::Progress { which },
        // A worker never says that it was lost.
        52..58 => Step::WorkerTellsItsEnd { which, how: how[rng.random_range(0..4)] },
        58..70 => Step::Settle { which, how: how[rng.random_range(0..5)] },
        70..73 => Step::StaleWrite { which },
        73..76 => Step::Crash { place },
        76..80 => Step::TakeOver { place },
        80..83 => Step::Cancel { which },
        83..85 => Step::TooLate { which },
        85..87 => Step::PauseTrunk { trunk: rng.random_range(0..TRUNKS.len()) },
        87 => Step::PauseAll,
        88..90 => Step::Resume,
        90..92 => Step::Sweep,
        _ => Step::Wait,
    }
}

async fn run(database: &TestDatabase, history: &[Step]) -> Result<(), Fault> {
    let mut world = World::new(database).await;
    for (nth, step) in history.iter().enumerate() {
        world.take(*step).await.map_err(|fault| format!("step {nth}, {step:?}: {fault}"))?;
        world.check().await.map_err(|fault| format!("after step {nth}, {step:?}: {fault}"))?;
    }
    world.let_run().await.map_err(|fault| format!("run to the end: {fault}"))
}

/// The same history without the steps that are not needed to make it fail.
async fn shortest(database: &TestDatabase, mut history: Vec<Step>) -> Vec<Step> {
    let mut length = history.len() / 2;
    while length > 0 {
        let mut from = 0;
        while from < history.len() {
            let mut shorter = history.clone();
            shorter.drain(from..(from + length).min(history.len()));
            if run(database, &shorter).await.is_err() {
                history = shorter;
            } else {
                from += length;
            }
        }
        length /= 2;
    }
    history
}

async fn trunks(database: &TestDatabase) {
    for (nth, (name, most)) in TRUNKS.iter().enumerate() {
        database
            .run(format!(
                "insert into trunks (name, host, preference, max_concurrent, calls_per_second, tokens) values ('{name}', 'h', {nth}, {most}, 1000, 50)"
            ))
            .await;
    }
}

fn number_of(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|value| value.parse().ok()).unwrap_or(otherwise)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_history_loses_a_call_or_makes_one_twice() {
    let first = number_of("OFFHOOK_SEED", 1);
    let count = number_of("OFFHOOK_HISTORIES", HISTORIES);
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            tokio::spawn(async move {
                let database = TestDatabase::new().await;
                trunks(&database).await;
                for seed in (first + task..first + count).step_by(TASKS as usize) {
                    let rng = &mut StdRng::seed_from_u64(seed);
                    let history: Vec<Step> = (0..STEPS).map(|_| random_step(rng)).collect();
                    if let Err(fault) = run(&database, &history).await {
                        let short = shortest(&database, history).await;
                        let again = run(&database, &short).await.err().unwrap_or_else(|| "did not fail again".into());
                        panic!("seed {seed}: {fault}\nshortest history: {short:#?}\nwhich fails with: {again}");
                    }
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
}
