//! Every way a conversation ends. Each leads to exactly one `Finish`.

use offhook::{disposition::Disposition, outcome::Outcome};
use offhook_hearing::WhoAnswered;
use offhook_types::ids::Millis;
use serde_json::json;

use super::{
    action::{Action, Conclusion},
    conversation::{Mind, Phase},
    phrases::Phrase,
    understanding,
};

/// How long the last sentences may take, in ms.
const LAST_SENTENCES: Millis = 15_000;
/// How long journal and recogniser may take after the line went down, in ms.
const LAST_ANSWERS: Millis = 5_000;
/// How often a callee may talk us out of our goodbye.
const REOPENINGS: u32 = 3;

/// An end that is under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Closing {
    /// Nothing the callee says changes it.
    pub forced: bool,
    /// The callee speaks into our goodbye.
    pub paused: bool,
    disposition: Disposition,
    detail: Option<String>,
    by_us: bool,
}

impl Closing {
    fn new(forced: bool, detail: Option<&str>) -> Self {
        Closing { forced, paused: false, disposition: Disposition::Answered, detail: detail.map(str::to_owned), by_us: true }
    }
}

impl Mind {
    /// The model wants to end: what it said is played first.
    pub(super) fn close_gently(&mut self) {
        self.phase = Phase::Closing(Closing::new(false, None));
        self.clocks.end = Some(self.now + LAST_SENTENCES);
    }

    /// We end, whatever the callee says: one last sentence.
    pub(super) fn say_goodbye(&mut self, phrase: Phrase, detail: &str) {
        self.end_with(phrase, Closing::new(true, Some(detail)));
    }

    /// The user took the call back.
    pub(super) fn cancelled(&mut self) {
        let mut closing = Closing::new(true, Some("Taken back by the user."));
        closing.disposition = Disposition::Cancelled;
        closing.by_us = false;
        if self.phase == Phase::Ringing {
            self.finish(closing, true);
        } else {
            self.end_with(Phrase::Withdrawn, closing);
        }
    }

    fn end_with(&mut self, phrase: Phrase, closing: Closing) {
        if matches!(&self.phase, Phase::Closing(before) if before.forced) {
            if closing.disposition == Disposition::Cancelled {
                self.phase = Phase::Closing(closing);
            }
            return;
        }
        self.stop_thinking();
        self.stop_speaking();
        self.interruption = None;
        self.phase = Phase::Closing(closing);
        self.clocks.greeting = None;
        self.clocks.call = None;
        self.clocks.end = Some(self.now + LAST_SENTENCES);
        self.begin_generation();
        self.say(phrase.in_language(self.tongue.current()).to_owned());
    }

    /// We end at once, without a word.
    pub(super) fn give_up(&mut self, detail: &str) {
        let closing = match &self.phase {
            Phase::Closing(closing) => closing.clone(),
            _ => Closing::new(true, Some(detail)),
        };
        self.finish(closing, true);
    }

    /// A machine took the call. No message is left.
    pub(super) fn machine_answered(&mut self, answerer: WhoAnswered) {
        let (disposition, kind, detail) = match answerer {
            WhoAnswered::Menu => (Disposition::MenuDeadEnd, "menu", "A telephone menu took the call."),
            _ => (Disposition::Voicemail, "voicemail", "A machine took the call; no message was left."),
        };
        self.log(kind, json!({}));
        self.stop_speaking();
        let mut closing = Closing::new(true, Some(detail));
        closing.disposition = disposition;
        closing.by_us = false;
        self.finish(closing, true);
    }

    /// The line is down. What journal and recogniser still owe us is waited for, briefly.
    pub(super) fn hung_up(&mut self) {
        let closing = match &self.phase {
            Phase::Closing(closing) => closing.clone(),
            _ => {
                let detail = if self.findings.is_open() { Some("The callee hung up before anything was settled.") } else { None };
                Closing { by_us: false, ..Closing::new(true, detail) }
            }
        };
        self.stop_thinking();
        if self.desk.is_idle() && !self.floor.is_transcribing() {
            self.finish(closing, false);
        } else {
            self.phase = Phase::Leaving(closing);
            self.clocks.end = Some(self.now + LAST_ANSWERS);
            self.clocks.greeting = None;
            self.clocks.silence = None;
            self.clocks.call = None;
        }
    }

    /// The callee's words after our goodbye: answers whether they leave it at that.
    pub(super) fn end_after_goodbye(&mut self, text: &str) -> bool {
        let Phase::Closing(closing) = &mut self.phase else { return false };
        if closing.forced {
            return true;
        }
        closing.paused = false;
        if self.reopened >= REOPENINGS || understanding::is_farewell(text) {
            self.interruption = None;
            return true;
        }
        self.reopened += 1;
        self.phase = Phase::Talking;
        self.clocks.end = None;
        false
    }

    /// Ends where everything that was waited for has come.
    pub(super) fn end_where_due(&mut self) {
        let (closing, hang_up) = match &self.phase {
            Phase::Closing(closing) if closing.forced || (!closing.paused && self.floor.is_quiet()) => (closing, true),
            Phase::Leaving(closing) if !self.floor.is_transcribing() => (closing, false),
            _ => return,
        };
        if self.desk.is_idle() && (!hang_up || !self.voice.is_busy()) {
            let closing = closing.clone();
            self.finish(closing, hang_up);
        }
    }

    /// The bound of closing or leaving has come.
    pub(super) fn end_now(&mut self) {
        match &self.phase {
            Phase::Closing(closing) => self.finish(closing.clone(), true),
            Phase::Leaving(closing) => self.finish(closing.clone(), false),
            _ => {}
        }
    }

    fn finish(&mut self, closing: Closing, hang_up: bool) {
        self.stop_thinking();
        if hang_up {
            self.actions.push(Action::HangUp);
        }
        self.guess_what_was_heard();
        let turns = self.ledger.close();
        self.actions.extend(turns.into_iter().map(Action::Record));
        let fallback = closing.by_us.then_some(Outcome::NoAgreement);
        let ledger = &self.ledger;
        let talked = !matches!(closing.disposition, Disposition::Voicemail | Disposition::MenuDeadEnd);
        let mut outcome = talked
            .then(|| self.findings.report(&self.request, fallback, self.tongue.current(), |key| ledger.number(key)))
            .flatten();
        let objected = self.consent.note().map(str::to_owned);
        if let Some(outcome) = &mut outcome {
            outcome.notes = joined(outcome.notes.take(), objected.clone());
        }
        let asked = self.findings.do_not_call.then(|| "The callee asked not to be called again.".to_owned());
        self.phase = Phase::Over;
        self.actions.push(Action::Finish(Conclusion {
            disposition: closing.disposition,
            outcome,
            detail: joined(asked.or(closing.detail), objected),
            do_not_call: self.findings.do_not_call,
        }));
    }
}

/// Two remarks for people as one.
fn joined(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first} {second}")),
        (first, second) => first.or(second),
    }
}
