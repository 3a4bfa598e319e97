//! Clock times in English.

use super::numbers::cardinal;
use crate::{
    on_the_face,
    tables::{DayPart, Meridiem, Times},
};

pub(super) const TIMES: Times = Times {
    words,
    face,
    articles: &[],
    announced_by: &["at", "from", "until", "till", "by", "between", "around"],
    units: &[],
    day_parts: &[
        ("in the morning", DayPart::Morning),
        ("in the afternoon", DayPart::Later),
        ("in the evening", DayPart::Later),
        ("at night", DayPart::Night),
    ],
    meridiem: Meridiem::Always,
};

fn words(hour: u32, minute: u32) -> String {
    match (hour, minute) {
        (0 | 24, 0) => return "midnight".to_owned(),
        (12, 0) => return "noon".to_owned(),
        _ => {}
    }
    let part = match hour {
        0 => "at night",
        1..12 => "in the morning",
        12..18 => "in the afternoon",
        _ => "in the evening",
    };
    format!("{} {part}", face(hour, minute))
}

fn face(hour: u32, minute: u32) -> String {
    let (this, next) = (cardinal(on_the_face(hour)), cardinal(on_the_face(hour + 1)));
    match minute {
        0 => format!("{this} o'clock"),
        15 => format!("quarter past {this}"),
        30 => format!("half past {this}"),
        45 => format!("quarter to {next}"),
        1..10 => format!("{this} oh {}", cardinal(minute)),
        _ => format!("{this} {}", cardinal(minute)),
    }
}
