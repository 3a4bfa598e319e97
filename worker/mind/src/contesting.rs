//! Whether words contest what was said to a restaurant: a denial anywhere in them, a condition, a waiting list, somebody else who decides.
//! The words of all languages count. It errs to one side: a negation of which nothing says that it is harmless contests; that costs a
//! question, and the other way round costs a wrong agreement.

use std::sync::LazyLock;

use offhook_language::{all, tables::Contesting};

use super::{
    do_not_call::asks_not_to_call,
    pattern::{Pattern, words_and_commas},
    understanding::{begins_with_denial, denies, is_denial, says_wrong},
};

/// Words of contrast: what follows them stands, whatever was denied before.
const CONTRASTS: [&str; 9] = ["but", "however", "aber", "sondern", "dafür", "pero", "sino", "maar", "wel"];

struct Patterns {
    negations: Vec<Pattern>,
    harmless: Vec<Pattern>,
    objections: Vec<Pattern>,
    promises: Vec<Pattern>,
}

static PATTERNS: LazyLock<Patterns> = LazyLock::new(|| {
    let read = |list: fn(&Contesting) -> &'static [&'static str]| -> Vec<Pattern> {
        all().flat_map(|tables| list(&tables.contesting)).map(|notation| Pattern::new(notation)).collect()
    };
    Patterns {
        negations: read(|table| table.negations),
        harmless: read(|table| table.harmless),
        objections: read(|table| table.objections),
        promises: read(|table| table.promises),
    }
});

/// Whether these words contest what was said before them.
pub(super) fn contests(text: &str) -> bool {
    // Who wishes no more calls says nothing of the table with it.
    if asks_not_to_call(text) {
        let mut clauses = text.split([',', '.', '!', ';']);
        return says_wrong(text) || clauses.any(|clause| !asks_not_to_call(clause) && speaks_against(clause));
    }
    speaks_against(text)
}

fn speaks_against(text: &str) -> bool {
    let written = without_tag(text);
    let folded = words_and_commas(written);
    let mut words: Vec<&str> = folded.iter().map(String::as_str).collect();
    let first = words.iter().position(|word| is_denial(word)).filter(|_| begins_with_denial(written));
    // "No hay problema": the first word is none of a denial.
    let begins =
        |first: usize| PATTERNS.harmless.iter().flat_map(|harmless| harmless.places(&words)).any(|place| place.contains(&first));
    if says_wrong(written) || (denies(written) && !first.is_some_and(begins)) {
        return true;
    }
    // "No, that's fine": a denial that the words behind it take back.
    if let Some(first) = first.filter(|first| !begins(*first)) {
        words.remove(first);
    }
    for harmless in &PATTERNS.harmless {
        while let Some(place) = harmless.find(&words).filter(|place| !place.is_empty()) {
            words.drain(place);
        }
    }
    let occurs = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.occurs_in(&words));
    occurs(&PATTERNS.negations) || occurs(&PATTERNS.objections)
}

/// What stands after the last denial: "no, sorry, but eight is free". The whole text where nothing is denied.
pub(super) fn after_denial(text: &str) -> &str {
    let mut clauses: Vec<&str> = Vec::new();
    let mut start = 0;
    for (at, mark) in text.match_indices([',', ';', '!', '?', '–', '—', '.', ' ']) {
        let behind = at + mark.len();
        let ends = match mark {
            // The full stop of "20.00" ends nothing.
            "." => text[behind..].chars().next().is_none_or(char::is_whitespace),
            " " => {
                let next: String =
                    text[behind..].chars().take_while(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
                CONTRASTS.contains(&next.as_str())
            }
            _ => true,
        };
        if ends {
            clauses.push(&text[start..behind]);
            start = behind;
        }
    }
    clauses.push(&text[start..]);
    let denied = clauses.iter().rposition(|clause| contests(clause));
    let length: usize = clauses.iter().take(denied.map_or(0, |denied| denied + 1)).map(|clause| clause.len()).sum();
    &text[length..]
}

/// Whether a sentence states that a table is booked.
pub(super) fn promises(sentence: &str) -> bool {
    if sentence.contains('?') || contests(sentence) {
        return false;
    }
    let folded = words_and_commas(sentence);
    let words: Vec<&str> = folded.iter().map(String::as_str).collect();
    PATTERNS.promises.iter().any(|pattern| pattern.occurs_in(&words))
}

/// Without a "no?" that asks for agreement.
fn without_tag(text: &str) -> &str {
    let ended = text.trim_end();
    let untagged = ["¿no?", ", no?", "¿verdad que no?"].iter().find_map(|tag| ended.strip_suffix(tag));
    untagged.filter(|rest| !rest.trim().is_empty()).unwrap_or(text)
}

#[cfg(test)]
mod tests;
