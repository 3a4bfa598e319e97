//! Where each event goes, and what follows from the new state whichever event led to it.

use offhook_types::ids::Millis;

use super::{
    action::Action,
    event::Event,
    mind::{Mind, Phase},
};

impl Mind {
    /// Takes one event at `now` (which never goes back) and returns what is to be done. After `Action::Finish` nothing is ever
    /// returned again.
    pub fn handle(&mut self, event: Event, now: Millis) -> Vec<Action> {
        self.now = self.now.max(now);
        match self.phase {
            Phase::Over => return Vec::new(),
            Phase::Ringing => self.while_ringing(event),
            Phase::Leaving(_) => self.while_leaving(event),
            Phase::Greeting { .. } | Phase::Talking | Phase::Closing(_) => self.while_connected(event),
        }
        self.settle();
        std::mem::take(&mut self.actions)
    }

    fn while_ringing(&mut self, event: Event) {
        match event {
            Event::Answered => self.answered(),
            Event::LineEnded(end) => self.line_ended(&end),
            Event::Stop(reason) => self.stop(reason),
            _ => {}
        }
    }

    fn while_connected(&mut self, event: Event) {
        match event {
            Event::Answered => {}
            Event::LineEnded(end) => self.line_ended(&end),
            Event::Media(presence) => self.media(presence),
            Event::Held(held) => self.held(held),
            Event::Stop(reason) => self.stop(reason),
            Event::Heard(heard) => self.heard(heard),
            Event::Transcribed { utterance, transcript } => self.transcribed(utterance, &transcript),
            Event::TranscriptionFailed { utterance, error } => self.transcription_failed(utterance, &error),
            Event::ReplyText { generation, text } => self.reply_text(generation, &text),
            Event::ReplyToolCall { generation, call } => self.reply_tool_call(generation, call),
            Event::ReplyEnded { generation } => self.reply_ended(generation),
            Event::ReplyFailed { generation, error } => self.reply_failed(generation, &error),
            Event::Playout(event) => self.played(event),
            Event::SentenceFailed { sentence, error, broke_off } => self.sentence_failed(sentence, &error, broke_off),
            Event::ToolJournaled { number, known } => self.tool_journaled(number, known),
            Event::ToolNotJournaled { number, error } => self.tool_not_journaled(number, &error),
            Event::Wake => self.wake(),
        }
    }

    /// The line is down. What was said before counts; nothing new is begun.
    fn while_leaving(&mut self, event: Event) {
        match event {
            Event::Heard(heard) => self.heard_last(heard),
            Event::Transcribed { utterance, transcript } => self.last_words(utterance, &transcript),
            Event::TranscriptionFailed { utterance, .. } => {
                self.forget_utterance(utterance);
            }
            Event::ToolJournaled { number, known } => self.tool_journaled(number, known),
            Event::ToolNotJournaled { number, error } => self.tool_not_journaled(number, &error),
            Event::Playout(event) => self.played(event),
            Event::SentenceFailed { sentence, broke_off, .. } => {
                self.not_spoken(sentence, broke_off);
            }
            Event::Wake => self.wake(),
            _ => {}
        }
    }

    fn settle(&mut self) {
        self.go_on();
        self.end_where_due();
        if self.phase == Phase::Over {
            return;
        }
        self.watch_silence();
        self.watch_dead_air();
        let turns = self.turns.flush();
        self.actions.extend(turns.into_iter().map(Action::Record));
        if let Some(moment) = self.rearm() {
            self.actions.push(Action::WakeAt(moment));
        }
    }
}
