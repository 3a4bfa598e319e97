//! Numbers in German.

use crate::tables::{Agreement, Currency, Numbers, OrdinalEnding, WrittenOrdinal};

const UNITS: [&str; 20] = [
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
const TENS: [&str; 10] = ["", "", "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig"];

pub(super) const NUMBERS: Numbers = Numbers {
    digits: ["null", "eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"],
    cardinal,
    ordinal,
    written_ordinal: WrittenOrdinal::FullStop,
    ordinal_ending: Some(OrdinalEnding { ending: "n", not_after: &["der", "die", "das"] }),
    agreements: &[
        Agreement { number: 1, after: &[], before: &["person"], words: "eine" },
        Agreement { number: 1, after: &[], before: &["uhr", "kind", "tisch"], words: "ein" },
    ],
    agree,
    suffixed_ordinal: |number, _| ordinal(number),
    fraction,
    measures: &["stunde", "liter", "flasche", "portion"],
    units: &[
        ("min", "Minute", "Minuten"),
        ("h", "Stunde", "Stunden"),
        ("std", "Stunde", "Stunden"),
        ("x", "mal", "mal"),
        ("pers", "Person", "Personen"),
    ],
    number_marks: &["#", "Nr.", "nr."],
    number: "Nummer",
    and: "und",
    or: "oder",
    shortenings: &[("z. B.", "zum Beispiel"), ("z.B.", "zum Beispiel"), ("bzw.", "beziehungsweise"), ("ca.", "circa")],
    thousands: '.',
    plus: "plus",
    percent: "Prozent",
    range: "bis",
    slash: "Schrägstrich",
    point: "Punkt",
    comma: "Komma",
    euro: Currency { one: "ein Euro", many: "Euro" },
    dollar: Currency { one: "ein Dollar", many: "Dollar" },
    pound: Currency { one: "ein Pfund", many: "Pfund" },
};

pub(super) fn cardinal(number: u32) -> String {
    words(number as usize)
}

fn words(number: usize) -> String {
    let factor = |n: usize| if n == 1 { "ein" } else { UNITS[n] };
    match number {
        0..20 => UNITS[number].to_owned(),
        20..100 if number.is_multiple_of(10) => TENS[number / 10].to_owned(),
        20..100 => format!("{}und{}", factor(number % 10), TENS[number / 10]),
        100..1000 if number.is_multiple_of(100) => format!("{}hundert", factor(number / 100)),
        100..1000 => format!("{}hundert{}", factor(number / 100), words(number % 100)),
        _ if number.is_multiple_of(1000) => format!("{}tausend", factor(number / 1000)),
        _ => format!("{}tausend{}", factor(number / 1000), words(number % 1000)),
    }
}

/// Nouns of the feminine gender that are counted on the telephone.
const FEMININE: [&str; 16] = [
    "person",
    "stunde",
    "minute",
    "sekunde",
    "woche",
    "nacht",
    "reservierung",
    "buchung",
    "etage",
    "flasche",
    "portion",
    "frage",
    "karte",
    "allergie",
    "änderung",
    "nummer",
];

fn agree(number: u32, noun: &str) -> Option<String> {
    if number != 1 {
        return None;
    }
    if FEMININE.contains(&noun.to_lowercase().as_str()) {
        return Some("eine".to_owned());
    }
    // Nouns are written with a capital.
    noun.starts_with(char::is_uppercase).then(|| "ein".to_owned())
}

fn fraction(whole: u32, fraction: (u32, u32), noun: &str) -> String {
    let whole = match whole {
        0 => {
            let feminine = FEMININE.contains(&noun.to_lowercase().as_str());
            let part = match fraction {
                (1, 2) if feminine => "halbe",
                (1, 2) => "ein halb",
                (1, 3) => "ein Drittel",
                (2, 3) => "zwei Drittel",
                (1, 4) => "ein Viertel",
                _ => "drei viertel",
            };
            return part.to_owned();
        }
        1 => "ein".to_owned(),
        whole => cardinal(whole),
    };
    let part = match fraction {
        (1, 2) => "einhalb",
        (1, 3) => "eindrittel",
        (2, 3) => "zweidrittel",
        (1, 4) => "einviertel",
        _ => "dreiviertel",
    };
    format!("{whole}{part}")
}

pub(super) fn ordinal(number: u32) -> String {
    match number {
        1 => "erste".to_owned(),
        3 => "dritte".to_owned(),
        7 => "siebte".to_owned(),
        8 => "achte".to_owned(),
        0..20 => format!("{}te", cardinal(number)),
        _ => format!("{}ste", cardinal(number)),
    }
}
