//! Numbers below 100 in words and digits, in four languages.

use offhook::language::Language;

const ENGLISH: [&str; 20] = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
];
const GERMAN: [&str; 20] = [
    "null", "ein", "zwei", "drei", "vier", "funf", "sechs", "sieben", "acht", "neun", "zehn", "elf", "zwolf", "dreizehn",
    "vierzehn", "funfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn",
];
const SPANISH: [&str; 30] = [
    "cero",
    "uno",
    "dos",
    "tres",
    "cuatro",
    "cinco",
    "seis",
    "siete",
    "ocho",
    "nueve",
    "diez",
    "once",
    "doce",
    "trece",
    "catorce",
    "quince",
    "dieciseis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidos",
    "veintitres",
    "veinticuatro",
    "veinticinco",
    "veintiseis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
];
const DUTCH: [&str; 20] = [
    "nul",
    "een",
    "twee",
    "drie",
    "vier",
    "vijf",
    "zes",
    "zeven",
    "acht",
    "negen",
    "tien",
    "elf",
    "twaalf",
    "dertien",
    "veertien",
    "vijftien",
    "zestien",
    "zeventien",
    "achttien",
    "negentien",
];
const ENGLISH_TENS: [&str; 4] = ["twenty", "thirty", "forty", "fifty"];
const GERMAN_TENS: [&str; 4] = ["zwanzig", "dreissig", "vierzig", "funfzig"];
const SPANISH_TENS: [&str; 4] = ["veinte", "treinta", "cuarenta", "cincuenta"];
const DUTCH_TENS: [&str; 4] = ["twintig", "dertig", "veertig", "vijftig"];

/// The number at the beginning of these folded words, 0 to 99 (in words up to 59), and how many words it takes.
pub fn read(words: &[String], language: Language) -> Option<(u32, usize)> {
    let first = words.first()?;
    if first.len() <= 2 && first.bytes().all(|b| b.is_ascii_digit()) {
        return Some((first.parse().ok()?, 1));
    }
    let word = |index: usize| words.get(index).map(String::as_str).unwrap_or_default();
    match language {
        Language::En => match (position(&ENGLISH_TENS, first), position(&ENGLISH[..10], word(1))) {
            (Some(tens), Some(unit @ 1..)) => Some((tens * 10 + 20 + unit, 2)),
            (Some(tens), _) => Some((tens * 10 + 20, 1)),
            _ => Some((position(&ENGLISH, first)?, 1)),
        },
        Language::Es => match (position(&SPANISH_TENS, first), word(1), position(&SPANISH[..10], word(2))) {
            (Some(tens @ 1..), "y", Some(unit @ 1..)) => Some((tens * 10 + 20 + unit, 3)),
            (Some(tens), ..) => Some((tens * 10 + 20, 1)),
            _ if ["un", "una"].contains(&first.as_str()) => Some((1, 1)),
            _ => Some((position(&SPANISH, first)?, 1)),
        },
        Language::De if ["eins", "eine", "einen"].contains(&first.as_str()) => Some((1, 1)),
        Language::De => Some((joined(first, &GERMAN, &GERMAN_TENS, "und")?, 1)),
        Language::Nl => Some((joined(first, &DUTCH, &DUTCH_TENS, "en")?, 1)),
    }
}

/// Germanic numbers: unit before ten, in one word.
fn joined(word: &str, small: &[&str], tens: &[&str], and: &str) -> Option<u32> {
    if let Some(number) = position(small, word) {
        return Some(number);
    }
    let (index, ten) = tens.iter().enumerate().find(|(_, ten)| word.ends_with(**ten))?;
    let value = index as u32 * 10 + 20;
    match word.strip_suffix(ten)?.strip_suffix(and) {
        Some(unit) => Some(value + position(&small[1..10], unit)? + 1),
        None if word == *ten => Some(value),
        None => None,
    }
}

fn position(list: &[&str], word: &str) -> Option<u32> {
    list.iter().position(|candidate| *candidate == word).map(|index| index as u32)
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
