//! The agent's sentences on their way to the callee: what was heard of each, as the playout tells it.

use std::collections::BTreeMap;

use offhook::{language::Language, turn::Speaker};
use offhook_speaking::spoken;
use offhook_types::{
    audio::MediaTime,
    ids::{Generation, Millis, SentenceId},
    playout::PlayoutEvent,
};
use serde_json::json;

use super::{
    action::Action,
    conversation::Mind,
    turns::{Said, TurnKey},
};

/// Failures of the voice in a row that end the call.
const VOICE_FAILURES: u32 = 3;
/// A sentence of which this share was played counts as heard in full.
const HEARD: f32 = 0.97;

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
    pub language: Language,
    pub progress: Progress,
    turn: Option<TurnKey>,
    began: (Millis, MediaTime),
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

    /// Whether all of it was heard, or will be.
    pub fn is_delivered(&self) -> bool {
        match self.progress {
            Progress::Queued | Progress::Playing | Progress::Played => true,
            Progress::Cut(share) => share >= HEARD,
            Progress::Stopping | Progress::Unheard => false,
        }
    }
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
pub(super) struct Voice {
    sentences: BTreeMap<SentenceId, Sentence>,
    /// The agent's turn that may still grow.
    turn: Option<(TurnKey, Generation)>,
    failures: u32,
    next: u32,
}

impl Voice {
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

    /// What `StopSpeaking` does to the queue; answers what was cut or dropped, in order.
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

impl Mind {
    /// Asks for one sentence, after all others of the current generation.
    pub(super) fn say(&mut self, text: String) -> SentenceId {
        let sentence = SentenceId { generation: self.generation, index: self.voice.next };
        let language = self.tongue.current();
        self.voice.next += 1;
        self.actions.push(Action::Speak { sentence, text: text.clone(), language });
        let began = (self.now, MediaTime::default());
        self.voice.sentences.insert(sentence, Sentence { text, language, progress: Progress::Queued, turn: None, began });
        sentence
    }

    /// What the playout reports of a sentence.
    pub(super) fn played(&mut self, event: PlayoutEvent) {
        match event {
            PlayoutEvent::Started { sentence, at } => self.sentence_started(sentence, at),
            PlayoutEvent::Played { sentence, at } => self.sentence_ended(sentence, Progress::Played, at),
            PlayoutEvent::Cut { sentence, at, share } => self.sentence_cut(sentence, at, share),
        }
    }

    fn sentence_started(&mut self, id: SentenceId, at: MediaTime) {
        let Some(sentence) = self.voice.sentences.get_mut(&id) else { return };
        sentence.progress = match sentence.progress {
            Progress::Queued => Progress::Playing,
            // It left before our wish for silence arrived.
            Progress::Unheard => Progress::Stopping,
            _ => return,
        };
        sentence.began = (self.now, at);
        self.voice.failures = 0;
        let open = self.voice.turn.filter(|(key, generation)| *generation == id.generation && self.ledger.is_last(*key));
        let key = open.map_or_else(|| self.ledger.open(Speaker::Agent, at), |(key, _)| key);
        self.voice.turn = Some((key, id.generation));
        if let Some(sentence) = self.voice.sentences.get_mut(&id) {
            sentence.turn = Some(key);
        }
    }

    fn sentence_cut(&mut self, id: SentenceId, at: MediaTime, share: f32) {
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        self.sentence_ended(id, Progress::Cut(share), at);
    }

    fn sentence_ended(&mut self, id: SentenceId, progress: Progress, at: MediaTime) {
        let Some(sentence) = self.voice.sentences.get_mut(&id) else { return };
        if matches!(sentence.progress, Progress::Played | Progress::Cut(_)) {
            return;
        }
        sentence.progress = progress;
        let delivered = sentence.is_delivered();
        self.voice.failures = 0;
        let key = match sentence.turn {
            Some(key) => key,
            None => {
                let key = self.ledger.open(Speaker::Agent, at);
                sentence.turn = Some(key);
                key
            }
        };
        let cut = matches!(progress, Progress::Cut(_));
        if cut && self.voice.turn.is_some_and(|(open, _)| open == key) {
            self.voice.turn = None;
        }
        self.write_agent_turn(key, at, cut);
        if delivered {
            self.heard_in_full(id, at);
        }
    }

    fn write_agent_turn(&mut self, key: TurnKey, ended: MediaTime, interrupted: bool) {
        let parts: Vec<&Sentence> = self
            .voice
            .sentences
            .values()
            .filter(|part| part.turn == Some(key) && matches!(part.progress, Progress::Played | Progress::Cut(_)))
            .collect();
        let heard: Vec<String> = parts.iter().map(|part| part.heard()).filter(|text| !text.is_empty()).collect();
        let language = parts.last().map(|part| part.language);
        if heard.is_empty() {
            self.ledger.forget(key);
        } else {
            self.ledger.write(key, Said { language, text: heard.join(" "), ended, interrupted });
        }
    }

    pub(super) fn sentence_failed(&mut self, id: SentenceId, error: &str) {
        let Some(sentence) = self.voice.sentences.get_mut(&id) else { return };
        if matches!(sentence.progress, Progress::Played | Progress::Cut(_)) {
            return;
        }
        sentence.progress = Progress::Unheard;
        let turn = sentence.turn;
        if let Some(key) = turn {
            self.ledger.forget(key);
        }
        self.voice.failures += 1;
        self.log("voice_failed", json!({ "error": error, "in_a_row": self.voice.failures }));
        if self.voice.failures >= VOICE_FAILURES {
            // Without a voice there is no goodbye.
            self.give_up(&format!("The voice failed {VOICE_FAILURES} times in a row: {error}"));
        }
    }

    /// The line is down: what was playing was heard as far as its time allows (about 65 ms for a letter).
    pub(super) fn guess_what_was_heard(&mut self) {
        let playing: Vec<(SentenceId, MediaTime, f32)> = self
            .voice
            .sentences
            .iter()
            .filter(|(_, sentence)| matches!(sentence.progress, Progress::Playing | Progress::Stopping))
            .map(|(id, sentence)| {
                let elapsed = self.now.saturating_sub(sentence.began.0);
                let length = spoken(&sentence.text, sentence.language).chars().count() as f32 * 65.0;
                (*id, MediaTime(sentence.began.1.0 + elapsed), (elapsed as f32 / length.max(1.0)).min(1.0))
            })
            .collect();
        for (id, at, share) in playing {
            self.sentence_cut(id, at, share);
        }
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
