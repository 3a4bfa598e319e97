//! Who took the call, judged by the words of one utterance: a person, a voicemail, a menu, or somebody who asks to wait.
//!
//! Pure evidence from the tables of the languages. Length is no evidence: a restaurant's person greets
//! at length. Phrases add up; a single weak one never makes a machine, and words only a person says ("how can I help
//! you?", "would you like to leave a message?") outweigh what sounds like one.

mod tables;

use offhook::language::Language;
use tables::{TABLES, Table};

use super::pattern::{Pattern, words};

/// Who an utterance sounds like.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WhoAnswered {
    /// Somebody to talk to; also where there is no evidence at all.
    Person,
    /// A voicemail or an announcement: nobody will answer.
    Voicemail,
    /// A menu that wants a key pressed.
    Menu,
    /// Somebody (or a queue) who asks to wait: do not speak, do not hang up.
    Hold,
}

/// Evidence from this sum on makes a machine. A table's phrase weighs 1 (heard from persons as well) to 4 (from machines
/// only); a person's phrase takes 4 away.
const ENOUGH: i32 = 4;
/// Words besides a hold phrase up to which it is only that: "one moment please, I'll ask my colleague".
const WORDS_BESIDE_HOLD: usize = 6;

/// Judges one utterance as the recogniser wrote it. `language`, where the recogniser named it or the call has settled on
/// it, gives its own table full weight; of the other languages only what is unmistakable counts then. Without it all
/// tables count.
pub fn judge(text: &str, language: Option<Language>) -> WhoAnswered {
    let words = words(text);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let scores: Vec<Score> = Language::ALL
        .into_iter()
        .zip(TABLES.iter())
        .map(|(candidate, table)| score(&words, table, language.is_none_or(|known| known == candidate)))
        .collect();
    // Machines ask nothing.
    let asks = if text.contains('?') { ENOUGH } else { 0 };
    let person: i32 = scores.iter().map(|score| score.person).max().unwrap_or_default();
    let menu = scores.iter().map(|score| score.menu).max().unwrap_or_default() - person.max(asks);
    let voicemail = scores.iter().map(|score| score.voicemail).max().unwrap_or_default() - person.max(asks);
    if menu >= ENOUGH && menu >= voicemail {
        WhoAnswered::Menu
    } else if voicemail >= ENOUGH {
        WhoAnswered::Voicemail
    } else if person == 0 && asks_to_wait(&scores) {
        WhoAnswered::Hold
    } else {
        WhoAnswered::Person
    }
}

#[derive(Debug, Default)]
struct Score {
    menu: i32,
    voicemail: i32,
    person: i32,
    waiting: Waiting,
}

/// What an utterance says about waiting.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Waiting {
    #[default]
    Nothing,
    /// "One moment please."
    Asked,
    /// "One moment… yes, that works.": the wait is over.
    AndOver,
}

/// "Moment" is a word of three of the languages: what one table takes for an answer counts in all.
fn asks_to_wait(languages: &[Score]) -> bool {
    let any = |waiting| languages.iter().any(|score| score.waiting == waiting);
    any(Waiting::Asked) && !any(Waiting::AndOver)
}

fn score(words: &[&str], table: &Table, full: bool) -> Score {
    let sum = |phrases: &[(i32, Pattern)]| -> i32 {
        let counted = phrases.iter().filter(|(weight, _)| full || *weight >= ENOUGH);
        counted.filter(|(_, phrase)| phrase.occurs_in(words)).map(|(weight, _)| weight).sum()
    };
    Score {
        menu: sum(&table.menu),
        voicemail: sum(&table.voicemail),
        person: if table.person.iter().any(|phrase| phrase.occurs_in(words)) { ENOUGH } else { 0 },
        waiting: if full { waiting(words, table) } else { Waiting::Nothing },
    }
}

/// A queue's announcement, or a hold phrase with little beside it, no question and no answer.
fn waiting(words: &[&str], table: &Table) -> Waiting {
    if table.queue.iter().any(|phrase| phrase.occurs_in(words)) {
        return Waiting::Asked;
    }
    let Some(first) = table.hold.iter().filter_map(|phrase| phrase.find(words)).min_by_key(|place| place.start) else {
        return Waiting::Nothing;
    };
    let after = &words[first.end..];
    if table.answer.find(after).is_some_and(|place| place.end < after.len()) {
        return Waiting::AndOver;
    }
    let mut left = words.to_vec();
    for phrase in table.hold.iter().chain(&table.filler) {
        while let Some(place) = phrase.find(&left) {
            left.drain(place);
        }
    }
    if table.question.iter().any(|phrase| phrase.occurs_in(&left)) {
        Waiting::AndOver
    } else if left.len() <= WORDS_BESIDE_HOLD {
        Waiting::Asked
    } else {
        Waiting::Nothing
    }
}

#[cfg(test)]
mod tests;
