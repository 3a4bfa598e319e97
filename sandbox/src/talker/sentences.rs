//! What the talker says. Times are written as digits: the worker makes spoken words of them.

use chrono::{Datelike, NaiveDate, NaiveTime};
use offhook::{language::Language, request::CallKind};

use super::{reading::PromptRequest, understanding::words};

mod lines;

pub use lines::Lines;

/// The sentences of one language.
pub fn lines(language: Language) -> &'static Lines {
    match language {
        Language::En => &lines::ENGLISH,
        Language::De => &lines::GERMAN,
        Language::Es => &lines::SPANISH,
        Language::Nl => &lines::DUTCH,
    }
}

/// What is wanted, in one sentence: `at` is the day and time of the table.
pub fn request(request: &PromptRequest, language: Language) -> String {
    let lines = lines(language);
    let template = match request.kind {
        CallKind::Book => lines.book,
        CallKind::Change => lines.change,
        CallKind::Cancel => lines.cancel,
        CallKind::Confirm => lines.confirm,
    };
    let table = dated(template, request.wanted_date, request.wanted_time, language);
    table.replace("{party}", &party(request.party_size, language)).replace("{name}", &request.guest_name)
}

/// Asks for the wanted time on another day.
pub fn other_date(date: NaiveDate, time: NaiveTime, language: Language) -> String {
    dated(lines(language).other_date, date, time, language)
}

/// Asks for any time within the limits; where the guest has only one, for that one.
pub fn limits(request: &PromptRequest, language: Language) -> String {
    if request.earliest_time == request.latest_time {
        return at_time(lines(language).only_time, request.wanted_time);
    }
    let (earliest, latest) = (clock(request.earliest_time), clock(request.latest_time));
    lines(language).limits.replace("{earliest}", &earliest).replace("{latest}", &latest)
}

/// Fills `{time}`.
pub fn at_time(template: &str, time: NaiveTime) -> String {
    template.replace("{time}", &clock(time))
}

/// Fills `{name}`.
pub fn named(template: &str, name: &str) -> String {
    template.replace("{name}", name)
}

/// Says for how many.
pub fn we_are(party_size: u16, language: Language) -> String {
    lines(language).we_are.replace("{party}", &party(party_size, language))
}

/// Says for which day.
pub fn day(date: NaiveDate, language: Language) -> String {
    lines(language).day.replace("{date}", &date_words(date, language))
}

/// Says the number, written as E.164.
pub fn phone(number: &str, language: Language) -> String {
    lines(language).phone.replace("{phone}", number)
}

/// Spells a name letter by letter.
pub fn spelling(name: &str, language: Language) -> String {
    let spell = |word: &str| word.chars().flat_map(char::to_uppercase).map(String::from).collect::<Vec<_>>().join(", ");
    let words: Vec<_> = name.split_whitespace().map(spell).collect();
    lines(language).spelling.replace("{letters}", &words.join("; "))
}

/// The share of this sentence's words that can be found, in order and from its beginning, in what was heard; 0 to 1.
pub fn heard_share(sentence: &str, heard: &str) -> f32 {
    let (sentence, heard) = (words::fold(sentence), words::fold(heard));
    let common = |start: usize| sentence.iter().zip(&heard[start..]).take_while(|(a, b)| a == b).count();
    let longest = (0..heard.len()).map(common).max().unwrap_or(0);
    longest as f32 / sentence.len().max(1) as f32
}

fn dated(template: &str, date: NaiveDate, time: NaiveTime, language: Language) -> String {
    at_time(template, time).replace("{date}", &date_words(date, language))
}

fn clock(time: NaiveTime) -> String {
    time.format("%H:%M").to_string()
}

fn party(size: u16, language: Language) -> String {
    let lines = lines(language);
    if size == 1 { lines.one_person.to_owned() } else { lines.people.replace("{number}", &size.to_string()) }
}

fn date_words(date: NaiveDate, language: Language) -> String {
    let lines = lines(language);
    let weekday = lines.weekdays[date.weekday().num_days_from_monday() as usize];
    let month = lines.months[date.month0() as usize];
    let day = date.day();
    match language {
        Language::En => format!("{weekday} the {} of {month}", lines::ENGLISH_ORDINALS[day as usize - 1]),
        Language::De => format!("{weekday}, dem {} {month}", german_ordinal(day)),
        Language::Es => format!("el {weekday} {day} de {month}"),
        Language::Nl => format!("{weekday} {day} {month}"),
    }
}

fn german_ordinal(day: u32) -> String {
    match day {
        1..=19 => format!("{}en", lines::GERMAN_ORDINALS[day as usize - 1]),
        20 => "zwanzigsten".to_owned(),
        30 => "dreißigsten".to_owned(),
        _ => {
            let unit = ["ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun"][day as usize % 10 - 1];
            format!("{unit}und{}sten", if day < 30 { "zwanzig" } else { "dreißig" })
        }
    }
}

/// The ordinal ("fourth", "vierten", "twenty first") these folded words begin with, and how many words it takes. Spanish and
/// Dutch count days with cardinals.
pub fn ordinal(words: &[String], language: Language) -> Option<(u32, usize)> {
    let day = (1..=31).rev().find(|day| {
        let ordinal = match language {
            Language::En => lines::ENGLISH_ORDINALS[*day as usize - 1].to_owned(),
            Language::De => german_ordinal(*day),
            Language::Es | Language::Nl => return false,
        };
        let ordinal = words::fold(&ordinal);
        words.starts_with(&ordinal)
    })?;
    let taken = if language == Language::En && day > 20 && day != 30 { 2 } else { 1 };
    Some((day, taken))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::talker::reading::tests::REQUEST;

    fn wanted() -> PromptRequest {
        serde_json::from_str(REQUEST).unwrap()
    }

    #[test]
    fn the_request_is_one_natural_sentence_in_each_language() {
        for (language, sentence) in [
            (Language::En, "I would like to book a table for 4 people on Friday the fourth of December at 19:30."),
            (Language::De, "Ich möchte einen Tisch für 4 Personen am Freitag, dem vierten Dezember, um 19:30 Uhr reservieren."),
            (Language::Es, "Quisiera reservar una mesa para 4 personas para el viernes 4 de diciembre a las 19:30."),
            (Language::Nl, "Ik wil graag een tafel reserveren voor 4 personen op vrijdag 4 december om 19:30 uur."),
        ] {
            assert_eq!(request(&wanted(), language), sentence);
        }
    }

    #[test]
    fn every_sentence_of_every_kind_and_day_is_complete() {
        for language in Language::ALL {
            for kind in [CallKind::Book, CallKind::Change, CallKind::Cancel, CallKind::Confirm] {
                for day_of_month in 1..=31 {
                    let wanted_date = NaiveDate::from_ymd_opt(2026, 12, day_of_month).unwrap();
                    let sentence = request(&PromptRequest { kind, wanted_date, party_size: 1, ..wanted() }, language);
                    assert!(!sentence.contains(['{', '}']), "{sentence}");
                }
            }
        }
        assert!(
            request(&PromptRequest { wanted_date: NaiveDate::from_ymd_opt(2026, 12, 23).unwrap(), ..wanted() }, Language::De)
                .contains("Mittwoch, dem dreiundzwanzigsten Dezember")
        );
    }

    #[test]
    fn names_are_spelled_with_their_accents() {
        assert_eq!(spelling("Jo Müller", Language::En), "That is spelled J, O; M, Ü, L, L, E, R.");
    }

    #[test]
    fn a_cut_sentence_was_heard_in_part() {
        let sentence = request(&wanted(), Language::En);
        assert_eq!(heard_share(&sentence, &format!("We are 4 people. {sentence}")), 1.0);
        let share = heard_share(&sentence, "I would like to book a table for —");
        assert!((0.3..0.6).contains(&share), "{share}");
        assert_eq!(heard_share(&sentence, ""), 0.0);
    }
}
