//! The transcript: turns of both speakers, numbered in the order in which they began.

use offhook::{
    language::Language,
    turn::{Speaker, Turn},
};
use offhook_types::audio::MediaTime;

/// Names a turn before it has a number.
pub(super) type TurnKey = u32;

/// What a turn said, once that is known.
#[derive(Debug, Clone)]
pub(super) struct Said {
    pub language: Option<Language>,
    pub text: String,
    pub ended: MediaTime,
    pub interrupted: bool,
}

#[derive(Debug, Clone)]
struct Entry {
    key: TurnKey,
    speaker: Speaker,
    started: MediaTime,
    said: Option<Said>,
    number: Option<u32>,
    unwritten: bool,
}

/// Turns in the order of their start. A turn gets its number once everything that began before it is known, so that numbers
/// follow the order of speaking although the recogniser answers late.
#[derive(Debug, Clone, Default)]
pub(super) struct TurnList {
    entries: Vec<Entry>,
    last_key: TurnKey,
    last_number: u32,
}

impl TurnList {
    /// A turn has begun.
    pub fn open(&mut self, speaker: Speaker, started: MediaTime) -> TurnKey {
        self.last_key += 1;
        let numbered = self.entries.iter().rposition(|entry| entry.number.is_some()).map_or(0, |at| at + 1);
        let later = self.entries[numbered..].partition_point(|entry| entry.started <= started);
        let entry = Entry { key: self.last_key, speaker, started, said: None, number: None, unwritten: false };
        self.entries.insert(numbered + later, entry);
        self.last_key
    }

    /// What the turn said, or says by now: replaces what was known.
    pub fn write(&mut self, key: TurnKey, said: Said) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == key) {
            entry.said = Some(said);
            entry.unwritten = true;
        }
    }

    /// Nothing was said in it. A turn that has a number already stays.
    pub fn forget(&mut self, key: TurnKey) {
        self.entries.retain(|entry| entry.key != key || entry.number.is_some());
    }

    /// Whether no turn began after this one.
    pub fn is_last(&self, key: TurnKey) -> bool {
        self.entries.last().is_some_and(|entry| entry.key == key)
    }

    /// The turn's number, where it has one.
    pub fn number(&self, key: TurnKey) -> Option<u32> {
        self.entries.iter().find(|entry| entry.key == key)?.number
    }

    /// Turns to be written now, new ones or known ones that have changed.
    pub fn flush(&mut self) -> Vec<Turn> {
        let mut turns = Vec::new();
        let mut waiting = false;
        for entry in &mut self.entries {
            let Some(said) = &entry.said else {
                waiting |= entry.number.is_none();
                continue;
            };
            if entry.number.is_none() && waiting {
                continue;
            }
            if std::mem::take(&mut entry.unwritten) {
                let number = *entry.number.get_or_insert_with(|| {
                    self.last_number += 1;
                    self.last_number
                });
                turns.push(Turn {
                    number,
                    speaker: entry.speaker,
                    language: said.language,
                    text: said.text.clone(),
                    started_ms: entry.started.0,
                    ended_ms: said.ended.max(entry.started).0,
                    interrupted: said.interrupted,
                });
            }
        }
        turns
    }

    /// Nothing more will be known: what is still open was never said.
    pub fn close(&mut self) -> Vec<Turn> {
        self.entries.retain(|entry| entry.said.is_some());
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Said {
        Said { language: None, text: text.to_owned(), ended: MediaTime(9000), interrupted: false }
    }

    #[test]
    fn a_turn_waits_for_its_number_until_what_began_before_is_known() {
        let mut list = TurnList::default();
        let agent = list.open(Speaker::Agent, MediaTime(1000));
        let callee = list.open(Speaker::Callee, MediaTime(950));
        list.write(agent, said("we"));
        assert!(list.flush().is_empty());
        list.write(callee, said("they"));
        let turns = list.flush();
        assert_eq!(turns.iter().map(|turn| (turn.number, turn.text.as_str())).collect::<Vec<_>>(), [(1, "they"), (2, "we")]);
        list.write(agent, said("we all"));
        assert_eq!(list.flush()[0].number, 2);
    }

    #[test]
    fn what_turns_out_to_be_no_words_leaves_no_gap() {
        let mut list = TurnList::default();
        let noise = list.open(Speaker::Callee, MediaTime(100));
        let agent = list.open(Speaker::Agent, MediaTime(200));
        list.write(agent, said("hello"));
        list.forget(noise);
        assert_eq!(list.flush()[0].number, 1);
    }
}
