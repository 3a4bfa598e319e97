//! Text as written into text as said: nothing with a digit in it reaches a voice.

use offhook::language::Language;
use offhook_language::tables;

use super::{
    dates::{date_words, day_words, month_name, weekday_name},
    numbers::{inflected_ordinal, number_words, ordinal_words},
    phone::{digits_apart, phone_words},
    scanning::{Written, digits, last_word, recognise},
    times::time_words,
};

/// Returns the text with every number, time, date, price and phone number in words. Text without digits comes back as it is, so that
/// saying it twice changes nothing.
pub fn spoken(text: &str, language: Language) -> String {
    let mut said = String::with_capacity(text.len() * 2);
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
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
            if tables(language).times.articles.contains(&last_word(said).to_lowercase().as_str()) {
                said.truncate(said.trim_end().len() - last_word(said).len());
            }
            time_words(*time, language)
        }
        Written::Phone(number) => phone_words(number, language),
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

/// Says what stands between two numbers: "7-8", "1/2". Returns what is left.
fn joined<'t>(written: &Written<'_>, rest: &'t str, said: &mut String, language: Language) -> &'t str {
    let numbers = &tables(language).numbers;
    if let Some(rest) = rest.strip_prefix('%') {
        said.push(' ');
        said.push_str(numbers.percent);
        return rest;
    }
    let Some(mark) = rest.chars().next() else { return rest };
    let behind = rest[mark.len_utf8()..].trim_start_matches(' ');
    let row = match written {
        Written::Phone(_) => true,
        Written::Digits(row) => row.len() > 4,
        _ => false,
    };
    if digits(behind) == 0 || (row && mark != ':') {
        return rest;
    }
    let word = match mark {
        '-' | '–' => format!(" {} ", numbers.range),
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
    let next = rest.trim_start().split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase();
    let before = last_word(said).to_lowercase();
    let agreement = tables(language).numbers.agreements.iter().find(|agreement| {
        agreement.number == number && (agreement.after.contains(&before.as_str()) || agreement.before.contains(&next.as_str()))
    });
    agreement.map_or_else(|| number_words(number, language), |agreement| agreement.words.to_owned())
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
        _ => format!("{} {}", number_words(units, language), currency.many),
    };
    if cents == 0 { amount } else { format!("{amount} {}", number_words(cents, language)) }
}

fn separator_word(separator: char, language: Language) -> &'static str {
    let numbers = &tables(language).numbers;
    if separator == ',' { numbers.comma } else { numbers.point }
}

#[cfg(test)]
#[path = "spoken_tests.rs"]
mod tests;
