//! Saying sentences, and keeping the transcript of what was heard of them.

use offhook::turn::Speaker;
use offhook_types::{audio::MediaTime, ids::SentenceId, playout::PlayoutEvent};
use serde_json::json;

use super::{
    action::Action,
    mind::Mind,
    sentence_queue::{Progress, Sentence, estimated_length},
    turns::{Said, TurnKey},
};

impl Mind {
    /// Asks for one sentence, after all others of the current generation.
    pub(super) fn say(&mut self, text: String) -> SentenceId {
        self.queue(text, false)
    }

    /// Asks for one sentence that the model wrote.
    pub(super) fn say_for_the_model(&mut self, text: String) -> SentenceId {
        self.queue(text, true)
    }

    fn queue(&mut self, text: String, by_model: bool) -> SentenceId {
        self.request(Sentence {
            text,
            by_model,
            language: self.language.current(),
            progress: Progress::Queued,
            turn: None,
            asked: self.now,
            requested: self.now,
            repeats: 0,
            failed_ahead: None,
            ended: None,
            began: (self.now, MediaTime::default()),
        })
    }

    /// Asks for the voice of a sentence, after all others of the current generation.
    pub(super) fn request(&mut self, sentence: Sentence) -> SentenceId {
        let id = SentenceId { generation: self.generation, index: self.sentences.next };
        self.sentences.next += 1;
        self.actions.push(Action::Speak { sentence: id, text: sentence.text.clone(), language: sentence.language });
        self.sentences.sentences.insert(id, sentence);
        id
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
        let Some(sentence) = self.sentences.sentences.get_mut(&id) else { return };
        sentence.progress = match sentence.progress {
            Progress::Queued => Progress::Playing,
            // It left before our wish for silence arrived.
            Progress::Unheard => Progress::Stopping,
            _ => return,
        };
        sentence.began = (self.now, at);
        let open = self.sentences.turn.filter(|(key, generation)| *generation == id.generation && self.turns.is_last(*key));
        let key = open.map_or_else(|| self.turns.open(Speaker::Agent, at), |(key, _)| key);
        self.sentences.turn = Some((key, id.generation));
        if let Some(sentence) = self.sentences.sentences.get_mut(&id) {
            sentence.turn = Some(key);
            self.dead_air.owed &= !sentence.by_model;
        }
    }

    fn sentence_cut(&mut self, id: SentenceId, at: MediaTime, share: f32) {
        let share = if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) };
        self.sentence_ended(id, Progress::Cut(share), at);
    }

    fn sentence_ended(&mut self, id: SentenceId, progress: Progress, at: MediaTime) {
        let Some(sentence) = self.sentences.sentences.get_mut(&id) else { return };
        if matches!(sentence.progress, Progress::Played | Progress::Cut(_)) {
            return;
        }
        sentence.progress = progress;
        sentence.ended = Some(self.now);
        let delivered = sentence.is_delivered();
        self.sentences.last_end = self.now;
        self.last_heard = self.now;
        self.sentences.failures = 0;
        let key = match sentence.turn {
            Some(key) => key,
            None => {
                let key = self.turns.open(Speaker::Agent, at);
                sentence.turn = Some(key);
                key
            }
        };
        let cut = matches!(progress, Progress::Cut(_));
        if cut && self.sentences.turn.is_some_and(|(open, _)| open == key) {
            self.sentences.turn = None;
        }
        self.write_agent_turn(key, at, cut);
        if delivered {
            self.heard_in_full(id, at);
        }
        self.fail_ahead();
    }

    pub(super) fn write_agent_turn(&mut self, key: TurnKey, ended: MediaTime, interrupted: bool) {
        let parts: Vec<&Sentence> = self
            .sentences
            .sentences
            .values()
            .filter(|part| part.turn == Some(key) && matches!(part.progress, Progress::Played | Progress::Cut(_)))
            .collect();
        let heard: Vec<String> = parts.iter().map(|part| part.heard()).filter(|text| !text.is_empty()).collect();
        let language = parts.last().map(|part| part.language);
        if heard.is_empty() {
            self.turns.forget(key);
        } else {
            self.turns.write(key, Said { language, text: heard.join(" "), ended, interrupted });
        }
    }

    /// A sentence took too long: it never began, or its end was not told.
    pub(super) fn sentence_overdue(&mut self, id: SentenceId) {
        match self.sentences.sentence(id).map(|sentence| (sentence.progress, sentence.began)) {
            Some((Progress::Playing, (since, at))) => {
                self.log("playout_overdue", json!({ "generation": id.generation, "index": id.index }));
                self.sentence_ended(id, Progress::Played, MediaTime(at.0 + self.now.saturating_sub(since)));
            }
            Some(_) => self.sentence_failed(id, "its sound did not come in time", false),
            None => {}
        }
    }

    /// The line is down: what was playing was heard as far as its time allows .
    pub(super) fn guess_what_was_heard(&mut self) {
        let until = self.line.down.unwrap_or(self.now);
        let playing: Vec<(SentenceId, MediaTime, f32)> = self
            .sentences
            .sentences
            .iter()
            .filter(|(_, sentence)| matches!(sentence.progress, Progress::Playing | Progress::Stopping))
            .map(|(id, sentence)| {
                let elapsed = until.saturating_sub(sentence.began.0);
                let length = estimated_length(&sentence.text, sentence.language).max(1);
                (*id, MediaTime(sentence.began.1.0 + elapsed), (elapsed as f32 / length as f32).min(1.0))
            })
            .collect();
        for (id, at, share) in playing {
            self.sentence_cut(id, at, share);
        }
    }
}
