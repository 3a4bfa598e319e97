//! What a callee's words mean where no model has to be asked. The words of all languages count: a callee may mix them.

use offhook::language::{Language, folding::unaccented};
use offhook_language::{all, tables, tables::Understanding};

/// Words a callee spends on asking us to wait. More than this is more than that.
const WAITING_WORDS: usize = 9;
/// Words before the name of a language that make no wish of it.
const NO_WISH: [&str; 14] =
    ["cannot", "nor", "don't", "not", "no", "never", "can't", "kein", "nicht", "keine", "niet", "geen", "hablo", "little"];

/// The words of a text in lower case, without punctuation.
pub(super) fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’')
        .map(|word| word.trim_matches(['\'', '’']).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}

/// "Mhm", "ja, ok": somebody listens, and wants nothing.
pub(super) fn is_backchannel(text: &str) -> bool {
    let words = words(text);
    words.len() <= 3 && words.iter().all(|word| is_listed(word, |words| words.backchannels))
}

/// "Thank you, bye": nothing that would have to be answered after our goodbye.
pub(super) fn is_farewell(text: &str) -> bool {
    let known = |word: &String| is_listed(word, |words| words.backchannels) || is_listed(word, |words| words.farewells);
    let words = words(text);
    words.len() <= 8 && words.iter().all(known)
}

/// An objection to what was just said: "no, at eight", "das stimmt nicht"; but not "no, that's fine".
pub(super) fn denies(text: &str) -> bool {
    if says_wrong(text) {
        return true;
    }
    let said = words(text);
    let first = said.iter().position(|word| !is_listed(word, |words| words.hesitations));
    let Some(first) = first.filter(|first| is_listed(&said[*first], |words| words.denials)) else { return false };
    // "No problem", "no, that's fine": what follows has to say that all is well, and nothing else.
    let rest = &said[first + 1..];
    let harmless = |word: &String| {
        is_listed(word, |words| words.reassurances)
            || is_listed(word, |words| words.hesitations)
            || is_listed(word, |words| words.farewells)
            || is_listed(word, |words| words.fillers)
    };
    !(rest.iter().any(|word| is_listed(word, |words| words.reassurances)) && rest.iter().all(harmless))
}

/// Whether a phrase says that something is not as it was said: "that's not right", wherever it stands.
pub(super) fn says_wrong(text: &str) -> bool {
    let joined = format!(" {} ", words(text).join(" "));
    all().any(|tables| tables.understanding.wrong.iter().any(|phrase| joined.contains(&format!(" {phrase} "))))
}

/// Whether the word is a denial by itself; folded or not.
pub(super) fn is_denial(word: &str) -> bool {
    all().any(|tables| tables.understanding.denials.iter().any(|denial| *denial == word || unaccented(denial) == word))
}

/// Whether the first word that says something is a denial.
pub(super) fn begins_with_denial(text: &str) -> bool {
    let said = words(text);
    said.iter().find(|word| !is_listed(word, |words| words.hesitations)).is_some_and(|word| is_denial(word))
}

/// Whether the first word that says something is a yes: "Yes, we have a table for you".
pub(super) fn begins_with_yes(text: &str) -> bool {
    let said = words(text);
    let first = said.iter().find(|word| !is_listed(word, |words| words.hesitations));
    first.is_some_and(|word| is_listed(word, |words| words.backchannels))
}

/// Words that agree to what was just said, and more than a nod: "perfect", "das passt".
pub(super) fn affirms(text: &str) -> bool {
    let said = words(text);
    if denies(text) {
        return false;
    }
    said.iter().any(|word| is_listed(word, |words| words.reassurances)) || (!said.is_empty() && is_backchannel(text))
}

/// Whether a question of ours asks whether something is right: "Is that correct?"
pub(super) fn asks_whether_right(question: &str) -> bool {
    words(question).iter().any(|word| is_listed(word, |words| words.reassurances))
}

/// The language that somebody wishes to speak: "do you speak English?", "auf Deutsch bitte". "I don't speak English" is no wish.
pub(super) fn asks_for_language(text: &str) -> Option<Language> {
    let said = words(text);
    Language::ALL.into_iter().find(|language| {
        tables(*language).understanding.asks_for.iter().any(|phrase| {
            let phrase: Vec<&str> = phrase.split(' ').collect();
            let place =
                said.windows(phrase.len()).position(|window| window.iter().map(String::as_str).eq(phrase.iter().copied()));
            place.is_some_and(|place| !said[place.saturating_sub(3)..place].iter().any(|word| NO_WISH.contains(&word.as_str())))
        })
    })
}

/// Whether a request to wait is all there is in it: no question, no number.
pub(super) fn only_asks_to_wait(text: &str) -> bool {
    words(text).len() <= WAITING_WORDS && !text.contains(|c: char| c == '?' || c.is_ascii_digit())
}

fn is_listed(word: &str, list: impl Fn(&Understanding) -> &'static [&'static str]) -> bool {
    all().any(|tables| list(&tables.understanding).contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nod_is_told_from_an_answer() {
        for nod in ["Mhm.", "Ja, ok.", "Sí, sí.", "aha", ""] {
            assert!(is_backchannel(nod), "{nod}");
        }
        for answer in ["No.", "Ja, für vier?", "Yes we have", "21:00", "Nein"] {
            assert!(!is_backchannel(answer), "{answer}");
        }
        assert!(is_farewell("Thank you, bye!") && is_farewell("Danke, auf Wiederhören") && !is_farewell("Wait, which name?"));
    }

    #[test]
    fn an_objection_is_told_from_words_of_content_in_four_languages() {
        for objection in [
            "No.",
            "No, I said half past eight.",
            "No, we're all booked out.",
            "No good.",
            "No, that's not okay.",
            "No, sorry, we are fully booked, thanks.",
            "No thank you, we don't take bookings from robots.",
            "Sorry, that table is gone.",
            "Wait, no, at eight.",
            "Oh no, at eight!",
            "That's not right.",
            "Nein, da ist leider alles voll.",
            "Nein, das passt nicht.",
            "Nein, das stimmt so gar nicht",
            "Nein, nicht gut",
            "Das geht leider nicht.",
            "Äh nein, um 20 Uhr.",
            "Nein danke, um 20 Uhr",
            "Nein danke, wir nehmen keine Reservierungen von Computern.",
            "No, todo está lleno",
            "No, no está bien",
            "No, a las ocho. Gracias.",
            "No, gracias, estamos completos.",
            "Nee, alles is vol.",
            "Nee, dank u, wij zitten vol.",
        ] {
            assert!(denies(objection) && !affirms(objection), "{objection}");
        }
        for content in [
            "No problem, see you then.",
            "No, that's fine.",
            "No worries!",
            "As I said, that's fine.",
            "Perfect.",
            "Yes, exactly.",
            "Nein, das passt.",
            "Nein, alles gut.",
            "Kein Problem.",
            "Genau, so ist es richtig.",
            "No, está bien.",
            "No hay problema.",
            "Nee hoor, prima.",
            "Geen probleem.",
            "Ja, klopt.",
        ] {
            assert!(!denies(content), "{content}");
        }
    }

    #[test]
    fn the_name_of_a_language_is_no_wish_to_speak_it() {
        for mention in [
            "Wir haben die Karte auch auf Englisch, wenn Sie möchten.",
            "Tenemos el menú en inglés también.",
            "I cannot speak English, sorry.",
            "Ik spreek geen Engels.",
        ] {
            assert_eq!(asks_for_language(mention), None, "{mention}");
        }
        assert_eq!(asks_for_language("Deutsch bitte, I cannot talk English"), Some(Language::De));
    }
}
