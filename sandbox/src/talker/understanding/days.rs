//! Days in what people say: weekdays, dates, "the day after".

use chrono::{Datelike, Days, NaiveDate, Weekday};
use offhook::language::Language;

use super::{
    numbers,
    words::{any, fold},
};
use crate::talker::sentences;

/// A day as it was named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayMention {
    /// A whole date.
    Date(NaiveDate),
    /// Day and month.
    InYear {
        /// 1 to 31.
        day: u32,
        /// 1 to 12.
        month: u32,
    },
    /// "on Saturday"
    Weekday(Weekday),
    /// "the day after", "the next day"
    DayAfter,
    /// "the day before"
    DayBefore,
    /// "tomorrow"
    Tomorrow,
}

impl DayMention {
    /// The date meant, when `wanted` is spoken about and it is `today`. A weekday means the accepted day of that name if there
    /// is one, else the next after the wanted one.
    pub fn resolve(self, wanted: NaiveDate, accepted: &[NaiveDate], today: NaiveDate) -> Option<NaiveDate> {
        match self {
            DayMention::Date(date) => Some(date),
            DayMention::InYear { day, month } => {
                let this_year = NaiveDate::from_ymd_opt(wanted.year(), month, day)?;
                if this_year < today { NaiveDate::from_ymd_opt(wanted.year() + 1, month, day) } else { Some(this_year) }
            }
            DayMention::Weekday(weekday) if wanted.weekday() == weekday => Some(wanted),
            DayMention::Weekday(weekday) => accepted
                .iter()
                .copied()
                .find(|date| date.weekday() == weekday)
                .or_else(|| wanted.iter_days().take(7).find(|date| date.weekday() == weekday)),
            DayMention::DayAfter => wanted.checked_add_days(Days::new(1)),
            DayMention::DayBefore => wanted.checked_sub_days(Days::new(1)),
            DayMention::Tomorrow => today.checked_add_days(Days::new(1)),
        }
    }
}

/// The first day named in these folded words; `text` is the same, spaced.
pub fn day(words: &[String], text: &str, language: Language) -> Option<DayMention> {
    let (after, before, tomorrow) = match language {
        Language::En => ("the day after|the next day|the following day", "the day before|the evening before", "tomorrow"),
        Language::De => (
            "am tag danach|am nachsten tag|am folgenden tag|tags darauf",
            "am tag davor|am abend davor",
            "morgen abend|ware morgen",
        ),
        Language::Es => (
            "al dia siguiente|el dia siguiente|un dia despues",
            "el dia anterior|un dia antes",
            "manana por la noche|para manana",
        ),
        Language::Nl => ("de dag erna|de dag daarna|de volgende dag", "de dag ervoor|de dag daarvoor", "morgenavond|voor morgen"),
    };
    let is_clock = |index: usize| words.get(index + 1).is_some_and(|word| ["uhr", "uur", "h"].contains(&word.as_str()));
    if let Some(date) = (0..words.len()).filter(|index| !is_clock(*index)).find_map(|index| written(&words[index])) {
        return Some(date);
    }
    if let Some(date) = (0..words.len()).find_map(|index| named(&words[index..], language)) {
        return Some(date);
    }
    let phrases = [(after, DayMention::DayAfter), (before, DayMention::DayBefore), (tomorrow, DayMention::Tomorrow)];
    if let Some((_, mention)) = phrases.into_iter().find(|(patterns, _)| any(text, patterns)) {
        return Some(mention);
    }
    let weekday = |word: &String| weekday_index(word, language).and_then(|index| Weekday::try_from(index as u8).ok());
    words.iter().find_map(weekday).map(DayMention::Weekday)
}

/// `2026-12-04`, `4.12.2026`, `4/12/2026`, `04.12`.
fn written(word: &str) -> Option<DayMention> {
    if let Ok(date) = NaiveDate::parse_from_str(word, "%Y-%m-%d") {
        return Some(DayMention::Date(date));
    }
    let mut parts = word.split(['.', '/', '-']).map(str::parse::<u32>);
    let (day, month) = (parts.next()?.ok()?, parts.next()?.ok()?);
    match parts.next() {
        Some(Ok(year @ 2000..)) => NaiveDate::from_ymd_opt(year as i32, month, day).map(DayMention::Date),
        None if (1..=31).contains(&day) && (1..=12).contains(&month) => Some(DayMention::InYear { day, month }),
        _ => None,
    }
}

/// "4 December", "December 4th", "4. Dezember", "4 de diciembre", "the fourth of December".
fn named(words: &[String], language: Language) -> Option<DayMention> {
    let month_at = |index: usize| {
        let word = words.get(index)?;
        let months = &sentences::lines(language).months;
        months.iter().position(|month| fold(month).first() == Some(word)).map(|index| index as u32 + 1)
    };
    let day_at = |index: usize| {
        let rest = words.get(index..)?;
        let word = rest.first()?;
        let plain = ["st", "nd", "rd", "th"].iter().find_map(|ending| word.strip_suffix(ending)?.parse::<u32>().ok());
        let day =
            plain.map(|day| (day, 1)).or_else(|| sentences::ordinal(rest, language)).or_else(|| numbers::read(rest, language))?;
        (1..=31).contains(&day.0).then_some(day)
    };
    if let Some((day, taken)) = day_at(0) {
        let of = usize::from(words.get(taken).is_some_and(|word| ["of", "de"].contains(&word.as_str())));
        return month_at(taken + of).map(|month| DayMention::InYear { day, month });
    }
    let month = month_at(0)?;
    let the = usize::from(words.get(1).is_some_and(|word| word == "the"));
    day_at(1 + the).map(|(day, _)| DayMention::InYear { day, month })
}

/// Also "Mondays", "montags".
fn weekday_index(word: &str, language: Language) -> Option<usize> {
    let stem = word.strip_suffix('s').unwrap_or(word);
    let name = |name: &str| fold(name).first().is_some_and(|name| name == word || name == stem);
    let found = sentences::lines(language).weekdays.iter().position(|weekday| name(weekday));
    found.or((language == Language::De && word == "sonnabend").then_some(5))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::talker::understanding::words::spaced;

    fn date(day: u32) -> NaiveDate {
        NaiveDate::from_ymd_opt(2026, 12, day).unwrap()
    }

    fn heard(text: &str, language: Language) -> Option<NaiveDate> {
        let words = fold(text);
        day(&words, &spaced(&words), language)?.resolve(
            date(4),
            &[date(4), date(12)],
            NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
        )
    }

    #[test]
    fn days_are_understood_in_four_languages() {
        for (language, text, day) in [
            (Language::En, "but the day after we have a table", 5),
            (Language::En, "see you on Friday", 4),
            (Language::En, "On Saturday it would be possible", 12),
            (Language::En, "on Thursday", 10),
            (Language::En, "on December 6th", 6),
            (Language::En, "the twenty-first of December", 21),
            (Language::De, "am Tag danach", 5),
            (Language::De, "am 6. Dezember", 6),
            (Language::De, "am sechsten Dezember", 6),
            (Language::De, "am 06.12. hätten wir", 6),
            (Language::De, "am Sonntag", 6),
            (Language::Es, "al día siguiente", 5),
            (Language::Es, "el 6 de diciembre", 6),
            (Language::Es, "el miércoles", 9),
            (Language::Nl, "de dag erna", 5),
            (Language::Nl, "op 6 december", 6),
            (Language::Nl, "op zaterdag", 12),
        ] {
            assert_eq!(heard(text, language), Some(date(day)), "{text}");
        }
        assert_eq!(heard("2026-12-24", Language::Nl), Some(date(24)));
        assert_eq!(heard("Guten Morgen, was kann ich für Sie tun?", Language::De), None);
    }
}
