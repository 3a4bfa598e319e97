//! Finds what is written with digits: dates, times, phone numbers, prices, ordinals, decimals, plain numbers.

use chrono::{NaiveDate, NaiveTime};
use offhook::language::Language;
use offhook_language::{
    tables,
    tables::{DateOrder, Meridiem, WrittenOrdinal},
};

use super::{
    amounts::{decimal, fraction, price},
    clock_suffix::{Clock, after_clock},
    dates::month_of,
};

/// What stands at the beginning of a text, and how it is to be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Written<'t> {
    /// A full date.
    Date(NaiveDate),
    /// Day and month: "4.12.", "4. Dezember", "4 December".
    Day(u32, u32),
    /// A time of day.
    Time(NaiveTime),
    /// A time of which it is not said in which half of the day it is: an hour from 1 to 11, and a minute.
    Face(u32, u32),
    /// "24:00".
    EndOfDay,
    /// A phone number as written.
    Phone(&'t str),
    /// Whole units, hundredths, symbol.
    Price(u32, u32, char),
    /// A number in its ordinal form.
    Ordinal(u32),
    /// An ordinal and the suffix it is written with.
    Suffixed(u32, &'t str),
    /// A whole number, or none, and a fraction.
    Fraction(u32, (u32, u32)),
    /// Whole part, separator, decimals.
    Decimal(u32, char, &'t str),
    /// A plain number.
    Number(u32),
    /// Digits to be read one by one.
    Digits(&'t str),
}

/// Returns what `text` begins with, in the light of what was `said` before it, and its length in bytes, which is never 0; `None`
/// where `text` does not begin with anything written in digits.
pub fn recognise<'t>(text: &'t str, said: &str, language: Language) -> Option<(Written<'t>, usize)> {
    if let Some(fraction) = fraction(text, language) {
        return Some(fraction);
    }
    if let Some(price) = price(text, language) {
        return Some(price);
    }
    if let Some(phone) = phone(text)
        && !has_the_shape_of_a_date(text)
        && clock(text, said, language).is_none()
    {
        return Some((Written::Phone(&text[..phone]), phone));
    }
    let count = digits(text);
    if count == 0 {
        return None;
    }
    let glued = said.ends_with(char::is_alphabetic) || said.strip_suffix('-').is_some_and(|s| s.ends_with(char::is_alphabetic));
    if glued {
        return Some((Written::Digits(&text[..count]), count));
    }
    Some(
        date(text, language)
            .or_else(|| clock(text, said, language))
            .or_else(|| ordinal(text, said, language))
            .or_else(|| decimal(text, language))
            .unwrap_or_else(|| plain(&text[..count])),
    )
}

/// Returns the number of leading ASCII digits.
pub fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

/// Returns the last word of what was said.
pub fn last_word(said: &str) -> &str {
    said.trim_end().trim_end_matches(',').rsplit(|c: char| c.is_whitespace() || c == '–').next().unwrap_or_default()
}

pub(super) fn number(text: &str) -> u32 {
    text.parse().unwrap_or(u32::MAX)
}

fn plain(written: &str) -> (Written<'_>, usize) {
    let leading_zero = written.len() > 1 && written.starts_with('0');
    let item = if leading_zero || written.len() > 4 { Written::Digits(written) } else { Written::Number(number(written)) };
    (item, written.len())
}

/// "2026-12-04", "4.12.2026", "04/12/2026", "4-12-2026", German "4.12.".
fn date(text: &str, language: Language) -> Option<(Written<'_>, usize)> {
    let first = digits(text);
    let separator = text[first..].chars().next().filter(|c| matches!(c, '-' | '.' | '/'))?;
    let middle = &text[first + 1..];
    let second = digits(middle);
    if !(1..=2).contains(&second) {
        return None;
    }
    let (a, b) = (number(&text[..first]), number(&middle[..second]));
    let tail = &middle[second..];
    let third = tail.strip_prefix(separator).map_or(0, digits);
    let length = first + 1 + second + 1 + third;
    if first == 4 && separator != '.' && third == 2 {
        let date = NaiveDate::from_ymd_opt(i32::try_from(a).ok()?, b, number(&tail[1..3]))?;
        return Some((Written::Date(date), length));
    }
    if !(1..=2).contains(&first) {
        return None;
    }
    if third == 4 {
        let year = i32::try_from(number(&tail[1..5])).ok()?;
        let uncertain = separator != '.' && tables(language).dates.order == DateOrder::Uncertain;
        let (day, month) = match uncertain {
            true if a != b && a <= 12 && b <= 12 => return None,
            true if a <= 12 && b > 12 => (b, a),
            _ => (a, b),
        };
        return Some((Written::Date(NaiveDate::from_ymd_opt(year, month, day)?), length));
    }
    let closed = tail.strip_prefix('.').is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()));
    if tables(language).dates.day_and_month_in_digits && separator == '.' && third == 0 && closed {
        NaiveDate::from_ymd_opt(2028, b, a)?;
        // A full stop that ends the text also ends the sentence; it is lost on nobody.
        return Some((Written::Day(a, b), length));
    }
    None
}

/// "19:30", "19:30 Uhr", "7:30 pm", "7 p.m.", "19.30 uur", "um 19.30".
fn clock<'t>(text: &'t str, said: &str, language: Language) -> Option<(Written<'t>, usize)> {
    let first = digits(text);
    if !(1..=2).contains(&first) {
        return None;
    }
    let hour = number(&text[..first]);
    let rest = &text[first..];
    let separator = rest.chars().next().filter(|c| matches!(c, ':' | '.' | 'h' | 'u'));
    let minutes = separator.map_or(0, |_| digits(&rest[1..]));
    if minutes == 2 {
        let minute = number(&rest[1..3]);
        let mut length = first + 3;
        if separator == Some(':') && text[length..].starts_with(':') && digits(&text[length + 1..]) == 2 {
            length += 3;
        }
        let suffix = after_clock(&text[length..], hour, language);
        let announced = tables(language).times.announced_by.contains(&last_word(said).to_lowercase().as_str());
        if separator == Some('.') && suffix.is_none() && !announced {
            return None;
        }
        let Clock { hour, length: more, part } = suffix.unwrap_or(Clock { hour, length: 0, part: false });
        let length = length + more;
        if part || text.starts_with('0') || !(1..12).contains(&hour) {
            return Some((of_day(hour, minute)?, length));
        }
        // "7:30-8:30 pm": the part of the day is named once, behind the second.
        return match half_of_the_day_behind(&text[length..], hour, language) {
            Some(hour) => Some((of_day(hour, minute)?, length)),
            None => (minute < 60).then_some((Written::Face(hour, minute), length)),
        };
    }
    let meridiem = tables(language).times.meridiem == Meridiem::Always && (1..=12).contains(&hour) && separator != Some(':');
    let (hour, more) = meridiem.then(|| super::clock_suffix::meridiem(rest, hour)).flatten()?;
    Some((of_day(hour, 0)?, first + more))
}

fn of_day<'t>(hour: u32, minute: u32) -> Option<Written<'t>> {
    if (hour, minute) == (24, 0) {
        return Some(Written::EndOfDay);
    }
    NaiveTime::from_hms_opt(hour, minute, 0).map(Written::Time)
}

/// The hour of the day that is meant by `hour` where a range or a choice goes on to a time with a part of the day: "-8:30 pm", "or 8 pm".
fn half_of_the_day_behind(rest: &str, hour: u32, language: Language) -> Option<u32> {
    let numbers = &tables(language).numbers;
    let rest = rest.trim_start();
    let words = [numbers.range, numbers.or, numbers.and, "-", "–", "/"];
    let behind = words.iter().find_map(|word| rest.strip_prefix(word))?.trim_start();
    let articles = tables(language).times.articles;
    let behind = articles.iter().find_map(|article| behind.strip_prefix(article)?.strip_prefix(' ')).unwrap_or(behind);
    let first = digits(behind);
    if !(1..=2).contains(&first) {
        return None;
    }
    let second = number(&behind[..first]);
    let minutes = behind[first..].strip_prefix([':', '.']).map_or(0, digits);
    let behind = if minutes == 2 { &behind[first + 3..] } else { &behind[first..] };
    let found = after_clock(behind, hour, language).filter(|clock| clock.part)?;
    // "11:30-1:30 pm" begins before noon.
    (hour % 12 <= second % 12).then_some(found.hour)
}

/// "04/12/2026", whether or not it can be told which is the day; "2026-12-04".
fn has_the_shape_of_a_date(text: &str) -> bool {
    let first = digits(text);
    let Some(separator) = text[first..].chars().next().filter(|c| matches!(c, '-' | '.' | '/')) else { return false };
    let second = digits(&text[first + 1..]);
    let Some(tail) = text[first + 1 + second..].strip_prefix(separator) else { return false };
    matches!((first, second, digits(tail)), (1..=2, 1..=2, 4) | (4, 2, 2))
}

/// The length of a phone number: international with six digits or more, with a leading zero and six or more, groups joined by
/// hyphens with seven or more.
fn phone(text: &str) -> Option<usize> {
    let start = usize::from(text.starts_with('+'));
    let international = start == 1;
    let (mut end, mut count, mut spaced, mut groups) = (start, 0, false, 0);
    let mut short = true;
    // "(212) 555-0100"
    let area = text.strip_prefix('(').map_or(0, digits);
    let in_parentheses = (2..=5).contains(&area) && text[1 + area..].starts_with(')');
    let mut at = if in_parentheses {
        count = area;
        end = 2 + area;
        end + usize::from(text[end..].starts_with(' '))
    } else {
        start
    };
    loop {
        let group = digits(&text[at..]);
        let first = end == start;
        if group == 0 || (!first && group < 2) || text[at + group..].starts_with(':') {
            break;
        }
        spaced |= !first && !text[end..at].contains('-');
        count += group;
        groups += 1;
        short &= (2..=4).contains(&group);
        end = at + group;
        at = end + text[end..].bytes().take(2).take_while(|c| matches!(c, b' ' | b'-' | b'/' | b'(' | b')')).count();
        if at == end {
            break;
        }
    }
    let zero = text[start..].starts_with('0');
    let long = match (international || zero, in_parentheses) {
        (true, _) => count >= 6,
        (_, true) => count >= 7 && groups > 0,
        // "912 345 678"
        _ => count >= 7 && (!spaced || (groups >= 3 && short && count >= 9)),
    };
    long.then_some(end)
}

/// "4th", "4e", "1.º", "4. Dezember", "4 December", and in English "December 4".
fn ordinal<'t>(text: &'t str, said: &str, language: Language) -> Option<(Written<'t>, usize)> {
    let count = digits(text);
    let value = number(&text[..count]);
    if count > 2 || !(1..=99).contains(&value) {
        return None;
    }
    let suffixes = match &tables(language).numbers.written_ordinal {
        WrittenOrdinal::FullStop => return ordinal_with_full_stop(text, count, language),
        WrittenOrdinal::Suffix(suffixes) => suffixes,
    };
    let suffix = suffixes.iter().find(|suffix| begins_with(&text[count..], suffix)).map_or(0, |suffix| suffix.len());
    let end = count + suffix;
    if let Some(between) = tables(language).dates.ordinal_beside_month
        && value <= 31
    {
        if let Some((month, length)) = month_behind(&text[end..], between, language) {
            return Some((Written::Day(value, month), end + length));
        }
        if month_of(last_word(said), language).is_some() {
            return Some((Written::Ordinal(value), end));
        }
    }
    (suffix > 0).then_some((Written::Suffixed(value, &text[count..end]), end))
}

/// "4. Dezember", "2. Stock"; `count` is the number of digits.
fn ordinal_with_full_stop(text: &str, count: usize, language: Language) -> Option<(Written<'_>, usize)> {
    let value = number(&text[..count]);
    if is_followed_by_a_day(text[count..].strip_prefix('.')?) {
        return Some((Written::Ordinal(value), count + 1));
    }
    let name = first_word(text[count..].strip_prefix(". ")?);
    match month_of(name, language) {
        Some(month) if value <= 31 => Some((Written::Day(value, month), count + 2 + name.len())),
        _ => name.starts_with(char::is_alphabetic).then_some((Written::Ordinal(value), count + 1)),
    }
}

/// Whether a range or a choice of days goes on: "–26. Dezember", "/3. Mai".
fn is_followed_by_a_day(rest: &str) -> bool {
    let Some(behind) = rest.trim_start_matches(' ').strip_prefix(['-', '–', '/']) else { return false };
    let behind = behind.trim_start_matches(' ');
    let count = digits(behind);
    (1..=2).contains(&count) && behind[count..].starts_with('.')
}

/// " December", " of December": the month and the length of all that.
fn month_behind(text: &str, between: &str, language: Language) -> Option<(u32, usize)> {
    let next = text.strip_prefix(' ')?;
    let next = next.strip_prefix(between).and_then(|next| next.strip_prefix(' ')).unwrap_or(next);
    let name = first_word(next);
    Some((month_of(name, language)?, text.len() - next.len() + name.len()))
}

/// Whether the text begins with a suffix, which is whole where it ends in a letter.
pub(super) fn begins_with(text: &str, suffix: &str) -> bool {
    let whole = suffix.ends_with(|c: char| c.is_ascii_alphabetic());
    text.get(..suffix.len()).is_some_and(|head| head.eq_ignore_ascii_case(suffix))
        && !(whole && text[suffix.len()..].starts_with(char::is_alphanumeric))
}

fn first_word(text: &str) -> &str {
    text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default()
}
