//! The beginning: who speaks first, and in which language the callee is told who calls.

use offhook::language::Language;
use serde_json::json;

use super::{
    mind::{Mind, Phase},
    replying::LONGEST_WAIT,
};

impl Mind {
    pub(super) fn answered(&mut self) {
        self.phase = Phase::Greeting { until: self.now + self.settings.greeting_wait };
        self.line.answered = self.now;
        self.last_heard = self.now;
        self.log("answered", json!({ "language": self.language.current().code() }));
    }

    /// Nobody greeted us.
    pub(super) fn speak_first(&mut self) {
        if matches!(self.phase, Phase::Greeting { .. }) {
            self.phase = Phase::Talking;
            self.floor.unanswered = true;
            if !self.floor.is_quiet() {
                // They have spoken long enough: the answer waits no longer.
                self.floor.unanswered_since = Some(self.now.saturating_sub(LONGEST_WAIT));
            }
        }
    }

    /// Says what the callee must know and has not heard.
    pub(super) fn disclose(&mut self) {
        for at in self.disclosure.owed(&self.sentences) {
            let text = self.disclosure.duties[at].text.clone();
            self.disclosure.duties[at].sentence = Some(self.say(text));
        }
        self.say_read_back();
    }

    /// The callee speaks another language than we thought.
    pub(super) fn switch_language(&mut self, from: Language) {
        let to = self.language.current();
        self.disclosure.translate(&self.request, to, &self.sentences);
        self.log("language", json!({ "from": from.code(), "to": to.code() }));
    }
}
