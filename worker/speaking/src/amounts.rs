//! Amounts as they are written: thousands in groups, decimals, prices, fractions.

use offhook::language::Language;
use offhook_language::tables;

use super::scanning::{Written, begins_with, digits, number};

/// A number with its thousands in groups, and its decimals.
struct Amount<'t> {
    whole: u32,
    decimals: Option<(char, &'t str)>,
    length: usize,
}

/// "1.200", "1,200.50", "1.200,50", "1,000,000": thousands in groups; `None` where they are not.
fn grouped(text: &str, language: Language) -> Option<Amount<'_>> {
    let first = digits(text);
    let separator = text[first..].chars().next().filter(|c| matches!(c, '.' | ','))?;
    if !(1..=3).contains(&first) || text.starts_with('0') {
        return None;
    }
    let (mut end, mut groups) = (first, 0);
    while text[end..].starts_with(separator) && digits(&text[end + 1..]) == 3 {
        end += 4;
        groups += 1;
    }
    let other = if separator == '.' { ',' } else { '.' };
    let decimals = text[end..].strip_prefix(other).map_or(0, digits);
    let decimals = if (1..=2).contains(&decimals) { decimals } else { 0 };
    let ours = separator == tables(language).numbers.thousands;
    if groups == 0 || (groups == 1 && decimals == 0 && !ours) {
        return None;
    }
    let written: String = text[..end].chars().filter(char::is_ascii_digit).collect();
    let length = if decimals > 0 { end + 1 + decimals } else { end };
    let decimals = (decimals > 0).then(|| (other, &text[end + 1..length]));
    Some(Amount { whole: number(&written), decimals, length })
}

/// "3.5", "3,5", "1,200.50": a decimal number, or a whole one with its thousands in groups.
pub(super) fn decimal(text: &str, language: Language) -> Option<(Written<'_>, usize)> {
    if let Some(amount) = grouped(text, language) {
        let written = match amount.decimals {
            Some((separator, decimals)) => Written::Decimal(amount.whole, separator, decimals),
            None => Written::Number(amount.whole),
        };
        return Some((written, amount.length));
    }
    let whole = digits(text);
    let separator = text[whole..].chars().next().filter(|c| matches!(c, '.' | ','))?;
    let decimals = digits(&text[whole + 1..]);
    if decimals == 0 || whole > 4 {
        return None;
    }
    let end = whole + 1 + decimals;
    Some((Written::Decimal(number(&text[..whole]), separator, &text[whole + 1..end]), end))
}

/// "€12,50", "12.50 €", "$20", "1.200,50 €", "€ 25,-".
pub(super) fn price(text: &str, language: Language) -> Option<(Written<'_>, usize)> {
    let symbol = |text: &str| text.chars().next().filter(|c| is_currency(*c));
    let before = symbol(text);
    let start = before.map_or(0, |c| c.len_utf8() + usize::from(text[c.len_utf8()..].starts_with(' ')));
    let (units, cents, mut end) = match grouped(&text[start..], language) {
        Some(amount) => (amount.whole, cents(amount.decimals.map_or("", |(_, decimals)| decimals)), start + amount.length),
        None => {
            let whole = digits(&text[start..]);
            if !(1..=6).contains(&whole) {
                return None;
            }
            let end = start + whole;
            let units = number(&text[start..end]);
            let decimals = text[end..].strip_prefix([',', '.']).map_or(0, digits);
            let decimals = if (1..=2).contains(&decimals) { decimals } else { 0 };
            match decimals {
                0 => (units, 0, end),
                _ => (units, cents(&text[end + 1..end + 1 + decimals]), end + 1 + decimals),
            }
        }
    };
    // "25,-"
    let dash =
        [",-", ",–", ".-", ".–"].iter().find(|dash| text[end..].starts_with(**dash) && digits(&text[end + dash.len()..]) == 0);
    let without_dash = end;
    end += dash.map_or(0, |dash| dash.len());
    if let Some(symbol) = before {
        return Some((Written::Price(units, cents, symbol), end));
    }
    let gap = [' ', '\u{a0}', '\u{202f}'].iter().find(|gap| text[end..].starts_with(**gap)).map_or(0, |gap| gap.len_utf8());
    let symbol = symbol(&text[end + gap..])?;
    // "20 $30" is two things.
    if digits(&text[end + gap + symbol.len_utf8()..]) > 0 && gap > 0 && without_dash == end {
        return None;
    }
    Some((Written::Price(units, cents, symbol), end + gap + symbol.len_utf8()))
}

pub(super) fn is_currency(character: char) -> bool {
    matches!(character, '€' | '$' | '£')
}

/// Hundredths of one or two decimals.
fn cents(decimals: &str) -> u32 {
    match decimals.len() {
        0 => 0,
        1 => number(decimals) * 10,
        _ => number(decimals),
    }
}

/// "½", "1½", "1 ½"; and "1/2" before a measure: "1/2 hour".
pub(super) fn fraction(text: &str, language: Language) -> Option<(Written<'_>, usize)> {
    let whole = digits(text);
    if whole > 3 {
        return None;
    }
    let gap = usize::from(whole > 0 && text[whole..].starts_with(' '));
    if let Some(character) = text[whole + gap..].chars().next()
        && let Some(parts) = sign(character)
    {
        let of = if whole == 0 { 0 } else { number(&text[..whole]) };
        return Some((Written::Fraction(of, parts), whole + gap + character.len_utf8()));
    }
    let parts = [("1/2", (1, 2)), ("1/4", (1, 4)), ("3/4", (3, 4)), ("1/3", (1, 3)), ("2/3", (2, 3))];
    let (written, parts) = parts.into_iter().find(|(written, _)| text.starts_with(written))?;
    let behind = text[written.len()..].strip_prefix(' ')?;
    let measured = tables(language).numbers.measures.iter().any(|measure| begins_with_stem(behind, measure));
    measured.then_some((Written::Fraction(0, parts), written.len()))
}

fn begins_with_stem(text: &str, stem: &str) -> bool {
    text.get(..stem.len()).is_some_and(|head| head.to_lowercase() == stem)
}

/// The fraction a character is, as numerator and denominator.
pub(super) fn sign(character: char) -> Option<(u32, u32)> {
    match character {
        '½' => Some((1, 2)),
        '⅓' => Some((1, 3)),
        '⅔' => Some((2, 3)),
        '¼' => Some((1, 4)),
        '¾' => Some((3, 4)),
        _ => None,
    }
}

/// A unit behind a number, after at most one space: its words for one and for several, and the length of what is written.
pub(super) fn unit(text: &str, language: Language) -> Option<(&'static str, &'static str, usize)> {
    let gap = [' ', '\u{a0}', '\u{202f}'].iter().find(|gap| text.starts_with(**gap)).map_or(0, |gap| gap.len_utf8());
    let rest = &text[gap..];
    let (written, one, several) = tables(language).numbers.units.iter().find(|(written, ..)| begins_with(rest, written))?;
    let mut length = gap + written.len();
    // "90 min. warten": the full stop is the shortening's.
    if text[length..].strip_prefix(". ").is_some_and(|behind| behind.starts_with(char::is_lowercase)) {
        length += 1;
    }
    Some((one, several, length))
}
