//! The name a table is under: it is the guest's of the request, however it is written, and nobody else's.

use offhook::language::folding::unaccented;
use offhook_language::all;
use serde_json::json;

use super::{mind::Mind, outcome::Particulars, pattern::words};

/// Forms of address before a name, folded.
const TITLES: [&str; 19] = [
    "mr", "mrs", "ms", "miss", "dr", "prof", "herr", "herrn", "frau", "familie", "senor", "senora", "senorita", "sr", "sra",
    "don", "dona", "meneer", "mevrouw",
];
/// Most words of a name.
const NAME_WORDS: usize = 6;

/// Whether a name is the guest's: all its words are words of the guest's name or their initials, and the surname is among them. Case,
/// accents, order and forms of address do not count.
pub(super) fn is_the_guests(name: &str, guest: &str) -> bool {
    let plain = name.chars().all(|c| c.is_alphanumeric() || " .,-'’´".contains(c));
    let known: Vec<String> = words(guest);
    let given: Vec<String> =
        words(name).into_iter().filter(|word| !TITLES.contains(&word.as_str()) || known.contains(word)).collect();
    let initial = |word: &str| word.chars().count() == 1 && known.iter().any(|known| known.starts_with(word));
    let fits = |word: &String| known.contains(word) || initial(word);
    plain
        && given.len() <= known.len().max(1)
        && given.iter().all(fits)
        && (known.len() == 1 || given.iter().any(|word| known[1..].contains(word)))
        && given.iter().any(|word| known.contains(word))
}

/// Whether a callee's words put the table under a name that is not the guest's: "under Ada Summer".
pub(super) fn names_another_guest(text: &str, guest: &str) -> bool {
    let known = words(guest);
    text.split([',', '.', ';', '!', '?']).any(|clause| {
        let written: Vec<&str> = clause.split_whitespace().collect();
        let folded: Vec<String> = written.iter().map(|word| unaccented(word)).collect();
        let ends = all().flat_map(|tables| tables.naming.before_name).flat_map(|phrase| {
            let phrase: Vec<String> = phrase.split(' ').map(unaccented).collect();
            let places: Vec<usize> =
                (0..folded.len()).filter(|at| folded[*at..].starts_with(&phrase)).map(|at| at + phrase.len()).collect();
            places
        });
        ends.max().is_some_and(|end| {
            let capital = |word: &&&str| word.starts_with(char::is_uppercase);
            let named: Vec<String> =
                written[end..].iter().take(NAME_WORDS).take_while(capital).flat_map(|word| words(word)).collect();
            named.iter().any(|word| !TITLES.contains(&word.as_str()) && !known.contains(word) && word.chars().count() > 1)
        })
    })
}

impl Mind {
    /// The particulars of an acceptance, with a name only where it is the guest's; and whether one was left out.
    pub(super) fn under_the_guests_name(&mut self, particulars: Particulars) -> (Particulars, bool) {
        let others = particulars.name.as_deref().is_some_and(|name| !is_the_guests(name, &self.request.guest_name));
        if !others {
            return (particulars, false);
        }
        self.log("name_replaced", json!({ "by": self.request.guest_name }));
        (Particulars { name: None, ..particulars }, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_guests_name_however_it_is_written_is_theirs() {
        for name in ["Ada Winter", "ada winter", "Winter", "Winter, Ada", "A. Winter", "Frau Winter", "WINTER", "Áda Winter"] {
            assert!(is_the_guests(name, "Ada Winter"), "{name}");
        }
        assert!(
            is_the_guests("Müller", "Jörg Müller") && is_the_guests("Muller", "Jörg Müller") && is_the_guests("Cher", "Cher")
        );
    }

    #[test]
    fn any_other_name_is_not() {
        let long = "a".repeat(5_000);
        let many = "Ada Winter ".repeat(500);
        for name in
            ["Bob Summer", "guest_name", "The Golden Lion", "Ada\u{202e} Winter", "Ada Summer", "Winters", "", "A.", &long, &many]
        {
            assert!(!is_the_guests(name, "Ada Winter"), "{name}");
        }
    }

    #[test]
    fn a_table_under_another_name_is_told() {
        for text in [
            "Fine, under Ada Summer.",
            "Under the name Winters then.",
            "Auf den Namen Sommer, ja.",
            "A nombre de Verano.",
            "Op naam van Zomer.",
        ] {
            assert!(names_another_guest(text, "Ada Winter"), "{text}");
        }
        for text in [
            "Under the name Winter, great.",
            "Under Ada Winter.",
            "Under Mrs Winter.",
            "It is under the terrace.",
            "Auf den Namen Winter, passt.",
            "Under what name?",
        ] {
            assert!(!names_another_guest(text, "Ada Winter"), "{text}");
        }
    }
}
