//! What the recogniser hears over a telephone line, from voices it has never heard.
#![allow(clippy::unwrap_used)]

use std::{path::PathBuf, sync::LazyLock, time::Duration};

use offhook::language::Language;
use offhook_sandbox::{
    recogniser::{
        Recogniser,
        vocabulary::{Phrase, Vocabulary},
    },
    sound::{
        Sound,
        line::{Noise, telephone},
        resample::resample_i16,
        to_i16,
    },
    voice::{
        cast::{CastVoice, Role, timbres},
        espeak::{Manner, speak_each},
    },
};

fn fixture(name: &str) -> Vocabulary {
    Vocabulary::from_file(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.toml"))).unwrap()
}

/// Knows all 160 phrases. One for all tests.
static RECOGNISER: LazyLock<Recogniser> = LazyLock::new(|| {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("templates");
    Recogniser::build(fixture("restaurant_phrases"), &cache).unwrap()
});

/// These phrases in a restaurant's voice.
fn said<'a>(phrases: &[&'a Phrase], voice: usize) -> Vec<(&'a Phrase, Sound)> {
    let mut said = Vec::new();
    for language in Language::ALL {
        let phrases: Vec<&Phrase> = phrases.iter().filter(|phrase| phrase.language == language).copied().collect();
        let voice = CastVoice::restaurant(language, voice);
        let manner = Manner { voice: voice.espeak_name(), words_a_minute: voice.timbre.speed, pitch: voice.timbre.pitch };
        let words: Vec<&str> = phrases.iter().map(|phrase| phrase.spoken.as_str()).collect();
        if !words.is_empty() {
            said.extend(phrases.iter().copied().zip(speak_each(&manner, &words, Duration::from_secs(60)).unwrap()));
        }
    }
    said
}

fn phrase<'a>(vocabulary: &'a Vocabulary, text: &str) -> &'a Phrase {
    vocabulary.phrases.iter().find(|phrase| phrase.text == text).unwrap()
}

#[test]
fn restaurants_are_understood_over_a_noisy_line_in_four_languages() {
    let vocabulary = fixture("restaurant_phrases");
    let (mut all, mut phrases, mut languages) = (0, 0, 0);
    for voice in 1..=timbres(Role::Restaurant).count() {
        // Another sixth of the phrases for every voice.
        let chosen: Vec<&Phrase> = vocabulary.phrases.iter().skip(voice - 1).step_by(6).collect();
        for (seed, (phrase, sound)) in (0u64..).zip(said(&chosen, voice)) {
            let line = telephone(&sound, Some(15.0), seed);
            let heard = RECOGNISER.recognise(&line.samples, line.rate, None);
            all += 1;
            phrases += usize::from(heard.text == phrase.text);
            languages += usize::from(heard.language == phrase.language);
        }
    }
    assert!(all >= 160, "{all} said");
    assert!(phrases * 100 >= all * 99, "{phrases} of {all} phrases");
    assert!(languages * 100 >= all * 99, "{languages} of {all} languages");
}

#[test]
fn what_no_restaurant_says_is_not_taken_for_a_phrase() {
    let strange = fixture("other_sentences");
    let (mut all, mut rejected) = (0, 0);
    for voice in [1, 2, 4] {
        for (seed, (_, sound)) in (0u64..).zip(said(&strange.phrases.iter().collect::<Vec<_>>(), voice)) {
            let line = telephone(&sound, (seed % 2 == 0).then_some(15.0), seed);
            let heard = RECOGNISER.recognise(&line.samples, line.rate, None);
            all += 1;
            rejected += usize::from(heard.text.is_empty());
            assert_eq!(heard.text.is_empty(), heard.confidence <= 0.5);
        }
    }
    assert!(rejected * 100 >= all * 95, "{rejected} of {all} rejected");
}

#[test]
fn silence_noise_and_tones_are_nothing() {
    let mut noise = Noise::new(1);
    let tone = |i: usize| (i as f32 * 425.0 * std::f32::consts::TAU / 8_000.0).sin() * 0.1;
    let sounds: [Vec<f32>; 6] = [
        vec![],
        vec![0.0; 16_000],
        (0..16_000).map(|_| noise.white() * 0.05).collect(),
        (0..24_000).map(|_| noise.pink() * 0.05).collect(),
        (0..16_000).map(tone).collect(),
        (0..24_000).map(|i| if (i / 4_000) % 2 == 0 { tone(i) } else { 0.0 }).collect(),
    ];
    for (index, sound) in sounds.iter().enumerate() {
        let heard = RECOGNISER.recognise(&to_i16(sound), 8_000, Some(Language::De));
        assert_eq!((heard.text.as_str(), heard.language), ("", Language::De), "sound {index}");
    }
}

#[test]
fn the_rate_of_the_sound_and_a_wrong_hint_do_not_matter() {
    let vocabulary = fixture("restaurant_phrases");
    let wanted = phrase(&vocabulary, "auf welchen namen bitte");
    let (_, sound) = said(&[wanted], 2).remove(0);
    for rate in [8_000, 16_000, 24_000, 44_100, 48_000] {
        let pcm = resample_i16(&sound.samples, sound.rate, rate);
        let heard = RECOGNISER.recognise(&pcm, rate, Some(Language::En));
        assert_eq!((heard.text.as_str(), heard.language), (wanted.text.as_str(), Language::De), "{rate} Hz");
        assert!(heard.confidence > 0.5);
    }
}

#[test]
fn two_phrases_in_one_breath_are_both_heard() {
    let vocabulary = fixture("restaurant_phrases");
    let wanted = [phrase(&vocabulary, "sorry we are fully booked that evening"), phrase(&vocabulary, "can you call back later")];
    let said = said(&wanted, 3);
    let pause = vec![0i16; said[0].1.rate as usize * 3 / 10];
    let samples = [&said[0].1.samples[..], &pause, &said[1].1.samples[..]].concat();
    let line = telephone(&Sound { samples, rate: said[0].1.rate }, Some(20.0), 1);
    let heard = RECOGNISER.recognise(&line.samples, line.rate, None);
    assert_eq!(heard.text, "sorry we are fully booked that evening can you call back later");
}
