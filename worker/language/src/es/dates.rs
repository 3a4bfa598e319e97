//! Dates in Spanish.

use super::numbers::cardinal;
use crate::tables::{DateOrder, Dates};

pub(super) const DATES: Dates = Dates {
    months: [
        "enero",
        "febrero",
        "marzo",
        "abril",
        "mayo",
        "junio",
        "julio",
        "agosto",
        "septiembre",
        "octubre",
        "noviembre",
        "diciembre",
    ],
    weekdays: ["lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"],
    article: "",
    article_without_weekday: false,
    order: DateOrder::DayFirst,
    day_and_month_in_digits: false,
    ordinal_beside_month: None,
    day,
};

fn day(day: u32, month: &str) -> String {
    format!("{} de {month}", cardinal(day))
}
