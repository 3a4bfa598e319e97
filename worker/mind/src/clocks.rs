//! The wall clocks of a conversation. One `WakeAt` serves them all.

use offhook_types::ids::Millis;
use serde_json::json;

use super::{
    action::Action,
    conversation::{Mind, Phase},
    phrases::Phrase,
};

/// How long a callee who put us on hold may stay away, in ms.
const HOLD: Millis = 60_000;

/// Moments at which something is due, in ms of the worker's clock.
#[derive(Debug, Clone, Default)]
pub(super) struct Clocks {
    /// The callee did not greet: we speak first.
    pub greeting: Option<Millis>,
    /// Nobody says anything.
    pub silence: Option<Millis>,
    /// The whole call.
    pub call: Option<Millis>,
    /// The bound of closing or leaving.
    pub end: Option<Millis>,
    /// Times we asked whether somebody is there, since the callee's last word.
    pub asked: u32,
    /// The callee asked us to wait.
    pub on_hold: bool,
    armed: Option<Millis>,
}

impl Clocks {
    /// The moment to be woken at, where it is another than the one asked for before.
    pub fn rearm(&mut self) -> Option<Millis> {
        let next = [self.greeting, self.silence, self.call, self.end].into_iter().flatten().min();
        let changed = next != self.armed;
        self.armed = next;
        next.filter(|_| changed)
    }

    fn due(clock: &mut Option<Millis>, now: Millis) -> bool {
        let due = clock.is_some_and(|moment| moment <= now);
        if due {
            *clock = None;
        }
        due
    }
}

impl Mind {
    /// `Event::Wake`: whatever is due, most final first.
    pub(super) fn wake(&mut self) {
        let now = self.now;
        self.clocks.armed = None;
        if Clocks::due(&mut self.clocks.end, now) {
            self.end_now();
        } else if Clocks::due(&mut self.clocks.call, now) {
            self.log("time_up", json!({ "limit_ms": self.settings.limits.call.as_millis() as u64 }));
            self.say_goodbye(Phrase::NoTimeLeft, "The call took longer than its limit.");
        } else if Clocks::due(&mut self.clocks.greeting, now) {
            self.speak_first();
        } else if Clocks::due(&mut self.clocks.silence, now) {
            self.silence_due();
        }
    }

    fn silence_due(&mut self) {
        self.clocks.asked += 1;
        self.clocks.on_hold = false;
        self.log("silence", json!({ "asked": self.clocks.asked }));
        if self.clocks.asked >= 2 {
            let detail = if self.floor.words_heard { "The callee fell silent." } else { "Nobody spoke after the answer." };
            self.say_goodbye(Phrase::Goodbye, detail);
        } else {
            self.say_alone(Phrase::StillThere);
        }
    }

    /// Starts the clock of silence when nobody has anything to say or to do, and stops it otherwise.
    pub(super) fn watch_silence(&mut self) {
        let idle = self.phase == Phase::Talking
            && self.floor.is_quiet()
            && self.thought.is_none()
            && self.desk.is_idle()
            && !self.voice.is_busy();
        if !idle {
            self.clocks.silence = None;
        } else if self.clocks.silence.is_none() {
            let limit = self.settings.limits.silence.as_millis() as Millis;
            let patience = if self.clocks.on_hold { limit.max(HOLD) } else { limit };
            self.clocks.silence = Some(self.now + patience);
        }
    }

    pub(super) fn log(&mut self, kind: &'static str, detail: serde_json::Value) {
        self.actions.push(Action::Log { kind, detail });
    }
}
