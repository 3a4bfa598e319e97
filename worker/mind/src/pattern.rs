//! Patterns of words as the language tables write them, and where they occur in what was said.
//!
//! A pattern is words in a row, separated by spaces:
//!
//! | token | matches |
//! |---|---|
//! | `a\|b` | either word |
//! | `a\|b?` | either word or none |
//! | `nachricht~` | any word that begins so |
//! | `#` | a key of the telephone: "1", "one", "eins", "star" |
//! | `*` | up to three words, but no comma |
//! | `^` | the beginning, or the place behind a comma |
//! | `$` | the end, or the place before a comma; as an alternative too: `$\|please` |
//! | `,` | a comma, where the words were split by [`words_and_commas`] |

use std::{ops::Range, sync::LazyLock};

use offhook::language::folding::unaccented;
use offhook_language::Tables;

/// Most words a `*` stands for.
const GAP: usize = 3;
/// A comma among the words.
pub(super) const COMMA: &str = ",";

/// One pattern.
#[derive(Debug)]
pub(super) struct Pattern(Vec<Token>);

#[derive(Debug)]
enum Token {
    OneOf { words: Vec<Word>, optional: bool },
    Key,
    Gap,
    Beginning,
}

#[derive(Debug)]
enum Word {
    Whole(Box<str>),
    Prefix(Box<str>),
    End,
}

/// The words of the digits and the names of the other keys in all languages, folded.
static KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let of_language = |tables: &'static Tables| {
        let digits = tables.numbers.digits.iter().map(|digit| unaccented(digit));
        let article = tables.who_answered.one_as_article.map(|(word, _)| word);
        digits
            .chain(tables.who_answered.keys.iter().map(|key| (*key).to_owned()))
            .filter(move |key| Some(key.as_str()) != article)
    };
    offhook_language::all().flat_map(of_language).collect()
});

impl Pattern {
    /// Reads the notation; its words are folded as [`words`] folds.
    pub(super) fn new(notation: &str) -> Self {
        Pattern(notation.split_whitespace().map(Token::new).collect())
    }

    /// Reads a notation with `{names}` in it: each stands for one of the alternatives of its group, which may be several words.
    /// Gives a pattern for each combination. A group may name groups that stand before it in `groups`.
    pub(super) fn expanded(notation: &str, groups: &[(&str, &[&str])]) -> Vec<Self> {
        let mut notations = vec![notation.to_owned()];
        for (name, alternatives) in groups.iter().rev() {
            let name = format!("{{{name}}}");
            while notations.iter().any(|notation| notation.contains(&name)) {
                let one_each = |notation: &String| -> Vec<String> {
                    match notation.contains(&name) {
                        true => alternatives.iter().map(|words| notation.replacen(&name, words, 1)).collect(),
                        false => vec![notation.clone()],
                    }
                };
                notations = notations.iter().flat_map(one_each).collect();
            }
        }
        notations.iter().map(|notation| Pattern::new(notation)).collect()
    }

    pub(super) fn occurs_in(&self, words: &[&str]) -> bool {
        self.find(words).is_some()
    }

    /// The first place where the pattern lies.
    pub(super) fn find(&self, words: &[&str]) -> Option<Range<usize>> {
        self.places(words).next()
    }

    /// Every place where the pattern lies, at most one for each first word.
    pub(super) fn places(&self, words: &[&str]) -> impl Iterator<Item = Range<usize>> {
        (0..words.len()).filter_map(|start| matches(&self.0, words, start, &|_| true).map(|end| start..end))
    }

    /// Whether the pattern lies at the very end of the words.
    pub(super) fn ends(&self, words: &[&str]) -> bool {
        (0..words.len()).any(|start| matches(&self.0, words, start, &|end| end == words.len()).is_some())
    }
}

impl Token {
    fn new(notation: &str) -> Self {
        match notation {
            "#" => Token::Key,
            "*" => Token::Gap,
            "^" => Token::Beginning,
            _ => {
                let (words, optional) = match notation.strip_suffix('?') {
                    Some(words) => (words, true),
                    None => (notation, false),
                };
                Token::OneOf { words: words.split('|').map(Word::new).collect(), optional }
            }
        }
    }
}

impl Word {
    fn new(notation: &str) -> Self {
        match notation.strip_suffix('~') {
            Some(beginning) => Word::Prefix(beginning.into()),
            None if notation == "$" => Word::End,
            None => Word::Whole(notation.into()),
        }
    }

    /// How many words it takes of those that follow.
    fn length(&self, following: &[&str]) -> Option<usize> {
        let next = following.first();
        match self {
            Word::Whole(word) => next.is_some_and(|next| **next == **word).then_some(1),
            Word::Prefix(beginning) => next.is_some_and(|next| next.starts_with(&**beginning)).then_some(1),
            Word::End => next.is_none_or(|next| *next == COMMA).then_some(0),
        }
    }
}

/// Where the tokens end if they begin at word `at`, for the longest match that ends where `may_end` allows it.
fn matches(tokens: &[Token], words: &[&str], at: usize, may_end: &dyn Fn(usize) -> bool) -> Option<usize> {
    let Some((first, rest)) = tokens.split_first() else { return may_end(at).then_some(at) };
    let following = &words[at..];
    let go_on = |length: usize| matches(rest, words, at + length, may_end);
    match first {
        Token::Beginning => (at == 0 || words[at - 1] == COMMA).then(|| go_on(0)).flatten(),
        Token::Gap => {
            let longest = following.iter().take(GAP).take_while(|word| **word != COMMA).count();
            (0..=longest).find_map(go_on)
        }
        Token::Key => {
            let (word, behind) = following.split_first()?;
            (is_key(word) || is_number_one(word, behind)).then(|| go_on(1)).flatten()
        }
        Token::OneOf { words, optional } => {
            let taken = words.iter().filter_map(|word| word.length(following)).find_map(go_on);
            taken.or_else(|| optional.then(|| go_on(0)).flatten())
        }
    }
}

fn is_key(word: &str) -> bool {
    (word.len() == 1 && word.as_bytes()[0].is_ascii_digit()) || word == "#" || word == "*" || KEYS.iter().any(|key| key == word)
}

/// Whether the word is the number one, and not the article it may be too.
fn is_number_one(word: &str, following: &[&str]) -> bool {
    offhook_language::all()
        .filter_map(|tables| tables.who_answered.one_as_article)
        .any(|(one, follow)| word == one && following.first().is_none_or(|next| follow.contains(next)))
}

/// The words of a text: lower case, without accents and punctuation ("Löwe" is "lowe", "Straße" "strasse", "I'll" "ill").
pub(super) fn words(text: &str) -> Vec<String> {
    split(text, |character| match character {
        // The names of keys.
        '#' => Some("#"),
        '*' => Some("*"),
        _ => None,
    })
}

/// As [`words`], with a word `,` for each mark that separates clauses; without the names of keys.
pub(super) fn words_and_commas(text: &str) -> Vec<String> {
    split(text, |character| matches!(character, ',' | ';' | ':' | '–' | '—' | '"' | '“' | '”' | '„').then_some(COMMA))
}

fn split(text: &str, kept: impl Fn(char) -> Option<&'static str>) -> Vec<String> {
    let mut folded = String::with_capacity(text.len());
    for character in unaccented(text).chars() {
        match kept(character) {
            Some(sign) => folded.extend([" ", sign, " "]),
            None if character.is_alphanumeric() => folded.push(character),
            None => folded.push(' '),
        }
    }
    folded.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurs(pattern: &str, text: &str) -> bool {
        let words = words_and_commas(text);
        Pattern::new(pattern).occurs_in(&words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    #[test]
    fn words_are_folded_as_recognisers_may_write_them() {
        assert_eq!(words("Grüß Gott, I’ll — dígame!"), ["gruss", "gott", "ill", "digame"]);
        assert_eq!(words("u\u{308}ber"), ["uber"]);
        assert_eq!(words("press #, then *1"), ["press", "#", "then", "*", "1"]);
        assert_eq!(words_and_commas("No, don’t; bye."), ["no", ",", "dont", ",", "bye"]);
        assert!(words(" … ").is_empty());
    }

    #[test]
    fn the_notation_means_what_it_says() {
        assert!(occurs("press|dial #", "Please press 1 for sales"));
        assert!(occurs("press|dial #", "dial star"));
        assert!(!occurs("press|dial #", "press the bell"));
        assert!(occurs("leave * message", "please leave us a short message"));
        assert!(!occurs("leave * message", "please leave it with us and send a message"));
        assert!(!occurs("leave * message", "please leave, a message"));
        assert!(occurs("nachricht~", "die Nachrichten"));
        assert!(!occurs("nachricht", "die Nachrichten"));
        assert!(occurs("never ever? call", "never call") && occurs("never ever? call", "never ever call"));
        assert!(occurs("^ call us $|please", "no, call us") && occurs("^ call us $|please", "call us please"));
        assert!(!occurs("^ call us $|please", "we call us") && !occurs("^ call us $|please", "call us now"));
    }

    #[test]
    fn groups_give_every_combination() {
        let groups: &[(&str, &[&str])] = &[("not", &["do not", "dont"]), ("never", &["never", "{not} ever"])];
        let patterns = Pattern::expanded("{never} call", groups);
        assert_eq!(patterns.len(), 3);
        for text in ["never call", "do not ever call", "don't ever call"] {
            let words = words(text);
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            assert_eq!(patterns.iter().filter(|pattern| pattern.ends(&words)).count(), 1, "{text}");
        }
    }
}
