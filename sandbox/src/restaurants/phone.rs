//! The restaurants' telephones: every incoming call is picked up, or not, as its persona does, and led by its script.

use std::{collections::VecDeque, future::Future, net::IpAddr, sync::Arc, time::Duration};

use offhook::{attempt::SrtpPolicy, language::Language};
use offhook_hearing::{Ear, EarConfig};
use offhook_media::{MediaConfig, MediaEvent, MediaHandle, MediaSession};
use offhook_sip::{Dialog, DialogEvent, Incoming};
use offhook_speaking::spoken;
use offhook_types::{
    audio::{MediaTime, SAMPLE_RATE},
    hearing::EarEvent,
    ids::SentenceId,
    playout::PlayoutEvent,
};
use tokio::{
    sync::mpsc,
    task::spawn_blocking,
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    persona::{Persona, Pickup},
    poor_line::PoorLine,
    script::{Action, Event, Script},
};
use crate::{network::Weather, talker::vocabulary::Guest};

/// How long a telephone that nobody picks up rings before its exchange gives up.
const RINGS_OUT: Duration = Duration::from_secs(180);
/// The longest call.
const LONGEST_CALL: Duration = Duration::from_secs(600);
/// The longest wait for the recogniser; a restaurant that understood nothing goes by turn-taking.
const RECOGNITION: Duration = Duration::from_secs(2);
/// How long calls may take to hang up when the restaurants close.
const CLOSING: Duration = Duration::from_secs(6);
/// Why restaurants hang up, as an exchange says it in the BYE (RFC 3326).
const NORMAL_CLEARING: &str = "Q.850;cause=16;text=\"Normal call clearing\"";
/// Level of the voicemail's tone: −12 dBFS peak.
const BEEP_PEAK: f32 = 8_230.0;

/// What restaurants hear and speak with.
pub trait Senses: Send + Sync + 'static {
    /// The sentence of the agent's vocabulary that this sound (mono, `rate` Hz) is, if it is one. May take some 100 ms; called
    /// where blocking is allowed.
    fn recognise(&self, samples: &[i16], rate: u32, language: Language) -> Option<String>;

    /// The sound of these words, mono at 16 kHz, in espeak-ng's `voice` (`de+f3`); `None` where there is none, and why is logged.
    fn speak(&self, text: &str, voice: &str, language: Language) -> impl Future<Output = Option<Vec<i16>>> + Send;
}

/// The restaurants behind one SIP port.
pub struct Switchboard<S> {
    /// Who can be called.
    pub personas: Vec<Persona>,
    /// Whose introductions they can recognise.
    pub guests: Vec<Guest>,
    /// What they hear and speak with.
    pub senses: Arc<S>,
    /// The local address of their media.
    pub address: IpAddr,
    /// Written into the SDP instead of `address`.
    pub advertised: Option<IpAddr>,
    /// The network between callers and them; `None` is the machine's own.
    pub weather: Option<Weather>,
}

impl<S: Senses> Switchboard<S> {
    /// Takes every call until `closing`, then hangs up and waits for the last BYE, at most 6 s.
    pub async fn serve(self, mut incoming: mpsc::Receiver<Incoming>, closing: CancellationToken) {
        let board = Arc::new(self);
        let calls = TaskTracker::new();
        while let Some(Some(call)) = closing.run_until_cancelled(incoming.recv()).await {
            let (board, closing) = (Arc::clone(&board), closing.clone());
            calls.spawn(async move { board.take(call, closing).await });
        }
        calls.close();
        if timeout(CLOSING, calls.wait()).await.is_err() {
            tracing::warn!(calls = calls.len(), "restaurants closed with calls still up");
        }
    }

    async fn take(&self, call: Incoming, closing: CancellationToken) {
        let Some(persona) = self.personas.iter().find(|persona| persona.answers_to(&call.request_user)) else {
            tracing::info!(dialled = call.request_user, "no restaurant has this number");
            return call.reject(404, "no restaurant has this number").await;
        };
        tracing::info!(restaurant = persona.name, call_id = call.call_id, "a call");
        if persona.line.then != Pickup::Busy {
            call.ring().await;
        }
        let rings = match persona.line.then {
            Pickup::RingsOut => RINGS_OUT,
            _ => Duration::from_millis(persona.line.rings_ms),
        };
        tokio::select! {
            () = call.cancelled() => return,
            () = closing.cancelled() => return call.reject(480, "the restaurants close").await,
            () = sleep(rings) => {}
        }
        match persona.line.then {
            Pickup::Answers => self.answer(call, persona, closing).await,
            Pickup::Busy => call.reject(486, "engaged").await,
            Pickup::Rejects => call.reject(603, "declined").await,
            Pickup::RingsOut => call.reject(480, "nobody answers").await,
        }
    }

    async fn answer(&self, call: Incoming, persona: &Persona, closing: CancellationToken) {
        let config = MediaConfig {
            address: self.address,
            rtp_port: 0,
            advertised: self.advertised,
            codecs: persona.codecs.clone(),
            recording: None,
            srtp: SrtpPolicy::Prefer,
        };
        let mut session = match MediaSession::bind(config).await {
            Ok(session) => session,
            Err(error) => {
                tracing::error!(%error, "a restaurant has no media");
                return call.reject(500, "no media").await;
            }
        };
        let mut offer = call.offer.clone();
        let line = match self.weather {
            Some(_) => PoorLine::bind(self.address).await.ok(),
            None => None,
        };
        if let (Some(line), Some(offer)) = (&line, &mut offer)
            && let Ok(redirected) = line.offer(offer)
        {
            *offer = redirected;
        }
        let mut answer = match offer.as_deref().map(|offer| session.answer(offer)) {
            Some(Ok((answer, _))) => answer,
            Some(Err(error)) => {
                tracing::info!(restaurant = persona.name, %error, "an offer that cannot be answered");
                return call.reject(488, "no codec in common").await;
            }
            None => return call.reject(488, "an offer is needed").await,
        };
        let mut carried = None;
        if let (Some(line), Some(weather), Some(offer)) = (line, self.weather, &call.offer)
            && let Ok(shown) = line.answer(&answer)
        {
            carried = line.carry(weather, offer, &answer);
            answer = shown;
        }
        let dialog = match call.answer(&answer).await {
            Ok(dialog) => dialog,
            Err(error) => return tracing::info!(restaurant = persona.name, %error, "the caller was gone"),
        };
        let (media, events) = session.start();
        let conversation = Conversation {
            board: self,
            persona,
            script: Script::new(persona.clone(), self.guests.clone()),
            ear: Ear::new(EarConfig::default()),
            media: media.clone(),
            plan: VecDeque::new(),
            doing: Doing::Nothing,
            now: MediaTime(0),
            last_sound: MediaTime(0),
            agent_speaks: false,
            sentences: 0,
        };
        conversation.run(dialog, events, closing).await;
        media.finish().await;
        drop(carried);
    }
}

/// What the restaurant is in the middle of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Doing {
    Nothing,
    Waiting { until: MediaTime },
    Sounding(SentenceId),
}

struct Conversation<'a, S> {
    board: &'a Switchboard<S>,
    persona: &'a Persona,
    script: Script,
    ear: Ear,
    media: MediaHandle,
    plan: VecDeque<Action>,
    doing: Doing,
    now: MediaTime,
    /// When either side was last heard.
    last_sound: MediaTime,
    agent_speaks: bool,
    sentences: u32,
}

impl<S: Senses> Conversation<'_, S> {
    async fn run(mut self, mut dialog: Dialog, mut events: mpsc::Receiver<MediaEvent>, closing: CancellationToken) {
        let mut limit = std::pin::pin!(sleep(LONGEST_CALL));
        self.happens(&Event::Answered);
        loop {
            tokio::select! {
                event = events.recv() => match event {
                    Some(event) => self.media_event(event).await,
                    None => break,
                },
                event = dialog.next() => match event {
                    Some(DialogEvent::Reoffer { sdp, answer }) => match self.media.answer(&sdp) {
                        Ok((sdp, _)) => answer.accept(&sdp).await,
                        Err(error) => {
                            tracing::info!(%error, "a re-offer that cannot be answered");
                            answer.reject(488).await;
                        }
                    },
                    Some(DialogEvent::Info { .. } | DialogEvent::Reanswer { .. }) => {}
                    Some(DialogEvent::RemoteBye { .. } | DialogEvent::Lost { .. }) | None => return self.happens(&Event::HungUp),
                },
                () = closing.cancelled() => break,
                () = &mut limit => break,
            }
            if self.carry_out().await {
                break;
            }
        }
        if let Err(error) = dialog.hangup_with_reason(NORMAL_CLEARING).await {
            tracing::info!(restaurant = self.persona.name, %error, "the caller did not answer BYE");
        }
    }

    async fn media_event(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::Heard { at, frame, .. } => {
                self.now = at;
                for event in self.ear.hear(at, &frame) {
                    self.ear_event(event).await;
                }
                if matches!(self.doing, Doing::Waiting { until } if until <= at) {
                    self.doing = Doing::Nothing;
                }
                if self.doing == Doing::Nothing && self.plan.is_empty() && !self.agent_speaks {
                    self.happens(&Event::Silence(at.since(self.last_sound)));
                }
            }
            MediaEvent::Playout(PlayoutEvent::Played { sentence, at })
            | MediaEvent::Playout(PlayoutEvent::Cut { sentence, at, .. })
                if self.doing == Doing::Sounding(sentence) =>
            {
                self.last_sound = self.last_sound.max(at);
                self.doing = Doing::Nothing;
            }
            _ => {}
        }
    }

    async fn ear_event(&mut self, event: EarEvent) {
        match event {
            EarEvent::SpeechStarted { .. } => {
                self.agent_speaks = true;
                self.happens(&Event::AgentStarted);
            }
            EarEvent::SpeechEnded { utterance, ended, .. } => {
                self.agent_speaks = false;
                self.last_sound = self.last_sound.max(ended);
                let text = match self.ear.take_utterance(utterance) {
                    Some(samples) => self.recognise(samples).await,
                    None => None,
                };
                tracing::debug!(restaurant = self.persona.name, text, "the caller spoke");
                self.happens(&Event::AgentSpoke { text });
            }
            EarEvent::Beep { .. } | EarEvent::Flushed => {}
        }
    }

    async fn recognise(&self, samples: Vec<i16>) -> Option<String> {
        let language = self.persona.language;
        let senses = Arc::clone(&self.board.senses);
        let heard = spawn_blocking(move || senses.recognise(&samples, SAMPLE_RATE, language));
        timeout(RECOGNITION, heard).await.ok()?.ok()?
    }

    fn happens(&mut self, event: &Event) {
        self.plan.extend(self.script.on(event));
    }

    /// Begins what is planned, one thing after the other; true once the restaurant hangs up.
    async fn carry_out(&mut self) -> bool {
        while self.doing == Doing::Nothing {
            match self.plan.pop_front() {
                None => return false,
                Some(Action::HangUp) => return true,
                Some(Action::Wait(ms)) => self.doing = Doing::Waiting { until: MediaTime(self.now.0 + ms) },
                Some(Action::Beep(ms)) => self.sound(beep(ms)),
                Some(Action::Say(text)) => {
                    let (voice, language) = (&self.persona.voice, self.persona.language);
                    let words = spoken(&text, language);
                    match self.board.senses.speak(&words, voice, language).await {
                        Some(samples) => self.sound(samples),
                        None => tracing::error!(restaurant = self.persona.name, text, "a restaurant has no voice"),
                    }
                }
            }
        }
        false
    }

    fn sound(&mut self, samples: Vec<i16>) {
        let sentence = SentenceId { generation: 0, index: self.sentences };
        self.sentences += 1;
        self.media.play(sentence, samples, true);
        self.doing = Doing::Sounding(sentence);
    }
}

/// A tone of 1 kHz, 16 kHz samples, with 10 ms of fade at both ends.
fn beep(ms: u64) -> Vec<i16> {
    let rate = SAMPLE_RATE as f32;
    let total = (u64::from(SAMPLE_RATE) * ms / 1000) as usize;
    let fade = SAMPLE_RATE as usize / 100;
    let sample = |index: usize| {
        let gain = (index.min(total - 1 - index) as f32 / fade as f32).min(1.0);
        (BEEP_PEAK * gain * (std::f32::consts::TAU * 1000.0 * index as f32 / rate).sin()) as i16
    };
    (0..total).map(sample).collect()
}
