//! Which language is spoken: the guess before the call, the recogniser's tag, and the words themselves. Short words that two
//! languages share decide nothing, and one stray utterance does not turn a conversation around.

use offhook::language::Language;

use super::understanding::words;

/// Words that two of the four languages share, or that anybody says: no evidence.
const SHARED: [&str; 47] = [
    "hallo",
    "hello",
    "hi",
    "ja",
    "jaja",
    "no",
    "sorry",
    "ok",
    "okay",
    "oké",
    "hm",
    "hmm",
    "mhm",
    "aha",
    "ah",
    "oh",
    "uh",
    "restaurant",
    "ristorante",
    "restaurante",
    "pizzeria",
    "trattoria",
    "bar",
    "café",
    "cafe",
    "bistro",
    "super",
    "prima",
    "perfect",
    "moment",
    "bye",
    "ciao",
    "is",
    "we",
    "die",
    "in",
    "an",
    "so",
    "van",
    "of",
    "me",
    "a",
    "de",
    "was",
    "wie",
    "online",
    "la",
];
const ENGLISH: [&str; 44] = [
    "good",
    "evening",
    "morning",
    "afternoon",
    "the",
    "you",
    "your",
    "have",
    "table",
    "for",
    "how",
    "can",
    "could",
    "help",
    "please",
    "thank",
    "thanks",
    "yes",
    "yeah",
    "speaking",
    "people",
    "what",
    "time",
    "when",
    "would",
    "like",
    "this",
    "that",
    "and",
    "not",
    "are",
    "it",
    "i",
    "i'm",
    "do",
    "don't",
    "we're",
    "there",
    "name",
    "which",
    "english",
    "speak",
    "only",
    "full",
];
const GERMAN: [&str; 44] = [
    "guten",
    "tag",
    "abend",
    "hier",
    "ist",
    "ich",
    "sie",
    "wir",
    "haben",
    "für",
    "und",
    "nicht",
    "einen",
    "eine",
    "bitte",
    "danke",
    "leider",
    "können",
    "kann",
    "tisch",
    "auf",
    "um",
    "uhr",
    "grüß",
    "gott",
    "moin",
    "servus",
    "nein",
    "genau",
    "gerne",
    "ihnen",
    "der",
    "das",
    "den",
    "spricht",
    "welchen",
    "namen",
    "viele",
    "wann",
    "aber",
    "noch",
    "deutsch",
    "wiederhören",
    "nur",
];
const SPANISH: [&str; 44] = [
    "hola", "buenas", "buenos", "tardes", "noches", "días", "dígame", "diga", "sí", "para", "usted", "gracias", "mesa",
    "tenemos", "qué", "cuántas", "cuántos", "personas", "las", "los", "el", "que", "está", "lo", "siento", "un", "una",
    "momento", "por", "favor", "quiere", "puedo", "adiós", "vale", "bueno", "hora", "nombre", "estamos", "pero", "del",
    "español", "completo", "tiene", "y",
];
const DUTCH: [&str; 44] = [
    "goedemiddag",
    "goedenavond",
    "goedemorgen",
    "goedendag",
    "met",
    "u",
    "het",
    "een",
    "wij",
    "hebben",
    "voor",
    "niet",
    "graag",
    "dank",
    "bedankt",
    "uur",
    "tafel",
    "helaas",
    "kunnen",
    "zegt",
    "jullie",
    "spreekt",
    "dat",
    "ik",
    "heeft",
    "mogelijk",
    "nee",
    "alstublieft",
    "alsjeblieft",
    "zijn",
    "hoe",
    "laat",
    "vol",
    "hoeveel",
    "naam",
    "maar",
    "wel",
    "nog",
    "om",
    "op",
    "nederlands",
    "wat",
    "goed",
    "kan",
];

const fn known(language: Language) -> &'static [&'static str] {
    match language {
        Language::En => &ENGLISH,
        Language::De => &GERMAN,
        Language::Es => &SPANISH,
        Language::Nl => &DUTCH,
    }
}

/// The language of the conversation, and how sure we are.
#[derive(Debug, Clone)]
pub(super) struct Tongue {
    current: Language,
    /// Clear utterances in this language, in a row.
    agreed: u32,
    /// Another language was heard once.
    candidate: Option<Language>,
}

impl Tongue {
    /// Starts with the best guess.
    pub fn new(prior: Language) -> Self {
        Tongue { current: prior, agreed: 0, candidate: None }
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
            .filter(|word| !SHARED.contains(&word.as_str()) && word.chars().all(|c| c.is_alphabetic() || c == '\'' || c == '’'))
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
            *self = Tongue { current: guess, agreed: 1, candidate: None };
            return true;
        }
        self.candidate = Some(guess);
        false
    }
}

/// The language of these words and how many of them speak for it. Two words outweigh the recogniser's tag.
fn guess(telling: &[String], tag: Option<Language>) -> Option<(Language, usize)> {
    let score = |language: Language| telling.iter().filter(|word| known(language).contains(&word.as_str())).count();
    let best = Language::ALL.into_iter().max_by_key(|language| (score(*language), Some(*language) == tag))?;
    let alone = Language::ALL.into_iter().filter(|language| score(*language) == score(best)).count() == 1;
    match tag {
        Some(tag) if alone && score(best) >= score(tag) + 2 => Some((best, score(best))),
        Some(tag) => Some((tag, score(tag))),
        None => (alone && score(best) > 0).then(|| (best, score(best))),
    }
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
            let mut tongue = Tongue::new(En);
            assert!(tongue.hear(text, tag), "{text}");
            assert_eq!(tongue.current(), language);
        }
    }

    #[test]
    fn words_that_languages_share_decide_nothing() {
        let mut tongue = Tongue::new(De);
        for text in ["Hallo?", "Ja.", "No.", "Sorry", "OK", "21:00", "Ristorante Roma"] {
            assert!(!tongue.hear(text, Some(Nl)), "{text}");
        }
        assert_eq!(tongue.current(), De);
    }

    #[test]
    fn one_stray_utterance_does_not_turn_a_conversation_around_but_a_clear_one_does() {
        let mut tongue = Tongue::new(De);
        tongue.hear("Guten Tag, was kann ich für Sie tun?", Some(De));
        assert!(!tongue.hear("Madrid Barcelona", Some(Es)));
        assert!(!tongue.hear("Einen Moment bitte", Some(De)));
        assert!(tongue.hear("Sorry, do you speak English?", Some(En)));
        assert_eq!(tongue.current(), En);
    }

    #[test]
    fn the_recogniser_is_told_only_what_two_utterances_agree_on() {
        let mut tongue = Tongue::new(Nl);
        assert_eq!(tongue.hint(), None);
        tongue.hear("Goedemiddag", Some(Nl));
        tongue.hear("Voor hoeveel personen?", Some(Nl));
        assert_eq!(tongue.hint(), Some(Nl));
        tongue.unsure();
        assert_eq!(tongue.hint(), None);
    }
}
