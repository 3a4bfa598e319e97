//! Clock times in German.

use super::numbers::cardinal;
use crate::tables::{DayPart, Meridiem, Times};

pub(super) const TIMES: Times = Times {
    words,
    face,
    articles: &[],
    announced_by: &["um", "gegen", "ab", "bis", "von", "zwischen"],
    units: &["Uhr"],
    day_parts: &[
        ("morgens", DayPart::Morning),
        ("vormittags", DayPart::Morning),
        ("mittags", DayPart::Later),
        ("nachmittags", DayPart::Later),
        ("abends", DayPart::Later),
        ("nachts", DayPart::Night),
    ],
    meridiem: Meridiem::Never,
};

fn face(hour: u32, minute: u32) -> String {
    words(hour, minute)
}

fn words(hour: u32, minute: u32) -> String {
    let hours = if hour == 1 { "ein".to_owned() } else { cardinal(hour) };
    if minute == 0 { format!("{hours} Uhr") } else { format!("{hours} Uhr {}", cardinal(minute)) }
}
