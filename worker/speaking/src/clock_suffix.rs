//! What may follow a written time: "Uhr", "uur", "h", "pm", "in the evening", "'s avonds". It says which half of the day is
//! meant, and is not to be said twice.

use offhook::language::Language;
use offhook_language::{
    tables,
    tables::{DayPart, Meridiem},
};

/// What follows a written time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    /// The hour that is meant.
    pub hour: u32,
    /// How many bytes are used up.
    pub length: usize,
    /// The part of the day is among them.
    pub part: bool,
}

/// Returns what a written hour means in the light of what follows; `None` where nothing of the kind follows.
pub(super) fn after_clock(rest: &str, hour: u32, language: Language) -> Option<Clock> {
    let times = &tables(language).times;
    let unit = times.units.iter().find_map(|unit| word(rest, unit)).unwrap_or(0);
    let behind = &rest[unit..];
    if times.meridiem != Meridiem::Never
        && let Some((hour, length)) = meridiem(behind, hour)
    {
        return Some(Clock { hour, length: unit + length, part: true });
    }
    match times.day_parts.iter().find_map(|(phrase, part)| word(behind, phrase).map(|length| (length, *part))) {
        Some((length, part)) => Some(Clock { hour: of(hour, part), length: unit + length, part: true }),
        None => (unit > 0).then_some(Clock { hour, length: unit, part: false }),
    }
}

/// Returns the hour of the day and the bytes used up where "am", "pm", "a.m." or "p. m." follows an hour.
pub(super) fn meridiem(rest: &str, hour: u32) -> Option<(u32, usize)> {
    const FORMS: [(&str, DayPart); 8] = [
        ("a.m.", DayPart::Morning),
        ("p.m.", DayPart::Later),
        ("a. m.", DayPart::Morning),
        ("p. m.", DayPart::Later),
        ("a.m", DayPart::Morning),
        ("p.m", DayPart::Later),
        ("am", DayPart::Morning),
        ("pm", DayPart::Later),
    ];
    FORMS.iter().find_map(|(form, part)| word(rest, form).map(|length| (of(hour, *part), length)))
}

/// The length of `phrase` at the beginning of `rest`, after at most one space and as whole words.
fn word(rest: &str, phrase: &str) -> Option<usize> {
    let trimmed = rest.strip_prefix([' ', '\u{a0}', '\u{202f}']).unwrap_or(rest);
    let head = trimmed.get(..phrase.len())?;
    let whole = !trimmed[phrase.len()..].starts_with(char::is_alphanumeric);
    (head.to_lowercase() == phrase.to_lowercase() && whole).then_some(rest.len() - trimmed.len() + phrase.len())
}

fn of(hour: u32, part: DayPart) -> u32 {
    match part {
        DayPart::Morning if hour == 12 => 0,
        DayPart::Later if (1..12).contains(&hour) => hour + 12,
        DayPart::Night if hour == 12 => 0,
        DayPart::Night if (6..12).contains(&hour) => hour + 12,
        _ => hour,
    }
}
