//! The state of one conversation, and where the call stands. What happens to it is in the files named for each concern.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use offhook::{
    attempt::CallLimits, disposition::Disposition, end_cause::EndCause, language::Language, provider::Provider, request::Request,
};
use offhook_types::ids::{Generation, Millis, SentenceId};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    action::Action,
    agreement::Settled,
    blame::DeadAir,
    disclosure::Disclosure,
    floor::Floor,
    history::History,
    language::LanguageTracker,
    line_state::LineState,
    model_reply::ModelReply,
    outcome::OutcomeDraft,
    promise::Promise,
    read_back::{Correction, ReadBack},
    sentence_queue::SentenceQueue,
    tool_calls::ToolCalls,
    turns::TurnList,
};

/// What the mind needs to know beside the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MindSettings {
    /// How long anything may take.
    pub limits: CallLimits,
    /// The day of the call in the restaurant's zone.
    pub today: NaiveDate,
    /// When the conversation begins; absent in logs of before it was known, which count nothing as passed.
    #[serde(default)]
    pub began: Option<DateTime<Utc>>,
    /// How long the callee may be silent after the answer before we speak first, in ms.
    pub greeting_wait: Millis,
}

impl MindSettings {
    /// The defaults, for a call to a restaurant in `zone` that begins at `began`: 2.5 s for the greeting.
    pub fn new(limits: CallLimits, began: DateTime<Utc>, zone: Tz) -> Self {
        MindSettings { limits, today: began.with_timezone(&zone).date_naive(), began: Some(began), greeting_wait: 2_500 }
    }

    /// The moment of the conversation at `now`; the beginning of time where it is not known when it began.
    pub(super) fn clock(&self, now: Millis) -> DateTime<Utc> {
        let since = i64::try_from(now).ok().and_then(TimeDelta::try_milliseconds);
        let at =
            |began: DateTime<Utc>| since.and_then(|since| began.checked_add_signed(since)).unwrap_or(DateTime::<Utc>::MAX_UTC);
        self.began.map_or(DateTime::<Utc>::MIN_UTC, at)
    }
}

/// Where the call stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// Not answered yet.
    Ringing,
    /// Answered; the callee has the first word, until this moment.
    Greeting {
        /// When we speak first.
        until: Millis,
    },
    /// In conversation.
    Talking,
    /// The last sentences are being played.
    Closing(Closing),
    /// The line is down; the ear, the recogniser and the journal owe us their last answers.
    Leaving(Closing),
    /// `Finish` was said.
    Over,
}

/// An end that is under way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Closing {
    /// Nothing the callee says changes it.
    pub forced: bool,
    /// The callee speaks into our goodbye.
    pub paused: bool,
    /// It comes at this moment at the latest.
    pub until: Millis,
    pub disposition: Disposition,
    pub detail: Option<String>,
    /// The provider that made us end.
    pub failed: Option<Provider>,
    /// Our own decision: without anything settled it is an end without agreement.
    pub by_us: bool,
    pub ended: EndCause,
    /// `Leaving` only: the ear has said its last.
    pub flushed: bool,
}

/// What the callee has said about the recording.
#[derive(Debug, Clone, Default)]
pub(super) struct Consent {
    /// When the callee had heard in full that the call is recorded.
    pub announced: Option<offhook_types::audio::MediaTime>,
    /// They have spoken since, and have not objected.
    pub given: bool,
    /// They have objected, now or before they heard it.
    pub refused: bool,
}

/// What the callee broke into.
#[derive(Debug, Clone)]
pub(super) struct Interruption {
    pub sentences: Vec<SentenceId>,
    /// The model had said all it wanted.
    pub complete: bool,
}

/// One conversation. Feed it every event with the time it came; carry out the actions in order.
#[derive(Debug, Clone)]
pub struct Mind {
    pub(super) request: Request,
    pub(super) settings: MindSettings,
    pub(super) phase: Phase,
    pub(super) now: Millis,
    pub(super) language: LanguageTracker,
    pub(super) disclosure: Disclosure,
    pub(super) consent: Consent,
    pub(super) floor: Floor,
    pub(super) line: LineState,
    pub(super) sentences: SentenceQueue,
    pub(super) history: History,
    pub(super) turns: TurnList,
    pub(super) generation: Generation,
    pub(super) reply: Option<ModelReply>,
    pub(super) interruption: Option<Interruption>,
    /// The current generation answers the callee, rather than being a fixed sentence.
    pub(super) answering: bool,
    /// Replies of the model since the callee's last word.
    pub(super) chain: u32,
    /// Failures of the model in a row.
    pub(super) reply_failures: u32,
    pub(super) tool_calls: ToolCalls,
    pub(super) outcome: OutcomeDraft,
    /// What was accepted and is to be heard by the callee.
    pub(super) read_back: Option<ReadBack>,
    /// What the last acceptance and report rest on.
    pub(super) settled: Settled,
    pub(super) promise: Promise,
    /// What we said and have to take back.
    pub(super) correction: Correction,
    pub(super) reopened: u32,
    /// When anybody was last heard, the callee or we.
    pub(super) last_heard: Millis,
    /// Since when nobody is heard, while nobody has anything to say or to do.
    pub(super) idle_since: Option<Millis>,
    /// Times we asked whether somebody is there, since the callee's last word.
    pub(super) asked: u32,
    /// The last such question.
    pub(super) asked_in: Option<SentenceId>,
    /// How long nobody has been heard while an answer is owed.
    pub(super) dead_air: DeadAir,
    /// The moment last asked for by `WakeAt`.
    pub(super) armed: Option<Millis>,
    pub(super) actions: Vec<Action>,
}

impl Mind {
    /// A mind for one call to `number` (E.164 or a SIP URI), created before the callee answers.
    pub fn new(request: Request, number: &str, settings: MindSettings, now: Millis) -> Mind {
        let known = request.language_hint.or_else(|| Language::of_number(number));
        let prior = known.unwrap_or(Language::En);
        Mind {
            disclosure: Disclosure::new(&request, prior),
            consent: Consent::default(),
            language: LanguageTracker::new(known),
            request,
            settings,
            phase: Phase::Ringing,
            now,
            floor: Floor::default(),
            line: LineState::default(),
            sentences: SentenceQueue::default(),
            history: History::default(),
            turns: TurnList::default(),
            generation: 0,
            reply: None,
            interruption: None,
            answering: false,
            chain: 0,
            reply_failures: 0,
            tool_calls: ToolCalls::default(),
            outcome: OutcomeDraft::default(),
            read_back: None,
            settled: Settled::default(),
            promise: Promise::default(),
            correction: Correction::default(),
            reopened: 0,
            last_heard: now,
            idle_since: None,
            asked: 0,
            asked_in: None,
            dead_air: DeadAir::default(),
            armed: None,
            actions: Vec::new(),
        }
    }

    /// The language spoken now.
    pub fn language(&self) -> Language {
        self.language.current()
    }

    pub(super) fn log(&mut self, kind: &'static str, detail: Value) {
        self.actions.push(Action::Log { kind, detail });
    }
}
