//! Rehearsals: whole conversations on virtual time, with a scripted callee, model, voice and journal.
#![allow(clippy::unwrap_used)]

mod bookings;
mod endings;
mod interruptions;
mod openings;
mod storms;

use std::collections::{BTreeMap, HashMap, VecDeque};

use chrono::{NaiveDate, NaiveTime};
use offhook::{
    attempt::CallLimits,
    language::Language,
    request::{CallKind, Request},
    turn::Turn,
};
use offhook_types::{
    audio::MediaTime,
    chat::{Message, ToolCall},
    hearing::EarEvent,
    ids::{Millis, SentenceId},
    playout::PlayoutEvent,
    transcript::Transcript,
};
use serde_json::{Value, json};

use super::{Action, Conclusion, Event, Mind, MindSettings};

/// A table for four, Friday 4 December 2026, half past seven; 19:00 to 20:30, or the day after.
pub(super) fn request() -> Request {
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
    Request {
        kind: CallKind::Book,
        restaurant_name: "Zum Goldenen Löwen".into(),
        restaurant_zone: chrono_tz::Europe::Berlin,
        guest_name: "Ada Winter".into(),
        guest_phone: "+4915112345678".into(),
        party_size: 4,
        wanted_date: NaiveDate::from_ymd_opt(2026, 12, 4).unwrap(),
        wanted_time: time(19, 30),
        earliest_time: time(19, 0),
        latest_time: time(20, 30),
        other_dates: vec![NaiveDate::from_ymd_opt(2026, 12, 5).unwrap()],
        special_requests: None,
        booking_reference: None,
        language_hint: Some(Language::En),
        record: true,
        dropped_before: false,
    }
}

pub(super) fn settings() -> MindSettings {
    MindSettings::new(CallLimits::default(), NaiveDate::from_ymd_opt(2026, 11, 20).unwrap())
}

/// A piece of the model's answer.
#[derive(Clone)]
enum Piece {
    Text(&'static str),
    Call(&'static str, Value),
    Fail,
}

fn text(text: &'static str) -> Vec<Piece> {
    vec![Piece::Text(text)]
}

fn accept(time: &str) -> Piece {
    Piece::Call("accept_offer", json!({ "date": "2026-12-04", "time": time, "party_size": 4 }))
}

fn report(outcome: &str) -> Piece {
    Piece::Call("report_outcome", json!({ "outcome": outcome }))
}

fn end_call() -> Piece {
    Piece::Call("end_call", json!({}))
}

/// When the callee speaks.
#[derive(Clone, Copy)]
enum When {
    /// At this moment of the call.
    At(Millis),
    /// So long after we have said everything.
    Answering(Millis),
    /// So long into the next sentence we begin.
    Into(Millis),
}

enum Happening {
    Tell(Event),
    Speak,
    Silent,
    NextLine,
    StartSound,
    EndSound(SentenceId),
}

struct Line {
    when: When,
    said: &'static str,
    language: Option<Language>,
    lasting: Millis,
}

/// The world around a mind.
struct Rehearsal {
    mind: Mind,
    now: Millis,
    agenda: BTreeMap<(Millis, u64), Happening>,
    sequence: u64,
    lines: VecDeque<Line>,
    speaking: Option<(u32, Millis, Line)>,
    utterances: HashMap<u32, (&'static str, Option<Language>)>,
    last_utterance: u32,
    model: VecDeque<Vec<Piece>>,
    replies_due: usize,
    queue: VecDeque<(SentenceId, u64)>,
    playing: Option<(SentenceId, Millis, Millis)>,
    journal_delay: Millis,
    voice_fails: bool,
    recogniser_fails: bool,
    actions: Vec<(Millis, Action)>,
    events: Vec<(Millis, Event)>,
}

impl Rehearsal {
    fn of(request: Request, number: &str) -> Self {
        let mut rehearsal = Rehearsal {
            mind: Mind::new(request, number, settings(), 0),
            now: 0,
            agenda: BTreeMap::new(),
            sequence: 0,
            lines: VecDeque::new(),
            speaking: None,
            utterances: HashMap::new(),
            last_utterance: 0,
            model: VecDeque::new(),
            replies_due: 0,
            queue: VecDeque::new(),
            playing: None,
            journal_delay: 20,
            voice_fails: false,
            recogniser_fails: false,
            actions: Vec::new(),
            events: Vec::new(),
        };
        rehearsal.at(0, Happening::Tell(Event::Answered));
        rehearsal
    }

    fn new() -> Self {
        Rehearsal::of(request(), "+442079460958")
    }

    fn callee(mut self, when: When, said: &'static str) -> Self {
        self.lines.push_back(Line { when, said, language: None, lasting: 1_500 });
        self
    }

    fn callee_in(mut self, language: Language, when: When, said: &'static str) -> Self {
        self.lines.push_back(Line { when, said, language: Some(language), lasting: 1_500 });
        self
    }

    fn model(mut self, pieces: Vec<Piece>) -> Self {
        self.model.push_back(pieces);
        self
    }

    fn event(mut self, at: Millis, event: Event) -> Self {
        self.at(at, Happening::Tell(event));
        self
    }

    fn at(&mut self, at: Millis, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((at.max(self.now), self.sequence), happening);
    }

    /// Plays everything through, for ten minutes at most.
    fn run(mut self) -> Self {
        self.arm_line();
        while let Some(((at, _), happening)) = self.agenda.pop_first() {
            if at > 600_000 || self.conclusion().is_some() {
                break;
            }
            self.now = at;
            match happening {
                Happening::Tell(event) => self.tell(event),
                Happening::NextLine => self.arm_line(),
                Happening::Speak => self.begin_line(),
                Happening::Silent => self.end_line(),
                Happening::StartSound => self.start_sound(),
                Happening::EndSound(sentence) => self.end_sound(sentence),
            }
        }
        self
    }

    fn tell(&mut self, event: Event) {
        if matches!(event, Event::Wake) && self.wake_moment().is_none_or(|moment| moment > self.now) {
            return;
        }
        if matches!(event, Event::ReplyEnded { .. } | Event::ReplyFailed { .. }) {
            self.replies_due -= 1;
        }
        self.events.push((self.now, event.clone()));
        for action in self.mind.handle(event, self.now) {
            self.actions.push((self.now, action.clone()));
            self.carry_out(action);
        }
    }

    fn wake_moment(&self) -> Option<Millis> {
        self.actions.iter().rev().find_map(|(_, action)| match action {
            Action::WakeAt(moment) => Some(*moment),
            _ => None,
        })
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Transcribe { utterance, .. } if self.recogniser_fails => {
                let event = Event::TranscriptionFailed { utterance, error: "503".into() };
                self.at(self.now + 200, Happening::Tell(event));
            }
            Action::Transcribe { utterance, .. } => {
                let (text, language) = self.utterances[&utterance];
                let transcript = Transcript { text: text.to_owned(), language };
                self.at(self.now + 200, Happening::Tell(Event::Transcribed { utterance, transcript }));
            }
            Action::Think { generation, .. } => self.think(generation),
            Action::Speak { sentence, text, .. } => {
                if self.voice_fails {
                    let event = Event::SentenceFailed { sentence, error: "503".into() };
                    self.at(self.now + 100, Happening::Tell(event));
                } else {
                    self.queue.push_back((sentence, text.chars().count() as u64 * 60));
                    self.at(self.now + 100, Happening::StartSound);
                }
            }
            Action::StopSpeaking => {
                self.queue.clear();
                if let Some((sentence, started, lasting)) = self.playing.take() {
                    let share = (self.now - started) as f32 / lasting as f32;
                    let at = MediaTime(self.now + 40);
                    self.at(self.now + 40, Happening::Tell(Event::Playout(PlayoutEvent::Cut { sentence, at, share })));
                }
            }
            Action::JournalTool { number, .. } => {
                self.at(self.now + self.journal_delay, Happening::Tell(Event::ToolJournaled { number, known: None }));
            }
            Action::WakeAt(moment) => self.at(moment, Happening::Tell(Event::Wake)),
            _ => {}
        }
    }

    /// A model goes on sending even when nobody listens any more.
    fn think(&mut self, generation: u32) {
        let pieces = self.model.pop_front().unwrap_or_else(|| text("I see."));
        let mut at = self.now + 300;
        self.replies_due += 1;
        for (index, piece) in pieces.into_iter().enumerate() {
            at += 50;
            let event = match piece {
                Piece::Text(text) => Event::ReplyText { generation, text: text.to_owned() },
                Piece::Call(name, arguments) => {
                    let call =
                        ToolCall { id: format!("{generation}-{index}"), name: name.into(), arguments: arguments.to_string() };
                    Event::ReplyToolCall { generation, call }
                }
                Piece::Fail => {
                    self.at(at, Happening::Tell(Event::ReplyFailed { generation, error: "500".into() }));
                    return;
                }
            };
            self.at(at, Happening::Tell(event));
        }
        self.at(at + 50, Happening::Tell(Event::ReplyEnded { generation }));
    }

    fn start_sound(&mut self) {
        if self.playing.is_none()
            && let Some((sentence, lasting)) = self.queue.pop_front()
        {
            self.playing = Some((sentence, self.now, lasting));
            self.at(self.now + lasting, Happening::EndSound(sentence));
            if let Some(Line { when: When::Into(into), .. }) = self.lines.front()
                && self.speaking.is_none()
            {
                self.at(self.now + into, Happening::Speak);
            }
            self.tell(Event::Playout(PlayoutEvent::Started { sentence, at: MediaTime(self.now) }));
        }
    }

    fn end_sound(&mut self, sentence: SentenceId) {
        if self.playing.is_some_and(|(playing, _, _)| playing == sentence) {
            self.playing = None;
            self.at(self.now, Happening::StartSound);
            self.tell(Event::Playout(PlayoutEvent::Played { sentence, at: MediaTime(self.now) }));
        }
    }

    fn arm_line(&mut self) {
        let Some(line) = self.lines.front() else { return };
        match line.when {
            When::At(at) => self.at(at, Happening::Speak),
            When::Into(_) => {}
            When::Answering(gap) => {
                let said = self.actions.iter().any(|(_, action)| matches!(action, Action::Speak { .. }));
                let quiet = said && self.playing.is_none() && self.queue.is_empty() && self.replies_due == 0;
                let happening = if quiet { Happening::Speak } else { Happening::NextLine };
                let wait = if quiet { gap } else { 50 };
                self.at(self.now + wait, happening);
            }
        }
    }

    fn begin_line(&mut self) {
        if self.speaking.is_some() {
            return;
        }
        let Some(line) = self.lines.pop_front() else { return };
        self.last_utterance += 1;
        let lasting = line.lasting;
        self.at(self.now + 100, Happening::Tell(Event::Heard(EarEvent::SpeechStarted { at: MediaTime(self.now) })));
        self.at(self.now + lasting + 500, Happening::Silent);
        self.speaking = Some((self.last_utterance, self.now, line));
    }

    fn end_line(&mut self) {
        let (utterance, began, line) = self.speaking.take().unwrap();
        self.utterances.insert(utterance, (line.said, line.language));
        let ended = MediaTime(began + line.lasting);
        self.tell(Event::Heard(EarEvent::SpeechEnded { utterance, started: MediaTime(began), ended }));
        let soon = matches!(self.lines.front(), Some(Line { when: When::At(_), .. }));
        self.at(self.now + if soon { 0 } else { 1_500 }, Happening::NextLine);
    }

    fn conclusion(&self) -> Option<&Conclusion> {
        self.actions.iter().find_map(|(_, action)| match action {
            Action::Finish(conclusion) => Some(conclusion),
            _ => None,
        })
    }

    /// Everything we wanted to say, in order.
    fn said(&self) -> Vec<&str> {
        self.actions
            .iter()
            .filter_map(|(_, action)| if let Action::Speak { text, .. } = action { Some(text.as_str()) } else { None })
            .collect()
    }

    /// What the model was told, each time it was asked.
    fn asked(&self) -> Vec<&[Message]> {
        self.actions
            .iter()
            .filter_map(|(_, action)| if let Action::Think { messages, .. } = action { Some(messages.as_slice()) } else { None })
            .collect()
    }

    /// The transcript as it stands at the end.
    fn transcript(&self) -> Vec<Turn> {
        let mut turns = BTreeMap::new();
        for (_, action) in &self.actions {
            if let Action::Record(turn) = action {
                turns.insert(turn.number, turn.clone());
            }
        }
        turns.into_values().collect()
    }

    fn logged(&self, kind: &str) -> usize {
        self.actions.iter().filter(|(_, action)| matches!(action, Action::Log { kind: logged, .. } if *logged == kind)).count()
    }

    fn count(&self, which: impl Fn(&Action) -> bool) -> usize {
        self.actions.iter().filter(|(_, action)| which(action)).count()
    }
}
