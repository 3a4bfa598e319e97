//! Which language is spoken: the guess before the call, the recogniser's tag, and the words themselves. Short words that two
//! languages share decide nothing, and one stray utterance does not turn a conversation around.

use offhook::language::Language;
use offhook_language::{all, tables};

use super::understanding::words;

/// The language of the conversation, and how sure we are.
#[derive(Debug, Clone)]
pub(super) struct LanguageTracker {
    current: Language,
    /// Clear utterances in this language, in a row.
    agreed: u32,
    /// Another language was heard once.
    candidate: Option<Language>,
}

impl LanguageTracker {
    /// Starts with the best guess.
    pub fn new(prior: Language) -> Self {
        LanguageTracker { current: prior, agreed: 0, candidate: None }
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
        let telling: Vec<String> = words(text)
            .into_iter()
            .filter(|word| !is_shared(word) && word.chars().all(|c| c.is_alphabetic() || c == '\'' || c == '’'))
            .collect();
        if telling.is_empty() {
            return false;
        }
        let Some((guess, support)) = guess(&telling, tag) else { return false };
        if guess == self.current {
            self.agreed += 1;
            self.candidate = None;
            return false;
        }
        let heard_before = self.candidate == Some(guess);
        let clear = if self.agreed == 0 {
            support >= 1 || telling.len() >= 4
        } else {
            support >= 2 || (support == 1 && telling.len() >= 3) || telling.len() >= 5
        };
        if clear || heard_before {
            *self = LanguageTracker { current: guess, agreed: 1, candidate: None };
            return true;
        }
        self.candidate = Some(guess);
        false
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
    use Language::{De, En, Es, Nl};

    use super::*;

    #[test]
    fn a_greeting_decides_against_the_country() {
        for (text, tag, language) in [
            ("Hola, buenas tardes, dígame.", Some(Es), Es),
            ("Goedenavond, met restaurant De Molen.", None, Nl),
            ("Guten Abend, Gasthaus Löwe.", Some(Nl), De),
        ] {
            let mut tracker = LanguageTracker::new(En);
            assert!(tracker.hear(text, tag), "{text}");
            assert_eq!(tracker.current(), language);
        }
    }

    #[test]
    fn words_that_languages_share_decide_nothing() {
        let mut tracker = LanguageTracker::new(De);
        for text in ["Hallo?", "Ja.", "No.", "Sorry", "OK", "21:00", "Ristorante Roma"] {
            assert!(!tracker.hear(text, Some(Nl)), "{text}");
        }
        assert_eq!(tracker.current(), De);
    }

    #[test]
    fn one_stray_utterance_does_not_turn_a_conversation_around_but_a_clear_one_does() {
        let mut tracker = LanguageTracker::new(De);
        tracker.hear("Guten Tag, was kann ich für Sie tun?", Some(De));
        assert!(!tracker.hear("Madrid Barcelona", Some(Es)));
        assert!(!tracker.hear("Einen Moment bitte", Some(De)));
        assert!(tracker.hear("Sorry, do you speak English?", Some(En)));
        assert_eq!(tracker.current(), En);
    }

    #[test]
    fn the_recogniser_is_told_only_what_two_utterances_agree_on() {
        let mut tracker = LanguageTracker::new(Nl);
        assert_eq!(tracker.hint(), None);
        tracker.hear("Goedemiddag", Some(Nl));
        tracker.hear("Voor hoeveel personen?", Some(Nl));
        assert_eq!(tracker.hint(), Some(Nl));
        tracker.unsure();
        assert_eq!(tracker.hint(), None);
    }
}
