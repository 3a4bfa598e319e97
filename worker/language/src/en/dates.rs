//! Dates in English.

use super::numbers::ordinal;
use crate::tables::{DateOrder, Dates};

pub(super) const DATES: Dates = Dates {
    months: [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ],
    weekdays: ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    article: "the",
    article_without_weekday: true,
    order: DateOrder::Uncertain,
    day_and_month_in_digits: false,
    ordinal_beside_month: Some("of"),
    day,
};

fn day(day: u32, month: &str) -> String {
    format!("{} of {month}", ordinal(day))
}
