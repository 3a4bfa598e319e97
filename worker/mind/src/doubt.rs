//! What the recogniser doubts is doubted: times, numbers, yes and no that were not heard for certain are asked again and never acted on,
//! and text of no language of ours is not understood.

use std::ops::Range;

use offhook::{language::Language, provider::Provider};
use offhook_language::{all, tables};
use offhook_types::{
    ids::{Millis, UtteranceId},
    transcript::{Foreign, Transcript},
};
use serde_json::json;

use super::{
    action::Action,
    contesting::contests,
    floor::Utterance,
    mind::{Mind, Phase},
    understanding::{affirms, begins_with_yes, denies, is_backchannel, only_asks_to_wait, words},
    who_answered::{WhoAnswered, judge},
};

/// Below this confidence of the recogniser, what decides something is asked again. Whisper's `avg_logprob` is then under −0.7; words it
/// hears well on a telephone have −0.2 to −0.5.
const CERTAIN: f32 = 0.5;
/// Questions in a row whether something was understood; what is doubted after them, the model is told of, and it may agree to nothing.
const QUESTIONS: u32 = 2;

/// Unusable transcripts in a row that are the recogniser's failure, where it has understood something in this call and where it never
/// has. A bad line, or a noise, costs single utterances; one usable transcript shows that line, language and recogniser go together.
const UNUSABLE: u32 = 5;
const NEVER_USABLE: u32 = 4;
/// How long what is clearly speech lasts, in ms: a cough is shorter; what the ear has to cut off after 15 s is a radio.
const SPEECH: Range<Millis> = 800..14_000;

/// Whether something hangs on these words: a number, a time, a day, yes or no.
pub(super) fn decides(text: &str) -> bool {
    let said = words(text);
    // "One" is an article, and "one moment" decides nothing.
    let number = |word: &str| {
        word.contains(|c: char| c.is_ascii_digit())
            || Language::ALL
                .into_iter()
                .any(|language| (2..=31).any(|number| (tables(language).numbers.cardinal)(number) == word))
    };
    let named = |word: &str| {
        all().any(|tables| {
            let dates = &tables.dates;
            dates.weekdays.iter().chain(&dates.months).any(|name| name.to_lowercase() == word)
                || tables.understanding.denials.contains(&word)
        })
    };
    is_backchannel(text) || denies(text) || said.iter().any(|word| number(word) || named(word))
}

/// Whether this is hardly what a callee said: a guess of the recogniser's, letters of another script, or a language that is none of ours
/// without a word of ours.
pub(super) fn is_not_heard(transcript: &Transcript) -> bool {
    match &transcript.foreign {
        _ if transcript.is_guessed() => true,
        None => false,
        Some(Foreign::Script) => true,
        Some(Foreign::Language(_)) => {
            let telling = |word: &String| all().any(|tables| tables.understanding.telling.contains(&word.as_str()));
            !words(&transcript.text).iter().any(telling) && !decides(&transcript.text)
        }
    }
}

/// Whether the recogniser is sure, as far as it says.
pub(super) fn is_certain(transcript: &Transcript) -> bool {
    transcript.confidence.is_none_or(|confidence| confidence >= CERTAIN)
}

impl Mind {
    /// Whether the utterance is a guess, or none of our languages' words. The first time, the recogniser is asked once more, and told the language of
    /// the call; `true` where that was done or nothing is understood.
    pub(super) fn is_to_be_heard_again(&mut self, utterance: UtteranceId, heard: &Utterance, transcript: &Transcript) -> bool {
        if !is_not_heard(transcript) {
            return false;
        }
        self.log_doubted("not_heard", transcript);
        if heard.hinted {
            self.turns.forget(heard.turn);
            if matches!(transcript.foreign, Some(Foreign::Language(_))) && !transcript.is_guessed() {
                // Heard well, in a language that nobody here speaks: no fault of the recogniser's.
                self.not_understood();
            } else {
                self.made_nothing_of(heard);
            }
        } else {
            let asked = Utterance { hinted: true, asked: self.now, ..heard.clone() };
            self.floor.transcribing.insert(utterance, asked);
            self.actions.push(Action::Transcribe { utterance, language: Some(self.language.current()) });
        }
        true
    }

    /// The words that are nobody's stay in the events, for people.
    pub(super) fn log_doubted(&mut self, kind: &'static str, transcript: &Transcript) {
        if !transcript.text.trim().is_empty() {
            let detail = json!({ "text": transcript.text, "confidence": transcript.confidence, "foreign": transcript.foreign });
            self.log(kind, detail);
        }
    }

    /// The recogniser made nothing usable of an utterance. After several in a row of what was speech, it counts as failed.
    pub(super) fn made_nothing_of(&mut self, heard: &Utterance) {
        let lasted = heard.ended.0.saturating_sub(heard.started.0);
        // Music on hold is not transcribed either.
        self.floor.unusable += u32::from(SPEECH.contains(&lasted) && !self.line.is_on_hold());
        let most = if self.floor.words_heard { UNUSABLE } else { NEVER_USABLE };
        if self.floor.unusable >= most && self.phase == Phase::Talking {
            let detail = format!("The recogniser made nothing usable of {most} utterances in a row.");
            self.say_trouble(Some(Provider::SpeechToText), &detail);
        } else {
            self.not_understood();
        }
    }

    /// Whether these words are to be asked again before anybody acts on them; notes what is doubted.
    pub(super) fn is_doubted(&mut self, text: &str, transcript: &Transcript) -> bool {
        // Nothing was asked yet when they greet.
        let waits = only_asks_to_wait(text) && judge(text, Some(self.language.current())) == WhoAnswered::Hold;
        let answers = !waits && (begins_with_yes(text) || affirms(text) || contests(text));
        let doubted = self.floor.turns > 0 && !is_certain(transcript) && (answers || decides(text));
        self.floor.doubted = doubted;
        if !doubted {
            self.floor.questions = 0;
            return false;
        }
        self.log("doubted", json!({ "text": text, "confidence": transcript.confidence }));
        if self.floor.questions >= QUESTIONS {
            return false;
        }
        self.floor.questions += 1;
        true
    }

    /// Asks whether this is what they said.
    pub(super) fn ask_whether(&mut self, text: &str) {
        let said = text.trim_end_matches(['.', ',', '!', '?', ' ']);
        let question = tables(self.language.current()).phrases.doubted.replace("{text}", said);
        self.begin_generation();
        self.disclose();
        self.say(question);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_times_days_yes_and_no_decide_something() {
        for text in
            ["At eight.", "20:00", "Um halb neun", "El viernes", "Ja.", "No.", "Mhm", "twintig uur", "Nein, leider nicht."]
        {
            assert!(decides(text), "{text}");
        }
        for text in ["What was the name again?", "Einen Augenblick bitte", "¿Con quién hablo?"] {
            assert!(!decides(text), "{text}");
        }
    }

    #[test]
    fn a_neighbour_of_our_languages_is_understood_by_its_words() {
        let of = |text: &str, foreign| Transcript { foreign, ..Transcript::new(text, None) };
        let galician = || Some(Foreign::Language("galician".to_owned()));
        assert!(!is_not_heard(&of("Sí, tenemos una mesa para usted", galician())));
        assert!(!is_not_heard(&of("A las 8", galician())));
        assert!(is_not_heard(&of("Diolch yn fawr", Some(Foreign::Language("welsh".to_owned())))));
        assert!(is_not_heard(&of("สวัสดีครับ 20:00", Some(Foreign::Script))));
        assert!(!is_not_heard(&of("Diolch", None)), "nothing speaks against it");
    }
}
