//! Rehearsals: whole conversations through the driver on tokio's paused clock, with a scripted callee, model, voice and journal.
#![allow(clippy::unwrap_used)]

mod agreements;
mod bookings;
mod contested;
mod doubts;
mod endings;
mod interruptions;
mod lines;
mod losses;
mod openings;
mod our_faults;
mod read_backs;
mod services;
mod world;

use std::{
    collections::BTreeMap,
    io::Write,
    sync::{Arc, Mutex},
};

use chrono::NaiveTime;
use offhook::{language::Language, request::Request, turn::Turn};
use offhook_mind::{
    Action, Conclusion, Event, Mind,
    fixtures::{request, settings},
};
use offhook_types::{
    audio::MediaTime,
    chat::Message,
    hearing::EarEvent,
    ids::Millis,
    line::{LineEnd, StopReason},
    playout::PlayoutEvent,
};
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Duration, sleep, timeout},
};

use super::{
    EventLog, Setup, converse,
    event_log::LogLine,
    measured::Tallies,
    ports::{LineEvent, Ports},
    replay::replay,
};
use world::{Script, World};

/// A piece of the model's answer.
#[derive(Clone)]
pub(super) enum Piece {
    Text(&'static str),
    Call(&'static str, Value),
    Fail,
    /// Nothing more comes, and no end.
    Never,
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

fn bye(cause: u16) -> LineEvent {
    LineEvent::Ended(LineEnd::Bye { cause: Some(cause) })
}

/// When the callee speaks.
#[derive(Clone, Copy)]
pub(super) enum When {
    /// At this moment of the call.
    At(Millis),
    /// So long after we have said everything.
    Answering(Millis),
    /// So long into the next sentence we begin.
    Into(Millis),
}

/// What is rehearsed.
struct Rehearsal {
    setup: Setup,
    script: Script,
    stops: Vec<(Millis, StopReason)>,
}

/// What became of it.
struct Rehearsed {
    actions: Timed<Action>,
    events: Timed<Event>,
    world: Arc<Mutex<World>>,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Rehearsal {
    fn of(request: Request, number: &str) -> Self {
        let setup = Setup { request, number: number.to_owned(), settings: settings() };
        Rehearsal { setup, script: Script::default(), stops: Vec::new() }
    }

    fn new() -> Self {
        Rehearsal::of(request(), "+442079460958")
    }

    fn callee(self, when: When, said: &'static str) -> Self {
        self.says(None, when, said)
    }

    fn callee_in(self, language: Language, when: When, said: &'static str) -> Self {
        self.says(Some(language), when, said)
    }

    fn says(mut self, language: Option<Language>, when: When, said: &'static str) -> Self {
        self.script.lines.push_back(world::Says { when, said, language, lasting: 1_500 });
        self
    }

    /// A sound of the callee's side that lasts so long.
    fn sound(mut self, when: When, said: &'static str, lasting: Millis) -> Self {
        self.script.lines.push_back(world::Says { when, said, language: None, lasting });
        self
    }

    fn model(mut self, pieces: Vec<Piece>) -> Self {
        self.script.model.push_back(pieces);
        self
    }

    /// The line reports this at this moment.
    fn line(mut self, at: Millis, event: LineEvent) -> Self {
        self.script.line_events.push((at, event));
        self
    }

    /// The ear reports this at this moment.
    fn ear(mut self, at: Millis, event: EarEvent) -> Self {
        self.script.ear_events.push((at, event));
        self
    }

    fn stop(mut self, at: Millis, reason: StopReason) -> Self {
        self.stops.push((at, reason));
        self
    }

    fn with(mut self, change: impl FnOnce(&mut Script)) -> Self {
        change(&mut self.script);
        self
    }

    /// Plays everything through, for twenty minutes at most, and replays its log.
    fn run(self) -> Rehearsed {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(self.play())
    }

    async fn play(self) -> Rehearsed {
        let world = World::new(self.script);
        let ports = Ports {
            line: Box::new(world::FakeLine(Arc::clone(&world))),
            ear: Box::new(world::FakeEar(Arc::clone(&world))),
            recogniser: Arc::new(services::FakeProviders(Arc::clone(&world))),
            model: Arc::new(services::FakeProviders(Arc::clone(&world))),
            voice: Arc::new(services::FakeProviders(Arc::clone(&world))),
            journal: Arc::new(services::FakeJournal(Arc::clone(&world))),
            tallies: Tallies::default(),
        };
        let (stop, stopped) = watch::channel(None);
        let stops = self.stops;
        tokio::spawn(async move {
            let mut at = 0;
            for (moment, reason) in stops {
                sleep(Duration::from_millis(moment - at)).await;
                at = moment;
                let _ = stop.send(Some(reason));
            }
            std::future::pending::<()>().await;
        });
        let log = Buffer::default();
        let event_log = EventLog::to(Box::new(log.clone()), &self.setup);
        let conversation = converse(self.setup.clone(), ports, event_log, stopped);
        let conclusion = timeout(Duration::from_secs(1200), conversation).await.expect("the conversation ends");
        let log = log.0.lock().unwrap().clone();
        let replayed = replay(log.as_slice()).unwrap();
        assert!(replayed.complete);
        assert_eq!(replayed.conclusion.as_ref(), Some(&conclusion));
        let (events, actions) = replayed_by_hand(&self.setup, &log);
        Rehearsed { actions, events, world }
    }
}

/// With the time of each.
type Timed<T> = Vec<(Millis, T)>;

/// The events of a log and what the mind does with them.
fn replayed_by_hand(setup: &Setup, log: &[u8]) -> (Timed<Event>, Timed<Action>) {
    let mut mind = Mind::new(setup.request.clone(), &setup.number, setup.settings, 0);
    let (mut events, mut actions) = (Vec::new(), Vec::new());
    for line in log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        if let LogLine::Event { now, event } = serde_json::from_slice(line).unwrap() {
            events.push((now, event.clone()));
            actions.extend(mind.handle(event, now).into_iter().map(|action| (now, action)));
        }
    }
    (events, actions)
}

impl Rehearsed {
    fn conclusion(&self) -> &Conclusion {
        match self.actions.last() {
            Some((_, Action::Finish(conclusion))) => conclusion,
            last => panic!("the last action is {last:?}"),
        }
    }

    /// When it was over.
    fn over_at(&self) -> Millis {
        self.events.last().unwrap().0
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
