//! What the round trip shows of a sound: whether its rate can be right, whether it is said once, and how sure the recogniser is. Pure.

use offhook::attempt::RAW_VOICE_RATE;
use offhook_types::transcript::GUESSED;

use crate::probe::Heard;

/// Letters a second of a voice at an ordinary pace: 12 to 20.
const LETTERS_A_SECOND: f32 = 15.0;
/// A pace further from the ordinary one than by this factor is that of a wrong rate.
const ODD_PACE: f32 = 1.38;
/// Rates of voices, Hz.
const RATES: [u32; 6] = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000];
/// Shorter words may be said twice.
const LONG_WORD: usize = 5;

/// The rate at which a sound of `seconds`, played at `rate`, would be said at an ordinary pace; `None` where its pace is ordinary.
pub(super) fn rate_that_fits(text: &str, seconds: f32, rate: u32) -> Option<u32> {
    let letters = text.chars().filter(|c| c.is_alphanumeric()).count() as f32;
    let pace = letters / seconds.max(0.1);
    let odd = |pace: f32| (pace / LETTERS_A_SECOND).ln().abs();
    if odd(pace) < ODD_PACE.ln() {
        return None;
    }
    let at = |other: u32| odd(pace * other as f32 / rate as f32);
    RATES
        .into_iter()
        .filter(|other| *other != rate)
        .min_by(|one, other| at(*one).total_cmp(&at(*other)))
        .filter(|other| at(*other) < odd(pace))
}

/// What to do about a voice of an odd pace.
pub(super) fn odd_rate(voice: &str, text: &str, seconds: f32, rate: Option<u32>) -> Option<String> {
    let rate = rate.unwrap_or(RAW_VOICE_RATE);
    let fits = rate_that_fits(text, seconds, rate)?;
    // Two channels of one rate are as many samples as one channel of twice the rate.
    let stereo = if fits > rate { ", or it sends two channels, and has to send one" } else { "" };
    Some(format!(
        "the voice \"{voice}\" takes {seconds:.1} s for \"{text}\", which is not the pace of speech: it does not send {rate} Hz; it would fit \
         {fits} Hz: set OFFHOOK_TTS_RATE={fits}, or {voice}@{fits} in OFFHOOK_VOICES{stereo}. Where it sends WAV, its header is wrong"
    ))
}

/// What is odd about a sentence that was heard.
pub(super) fn warnings(sentence: &str, heard: &Heard) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(confidence) = heard.confidence.filter(|confidence| *confidence < GUESSED) {
        warnings.push(format!(
            "it rates a clear sentence with a confidence of {confidence:.2}, and below {GUESSED} every word is taken for a guess and asked for again: \
             take another model in OFFHOOK_STT_MODEL"
        ));
    }
    let lower = heard.text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).collect();
    let sentence = sentence.to_lowercase();
    let mut long = sentence.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() >= LONG_WORD).peekable();
    if long.peek().is_some() && long.all(|word| words.iter().filter(|heard| **heard == word).count() > 1) {
        warnings.push("the voice says its sentence twice: see its server".to_owned());
    }
    warnings
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const SENTENCE: &str = "I am sorry, we are closed that day.";

    #[test]
    fn a_voice_at_a_wrong_rate_is_told_by_its_pace() {
        let seconds = 26.0 / LETTERS_A_SECOND;
        for (sent, taken_for) in [
            (8_000, 24_000),
            (16_000, 24_000),
            (44_100, 24_000),
            (48_000, 24_000),
            (24_000, 8_000),
            (24_000, 16_000),
            (24_000, 48_000),
        ] {
            let sounds = seconds * sent as f32 / taken_for as f32;
            let fits = rate_that_fits(SENTENCE, sounds, taken_for);
            // A sentence is too short to tell 22.05 from 24 kHz, and 44.1 from 48.
            assert!(fits.is_some_and(|fits| (fits as f32 / sent as f32).ln().abs() < 0.1), "{sent} for {taken_for}: {fits:?}");
        }
        for pace in [12.0, 15.0, 20.0] {
            assert_eq!(rate_that_fits(SENTENCE, 26.0 / pace, 24_000), None, "{pace}");
        }
        let said = odd_rate("emma", SENTENCE, seconds * 2.0, None).unwrap_or_default();
        assert!(said.contains("emma@4") && said.contains("OFFHOOK_TTS_RATE=4") && said.contains("two channels"), "{said}");
    }

    #[test]
    fn a_sentence_said_twice_and_one_that_is_rated_low_are_noticed() {
        let heard = |text: &str, confidence| Heard { took: Duration::ZERO, text: text.to_owned(), confidence };
        assert_eq!(warnings(SENTENCE, &heard(SENTENCE, Some(0.9))), Vec::<String>::new());
        assert!(warnings(SENTENCE, &heard(SENTENCE, Some(0.2)))[0].contains("0.20"));
        assert!(warnings(SENTENCE, &heard(&format!("{SENTENCE} {SENTENCE}"), None))[0].contains("twice"));
    }
}
