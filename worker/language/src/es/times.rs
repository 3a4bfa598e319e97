//! Clock times in Spanish.

use super::numbers::cardinal;
use crate::{
    on_the_face,
    tables::{DayPart, Meridiem, Times},
};

pub(super) const TIMES: Times = Times {
    words,
    face,
    articles: &["la", "las"],
    announced_by: &["las", "la", "entre", "desde", "hasta"],
    units: &["horas", "hrs", "hs", "h"],
    day_parts: &[
        ("de la mañana", DayPart::Morning),
        ("de la madrugada", DayPart::Morning),
        ("de la tarde", DayPart::Later),
        ("del mediodía", DayPart::Later),
        ("de la noche", DayPart::Night),
    ],
    meridiem: Meridiem::WithMinutes,
};

fn words(hour: u32, minute: u32) -> String {
    let part = match hour {
        0 | 21..=24 => "de la noche",
        1..6 => "de la madrugada",
        6..12 => "de la mañana",
        12 => "del mediodía",
        _ => "de la tarde",
    };
    format!("{} {part}", face(hour, minute))
}

fn face(hour: u32, minute: u32) -> String {
    let face = |hour| match on_the_face(hour) {
        1 => "la una".to_owned(),
        other => format!("las {}", cardinal(other)),
    };
    match minute {
        0 => face(hour),
        15 => format!("{} y cuarto", face(hour)),
        30 => format!("{} y media", face(hour)),
        45 => format!("{} menos cuarto", face(hour + 1)),
        35 | 40 | 50 | 55 => format!("{} menos {}", face(hour + 1), cardinal(60 - minute)),
        _ => format!("{} y {}", face(hour), cardinal(minute)),
    }
}
