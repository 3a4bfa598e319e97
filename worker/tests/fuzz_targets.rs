//! Every fuzz target for some seconds, without the fuzzer: the corpus as it is, and then damaged. Nothing leads the damage to new
//! branches as libFuzzer does (`make fuzz`): building it takes minutes. `OFFHOOK_FUZZ_SECONDS` (5) says for how long each;
//! `OFFHOOK_FUZZ_SEED` repeats a run.
#![allow(clippy::unwrap_used)]

use std::{
    fs,
    panic::catch_unwind,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use rand::{RngExt, SeedableRng, rngs::StdRng};

/// What means something to one reader or another.
const TOKENS: [&[u8]; 56] = [
    b"\r\n",
    b"\r\n\r\n",
    b"\n\n",
    b"\r\n ",
    b";",
    b",",
    b"\"",
    b"<",
    b">",
    b"=",
    b":",
    b"[::1]",
    b"\0",
    b"\xef\xbf\xbd",
    b"Content-Length: 99\r\n",
    b"l: 0\r\n",
    b"Via: SIP/2.0/UDP h;branch=z9hG4bK\r\n",
    b";tag=",
    b"SIP/2.0",
    b"4294967296",
    b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:",
    b"a=rtpmap:96 opus/48000/2\r\n",
    b"m=audio 4000 RTP/AVP 8\r\n",
    b"Content-Type: multipart/mixed;boundary=b\r\n",
    b"Content-Type: application/sdp\r\n",
    b"Content-Disposition: session;handling=required\r\n",
    b"\r\n--b\r\n",
    b"\r\n--b--\r\n",
    b"c=IN IP4 192.0.2.1\r\n",
    b"data: ",
    b"data: [DONE]\n\n",
    b"\xef\xbb\xbf",
    b"\r",
    b"{",
    b"}",
    b"[",
    b"null",
    b"-1",
    b"1e999",
    b"\\u0000",
    b"\"index\":0",
    b"\"arguments\":\"{}\"",
    b"RIFF\xff\xff\xff\xffWAVE",
    b"fmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0",
    b"data\xff\xff\xff\xff",
    b"OggS\0",
    b"OpusHead\x01\x02",
    b"\xff\xff\xff\xff",
    b"\x80\0\0\0",
    b" 31.02.2026 ",
    b" 24:00 ",
    b"\xe2\x82\xac",
    b" 19.30 ",
    b"18446744073709551615",
    b"\"now\":",
    b"\"kind\":\"wake\"",
];
/// As long as `make fuzz` lets an input become.
const LONGEST: usize = 8192;
/// An input that takes longer makes a call wait: the size of the input is bounded.
const SLOWEST: Duration = Duration::from_secs(10);

macro_rules! targets {
    ($($name:ident: $target:path,)*) => {
        const NAMES: &[&str] = &[$(stringify!($name)),*];
        $(
            #[test]
            fn $name() {
                survives_damage(stringify!($name), $target);
            }
        )*
    };
}

targets! {
    dtmf: offhook_media::fuzzing::dtmf,
    event_log: offhook_conversation::fuzzing::event_log,
    recording: offhook_recording::fuzzing::recording,
    reply: offhook_providers::fuzzing::reply,
    rtcp: offhook_media::fuzzing::rtcp,
    rtp: offhook_media::fuzzing::rtp,
    sdp: offhook_media::fuzzing::sdp,
    sip_message: offhook_sip::fuzzing::sip_message,
    spoken_text: offhook_speaking::fuzzing::spoken_text,
    stun: offhook_media::fuzzing::stun,
    tool_call: offhook_mind::fuzzing::tool_call,
    transcript: offhook_providers::fuzzing::transcript,
    voice: offhook_providers::fuzzing::voice,
}

#[test]
fn the_fuzzer_has_the_same_targets() {
    let manifest = fs::read_to_string(fuzz("Cargo.toml")).unwrap();
    let bins = manifest.split("[[bin]]\n").skip(1);
    let mut names: Vec<&str> = bins.map(|bin| bin.split('"').nth(1).unwrap()).collect();
    names.sort_unstable();
    assert_eq!(names, NAMES);
}

fn survives_damage(name: &str, target: fn(&[u8])) {
    let corpus = corpus(name);
    assert!(corpus.len() >= 4, "{} inputs in the corpus", corpus.len());
    corpus.iter().for_each(|input| survives(name, target, input, "of the corpus"));

    let number = |name| std::env::var(name).ok().and_then(|number: String| number.parse().ok());
    let seconds = Duration::from_secs(number("OFFHOOK_FUZZ_SECONDS").unwrap_or(5));
    let seed: u64 = number("OFFHOOK_FUZZ_SEED").unwrap_or_else(rand::random);
    let (started, mut rounds) = (Instant::now(), 0);
    while started.elapsed() < seconds {
        let mut dice = StdRng::seed_from_u64(seed.wrapping_add(rounds));
        let mut input = corpus[dice.random_range(0..corpus.len())].clone();
        for _ in 0..dice.random_range(1..8) {
            damage(&mut input, &corpus, &mut dice);
        }
        survives(name, target, &input, &format!("of OFFHOOK_FUZZ_SEED={}", seed.wrapping_add(rounds)));
        rounds += 1;
    }
    println!("{name}: {rounds} damaged inputs, from OFFHOOK_FUZZ_SEED={seed} on");
}

/// Keeps an input that does harm where the fuzzer keeps it.
fn survives(name: &str, target: fn(&[u8]), input: &[u8], which: &str) {
    let started = Instant::now();
    let survived = catch_unwind(|| target(input)).is_ok();
    if !survived || started.elapsed() > SLOWEST {
        let artifact = fuzz("artifacts").join(name).join("found-by-make-test");
        fs::create_dir_all(artifact.parent().unwrap()).unwrap();
        fs::write(&artifact, input).unwrap();
        let how = if survived { format!("took {:?}", started.elapsed()) } else { "panicked".to_owned() };
        panic!("{name}: the input {which} {how}; it is {}", artifact.display());
    }
}

fn damage(input: &mut Vec<u8>, corpus: &[Vec<u8>], dice: &mut StdRng) {
    if input.is_empty() {
        input.push(dice.random());
    }
    let at = dice.random_range(0..input.len());
    let end = dice.random_range(at..input.len().min(at + 64));
    match dice.random_range(0..9) {
        0 => input[at] = dice.random(),
        1 => input.truncate(at),
        2 => drop(input.drain(at..end)),
        3 => input.insert(at, dice.random()),
        4 => {
            let token = TOKENS[dice.random_range(0..TOKENS.len())];
            input.splice(at..at, token.iter().copied());
        }
        5 => {
            let piece = input[at..end].to_vec();
            for _ in 0..dice.random_range(1..200) {
                input.splice(at..at, piece.iter().copied());
            }
        }
        6 => {
            let other = &corpus[dice.random_range(0..corpus.len())];
            let from = dice.random_range(0..other.len().max(1));
            input.truncate(at);
            input.extend_from_slice(&other[from.min(other.len())..]);
        }
        // Lengths and counts lie at their limits.
        7 => input[at..end].fill([0, 1, 0x7f, 0x80, 0xff][dice.random_range(0..5)]),
        _ => input[at] ^= 1 << dice.random_range(0..8),
    }
    input.truncate(LONGEST);
}

fn corpus(name: &str) -> Vec<Vec<u8>> {
    let mut files: Vec<_> = fs::read_dir(fuzz("corpus").join(name)).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

fn fuzz(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz").join(path)
}
