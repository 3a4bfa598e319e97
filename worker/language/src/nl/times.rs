//! Clock times in Dutch.

use super::numbers::cardinal;
use crate::{
    on_the_face,
    tables::{DayPart, Meridiem, Times},
};

pub(super) const TIMES: Times = Times {
    words,
    face,
    articles: &[],
    announced_by: &["om", "tussen", "vanaf", "rond", "tegen", "tot"],
    units: &["uur"],
    day_parts: &[
        ("'s ochtends", DayPart::Morning),
        ("'s morgens", DayPart::Morning),
        ("'s middags", DayPart::Later),
        ("'s avonds", DayPart::Later),
        ("'s nachts", DayPart::Night),
    ],
    meridiem: Meridiem::Never,
};

fn words(hour: u32, minute: u32) -> String {
    let part = match hour {
        0..6 | 24 => "'s nachts",
        6..12 => "'s ochtends",
        12..18 => "'s middags",
        _ => "'s avonds",
    };
    format!("{} {part}", face(hour, minute))
}

fn face(hour: u32, minute: u32) -> String {
    let (this, next) = (cardinal(on_the_face(hour)), cardinal(on_the_face(hour + 1)));
    match minute {
        0 => format!("{this} uur"),
        5 | 10 => format!("{} over {this}", cardinal(minute)),
        15 => format!("kwart over {this}"),
        20 | 25 => format!("{} voor half {next}", cardinal(30 - minute)),
        30 => format!("half {next}"),
        35 | 40 => format!("{} over half {next}", cardinal(minute - 30)),
        45 => format!("kwart voor {next}"),
        50 | 55 => format!("{} voor {next}", cardinal(60 - minute)),
        _ => format!("{this} uur {}", cardinal(minute)),
    }
}
