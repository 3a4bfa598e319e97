//! The callee's side: utterances, their transcripts, and what they call for.

use offhook::{provider::Provider, turn::Speaker};
use offhook_types::{audio::MediaTime, hearing::EarEvent, ids::UtteranceId, transcript::Transcript};
use serde_json::json;

use super::{
    action::Action,
    agreement::NOT_AS_READ_BACK,
    do_not_call,
    doubt::{decides, is_certain, is_not_heard},
    floor::Utterance,
    mind::{Mind, Phase},
    phrases::Phrase,
    turns::Said,
    understanding,
    who_answered::{WhoAnswered, judge},
};

/// Utterances in a row that were not understood, after which we ask to repeat, and after which we give up.
const ASK_TO_REPEAT: u32 = 2;
const NOT_UNDERSTOOD: u32 = 5;
/// The callee's first turns, in which a machine may still turn out to be one.
const JUDGED_TURNS: u32 = 3;

impl Mind {
    pub(super) fn heard(&mut self, event: EarEvent) {
        match event {
            EarEvent::SpeechStarted { at } => self.speech_started(at),
            EarEvent::SpeechEnded { utterance, started, ended } => self.speech_ended(utterance, started, ended),
            EarEvent::Beep { .. } => self.beep(),
            EarEvent::Flushed => {}
        }
    }

    /// What the ear had still to tell when the line went down.
    pub(super) fn heard_last(&mut self, event: EarEvent) {
        match event {
            EarEvent::SpeechStarted { at } if self.floor.speaking.is_none() => {
                self.floor.speaking = Some((self.turns.open(Speaker::Callee, at), self.now));
            }
            EarEvent::SpeechEnded { utterance, started, ended } => self.speech_ended(utterance, started, ended),
            EarEvent::Flushed => {
                self.forget_speech();
                if let Phase::Leaving(closing) = &mut self.phase {
                    closing.flushed = true;
                }
            }
            EarEvent::SpeechStarted { .. } | EarEvent::Beep { .. } => {}
        }
    }

    /// The end of what is being said will not be told.
    pub(super) fn forget_speech(&mut self) {
        if let Some((turn, _)) = self.floor.speaking.take() {
            self.turns.forget(turn);
        }
    }

    fn speech_started(&mut self, at: MediaTime) {
        self.last_heard = self.now;
        if self.floor.speaking.is_some() {
            return;
        }
        self.floor.speaking = Some((self.turns.open(Speaker::Callee, at), self.now));
        if self.is_reading_back() {
            self.guard_read_back();
        } else {
            self.give_way();
        }
    }

    fn speech_ended(&mut self, utterance: UtteranceId, started: MediaTime, ended: MediaTime) {
        self.last_heard = self.now;
        self.floor.last_sound = self.now;
        self.dead_air.owed = true;
        self.floor.guarded_until = None;
        let turn = match self.floor.speaking.take() {
            Some((turn, _)) => turn,
            None => self.turns.open(Speaker::Callee, started),
        };
        if let Some(before) =
            self.floor.transcribing.insert(utterance, Utterance { turn, started, ended, asked: self.now, hinted: false })
        {
            self.turns.forget(before.turn);
        }
        self.actions.push(Action::Transcribe { utterance, language: self.language.hint() });
    }

    pub(super) fn transcribed(&mut self, utterance: UtteranceId, transcript: &Transcript) {
        let Some(heard) = self.floor.transcribing.remove(&utterance) else { return };
        self.floor.failures = 0;
        let text = transcript.text.trim();
        if text.is_empty() {
            self.turns.forget(heard.turn);
            self.made_nothing_of(&heard);
        } else if !self.is_to_be_heard_again(utterance, &heard, transcript) {
            self.understood(&heard, text, transcript);
        }
    }

    pub(super) fn transcription_failed(&mut self, utterance: UtteranceId, error: &str) {
        if !self.forget_utterance(utterance) {
            return;
        }
        self.floor.failures += 1;
        self.log("recogniser_failed", json!({ "error": error, "in_a_row": self.floor.failures }));
        if self.floor.failures >= 2 {
            self.say_trouble(Some(Provider::SpeechToText), &format!("The recogniser failed twice in a row: {error}"));
        } else {
            self.not_understood();
        }
    }

    /// Nothing will be known of this utterance; returns whether it was waited for.
    pub(super) fn forget_utterance(&mut self, utterance: UtteranceId) -> bool {
        let Some(heard) = self.floor.transcribing.remove(&utterance) else { return false };
        self.turns.forget(heard.turn);
        true
    }

    /// A transcript that came after the line went down: for the record only.
    pub(super) fn last_words(&mut self, utterance: UtteranceId, transcript: &Transcript) {
        let Some(heard) = self.floor.transcribing.remove(&utterance) else { return };
        let text = transcript.text.trim();
        if text.is_empty() || is_not_heard(transcript) {
            self.log_doubted("not_heard", transcript);
            self.turns.forget(heard.turn);
            return;
        }
        self.record_callee(&heard, text, transcript);
    }

    /// Takes the words down; returns whether they contest what was read back.
    fn record_callee(&mut self, heard: &Utterance, text: &str, transcript: &Transcript) -> bool {
        let language = transcript.language.or(Some(self.language.current()));
        self.turns.write(heard.turn, Said { language, text: text.to_owned(), ended: heard.ended, interrupted: false });
        self.floor.words_heard = true;
        self.floor.last_turn = Some(heard.turn);
        self.about_the_recording(text, heard.started);
        let contested = self.answer_to_read_back(heard, text, is_certain(transcript));
        self.note_words(text);
        self.note_promise(text);
        if do_not_call::asks_not_to_call(text) {
            self.outcome.do_not_call = true;
        }
        contested
    }

    fn understood(&mut self, heard: &Utterance, text: &str, transcript: &Transcript) {
        if matches!(&self.phase, Phase::Closing(closing) if closing.forced) {
            self.record_callee(heard, text, transcript);
            return;
        }
        let before = self.language.current();
        // What is doubted turns no conversation around.
        let switched = is_certain(transcript) && self.language.hear(text, transcript.language);
        if !switched && transcript.language.is_none_or(|language| language == before) && understanding::words(text).len() > 1 {
            self.disclosure.answered(&self.sentences);
        }
        let contested = self.record_callee(heard, text, transcript);
        let doubted = self.is_doubted(text, transcript);
        if self.floor.doubted {
            self.history.callee(&format!("(not heard for certain: {text})"));
        } else {
            self.history.callee(text);
        }
        if contested {
            self.history.callee(NOT_AS_READ_BACK);
        }
        self.floor.unclear = 0;
        self.floor.unusable = 0;
        self.floor.ask_again = false;
        self.floor.turns += 1;
        self.floor.last_words = self.now;
        self.chain = 0;
        self.asked = 0;
        self.line.asked_to_wait = false;
        let answerer = judge(text, Some(self.language.current()));
        if self.floor.turns <= JUDGED_TURNS && matches!(answerer, WhoAnswered::Voicemail | WhoAnswered::Menu) {
            self.machine_answered(answerer);
            return;
        }
        if switched {
            self.switch_language(before);
        }
        if self.end_after_goodbye(text) {
            return;
        }
        if matches!(self.phase, Phase::Greeting { .. }) {
            self.phase = Phase::Talking;
        }
        if answerer == WhoAnswered::Hold && understanding::only_asks_to_wait(text) && !decides(text) {
            // What we say now, nobody hears; who comes back must hear the opening too.
            self.line.asked_to_wait = true;
            self.dead_air.owed = false;
            self.interruption = None;
            self.log("hold", json!({ "text": text, "by": "words" }));
            return;
        }
        if self.is_reading_back() && self.interruption.is_none() {
            if understanding::is_backchannel(text) {
                return;
            }
            self.give_way();
            self.interruption = None;
        }
        if self.is_late_greeting(heard) {
            return;
        }
        if doubted && self.interruption.is_none() {
            self.floor.ask_whether = Some(text.to_owned());
        } else if !self.may_resume(text) {
            self.interruption = None;
            self.floor.ask_whether = None;
            self.floor.unanswered = true;
        }
    }

    /// Whether this is the greeting, understood only after we began to speak: what we have asked meanwhile is still to be answered.
    fn is_late_greeting(&self, heard: &Utterance) -> bool {
        let began =
            self.sentences.sentences.values().filter(|sentence| sentence.has_begun()).map(|sentence| sentence.began.1).min();
        self.floor.turns == 1 && began.is_some_and(|began| heard.ended < began) && self.interruption.is_none()
    }

    pub(super) fn not_understood(&mut self) {
        self.language.unsure();
        if self.is_reading_back() && self.interruption.is_none() {
            return;
        }
        if self.end_after_goodbye("") || self.interruption.is_some() || self.floor.unanswered {
            return;
        }
        if matches!(self.phase, Phase::Greeting { .. }) {
            // A greeting all the same: somebody took the call.
            self.phase = Phase::Talking;
            self.floor.unanswered = true;
            return;
        }
        self.floor.unclear += 1;
        self.log("not_understood", json!({ "in_a_row": self.floor.unclear }));
        if self.floor.unclear >= NOT_UNDERSTOOD {
            self.say_goodbye(Phrase::Goodbye, "The callee could not be understood.");
        } else if self.floor.unclear > ASK_TO_REPEAT {
            self.history.callee("(unintelligible)");
            self.floor.unanswered = true;
        } else {
            self.floor.ask_again = true;
        }
    }

    fn beep(&mut self) {
        if !self.floor.words_heard {
            self.machine_answered(WhoAnswered::Voicemail);
        }
    }
}
