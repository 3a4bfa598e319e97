//! The fuzz corpus of SIP messages, whole and with seeded damage, without a fuzzer. `OFFHOOK_FUZZ_SECONDS` goes on for longer.
use std::{
    path::Path,
    time::{Duration, Instant},
};

use offhook_sip::fuzzing::sip_message;
use rand::{RngExt, SeedableRng, rngs::StdRng};

const ROUNDS: u64 = 20_000;
const TOKENS: [&str; 20] = [
    "\r\n",
    "\r\n\r\n",
    "\n\n",
    "\r\n ",
    ";",
    ",",
    "\"",
    "<",
    ">",
    "=",
    ":",
    "[::1]",
    "\0",
    "\u{fffd}",
    "Content-Length: 99\r\n",
    "l: 0\r\n",
    "Via: SIP/2.0/UDP h;branch=z9hG4bK\r\n",
    ";tag=",
    "SIP/2.0",
    "4294967296",
];

#[test]
fn no_damage_to_a_message_does_harm() {
    let corpus = corpus();
    assert!(corpus.len() > 50, "{} messages", corpus.len());
    corpus.iter().for_each(|message| sip_message(message));

    let seconds = std::env::var("OFFHOOK_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok()).map(Duration::from_secs);
    let (started, mut rounds) = (Instant::now(), 0);
    while seconds.map_or(rounds < ROUNDS, |seconds| started.elapsed() < seconds) {
        let mut dice = StdRng::seed_from_u64(rounds);
        let mut message = corpus[dice.random_range(0..corpus.len())].clone();
        for _ in 0..dice.random_range(1..8) {
            damage(&mut message, &corpus, &mut dice);
        }
        if let Err(cause) = std::panic::catch_unwind(|| sip_message(&message)) {
            panic!("round {rounds}: {cause:?}: {:?}", String::from_utf8_lossy(&message));
        }
        rounds += 1;
    }
    println!("{rounds} damaged messages");
}

fn damage(message: &mut Vec<u8>, corpus: &[Vec<u8>], dice: &mut StdRng) {
    if message.is_empty() {
        message.push(dice.random());
    }
    let at = dice.random_range(0..message.len());
    let end = dice.random_range(at..message.len().min(at + 64));
    match dice.random_range(0..8) {
        0 => message[at] = dice.random(),
        1 => message.truncate(at),
        2 => drop(message.drain(at..end)),
        3 => message.insert(at, dice.random()),
        4 => {
            let token = TOKENS[dice.random_range(0..TOKENS.len())];
            message.splice(at..at, token.bytes());
        }
        5 => {
            let piece = message[at..end].to_vec();
            for _ in 0..dice.random_range(1..200) {
                message.splice(at..at, piece.iter().copied());
            }
        }
        6 => {
            let other = &corpus[dice.random_range(0..corpus.len())];
            let from = dice.random_range(0..other.len().max(1));
            message.truncate(at);
            message.extend_from_slice(&other[from.min(other.len())..]);
        }
        _ => message[at] ^= 1 << dice.random_range(0..8),
    }
    message.truncate(20_000);
}

fn corpus() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/sip_message");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read(file).unwrap()).collect()
}
