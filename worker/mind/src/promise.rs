//! A table that was promised in words and never accepted with the tool: the model is told once, and the row says that a person has to ask.

use offhook::{outcome::Outcome, request::CallKind};

use super::{contesting, mind::Mind};

/// Most letters of a promise that are noted.
const NOTED: usize = 200;
/// What the model is told when it ends on a promise.
const NOTHING_ACCEPTED: &str = "you or they said that a table is booked, and you accepted none: if they have agreed to a table, call \
                                accept_offer with its date, time and party size now; otherwise report what it came to";

/// What was said of a booking that no tool made.
#[derive(Debug, Clone, Default)]
pub(super) struct Promise {
    /// The callee's words.
    by_callee: Option<String>,
    /// The model was told.
    told: bool,
}

impl Mind {
    /// The callee's words: whether they state that a table is booked, or take that back.
    pub(super) fn note_promise(&mut self, text: &str) {
        if contesting::promises(text) {
            self.promise.by_callee = Some(text.to_owned());
        } else if contesting::contests(text) {
            self.promise.by_callee = None;
        }
    }

    /// The words that promise a table, where nothing was accepted or reported.
    fn promise(&self) -> Option<&str> {
        let books = matches!(self.request.kind, CallKind::Book | CallKind::Change);
        if !books || !self.outcome.is_open() || self.outcome.do_not_call {
            return None;
        }
        let ours = || {
            let denied_since = |asked| !self.floor.denial.is_empty() && self.floor.last_words >= asked;
            let mut sentences = self.sentences.sentences.values().rev();
            let promises = |text: &str| contesting::promises(text);
            sentences.find(|sentence| {
                sentence.by_model && sentence.has_begun() && promises(&sentence.text) && !denied_since(sentence.asked)
            })
        };
        self.promise.by_callee.as_deref().or_else(|| ours().map(|sentence| sentence.text.as_str()))
    }

    /// Why the model cannot end yet: a table was promised, and none was accepted. It is told once.
    pub(super) fn end_leaves_a_promise(&mut self) -> Option<&'static str> {
        if self.promise.told || self.promise().is_none() {
            return None;
        }
        self.promise.told = true;
        Some(NOTHING_ACCEPTED)
    }

    /// What the call came to where only words promise a table, and the remark for whoever asks.
    pub(super) fn promised_only(&self) -> Option<(Outcome, String)> {
        let said: String = self.promise()?.chars().filter(|c| !c.is_control()).take(NOTED).collect();
        Some((Outcome::Unconfirmed, format!("A table was promised in words only, and none was accepted: \"{said}\".")))
    }
}
