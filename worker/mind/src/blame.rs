//! Whether a callee who hangs up, or falls silent, does so because one of our own services did not work.

use offhook::provider::Provider;
use offhook_types::ids::Millis;

use super::mind::Mind;

/// Utterances in a row of which the recogniser made nothing usable, after which a callee who hangs up does so because of that.
const UNUSABLE: u32 = 3;

/// How long nobody has been heard while the callee's last words wait for an answer of the model's: neither their own speech nor ours
/// counts, and no hold.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct DeadAir {
    /// They said something, and no sentence of the model's has begun since.
    pub owed: bool,
    /// Dead air before the current stretch, in ms.
    before: Millis,
    /// Since when the current stretch lasts.
    since: Option<Millis>,
}

impl DeadAir {
    fn lasted(&self, now: Millis) -> Millis {
        self.before + self.since.map_or(0, |since| now.saturating_sub(since))
    }
}

impl Mind {
    /// Keeps the clock of dead air, whatever happened.
    pub(super) fn watch_dead_air(&mut self) {
        if !self.dead_air.owed {
            self.dead_air = DeadAir::default();
            return;
        }
        let dead = self.floor.speaking.is_none() && !self.sentences.is_audible() && self.line.held_since.is_none();
        self.dead_air = match self.dead_air.since {
            None if dead => DeadAir { since: Some(self.now), ..self.dead_air },
            Some(_) if !dead => DeadAir { before: self.dead_air.lasted(self.now), since: None, ..self.dead_air },
            _ => self.dead_air,
        };
    }

    /// The provider because of which a callee hangs up who does so now: it kept their last words without an answer for longer than a
    /// person waits. `None` where everything is on its way, and where they would have heard nothing anyway.
    pub(super) fn unserved(&self) -> Option<Provider> {
        if self.line.held_since.is_some() || self.line.absent_since.is_some() || !self.line.media_came {
            return None;
        }
        if self.floor.unusable >= UNUSABLE {
            return Some(Provider::SpeechToText);
        }
        let patience = self.patience_with_providers();
        if self.sentences.sentences.values().any(|sentence| sentence.by_model && sentence.has_begun()) {
            let waited = self.dead_air.owed && self.dead_air.lasted(self.now) >= patience;
            return waited.then(|| self.failing().or_else(|| self.slowest(0)).or_else(|| self.interrupted_model())).flatten();
        }
        self.failing().or_else(|| self.slowest(patience))
    }

    /// How long a person waits before a silence of ours is our fault: half of the time that a provider has. Who hangs up on it refuses
    /// nothing.
    pub(super) fn patience_with_providers(&self) -> Millis {
        self.settings.limits.provider_first.as_millis() as Millis / 2
    }

    /// The provider whose last answer was a failure.
    pub(super) fn failing(&self) -> Option<Provider> {
        if self.sentences.failures > 0 {
            Some(Provider::TextToSpeech)
        } else if self.reply_failures > 0 {
            Some(Provider::Chat)
        } else if self.floor.failures > 0 {
            Some(Provider::SpeechToText)
        } else {
            None
        }
    }

    /// The provider that has been waited for longest, for so long at least.
    fn slowest(&self, patience: Millis) -> Option<Provider> {
        let lasts = |since: Millis| self.now.saturating_sub(since.max(self.line.taken_back));
        let voice = self.sentences.front().filter(|(_, sentence)| !sentence.has_begun()).map(|(_, front)| lasts(front.requested));
        let model = self.reply.as_ref().filter(|reply| !reply.spoke).map(|reply| lasts(reply.asked));
        let recogniser = self.floor.transcribing.values().map(|utterance| lasts(utterance.asked)).max();
        [(voice, Provider::TextToSpeech), (model, Provider::Chat), (recogniser, Provider::SpeechToText)]
            .into_iter()
            .filter_map(|(lasts, provider)| Some((lasts.filter(|lasts| *lasts >= patience)?, provider)))
            .max_by_key(|(lasts, _)| *lasts)
            .map(|(_, provider)| provider)
    }

    /// The model, where the callee spoke again before it had answered: it is not asked at the moment.
    fn interrupted_model(&self) -> Option<Provider> {
        self.floor.unanswered.then_some(Provider::Chat)
    }
}
