//! The media session: a socket, the 20 ms clock, and the handle by which the call speaks.
//!
//! The task wakes for every tick and for every datagram, whose time of arrival counts; what the handle asks for lies behind a
//! mutex that is held for microseconds.

pub mod handle;
pub mod socket;
mod ticking;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use offhook::attempt::{CodecName, SrtpPolicy};
use tokio::sync::{mpsc, watch};

pub use self::handle::{MediaHandle, MediaOutcome};
use self::{handle::Shared, socket::Ports, ticking::Ticking};
use super::{
    codec::Encoder,
    early_sound::EarlySound,
    error::MediaError,
    line::MediaEvent,
    negotiation::{Encryption, Lookup, Negotiated, Negotiator},
    recorder::Permission,
};

/// Events that may wait for a slow consumer: two seconds of sound and what else happens.
const EVENTS: usize = 128;

/// Where and how.
#[derive(Debug, Clone)]
pub struct MediaConfig {
    /// The local address.
    pub address: IpAddr,
    /// Of RTP; 0: any even port.
    pub rtp_port: u16,
    /// Written into the SDP instead of `address`, where the host is behind NAT.
    pub advertised: Option<IpAddr>,
    /// In the order of preference.
    pub codecs: Vec<CodecName>,
    /// The file to record to; its folder exists.
    pub recording: Option<PathBuf>,
    /// Whether sound is encrypted.
    pub srtp: SrtpPolicy,
}

/// A bound socket and what was agreed on so far. Sound flows after `start`, or one way after `start_early`.
pub struct MediaSession {
    port: u16,
    state: State,
}

enum State {
    /// Silent.
    Bound(Box<Bound>),
    /// Listening before the answer.
    Early { handle: MediaHandle, events: mpsc::Receiver<MediaEvent> },
    /// Over before it was answered.
    Ended,
}

struct Bound {
    ports: Ports,
    negotiator: Negotiator,
    agreed: Option<(Negotiated, Encoder)>,
    recording: Option<PathBuf>,
    permission: Permission,
}

/// What came before an answer that never came.
#[derive(Debug, Clone, PartialEq)]
pub struct EarlyMedia {
    /// What was heard.
    pub sound: EarlySound,
    /// Counters and the recording.
    pub outcome: MediaOutcome,
}

impl MediaSession {
    /// Binds RTP, and RTCP on the next port where that is free.
    pub async fn bind(config: MediaConfig) -> Result<Self, MediaError> {
        let advertised = config.advertised.unwrap_or(config.address);
        if advertised.is_unspecified() {
            return Err(MediaError::NothingToAdvertise(advertised));
        }
        if let Some(path) = config.recording.as_ref().filter(|path| !path.parent().is_some_and(|folder| folder.is_dir())) {
            return Err(MediaError::RecordingFolder { path: path.clone() });
        }
        let ports = Ports::bind(config.address, config.rtp_port)?;
        let address = SocketAddr::new(advertised, ports.rtp_port());
        // Keys come from the generator that is seeded by the system's and made for secrets.
        let encryption = Encryption::new(config.srtp, [rand::random(), rand::random()]);
        let negotiator = Negotiator::new(address, config.codecs, u64::from(rand::random::<u32>())).with_encryption(encryption);
        let port = ports.rtp_port();
        let bound = Bound { ports, negotiator, agreed: None, recording: config.recording, permission: Permission::Given };
        Ok(MediaSession { port, state: State::Bound(Box::new(bound)) })
    }

    /// The recording stays silent until `MediaHandle::record`. To be said before anything is heard.
    pub fn hold_recording(&mut self) {
        if let State::Bound(bound) = &mut self.state {
            bound.permission = Permission::Awaited;
        }
    }

    /// Asks a STUN server for our public address, and writes that into the SDP from now on. To be done before the offer; takes at
    /// most three seconds. Where it fails, the address stays as it was.
    pub async fn discover(&mut self, host: &str, port: u16) -> Result<SocketAddr, MediaError> {
        let State::Bound(bound) = &mut self.state else { return Err(MediaError::Over) };
        let public = bound.ports.discover(host, port).await?;
        bound.negotiator.advertise(public);
        Ok(public)
    }

    /// The local port of RTP; the next one is RTCP's.
    pub fn rtp_port(&self) -> u16 {
        self.port
    }

    /// Caller's side: the SDP for the INVITE. The same each time.
    pub fn offer(&self) -> String {
        match &self.state {
            State::Bound(bound) => bound.negotiator.offer(),
            State::Early { handle, .. } => handle.offer(),
            State::Ended => String::new(),
        }
    }

    /// What has to be looked up before this description of the peer can be taken; `None` where nothing has.
    pub fn lookup(&self, sdp: &str) -> Option<Lookup> {
        match &self.state {
            State::Bound(bound) => bound.negotiator.lookup(sdp),
            State::Early { handle, .. } => handle.lookup(sdp),
            State::Ended => None,
        }
    }

    /// Caller's side: the SDP of a 183 or 200. The last one counts.
    pub fn accept_answer(&mut self, sdp: &str) -> Result<Negotiated, MediaError> {
        match &mut self.state {
            State::Bound(bound) => {
                let negotiated = bound.negotiator.accept_answer(sdp)?;
                bound.agree(&negotiated)?;
                Ok(negotiated)
            }
            State::Early { handle, .. } => handle.accept_answer(sdp),
            State::Ended => Err(MediaError::Over),
        }
    }

    /// Answers an offer: the callee's side, or the caller's where the offer comes before the answer (UPDATE).
    pub fn answer(&mut self, offer: &str) -> Result<(String, Negotiated), MediaError> {
        match &mut self.state {
            State::Bound(bound) => {
                let (sdp, negotiated) = bound.negotiator.answer(offer, None)?;
                bound.agree(&negotiated)?;
                Ok((sdp, negotiated))
            }
            State::Early { handle, .. } => handle.answer(offer),
            State::Ended => Err(MediaError::Over),
        }
    }

    /// Caller's side: begins to listen before the answer, where a 183 (or 180) with SDP says that there is something to hear. The
    /// clock and the recording start now; silence is sent, which keeps the way through NATs open. Nothing is told of what is heard
    /// until `start`. What was agreed on last counts: another fork's SDP moves us there.
    pub fn start_early(&mut self) {
        if let State::Bound(_) = &self.state
            && let State::Bound(bound) = std::mem::replace(&mut self.state, State::Ended)
        {
            let (handle, events) = bound.run(true);
            self.state = State::Early { handle, events };
        }
    }

    /// What has been heard before the answer; `None` where nothing was listened to.
    pub fn early_sound(&self) -> Option<EarlySound> {
        match &self.state {
            State::Early { handle, .. } => Some(handle.early_sound()),
            State::Bound(_) | State::Ended => None,
        }
    }

    /// Nobody has answered: ends what `start_early` began, and says what came of it.
    pub async fn end_early(&mut self) -> Option<EarlyMedia> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Early { handle, events: _events } => {
                let sound = handle.early_sound();
                Some(EarlyMedia { sound, outcome: handle.finish().await })
            }
            State::Bound(_) | State::Ended => None,
        }
    }

    /// Starts the conversation. Unless early media started them before, this is when the clock (`MediaTime` 0) and the recording
    /// start. What came before is no event: early media is not the callee. Where nothing was agreed on yet, both sides are silent
    /// until `MediaHandle::answer`.
    ///
    /// Must be called in a tokio runtime. A recording that cannot be made does not stop the call; `MediaOutcome` says so.
    pub fn start(self) -> (MediaHandle, mpsc::Receiver<MediaEvent>) {
        match self.state {
            State::Bound(bound) => bound.run(false),
            State::Early { handle, events } => {
                handle.answered();
                (handle, events)
            }
            State::Ended => unreachable!("whoever ends a session before the answer does not start it"),
        }
    }
}

impl Bound {
    fn agree(&mut self, negotiated: &Negotiated) -> Result<(), MediaError> {
        self.agreed = Some((negotiated.clone(), Encoder::new(negotiated.codec, negotiated.encoder)?));
        Ok(())
    }

    fn run(self, early: bool) -> (MediaHandle, mpsc::Receiver<MediaEvent>) {
        let (events, receiver) = mpsc::channel(EVENTS);
        let (outcome, finished) = watch::channel(None);
        let negotiated = self.agreed.as_ref().map(|(negotiated, _)| negotiated.clone());
        let shared = Arc::new(Shared::new(self.negotiator, negotiated, early));
        shared.lock().permission = self.permission;
        let ticking = Ticking::new(self.ports, self.agreed, self.recording, Arc::clone(&shared), events);
        tokio::spawn(ticking.run(outcome));
        (MediaHandle::new(shared, finished), receiver)
    }
}
