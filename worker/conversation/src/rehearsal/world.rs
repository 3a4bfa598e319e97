//! The world around a conversation, on the paused clock: a callee, a line, an ear, providers and a journal that follow a script.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use futures::{FutureExt, future::BoxFuture};
use offhook::language::Language;
use offhook_types::{
    audio::{Frame, MediaTime, SILENCE},
    hearing::EarEvent,
    ids::{Millis, SentenceId, UtteranceId},
    line::MediaPresence,
    playout::PlayoutEvent,
    transcript::Transcript,
};
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::Value;
use tokio::{
    sync::Notify,
    time::{Duration, Instant, sleep_until},
};

use super::{Piece, When};
use crate::ports::{Ear, Line, LineEvent, Playout};

/// How often the callee looks whether we have said everything, in ms.
const LOOK: Millis = 50;

/// One thing the callee says.
#[derive(Clone)]
pub(super) struct Says {
    pub when: When,
    pub said: &'static str,
    pub language: Option<Language>,
    pub lasting: Millis,
}

/// What everybody does.
pub(super) struct Script {
    pub lines: VecDeque<Says>,
    pub model: VecDeque<Vec<Piece>>,
    pub line_events: Vec<(Millis, LineEvent)>,
    pub ear_events: Vec<(Millis, EarEvent)>,
    /// What the recogniser takes for an utterance.
    pub recogniser_takes: Millis,
    /// What it takes for utterances that began from this moment on.
    pub recogniser_slow_after: Option<(Millis, Millis)>,
    pub recogniser_fails: bool,
    /// It fails for utterances that began from this moment on.
    pub recogniser_fails_after: Option<Millis>,
    /// RTP comes from the answer on.
    pub media_comes: bool,
    /// Nothing is played from the first moment on, until the second.
    pub held: Option<(Millis, Option<Millis>)>,
    /// What the recogniser makes of these words, where it is more than the words; told the language, it makes the second of them.
    pub transcripts: HashMap<&'static str, (Transcript, Option<&'static str>)>,
    pub voice_fails: bool,
    /// The voice fails from this moment on.
    pub voice_fails_after: Option<Millis>,
    /// The sound of sentences with this word turns out to be no speech.
    pub no_speech: Option<&'static str>,
    /// So many sentences with this word break off in their middle.
    pub breaks_off: Option<(&'static str, usize)>,
    pub journal_takes: Millis,
    pub journal_fails: bool,
    /// Answers that get lost on their way, at random, with this probability.
    pub losses: Option<(u64, f64)>,
    /// What the ear and the playout tell gets lost as well.
    pub losses_inside: bool,
}

impl Default for Script {
    fn default() -> Self {
        Script {
            lines: VecDeque::new(),
            model: VecDeque::new(),
            line_events: Vec::new(),
            ear_events: Vec::new(),
            recogniser_takes: 200,
            recogniser_slow_after: None,
            recogniser_fails: false,
            recogniser_fails_after: None,
            media_comes: true,
            held: None,
            transcripts: HashMap::new(),
            voice_fails: false,
            voice_fails_after: None,
            no_speech: None,
            breaks_off: None,
            journal_takes: 20,
            journal_fails: false,
            losses: None,
            losses_inside: false,
        }
    }
}

enum Happening {
    Line(Box<LineEvent>),
    Ear(EarEvent),
    Speak,
    Silent,
    Look,
    StartSound,
    EndSound(SentenceId),
}

/// Everything outside of the conversation.
pub(super) struct World {
    pub script: Script,
    started: Instant,
    agenda: BTreeMap<(Millis, u64), Happening>,
    pub sequence: u64,
    changed: Arc<Notify>,
    random: Option<(StdRng, f64)>,
    speaking: Option<(UtteranceId, Millis, Says)>,
    pub utterances: HashMap<UtteranceId, (Millis, &'static str, Option<Language>)>,
    last_utterance: UtteranceId,
    at_the_ear: VecDeque<EarEvent>,
    pub queue: BTreeMap<SentenceId, (Millis, bool)>,
    playing: Option<(SentenceId, Millis, Millis)>,
    heard_any: bool,
    pub replies_open: usize,
    pub voices_open: usize,
    /// Voices fetched or being fetched and not played, at most.
    pub most_voices_ahead: usize,
    /// When the callee could hear us, and when they spoke.
    pub audible: Vec<(Millis, Millis)>,
    pub hung_up: Option<Millis>,
    pub requested_voices: usize,
    pub journaled: Vec<(String, Value)>,
}

impl World {
    pub fn new(mut script: Script) -> Arc<Mutex<Self>> {
        let line_events = std::mem::take(&mut script.line_events);
        let ear_events = std::mem::take(&mut script.ear_events);
        let random = script.losses.map(|(seed, share)| (StdRng::seed_from_u64(seed), share));
        let mut world = World {
            script,
            started: Instant::now(),
            agenda: BTreeMap::new(),
            sequence: 0,
            changed: Arc::new(Notify::new()),
            random,
            speaking: None,
            utterances: HashMap::new(),
            last_utterance: 0,
            at_the_ear: VecDeque::new(),
            queue: BTreeMap::new(),
            playing: None,
            heard_any: false,
            replies_open: 0,
            voices_open: 0,
            most_voices_ahead: 0,
            audible: Vec::new(),
            hung_up: None,
            requested_voices: 0,
            journaled: Vec::new(),
        };
        if world.script.media_comes {
            world.at(0, Happening::Line(Box::new(LineEvent::Media(MediaPresence::Present))));
        }
        for (at, event) in line_events {
            world.at(at, Happening::Line(Box::new(event)));
        }
        for (at, event) in ear_events {
            world.at(at, Happening::Ear(event));
        }
        world.arm();
        Arc::new(Mutex::new(world))
    }

    pub fn now(&self) -> Millis {
        self.started.elapsed().as_millis() as Millis
    }

    fn at(&mut self, at: Millis, happening: Happening) {
        self.sequence += 1;
        self.agenda.insert((at.max(self.now()), self.sequence), happening);
        self.changed.notify_one();
    }

    /// Whether this answer gets lost.
    pub fn lost(&mut self) -> bool {
        self.random.as_mut().is_some_and(|(random, share)| random.random_bool(*share))
    }

    fn lost_inside(&mut self) -> bool {
        self.script.losses_inside && self.lost()
    }

    /// What the line reports now, if anything.
    fn step(&mut self) -> Option<LineEvent> {
        while let Some(((at, _), _)) = self.agenda.first_key_value()
            && *at <= self.now()
        {
            let (_, happening) = self.agenda.pop_first()?;
            let event = match happening {
                Happening::Line(event) => Some(*event),
                Happening::Ear(event) => Some(self.reach_the_ear(event)),
                Happening::Look => {
                    self.arm();
                    None
                }
                Happening::Speak => {
                    self.begin_line();
                    None
                }
                Happening::Silent => self.end_line(),
                Happening::StartSound => self.start_sound(),
                Happening::EndSound(sentence) => self.end_sound(sentence),
            };
            if event.is_some() {
                return event;
            }
        }
        None
    }

    /// An event of the ear comes with a frame.
    fn reach_the_ear(&mut self, event: EarEvent) -> LineEvent {
        self.at_the_ear.push_back(event);
        LineEvent::Heard { at: MediaTime(self.now()), frame: SILENCE }
    }

    fn arm(&mut self) {
        let Some(line) = self.script.lines.front() else { return };
        match line.when {
            When::At(at) => self.at(at, Happening::Speak),
            When::Into(_) => {}
            When::Answering(gap) => {
                let busy = self.playing.is_some() || !self.queue.is_empty() || self.replies_open + self.voices_open > 0;
                let quiet = self.heard_any && !busy;
                let (wait, happening) = if quiet { (gap, Happening::Speak) } else { (LOOK, Happening::Look) };
                self.at(self.now() + wait, happening);
            }
        }
    }

    fn begin_line(&mut self) {
        if self.speaking.is_some() {
            return;
        }
        let Some(line) = self.script.lines.pop_front() else { return };
        self.last_utterance += 1;
        let now = self.now();
        self.at(now + 100, Happening::Ear(EarEvent::SpeechStarted { at: MediaTime(now) }));
        self.at(now + line.lasting + 500, Happening::Silent);
        self.audible.push((now, now + line.lasting));
        self.utterances.insert(self.last_utterance, (now, line.said, line.language));
        self.speaking = Some((self.last_utterance, now, line));
    }

    fn end_line(&mut self) -> Option<LineEvent> {
        let (utterance, began, line) = self.speaking.take()?;
        let soon = matches!(self.script.lines.front(), Some(Says { when: When::At(_), .. }));
        self.at(self.now() + if soon { 0 } else { 1_500 }, Happening::Look);
        if self.lost_inside() {
            return None;
        }
        let (started, ended) = (MediaTime(began), MediaTime(began + line.lasting));
        Some(self.reach_the_ear(EarEvent::SpeechEnded { utterance, started, ended }))
    }

    fn start_sound(&mut self) -> Option<LineEvent> {
        if self.playing.is_some() {
            return None;
        }
        if let Some((from, until)) = self.script.held
            && self.now() >= from
            && until.is_none_or(|until| self.now() < until)
        {
            if let Some(until) = until {
                self.at(until, Happening::StartSound);
            }
            return None;
        }
        let (sentence, (lasting, _)) = self.queue.iter().find(|(_, (_, whole))| *whole).map(|(id, sound)| (*id, *sound))?;
        self.queue.remove(&sentence);
        let now = self.now();
        self.playing = Some((sentence, now, lasting));
        self.heard_any = true;
        self.audible.push((now, now + lasting));
        self.at(now + lasting, Happening::EndSound(sentence));
        if let Some(Says { when: When::Into(into), .. }) = self.script.lines.front()
            && self.speaking.is_none()
        {
            self.at(now + into, Happening::Speak);
        }
        (!self.lost_inside()).then_some(LineEvent::Playout(PlayoutEvent::Started { sentence, at: MediaTime(now) }))
    }

    fn end_sound(&mut self, sentence: SentenceId) -> Option<LineEvent> {
        self.playing.filter(|(playing, _, _)| *playing == sentence)?;
        self.playing = None;
        self.at(self.now(), Happening::StartSound);
        let at = MediaTime(self.now());
        (!self.lost_inside()).then_some(LineEvent::Playout(PlayoutEvent::Played { sentence, at }))
    }
}

/// The line.
pub(super) struct FakeLine(pub Arc<Mutex<World>>);

impl Line for FakeLine {
    fn next(&mut self) -> BoxFuture<'_, LineEvent> {
        async move {
            loop {
                let (changed, next) = {
                    let mut world = self.0.lock().unwrap();
                    if let Some(event) = world.step() {
                        return event;
                    }
                    let next = world.agenda.first_key_value().map(|((at, _), _)| world.started + Duration::from_millis(*at));
                    (Arc::clone(&world.changed), next)
                };
                match next {
                    Some(next) => tokio::select! {
                        () = changed.notified() => {}
                        () = sleep_until(next) => {}
                    },
                    None => changed.notified().await,
                }
            }
        }
        .boxed()
    }

    fn playout(&self) -> Arc<dyn Playout> {
        Arc::new(FakePlayout(Arc::clone(&self.0)))
    }

    fn hang_up(&mut self) -> BoxFuture<'_, ()> {
        let mut world = self.0.lock().unwrap();
        world.hung_up = Some(world.now());
        std::future::ready(()).boxed()
    }
}

struct FakePlayout(Arc<Mutex<World>>);

impl Playout for FakePlayout {
    fn play(&self, sentence: SentenceId, samples: Vec<i16>, last: bool) {
        let mut world = self.0.lock().unwrap();
        let sound = world.queue.entry(sentence).or_default();
        sound.0 += samples.len() as Millis / 16;
        sound.1 |= last;
        if last {
            let now = world.now();
            world.at(now, Happening::StartSound);
        }
    }

    fn stop(&self) {
        let mut world = self.0.lock().unwrap();
        world.queue.clear();
        if let Some((sentence, started, lasting)) = world.playing.take() {
            let now = world.now();
            if let Some(audible) = world.audible.iter_mut().rev().find(|(from, _)| *from == started) {
                audible.1 = now;
            }
            let share = (now - started) as f32 / lasting as f32;
            let at = MediaTime(now + 40);
            world.at(now + 40, Happening::Line(Box::new(LineEvent::Playout(PlayoutEvent::Cut { sentence, at, share }))));
        }
    }

    fn record(&self) {}

    fn delete_recording(&self) {}
}

/// The ear: it has heard what the script says.
pub(super) struct FakeEar(pub Arc<Mutex<World>>);

impl Ear for FakeEar {
    fn hear(&mut self, _: MediaTime, _: &Frame) -> Vec<EarEvent> {
        self.0.lock().unwrap().at_the_ear.drain(..).collect()
    }

    fn take_utterance(&mut self, utterance: UtteranceId) -> Option<Vec<i16>> {
        Some(vec![utterance as i16])
    }

    fn flush(&mut self) -> Vec<EarEvent> {
        let mut world = self.0.lock().unwrap();
        let now = MediaTime(world.now());
        let open = world.speaking.take().filter(|(_, began, _)| now.0 > began + 100);
        let ended = open.map(|(utterance, began, line)| EarEvent::SpeechEnded {
            utterance,
            started: MediaTime(began),
            ended: now.min(MediaTime(began + line.lasting)),
        });
        ended.into_iter().chain([EarEvent::Flushed]).collect()
    }
}
