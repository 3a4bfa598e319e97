//! A sentence that the voice failed to speak, or broke off, was not heard: it is said once more, in its place.

use offhook_types::ids::SentenceId;
use serde_json::json;

use super::{
    action::Action,
    mind::{Mind, Phase},
    sentence_queue::{Progress, Sentence, estimated_length},
};

/// Failures of the voice in a row that end the call.
const VOICE_FAILURES: u32 = 3;
/// How often a sentence is said again. One that no voice can speak is left out then: the others may still be heard.
const REPEATS: u32 = 1;
/// The most of a sentence that counts as heard where its sound broke off.
const BROKEN_OFF: f32 = 0.9;

impl Mind {
    /// The voice failed. Of a sentence whose turn has not come, that counts when it comes: until then the callee misses nothing.
    pub(super) fn sentence_failed(&mut self, id: SentenceId, error: &str, broke_off: bool) {
        let ahead = self.sentences.front().is_some_and(|(front, _)| front < id);
        if let Some(sentence) = self.sentences.sentences.get_mut(&id)
            && sentence.progress == Progress::Queued
            && ahead
        {
            sentence.failed_ahead = Some(error.to_owned());
            return;
        }
        let turn_came = self.sentences.last_end;
        let Some(waited_for) = self.not_spoken(id, broke_off) else { return };
        self.sentences.failures += 1;
        self.log("voice_failed", json!({ "error": error, "broke_off": broke_off, "in_a_row": self.sentences.failures }));
        if self.sentences.failures >= VOICE_FAILURES {
            // Without a voice there is no goodbye.
            self.give_up_without_voice(&format!("The voice failed {VOICE_FAILURES} times in a row: {error}"));
        } else if waited_for {
            let requested = self.sentences.sentence(id).map_or(self.now, |sentence| sentence.requested);
            if broke_off || self.now < requested.max(turn_came) + self.patience_with_providers() {
                self.say_again(id);
            }
            self.fail_ahead();
        }
    }

    /// Notes how much was heard of a sentence that failed. Returns whether it was still to be heard; `None` where it has ended before.
    pub(super) fn not_spoken(&mut self, id: SentenceId, broke_off: bool) -> Option<bool> {
        let now = self.now;
        let sentence = self.sentences.sentences.get_mut(&id)?;
        let before = sentence.progress;
        if matches!(before, Progress::Played | Progress::Cut(_)) {
            return None;
        }
        let audible = broke_off && matches!(before, Progress::Playing | Progress::Stopping);
        let elapsed = now.saturating_sub(sentence.began.0);
        sentence.progress = if audible {
            let length = estimated_length(&sentence.text, sentence.language).max(1);
            Progress::Cut((elapsed as f32 / length as f32).min(BROKEN_OFF))
        } else {
            Progress::Unheard
        };
        sentence.ended = Some(now);
        let (turn, mut until) = (sentence.turn, sentence.began.1);
        self.sentences.last_end = now;
        if audible {
            self.last_heard = now;
            until.0 += elapsed;
        }
        if let Some(key) = turn {
            // What was heard before it stays in the transcript.
            self.write_agent_turn(key, until, audible);
            if audible && self.sentences.turn.is_some_and(|(open, _)| open == key) {
                self.sentences.turn = None;
            }
        }
        Some(matches!(before, Progress::Queued | Progress::Playing))
    }

    /// A sentence whose voice failed ahead of its turn fails when its turn comes.
    pub(super) fn fail_ahead(&mut self) {
        if !matches!(self.phase, Phase::Leaving(_))
            && let Some((id, sentence)) = self.sentences.front()
            && let Some(error) = sentence.failed_ahead.clone()
        {
            self.sentence_failed(id, &error, false);
        }
    }

    /// Says a sentence again that the voice failed to speak, and behind it what waited behind it. A voice that took long to fail is not
    /// asked for the same again: the callee would hear nothing for as long once more.
    fn say_again(&mut self, failed: SentenceId) {
        let may_speak = matches!(self.phase, Phase::Greeting { .. } | Phase::Talking | Phase::Closing(_));
        let repeated = self.sentences.sentence(failed).is_some_and(|sentence| sentence.repeats >= REPEATS);
        if !may_speak || repeated {
            return;
        }
        // Also what the voice may still be sending of it is dropped.
        self.actions.push(Action::StopSpeaking);
        let behind = self.sentences.stop();
        for (id, repeats) in std::iter::once((failed, 1)).chain(behind.into_iter().map(|id| (id, 0))) {
            let Some(sentence) = self.sentences.sentence(id).cloned() else { continue };
            let again = self.request(Sentence {
                progress: Progress::Queued,
                turn: None,
                requested: self.now,
                repeats: sentence.repeats + repeats,
                failed_ahead: None,
                ended: None,
                ..sentence
            });
            self.renamed(id, again);
        }
    }

    /// What is known of a sentence by its name is known by its new one.
    fn renamed(&mut self, from: SentenceId, to: SentenceId) {
        let rename = |name: &mut Option<SentenceId>| {
            if *name == Some(from) {
                *name = Some(to);
            }
        };
        self.disclosure.duties.iter_mut().for_each(|duty| rename(&mut duty.sentence));
        rename(&mut self.correction.sentence);
        rename(&mut self.asked_in);
        if let Some(read_back) = &mut self.read_back {
            rename(&mut read_back.sentence);
        }
    }
}
