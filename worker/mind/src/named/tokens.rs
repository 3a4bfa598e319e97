//! A text as words, numbers, times and days.

use std::{
    collections::{HashMap, HashSet},
    sync::LazyLock,
};

use chrono::{NaiveDate, Weekday};
use offhook::language::Language;
use offhook_language::tables;

use super::NUMBER_WORDS;

/// A word, or what is written or said as one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Token {
    /// In lower case.
    Word(String),
    /// A number, and how many digits it is written with; in words (below 100) none.
    Number(u32, usize),
    /// "5th", "fünfter".
    Ordinal(u32),
    /// "19:30".
    Clock(u32, u32),
    /// "20.00", "4.12.", "4/12".
    Pair(u32, u32),
    /// "2026-12-04", "4.12.2026".
    Date(NaiveDate),
    Weekday(Weekday),
    Month(u32),
    /// The end of a clause.
    Break,
}

impl Token {
    pub(super) fn is_one_of(&self, list: &[&str]) -> bool {
        matches!(self, Token::Word(word) if list.contains(&word.as_str()))
    }

    /// As the number of a day behind a month.
    pub(super) fn day(&self) -> Option<u32> {
        match self {
            Token::Number(day, _) | Token::Ordinal(day) => Some(*day),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Counted {
    Cardinal(u32),
    Ordinal(u32),
}

/// The words of the numbers 0 to 99 and of the ordinals 1 to 31 of each language.
static NUMBERS: LazyLock<[HashMap<String, Counted>; Language::ALL.len()]> = LazyLock::new(|| {
    Language::ALL.map(|language| {
        let numbers = &tables(language).numbers;
        let written = |words: String| words.to_lowercase().replace('-', " ");
        let mut known = HashMap::new();
        // "Menos cuarto" is no fourth.
        let naming = &tables(language).naming;
        let of_clocks: HashSet<&str> =
            naming.before_hour.iter().chain(naming.behind_hour).flat_map(|(phrase, _)| phrase.split(' ')).collect();
        for number in 1..=31 {
            let words = written((numbers.ordinal)(number));
            if of_clocks.contains(words.as_str()) {
                continue;
            }
            if let Some(ending) = &numbers.ordinal_ending {
                for ending in [ending.ending, "r", "s"] {
                    known.insert(format!("{words}{ending}"), Counted::Ordinal(number));
                }
            }
            known.insert(words, Counted::Ordinal(number));
        }
        // Spanish says most days with the cardinal.
        known.extend((0..100).map(|number| (written((numbers.cardinal)(number)), Counted::Cardinal(number))));
        known
            .extend(numbers.agreements.iter().map(|agreement| (agreement.words.to_owned(), Counted::Cardinal(agreement.number))));
        known.extend(numbers.digits.iter().zip(0..).map(|(word, digit)| ((*word).to_owned(), Counted::Cardinal(digit))));
        if language == Language::Nl {
            known.insert("één".to_owned(), Counted::Cardinal(1));
        }
        known
    })
});

/// The tokens of a text read in one language.
pub(super) fn tokens(text: &str, language: Language) -> Vec<Token> {
    let mut found = Vec::new();
    let text = text.to_lowercase().replace("p. m.", "pm ").replace("p.m.", "pm ").replace("a. m.", "am ").replace("a.m.", "am ");
    for chunk in text.split_whitespace() {
        let core = chunk.trim_matches(|c: char| !c.is_alphanumeric());
        let breaks = chunk.ends_with([',', ';', '!', '?', '…', '"', '–', '—'])
            || (chunk.ends_with('.') && !core.ends_with(|c: char| c.is_ascii_digit()));
        if core.is_empty() {
            found.push(Token::Break);
            continue;
        }
        if core.starts_with(|c: char| c.is_ascii_digit()) {
            written(core, &mut found);
        } else {
            let words =
                core.split(|c: char| !c.is_alphanumeric() && c != '\'' && c != '’').map(|word| word.trim_matches(['\'', '’']));
            found.extend(words.filter(|word| !word.is_empty()).map(|word| Token::Word(word.replace('’', "'"))));
        }
        if breaks {
            found.push(Token::Break);
        }
    }
    in_words(found, language)
}

/// Something that begins with a digit.
fn written(core: &str, found: &mut Vec<Token>) {
    let parts: Vec<&str> = core.split(|c: char| !c.is_ascii_digit()).filter(|part| !part.is_empty()).collect();
    let numbers: Vec<u32> = parts.iter().map(|part| part.parse().unwrap_or(u32::MAX)).collect();
    let marks: String = core.chars().filter(|c| !c.is_ascii_digit()).collect();
    let date = |year: u32, month, day| i32::try_from(year).ok().and_then(|year| NaiveDate::from_ymd_opt(year, month, day));
    let full = match (numbers.as_slice(), marks.as_str()) {
        ([year, month, day], "--") if parts[0].len() == 4 => date(*year, *month, *day),
        ([day, month, year], ".." | "--" | "//") if parts[2].len() == 4 => date(*year, *month, *day),
        _ => None,
    };
    match (numbers.as_slice(), marks.as_str()) {
        _ if full.is_some() => found.extend(full.map(Token::Date)),
        ([hour, minute] | [hour, minute, _], ":" | "::" | "h" | "u") if *hour <= 24 && *minute < 60 => {
            found.push(Token::Clock(*hour, *minute))
        }
        ([hour, minute], ":pm" | ":am") if *hour <= 12 && *minute < 60 => {
            found.extend([Token::Clock(*hour, *minute), Token::Word(marks[1..].to_owned())]);
        }
        ([a, b], "." | "/") => found.push(Token::Pair(*a, *b)),
        ([number], "st" | "nd" | "rd" | "th" | "e" | "º" | "ª" | ".º") => found.push(Token::Ordinal(*number)),
        ([number], "") => found.push(Token::Number(*number, parts[0].len())),
        ([number], mark @ ("pm" | "am" | "h")) => {
            found.extend([Token::Number(*number, parts[0].len()), Token::Word(mark.to_owned())])
        }
        ([number], "u") => found.extend([Token::Number(*number, parts[0].len()), Token::Word("uur".to_owned())]),
        (numbers, "-" | "–") if numbers.iter().all(|number| *number < 100) => {
            found.extend(parts.iter().zip(numbers).map(|(part, number)| Token::Number(*number, part.len())));
        }
        ([a, b, c, d], ":-:" | ":–:") => found.extend([Token::Clock(*a, *b), Token::Clock(*c, *d)]),
        _ => found.push(Token::Word(core.to_owned())),
    }
}

/// Words that are numbers, weekdays or months as what they are.
fn in_words(tokens: Vec<Token>, language: Language) -> Vec<Token> {
    let dates = &tables(language).dates;
    let weekdays = [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];
    let mut found = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while at < tokens.len() {
        let words: Vec<&str> = tokens[at..]
            .iter()
            .take(NUMBER_WORDS)
            .map_while(|token| if let Token::Word(word) = token { Some(word.as_str()) } else { None })
            .collect();
        let numbers = &NUMBERS[language as usize];
        let longest = (1..=words.len()).rev().find_map(|length| Some((*numbers.get(&words[..length].join(" "))?, length)));
        if let Some((counted, length)) = longest {
            found.push(match counted {
                Counted::Cardinal(number) => Token::Number(number, 0),
                Counted::Ordinal(number) => Token::Ordinal(number),
            });
            at += length;
            continue;
        }
        found.push(match words.first() {
            Some(word) => {
                let place = |names: &[&str]| names.iter().position(|name| name.to_lowercase() == *word);
                match (place(&dates.weekdays), place(&dates.months)) {
                    (Some(day), _) => Token::Weekday(weekdays[day]),
                    (_, Some(month)) => Token::Month(u32::try_from(month).unwrap_or(0) + 1),
                    _ => tokens[at].clone(),
                }
            }
            None => tokens[at].clone(),
        });
        at += 1;
    }
    found
}
