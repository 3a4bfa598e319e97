//! Whether the callee wants never to be called again. An entry in the do-not-call list is for good, so that a sentence counts
//! only if it is the wish itself: addressed to us, about calls to here, and without an end in time.
//!
//! No wish for good are: a time or a condition ("not before six", "not today", "unless…"), the offer to call us instead ("don't
//! call again, we'll call you"), leave not to call ("you needn't call again"), what third persons said or do, and questions.
//! What this misses is left to the model, which reports `do_not_call` by itself; what it takes for a wish is final.

use std::{ops::Range, sync::LazyLock};

use offhook::language::Language;
use offhook_language::{tables, tables::DoNotCall};

use super::pattern::{COMMA, Pattern, words_and_commas};

/// Words around a wish in which a condition counts.
const BEFORE: usize = 6;
const BEHIND: usize = 5;
/// Words before a fragment in which a finite verb counts.
const VERB_BEFORE: usize = 4;

/// The table of a language, read.
struct Matcher {
    imperatives: Vec<Pattern>,
    no_request_after: Vec<Pattern>,
    fragments: Vec<Pattern>,
    no_fragment_after: Vec<Pattern>,
    openers: Vec<Pattern>,
    requests: Vec<Pattern>,
    removals: Vec<Pattern>,
    no_removal_after: Vec<Pattern>,
    conditions: Vec<Pattern>,
    no_conditions: Vec<Pattern>,
    others: Vec<Pattern>,
    tags: Vec<Pattern>,
}

static MATCHERS: LazyLock<[Matcher; Language::ALL.len()]> =
    LazyLock::new(|| Language::ALL.map(|language| Matcher::new(&tables(language).do_not_call)));

/// Whether the text contains the wish, in any of the languages: the recogniser may be wrong about which it is.
pub(super) fn asks_not_to_call(text: &str) -> bool {
    sentences(text).any(|sentence| {
        let words = words_and_commas(sentence.text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        MATCHERS.iter().any(|matcher| matcher.finds_wish(&words, sentence.question))
    })
}

struct Sentence<'t> {
    text: &'t str,
    question: bool,
}

/// The sentences of a text; one, where the recogniser writes no punctuation.
fn sentences(text: &str) -> impl Iterator<Item = Sentence<'_>> {
    text.split_inclusive(['.', '!', '?', '…', '\n']).map(|text| Sentence { text, question: text.ends_with('?') })
}

impl Matcher {
    fn new(table: &DoNotCall) -> Self {
        let read = |notations: &[&str]| -> Vec<Pattern> {
            notations.iter().flat_map(|notation| Pattern::expanded(notation, table.groups)).collect()
        };
        Matcher {
            imperatives: read(table.imperatives),
            no_request_after: read(table.no_request_after),
            fragments: read(table.fragments),
            no_fragment_after: read(table.no_fragment_after),
            openers: read(table.openers),
            requests: read(table.requests),
            removals: read(table.removals),
            no_removal_after: read(table.no_removal_after),
            conditions: read(table.conditions),
            no_conditions: read(table.no_conditions),
            others: read(table.others),
            tags: read(table.tags),
        }
    }

    fn finds_wish(&self, words: &[&str], question: bool) -> bool {
        let asked = question && !self.tags.iter().any(|tag| tag.ends(words));
        let request = |place: &Range<usize>| !directly_after(&self.no_request_after, &words[..place.start]);
        let fragment = |place: &Range<usize>| !asked && !self.is_completed(&words[..place.start]);
        let removal = |place: &Range<usize>| !directly_after(&self.no_removal_after, &words[..place.start]);
        let for_good = |place: &Range<usize>| !self.is_limited(words, place) && !self.is_of_others(words, place);
        places(&self.imperatives, words).any(|place| !asked && request(&place) && for_good(&place))
            || places(&self.fragments, words).any(|place| fragment(&place) && for_good(&place))
            || places(&self.requests, words).any(|place| request(&place) && for_good(&place))
            || places(&self.removals, words).any(|place| removal(&place) && !self.is_of_others(words, &place))
    }

    /// Whether the clause before a fragment makes a statement of it.
    fn is_completed(&self, before: &[&str]) -> bool {
        let near = &before[before.len().saturating_sub(VERB_BEFORE)..];
        let clause = match near.iter().rposition(|word| *word == COMMA) {
            Some(comma) => &near[comma + 1..],
            None => near,
        };
        let clause = match self.openers.iter().filter_map(|opener| opener.places(clause).last()).map(|place| place.end).max() {
            Some(opened) => &clause[opened..],
            None => clause,
        };
        self.no_fragment_after.iter().any(|pattern| pattern.occurs_in(clause))
    }

    /// Whether a time or a condition stands near the wish.
    fn is_limited(&self, words: &[&str], wish: &Range<usize>) -> bool {
        let mut near = [
            words[wish.start.saturating_sub(BEFORE)..wish.start].to_vec(),
            words[wish.end..words.len().min(wish.end + BEHIND)].to_vec(),
        ];
        near.iter_mut().any(|near| {
            for pattern in &self.no_conditions {
                while let Some(place) = pattern.find(near).filter(|place| !place.is_empty()) {
                    near.drain(place);
                }
            }
            self.conditions.iter().any(|condition| condition.occurs_in(near))
        })
    }

    /// Whether somebody else's words or deeds are told.
    fn is_of_others(&self, words: &[&str], wish: &Range<usize>) -> bool {
        let before = &words[wish.start.saturating_sub(BEFORE)..wish.start];
        self.others.iter().any(|pattern| pattern.occurs_in(before))
    }
}

fn places(patterns: &[Pattern], words: &[&str]) -> impl Iterator<Item = Range<usize>> {
    patterns.iter().flat_map(|pattern| pattern.places(words))
}

fn directly_after(patterns: &[Pattern], before: &[&str]) -> bool {
    patterns.iter().any(|pattern| pattern.ends(before))
}

#[cfg(test)]
mod measured;
#[cfg(test)]
mod tests;
