//! Numbers below 100 in words and digits, in four languages.

use std::{collections::HashMap, sync::LazyLock};

use offhook::language::Language;
use offhook_speaking::numbers::number_words;

use super::words::fold;

/// Most words a number below 100 has: "treinta y cinco".
const LONGEST: usize = 3;

/// Every number below 100 as it is said, by its folded words.
static SAID: LazyLock<HashMap<(Language, Vec<String>), u32>> = LazyLock::new(|| {
    let mut said = HashMap::new();
    for language in Language::ALL {
        said.extend((0..100).map(|number| ((language, fold(&number_words(number, language))), number)));
    }
    // Before a noun, one is another word.
    for (language, words) in [(Language::De, ["ein", "eine", "einen"].as_slice()), (Language::Es, &["un", "una"])] {
        said.extend(words.iter().map(|word| ((language, vec![(*word).to_owned()]), 1)));
    }
    said
});

/// The number at the beginning of these folded words, 0 to 99, and how many words it takes.
pub fn read(words: &[String], language: Language) -> Option<(u32, usize)> {
    let first = words.first()?;
    if first.len() <= 2 && first.bytes().all(|b| b.is_ascii_digit()) {
        return Some((first.parse().ok()?, 1));
    }
    let number = |length: usize| SAID.get(&(language, words[..length].to_vec())).map(|number| (*number, length));
    (1..=LONGEST.min(words.len())).rev().find_map(number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::talker::understanding::words::fold;

    #[test]
    fn numbers_are_read_in_four_languages() {
        for (language, text, number) in [
            (Language::En, "forty-five", 45),
            (Language::En, "twelve people", 12),
            (Language::De, "fünfundvierzig", 45),
            (Language::De, "einundzwanzig", 21),
            (Language::De, "zwanzig", 20),
            (Language::Es, "treinta y cinco", 35),
            (Language::Es, "veintidós", 22),
            (Language::Es, "una", 1),
            (Language::Nl, "vijfenveertig", 45),
            (Language::Nl, "tweeëntwintig", 22),
            (Language::Nl, "dertig", 30),
            (Language::De, "17", 17),
        ] {
            assert_eq!(read(&fold(text), language).map(|(number, _)| number), Some(number), "{text}");
        }
        for (language, text) in [(Language::En, "table"), (Language::De, "und"), (Language::Nl, "en"), (Language::Es, "y")] {
            assert_eq!(read(&fold(text), language), None, "{text}");
        }
    }
}
