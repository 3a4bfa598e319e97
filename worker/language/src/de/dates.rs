//! Dates in German.

use super::numbers::ordinal;
use crate::tables::{DateOrder, Dates};

pub(super) const DATES: Dates = Dates {
    months: [
        "Januar",
        "Februar",
        "März",
        "April",
        "Mai",
        "Juni",
        "Juli",
        "August",
        "September",
        "Oktober",
        "November",
        "Dezember",
    ],
    weekdays: ["Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"],
    article: "den",
    article_without_weekday: false,
    order: DateOrder::DayFirst,
    day_and_month_in_digits: true,
    ordinal_beside_month: None,
    day,
};

fn day(day: u32, month: &str) -> String {
    format!("{}n {month}", ordinal(day))
}
