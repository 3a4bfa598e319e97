//! Others who talk in the host's room: turns that are lost, turns that nobody had, and turns whose end is heard late.

use offhook_hearing::{Ear, EarConfig};
use offhook_test_sounds::{
    amplified, at_level, babble, mix, pink_noise, radio, second_talker, silence, speech, telephone, white_noise,
};
use offhook_types::{
    audio::{FRAME_SAMPLES, MediaTime},
    hearing::EarEvent,
};

const HOSTS: [(&str, [&str; 4]); 2] = [
    (
        "en+m3",
        [
            "Good evening, Golden Lion, how can I help you?",
            "Yes, we have a table for four at half past seven, on which name?",
            "Wait, I have to ask the kitchen, was that for four people?",
            "Yes, that is fine, we will see you then.",
        ],
    ),
    (
        "de+f2",
        [
            "Guten Abend, Gasthaus zum goldenen Löwen, was kann ich für Sie tun?",
            "Ja, um halb acht haben wir einen Tisch für vier Personen.",
            "Moment, ich frage die Küche, waren das vier Personen?",
            "Ja, das geht in Ordnung, bis dann.",
        ],
    ),
];

/// When the others talk.
#[derive(Debug, Clone, Copy)]
enum When {
    FromTheAnswerOn,
    InPauses,
    AfterTheSecondTurn,
}

/// From when to when, ms.
type Stretch = (u64, u64);

fn overlap(a: Stretch, b: Stretch) -> u64 {
    a.1.min(b.1).saturating_sub(a.0.max(b.0))
}

/// Four turns of a host at −24 dBFS, the third 10 dB softer, with pauses of 6 s in which the agent speaks.
fn host(voice: &str, said: [&str; 4]) -> (Vec<i16>, Vec<Stretch>) {
    let (mut sound, mut turns) = (silence(1_000), Vec::new());
    for (i, text) in said.iter().enumerate() {
        let from = sound.len() as u64 / 16;
        sound.extend(at_level(&speech(voice, text), if i == 2 { -34.0 } else { -24.0 }));
        turns.push((from, sound.len() as u64 / 16));
        sound.extend(silence(6_000));
    }
    (sound, turns)
}

/// Each utterance, and when its end was known.
fn utterances(sound: &[i16]) -> Vec<(Stretch, u64)> {
    let mut ear = Ear::new(EarConfig::default());
    let mut found = Vec::new();
    let mut note = |known: u64, events: Vec<EarEvent>| {
        found.extend(events.into_iter().filter_map(|event| match event {
            EarEvent::SpeechEnded { started, ended, .. } => Some(((started.0, ended.0), known)),
            _ => None,
        }));
    };
    for (i, frame) in sound.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
        note(i as u64 * 20 + 20, ear.hear(MediaTime(i as u64 * 20), frame));
    }
    note(sound.len() as u64 / 16, ear.flush());
    found
}

/// Lost: less than three quarters of it are heard. Wrong: less than a fifth of it is the host's. Late: known 1.5 s after its end or later.
fn score(turns: &[Stretch], found: &[(Stretch, u64)]) -> [usize; 3] {
    let mut score = [0; 3];
    for turn in turns {
        let padded = |(from, to): Stretch| (from.saturating_sub(250), to + 200);
        let heard: u64 = found.iter().map(|(stretch, _)| overlap(padded(*stretch), *turn)).sum();
        score[0] += usize::from(heard * 4 < (turn.1 - turn.0) * 3);
        let known = found.iter().filter(|(stretch, _)| overlap(*stretch, *turn) > 0).map(|(_, known)| *known).max();
        score[2] += usize::from(known.is_some_and(|known| known > turn.1 + 1_500));
    }
    let hosts = |stretch: Stretch| turns.iter().map(|turn| overlap(stretch, *turn)).sum::<u64>();
    score[1] = found.iter().filter(|(stretch, _)| hosts(*stretch) * 5 < stretch.1 - stretch.0).count();
    score
}

#[test]
#[ignore = "run by scripts/hearing.sh"]
fn table_of_rooms() {
    let levels: [f32; 8] = [5.0, 10.0, 12.0, 15.0, 18.0, 20.0, 24.0, 30.0];
    super::table("Lost / wrong / late; the others so far below the host", &levels.map(|level| format!("{level} dB")));
    let kinds = ["babble of eight", "babble of four", "radio", "another talker", "white noise", "pink noise"];
    for kind in kinds {
        let mut totals = [[0usize; 4]; 8];
        for (voice, said) in HOSTS {
            let (clean, turns) = host(voice, said);
            let samples = clean.len();
            let sound = match kind {
                "babble of eight" => babble(8, samples, -24.0),
                "babble of four" => babble(4, samples, -24.0),
                "radio" => radio(samples, -24.0),
                "another talker" => second_talker("en+f3", samples, -24.0),
                "white noise" => white_noise(samples, -24.0, 3),
                _ => pink_noise(samples, -24.0, 3),
            };
            for (below, total) in levels.iter().zip(&mut totals) {
                for when in [When::FromTheAnswerOn, When::InPauses, When::AfterTheSecondTurn] {
                    // A room full of people is not silent while the host speaks.
                    if matches!(when, When::InPauses) && !["radio", "another talker"].contains(&kind) {
                        continue;
                    }
                    let audible = |ms: u64| match when {
                        When::FromTheAnswerOn => true,
                        When::InPauses => ms > turns[0].1 && !turns.iter().any(|turn| ms + 100 >= turn.0 && ms <= turn.1 + 100),
                        When::AfterTheSecondTurn => ms > turns[1].1 + 800,
                    };
                    let mut others = amplified(&sound, -*below);
                    others.iter_mut().enumerate().for_each(|(i, sample)| *sample *= i16::from(audible(i as u64 / 16)));
                    let line = telephone(&mix(&mix(&clean, &others), &white_noise(samples, -65.0, 9)));
                    let found = score(&turns, &utterances(&line));
                    found.iter().zip(total.iter_mut()).for_each(|(more, sum)| *sum += more);
                    total[3] += turns.len();
                }
            }
        }
        let cells = totals.map(|[lost, wrong, late, _]| format!("{lost} / {wrong} / {late}"));
        println!("| {kind}, of {} turns | {} |", totals[0][3], cells.join(" | "));
    }
}
