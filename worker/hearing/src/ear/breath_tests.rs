#![allow(clippy::unwrap_used)]
//! A breath within a greeting: whether the agent takes it for the end or not, it can be silent in time and has every word.

use offhook_test_sounds::{at_level, breathing, mix, pad, silence, speech, telephone, white_noise};

use super::{
    tests::{ends, extent, listen, starts},
    *,
};

/// From the onset of speech to its confirmation, ms: the playout is stopped within another 40 (`worker/media/src/playout.rs`).
const NOTICED_WITHIN_MS: u64 = 160;

/// The greeting with a breath of so many milliseconds, and where its second part begins.
fn greeting(voice: &str, parts: [&str; 2], breath_ms: usize, audible: bool) -> (Vec<i16>, usize) {
    // The silence that espeak-ng puts around its sentences would lengthen the breath.
    let [first, second] = parts.map(|part| {
        let sound = at_level(&speech(voice, part), -24.0);
        let (from, to) = extent(&sound);
        sound[from as usize * 16..to as usize * 16].to_vec()
    });
    let breath = if audible {
        // The inhalation of a mouth near the receiver: from 0.2 s of the pattern on.
        let air = at_level(&breathing(2 * 16_000, -40.0, 3), -42.0);
        air[3_200..][..breath_ms * 16].to_vec()
    } else {
        silence(breath_ms)
    };
    let first = pad(&[first, breath].concat(), 300, 0);
    let begins = first.len();
    (pad(&[first, second].concat(), 0, 1_500), begins)
}

#[test]
fn a_breath_of_any_length_loses_no_word_and_lets_the_agent_be_silent_in_time() {
    let greetings = [
        ("en+m3", ["Good evening,", "Golden Lion, Mary speaking."]),
        ("de+f2", ["Guten Abend,", "Gasthaus zum Löwen, was kann ich für Sie tun?"]),
    ];
    let (mut split, mut whole) = (0, 0);
    for (voice, parts) in greetings {
        for breath in (0..=1_000).step_by(50) {
            for audible in [false, true] {
                let case = format!("{voice}, {breath} ms of {}", if audible { "breath" } else { "silence" });
                let (clean, second) = greeting(voice, parts, breath, audible);
                let line = telephone(&mix(&clean, &white_noise(clean.len(), -60.0, breath as u64)));
                let mut ear = Ear::new(EarConfig::default());
                let heard = listen(&mut ear, &line);
                let (starts, ends) = (starts(&heard), ends(&heard));
                assert_eq!(starts.len(), ends.len(), "{case}: {heard:?}");
                // Where the first part was taken for all, the agent may be speaking when the second begins.
                let onset = second as u64 / 16 + extent(&telephone(&clean[second..])).0;
                if let Some((_, _, _, ended)) = ends.iter().find(|(_, _, _, ended)| *ended <= onset) {
                    let noticed = starts.iter().map(|(known, _)| *known).find(|known| *known > *ended);
                    let noticed = noticed.unwrap_or_else(|| panic!("{case}: they went on unheard: {heard:?}"));
                    assert!(noticed <= onset + NOTICED_WITHIN_MS, "{case}: went on at {onset}, noticed at {noticed}");
                    split += 1;
                } else {
                    whole += 1;
                }
                // Every 10 ms of speech is in an utterance that goes to the recogniser, in order and once.
                let mut taken = vec![0u8; line.len() / 160];
                for (_, id, started, _) in &ends {
                    let sound = ear.take_utterance(*id).unwrap();
                    let before = (0..=PADDING_BEFORE_MS as usize).map(|ms| (*started as usize).saturating_sub(ms) * 16);
                    let from = before.into_iter().rfind(|from| line[*from..].starts_with(&sound)).unwrap();
                    taken[from.div_ceil(160)..(from + sound.len()) / 160].iter_mut().for_each(|times| *times += 1);
                }
                let speech = |range: std::ops::Range<usize>| {
                    let (from, to) = extent(&clean[range.clone()]);
                    range.start / 160 + from as usize / 10..range.start / 160 + to as usize / 10
                };
                let first_part = speech(0..second - breath * 16);
                let second_part = speech(second..clean.len());
                let lost = first_part.chain(second_part).filter(|place| taken[*place] == 0).count() * 10;
                // The faintest beginning and end of a word may lie outside; a sound of the language may not.
                assert!(lost <= 30, "{case}: {lost} ms are in no utterance: {heard:?}");
                let twice = taken.iter().filter(|times| **times > 1).count() * 10;
                assert!(
                    twice <= (PADDING_BEFORE_MS + PADDING_AFTER_MS) as usize,
                    "{case}: {twice} ms go to the recogniser twice"
                );
            }
        }
    }
    assert!(split >= 20 && whole >= 20, "the breaths are on both sides of the pause that ends a turn: {split}, {whole}");
}
