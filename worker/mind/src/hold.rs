//! Hold and silence on the line: one rule for a hold by signalling, "one moment please", and RTP that stops coming.
//!
//! A line that is not on hold may be without RTP for ten seconds, one that is on hold for a minute. A callee who put us on hold has
//! that minute to come back. Before any RTP has come, and nobody holds us by signalling,
//! the bound is `CallLimits::media`.

use offhook::{disposition::Disposition, end_cause::EndCause};
use offhook_types::{ids::Millis, line::MediaPresence};
use serde_json::json;

use super::{
    mind::{Closing, Mind},
    phrases::Phrase,
};

/// How long a callee who put us on hold may stay away, in ms.
const HOLD: Millis = 60_000;
/// How long RTP may stay away from a line that is not on hold, in ms.
const WITHOUT_MEDIA: Millis = 10_000;

impl Mind {
    /// RTP comes, or has stopped coming.
    pub(super) fn media(&mut self, presence: MediaPresence) {
        match presence {
            MediaPresence::Present => {
                self.line.media_came = true;
                self.line.absent_since = None;
            }
            MediaPresence::Absent { for_ms } => {
                self.line.absent_since = Some(self.now.saturating_sub(for_ms).max(self.line.answered));
            }
        }
    }

    /// The far end holds the call by signalling, or takes us back.
    pub(super) fn held(&mut self, held: bool) {
        if held == self.line.held_since.is_some() {
            return;
        }
        self.line.held_since = held.then_some(self.now);
        self.line.taken_back = self.now;
        self.log("hold", json!({ "held": held, "by": "signalling" }));
    }

    /// When a line without RTP counts as down, where it is without.
    pub(super) fn without_media_until(&self) -> Option<Millis> {
        if !self.line.media_came {
            let media = self.settings.limits.media.as_millis() as Millis;
            // Whoever answers on hold sends nothing before they take us back.
            return Some(self.line.held_since.map_or(self.line.answered.max(self.line.taken_back) + media, |since| since + HOLD));
        }
        let bound = if self.line.is_on_hold() { HOLD } else { WITHOUT_MEDIA };
        self.line.absent_since.map(|since| since + bound)
    }

    /// When somebody who holds us by signalling has been away for too long.
    pub(super) fn held_until(&self) -> Option<Millis> {
        self.line.held_since.map(|since| since + HOLD)
    }

    /// How long everybody may be silent before we ask whether somebody is there.
    pub(super) fn patience(&self) -> Millis {
        let limit = self.settings.limits.silence.as_millis() as Millis;
        if self.line.is_on_hold() { limit.max(HOLD) } else { limit }
    }

    /// No RTP for too long: the line is down.
    pub(super) fn media_lost(&mut self) {
        let silent_ms = self.now - self.line.absent_since.unwrap_or(self.line.answered);
        self.log("no_media", json!({ "for_ms": silent_ms, "ever": self.line.media_came }));
        let mut closing = Closing::new(self.now);
        closing.ended = EndCause::MediaLost { silent_ms };
        if self.line.media_came {
            closing.detail = Some(format!("No sound came for {:.0} s.", silent_ms as f32 / 1000.0));
        } else {
            closing.disposition = Disposition::NoMedia;
            closing.detail = Some(format!("answered, but no sound came within {:.0} s", silent_ms as f32 / 1000.0));
        }
        self.leave(closing);
    }

    /// Nobody took us back from hold. Nobody hears a goodbye.
    pub(super) fn held_for_too_long(&mut self) {
        self.give_up("The callee put us on hold and did not come back.");
    }

    /// Nobody says anything.
    pub(super) fn silence_due(&mut self) {
        self.idle_since = None;
        self.last_heard = self.now;
        let failing = self.failing();
        let unheard = |id| self.sentences.sentence(id).is_some_and(|question| !question.was_heard());
        // A question that a noise cut off was not asked. One that our voice did not speak is not asked for ever.
        if failing.is_some() || !self.asked_in.is_some_and(unheard) {
            self.asked += 1;
        }
        self.line.asked_to_wait = false;
        self.log("silence", json!({ "asked": self.asked }));
        if self.asked < 2 {
            self.asked_in = Some(self.say_alone(Phrase::StillThere));
        } else if let Some(provider) = failing {
            // Whose words were lost, or who did not hear ours, did not fall silent.
            let detail = format!("Nobody spoke any more after a failure of the {}.", provider.noun());
            self.say_trouble(Some(provider), &detail);
        } else {
            let detail = if self.floor.words_heard { "The callee fell silent." } else { "Nobody spoke after the answer." };
            self.say_goodbye(Phrase::Goodbye, detail);
        }
    }
}
