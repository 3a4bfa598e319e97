//! Signs and shortenings beside numbers: "+", "&", "Nr. 12", "t/m", "30 April–2 May".

use offhook::language::Language;
use offhook_language::tables;

use super::{
    dates::is_month,
    scanning::{digits, last_word},
};

/// What is said for what `rest` begins with, after `said`, and its length in bytes. Only in texts with numbers: the others are left alone.
pub(super) fn shortening(rest: &str, said: &str, language: Language) -> Option<(String, usize)> {
    let numbers = &tables(language).numbers;
    let begins = !said.ends_with(char::is_alphanumeric);
    if let Some(sign) = rest.chars().next().filter(|sign| matches!(sign, '+' | '&'))
        && said.ends_with(' ')
        && rest[1..].starts_with(' ')
    {
        return Some(((if sign == '+' { numbers.plus } else { numbers.and }).to_owned(), 1));
    }
    // The month before a range of days.
    if let Some(dash) = rest.chars().next().filter(|dash| matches!(dash, '-' | '–'))
        && digits(&rest[dash.len_utf8()..]) > 0
        && is_month(last_word(said))
        && said.ends_with(char::is_alphabetic)
    {
        return Some((format!(" {} ", numbers.range), dash.len_utf8()));
    }
    if !begins {
        return None;
    }
    // At the beginning "No." is an answer.
    let mark = numbers.number_marks.iter().find_map(|mark| {
        let behind = rest.strip_prefix(mark)?;
        let digits_at = behind.trim_start_matches(' ');
        (digits(digits_at) > 0 && behind.len() - digits_at.len() <= 1).then_some((*mark, rest.len() - digits_at.len()))
    });
    let answer = |mark: &str| mark == "No." && language == Language::En && said.trim().is_empty();
    if let Some((_, length)) = mark.filter(|(mark, _)| !answer(mark)) {
        return Some((format!("{} ", numbers.number), length));
    }
    let whole = |behind: &str| !behind.starts_with(char::is_alphanumeric);
    numbers
        .shortenings
        .iter()
        .find(|(written, _)| rest.strip_prefix(written).is_some_and(whole))
        .map(|(written, words)| ((*words).to_owned(), written.len()))
}
