//! Restaurants that answer the telephone: who they are (`persona`), what they say (`phrases`) and when they say it (`script`).

use std::collections::BTreeSet;

use offhook::language::Language;

pub mod persona;
pub mod phone;
pub mod phrases;
pub mod poor_line;
pub mod script;

use persona::Persona;
use phrases::Phrases;

/// Everything these restaurants can be heard to say, as a recogniser writes it, without doubles.
///
/// Three kinds of utterance, because the pause between two sentences may or may not end one: each persona's whole turns,
/// the single sentences of those turns, and all sentences without slots of the languages they speak.
pub fn restaurant_vocabulary(personas: &[Persona]) -> Vec<(Language, String)> {
    let mut vocabulary = BTreeSet::new();
    for persona in personas.iter().filter(|persona| !persona.turns.is_empty()) {
        let phrases = Phrases::of(persona.language);
        vocabulary.extend(phrases.without_slots().map(|text| (persona.language, text.to_owned())));
        for turn in &persona.turns {
            vocabulary.insert((persona.language, persona.text_of(turn)));
            for intent in &turn.say {
                let text = phrases.render(*intent, persona.wording, &persona.slots(Some(turn)));
                vocabulary.extend(text.map(|text| (persona.language, text)));
            }
        }
    }
    vocabulary.into_iter().collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_vocabulary_holds_whole_turns_and_their_sentences_and_stays_small_enough_to_recognise() {
        let vocabulary = restaurant_vocabulary(&persona::built_in().unwrap());
        for language in Language::ALL {
            let size = vocabulary.iter().filter(|(l, _)| *l == language).count();
            assert!((40..=100).contains(&size), "{language}: {size} utterances");
        }
        for text in [
            "Yes, we have a table for you. Under what name, please?",
            "Under what name, please?",
            "Hello, this is The Golden Lion, Mary speaking.",
            "At that time we are full, but we could offer you 20:00 instead.",
            "I am sorry, I did not understand you.",
        ] {
            assert!(vocabulary.contains(&(Language::En, text.to_owned())), "missing: {text}");
        }
        assert!(vocabulary.iter().all(|(_, text)| !text.contains('{') && !text.trim().is_empty()));
    }
}
