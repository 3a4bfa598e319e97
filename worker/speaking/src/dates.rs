//! Dates as people say them: weekday, day and month. The year goes unsaid: nobody books a table a year ahead.

use chrono::{Datelike, NaiveDate};
use offhook::language::Language;
use offhook_language::tables;

/// Returns the weekday's name.
pub fn weekday_name(date: NaiveDate, language: Language) -> &'static str {
    tables(language).dates.weekdays[date.weekday().num_days_from_monday() as usize]
}

/// Returns the month's name, 1 to 12; `None` for another number.
pub fn month_name(month: u32, language: Language) -> Option<&'static str> {
    tables(language).dates.months.get((month as usize).checked_sub(1)?).copied()
}

/// Returns the month a word names in this language, whatever its case.
pub fn month_of(word: &str, language: Language) -> Option<u32> {
    let wanted = word.to_lowercase();
    tables(language).dates.months.iter().zip(1..).find(|(name, _)| name.to_lowercase() == wanted).map(|(_, month)| month)
}

/// Whether a word is a month's name in any of the languages.
pub fn is_month(word: &str) -> bool {
    Language::ALL.into_iter().any(|language| month_of(word, language).is_some())
}

/// Returns "Friday the fourth of December", "Freitag den vierten Dezember", "viernes cuatro de diciembre", "vrijdag vier december".
pub fn date_words(date: NaiveDate, language: Language) -> String {
    let (weekday, day) = (weekday_name(date, language), day_words(date.day(), date.month(), language));
    match tables(language).dates.article {
        "" => format!("{weekday} {day}"),
        article => format!("{weekday} {article} {day}"),
    }
}

/// Returns day and month without the weekday: "fourth of December", "vierten Dezember", "cuatro de diciembre", "vier december". A
/// month that is none is left out.
pub fn day_words(day: u32, month: u32, language: Language) -> String {
    (tables(language).dates.day)(day, month_name(month, language).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_fourth_of_december_is_said_in_each_language() {
        let date = NaiveDate::from_ymd_opt(2026, 12, 4).unwrap();
        assert_eq!(date_words(date, Language::En), "Friday the fourth of December");
        assert_eq!(date_words(date, Language::De), "Freitag den vierten Dezember");
        assert_eq!(date_words(date, Language::Es), "viernes cuatro de diciembre");
        assert_eq!(date_words(date, Language::Nl), "vrijdag vier december");
    }

    #[test]
    fn every_day_of_a_year_has_words_of_its_own_and_no_digits() {
        for language in Language::ALL {
            let words: HashSet<_> = NaiveDate::from_ymd_opt(2028, 1, 1)
                .unwrap()
                .iter_days()
                .take(366)
                .map(|date| date_words(date, language))
                .collect();
            assert_eq!(words.len(), 366, "{language}");
            assert!(words.iter().all(|word| !word.contains(|c: char| c.is_ascii_digit())));
        }
    }

    #[test]
    fn months_are_known_by_name() {
        assert_eq!(month_of("dezember", Language::De), Some(12));
        assert_eq!(month_of("December", Language::De), None);
        assert!(is_month("Mayo") && !is_month("Mayonnaise"));
    }
}
