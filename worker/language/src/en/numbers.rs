//! Numbers in English.

use crate::tables::{Currency, Numbers, WrittenOrdinal};

const UNITS: [&str; 20] = [
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
const TENS: [&str; 10] = ["", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

pub(super) const NUMBERS: Numbers = Numbers {
    digits: ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    cardinal,
    ordinal,
    written_ordinal: WrittenOrdinal::Suffix(&["st", "nd", "rd", "th"]),
    ordinal_ending: None,
    agreements: &[],
    agree: |_, _| None,
    suffixed_ordinal: |number, _| ordinal(number),
    fraction,
    measures: &["hour", "of", "lit", "bottle", "portion"],
    units: &[
        ("min", "minute", "minutes"),
        ("mins", "minute", "minutes"),
        ("h", "hour", "hours"),
        ("hr", "hour", "hours"),
        ("hrs", "hour", "hours"),
        ("x", "time", "times"),
    ],
    number_marks: &["#", "No.", "no."],
    number: "number",
    and: "and",
    or: "or",
    shortenings: &[("approx.", "approximately"), ("e.g.", "for example")],
    thousands: ',',
    plus: "plus",
    percent: "percent",
    range: "to",
    slash: "slash",
    point: "point",
    comma: "comma",
    euro: Currency { one: "one euro", many: "euros" },
    dollar: Currency { one: "one dollar", many: "dollars" },
    pound: Currency { one: "one pound", many: "pounds" },
};

pub(super) fn cardinal(number: u32) -> String {
    words(number as usize)
}

fn words(number: usize) -> String {
    match number {
        0..20 => UNITS[number].to_owned(),
        20..100 if number.is_multiple_of(10) => TENS[number / 10].to_owned(),
        20..100 => format!("{}-{}", TENS[number / 10], UNITS[number % 10]),
        100..1000 if number.is_multiple_of(100) => format!("{} hundred", UNITS[number / 100]),
        100..1000 => format!("{} hundred and {}", UNITS[number / 100], words(number % 100)),
        _ if number.is_multiple_of(1000) => format!("{} thousand", UNITS[number / 1000]),
        _ if number % 1000 < 100 => format!("{} thousand and {}", UNITS[number / 1000], words(number % 1000)),
        _ => format!("{} thousand {}", UNITS[number / 1000], words(number % 1000)),
    }
}

fn fraction(whole: u32, fraction: (u32, u32), _: &str) -> String {
    let part = match fraction {
        (1, 2) if whole == 0 => "half",
        (1, 2) => "a half",
        (1, 3) => "a third",
        (2, 3) => "two thirds",
        (1, 4) => "a quarter",
        _ => "three quarters",
    };
    if whole == 0 { part.to_owned() } else { format!("{} and {part}", cardinal(whole)) }
}

pub(super) fn ordinal(number: u32) -> String {
    let n = number as usize;
    match n {
        1 => "first".to_owned(),
        2 => "second".to_owned(),
        3 => "third".to_owned(),
        5 => "fifth".to_owned(),
        8 => "eighth".to_owned(),
        9 => "ninth".to_owned(),
        12 => "twelfth".to_owned(),
        0..20 => format!("{}th", UNITS[n]),
        _ if n.is_multiple_of(10) => format!("{}ieth", TENS[n / 10].trim_end_matches('y')),
        _ => format!("{}-{}", TENS[n / 10], ordinal(number % 10)),
    }
}
