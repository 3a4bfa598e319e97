//! The callee speaks while we do: we are silent at once, and go on only if they wanted nothing.

use offhook_types::ids::{Generation, Millis, SentenceId};
use serde_json::json;

use super::{
    action::Action,
    mind::{Interruption, Mind, Phase},
    sentence_queue::Sentence,
    understanding,
};

/// How long a goodbye that was interrupted may wait for the callee, in ms.
const INTERRUPTED_GOODBYE: Millis = 15_000;
/// Words left unsaid below which a nod is taken for the answer to what was said.
const WORTH_RESUMING: usize = 3;

impl Mind {
    /// The callee has begun to speak.
    pub(super) fn give_way(&mut self) {
        match &mut self.phase {
            Phase::Talking => {}
            Phase::Closing(closing) if !closing.forced => {
                closing.paused = true;
                closing.until = self.now + INTERRUPTED_GOODBYE;
            }
            _ => return,
        }
        let begun = self.sentences.is_audible() || self.sentences.has_begun(self.generation);
        let complete = self.reply.is_none();
        let busy = self.sentences.is_busy();
        if complete && !busy {
            return;
        }
        self.stop_thinking();
        let sentences = self.stop_speaking();
        if begun {
            self.log("barge_in", json!({ "generation": self.generation, "sentences": sentences.len() }));
            let earlier = self.interruption.take();
            self.interruption = Some(Interruption {
                complete: complete && earlier.as_ref().is_none_or(|earlier| earlier.complete),
                sentences: earlier.map(|earlier| earlier.sentences).into_iter().flatten().chain(sentences).collect(),
            });
        } else if self.answering {
            // They go on before they heard us: both is to be answered.
            self.floor.unanswered = true;
        }
    }

    pub(super) fn stop_thinking(&mut self) {
        if self.reply.take().is_some() {
            self.actions.push(Action::StopThinking);
        }
    }

    /// The model is not waited for any more; what it still sends is dropped.
    pub(super) fn stop_asking(&mut self, generation: Generation) {
        if self.reply.as_ref().is_some_and(|reply| reply.generation == generation) {
            self.actions.push(Action::StopThinking);
        }
    }

    pub(super) fn stop_speaking(&mut self) -> Vec<SentenceId> {
        if !self.sentences.is_busy() {
            return Vec::new();
        }
        self.actions.push(Action::StopSpeaking);
        self.sentences.stop()
    }

    /// Whether these words leave us the floor: a mere nod, and something worth saying is left.
    pub(super) fn may_resume(&self, text: &str) -> bool {
        let Some(interruption) = &self.interruption else { return false };
        let left: usize = interruption.sentences.iter().map(|id| self.unheard(*id).split_whitespace().count()).sum();
        understanding::is_backchannel(text) && (!interruption.complete || left >= WORTH_RESUMING)
    }

    /// Says again what was not heard; a model that was cut short is asked again instead.
    pub(super) fn resume(&mut self, interruption: &Interruption) {
        let rest: Vec<String> = interruption
            .sentences
            .iter()
            // What the callee must hear comes whole, and by itself.
            .filter(|id| !self.disclosure.contains(**id) && !self.reads_back(**id))
            .map(|id| self.unheard(*id))
            .filter(|text| text.contains(char::is_alphanumeric))
            .collect();
        if !interruption.complete {
            self.reply(None);
            return;
        }
        self.log("resume", json!({ "sentences": rest.len() }));
        self.begin_generation();
        self.answering = true;
        self.disclose();
        for text in rest {
            self.say_for_the_model(text);
        }
    }

    fn unheard(&self, id: SentenceId) -> String {
        self.sentences.sentence(id).map(Sentence::unheard).unwrap_or_default()
    }
}
