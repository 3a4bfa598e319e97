//! Numbers in Dutch.

use crate::tables::{Currency, Numbers, WrittenOrdinal};

const UNITS: [&str; 20] = [
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
const TENS: [&str; 10] = ["", "", "twintig", "dertig", "veertig", "vijftig", "zestig", "zeventig", "tachtig", "negentig"];

pub(super) const NUMBERS: Numbers = Numbers {
    digits: ["nul", "een", "twee", "drie", "vier", "vijf", "zes", "zeven", "acht", "negen"],
    cardinal,
    ordinal,
    written_ordinal: WrittenOrdinal::Suffix(&["ste", "de", "e"]),
    ordinal_ending: None,
    agreements: &[],
    agree: |_, _| None,
    suffixed_ordinal: |number, _| ordinal(number),
    fraction,
    measures: &["uur", "liter", "fles"],
    units: &[
        ("min", "minuut", "minuten"),
        ("u", "uur", "uur"),
        ("h", "uur", "uur"),
        ("x", "keer", "keer"),
        ("pers", "persoon", "personen"),
    ],
    number_marks: &["#", "nr.", "Nr."],
    number: "nummer",
    and: "en",
    or: "of",
    shortenings: &[("t/m", "tot en met"), ("bijv.", "bijvoorbeeld"), ("ca.", "circa"), ("a.u.b.", "alstublieft")],
    thousands: '.',
    plus: "plus",
    percent: "procent",
    range: "tot",
    slash: "schuine streep",
    point: "punt",
    comma: "komma",
    euro: Currency { one: "een euro", many: "euro" },
    dollar: Currency { one: "een dollar", many: "dollar" },
    pound: Currency { one: "een pond", many: "pond" },
};

pub(super) fn cardinal(number: u32) -> String {
    words(number as usize)
}

fn words(number: usize) -> String {
    let factor = |n: usize| if n == 1 { "" } else { UNITS[n] };
    match number {
        0..20 => UNITS[number].to_owned(),
        20..100 if number.is_multiple_of(10) => TENS[number / 10].to_owned(),
        20..100 => {
            let unit = UNITS[number % 10];
            let and = if unit.ends_with('e') { "ën" } else { "en" };
            format!("{unit}{and}{}", TENS[number / 10])
        }
        100..1000 if number.is_multiple_of(100) => format!("{}honderd", factor(number / 100)),
        100..1000 => format!("{}honderd{}", factor(number / 100), words(number % 100)),
        _ if number.is_multiple_of(1000) => format!("{}duizend", factor(number / 1000)),
        _ => format!("{}duizend {}", factor(number / 1000), words(number % 1000)),
    }
}

fn fraction(whole: u32, fraction: (u32, u32), _: &str) -> String {
    let part = match fraction {
        (1, 2) if whole == 0 => "half",
        (1, 2) if whole == 1 => return "anderhalf".to_owned(),
        (1, 2) => "een half",
        (1, 3) => "een derde",
        (2, 3) => "twee derde",
        (1, 4) if whole == 0 => "kwart",
        (1, 4) => "een kwart",
        _ => "driekwart",
    };
    if whole == 0 { part.to_owned() } else { format!("{} en {part}", cardinal(whole)) }
}

fn ordinal(number: u32) -> String {
    match number {
        1 => "eerste".to_owned(),
        3 => "derde".to_owned(),
        8 => "achtste".to_owned(),
        0..20 => format!("{}de", cardinal(number)),
        _ => format!("{}ste", cardinal(number)),
    }
}
