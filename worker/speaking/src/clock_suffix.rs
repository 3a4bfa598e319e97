//! What may follow a written time: "Uhr", "uur", "h", "pm", "in the evening", "'s avonds". It says which half of the day is
//! meant, and is not to be said twice.

use offhook::language::Language;

/// A part of the day, as far as it tells 7 from 19 o'clock.
#[derive(Clone, Copy)]
enum Part {
    Morning,
    Later,
    Night,
}

const ENGLISH: [(&str, Part); 4] = [
    ("in the morning", Part::Morning),
    ("in the afternoon", Part::Later),
    ("in the evening", Part::Later),
    ("at night", Part::Night),
];
const GERMAN: [(&str, Part); 6] = [
    ("morgens", Part::Morning),
    ("vormittags", Part::Morning),
    ("mittags", Part::Later),
    ("nachmittags", Part::Later),
    ("abends", Part::Later),
    ("nachts", Part::Night),
];
const SPANISH: [(&str, Part); 5] = [
    ("de la mañana", Part::Morning),
    ("de la madrugada", Part::Morning),
    ("de la tarde", Part::Later),
    ("del mediodía", Part::Later),
    ("de la noche", Part::Night),
];
const DUTCH: [(&str, Part); 5] = [
    ("'s ochtends", Part::Morning),
    ("'s morgens", Part::Morning),
    ("'s middags", Part::Later),
    ("'s avonds", Part::Later),
    ("'s nachts", Part::Night),
];

/// The hour a written hour means in the light of what follows, and how many bytes of that are used up; `None` where nothing of
/// the kind follows.
pub(super) fn after_clock(rest: &str, hour: u32, language: Language) -> Option<(u32, usize)> {
    let units: &[&str] = match language {
        Language::En => &[],
        Language::De => &["Uhr"],
        Language::Es => &["horas", "hrs", "hs", "h"],
        Language::Nl => &["uur"],
    };
    let unit = units.iter().find_map(|unit| word(rest, unit)).unwrap_or(0);
    let behind = &rest[unit..];
    let parts: &[(&str, Part)] = match language {
        Language::En => &ENGLISH,
        Language::De => &GERMAN,
        Language::Es => &SPANISH,
        Language::Nl => &DUTCH,
    };
    if matches!(language, Language::En | Language::Es)
        && let Some((hour, length)) = meridiem(behind, hour)
    {
        return Some((hour, unit + length));
    }
    match parts.iter().find_map(|(phrase, part)| word(behind, phrase).map(|length| (length, *part))) {
        Some((length, part)) => Some((of(hour, part), unit + length)),
        None => (unit > 0).then_some((hour, unit)),
    }
}

/// "am", "pm", "a.m.", "p. m." after an hour: the hour of the day and the bytes used up.
pub(super) fn meridiem(rest: &str, hour: u32) -> Option<(u32, usize)> {
    const FORMS: [(&str, Part); 8] = [
        ("a.m.", Part::Morning),
        ("p.m.", Part::Later),
        ("a. m.", Part::Morning),
        ("p. m.", Part::Later),
        ("a.m", Part::Morning),
        ("p.m", Part::Later),
        ("am", Part::Morning),
        ("pm", Part::Later),
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

fn of(hour: u32, part: Part) -> u32 {
    match part {
        Part::Morning if hour == 12 => 0,
        Part::Later if (1..12).contains(&hour) => hour + 12,
        Part::Night if hour == 12 => 0,
        Part::Night if (6..12).contains(&hour) => hour + 12,
        _ => hour,
    }
}
