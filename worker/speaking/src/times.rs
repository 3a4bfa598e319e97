//! Clock times as people say them on the telephone: one natural form for each language that cannot be taken for another time.

use chrono::{NaiveTime, Timelike};
use offhook::language::Language;
use offhook_language::tables;

/// Returns a time in words; seconds are dropped. No two minutes of the day share their words.
///
/// * en: "half past seven in the evening", "noon", "five oh five in the morning"
/// * de: "neunzehn Uhr dreißig": the 24-hour clock, which German restaurants use on the telephone
/// * es: "las siete y media de la tarde", with the article
/// * nl: "half acht 's avonds"
pub fn time_words(time: NaiveTime, language: Language) -> String {
    (tables(language).times.words)(time.hour(), time.minute())
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
