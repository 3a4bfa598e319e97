//! What the callee must have heard before anything else, and what of it they have heard.

use offhook::{language::Language, request::Request};
use offhook_types::ids::SentenceId;

use super::{
    phrases,
    sentence_queue::{Sentence, SentenceQueue},
};

#[derive(Debug, Clone)]
pub(super) struct Duty {
    pub text: String,
    /// It says that the call is recorded.
    announces_recording: bool,
    pub sentence: Option<SentenceId>,
}

/// What the callee must hear, in the language of the conversation: that an automated assistant calls, for whom, and that the
/// call is recorded. A sentence of it that was not heard in full is said again.
#[derive(Debug, Clone)]
pub(super) struct Disclosure {
    language: Language,
    pub duties: Vec<Duty>,
    given_in: Vec<Language>,
    /// The callee went on in its language after they had heard all of it: it was understood.
    understood: bool,
}

impl Disclosure {
    pub fn new(request: &Request, language: Language) -> Self {
        let duty = |text: &str| Duty { text: text.to_owned(), announces_recording: false, sentence: None };
        let mut duties = vec![duty(&phrases::introduction(&request.guest_name, language))];
        if request.dropped_before {
            duties.push(duty(phrases::cut_off_before(language)));
        }
        if request.record {
            duties.push(Duty { announces_recording: true, ..duty(phrases::recorded(language)) });
        }
        Disclosure { language, duties, given_in: Vec::new(), understood: false }
    }

    /// The callee spoke the language of the disclosure.
    pub fn answered(&mut self, sentences: &SentenceQueue) {
        self.understood |= self.owed(sentences).is_empty();
    }

    /// The conversation goes on in another language: the disclosure is owed in it, unless it was understood, or given in it before.
    pub fn translate(&mut self, request: &Request, language: Language, sentences: &SentenceQueue) {
        if self.owed(sentences).is_empty() {
            self.given_in.push(self.language);
        }
        let (given_in, understood) = (std::mem::take(&mut self.given_in), self.understood);
        *self = Disclosure::new(request, language);
        if given_in.contains(&language) || understood {
            self.duties.clear();
        }
        (self.given_in, self.understood) = (given_in, understood);
    }

    /// What was not heard yet, as places in `duties`.
    pub fn owed(&self, sentences: &SentenceQueue) -> Vec<usize> {
        let delivered = |duty: &Duty| duty.sentence.and_then(|id| sentences.sentence(id)).is_some_and(Sentence::is_delivered);
        (0..self.duties.len()).filter(|at| !delivered(&self.duties[*at])).collect()
    }

    /// Whether this sentence says that the call is recorded.
    pub fn announces_recording(&self, sentence: SentenceId) -> bool {
        self.duties.iter().any(|duty| duty.announces_recording && duty.sentence == Some(sentence))
    }

    /// The call is not recorded any more, and the callee is owed that instead.
    pub fn recording_deleted(&mut self) {
        self.duties.retain(|duty| !duty.announces_recording);
        let text = phrases::recording_deleted(self.language).to_owned();
        self.duties.push(Duty { text, announces_recording: false, sentence: None });
    }

    /// Whether this sentence belongs to it.
    pub fn contains(&self, sentence: SentenceId) -> bool {
        self.duties.iter().any(|duty| duty.sentence == Some(sentence))
    }
}
