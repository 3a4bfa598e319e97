#![allow(clippy::unwrap_used)]
//! The tables of docs/hearing.md, printed by `scripts/hearing.sh`: what the ear hears of voices, by level, filter, codec and noise, and what it
//! does not take for a voice. No assertions: what must hold is tested in `src/ear`.

mod lines;
mod room;
mod voices;

use offhook_hearing::{
    Ear, EarConfig,
    attenuator::Attenuator,
    silero::{Silero, WINDOW},
};
use offhook_media::CodecName;
use offhook_test_sounds::{a_law, amplified, at_level, babble, high_pass, mix, pink_noise, radio, telephone, white_noise};
use offhook_types::{
    audio::{FRAME_SAMPLES, MediaTime},
    hearing::EarEvent,
};

use lines::{FILTERS, through};
use voices::{Voice, no_voices, voices};

/// The probabilities of speech, window by window: of the network alone, and of what the ear makes of it.
fn probabilities(sound: &[i16]) -> [Vec<f32>; 2] {
    let (mut alone, mut silero, mut attenuator) = (Silero::new(), Silero::new(), Attenuator::default());
    let windows = sound.as_chunks::<WINDOW>().0;
    let plain = windows.iter().map(|window| alone.speech_probability(window)).collect();
    [plain, windows.iter().map(|window| silero.probability(&attenuator.attenuated(window))).collect()]
}

/// The share of the windows with speech that are found, in percent: by the network alone, and by the ear's.
fn found(sound: &[i16], voice: &Voice) -> [f32; 2] {
    let speech = voice.speech.iter().filter(|speech| **speech).count().max(1) as f32;
    probabilities(sound).map(|found| {
        let hits = found.iter().zip(&voice.speech).filter(|(probability, speech)| **speech && **probability >= 0.5);
        100.0 * hits.count() as f32 / speech
    })
}

/// "mean (worst)" of the voices, alone and of the ear.
fn cell(shares: &[[f32; 2]]) -> String {
    let [alone, ear] = [0, 1].map(|which| {
        let mean = shares.iter().map(|share| share[which]).sum::<f32>() / shares.len() as f32;
        format!("{mean:.0} ({:.0})", shares.iter().map(|share| share[which]).fold(100.0, f32::min))
    });
    if alone == ear { ear } else { format!("{alone} → {ear}") }
}

fn table(title: &str, columns: &[String]) {
    println!("\n{title}\n\n| | {} |\n|---|{}", columns.join(" | "), "---|".repeat(columns.len()));
}

#[test]
#[ignore = "run by scripts/hearing.sh"]
fn table_of_levels() {
    let voices = voices();
    let levels = [-50.0, -35.0, -20.0, -12.0, -6.0];
    table(&format!("{} voices over A-law", voices.len()), &levels.map(|level| format!("{level} dBFS")));
    for (name, filter) in FILTERS {
        let filtered: Vec<_> = voices.iter().map(|voice| filter(&voice.sound)).collect();
        let cells = levels.map(|level| {
            let shares = filtered.iter().zip(&voices).map(|(sound, voice)| found(&a_law(&at_level(sound, level)), voice));
            cell(&shares.collect::<Vec<_>>())
        });
        println!("| {name} | {} |", cells.join(" | "));
    }
}

#[test]
#[ignore = "run by scripts/hearing.sh"]
fn table_of_voices() {
    table("A-law, 300 Hz of 20th order", &[-20.0, -6.0].map(|level| format!("{level} dBFS")));
    for voice in voices() {
        let sound = high_pass(&voice.sound, 300.0, 20);
        let cells = [-20.0, -6.0].map(|level| {
            let [alone, ear] = found(&a_law(&at_level(&sound, level)), &voice);
            format!("{alone:.0} → {ear:.0}")
        });
        println!("| {} | {} |", voice.name, cells.join(" | "));
    }
}

#[test]
#[ignore = "run by scripts/hearing.sh"]
fn table_of_codecs() {
    let voices = voices();
    let codecs = [CodecName::Pcma, CodecName::Pcmu, CodecName::Opus];
    for level in [-20.0, -6.0] {
        table(&format!("At {level} dBFS"), &codecs.map(|codec| format!("{codec:?}")));
        // The gentle filters and the steepest of each kind.
        for (name, filter) in FILTERS.into_iter().filter(|(name, _)| !name.contains("200 Hz") && !name.contains("8th")) {
            let cells = codecs.map(|codec| {
                let sent = |voice: &Voice| through(codec, &at_level(&filter(&voice.sound), level));
                cell(&voices.iter().map(|voice| found(&sent(voice), voice)).collect::<Vec<_>>())
            });
            println!("| {name} | {} |", cells.join(" | "));
        }
    }
}

#[test]
#[ignore = "run by scripts/hearing.sh"]
fn table_of_noises() {
    let voices = voices();
    let longest = voices.iter().map(|voice| voice.sound.len()).max().unwrap();
    let noises = [
        ("white noise", white_noise(longest, -20.0, 3)),
        ("pink noise", pink_noise(longest, -20.0, 3)),
        ("babble of eight", babble(8, longest, -20.0)),
        ("kitchen radio", radio(longest, -20.0)),
    ];
    for steep in [false, true] {
        let below = [20.0, 10.0, 5.0];
        let filter = if steep { "300 Hz of 20th order" } else { "no filter" };
        table(&format!("Speech at −20 dBFS, A-law, {filter}; noise so far below"), &below.map(|below| format!("{below} dB")));
        for (name, noise) in &noises {
            let cells = below.map(|below| {
                let shares = voices.iter().map(|voice| {
                    let line = mix(&at_level(&voice.sound, -20.0), &amplified(noise, -below));
                    found(&a_law(&if steep { high_pass(&line, 300.0, 20) } else { line }), voice)
                });
                cell(&shares.collect::<Vec<_>>())
            });
            println!("| {name} | {} |", cells.join(" | "));
        }
    }
}

#[test]
#[ignore = "run by scripts/hearing.sh"]
fn table_of_alarms() {
    let columns = ["highest probability, alone", "of the ear", "windows from 0.5 on, alone, %", "of the ear, %", "beginnings"];
    table("What is no voice: A-law and 300–3400 Hz, the worse of the two", &columns.map(str::to_owned));
    for (name, sound) in no_voices() {
        let mut worst = ([0f32; 2], [0f32; 2], 0);
        for line in [a_law(&sound), telephone(&sound)] {
            for (which, found) in probabilities(&line).iter().enumerate() {
                let share = 100.0 * found.iter().filter(|probability| **probability >= 0.5).count() as f32 / found.len() as f32;
                worst.0[which] = found.iter().copied().fold(worst.0[which], f32::max);
                worst.1[which] = share.max(worst.1[which]);
            }
            worst.2 = worst.2.max(beginnings(&line));
        }
        let (highest, share, begun) = worst;
        println!("| {name} | {:.2} | {:.2} | {:.1} | {:.1} | {begun} |", highest[0], highest[1], share[0], share[1]);
    }
}

/// How often the ear hears somebody begin to speak.
fn beginnings(sound: &[i16]) -> usize {
    let mut ear = Ear::new(EarConfig::default());
    let frames = sound.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate();
    let events = frames.flat_map(|(i, frame)| ear.hear(MediaTime(i as u64 * 20), frame));
    events.filter(|event| matches!(event, EarEvent::SpeechStarted { .. })).count()
}
