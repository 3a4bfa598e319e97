//! Numbers in Spanish.

use crate::tables::{Agreement, Currency, Numbers, WrittenOrdinal};

const UNITS: [&str; 30] = [
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
const TENS: [&str; 10] = ["", "", "", "treinta", "cuarenta", "cincuenta", "sesenta", "setenta", "ochenta", "noventa"];
const HUNDREDS: [&str; 10] = [
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

pub(super) const NUMBERS: Numbers = Numbers {
    digits: ["cero", "uno", "dos", "tres", "cuatro", "cinco", "seis", "siete", "ocho", "nueve"],
    cardinal,
    ordinal,
    written_ordinal: WrittenOrdinal::Suffix(&[".º", ".ª", "º", "ª", "er", "do", "ra", "da"]),
    ordinal_ending: None,
    agreements: &[
        Agreement { number: 1, after: &["la"], before: &[], words: "una" },
        Agreement { number: 21, after: &["las"], before: &[], words: "veintiuna" },
    ],
    agree,
    suffixed_ordinal,
    fraction,
    measures: &["hora", "litro", "botella", "ración"],
    units: &[
        ("min", "minuto", "minutos"),
        ("h", "hora", "horas"),
        ("hrs", "hora", "horas"),
        ("x", "vez", "veces"),
        ("pers", "persona", "personas"),
    ],
    number_marks: &["#", "n.º", "N.º", "nº", "n.°", "núm."],
    number: "número",
    and: "y",
    or: "o",
    shortenings: &[("p. ej.", "por ejemplo"), ("aprox.", "aproximadamente")],
    thousands: '.',
    plus: "más",
    percent: "por ciento",
    range: "a",
    slash: "barra",
    point: "punto",
    comma: "coma",
    euro: Currency { one: "un euro", many: "euros" },
    dollar: Currency { one: "un dólar", many: "dólares" },
    pound: Currency { one: "una libra", many: "libras" },
};

pub(super) fn cardinal(number: u32) -> String {
    words(number as usize)
}

fn words(number: usize) -> String {
    match number {
        0..30 => UNITS[number].to_owned(),
        30..100 if number.is_multiple_of(10) => TENS[number / 10].to_owned(),
        30..100 => format!("{} y {}", TENS[number / 10], UNITS[number % 10]),
        100 => "cien".to_owned(),
        101..1000 if number.is_multiple_of(100) => HUNDREDS[number / 100].to_owned(),
        101..1000 => format!("{} {}", HUNDREDS[number / 100], words(number % 100)),
        1000 => "mil".to_owned(),
        1001..2000 => format!("mil {}", words(number % 1000)),
        _ if number.is_multiple_of(1000) => format!("{} mil", UNITS[number / 1000]),
        _ => format!("{} mil {}", UNITS[number / 1000], words(number % 1000)),
    }
}

/// Words that follow a number and are not counted.
const NOT_COUNTED: [&str; 30] = [
    "de", "del", "o", "u", "y", "e", "a", "al", "para", "por", "en", "con", "que", "si", "como", "más", "menos", "es", "son",
    "está", "el", "la", "los", "las", "coma", "punto", "no", "sí", "gracias", "pero",
];
/// Feminine nouns that do not end as such.
const FEMININE: [&str; 4] = ["noche", "noches", "vez", "veces"];

fn is_feminine(noun: &str) -> bool {
    let noun = noun.to_lowercase();
    let ends = ["a", "as", "ción", "ciones", "sión", "siones", "dad", "dades"].iter().any(|ending| noun.ends_with(ending));
    FEMININE.contains(&noun.as_str()) || (ends && !["día", "días"].contains(&noun.as_str()))
}

/// "Una mesa", "un niño", "veintiún euros", "doscientas personas".
fn agree(number: u32, noun: &str) -> Option<String> {
    if noun.is_empty() || NOT_COUNTED.contains(&noun.to_lowercase().as_str()) {
        return None;
    }
    let mut words = cardinal(number);
    let feminine = is_feminine(noun);
    if feminine {
        words = words.replace("cientos", "cientas").replace("quinientos", "quinientas");
    }
    if let Some(stem) = words.strip_suffix("veintiuno") {
        words = format!("{stem}{}", if feminine { "veintiuna" } else { "veintiún" });
    } else if let Some(stem) = words.strip_suffix("uno") {
        words = format!("{stem}{}", if feminine { "una" } else { "un" });
    }
    Some(words)
}

/// "1.ª" is "primera", "1er" is "primer".
fn suffixed_ordinal(number: u32, suffix: &str) -> String {
    let words = ordinal(number);
    let suffix = suffix.trim_start_matches('.').to_lowercase();
    match suffix.as_str() {
        "ª" | "ra" | "da" => words.strip_suffix('o').map_or(words.clone(), |stem| format!("{stem}a")),
        "er" => words.strip_suffix("ero").map_or(words.clone(), |stem| format!("{stem}er")),
        _ => words,
    }
}

fn fraction(whole: u32, fraction: (u32, u32), noun: &str) -> String {
    let half = if is_feminine(noun) { "media" } else { "medio" };
    let part = match fraction {
        (1, 2) => half,
        (1, 3) => "un tercio",
        (2, 3) => "dos tercios",
        (1, 4) => "un cuarto",
        _ => "tres cuartos",
    };
    match whole {
        0 if fraction == (1, 2) || noun == "de" => part.to_owned(),
        0 if noun.is_empty() => part.to_owned(),
        0 => format!("{part} de"),
        _ => format!("{} y {part}", agree(whole, noun).unwrap_or_else(|| cardinal(whole))),
    }
}

fn ordinal(number: u32) -> String {
    const FIRST: [&str; 11] =
        ["", "primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo"];
    FIRST.get(number as usize).map_or_else(|| cardinal(number), |word| (*word).to_owned())
}
