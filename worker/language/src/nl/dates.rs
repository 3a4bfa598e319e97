//! Dates in Dutch.

use super::numbers::cardinal;
use crate::tables::{DateOrder, Dates};

pub(super) const DATES: Dates = Dates {
    months: [
        "januari",
        "februari",
        "maart",
        "april",
        "mei",
        "juni",
        "juli",
        "augustus",
        "september",
        "oktober",
        "november",
        "december",
    ],
    weekdays: ["maandag", "dinsdag", "woensdag", "donderdag", "vrijdag", "zaterdag", "zondag"],
    article: "",
    article_without_weekday: false,
    order: DateOrder::DayFirst,
    day_and_month_in_digits: false,
    ordinal_beside_month: None,
    day,
};

fn day(day: u32, month: &str) -> String {
    format!("{} {month}", cardinal(day))
}
