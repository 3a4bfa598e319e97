//! Real speech passes: espeak's voices in four languages, fast and slow, over a telephone line. What is none does not.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;
use crate::{
    resampling::{Resampling, VOICE_RATE},
    speech::{
        coding::Coding,
        wav::{NoSound, Raw, VoiceDecoder},
    },
};

const SENTENCES: [(&str, &str); 9] = [
    ("en-us", "Good evening, I am calling for Ada Winter: do you have a table for four on Friday at half past seven?"),
    ("en-gb", "Yes, six is fine, thanks."),
    ("en-us", "She sells sea shells, surely, Sunday, six sessions; s, s, s."),
    ("de", "Guten Abend, ich hätte gern einen Tisch für vier Personen am Freitag um neunzehn Uhr dreißig."),
    ("de", "Sechs, sieben, sechzehn: das passt, Tschüss."),
    ("es", "Buenas noches, quería reservar una mesa para cuatro personas a las siete y media."),
    ("es", "Sí, seis, gracias, hasta luego."),
    ("nl", "Goedenavond, ik wil graag een tafel reserveren voor vier personen om half acht."),
    ("nl", "Ja."),
];

/// Speech at 16 kHz.
fn speech(voice: &str, words_a_minute: u32, text: &str) -> Vec<i16> {
    let arguments = ["-v", voice, "-s", &words_a_minute.to_string(), "--stdout", "--", text];
    let wav =
        Command::new("espeak-ng").args(arguments).output().expect("these tests need espeak-ng: apt-get install espeak-ng").stdout;
    let mut decoder = VoiceDecoder::new(Raw::pcm(24_000));
    let mut sound = decoder.push(&wav).unwrap();
    sound.extend(decoder.finish().unwrap());
    sound
}

fn resampled(sound: &[i16], from: u32, to: u32) -> Vec<i16> {
    let mut resampling = Resampling::new(from, to).unwrap();
    let mut result = resampling.push(sound);
    result.extend(resampling.finish());
    result
}

fn played(raw: Raw, bytes: &[u8]) -> Result<Vec<i16>, NoSound> {
    let mut decoder = VoiceDecoder::new(raw);
    let mut sound = decoder.push(bytes)?;
    sound.extend(decoder.finish()?);
    Ok(sound)
}

#[test]
fn speech_is_the_sentence_in_four_languages_fast_slow_loud_and_over_the_telephone() {
    for (voice, text) in SENTENCES {
        for variant in ["", "+f2"] {
            for speed in [110, 320] {
                let wide = speech(&format!("{voice}{variant}"), speed, text);
                let narrow = resampled(&resampled(&wide, VOICE_RATE, 8_000), 8_000, VOICE_RATE);
                let peak = wide.iter().map(|sample| i32::from(*sample).abs()).max().unwrap();
                let loud: Vec<i16> = wide.iter().map(|sample| (i32::from(*sample) * 32_000 / peak) as i16).collect();
                let quiet: Vec<i16> = wide.iter().map(|sample| sample / 40).collect();
                for (name, sound) in [("wide", &wide), ("narrow", &narrow), ("loud", &loud), ("quiet", &quiet)] {
                    assert_eq!(Bounds::of(text).check(sound), Ok(()), "{voice}{variant} {speed} {name}: {text}");
                    for (coding, rate) in
                        [(Coding::Signed16, VOICE_RATE), (Coding::Signed16BigEndian, VOICE_RATE), (Coding::Signed16, 8_000)]
                    {
                        let source = if rate == VOICE_RATE { sound.clone() } else { resampled(sound, VOICE_RATE, rate) };
                        let order = if coding == Coding::Signed16 { i16::to_le_bytes } else { i16::to_be_bytes };
                        let bytes: Vec<u8> = source.iter().flat_map(|sample| order(*sample)).collect();
                        let again = played(Raw { rate, channels: 1, coding }, &bytes);
                        let again =
                            again.unwrap_or_else(|error| panic!("{voice}{variant} {speed} {name} {coding:?} {rate}: {error}"));
                        assert!(again.len().abs_diff(sound.len()) < 4, "{voice}{variant} {name} {coding:?}");
                        if rate == VOICE_RATE {
                            assert!(again == *sound, "{voice}{variant} {name} {coding:?}: the byte order is told");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn bytes_that_are_no_samples_are_noise_and_are_not_let_go() {
    let sound = speech("en-us", 165, SENTENCES[0].1);
    let mut random = StdRng::seed_from_u64(3);
    let compressed: Vec<u8> = (0..60_000).map(|_| random.random()).collect();
    let floats: Vec<u8> = sound.iter().flat_map(|sample| (f32::from(*sample) / 32_768.0 + 1e-4).to_le_bytes()).collect();
    for (name, bytes) in [("compressed", &compressed), ("floats", &floats)] {
        for rate in [8_000, 16_000, 24_000, 48_000] {
            assert_eq!(played(Raw::pcm(rate), bytes), Err(NoSound::Noise), "{name} at {rate}");
        }
    }
    let mut decoder = VoiceDecoder::new(Raw::pcm(24_000));
    assert!(decoder.push(&compressed[..4000]).unwrap().is_empty(), "held until it is known");
    // A silent beginning does not hide it from the check of the whole.
    let mut hidden = vec![0u8; 9_600];
    hidden.extend(&compressed);
    assert_eq!(played(Raw::pcm(24_000), &hidden), Err(NoSound::Noise));
}

#[test]
fn lengths_and_levels_that_no_voice_has_are_told() {
    let (voice, text) = SENTENCES[3];
    let sound = speech(voice, 165, text);
    let bounds = Bounds::of(text);
    assert!(matches!(bounds.check(&sound[..16_000]), Err(Implausible::TooShort { ms: 1000, .. })));
    assert!(matches!(bounds.check(&sound.repeat(8)), Err(Implausible::TooLong { .. })));
    assert!(matches!(bounds.check(&vec![3; 64_000]), Err(Implausible::Silent(_))));
    assert!(bounds.check_longest(16_000 * 53).is_err(), "53 s for one sentence");
    let short = Bounds::of("Um 8?");
    assert_eq!(short.check(&sound[..1600]), Ok(()), "a word may be as short as it likes");
    assert!(short.check(&sound.repeat(2)).is_err());
}
