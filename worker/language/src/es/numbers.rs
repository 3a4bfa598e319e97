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
    written_ordinal: WrittenOrdinal::Suffix(&[".º", ".ª", "º", "ª"]),
    ordinal_ending: None,
    agreements: &[
        Agreement { number: 1, after: &["la"], before: &["persona", "mesa", "noche", "hora"], words: "una" },
        Agreement { number: 21, after: &["las"], before: &["personas"], words: "veintiuna" },
    ],
    thousands: '.',
    plus: "plus",
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

fn ordinal(number: u32) -> String {
    const FIRST: [&str; 11] =
        ["", "primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo", "noveno", "décimo"];
    FIRST.get(number as usize).map_or_else(|| cardinal(number), |word| (*word).to_owned())
}
