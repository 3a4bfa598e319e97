//! Phrases as the tables write them, and where they occur in what was said.

use std::{ops::Range, sync::LazyLock};

use offhook::language::{Language, folding::unaccented};
use offhook_speaking::numbers::digit_word;

/// Most words a `*` stands for.
const GAP: usize = 3;

/// One phrase: words in a row. `a|b` is either word, `#` a key of the telephone ("1", "one", "eins", "star"), `*` up to
/// three words of any kind, a trailing `~` any ending ("nachricht~").
#[derive(Debug)]
pub(super) struct Phrase(Vec<Pattern>);

#[derive(Debug)]
enum Pattern {
    AnyOf(Vec<Word>),
    Key,
    Gap,
}

#[derive(Debug)]
struct Word {
    text: &'static str,
    open: bool,
}

/// Names of keys that are not the words of their digits, folded.
const OTHER_KEYS: [&str; 14] = [
    "star",
    "pound",
    "hash",
    "stern",
    "raute",
    "rautetaste",
    "sterntaste",
    "zwo",
    "asterisco",
    "almohadilla",
    "numeral",
    "sterretje",
    "hekje",
    "ster",
];

/// The words of the digits in the four languages, folded.
static DIGITS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let words = |language| ('0'..='9').map(move |digit| unaccented(digit_word(digit, language)));
    // Dutch "een" is a key only where no noun follows: see `is_number_een`.
    Language::ALL.into_iter().flat_map(words).filter(|word| word != "een").collect()
});

impl Phrase {
    /// Reads the table's notation; folded as [`words`] folds.
    pub(super) fn new(notation: &'static str) -> Self {
        let pattern = |token: &'static str| match token {
            "#" => Pattern::Key,
            "*" => Pattern::Gap,
            _ => Pattern::AnyOf(token.split('|').map(Word::new).collect()),
        };
        Phrase(notation.split(' ').map(pattern).collect())
    }

    pub(super) fn occurs_in(&self, words: &[&str]) -> bool {
        self.find(words).is_some()
    }

    /// The first place where the phrase lies.
    pub(super) fn find(&self, words: &[&str]) -> Option<Range<usize>> {
        (0..words.len()).find_map(|start| matches(&self.0, &words[start..]).map(|length| start..start + length))
    }
}

impl Word {
    fn new(notation: &'static str) -> Self {
        match notation.strip_suffix('~') {
            Some(text) => Word { text, open: true },
            None => Word { text: notation, open: false },
        }
    }

    fn is(&self, word: &str) -> bool {
        if self.open { word.starts_with(self.text) } else { word == self.text }
    }
}

/// How many words from the first on the patterns cover.
fn matches(patterns: &[Pattern], words: &[&str]) -> Option<usize> {
    let Some((first, rest)) = patterns.split_first() else { return Some(0) };
    match first {
        Pattern::Gap => (0..=GAP.min(words.len())).find_map(|gap| matches(rest, &words[gap..]).map(|length| gap + length)),
        Pattern::AnyOf(_) | Pattern::Key => {
            let (word, words) = words.split_first()?;
            let fits = match first {
                Pattern::AnyOf(any) => any.iter().any(|one| one.is(word)),
                _ => is_key(word) || (*word == "een" && is_number_een(words)),
            };
            if fits { matches(rest, words).map(|length| length + 1) } else { None }
        }
    }
}

fn is_key(word: &str) -> bool {
    (word.len() == 1 && word.as_bytes()[0].is_ascii_digit())
        || word == "#"
        || word == "*"
        || OTHER_KEYS.contains(&word)
        || DIGITS.iter().any(|digit| digit == word)
}

/// Dutch "een" is the key 1 where no noun follows, and an article elsewhere.
fn is_number_een(following: &[&str]) -> bool {
    following.first().is_none_or(|next| ["voor", "om", "als", "of", "en", "op", "in"].contains(next))
}

/// The words of a text: lower case, without accents and punctuation ("Löwe" is "lowe", "Straße" "strasse", "I'll" "ill").
pub(super) fn words(text: &str) -> Vec<String> {
    let mut folded = String::with_capacity(text.len());
    for character in unaccented(text).chars() {
        match character {
            // Keys keep their signs; everything else parts words.
            '#' | '*' => folded.extend([' ', character, ' ']),
            _ if character.is_alphanumeric() => folded.push(character),
            _ => folded.push(' '),
        }
    }
    folded.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurs(phrase: &'static str, text: &str) -> bool {
        let words = words(text);
        Phrase::new(phrase).occurs_in(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn words_are_folded_as_recognisers_may_write_them() {
        assert_eq!(words("Grüß Gott, I’ll — dígame!"), ["gruss", "gott", "ill", "digame"]);
        assert_eq!(words("u\u{308}ber"), ["uber"]);
        assert!(words(" … ").is_empty());
    }

    #[test]
    fn the_notation_means_what_it_says() {
        assert!(occurs("press|dial #", "Please press 1 for sales"));
        assert!(occurs("press|dial #", "dial star"));
        assert!(!occurs("press|dial #", "press the bell"));
        assert!(occurs("leave * message", "please leave us a short message"));
        assert!(!occurs("leave * message", "please leave it with us and send a message"));
        assert!(occurs("nachricht~", "die Nachrichten"));
        assert!(!occurs("nachricht", "die Nachrichten"));
    }
}
