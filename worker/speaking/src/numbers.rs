//! Whole numbers as words, 0 to 9999, and ordinals, 1 to 99.

use offhook::language::Language;
use offhook_language::tables;

/// Returns one digit as a word; what is no digit counts as zero.
pub fn digit_word(digit: char, language: Language) -> &'static str {
    tables(language).numbers.digits[digit.to_digit(10).unwrap_or(0) as usize]
}

/// Returns a number from 0 to 9999 in words; larger ones digit by digit, as nobody says them on the telephone otherwise.
pub fn number_words(number: u32, language: Language) -> String {
    if number > 9999 {
        let words: Vec<_> = number.to_string().chars().map(|digit| digit_word(digit, language)).collect();
        return words.join(" ");
    }
    (tables(language).numbers.cardinal)(number)
}

/// Returns an ordinal from 1 to 99: "fourth", "vierte", "cuarto", "vierde"; other numbers as [`number_words`]. German in the weak
/// nominative ("der vierte"): [`inflected_ordinal`] knows the other form.
pub fn ordinal_words(number: u32, language: Language) -> String {
    if !(1..100).contains(&number) {
        return number_words(number, language);
    }
    (tables(language).numbers.ordinal)(number)
}

/// Returns an ordinal as it is inflected after the word `before`: "der vierte", but "am vierten".
pub fn inflected_ordinal(number: u32, before: &str, language: Language) -> String {
    let words = ordinal_words(number, language);
    match &tables(language).numbers.ordinal_ending {
        Some(ending) if !ending.not_after.contains(&before.to_lowercase().as_str()) => format!("{words}{}", ending.ending),
        _ => words,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn numbers_are_said_as_people_say_them() {
        for (number, en, de, es, nl) in [
            (0, "zero", "null", "cero", "nul"),
            (1, "one", "eins", "uno", "een"),
            (21, "twenty-one", "einundzwanzig", "veintiuno", "eenentwintig"),
            (32, "thirty-two", "zweiunddreißig", "treinta y dos", "tweeëndertig"),
            (100, "one hundred", "einhundert", "cien", "honderd"),
            (101, "one hundred and one", "einhunderteins", "ciento uno", "honderdeen"),
            (
                555,
                "five hundred and fifty-five",
                "fünfhundertfünfundfünfzig",
                "quinientos cincuenta y cinco",
                "vijfhonderdvijfenvijftig",
            ),
            (1000, "one thousand", "eintausend", "mil", "duizend"),
            (2026, "two thousand and twenty-six", "zweitausendsechsundzwanzig", "dos mil veintiséis", "tweeduizend zesentwintig"),
        ] {
            assert_eq!(number_words(number, Language::En), en);
            assert_eq!(number_words(number, Language::De), de);
            assert_eq!(number_words(number, Language::Es), es);
            assert_eq!(number_words(number, Language::Nl), nl);
        }
    }

    #[test]
    fn no_two_numbers_sound_the_same() {
        for language in Language::ALL {
            let words: HashSet<_> = (0..=9999).map(|number| number_words(number, language)).collect();
            assert_eq!(words.len(), 10_000, "{language}");
            assert!(words.iter().all(|word| !word.contains(|c: char| c.is_ascii_digit())));
        }
    }

    #[test]
    fn ordinals_have_their_irregular_forms() {
        assert_eq!(ordinal_words(1, Language::En), "first");
        assert_eq!(ordinal_words(20, Language::En), "twentieth");
        assert_eq!(ordinal_words(31, Language::En), "thirty-first");
        assert_eq!(ordinal_words(3, Language::De), "dritte");
        assert_eq!(ordinal_words(31, Language::De), "einunddreißigste");
        assert_eq!(ordinal_words(8, Language::Nl), "achtste");
        assert_eq!(ordinal_words(22, Language::Nl), "tweeëntwintigste");
        assert_eq!(ordinal_words(2, Language::Es), "segundo");
    }
}
