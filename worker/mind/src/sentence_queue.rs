//! The agent's sentences and how far each has come, as the playout reports it. Only what was played was heard.

use std::collections::BTreeMap;

use offhook::language::Language;
use offhook_speaking::spoken;
use offhook_types::{
    audio::MediaTime,
    ids::{Generation, Millis, SentenceId},
};

use super::turns::TurnKey;

/// A sentence of which this share was played counts as heard in full.
const HEARD: f32 = 0.97;

/// Sentences whose voice is fetched beside the one that is heard. What is fetched and never spoken is paid for all the same.
pub const FETCHED_AHEAD: usize = 2;

/// How far a sentence has come.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Progress {
    /// Asked for.
    Queued,
    /// Its sound is leaving.
    Playing,
    /// It was playing when we asked for silence; the share is not known yet.
    Stopping,
    /// Heard in full.
    Played,
    /// Heard in part.
    Cut(f32),
    /// Never heard: dropped before it began, or without a voice.
    Unheard,
}

/// A sentence of the agent.
#[derive(Debug, Clone)]
pub(super) struct Sentence {
    pub text: String,
    /// The model wrote it; the others are fixed.
    pub by_model: bool,
    pub language: Language,
    pub progress: Progress,
    pub turn: Option<TurnKey>,
    /// When it was asked for, the first time.
    pub asked: Millis,
    /// When its voice was asked for: later, where it is said again.
    pub requested: Millis,
    /// How often it is being said again because the voice failed.
    pub repeats: u32,
    /// The voice failed before its turn came: for the log.
    pub failed_ahead: Option<String>,
    /// When it stopped being waited for: heard, cut, or failed.
    pub ended: Option<Millis>,
    /// When it began to be heard.
    pub began: (Millis, MediaTime),
}

impl Sentence {
    /// The words the callee heard; what is still on its way counts, for it will be heard unless somebody interrupts.
    pub fn heard(&self) -> String {
        match self.progress {
            Progress::Queued | Progress::Playing | Progress::Played => self.text.clone(),
            Progress::Stopping | Progress::Unheard => String::new(),
            Progress::Cut(share) => split(&self.text, share, self.language).0,
        }
    }

    /// The words the callee did not hear.
    pub fn unheard(&self) -> String {
        match self.progress {
            Progress::Queued | Progress::Playing | Progress::Played => String::new(),
            Progress::Stopping | Progress::Unheard => self.text.clone(),
            Progress::Cut(share) => split(&self.text, share, self.language).1,
        }
    }

    /// Whether all of it was heard.
    pub fn was_heard(&self) -> bool {
        self.progress == Progress::Played || matches!(self.progress, Progress::Cut(share) if share >= HEARD)
    }

    /// Whether it is being heard, or will be.
    pub fn is_waiting(&self) -> bool {
        matches!(self.progress, Progress::Queued | Progress::Playing)
    }

    /// Whether any of it was heard.
    pub fn has_begun(&self) -> bool {
        !matches!(self.progress, Progress::Queued | Progress::Unheard)
    }

    /// Whether all of it was heard, or will be.
    pub fn is_delivered(&self) -> bool {
        match self.progress {
            Progress::Queued | Progress::Playing | Progress::Played => true,
            Progress::Cut(share) => share >= HEARD,
            Progress::Stopping | Progress::Unheard => false,
        }
    }
}

/// About how long a sentence lasts when it is spoken, in ms: 65 ms for a letter.
pub(super) fn estimated_length(text: &str, language: Language) -> Millis {
    spoken(text, language).chars().count() as Millis * 65
}

/// Cuts `text` at the last word boundary within `share` of its sound. Words weigh as much as they are long when spoken.
pub(super) fn split(text: &str, share: f32, language: Language) -> (String, String) {
    if share >= HEARD {
        return (text.to_owned(), String::new());
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    let lengths: Vec<usize> = words.iter().map(|word| spoken(word, language).chars().count() + 1).collect();
    let played = lengths.iter().sum::<usize>() as f32 * share.max(0.0);
    let mut reached = 0;
    let heard = lengths.iter().take_while(|length| {
        reached += **length;
        reached as f32 <= played + 1.0
    });
    let count = heard.count();
    (words[..count].join(" "), words[count..].join(" "))
}

/// All sentences ever asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct SentenceQueue {
    pub sentences: BTreeMap<SentenceId, Sentence>,
    /// The agent's turn that may still grow.
    pub turn: Option<(TurnKey, Generation)>,
    /// Failures of the voice in a row.
    pub failures: u32,
    pub next: u32,
    /// When a sentence last stopped being heard, or failed.
    pub last_end: Millis,
}

impl SentenceQueue {
    /// The next generation's sentences count from 0.
    pub fn begin(&mut self) {
        self.next = 0;
    }

    pub fn sentence(&self, id: SentenceId) -> Option<&Sentence> {
        self.sentences.get(&id)
    }

    /// The sentences of one generation, in order.
    pub fn of(&self, generation: Generation) -> impl Iterator<Item = (&SentenceId, &Sentence)> {
        self.sentences.range(SentenceId { generation, index: 0 }..=SentenceId { generation, index: u32::MAX })
    }

    /// Something is playing or about to.
    pub fn is_busy(&self) -> bool {
        self.sentences.values().any(|sentence| matches!(sentence.progress, Progress::Queued | Progress::Playing))
    }

    /// Something is playing.
    pub fn is_audible(&self) -> bool {
        self.sentences.values().any(|sentence| sentence.progress == Progress::Playing)
    }

    /// Whether the callee has heard anything of this generation.
    pub fn has_begun(&self, generation: Generation) -> bool {
        self.of(generation).any(|(_, sentence)| !matches!(sentence.progress, Progress::Queued | Progress::Unheard))
    }

    /// The sentence whose sound is the next to come or is coming, in the order of speaking.
    pub fn front(&self) -> Option<(SentenceId, &Sentence)> {
        let waiting = |sentence: &&Sentence| matches!(sentence.progress, Progress::Queued | Progress::Playing);
        self.sentences.iter().find(|(_, sentence)| waiting(sentence)).map(|(id, sentence)| (*id, sentence))
    }

    /// When the voice of this sentence could be fetched: asked for, and near enough to its turn.
    pub fn fetched_from(&self, id: SentenceId, sentence: &Sentence) -> Millis {
        let before = self.sentences.range(..id).rev().nth(FETCHED_AHEAD);
        before.and_then(|(_, before)| before.ended).map_or(sentence.requested, |ended| ended.max(sentence.requested))
    }

    /// What `StopSpeaking` does to the queue; returns what was cut or dropped, in order.
    pub fn stop(&mut self) -> Vec<SentenceId> {
        let mut stopped = Vec::new();
        for (id, sentence) in &mut self.sentences {
            sentence.progress = match sentence.progress {
                Progress::Queued => Progress::Unheard,
                Progress::Playing => Progress::Stopping,
                _ => continue,
            };
            stopped.push(*id);
        }
        stopped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_cut_where_its_sound_was() {
        let text = "At 19:30 please for four";
        assert_eq!(split(text, 0.0, Language::En), (String::new(), text.to_owned()));
        // "half past seven in the evening" is most of it.
        assert_eq!(split(text, 0.5, Language::En).0, "At");
        assert_eq!(split(text, 0.72, Language::En).0, "At 19:30");
        assert_eq!(split(text, 0.98, Language::En).0, text);
        let (heard, rest) = split(text, 0.8, Language::En);
        assert_eq!(format!("{heard} {rest}"), text);
    }
}
