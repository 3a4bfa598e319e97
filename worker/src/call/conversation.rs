//! From the answer to the end: joins media, hearing, recogniser, mind, model, voice and dialog. Decides nothing itself.

use std::{collections::HashMap, time::Duration};

use chrono::Utc;
use offhook::{attempt::AttemptSpecification, disposition::Disposition, report::Report};
use offhook_hearing::{Ear, EarConfig};
use offhook_media::{MediaEvent, MediaHandle, MediaSession, Negotiated};
use offhook_mind::{Action, Event, Mind, MindSettings, action::Conclusion};
use offhook_providers::{Providers, ReplyPiece};
use offhook_sip::{Dialog, DialogEvent};
use offhook_types::{
    hearing::EarEvent,
    ids::{Generation, Millis, SentenceId},
    playout::PlayoutEvent,
};
use serde_json::json;
use tokio::{
    sync::{mpsc, watch},
    task::JoinHandle,
    time::{Instant, sleep_until, timeout},
};

use super::{dialing::early_media, ending::of_conversation, journal::Journal, sound_watch::SoundWatch, voices::Voices};

/// Events of providers on their way to the mind.
const EVENTS: usize = 256;
/// After the mind asked to hang up or the callee did, it has this long to finish.
const LAST_WORDS: Duration = Duration::from_secs(2);
/// Far away: no wake-up asked for.
const NEVER: Duration = Duration::from_secs(86_400);

/// An answered call with sound agreed on.
pub struct Answered {
    /// The confirmed dialog.
    pub dialog: Dialog,
    /// The media session, not started yet.
    pub session: MediaSession,
    /// What was agreed.
    pub negotiated: Negotiated,
}

/// Holds the conversation and reports it.
pub async fn converse(
    specification: &AttemptSpecification,
    answered: Answered,
    providers: Providers,
    journal: &Journal,
    cancelled: watch::Receiver<bool>,
) -> Report {
    let Answered { dialog, session, negotiated } = answered;
    if let Some(sound) = session.early_sound() {
        journal.event("early_media_ended", early_media(sound));
    }
    let (media, media_events) = session.start();
    let encrypted = negotiated.crypto.is_some();
    journal.talking(json!({ "codec": negotiated.codec, "remote": negotiated.remote.to_string(), "encrypted": encrypted }));
    let (events, provider_events) = mpsc::channel(EVENTS);
    let started = Instant::now();
    let today = Utc::now().with_timezone(&specification.request.restaurant_zone).date_naive();
    let settings = MindSettings::new(specification.limits, today);
    let conversation = Conversation {
        mind: Mind::new(specification.request.clone(), &specification.dial.number, settings, 0),
        ear: Ear::new(EarConfig::default()),
        voices: Voices::start(providers.clone(), media.clone(), events.clone()),
        media: media.clone(),
        dialog: Some(dialog),
        providers,
        events,
        journal,
        thinking: None,
        started,
        wake_at: started + NEVER,
        conclusion: None,
        planned: HashMap::new(),
        line_down: None,
        speech_ended: None,
        sound: SoundWatch::new(started, specification.limits.media),
    };
    let (conclusion, dialog) = conversation.run(media_events, provider_events, cancelled).await;
    if let Some(dialog) = dialog
        && let Err(error) = dialog.hangup().await
    {
        tracing::warn!(%error, "the far end did not confirm our BYE");
    }
    let outcome = media.finish().await;
    of_conversation(conclusion, negotiated.codec, outcome)
}

struct Conversation<'a> {
    mind: Mind,
    ear: Ear,
    voices: Voices,
    media: MediaHandle,
    /// Until we or they hang up.
    dialog: Option<Dialog>,
    providers: Providers,
    events: mpsc::Sender<Event>,
    journal: &'a Journal,
    thinking: Option<JoinHandle<()>>,
    started: Instant,
    wake_at: Instant,
    conclusion: Option<Conclusion>,
    /// What is to be spoken and has not begun: told when the callee begins to hear it.
    planned: HashMap<SentenceId, String>,
    /// When the line went down, by whoever.
    line_down: Option<Instant>,
    /// When the callee's last turn was over, until we answer it: the latency a callee feels.
    speech_ended: Option<Instant>,
    /// Whether any sound has come since the answer.
    sound: SoundWatch,
}

impl Conversation<'_> {
    async fn run(
        mut self,
        mut media_events: mpsc::Receiver<MediaEvent>,
        mut provider_events: mpsc::Receiver<Event>,
        mut cancelled: watch::Receiver<bool>,
    ) -> (Conclusion, Option<Dialog>) {
        self.tell(Event::Answered).await;
        if *cancelled.borrow_and_update() {
            self.tell(Event::CancelRequested).await;
        }
        while self.conclusion.is_none() {
            let line_down_for_long = self.line_down.map_or_else(|| self.started + NEVER, |since| since + LAST_WORDS);
            tokio::select! {
                biased;
                event = next_dialog_event(&mut self.dialog) => self.dialog_event(event).await,
                event = media_events.recv() => match event {
                    Some(event) => self.media_event(event).await,
                    None => self.hung_up("the media stopped").await,
                },
                Some(event) = provider_events.recv() => self.tell(event).await,
                () = sleep_until(self.wake_at) => {
                    self.wake_at = self.started + NEVER;
                    self.tell(Event::Wake).await;
                }
                Ok(()) = cancelled.changed() => if *cancelled.borrow_and_update() {
                    self.tell(Event::CancelRequested).await;
                },
                () = sleep_until(line_down_for_long) => break,
                () = sleep_until(self.sound.due()), if self.sound.is_awaited() => self.look_for_sound().await,
            }
        }
        self.stop_thinking();
        let conclusion = self.conclusion.take().unwrap_or_else(|| Conclusion {
            disposition: Disposition::Answered,
            outcome: None,
            detail: Some("the line went down".to_owned()),
            do_not_call: false,
        });
        (self.sound.judge(conclusion), self.dialog.take())
    }

    async fn dialog_event(&mut self, event: Option<DialogEvent>) {
        match event {
            Some(DialogEvent::RemoteBye { cause, reason }) => {
                self.journal.event("callee_hung_up", json!({ "cause": cause, "reason": reason }));
                self.dialog = None;
                self.hung_up("the callee hung up").await;
            }
            Some(DialogEvent::Lost { why }) => {
                self.journal.event("dialog_lost", json!({ "why": why }));
                self.dialog = None;
                self.hung_up("the dialog was lost").await;
            }
            Some(event) => self.change(event).await,
            None => {
                self.dialog = None;
                self.hung_up("the dialog ended").await;
            }
        }
    }

    async fn hung_up(&mut self, how: &str) {
        if self.line_down.is_none() {
            tracing::info!(how, "line down");
            self.line_down = Some(Instant::now());
            self.tell(Event::CalleeHungUp).await;
        }
    }

    async fn media_event(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::Heard { at, frame, .. } => {
                for heard in self.ear.hear(at, &frame) {
                    if matches!(heard, EarEvent::SpeechEnded { .. }) {
                        self.speech_ended = Some(Instant::now());
                    }
                    self.tell(Event::Heard(heard)).await;
                }
            }
            MediaEvent::Playout(event) => {
                if let PlayoutEvent::Started { sentence, .. } = event {
                    if let Some(ended) = self.speech_ended.take() {
                        self.journal.event("answer_latency", json!({ "ms": ended.elapsed().as_millis() as u64 }));
                    }
                    if let Some(text) = self.planned.remove(&sentence) {
                        self.journal.event("saying", json!({ "text": text }));
                    }
                }
                self.tell(Event::Playout(event)).await;
            }
            MediaEvent::Dtmf(digit) => self.journal.event("dtmf", json!({ "digit": digit })),
            // None since the answer is a matter of its own, with a bound of its own.
            MediaEvent::NoMedia { .. } if self.sound.is_awaited() && self.media.report().packets_received == 0 => {}
            MediaEvent::NoMedia { for_ms } => {
                self.journal.event("no_media", json!({ "for_ms": for_ms }));
                self.hung_up("no sound came").await;
            }
        }
    }

    /// The bound of an answered call without sound is over.
    async fn look_for_sound(&mut self) {
        if self.sound.arrived(self.media.report().packets_received) {
            return;
        }
        self.journal.event("no_media", json!({ "for_ms": self.sound.bound().as_millis() as u64 }));
        self.hung_up("no sound came").await;
    }

    async fn tell(&mut self, event: Event) {
        let now = self.now();
        let actions = self.mind.handle(event, now);
        for action in actions {
            self.perform(action).await;
        }
    }

    async fn perform(&mut self, action: Action) {
        match action {
            Action::Transcribe { utterance, language } => {
                let Some(sound) = self.ear.take_utterance(utterance) else {
                    let error = "the sound of this utterance is gone".to_owned();
                    let _ = self.events.try_send(Event::TranscriptionFailed { utterance, error });
                    return;
                };
                let (providers, events) = (self.providers.clone(), self.events.clone());
                tokio::spawn(async move {
                    let event = match providers.transcribe(&sound, language).await {
                        Ok(transcript) => Event::Transcribed { utterance, transcript },
                        Err(error) => Event::TranscriptionFailed { utterance, error: error.to_string() },
                    };
                    let _ = events.send(event).await;
                });
            }
            Action::Think { generation, messages, tools } => {
                self.stop_thinking();
                let (providers, events) = (self.providers.clone(), self.events.clone());
                self.thinking = Some(tokio::spawn(async move {
                    let outcome = match providers.think(&messages, &tools).await {
                        Ok(reply) => relay(reply, generation, &events).await,
                        Err(error) => Err(error.to_string()),
                    };
                    let last = match outcome {
                        Ok(()) => Event::ReplyEnded { generation },
                        Err(error) => Event::ReplyFailed { generation, error },
                    };
                    let _ = events.send(last).await;
                }));
            }
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
                self.journal.tool_begin(number, name, arguments, self.events.clone());
            }
            Action::SettleTool { number, result } => self.journal.tool_end(number, result),
            Action::StartRecording => self.media.record(),
            Action::DeleteRecording => self.media.delete_recording(),
            Action::Record(turn) => self.journal.turn(&turn),
            Action::Log { kind, detail } => self.journal.event(kind, detail),
            Action::WakeAt(at) => self.wake_at = self.started + Duration::from_millis(at),
            Action::HangUp => {
                self.drain().await;
                self.line_down.get_or_insert_with(Instant::now);
                if let Some(dialog) = self.dialog.take()
                    && let Err(error) = dialog.hangup().await
                {
                    tracing::warn!(%error, "the far end did not confirm our BYE");
                }
            }
            Action::Finish(conclusion) => self.conclusion = Some(conclusion),
        }
    }

    /// Lets the last words reach the callee before we hang up, unless it hangs up first. Bounded by the media's own bound.
    async fn drain(&mut self) {
        let media = self.media.clone();
        let drained = media.drain();
        tokio::pin!(drained);
        loop {
            let event = tokio::select! {
                () = &mut drained => return,
                event = next_dialog_event(&mut self.dialog) => event,
            };
            match event {
                Some(DialogEvent::RemoteBye { .. } | DialogEvent::Lost { .. }) | None => {
                    self.dialog = None;
                    return;
                }
                Some(event) => self.change(event).await,
            }
        }
    }

    /// What the callee's side asks of the media in the middle of the call.
    async fn change(&mut self, event: DialogEvent) {
        match event {
            DialogEvent::Reoffer { sdp, answer } => match self.media.answer(&sdp) {
                Ok((our_sdp, _)) => answer.accept(&our_sdp).await,
                Err(error) => {
                    tracing::warn!(%error, "an offer in the middle of the call cannot be taken");
                    answer.reject(488).await;
                }
            },
            // Its answer to what we had said last, for which it had asked.
            DialogEvent::Reanswer { sdp } => {
                if let Err(error) = self.media.accept_answer(&sdp) {
                    tracing::warn!(%error, "an answer in the middle of the call cannot be taken");
                }
            }
            DialogEvent::Info { content_type, body } => self.media.info(&content_type, &body),
            DialogEvent::RemoteBye { .. } | DialogEvent::Lost { .. } => {}
        }
    }

    fn stop_thinking(&mut self) {
        if let Some(thinking) = self.thinking.take() {
            thinking.abort();
        }
    }

    fn now(&self) -> Millis {
        self.started.elapsed().as_millis() as Millis
    }
}

async fn next_dialog_event(dialog: &mut Option<Dialog>) -> Option<DialogEvent> {
    match dialog {
        Some(dialog) => dialog.next().await,
        None => std::future::pending().await,
    }
}

/// Passes a reply on, piece by piece, under its generation.
async fn relay(
    mut reply: offhook_providers::ReplyStream,
    generation: Generation,
    events: &mpsc::Sender<Event>,
) -> Result<(), String> {
    while let Some(piece) = reply.next().await {
        let event = match piece.map_err(|error| error.to_string())? {
            ReplyPiece::Text(text) => Event::ReplyText { generation, text },
            ReplyPiece::ToolCall(call) => Event::ReplyToolCall { generation, call },
            ReplyPiece::Ended => break,
        };
        // A mind that takes no more events is a call that is over.
        let Ok(Ok(())) = timeout(Duration::from_secs(5), events.send(event)).await else { break };
    }
    Ok(())
}
