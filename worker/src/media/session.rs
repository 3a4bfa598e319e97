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
    error::MediaError,
    line::MediaEvent,
    negotiation::{Encryption, Negotiated, Negotiator},
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

/// A bound socket and what was agreed on so far; sound flows after `start`.
pub struct MediaSession {
    ports: Ports,
    negotiator: Negotiator,
    agreed: Option<(Negotiated, Encoder)>,
    recording: Option<PathBuf>,
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
        Ok(MediaSession { ports, negotiator, agreed: None, recording: config.recording })
    }

    /// Asks a STUN server for our public address, and writes that into the SDP from now on. To be done before the offer; takes at
    /// most three seconds. Where it fails, the address stays as it was.
    pub async fn discover(&mut self, host: &str, port: u16) -> Result<SocketAddr, MediaError> {
        let public = self.ports.discover(host, port).await?;
        self.negotiator.advertise(public);
        Ok(public)
    }

    /// The local port of RTP; the next one is RTCP's.
    pub fn rtp_port(&self) -> u16 {
        self.ports.rtp_port()
    }

    /// Caller's side: the SDP for the INVITE. The same each time.
    pub fn offer(&self) -> String {
        self.negotiator.offer()
    }

    /// Caller's side: the SDP of a 183 or 200. The last one counts.
    pub fn accept_answer(&mut self, sdp: &str) -> Result<Negotiated, MediaError> {
        let negotiated = self.negotiator.accept_answer(sdp)?;
        self.agreed = Some((negotiated.clone(), Encoder::new(negotiated.codec, negotiated.encoder)?));
        Ok(negotiated)
    }

    /// Callee's side: answers an offer.
    pub fn answer(&mut self, offer: &str) -> Result<(String, Negotiated), MediaError> {
        let (sdp, negotiated) = self.negotiator.answer(offer, None)?;
        self.agreed = Some((negotiated.clone(), Encoder::new(negotiated.codec, negotiated.encoder)?));
        Ok((sdp, negotiated))
    }

    /// Starts the clock (this is `MediaTime` 0) and the recording. What came before is thrown away: early media is not the
    /// callee. Where nothing was agreed on yet, both sides are silent until `MediaHandle::answer`.
    ///
    /// Must be called in a tokio runtime. A recording that cannot be made does not stop the call; `MediaOutcome` says so.
    pub fn start(self) -> (MediaHandle, mpsc::Receiver<MediaEvent>) {
        let (events, receiver) = mpsc::channel(EVENTS);
        let (outcome, finished) = watch::channel(None);
        let shared = Arc::new(Shared::new(self.negotiator, self.agreed.as_ref().map(|(negotiated, _)| negotiated.clone())));
        let ticking = Ticking::new(self.ports, self.agreed, self.recording, Arc::clone(&shared), events);
        tokio::spawn(ticking.run(outcome));
        (MediaHandle::new(shared, finished), receiver)
    }
}
