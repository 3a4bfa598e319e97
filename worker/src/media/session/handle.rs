//! The handle by which the call speaks, and what it shares with the clock.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use offhook::{attempt::CodecName, report::MediaReport};
use tokio::sync::watch;

use crate::{
    media::{
        codec::Encoder,
        dtmf::DtmfSender,
        error::MediaError,
        negotiation::{Negotiated, Negotiator},
        playout::Playout,
        recorder::Recording,
    },
    mind::event::SentenceId,
};

/// The longest wait for the last page to be on the disk.
const FINISH: Duration = Duration::from_secs(8);

/// How the session ended.
#[derive(Debug, Clone, PartialEq)]
pub struct MediaOutcome {
    /// Counters.
    pub report: MediaReport,
    /// What we sent in the end.
    pub codec: Option<CodecName>,
    /// The recording, where one was asked for and made.
    pub recording: Option<Recording>,
    /// Why there is none though it was asked for.
    pub recording_error: Option<String>,
    /// `Heard` events that a slow consumer missed.
    pub heard_dropped: u64,
}

/// What handle and clock share.
pub(super) struct Shared {
    controls: Mutex<Controls>,
}

/// Behind the mutex.
pub(super) struct Controls {
    pub(super) playout: Playout,
    pub(super) digits: DtmfSender,
    negotiator: Negotiator,
    /// What holds now.
    pub(super) negotiated: Option<Negotiated>,
    /// What is to hold from the next tick.
    pub(super) renegotiated: Option<(Negotiated, Option<Encoder>)>,
    pub(super) finish: bool,
    pub(super) report: MediaReport,
}

impl Shared {
    pub(super) fn new(negotiator: Negotiator, negotiated: Option<Negotiated>) -> Self {
        let controls = Controls {
            playout: Playout::default(),
            digits: DtmfSender::default(),
            negotiator,
            negotiated,
            renegotiated: None,
            finish: false,
            report: MediaReport::default(),
        };
        Shared { controls: Mutex::new(controls) }
    }

    /// Nothing behind it is left half-changed by a panic, so a poisoned lock is as good as another.
    pub(super) fn lock(&self) -> MutexGuard<'_, Controls> {
        self.controls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Speaks into a running session. Cheap to clone; the session ends with `finish`, or when the last handle is gone.
#[derive(Clone)]
pub struct MediaHandle {
    shared: Arc<Shared>,
    finished: watch::Receiver<Option<MediaOutcome>>,
}

impl MediaHandle {
    pub(super) fn new(shared: Arc<Shared>, finished: watch::Receiver<Option<MediaOutcome>>) -> Self {
        MediaHandle { shared, finished }
    }

    /// Appends sound (16 kHz) to a sentence; `last` says that no more follows. Sentences are played in the order of their
    /// names; the one being played is never interrupted. Sound for a sentence that was stopped is dropped.
    pub fn play(&self, sentence: SentenceId, samples: Vec<i16>, last: bool) {
        if let Err(error) = self.shared.lock().playout.play(sentence, samples, last) {
            tracing::debug!(%error, "sound was not queued");
        }
    }

    /// Silence: the queue is emptied, what is being played fades within 40 ms and is reported as `Cut`.
    pub fn stop(&self) {
        self.shared.lock().playout.stop();
    }

    /// Sends digits (`0`–`9`, `*`, `#`, `A`–`D`, `,` for half a second), 280 ms each; sentences wait meanwhile.
    pub fn send_dtmf(&self, digits: &str) {
        self.shared.lock().digits.send(digits);
    }

    /// Answers a re-offer of the peer (hold, another address, another codec). It holds from the next tick.
    pub fn answer(&self, offer: &str) -> Result<(String, Negotiated), MediaError> {
        let mut controls = self.shared.lock();
        let before = controls.negotiated.as_ref().map(|negotiated| (negotiated.codec, negotiated.encoder));
        let (sdp, negotiated) = controls.negotiator.answer(offer, before.map(|(codec, _)| codec))?;
        let wanted = (negotiated.codec, negotiated.encoder);
        // An encoder that waits for the next tick must not be lost to a second re-offer in the same tick.
        let encoder = match &controls.renegotiated {
            None if before == Some(wanted) => None,
            _ => Some(Encoder::new(wanted.0, wanted.1)?),
        };
        controls.renegotiated = Some((negotiated.clone(), encoder));
        controls.negotiated = Some(negotiated.clone());
        Ok((sdp, negotiated))
    }

    /// Counters so far.
    pub fn report(&self) -> MediaReport {
        self.shared.lock().report
    }

    /// Ends the session and finishes the recording; waits for it, but not longer than 8 s. Another clone may ask again.
    pub async fn finish(mut self) -> MediaOutcome {
        self.shared.lock().finish = true;
        let finished = tokio::time::timeout(FINISH, self.finished.wait_for(Option::is_some)).await;
        if let Ok(Ok(outcome)) = finished
            && let Some(outcome) = outcome.clone()
        {
            return outcome;
        }
        let controls = self.shared.lock();
        MediaOutcome {
            report: controls.report,
            codec: controls.negotiated.as_ref().map(|negotiated| negotiated.codec),
            recording: None,
            recording_error: Some("the recording was not finished in time; rescue the file".to_owned()),
            heard_dropped: 0,
        }
    }
}
