//! Text as written into text as said: nothing with a digit in it reaches a voice.

use offhook::language::Language;
use offhook_language::tables;

use super::{
    amounts::{is_currency, sign, unit},
    dates::{date_words, day_words, is_month, month_name, weekday_name},
    numbers::{inflected_ordinal, number_words, ordinal_words},
    phone::{digits_apart, phone_words},
    scanning::{Written, digits, last_word, recognise},
    shortenings::shortening,
    times::time_words,
};

/// Returns the text with every number, time, date, price and phone number in words. Text without digits comes back as it is, so that
/// saying it twice changes nothing.
pub fn spoken(text: &str, language: Language) -> String {
    let mut said = String::with_capacity(text.len() * 2);
    let mut rest = text;
    let has_numbers = text.contains(|character: char| character.is_ascii_digit() || sign(character).is_some());
    while let Some(character) = rest.chars().next() {
        if has_numbers && let Some((words, length)) = shortening(rest, &said, language) {
            said.push_str(&words);
            rest = &rest[length..];
            continue;
        }
        let Some((written, length)) = recognise(rest, &said, language) else {
            said.push(character);
            rest = &rest[character.len_utf8()..];
            continue;
        };
        say(&written, &mut said, &rest[length..], language);
        rest = joined(&written, &rest[length..], &mut said, language);
        if rest.starts_with(char::is_alphanumeric) && !said.ends_with(char::is_whitespace) {
            said.push(' ');
        }
    }
    said
}

/// Words before the number of a table, a house or a room: what follows is not counted.
const MARKED: [&str; 10] =
    ["nummer", "tisch", "zimmer", "hausnummer", "número", "mesa", "habitación", "calle", "number", "table"];

fn say(written: &Written<'_>, said: &mut String, rest: &str, language: Language) {
    if said.ends_with(char::is_alphanumeric) {
        said.push(' ');
    }
    let words = match written {
        Written::Date(date) if last_word(said).eq_ignore_ascii_case(weekday_name(*date, language)) => {
            let full = date_words(*date, language);
            full[weekday_name(*date, language).len()..].trim_start().to_owned()
        }
        Written::Date(date) => date_words(*date, language),
        Written::Day(day, month) => day_in_a_sentence(*day, *month, last_word(said), language),
        Written::Time(time) => {
            without_article(said, language);
            time_words(*time, language)
        }
        Written::Face(hour, minute) => {
            without_article(said, language);
            (tables(language).times.face)(*hour, *minute)
        }
        Written::EndOfDay => {
            without_article(said, language);
            (tables(language).times.words)(24, 0)
        }
        Written::Phone(number) => phone_words(number, language),
        Written::Fraction(whole, parts) => (tables(language).numbers.fraction)(*whole, *parts, next_word(rest)),
        Written::Suffixed(number, suffix) => (tables(language).numbers.suffixed_ordinal)(*number, suffix),
        Written::Price(units, cents, symbol) => price_words(*units, *cents, *symbol, language),
        Written::Ordinal(number) => inflected_ordinal(*number, last_word(said), language),
        Written::Decimal(whole, separator, decimals) => {
            format!(
                "{} {} {}",
                number_words(*whole, language),
                separator_word(*separator, language),
                digits_apart(decimals, language)
            )
        }
        Written::Number(number) => counted(*number, said, rest, language),
        Written::Digits(number) if number.len() > 4 => phone_words(number, language),
        Written::Digits(number) => digits_apart(number, language),
    };
    said.push_str(&words);
}

/// Takes an article back with which the words of the time begin.
fn without_article(said: &mut String, language: Language) {
    if tables(language).times.articles.contains(&last_word(said).to_lowercase().as_str()) {
        said.truncate(said.trim_end().len() - last_word(said).len());
    }
}

/// The next word, as it is written.
fn next_word(rest: &str) -> &str {
    rest.trim_start_matches([' ', '\u{a0}', '\u{202f}']).split(|c: char| !c.is_alphabetic()).next().unwrap_or_default()
}

/// Says what stands between two numbers: "7-8", "1/2". Returns what is left.
fn joined<'t>(written: &Written<'_>, rest: &'t str, said: &mut String, language: Language) -> &'t str {
    let numbers = &tables(language).numbers;
    let percent = [" %", "\u{a0}%", "\u{202f}%", "%"].iter().find_map(|sign| rest.strip_prefix(sign));
    if let Some(rest) = percent {
        said.push(' ');
        said.push_str(numbers.percent);
        return rest;
    }
    if let Written::Number(_) | Written::Decimal(..) | Written::Fraction(..) = written
        && let Some((one, several, length)) = unit(rest, language)
    {
        said.push(' ');
        said.push_str(if *written == Written::Number(1) { one } else { several });
        return &rest[length..];
    }
    let Some(mark) = rest.chars().next() else { return rest };
    let behind = rest[mark.len_utf8()..].trim_start_matches(' ');
    let row = match written {
        Written::Phone(_) => true,
        Written::Digits(row) => row.len() > 4,
        _ => false,
    };
    let dash = matches!(mark, '-' | '–');
    let goes_on = digits(behind) > 0
        || (dash && behind.starts_with(is_currency) && digits(&behind[behind.chars().next().map_or(0, char::len_utf8)..]) > 0)
        || (dash && is_month(behind.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default()));
    if !goes_on || (row && mark != ':') {
        return rest;
    }
    let next: u32 = behind[..digits(behind)].parse().unwrap_or(u32::MAX);
    let choice = match written {
        Written::Time(_) | Written::Face(..) | Written::Ordinal(_) | Written::Suffixed(..) | Written::Day(..) => true,
        Written::Number(number) => number.checked_add(1) == Some(next) && !behind[digits(behind)..].starts_with('/'),
        _ => false,
    };
    let always = *written == Written::Number(24) && behind.starts_with('7') && digits(behind) == 1;
    let word = match mark {
        '-' | '–' => format!(" {} ", numbers.range),
        '/' if always => " ".to_owned(),
        '/' if choice => format!(" {} ", numbers.or),
        '/' => format!(" {} ", numbers.slash),
        ':' if behind.len() == rest.len() - 1 => " ".to_owned(),
        _ => return rest,
    };
    said.truncate(said.trim_end().len());
    said.push_str(&word);
    behind
}

/// A day after the word `before`: "the fourth of December", "am vierten Dezember", "der vierte Dezember".
fn day_in_a_sentence(day: u32, month: u32, before: &str, language: Language) -> String {
    let tables = tables(language);
    let before = before.to_lowercase();
    let nominative = tables.numbers.ordinal_ending.as_ref().is_some_and(|ending| ending.not_after.contains(&before.as_str()));
    if nominative {
        return format!("{} {}", ordinal_words(day, language), month_name(month, language).unwrap_or_default());
    }
    let words = day_words(day, month, language);
    let article = tables.dates.article;
    if tables.dates.article_without_weekday && before != article { format!("{article} {words}") } else { words }
}

/// A number takes the gender of what is counted.
fn counted(number: u32, said: &str, rest: &str, language: Language) -> String {
    let noun = unit(rest, language).map_or_else(|| next_word(rest), |(one, several, _)| if number == 1 { one } else { several });
    let next = noun.to_lowercase();
    let before = last_word(said).to_lowercase();
    let agreement = tables(language).numbers.agreements.iter().find(|agreement| {
        agreement.number == number && (agreement.after.contains(&before.as_str()) || agreement.before.contains(&next.as_str()))
    });
    match agreement {
        Some(agreement) => agreement.words.to_owned(),
        None if MARKED.contains(&before.as_str()) => number_words(number, language),
        None => counted_words(number, noun, language),
    }
}

/// Whole units before what is counted.
fn counted_words(number: u32, noun: &str, language: Language) -> String {
    let agreed = (number <= 9999).then(|| (tables(language).numbers.agree)(number, noun)).flatten();
    agreed.unwrap_or_else(|| number_words(number, language))
}

fn price_words(units: u32, cents: u32, symbol: char, language: Language) -> String {
    let numbers = &tables(language).numbers;
    let currency = match symbol {
        '€' => &numbers.euro,
        '$' => &numbers.dollar,
        _ => &numbers.pound,
    };
    let amount = match units {
        1 => currency.one.to_owned(),
        _ => format!("{} {}", counted_words(units, currency.many, language), currency.many),
    };
    if cents == 0 { amount } else { format!("{amount} {}", number_words(cents, language)) }
}

fn separator_word(separator: char, language: Language) -> &'static str {
    let numbers = &tables(language).numbers;
    if separator == ',' { numbers.comma } else { numbers.point }
}

#[cfg(test)]
#[path = "spoken_cases.rs"]
mod cases;
#[cfg(test)]
#[path = "spoken_tests.rs"]
mod tests;
