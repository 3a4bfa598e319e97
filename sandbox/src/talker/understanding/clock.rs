//! Times of day in what people say: `21:00`, "halb neun", "las ocho y media", "half past eight".

use chrono::{NaiveTime, Timelike};
use offhook::language::Language;

use super::{numbers, words::any};

/// An hour and a minute as said, before anybody has thought about morning or evening.
#[derive(Debug, Clone, Copy)]
struct Said {
    hour: u32,
    minute: u32,
    /// Written or said on the 24 hour clock.
    exact: bool,
}

/// The times in these folded words, in order, without doubles. Where the words leave open whether morning or evening is meant,
/// it is the one nearer to `near`.
pub fn times(words: &[String], language: Language, near: NaiveTime) -> Vec<NaiveTime> {
    let mut times = Vec::new();
    let mut index = 0;
    while index < words.len() {
        let Some((said, taken)) = digits(words, index).or_else(|| spoken(&words[index..], language)) else {
            index += 1;
            continue;
        };
        index += taken;
        let after = words[index..].iter().take(4).map(String::as_str).collect::<Vec<_>>().join(" ");
        if let Some(time) = resolve(said, &format!(" {after} "), language, near)
            && !times.contains(&time)
        {
            times.push(time);
        }
    }
    times
}

/// `19:30`, `19.30`, `19h30`, and `21h`; not a date such as `4.12` or `4.12.2026`.
fn digits(words: &[String], index: usize) -> Option<(Said, usize)> {
    let word = words[index].as_str();
    let said = |hour: &str, minute: &str| {
        let fits = (1..=2).contains(&hour.len()) && minute.len() == 2;
        let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
        let exact = hour == 0 || hour > 12 || words[index].starts_with('0');
        (fits && hour < 24 && minute < 60).then_some(Said { hour, minute, exact })
    };
    if let Some((hour, minute)) = word.split_once(':').or_else(|| word.split_once('h')) {
        let minute = if minute.is_empty() { "00" } else { minute };
        return said(hour, minute).map(|said| (said, 1));
    }
    let (hour, minute) = word.split_once('.')?;
    let found = said(hour, minute)?;
    let neighbour = |index: Option<usize>| index.and_then(|index| words.get(index)).map(String::as_str).unwrap_or_default();
    let is_clock = ["uhr", "uur", "h", "pm", "am"].contains(&neighbour(Some(index + 1)))
        || ["at", "um", "las", "om"].contains(&neighbour(index.checked_sub(1)));
    (is_clock || found.minute > 12 || found.minute == 0).then_some((found, 1))
}

fn spoken(words: &[String], language: Language) -> Option<(Said, usize)> {
    match language {
        Language::En => english(words),
        Language::De => germanic(words, language, &GERMAN),
        Language::Es => spanish(words),
        Language::Nl => germanic(words, language, &DUTCH),
    }
}

fn english(words: &[String]) -> Option<(Said, usize)> {
    let word = |index: usize| words.get(index).map(String::as_str).unwrap_or_default();
    let number = |from: usize| words.get(from..).and_then(|rest| numbers::read(rest, Language::En));
    let hour = |from: usize| number(from).filter(|(hour, _)| (1..=12).contains(hour));
    if word(0) == "half" && word(1) == "past" {
        let (h, taken) = hour(2)?;
        return Some((past(h, 30), 2 + taken));
    }
    let before = if word(0) == "quarter" { Some((15, 1)) } else { number(0).filter(|(minutes, _)| (5..30).contains(minutes)) };
    if let Some((minutes, taken)) = before {
        let taken = taken + usize::from(word(taken) == "minutes");
        match (word(taken), hour(taken + 1)) {
            ("past", Some((h, more))) => return Some((past(h, minutes), taken + 1 + more)),
            ("to", Some((h, more))) => return Some((to(h, minutes), taken + 1 + more)),
            _ => {}
        }
    }
    let lead = usize::from(["at", "around", "until"].contains(&word(0)));
    let (h, taken) = hour(lead)?;
    let mut end = lead + taken;
    if word(end) == "oclock" {
        return Some((past(h, 0), end + 1));
    }
    if let Some((minute @ 10..=59, more)) = number(end) {
        end += more;
        return (!is_people(word(end))).then_some((past(h, minute), end));
    }
    let marked = ["am", "pm"].contains(&word(end)) || (["a", "p"].contains(&word(end)) && word(end + 1) == "m");
    (marked || (lead == 1 && !is_people(word(end)))).then_some((past(h, 0), end))
}

struct Germanic {
    quarter: &'static str,
    after: &'static str,
    before: &'static str,
    oclock: &'static str,
    at: &'static str,
}
const GERMAN: Germanic = Germanic { quarter: "viertel", after: "nach", before: "vor", oclock: "uhr", at: "um" };
const DUTCH: Germanic = Germanic { quarter: "kwart", after: "over", before: "voor", oclock: "uur", at: "om" };

fn germanic(words: &[String], language: Language, table: &Germanic) -> Option<(Said, usize)> {
    let word = |index: usize| words.get(index).map(String::as_str).unwrap_or_default();
    let number = |from: usize| words.get(from..).and_then(|rest| numbers::read(rest, language));
    let hour = |from: usize| number(from).filter(|(hour, _)| (1..=12).contains(hour));
    if ["halb", "half"].contains(&word(0)) {
        let (h, taken) = hour(1)?;
        return Some((to(h, 30), 1 + taken));
    }
    if word(0) == "dreiviertel" {
        let (h, taken) = hour(1)?;
        return Some((to(h, 15), 1 + taken));
    }
    let before =
        if word(0) == table.quarter { Some((15, 1)) } else { number(0).filter(|(minutes, _)| (1..30).contains(minutes)) };
    if let Some((minutes, taken)) = before {
        let half = ["halb", "half"].contains(&word(taken + 1));
        if let Some((h, more)) = hour(taken + 1 + usize::from(half)) {
            let end = taken + 1 + usize::from(half) + more;
            match (word(taken) == table.after, word(taken) == table.before, half) {
                (true, _, false) => return Some((past(h, minutes), end)),
                (true, _, true) => return Some((to(h, 30 - minutes), end)),
                (_, true, false) => return Some((to(h, minutes), end)),
                (_, true, true) => return Some((to(h, 30 + minutes), end)),
                _ => {}
            }
        }
    }
    let lead = usize::from(word(0) == table.at);
    let (h, taken) = number(lead).filter(|(hour, _)| *hour < 24)?;
    let end = lead + taken;
    if word(end) == table.oclock {
        // "neunzehn Uhr dreißig"
        return match number(end + 1).filter(|(minute, more)| *minute < 60 && !is_people(word(end + 1 + more))) {
            Some((minute, more)) => Some((past(h, minute), end + 1 + more)),
            None => Some((past(h, 0), end + 1)),
        };
    }
    let article = ["ein", "eine", "einen", "een"].contains(&word(lead));
    (lead == 1 && !article && !is_people(word(end))).then_some((past(h, 0), end))
}

fn spanish(words: &[String]) -> Option<(Said, usize)> {
    let word = |index: usize| words.get(index).map(String::as_str).unwrap_or_default();
    if !["las", "la"].contains(&word(0)) {
        return None;
    }
    let number = |from: usize| words.get(from..).and_then(|rest| numbers::read(rest, Language::Es));
    let (h, taken) = number(1).filter(|(hour, _)| *hour < 24)?;
    let end = 1 + taken;
    if (word(0) == "la" && h != 1) || is_people(word(end)) {
        return None;
    }
    let minutes = match word(end + 1) {
        "media" => Some((30, 1)),
        "cuarto" => Some((15, 1)),
        _ => number(end + 1).filter(|(minutes, _)| (1..60).contains(minutes)),
    };
    Some(match (word(end), minutes) {
        ("y", Some((minutes, more))) => (past(h, minutes), end + 1 + more),
        ("menos", Some((minutes, more))) => (to(h, minutes), end + 1 + more),
        _ => match number(end).filter(|(minutes, _)| [15, 30, 45].contains(minutes)) {
            Some((minutes, more)) => (past(h, minutes), end + more),
            None => (past(h, 0), end),
        },
    })
}

fn past(hour: u32, minute: u32) -> Said {
    Said { hour, minute, exact: hour == 0 || hour > 12 }
}

fn to(hour: u32, minutes: u32) -> Said {
    let hour = if hour == 1 { 12 } else { hour - 1 };
    Said { hour, minute: 60 - minutes, exact: false }
}

/// Whether a word counts guests, so that the number before it is not a time.
pub fn is_people(word: &str) -> bool {
    [
        "people",
        "persons",
        "person",
        "guests",
        "personen",
        "leute",
        "gaste",
        "personas",
        "persona",
        "comensales",
        "mensen",
        "gasten",
        "persoon",
    ]
    .contains(&word)
}

fn resolve(said: Said, after: &str, language: Language, near: NaiveTime) -> Option<NaiveTime> {
    let at = |hour: u32| NaiveTime::from_hms_opt(hour % 24, said.minute, 0);
    if said.exact {
        return at(said.hour);
    }
    let (morning, evening) = match language {
        Language::En => ("am|a m|in the morning", "pm|p m|in the evening|in the afternoon|at night|tonight"),
        Language::De => ("morgens|fruh|vormittags|am vormittag", "abends|nachmittags|am abend|am nachmittag"),
        Language::Es => ("de la manana", "de la tarde|de la noche"),
        Language::Nl => ("s ochtends|s morgens|in de ochtend", "s avonds|s middags|in de avond|in de middag"),
    };
    let twelve = said.hour % 12;
    if any(after, evening) {
        return at(twelve + 12);
    }
    if any(after, morning) {
        return at(twelve);
    }
    let distance =
        |time: &NaiveTime| (i64::from(time.num_seconds_from_midnight()) - i64::from(near.num_seconds_from_midnight())).abs();
    [at(twelve), at(twelve + 12)].into_iter().flatten().min_by_key(distance)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::talker::understanding::words::fold;

    fn heard(text: &str, language: Language) -> Vec<String> {
        let near = NaiveTime::from_hms_opt(19, 30, 0).unwrap();
        times(&fold(text), language, near).iter().map(|time| time.format("%H:%M").to_string()).collect()
    }

    #[test]
    fn times_are_understood_in_english() {
        for (text, time) in [
            ("We could offer you 21:00 instead.", "21:00"),
            ("Would half past eight work for you?", "20:30"),
            ("at quarter to nine", "20:45"),
            ("ten minutes past seven", "19:10"),
            ("eight o'clock", "20:00"),
            ("at seven thirty", "19:30"),
            ("We have a table for two at 8 pm", "20:00"),
            ("half past eight in the morning", "08:30"),
            ("7:30 is free", "19:30"),
        ] {
            assert_eq!(heard(text, Language::En), [time], "{text}");
        }
        assert_eq!(heard("19:00 or 21:00", Language::En), ["19:00", "21:00"]);
    }

    #[test]
    fn times_are_understood_in_german() {
        for (text, time) in [
            ("Ich könnte Ihnen 21:00 Uhr anbieten.", "21:00"),
            ("Würde halb neun für Sie passen?", "20:30"),
            ("um Viertel vor acht", "19:45"),
            ("dreiviertel neun", "20:45"),
            ("zehn nach sieben", "19:10"),
            ("fünf vor halb neun", "20:25"),
            ("um neunzehn Uhr dreißig", "19:30"),
            ("um 21 Uhr", "21:00"),
            ("um acht", "20:00"),
            ("um neun Uhr morgens", "09:00"),
            ("19.30 Uhr", "19:30"),
        ] {
            assert_eq!(heard(text, Language::De), [time], "{text}");
        }
    }

    #[test]
    fn times_are_understood_in_spanish() {
        for (text, time) in [
            ("Podríamos ofrecerle una mesa a las 21:00.", "21:00"),
            ("¿Le vendría bien a las ocho y media?", "20:30"),
            ("a las nueve menos cuarto", "20:45"),
            ("a las siete y diez", "19:10"),
            ("las nueve de la noche", "21:00"),
            ("a la una", "13:00"),
            ("a las veintiuna", ""),
            ("a las diez de la mañana", "10:00"),
        ] {
            let heard = heard(text, Language::Es);
            assert_eq!(heard.first().map_or("", String::as_str), time, "{text}");
        }
    }

    #[test]
    fn times_are_understood_in_dutch() {
        for (text, time) in [
            ("We kunnen u 21:00 uur aanbieden.", "21:00"),
            ("Zou half negen u schikken?", "20:30"),
            ("om kwart over acht", "20:15"),
            ("tien voor half negen", "20:20"),
            ("om acht uur", "20:00"),
            ("vijf over half negen", "20:35"),
            ("om negen uur 's ochtends", "09:00"),
        ] {
            assert_eq!(heard(text, Language::Nl), [time], "{text}");
        }
    }

    #[test]
    fn what_is_no_time_is_not_taken_for_one() {
        for (text, language) in [
            ("A table for four people?", Language::En),
            ("Am 04.12. oder am 4.12.2026?", Language::De),
            ("Para cuatro personas", Language::Es),
            ("Is het voor vier personen?", Language::Nl),
            ("My number is +49 151 23456", Language::En),
        ] {
            assert!(heard(text, language).is_empty(), "{text}");
        }
    }
}
