//! The mind itself: what it remembers, and where each event goes.

use chrono::NaiveDate;
use offhook::{attempt::CallLimits, language::Language, request::Request};
use offhook_types::ids::{Generation, Millis};

use super::{
    action::Action, barge_in::Interruption, clocks::Clocks, closing::Closing, consent::Consent, event::Event, history::History,
    language::Tongue, listening::Floor, opening::Disclosure, outcome::Findings, replying::Thought, sentences::Voice, tools::Desk,
    turns::Ledger,
};

/// What the mind needs to know beside the request.
#[derive(Debug, Clone, Copy)]
pub struct MindSettings {
    /// How long anything may take.
    pub limits: CallLimits,
    /// The day of the call in the restaurant's zone.
    pub today: NaiveDate,
    /// How long the callee may be silent after the answer before we speak first, in ms.
    pub greeting_wait: Millis,
}

impl MindSettings {
    /// The defaults, for a call made on `today`: 2.5 s for the greeting.
    pub fn new(limits: CallLimits, today: NaiveDate) -> Self {
        MindSettings { limits, today, greeting_wait: 2_500 }
    }
}

/// Where the call stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// Not answered yet.
    Ringing,
    /// Answered; the callee has the first word.
    Greeting,
    /// In conversation.
    Talking,
    /// The last sentences are being played.
    Closing(Closing),
    /// The line is down; the journal and the recogniser owe us their last answers.
    Leaving(Closing),
    /// `Finish` was said.
    Over,
}

/// One conversation. Feed it every event with the time it came; carry out the actions in order.
#[derive(Debug, Clone)]
pub struct Mind {
    pub(super) request: Request,
    pub(super) settings: MindSettings,
    pub(super) phase: Phase,
    pub(super) now: Millis,
    pub(super) tongue: Tongue,
    pub(super) disclosure: Disclosure,
    pub(super) consent: Consent,
    pub(super) floor: Floor,
    pub(super) voice: Voice,
    pub(super) history: History,
    pub(super) ledger: Ledger,
    pub(super) generation: Generation,
    pub(super) thought: Option<Thought>,
    pub(super) interruption: Option<Interruption>,
    /// The current generation answers the callee, rather than being a fixed sentence.
    pub(super) answering: bool,
    /// Thoughts since the callee's last word.
    pub(super) chain: u32,
    /// Failures of the model in a row.
    pub(super) reply_failures: u32,
    pub(super) desk: Desk,
    pub(super) findings: Findings,
    pub(super) reopened: u32,
    pub(super) clocks: Clocks,
    pub(super) actions: Vec<Action>,
}

impl Mind {
    /// A mind for one call to `number` (E.164 or a SIP URI), created before the callee answers.
    pub fn new(request: Request, number: &str, settings: MindSettings, now: Millis) -> Mind {
        let prior = request.language_hint.or_else(|| Language::of_number(number)).unwrap_or(Language::En);
        Mind {
            disclosure: Disclosure::new(&request, prior),
            consent: Consent::default(),
            tongue: Tongue::new(prior),
            request,
            settings,
            phase: Phase::Ringing,
            now,
            floor: Floor::default(),
            voice: Voice::default(),
            history: History::default(),
            ledger: Ledger::default(),
            generation: 0,
            thought: None,
            interruption: None,
            answering: false,
            chain: 0,
            reply_failures: 0,
            desk: Desk::default(),
            findings: Findings::default(),
            reopened: 0,
            clocks: Clocks::default(),
            actions: Vec::new(),
        }
    }

    /// Takes one event at `now` (which never goes back) and answers what is to be done. After `Action::Finish` nothing is ever
    /// answered again.
    pub fn handle(&mut self, event: Event, now: Millis) -> Vec<Action> {
        self.now = self.now.max(now);
        match self.phase {
            Phase::Over => return Vec::new(),
            Phase::Ringing => self.while_ringing(&event),
            Phase::Leaving(_) => self.while_leaving(event),
            Phase::Greeting | Phase::Talking | Phase::Closing(_) => self.take(event),
        }
        self.settle();
        std::mem::take(&mut self.actions)
    }

    /// The language spoken now.
    pub fn language(&self) -> Language {
        self.tongue.current()
    }

    fn while_ringing(&mut self, event: &Event) {
        match event {
            Event::Answered => self.answered(),
            Event::CalleeHungUp => self.hung_up(),
            Event::CancelRequested => self.cancelled(),
            _ => {}
        }
    }

    fn while_leaving(&mut self, event: Event) {
        match event {
            Event::Transcribed { utterance, transcript } => self.last_words(utterance, &transcript),
            Event::TranscriptionFailed { utterance, .. } => {
                self.forget_utterance(utterance);
            }
            Event::ToolJournaled { number, known } => self.tool_journaled(number, known),
            Event::Playout(event) => self.played(event),
            Event::Wake => self.wake(),
            _ => {}
        }
    }

    fn take(&mut self, event: Event) {
        match event {
            Event::Answered => {}
            Event::CalleeHungUp => self.hung_up(),
            Event::CancelRequested => self.cancelled(),
            Event::Heard(heard) => self.heard(heard),
            Event::Transcribed { utterance, transcript } => self.transcribed(utterance, &transcript),
            Event::TranscriptionFailed { utterance, error } => self.transcription_failed(utterance, &error),
            Event::ReplyText { generation, text } => self.reply_text(generation, &text),
            Event::ReplyToolCall { generation, call } => self.reply_tool_call(generation, call),
            Event::ReplyEnded { generation } => self.reply_ended(generation),
            Event::ReplyFailed { generation, error } => self.reply_failed(generation, &error),
            Event::Playout(event) => self.played(event),
            Event::SentenceFailed { sentence, error } => self.sentence_failed(sentence, &error),
            Event::ToolJournaled { number, known } => self.tool_journaled(number, known),
            Event::Wake => self.wake(),
        }
    }

    /// What follows from the new state, whichever event led to it.
    fn settle(&mut self) {
        self.go_on();
        self.end_where_due();
        if self.phase == Phase::Over {
            return;
        }
        self.watch_silence();
        let turns = self.ledger.flush();
        self.actions.extend(turns.into_iter().map(Action::Record));
        if let Some(moment) = self.clocks.rearm() {
            self.actions.push(Action::WakeAt(moment));
        }
    }
}
