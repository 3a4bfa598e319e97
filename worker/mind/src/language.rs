//! Which language is spoken: a posterior over the call. Hint and country are its prior; each utterance adds what its words and the
//! recogniser's tag say. Short words that two languages share decide nothing. A switch needs evidence of more than one utterance, or the
//! callee's plain wish; a greeting alone never beats the country.

use offhook::language::Language;
use offhook_language::{all, tables};

use super::understanding::{asks_for_language, words};

/// What hint and country weigh.
const PRIOR: f32 = 2.0;
/// What the words of one utterance weigh at most, and what each telling word weighs.
const UTTERANCE: f32 = 2.0;
const TELLING_WORD: f32 = 0.5;
/// What the recogniser's tag weighs.
const TAG: f32 = 0.7;
/// What is left of an utterance's weight after each that follows.
const MEMORY: f32 = 0.8;
/// Utterances in another language, without one in ours between them, that make a switch.
const UTTERANCES: u32 = 2;

/// The language of the conversation, and how sure we are.
#[derive(Debug, Clone)]
pub(super) struct LanguageTracker {
    current: Language,
    /// Expected before the call, from the request's hint or the number's country.
    known: Option<Language>,
    /// What was heard, by language in the order of [`Language::ALL`].
    heard: [f32; Language::ALL.len()],
    /// Clear utterances in the current language, in a row.
    agreed: u32,
    /// Another language, and the utterances in it since the last one in ours.
    candidate: Option<(Language, u32)>,
}

impl LanguageTracker {
    /// Starts with what is known of the restaurant; English where nothing is.
    pub fn new(known: Option<Language>) -> Self {
        let current = known.unwrap_or(Language::En);
        LanguageTracker { current, known, heard: [0.0; Language::ALL.len()], agreed: 0, candidate: None }
    }

    /// The language to speak.
    pub fn current(&self) -> Language {
        self.current
    }

    /// What to tell the recogniser: only once two utterances agreed, and not while it understands nothing.
    pub fn hint(&self) -> Option<Language> {
        (self.agreed >= 2).then_some(self.current)
    }

    /// Nothing was understood: perhaps it was another language.
    pub fn unsure(&mut self) {
        self.agreed = 0;
    }

    /// Takes an utterance and the recogniser's tag; returns whether the language has changed with it.
    pub fn hear(&mut self, text: &str, tag: Option<Language>) -> bool {
        if let Some(wish) = asks_for_language(text) {
            self.add(wish, UTTERANCE);
            return self.switch(wish);
        }
        let telling: Vec<String> = words(text)
            .into_iter()
            .filter(|word| !is_shared(word) && word.chars().all(|c| c.is_alphabetic() || c == '\'' || c == '’'))
            .collect();
        let Some((guess, support)) = guess(&telling, tag).filter(|_| !telling.is_empty()) else { return false };
        let tagged = if tag == Some(guess) { TAG } else { 0.0 };
        self.add(guess, (support as f32 * TELLING_WORD + tagged).min(UTTERANCE));
        if guess == self.current {
            self.agreed += 1;
            self.candidate = None;
            return false;
        }
        let before = self.candidate.filter(|(language, _)| *language == guess).map_or(0, |(_, utterances)| utterances);
        self.candidate = Some((guess, before + 1));
        // Nothing is known against a clear first utterance where neither hint nor country told what to expect.
        let first = self.known.is_none() && self.agreed == 0 && (support >= 1 || telling.len() >= 4);
        let enough = before + 1 >= UTTERANCES && self.weight(guess) > self.weight(self.current);
        (first || enough) && self.switch(guess)
    }

    fn add(&mut self, language: Language, weight: f32) {
        for (known, heard) in Language::ALL.into_iter().zip(&mut self.heard) {
            *heard = *heard * MEMORY + if known == language { weight } else { 0.0 };
        }
    }

    fn weight(&self, language: Language) -> f32 {
        let heard =
            Language::ALL.into_iter().zip(self.heard).find(|(known, _)| *known == language).map_or(0.0, |(_, heard)| heard);
        heard + if self.known == Some(language) { PRIOR } else { 0.0 }
    }

    fn switch(&mut self, to: Language) -> bool {
        let switched = to != self.current;
        self.current = to;
        self.agreed = if switched { 1 } else { self.agreed + 1 };
        self.candidate = None;
        switched
    }
}

/// The language of these words and how many of them speak for it. Two words outweigh the recogniser's tag.
fn guess(telling: &[String], tag: Option<Language>) -> Option<(Language, usize)> {
    let score = |language: Language| {
        telling.iter().filter(|word| tables(language).understanding.telling.contains(&word.as_str())).count()
    };
    let best = Language::ALL.into_iter().max_by_key(|language| (score(*language), Some(*language) == tag))?;
    let alone = Language::ALL.into_iter().filter(|language| score(*language) == score(best)).count() == 1;
    match tag {
        Some(tag) if alone && score(best) >= score(tag) + 2 => Some((best, score(best))),
        Some(tag) => Some((tag, score(tag))),
        None => (alone && score(best) > 0).then(|| (best, score(best))),
    }
}

/// Whether the word is no evidence: languages share it, or anybody says it.
fn is_shared(word: &str) -> bool {
    all().any(|tables| tables.understanding.shared.contains(&word))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use Language::{De, En, Es, Nl};

    use super::*;

    #[test]
    fn a_greeting_alone_never_beats_the_country() {
        for (text, tag, language) in [
            ("Hola, buenas tardes, dígame.", Some(Es), Es),
            ("Goedenavond, met restaurant De Molen.", None, Nl),
            ("Guten Abend, Gasthaus Löwe.", Some(De), De),
        ] {
            let mut tracker = LanguageTracker::new(Some(En));
            assert!(!tracker.hear(text, tag), "{text}");
            let mut unknown = LanguageTracker::new(None);
            assert!(unknown.hear(text, tag), "{text}");
            assert_eq!(unknown.current(), language);
        }
    }

    #[test]
    fn a_second_utterance_in_another_language_makes_the_switch() {
        let mut tracker = LanguageTracker::new(Some(En));
        assert!(!tracker.hear("Hola, buenas tardes, dígame.", Some(Es)));
        assert!(tracker.hear("Perdone, no le entiendo, ¿qué quiere usted?", Some(Es)));
        assert_eq!(tracker.current(), Es);
    }

    #[test]
    fn words_that_languages_share_decide_nothing() {
        let mut tracker = LanguageTracker::new(Some(De));
        for text in ["Hallo?", "Ja.", "No.", "Sorry", "OK", "21:00", "Ristorante Roma"] {
            assert!(!tracker.hear(text, Some(Nl)), "{text}");
        }
        assert_eq!(tracker.current(), De);
    }

    #[test]
    fn one_misheard_utterance_turns_no_conversation_around_at_whatever_place_it_comes() {
        let german =
            ["Guten Tag, was kann ich für Sie tun?", "Für wie viele Personen?", "Um acht Uhr geht es.", "Auf welchen Namen?"];
        let misheard = ["Good evening, the table is for you, thank you.", "Madrid Barcelona", "Voor hoeveel personen is het?"];
        for place in 0..german.len() {
            for (text, tag) in misheard.into_iter().zip([En, Es, Nl]) {
                let mut tracker = LanguageTracker::new(Some(De));
                for (at, line) in german.into_iter().enumerate() {
                    if at == place {
                        assert!(!tracker.hear(text, Some(tag)), "{text} at {place}");
                    }
                    assert!(!tracker.hear(line, Some(De)), "{line}");
                }
                assert_eq!(tracker.current(), De);
            }
        }
    }

    #[test]
    fn a_plain_wish_is_followed_at_once_and_its_denial_is_none() {
        for (text, language) in [
            ("Sorry, do you speak English?", En),
            ("Können wir auf Englisch sprechen?", En),
            ("Sprechen Sie Deutsch?", De),
            ("¿Habla español?", Es),
            ("Nederlands alstublieft.", Nl),
        ] {
            let mut tracker = LanguageTracker::new(Some(if language == De { Nl } else { De }));
            tracker.hear("Einen Moment bitte", Some(De));
            assert!(tracker.hear(text, None), "{text}");
            assert_eq!(tracker.current(), language);
        }
        let mut tracker = LanguageTracker::new(Some(De));
        for text in ["I don't speak English.", "Ich spreche leider kein Englisch, nicht auf Englisch.", "No hablo español"] {
            assert!(!tracker.hear(text, None), "{text}");
        }
    }

    #[test]
    fn a_conversation_that_really_changes_is_followed() {
        let mut tracker = LanguageTracker::new(Some(De));
        for text in ["Guten Tag, was kann ich für Sie tun?", "Einen Moment bitte, ich hole meine Kollegin."] {
            tracker.hear(text, Some(De));
        }
        let english = ["Hello, how can I help you?", "For how many people is it?", "Yes, we have a table for you at eight."];
        let at = english.into_iter().position(|text| tracker.hear(text, Some(En))).unwrap();
        assert!((1..=2).contains(&at), "after {at} utterances");
    }

    #[test]
    fn the_recogniser_is_told_only_what_two_utterances_agree_on() {
        let mut tracker = LanguageTracker::new(Some(Nl));
        assert_eq!(tracker.hint(), None);
        tracker.hear("Goedemiddag", Some(Nl));
        tracker.hear("Voor hoeveel personen?", Some(Nl));
        assert_eq!(tracker.hint(), Some(Nl));
        tracker.unsure();
        assert_eq!(tracker.hint(), None);
    }
}
