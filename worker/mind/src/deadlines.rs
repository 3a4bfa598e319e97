//! Every deadline of a conversation, worked out from its state: for the callee, for the whole call, and for each thing that was asked
//! for and is not answered. An answer that is lost on its way is a failure at its deadline, so nothing is waited for without end.

use offhook_types::ids::{Generation, Millis, SentenceId, UtteranceId};
use serde_json::json;

use super::{
    mind::{Mind, Phase},
    phrases::Phrase,
    sentence_queue::{Progress, estimated_length},
};

/// Added to the bound that a provider keeps itself: its own error comes first, where it comes, in ms.
pub(super) const GRACE: Millis = 1_000;
/// How long the journal may take, its disk included, in ms.
const JOURNAL: Millis = 5_000;
/// The longest an utterance lasts before the ear ends it (15 s), and some more, in ms.
const SPEECH: Millis = 16_000;
/// A sentence that plays for so many times its estimated length has been played.
const SLOWEST_VOICE: Millis = 2;
/// How long a reply may go on without a first sentence to say, in ms, beside the bound of its first piece.
const UNSPOKEN: Millis = 6_000;
/// How long a greeting may last before we speak all the same, in ms.
const LONGEST_GREETING: Millis = 8_000;

/// What is due at a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Due {
    /// The bound of closing or leaving.
    End,
    /// A line without RTP.
    Media,
    /// A hold by signalling.
    Hold,
    /// The whole call.
    Call,
    /// The callee did not greet: we speak first.
    Greeting,
    /// Somebody goes on speaking over the read-back.
    GiveWay,
    /// Words have waited for their answer while somebody goes on speaking.
    Answer,
    /// Nobody objects to the read-back.
    Objection,
    /// Nobody says anything.
    Silence,
    /// The end of what is being said was not told.
    Speech,
    /// No transcript came.
    Transcript(UtteranceId),
    /// The model gave no sign.
    Reply(Generation),
    /// The voice gave no sound, or the playout did not tell of its end.
    Sentence(SentenceId),
    /// The journal did not answer.
    Journal(u32),
}

impl Mind {
    /// The next deadline. Of two at the same moment the more final one.
    fn next_due(&self) -> Option<(Millis, Due)> {
        let mut next: Option<(Millis, Due)> = None;
        let mut add = |at: Option<Millis>, due: Due| {
            if let Some(at) = at
                && next.is_none_or(|(earliest, _)| at < earliest)
            {
                next = Some((at, due));
            }
        };
        let limits = &self.settings.limits;
        let first = limits.provider_first.as_millis() as Millis + GRACE;
        match &self.phase {
            Phase::Ringing | Phase::Over => return None,
            Phase::Closing(closing) | Phase::Leaving(closing) => add(Some(closing.until), Due::End),
            Phase::Greeting { .. } | Phase::Talking => {}
        }
        let leaving = matches!(self.phase, Phase::Leaving(_));
        if !leaving {
            add(self.without_media_until(), Due::Media);
            add(self.held_until(), Due::Hold);
        }
        if matches!(self.phase, Phase::Greeting { .. } | Phase::Talking) {
            add(Some(self.line.answered + limits.call.as_millis() as Millis), Due::Call);
        }
        if let Phase::Greeting { until } = self.phase {
            // Who speaks without end, or a radio, does not keep us from saying who we are.
            add(Some(if self.floor.is_quiet() { until } else { until + LONGEST_GREETING }), Due::Greeting);
        }
        if !leaving {
            add(self.floor.guarded_until, Due::GiveWay);
            if self.phase == Phase::Talking && !self.floor.is_quiet() && self.reply.is_none() && self.tool_calls.is_idle() {
                add(self.answer_until(), Due::Answer);
            }
            if matches!(&self.phase, Phase::Closing(_)) {
                add(self.objection_until(), Due::Objection);
            }
        }
        add(self.idle_since.map(|since| since + self.patience()), Due::Silence);
        add(self.floor.speaking.map(|(_, since)| since + SPEECH), Due::Speech);
        for (utterance, asked) in &self.floor.transcribing {
            add(Some(asked.asked + first), Due::Transcript(*utterance));
        }
        if let Some(reply) = &self.reply {
            let bound = if reply.begun { limits.provider_stall.as_millis() as Millis + GRACE } else { first };
            let unspoken = if reply.spoke || reply.called { Millis::MAX } else { reply.asked + first + UNSPOKEN };
            add(Some((reply.last_sign + bound).min(unspoken)), Due::Reply(reply.generation));
        }
        if !leaving {
            add(
                self.sentence_due(first).map(|(at, _)| at),
                self.sentence_due(first).map_or(Due::End, |(_, id)| Due::Sentence(id)),
            );
        }
        for (number, pending) in &self.tool_calls.pending {
            add(Some(pending.asked + JOURNAL), Due::Journal(*number));
        }
        next
    }

    /// When the sentence that is next to be heard, or is being heard, has taken too long. Nothing is played while we are held.
    fn sentence_due(&self, first: Millis) -> Option<(Millis, SentenceId)> {
        let (id, sentence) = self.sentences.front().filter(|_| self.line.held_since.is_none())?;
        let at = match sentence.progress {
            Progress::Playing => {
                let slow = SLOWEST_VOICE * estimated_length(&sentence.text, sentence.language);
                sentence.began.0.max(self.line.taken_back)
                    + slow
                    + self.settings.limits.provider_stall.as_millis() as Millis
                    + GRACE
            }
            // Its voice was fetched while those before it were heard.
            _ => {
                (self.sentences.fetched_from(id, sentence).max(self.line.taken_back) + first).max(self.sentences.last_end + GRACE)
            }
        };
        Some((at, id))
    }

    /// `Event::Wake`: everything that is due, in the order in which it was.
    pub(super) fn wake(&mut self) {
        self.armed = None;
        // Each deadline that has passed changes the state that made it; the bound only guards against one that does not.
        for _ in 0..64 {
            match self.next_due() {
                Some((at, due)) if at <= self.now => self.meet(due),
                _ => break,
            }
        }
    }

    fn meet(&mut self, due: Due) {
        match due {
            Due::End => self.end_now(),
            Due::Media => self.media_lost(),
            Due::Hold => self.held_for_too_long(),
            Due::Call => {
                self.log("time_up", json!({ "limit_ms": self.settings.limits.call.as_millis() as u64 }));
                self.say_goodbye(Phrase::NoTimeLeft, "The call took longer than its limit.");
            }
            Due::Greeting => self.speak_first(),
            Due::GiveWay => {
                self.floor.guarded_until = None;
                if self.floor.speaking.is_some() {
                    self.give_way();
                }
            }
            Due::Answer => self.go_on(),
            // Nothing was said: the end comes when everything else is settled.
            Due::Objection => {}
            Due::Silence => self.silence_due(),
            Due::Speech => self.forget_speech(),
            Due::Transcript(utterance) if matches!(self.phase, Phase::Leaving(_)) => {
                self.forget_utterance(utterance);
            }
            Due::Transcript(utterance) => self.transcription_failed(utterance, "no transcript came in time"),
            Due::Reply(generation) => {
                self.stop_asking(generation);
                self.reply_failed(generation, "no sign of the model came in time");
            }
            Due::Sentence(sentence) => self.sentence_overdue(sentence),
            Due::Journal(number) => self.tool_not_journaled(number, "the journal did not answer in time"),
        }
    }

    /// Starts the clock of silence when nobody has anything to say or to do, and stops it otherwise.
    pub(super) fn watch_silence(&mut self) {
        let idle = self.phase == Phase::Talking
            && self.floor.is_quiet()
            && self.reply.is_none()
            && self.tool_calls.is_idle()
            && !self.sentences.is_busy();
        // A sentence without a voice was heard by nobody: it does not make the silence shorter.
        self.idle_since = if idle { self.idle_since.or(Some(self.last_heard)) } else { None };
    }

    /// The moment to be woken at, where it is another than the one asked for before.
    pub(super) fn rearm(&mut self) -> Option<Millis> {
        let next = self.next_due().map(|(at, _)| at);
        let changed = next != self.armed;
        self.armed = next;
        next.filter(|_| changed)
    }
}
