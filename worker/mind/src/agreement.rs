//! Whether an accepted table is one that the restaurant knows of and did not deny: the callee's words about the read-back, and what an
//! acceptance may rest on.

use offhook::{offer::Offer, outcome::Outcome};
use offhook_types::{
    audio::MediaTime,
    ids::{Generation, Millis},
};
use serde_json::json;

use super::{
    contesting::{after_denial, contests},
    floor::Utterance,
    guest_name::names_another_guest,
    mind::Mind,
    named::Names,
    read_back::{ReadBack, names},
    sentence_queue::{Progress, Sentence, estimated_length, split},
    understanding,
};

/// How long we stay on the line after the read-back for the callee to say that it is wrong, in ms.
const OBJECTION: Millis = 2_000;

/// What the model is told beside words that contest the read-back.
pub(super) const NOT_AS_READ_BACK: &str = "(Note: that is not the table that was read back. Nothing is agreed until you have settled it and called accept_offer again.)";

/// Which words the last acceptance and the last report rest on.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Settled {
    /// An acceptance: turns that named a table or denied one, when the model was asked; and its reply.
    accepted: Option<(u32, Generation)>,
    /// A report of another end than a booking, by this reply.
    reported: Option<Generation>,
}

impl Mind {
    /// Why an offer is not to be taken now, although the request may allow it: one turn of the callee settles one table. `bases` is the
    /// number of turns that named or denied something when the model was asked.
    pub(super) fn is_settled_otherwise(&self, offer: &Offer, bases: u32, generation: Generation) -> Option<String> {
        if self.settled.reported == Some(generation) {
            return Some("you reported another outcome in the same answer: say only one of the two".to_owned());
        }
        let (on, _) = self.settled.accepted?;
        if on < bases {
            return None;
        }
        match self.outcome.agreed() {
            Some(agreed) if agreed == offer => None,
            Some(agreed) => Some(format!(
                "{} at {} was accepted already, and the restaurant has named no other table since. That is what is read back, and what \
                 stands. If they name another table, call accept_offer with it then",
                agreed.date,
                agreed.time.format("%H:%M")
            )),
            None => Some("a table was accepted and given back on the same words: ask the restaurant what they offer".to_owned()),
        }
    }

    /// Why a report is not to be taken: it contradicts an acceptance of the same reply.
    pub(super) fn is_accepted_in_the_same_reply(&self, outcome: Outcome, generation: Generation) -> Option<String> {
        let by = self.settled.accepted.is_some_and(|(_, by)| by == generation) && self.outcome.agreed().is_some();
        (by && !books(outcome)).then(|| {
            "you accepted a table in the same answer: that stands. If it does not, report so in your next answer".to_owned()
        })
    }

    /// An offer was accepted.
    pub(super) fn note_accepted(&mut self, bases: u32, generation: Generation) {
        self.settled.accepted = Some((bases, generation));
    }

    /// An outcome was reported.
    pub(super) fn note_reported(&mut self, outcome: Outcome, generation: Generation) {
        if !books(outcome) {
            self.settled.reported = Some(generation);
        }
    }

    /// Whether the callee's words that are being answered do not offer this table: they named another time, day or party, or denied
    /// something and named this one no more behind it. A denial holds until they named or affirmed something.
    pub(super) fn words_speak_against(&self, offer: &Offer) -> bool {
        let against = |text: &str| {
            let after = after_denial(text);
            let names = Names::of(after, self.language.current());
            names.exclude(offer, self.settings.today) || (contests(text) && names.is_empty())
        };
        against(&self.floor.said) || against(&self.floor.denial)
    }

    /// Keeps the callee's words as those an acceptance may rest on.
    pub(super) fn note_words(&mut self, text: &str) {
        if self.floor.said_before == self.generation {
            self.floor.said.push(' ');
        } else {
            self.floor.said.clear();
            self.floor.said_before = self.generation;
        }
        self.floor.said.push_str(text);
        let named = !Names::of(text, self.language.current()).is_empty();
        let denied = contests(text);
        if denied {
            text.clone_into(&mut self.floor.denial);
        } else if named || understanding::affirms(text) {
            self.floor.denial.clear();
        }
        if denied || named {
            self.floor.bases += 1;
        }
    }

    /// The callee's words after an acceptance: whether they agree to it, deny it, or name something else. Returns whether they contest it
    /// now and did not before.
    pub(super) fn answer_to_read_back(&mut self, heard: &Utterance, text: &str, certain: bool) -> bool {
        let Some(read_back) = &self.read_back else { return false };
        let sentence = self.sentence_of(read_back);
        let began = sentence.is_some_and(|sentence| sentence.has_begun() && heard.started >= sentence.began.1);
        let denied = contests(text) && !self.is_answer_to_another_question(read_back);
        let contested = denied
            || Names::of(text, self.language.current()).contradict(&read_back.offer, self.settings.today)
            || names_another_guest(text, &self.request.guest_name);
        let knows = sentence.is_some_and(|sentence| began && was_named_by(heard.ended, sentence, &read_back.offer));
        let confirmed = !contested && knows && certain && understanding::affirms(text) && !contests(text);
        let newly = contested && !read_back.contested;
        if let Some(read_back) = &mut self.read_back {
            read_back.judged |= began;
            read_back.contested |= contested;
            read_back.confirmed = !read_back.contested && (read_back.confirmed || confirmed);
        }
        if newly {
            self.log("read_back_contested", json!({ "text": text }));
        }
        newly
    }

    /// "No" to a question that was asked after the read-back says nothing of the booking, unless we asked whether it is right.
    fn is_answer_to_another_question(&self, read_back: &ReadBack) -> bool {
        let asked = |sentence: &Sentence| {
            sentence.text.contains('?') && !matches!(sentence.progress, Progress::Queued | Progress::Unheard)
        };
        let mut after = self.sentences.sentences.iter().rev().filter(|(id, _)| Some(**id) > read_back.sentence);
        let question = after.find(|(_, sentence)| asked(sentence));
        question.is_some_and(|(_, sentence)| !understanding::asks_whether_right(&sentence.text))
    }

    /// The callee said that what was read back is wrong, and it was not settled since.
    pub(super) fn is_contested(&self) -> bool {
        self.read_back.as_ref().is_some_and(|read_back| read_back.contested)
    }

    /// Why the model cannot end yet: what was read back is contested, or a table was promised and none accepted. It is told once of each.
    pub(super) fn end_is_premature(&mut self) -> Option<&'static str> {
        let Some(read_back) = self.read_back.as_mut().filter(|read_back| read_back.contested && !read_back.end_refused) else {
            return self.end_leaves_a_promise();
        };
        read_back.end_refused = true;
        Some(
            "they named something else than was read back: settle it and call accept_offer with what they confirm, or report what it came to",
        )
    }

    /// Whether the restaurant knows of the agreement and has not denied it: it heard the read-back, or a sentence of the model after the
    /// acceptance; or it agreed; or the table is one that we had named ourselves before. Where its own words had named another table, only
    /// its yes counts.
    pub(super) fn is_agreement_known(&self) -> bool {
        let Some(read_back) = &self.read_back else { return false };
        if read_back.contested {
            return false;
        }
        if read_back.confirmed || read_back.needs_yes {
            return read_back.confirmed;
        }
        let heard = || self.sentences.sentences.values().filter(|sentence| sentence.was_heard());
        let contradicts =
            |sentence: &Sentence| Names::of(&sentence.text, sentence.language).contradict(&read_back.offer, self.settings.today);
        self.sentence_of(read_back).is_some_and(Sentence::was_heard)
            || heard().any(|sentence| sentence.by_model && sentence.asked >= read_back.accepted && !contradicts(sentence))
            || heard().any(|sentence| names(&sentence.text, &read_back.offer, sentence.language) && !contradicts(sentence))
    }

    /// The read-back was heard, and nobody has said anything of it yet.
    pub(super) fn is_read_back_unjudged(&self) -> bool {
        let unjudged = self.read_back.as_ref().filter(|read_back| !read_back.judged);
        unjudged.and_then(|read_back| self.sentence_of(read_back)).is_some_and(Sentence::was_heard)
    }

    /// Until when an end waits for an objection to the read-back.
    pub(super) fn objection_until(&self) -> Option<Millis> {
        let read_back = self.read_back.as_ref().filter(|read_back| !read_back.judged)?;
        let sentence = self.sentence_of(read_back).filter(|sentence| sentence.was_heard())?;
        sentence.ended.map(|ended| ended + OBJECTION).filter(|until| *until > self.now)
    }
}

fn books(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Booked | Outcome::BookedAlternative | Outcome::Changed | Outcome::Confirmed)
}

/// Whether day, time and party had been heard of the read-back at a moment of the call.
fn was_named_by(at: MediaTime, sentence: &Sentence, offer: &Offer) -> bool {
    if sentence.was_heard() {
        return true;
    }
    let length = estimated_length(&sentence.text, sentence.language).max(1);
    let most = match sentence.progress {
        Progress::Cut(share) => share,
        Progress::Queued | Progress::Unheard => 0.0,
        Progress::Playing | Progress::Stopping | Progress::Played => 1.0,
    };
    let share = at.0.saturating_sub(sentence.began.1.0) as f32 / length as f32;
    names(&split(&sentence.text, share.min(most), sentence.language).0, offer, sentence.language)
}
