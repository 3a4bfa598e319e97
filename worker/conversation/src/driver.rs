//! Feeds the mind and carries out its actions. Decides nothing, and keeps no bound: what is lost here, the mind notices by itself.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures::StreamExt;
use offhook::language::Language;
use offhook_mind::{Action, Conclusion, Event, Mind};
use offhook_types::{
    chat::{Message, ReplyPiece, Tool},
    hearing::EarEvent,
    ids::{Generation, Millis, SentenceId, UtteranceId},
    line::StopReason,
    playout::PlayoutEvent,
    services::VoiceError,
};
use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    task::{AbortHandle, JoinSet},
    time::{Instant, sleep_until},
};

use super::{
    event_log::EventLog,
    ports::{LineEvent, Playout, Ports},
    setup::Setup,
    voices::Voices,
};

/// Events of providers and the journal on their way to the mind. Whoever sends one waits while it is full.
const EVENTS: usize = 256;

/// Holds the conversation with whoever answered, to its conclusion. `stop` names the reason once it is to be ended politely.
pub async fn converse(setup: Setup, ports: Ports, log: EventLog, mut stop: watch::Receiver<Option<StopReason>>) -> Conclusion {
    let (events, mut provided) = mpsc::channel(EVENTS);
    let playout = ports.line.playout();
    let mut driver = Driver {
        mind: Mind::new(setup.request, &setup.number, setup.settings, 0),
        log,
        voices: Voices::start(Arc::clone(&ports.voice), Arc::clone(&playout), events.clone()),
        playout,
        ports,
        events,
        tasks: JoinSet::new(),
        replying: None,
        started: Instant::now(),
        wake_at: None,
        conclusion: None,
        waiting: VecDeque::new(),
        planned: HashMap::new(),
        last_sound: None,
        speech_ended: None,
    };
    driver.tell(Event::Answered).await;
    let asked_to_stop = *stop.borrow_and_update();
    if let Some(reason) = asked_to_stop {
        driver.tell(Event::Stop(reason)).await;
    }
    loop {
        if let Some(conclusion) = driver.conclusion.take() {
            return conclusion;
        }
        let wake_at = driver.wake_at;
        tokio::select! {
            biased;
            event = driver.ports.line.next() => driver.line_event(event).await,
            Some(event) = provided.recv() => driver.tell(event).await,
            () = until(wake_at) => {
                driver.wake_at = None;
                driver.tell(Event::Wake).await;
            }
            Ok(()) = stop.changed() => {
                let reason = *stop.borrow_and_update();
                if let Some(reason) = reason {
                    driver.tell(Event::Stop(reason)).await;
                }
            }
            Some(_) = driver.tasks.join_next() => {}
        }
    }
}

async fn until(moment: Option<Instant>) {
    match moment {
        Some(moment) => sleep_until(moment).await,
        None => std::future::pending().await,
    }
}

struct Driver {
    mind: Mind,
    log: EventLog,
    ports: Ports,
    playout: Arc<dyn Playout>,
    voices: Voices,
    events: mpsc::Sender<Event>,
    /// Requests to recogniser, model and journal; all end with the conversation.
    tasks: JoinSet<()>,
    replying: Option<AbortHandle>,
    started: Instant,
    wake_at: Option<Instant>,
    conclusion: Option<Conclusion>,
    /// Events that an action brought about at once.
    waiting: VecDeque<Event>,
    /// What is to be spoken and has not begun: written down when the callee begins to hear it.
    planned: HashMap<SentenceId, String>,
    /// The utterance that the recogniser was asked about last: it may be asked again, with a hint.
    last_sound: Option<(UtteranceId, Vec<i16>)>,
    /// When the callee's last turn was over, until we answer it: the latency a callee feels.
    speech_ended: Option<Instant>,
}

impl Driver {
    async fn line_event(&mut self, event: LineEvent) {
        match event {
            LineEvent::Heard { at, frame } => {
                for heard in self.ports.ear.hear(at, &frame) {
                    if matches!(heard, EarEvent::SpeechEnded { .. }) {
                        self.speech_ended = Some(Instant::now());
                    }
                    self.tell(Event::Heard(heard)).await;
                }
            }
            LineEvent::Playout(event) => {
                self.note_playout(event);
                let ended = match event {
                    PlayoutEvent::Played { sentence, .. } | PlayoutEvent::Cut { sentence, .. } => Some(sentence),
                    PlayoutEvent::Started { .. } => None,
                };
                // What was played of it was no speech, or not all of it.
                let failed = ended.and_then(|sentence| Some((sentence, self.voices.take_failure(sentence)?)));
                self.tell(match failed {
                    Some((sentence, VoiceError::Failed(error))) => Event::SentenceFailed { sentence, error, broke_off: true },
                    Some((sentence, VoiceError::NotSpeech(error))) => Event::SentenceFailed { sentence, error, broke_off: false },
                    None => Event::Playout(event),
                })
                .await;
            }
            LineEvent::Media(presence) => self.tell(Event::Media(presence)).await,
            LineEvent::Held(held) => self.tell(Event::Held(held)).await,
            LineEvent::Key(key) => self.ports.journal.event("dtmf", json!({ "digit": key })),
            LineEvent::Ended(end) => self.tell(Event::LineEnded(end)).await,
        }
    }

    fn note_playout(&mut self, event: PlayoutEvent) {
        match event {
            PlayoutEvent::Started { sentence, .. } => {
                if let Some(ended) = self.speech_ended.take() {
                    let mut detail = self.ports.tallies.take_turn();
                    detail["ms"] = json!(ended.elapsed().as_millis() as u64);
                    self.ports.journal.event("answer_latency", detail);
                }
                if let Some(text) = self.planned.remove(&sentence) {
                    self.ports.journal.event("saying", json!({ "text": text }));
                }
            }
            PlayoutEvent::Played { sentence, .. } | PlayoutEvent::Cut { sentence, .. } => self.voices.ended(sentence),
        }
    }

    /// Tells the mind, and carries out what it wants, and whatever comes of that at once.
    async fn tell(&mut self, event: Event) {
        self.waiting.push_back(event);
        while let Some(event) = self.waiting.pop_front() {
            if self.conclusion.is_some() {
                self.waiting.clear();
                return;
            }
            if let Event::SentenceFailed { sentence, .. } = event {
                self.voices.ended(sentence);
            }
            let now = self.started.elapsed().as_millis() as Millis;
            self.log.event(now, &event);
            let actions = self.mind.handle(event, now);
            self.log.actions(&actions);
            for action in actions {
                self.perform(action).await;
            }
        }
    }

    async fn perform(&mut self, action: Action) {
        match action {
            Action::Transcribe { utterance, language } => self.transcribe(utterance, language),
            Action::Think { generation, messages, tools } => self.think(generation, messages, tools),
            Action::StopThinking => self.stop_thinking(),
            Action::Speak { sentence, text, language } => {
                self.voices.speak(sentence, &text, language);
                self.planned.insert(sentence, text);
            }
            Action::StopSpeaking => {
                self.voices.stop();
                self.planned.clear();
            }
            Action::JournalTool { number, name, arguments } => {
                let (begun, events) = (self.ports.journal.tool_begin(number, name, arguments), self.events.clone());
                self.tasks.spawn(async move {
                    let event = match begun.await {
                        Ok(known) => Event::ToolJournaled { number, known },
                        Err(error) => Event::ToolNotJournaled { number, error },
                    };
                    let _ = events.send(event).await;
                });
            }
            Action::SettleTool { number, result } => self.ports.journal.tool_end(number, result),
            Action::StartRecording => self.playout.record(),
            Action::DeleteRecording => self.playout.delete_recording(),
            Action::Record(turn) => self.ports.journal.turn(&turn),
            Action::Log { kind, detail } => self.ports.journal.event(kind, detail),
            Action::FlushEar => self.waiting.extend(self.ports.ear.flush().into_iter().map(Event::Heard)),
            Action::WakeAt(at) => self.wake_at = Some(self.started + Duration::from_millis(at)),
            Action::HangUp => self.ports.line.hang_up().await,
            Action::Finish(conclusion) => self.conclusion = Some(conclusion),
        }
    }

    fn transcribe(&mut self, utterance: UtteranceId, language: Option<Language>) {
        let kept = self.last_sound.take().filter(|(known, _)| *known == utterance).map(|(_, sound)| sound);
        let Some(sound) = kept.or_else(|| self.ports.ear.take_utterance(utterance)) else {
            let error = "the sound of this utterance is gone".to_owned();
            self.waiting.push_back(Event::TranscriptionFailed { utterance, error });
            return;
        };
        self.last_sound = Some((utterance, sound.clone()));
        let (transcript, events) = (self.ports.recogniser.transcribe(sound, language), self.events.clone());
        self.tasks.spawn(async move {
            let event = match transcript.await {
                Ok(transcript) => Event::Transcribed { utterance, transcript },
                Err(error) => Event::TranscriptionFailed { utterance, error },
            };
            let _ = events.send(event).await;
        });
    }

    fn think(&mut self, generation: Generation, messages: Vec<Message>, tools: Vec<Tool>) {
        self.stop_thinking();
        let (mut reply, events) = (self.ports.model.reply(messages, tools), self.events.clone());
        self.replying = Some(self.tasks.spawn(async move {
            let last = loop {
                let event = match reply.next().await {
                    Some(Ok(ReplyPiece::Text(text))) => Event::ReplyText { generation, text },
                    Some(Ok(ReplyPiece::ToolCall(call))) => Event::ReplyToolCall { generation, call },
                    Some(Ok(ReplyPiece::Ended)) | None => break Event::ReplyEnded { generation },
                    Some(Err(error)) => break Event::ReplyFailed { generation, error },
                };
                if events.send(event).await.is_err() {
                    return;
                }
            };
            let _ = events.send(last).await;
        }));
    }

    fn stop_thinking(&mut self) {
        if let Some(replying) = self.replying.take() {
            replying.abort();
        }
    }
}
