//! Clock times as people say them on the telephone: one natural form for each language that cannot be taken for another time.

use chrono::{NaiveTime, Timelike};
use offhook::language::Language;

use super::numbers::number_words;

/// A time in words; seconds are dropped. No two minutes of the day share their words.
///
/// * en: "half past seven in the evening", "noon", "five oh five in the morning"
/// * de: "neunzehn Uhr dreißig": the 24-hour clock, which German restaurants use on the telephone
/// * es: "las siete y media de la tarde", with the article
/// * nl: "half acht 's avonds"
pub fn time_words(time: NaiveTime, language: Language) -> String {
    let (hour, minute) = (time.hour(), time.minute());
    match language {
        Language::En => english(hour, minute),
        Language::De => german(hour, minute),
        Language::Es => spanish(hour, minute),
        Language::Nl => dutch(hour, minute),
    }
}

/// 1 to 12, as on a clock face.
fn on_the_face(hour: u32) -> u32 {
    match hour % 12 {
        0 => 12,
        face => face,
    }
}

fn english(hour: u32, minute: u32) -> String {
    let word = |number| number_words(number, Language::En);
    let (this, next) = (word(on_the_face(hour)), word(on_the_face(hour + 1)));
    let clock = match minute {
        0 if hour == 0 => return "midnight".to_owned(),
        0 if hour == 12 => return "noon".to_owned(),
        0 => format!("{this} o'clock"),
        15 => format!("quarter past {this}"),
        30 => format!("half past {this}"),
        45 => format!("quarter to {next}"),
        1..10 => format!("{this} oh {}", word(minute)),
        _ => format!("{this} {}", word(minute)),
    };
    let part = match hour {
        0 => "at night",
        1..12 => "in the morning",
        12..18 => "in the afternoon",
        _ => "in the evening",
    };
    format!("{clock} {part}")
}

fn german(hour: u32, minute: u32) -> String {
    let word = |number| number_words(number, Language::De);
    let hours = if hour == 1 { "ein".to_owned() } else { word(hour) };
    if minute == 0 { format!("{hours} Uhr") } else { format!("{hours} Uhr {}", word(minute)) }
}

fn spanish(hour: u32, minute: u32) -> String {
    let word = |number| number_words(number, Language::Es);
    let face = |hour| match on_the_face(hour) {
        1 => "la una".to_owned(),
        other => format!("las {}", word(other)),
    };
    let clock = match minute {
        0 => face(hour),
        15 => format!("{} y cuarto", face(hour)),
        30 => format!("{} y media", face(hour)),
        45 => format!("{} menos cuarto", face(hour + 1)),
        35 | 40 | 50 | 55 => format!("{} menos {}", face(hour + 1), word(60 - minute)),
        _ => format!("{} y {}", face(hour), word(minute)),
    };
    let part = match hour {
        0 | 21..24 => "de la noche",
        1..6 => "de la madrugada",
        6..12 => "de la mañana",
        12 => "del mediodía",
        _ => "de la tarde",
    };
    format!("{clock} {part}")
}

fn dutch(hour: u32, minute: u32) -> String {
    let word = |number| number_words(number, Language::Nl);
    let (this, next) = (word(on_the_face(hour)), word(on_the_face(hour + 1)));
    let clock = match minute {
        0 => format!("{this} uur"),
        5 | 10 => format!("{} over {this}", word(minute)),
        15 => format!("kwart over {this}"),
        20 | 25 => format!("{} voor half {next}", word(30 - minute)),
        30 => format!("half {next}"),
        35 | 40 => format!("{} over half {next}", word(minute - 30)),
        45 => format!("kwart voor {next}"),
        50 | 55 => format!("{} voor {next}", word(60 - minute)),
        _ => format!("{this} uur {}", word(minute)),
    };
    let part = match hour {
        0..6 => "'s nachts",
        6..12 => "'s ochtends",
        12..18 => "'s middags",
        _ => "'s avonds",
    };
    format!("{clock} {part}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use super::*;

    fn said(hour: u32, minute: u32, language: Language) -> String {
        time_words(NaiveTime::from_hms_opt(hour, minute, 0).unwrap(), language)
    }

    #[test]
    fn dinner_times_sound_natural() {
        assert_eq!(said(19, 30, Language::En), "half past seven in the evening");
        assert_eq!(said(19, 30, Language::De), "neunzehn Uhr dreißig");
        assert_eq!(said(19, 30, Language::Es), "las siete y media de la tarde");
        assert_eq!(said(19, 30, Language::Nl), "half acht 's avonds");
        assert_eq!(said(20, 45, Language::En), "quarter to nine in the evening");
        assert_eq!(said(13, 0, Language::Es), "la una de la tarde");
        assert_eq!(said(12, 45, Language::Es), "la una menos cuarto del mediodía");
        assert_eq!(said(18, 20, Language::Nl), "tien voor half zeven 's avonds");
        assert_eq!(said(1, 0, Language::De), "ein Uhr");
        assert_eq!(said(12, 0, Language::En), "noon");
        assert_eq!(said(17, 5, Language::En), "five oh five in the afternoon");
    }

    #[test]
    fn every_minute_of_the_day_has_words_of_its_own() {
        for language in Language::ALL {
            let words: HashSet<_> = (0..24).flat_map(|hour| (0..60).map(move |minute| said(hour, minute, language))).collect();
            assert_eq!(words.len(), 1440, "{language}");
            assert!(words.iter().all(|word| !word.contains(|c: char| c.is_ascii_digit())));
        }
    }
}
