//! Every way a conversation ends. Each leads to exactly one `Finish`.

use offhook::{disposition::Disposition, end_cause::EndCause, outcome::Outcome, provider::Provider};
use offhook_types::{
    ids::{Generation, Millis},
    line::{LineEnd, StopReason},
};
use serde_json::json;

use super::{
    action::{Action, Conclusion},
    deadlines::GRACE,
    mind::{Closing, Mind, Phase},
    phrases::Phrase,
    understanding,
    who_answered::WhoAnswered,
};

/// How long the last sentences may take, in ms.
const LAST_SENTENCES: Millis = 15_000;
/// How often a callee may talk us out of our goodbye.
const REOPENINGS: u32 = 3;

impl Closing {
    /// An end that nobody of us chose, after which nothing is said.
    pub(super) fn new(now: Millis) -> Self {
        Closing {
            forced: true,
            paused: false,
            until: now + LAST_SENTENCES,
            disposition: Disposition::Answered,
            detail: None,
            failed: None,
            by_us: false,
            ended: EndCause::HungUpByUs,
            flushed: false,
        }
    }

    fn by_us(now: Millis, detail: &str) -> Self {
        Closing { by_us: true, detail: Some(detail.to_owned()), ..Closing::new(now) }
    }
}

impl Mind {
    /// The model wants to end: what it said is played first.
    pub(super) fn close_gently(&mut self) {
        self.correct();
        self.phase = Phase::Closing(Closing { forced: false, by_us: true, ..Closing::new(self.now) });
    }

    /// A tool refused what the reply rests on that wants to end: it does not end, and the model hears why.
    pub(super) fn void_end(&mut self, generation: Generation) {
        if let Some(reply) = &mut self.reply
            && reply.generation == generation
        {
            reply.end_call = false;
        } else if generation == self.generation && matches!(&self.phase, Phase::Closing(closing) if !closing.forced) {
            self.phase = Phase::Talking;
            self.floor.unanswered = true;
        } else {
            return;
        }
        self.history.end_refused(generation);
    }

    /// We end, whatever the callee says: one last sentence.
    pub(super) fn say_goodbye(&mut self, phrase: Phrase, detail: &str) {
        self.end_with(phrase, Closing::by_us(self.now, detail));
    }

    /// We end because our recogniser, model or journal failed, and the callee is told so.
    pub(super) fn say_trouble(&mut self, failed: Option<Provider>, detail: &str) {
        let closing = Closing { disposition: Disposition::ProviderFailure, failed, ..Closing::by_us(self.now, detail) };
        self.end_with(Phrase::Trouble, closing);
    }

    /// Somebody outside wants the call to end. The callee is told what is true of it, and the row says which it was.
    pub(super) fn stop(&mut self, reason: StopReason) {
        let mut closing = Closing::new(self.now);
        let (phrase, detail) = match reason {
            StopReason::TakenBack => {
                closing.disposition = Disposition::Cancelled;
                (Phrase::Withdrawn, "Taken back by the user.")
            }
            StopReason::ProcessStopping => {
                closing.ended = EndCause::ProcessStopped;
                (Phrase::Interrupted, "The worker was told to stop while the call went on.")
            }
            StopReason::AttemptStale => {
                closing.ended = EndCause::AttemptStale;
                (Phrase::Trouble, "The database says that this attempt is over; another one may have taken its place.")
            }
        };
        closing.detail = Some(detail.to_owned());
        self.log("stop", json!({ "reason": reason }));
        if self.phase == Phase::Ringing {
            closing.disposition = Disposition::Cancelled;
            self.finish(closing, true);
        } else {
            self.end_with(phrase, closing);
        }
    }

    fn end_with(&mut self, phrase: Phrase, closing: Closing) {
        if matches!(&self.phase, Phase::Closing(before) if before.forced) {
            if closing.disposition == Disposition::Cancelled {
                self.phase = Phase::Closing(closing);
            }
            return;
        }
        self.stop_thinking();
        self.stop_speaking();
        self.interruption = None;
        // A stale attempt agrees to nothing: another one may have taken its place.
        let confirms = phrase.leaves_agreement() && closing.ended != EndCause::AttemptStale;
        self.phase = Phase::Closing(closing);
        self.begin_generation();
        if confirms {
            self.correct();
            self.say_read_back();
        }
        self.say(phrase.in_language(self.language.current()).to_owned());
    }

    /// We end at once, because there is no voice to say anything with.
    pub(super) fn give_up_without_voice(&mut self, detail: &str) {
        let failed = Some(Provider::TextToSpeech);
        let closing = match &self.phase {
            Phase::Closing(closing) => Closing { failed: closing.failed.or(failed), ..closing.clone() },
            _ => Closing { disposition: Disposition::ProviderFailure, failed, ..Closing::by_us(self.now, detail) },
        };
        self.finish(closing, true);
    }

    /// We end at once, without a word.
    pub(super) fn give_up(&mut self, detail: &str) {
        let closing = match &self.phase {
            Phase::Closing(closing) => closing.clone(),
            _ => Closing::by_us(self.now, detail),
        };
        self.finish(closing, true);
    }

    /// A machine took the call. No message is left.
    pub(super) fn machine_answered(&mut self, answerer: WhoAnswered) {
        let (disposition, kind, detail) = match answerer {
            WhoAnswered::Menu => (Disposition::MenuDeadEnd, "menu", "A telephone menu took the call."),
            _ => (Disposition::Voicemail, "voicemail", "A machine took the call; no message was left."),
        };
        self.log(kind, json!({}));
        self.stop_speaking();
        let closing = Closing { disposition, detail: Some(detail.to_owned()), ..Closing::new(self.now) };
        self.finish(closing, true);
    }

    /// The line is down. An end that was under way keeps what it is; how the line went is kept either way.
    pub(super) fn line_ended(&mut self, end: &LineEnd) {
        let (ended, how) = match end {
            LineEnd::Bye { cause } => (EndCause::HungUpByCallee { cause: *cause }, json!({ "how": "bye", "cause": cause })),
            LineEnd::DialogLost { why } => (EndCause::DialogLost, json!({ "how": "dialog_lost", "why": why })),
        };
        self.log("line_ended", how);
        if self.phase == Phase::Ringing {
            self.finish(Closing { ended, ..Closing::new(self.now) }, false);
            return;
        }
        let detail = match end {
            _ if !self.outcome.is_open() => None,
            LineEnd::Bye { .. } => Some("The callee hung up before anything was settled.".to_owned()),
            LineEnd::DialogLost { why } => Some(format!("The line went down before anything was settled: {why}.")),
        };
        let closing = match &self.phase {
            Phase::Closing(closing) => Closing { ended: stopped_or(closing.ended, ended), ..closing.clone() },
            _ => match self.unserved().filter(|_| matches!(end, LineEnd::Bye { .. }) && self.outcome.is_open()) {
                Some(provider) => Closing {
                    disposition: Disposition::ProviderFailure,
                    failed: Some(provider),
                    detail: Some(format!(
                        "The callee hung up because the {} did not work: what they said last was not answered.",
                        provider.noun()
                    )),
                    ended,
                    ..Closing::new(self.now)
                },
                None => Closing { ended, detail, ..Closing::new(self.now) },
            },
        };
        self.leave(closing);
    }

    /// Nothing can be said any more; what was said is heard to its end, within the bound of one transcript.
    pub(super) fn leave(&mut self, closing: Closing) {
        self.line.down = Some(self.now);
        self.stop_thinking();
        self.interruption = None;
        let until = self.now + self.settings.limits.provider_first.as_millis() as Millis + 2 * GRACE;
        self.phase = Phase::Leaving(Closing { until, flushed: false, ..closing });
        self.actions.push(Action::FlushEar);
    }

    /// The callee's words after our goodbye: returns whether they leave it at that.
    pub(super) fn end_after_goodbye(&mut self, text: &str) -> bool {
        let Phase::Closing(closing) = &mut self.phase else { return false };
        if closing.forced {
            return true;
        }
        closing.paused = false;
        if self.reopened >= REOPENINGS || understanding::is_farewell(text) {
            self.interruption = None;
            return true;
        }
        self.reopened += 1;
        self.phase = Phase::Talking;
        false
    }

    /// Whether an end that nothing changes waits all the same for what the callee says of the read-back: it decides what the row says.
    fn awaits_objection(&self, closing: &Closing) -> bool {
        let counts = closing.disposition != Disposition::Cancelled && closing.ended != EndCause::AttemptStale;
        counts && self.is_read_back_unjudged() && (self.objection_until().is_some() || !self.floor.is_quiet())
    }

    /// Ends where everything that was waited for has come.
    pub(super) fn end_where_due(&mut self) {
        let (closing, hang_up) = match &self.phase {
            Phase::Closing(closing)
                if (closing.forced && !self.awaits_objection(closing))
                    || (!closing.paused && self.floor.is_quiet() && self.objection_until().is_none()) =>
            {
                (closing, true)
            }
            Phase::Leaving(closing) if closing.flushed && !self.floor.is_transcribing() => (closing, false),
            _ => return,
        };
        if self.tool_calls.is_idle() && (!hang_up || !self.sentences.is_busy()) {
            let closing = closing.clone();
            self.finish(closing, hang_up);
        }
    }

    /// The bound of closing or leaving has come.
    pub(super) fn end_now(&mut self) {
        match &self.phase {
            Phase::Closing(closing) => self.finish(closing.clone(), true),
            Phase::Leaving(closing) => self.finish(closing.clone(), false),
            _ => {}
        }
    }

    fn finish(&mut self, closing: Closing, hang_up: bool) {
        self.stop_thinking();
        if hang_up || matches!(closing.ended, EndCause::MediaLost { .. }) {
            self.actions.push(Action::HangUp);
        }
        self.guess_what_was_heard();
        let turns = self.turns.close();
        self.actions.extend(turns.into_iter().map(Action::Record));
        let spoiled = closing.disposition == Disposition::ProviderFailure;
        let promised = self.promised_only();
        let (promised, promise) = promised.unzip();
        let fallback = promised.or((closing.by_us && !spoiled).then_some(Outcome::NoAgreement));
        let turns = &self.turns;
        let talked = !matches!(closing.disposition, Disposition::Voicemail | Disposition::MenuDeadEnd);
        let known = self.is_agreement_known();
        let mut outcome = talked
            .then(|| self.outcome.report(&self.request, fallback, known, self.language.current(), |key| turns.number(key)))
            .flatten();
        let objected = self.consent.note().map(str::to_owned);
        if let Some(outcome) = &mut outcome {
            outcome.notes = joined(joined(outcome.notes.take(), promise), objected.clone());
        }
        let asked = self.outcome.do_not_call.then(|| "The callee asked not to be called again.".to_owned());
        let ended = (self.phase != Phase::Ringing).then_some(closing.ended);
        // Whoever came to an agreement talked, however little sound came later.
        let disposition = match closing.disposition {
            Disposition::NoMedia | Disposition::ProviderFailure if outcome.is_some() => Disposition::Answered,
            disposition => disposition,
        };
        self.phase = Phase::Over;
        self.actions.push(Action::Finish(Conclusion {
            disposition,
            outcome,
            detail: joined(asked.or(closing.detail), objected),
            failed_provider: closing.failed,
            do_not_call: self.outcome.do_not_call,
            ended,
        }));
    }
}

/// An end from outside stays what it was, although the callee hangs up on our goodbye.
fn stopped_or(before: EndCause, now: EndCause) -> EndCause {
    match before {
        EndCause::ProcessStopped | EndCause::AttemptStale => before,
        _ => now,
    }
}

/// Two remarks for people as one.
fn joined(first: Option<String>, second: Option<String>) -> Option<String> {
    match (first, second) {
        (Some(first), Some(second)) => Some(format!("{first} {second}")),
        (first, second) => first.or(second),
    }
}
