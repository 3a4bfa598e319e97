#![allow(clippy::unwrap_used)]
//! Others who talk in the room, at levels at which the voice activity detector hears them: the host's turns are all heard, end when the
//! host has ended, and nobody else has a turn.

use offhook_test_sounds::{amplified, at_level, babble, mix, radio, second_talker, silence, speech, telephone, white_noise};

use super::{
    tests::{ends, listen},
    *,
};

/// Four turns of a host, the third 10 dB softer (turned away from the receiver), with the pauses in which the agent speaks; and from
/// when to when each is, ms.
fn host() -> (Vec<i16>, Vec<(u64, u64)>) {
    let said = [
        ("Good evening, Golden Lion, how can I help you?", -24.0),
        ("Yes, we have a table for four at half past seven, on which name?", -24.0),
        ("Wait, I have to ask the kitchen, was that for four people?", -34.0),
        ("Yes, that is fine, we will see you then.", -24.0),
    ];
    let mut sound = silence(1_000);
    let mut turns = Vec::new();
    for (text, dbfs) in said {
        let from = sound.len() as u64 / 16;
        sound.extend(at_level(&speech("en+m3", text), dbfs));
        turns.push((from, sound.len() as u64 / 16));
        sound.extend(silence(5_000));
    }
    (sound, turns)
}

#[test]
fn others_in_the_room_have_no_turns_and_do_not_hold_the_hosts() {
    let (clean, turns) = host();
    let samples = clean.len();
    let rooms = [
        ("babble", babble(8, samples, -24.0), vec![15.0, 20.0]),
        ("radio", radio(samples, -24.0), vec![20.0, 24.0]),
        ("another talker", second_talker("en+f3", samples, -24.0), vec![18.0, 20.0]),
        ("nothing", silence(samples / 16), vec![0.0]),
    ];
    for (name, sound, levels) in rooms {
        for below in levels {
            // From the answer on, and once the host has been heard.
            for from_ms in [0, turns[0].1] {
                let case = format!("{name} {below} dB below from {from_ms} ms on");
                let mut others = amplified(&sound, -below);
                others[..from_ms as usize * 16].fill(0);
                let line = telephone(&mix(&mix(&clean, &others), &white_noise(samples, -65.0, 9)));
                let mut ear = Ear::new(EarConfig::default());
                let heard = listen(&mut ear, &line);
                let ended = ends(&heard);
                let overlap = |from: u64, to: u64, turn: (u64, u64)| to.min(turn.1).saturating_sub(from.max(turn.0));
                for (i, turn) in turns.iter().enumerate() {
                    let theirs: Vec<_> = ended.iter().filter(|(_, _, from, to)| overlap(*from, *to, *turn) > 0).collect();
                    let covered: u64 =
                        theirs.iter().map(|(_, _, from, to)| overlap(from.saturating_sub(250), to + 200, *turn)).sum();
                    // Soft words 5 dB above a room full of people are not found by anybody.
                    let least = if name == "babble" && i == 2 { 0 } else { 75 };
                    assert!(covered * 100 >= (turn.1 - turn.0) * least, "{case}: turn {i}, {turn:?}, is lost: {ended:?}");
                    let known = theirs.iter().map(|(known, ..)| *known).max().unwrap_or_default();
                    assert!(known <= turn.1 + 1_500, "{case}: turn {i} ended at {}, known at {known}", turn.1);
                }
                // Before the host was heard, anybody may be the host.
                let wrong = ended.iter().filter(|(_, _, from, to)| {
                    *from > turns[0].0 && turns.iter().map(|turn| overlap(*from, *to, *turn)).sum::<u64>() * 5 < to - from
                });
                assert_eq!(wrong.count(), 0, "{case}: {ended:?}, the host spoke at {turns:?}");
            }
        }
    }
}
