//! Which of the talker's sentences a restaurant can be taught to recognise, and what they mean to it.

use std::collections::BTreeSet;

use offhook::language::Language;
use serde::Deserialize;

use super::{sentences, understanding::words};

/// Somebody on whose behalf the demo and the tests call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guest {
    /// As the request has it.
    pub name: String,
    /// E.164.
    pub phone: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Guests {
    guests: Vec<Guest>,
}

/// The guests of `sandbox/guests.toml`.
pub fn built_in_guests() -> Vec<Guest> {
    let file: Guests =
        toml::from_str(include_str!("../../guests.toml")).expect("the file is part of the program and parsed by its tests");
    file.guests
}

/// What a restaurant makes of a sentence of the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meaning {
    /// The agent introduces itself; the request is still to come.
    Opening,
    /// Agrees.
    Yes,
    /// Refuses.
    No,
    /// Has not understood.
    Repeat,
    /// Will wait.
    Holds,
    /// Ends the call.
    Goodbye,
    /// Gives a name, a number, a spelling or a party size.
    Detail,
}

/// Everything the talker may say that restaurants can recognise, as a recogniser writes it, without doubles. Everything else
/// it says, they notice by turn-taking only.
pub fn agent_vocabulary(guests: &[Guest]) -> Vec<(Language, String)> {
    let mut vocabulary = BTreeSet::new();
    for language in Language::ALL {
        vocabulary.extend(fixed(language).into_iter().map(|(text, _)| (language, text.to_owned())));
        vocabulary.extend((1..=12).map(|size| (language, sentences::we_are(size, language))));
        let lines = sentences::lines(language);
        for guest in guests {
            let opening = sentences::named(lines.opening, &guest.name);
            vocabulary.extend([
                (language, format!("{opening} {}", lines.recorded)),
                (language, opening),
                (language, sentences::named(lines.name, &guest.name)),
                (language, sentences::spelling(&guest.name, language)),
                (language, sentences::phone(&guest.phone, language)),
            ]);
        }
    }
    vocabulary.into_iter().collect()
}

/// What a recognised sentence means; `None` where it is none of the vocabulary's.
pub fn meaning(text: &str, language: Language, guests: &[Guest]) -> Option<Meaning> {
    let words = words::fold(text);
    let same = |other: &str| words == words::fold(other);
    if let Some((_, meaning)) = fixed(language).into_iter().find(|(fixed, _)| same(fixed)) {
        return Some(meaning);
    }
    let lines = sentences::lines(language);
    let opening = |guest: &Guest| {
        let opening = sentences::named(lines.opening, &guest.name);
        same(&opening) || same(&format!("{opening} {}", lines.recorded))
    };
    if guests.iter().any(opening) {
        return Some(Meaning::Opening);
    }
    agent_vocabulary(guests).iter().any(|(l, known)| *l == language && same(known)).then_some(Meaning::Detail)
}

fn fixed(language: Language) -> [(&'static str, Meaning); 15] {
    let lines = sentences::lines(language);
    [
        (lines.recorded, Meaning::Opening),
        (lines.yes, Meaning::Yes),
        (lines.suits, Meaning::Yes),
        (lines.thanks, Meaning::Yes),
        (lines.no, Meaning::No),
        (lines.no_wish, Meaning::Detail),
        (lines.any_seat, Meaning::Detail),
        (lines.which_time, Meaning::Detail),
        (lines.repeat, Meaning::Repeat),
        (lines.hold, Meaning::Holds),
        (lines.do_not_book, Meaning::Goodbye),
        (lines.wrong_number, Meaning::Goodbye),
        (lines.understood, Meaning::Goodbye),
        (lines.pity, Meaning::Goodbye),
        (lines.goodbye, Meaning::Goodbye),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_restaurants_can_recognise_of_the_agent_is_small_and_complete() {
        let guests = built_in_guests();
        let vocabulary = agent_vocabulary(&guests);
        for language in Language::ALL {
            let size = vocabulary.iter().filter(|(l, _)| *l == language).count();
            assert_eq!(size, 15 + 12 + 5 * guests.len(), "{language}");
        }
        assert!(vocabulary.iter().all(|(_, text)| !text.contains('{')));
        for text in ["The name is Ada Winter.", "We are 4 people.", "Yes, please.", "That is spelled A, D, A; W, I, N, T, E, R."]
        {
            assert!(vocabulary.contains(&(Language::En, text.to_owned())), "{text}");
        }
    }

    #[test]
    fn recognised_sentences_mean_something_to_a_restaurant() {
        let guests = built_in_guests();
        let means = |text| meaning(text, Language::De, &guests);
        assert_eq!(means("Vielen Dank, auf Wiederhören."), Some(Meaning::Goodbye));
        assert_eq!(means("ja das passt uns gut danke"), Some(Meaning::Yes));
        assert_eq!(means("Der Name ist Ada Winter."), Some(Meaning::Detail));
        let opening =
            "Guten Tag, hier ist ein automatischer Assistent im Auftrag von Ada Winter. Dieses Gespräch wird aufgezeichnet.";
        assert_eq!(means(opening), Some(Meaning::Opening));
        assert_eq!(means("Der Name ist Max Mustermann."), None);
    }
}
