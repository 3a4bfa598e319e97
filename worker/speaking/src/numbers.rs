//! Whole numbers as words, 0 to 9999, and ordinals, 1 to 99.

use offhook::language::Language;

const EN: [&str; 20] = [
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
const EN_TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const DE: [&str; 20] = [
    "null",
    "eins",
    "zwei",
    "drei",
    "vier",
    "fünf",
    "sechs",
    "sieben",
    "acht",
    "neun",
    "zehn",
    "elf",
    "zwölf",
    "dreizehn",
    "vierzehn",
    "fünfzehn",
    "sechzehn",
    "siebzehn",
    "achtzehn",
    "neunzehn",
];
const DE_TENS: [&str; 10] = ["", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"];
const ES: [&str; 30] = [
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
    "dieciséis",
    "diecisiete",
    "dieciocho",
    "diecinueve",
    "veinte",
    "veintiuno",
    "veintidós",
    "veintitrés",
    "veinticuatro",
    "veinticinco",
    "veintiséis",
    "veintisiete",
    "veintiocho",
    "veintinueve",
];
const ES_TENS: [&str; 10] = ["", "", "", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"];
const ES_HUNDREDS: [&str; 10] = [
    "",
    "ciento",
    "doscientos",
    "trescientos",
    "cuatrocientos",
    "quinientos",
    "seiscientos",
    "setecientos",
    "ochocientos",
    "novecientos",
];
const NL: [&str; 20] = [
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
const NL_TENS: [&str; 10] = ["", "", "twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig"];

/// One digit as a word; what is no digit counts as zero.
pub fn digit_word(digit: char, language: Language) -> &'static str {
    let value = digit.to_digit(10).unwrap_or(0) as usize;
    match language {
        Language::En => EN[value],
        Language::De => DE[value],
        Language::Es => ES[value],
        Language::Nl => NL[value],
    }
}

/// A number from 0 to 9999 in words; larger ones are said digit by digit, as nobody says them on the telephone otherwise.
pub fn number_words(number: u32, language: Language) -> String {
    if number > 9999 {
        let words: Vec<_> = number.to_string().chars().map(|digit| digit_word(digit, language)).collect();
        return words.join(" ");
    }
    match language {
        Language::En => english(number as usize),
        Language::De => german(number as usize),
        Language::Es => spanish(number as usize),
        Language::Nl => dutch(number as usize),
    }
}

fn english(number: usize) -> String {
    match number {
        0..20 => EN[number].to_owned(),
        20..100 if number.is_multiple_of(10) => EN_TENS[number / 10].to_owned(),
        20..100 => format!("{}-{}", EN_TENS[number / 10], EN[number % 10]),
        100..1000 if number.is_multiple_of(100) => format!("{} hundred", EN[number / 100]),
        100..1000 => format!("{} hundred and {}", EN[number / 100], english(number % 100)),
        _ if number.is_multiple_of(1000) => format!("{} thousand", EN[number / 1000]),
        _ if number % 1000 < 100 => format!("{} thousand and {}", EN[number / 1000], english(number % 1000)),
        _ => format!("{} thousand {}", EN[number / 1000], english(number % 1000)),
    }
}

fn german(number: usize) -> String {
    let factor = |n: usize| if n == 1 { "ein" } else { DE[n] };
    match number {
        0..20 => DE[number].to_owned(),
        20..100 if number.is_multiple_of(10) => DE_TENS[number / 10].to_owned(),
        20..100 => format!("{}und{}", factor(number % 10), DE_TENS[number / 10]),
        100..1000 if number.is_multiple_of(100) => format!("{}hundert", factor(number / 100)),
        100..1000 => format!("{}hundert{}", factor(number / 100), german(number % 100)),
        _ if number.is_multiple_of(1000) => format!("{}tausend", factor(number / 1000)),
        _ => format!("{}tausend{}", factor(number / 1000), german(number % 1000)),
    }
}

fn spanish(number: usize) -> String {
    match number {
        0..30 => ES[number].to_owned(),
        30..100 if number.is_multiple_of(10) => ES_TENS[number / 10].to_owned(),
        30..100 => format!("{} y {}", ES_TENS[number / 10], ES[number % 10]),
        100 => "cien".to_owned(),
        101..1000 if number.is_multiple_of(100) => ES_HUNDREDS[number / 100].to_owned(),
        101..1000 => format!("{} {}", ES_HUNDREDS[number / 100], spanish(number % 100)),
        1000 => "mil".to_owned(),
        1001..2000 => format!("mil {}", spanish(number % 1000)),
        _ if number.is_multiple_of(1000) => format!("{} mil", ES[number / 1000]),
        _ => format!("{} mil {}", ES[number / 1000], spanish(number % 1000)),
    }
}

fn dutch(number: usize) -> String {
    let factor = |n: usize| if n == 1 { "" } else { NL[n] };
    match number {
        0..20 => NL[number].to_owned(),
        20..100 if number.is_multiple_of(10) => NL_TENS[number / 10].to_owned(),
        20..100 => {
            let unit = NL[number % 10];
            let and = if unit.ends_with('e') { "ën" } else { "en" };
            format!("{unit}{and}{}", NL_TENS[number / 10])
        }
        100..1000 if number.is_multiple_of(100) => format!("{}honderd", factor(number / 100)),
        100..1000 => format!("{}honderd{}", factor(number / 100), dutch(number % 100)),
        _ if number.is_multiple_of(1000) => format!("{}duizend", factor(number / 1000)),
        _ => format!("{}duizend {}", factor(number / 1000), dutch(number % 1000)),
    }
}

/// An ordinal from 1 to 99: "fourth", "vierte", "cuarto", "vierde"; other numbers come as `number_words`. German in the weak
/// nominative ("der vierte"); add an "n" for "am vierten".
pub fn ordinal_words(number: u32, language: Language) -> String {
    if !(1..100).contains(&number) {
        return number_words(number, language);
    }
    let n = number as usize;
    match language {
        Language::En => english_ordinal(n),
        Language::De => match n {
            1 => "erste".to_owned(),
            3 => "dritte".to_owned(),
            7 => "siebte".to_owned(),
            8 => "achte".to_owned(),
            0..20 => format!("{}te", german(n)),
            _ => format!("{}ste", german(n)),
        },
        Language::Es => {
            const FIRST: [&str; 11] =
                ["", "primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo"];
            FIRST.get(n).map_or_else(|| spanish(n), |word| (*word).to_owned())
        }
        Language::Nl => match n {
            1 => "eerste".to_owned(),
            3 => "derde".to_owned(),
            8 => "achtste".to_owned(),
            0..20 => format!("{}de", dutch(n)),
            _ => format!("{}ste", dutch(n)),
        },
    }
}

fn english_ordinal(n: usize) -> String {
    match n {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        5 => "fifth".to_owned(),
        8 => "eighth".to_owned(),
        9 => "ninth".to_owned(),
        12 => "twelfth".to_owned(),
        0..20 => format!("{}th", EN[n]),
        _ if n.is_multiple_of(10) => format!("{}ieth", EN_TENS[n / 10].trim_end_matches('y')),
        _ => format!("{}-{}", EN_TENS[n / 10], english_ordinal(n % 10)),
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
