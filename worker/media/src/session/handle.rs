//! The handle by which the call speaks, and what it shares with the clock.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use offhook::{attempt::CodecName, report::MediaReport};
use offhook_types::ids::SentenceId;
use tokio::sync::{Notify, watch};

use crate::{
    codec::Encoder,
    dtmf::{DtmfSender, info},
    early_sound::EarlySound,
    error::MediaError,
    negotiation::{Lookup, Negotiated, Negotiator},
    playout::Playout,
    recorder::{Permission, Recording},
};

/// The longest wait for the last page to be on the disk.
const FINISH: Duration = Duration::from_secs(8);

/// After the last sound, so much silence is sent before the call may be ended: it pushes the last word out of our packets and out
/// of the peer's jitter buffer.
const TAIL_TICKS: u64 = 12;
/// What is left of the last sentences is waited for this long, and so much longer as its sound lasts.
const DRAIN: Duration = Duration::from_millis(1500);
/// However long its sound lasts.
const LONGEST_DRAIN: Duration = Duration::from_secs(8);
/// Keys told by INFO between two ticks.
const MOST_KEYS: usize = 16;

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
    /// A tick is over.
    pub(super) ticked: Notify,
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
    /// Nobody has answered yet: nothing is spoken, and nothing that is heard is told.
    pub(super) early: bool,
    /// What was heard so far before the answer.
    pub(super) early_sound: EarlySound,
    /// Of the recording.
    pub(super) permission: Permission,
    /// Keys told by INFO.
    pub(super) keys: Vec<char>,
    /// Ticks since we last spoke, digits included.
    pub(super) quiet_ticks: u64,
}

impl Controls {
    /// Nothing is left to be said, and what was said has had the time to be heard. Nothing is ever drained to a peer that does not
    /// listen.
    fn drained(&self) -> bool {
        let deaf = self.early || self.negotiated.as_ref().is_none_or(|negotiated| !negotiated.can_send);
        deaf || self.finish || (self.playout.is_idle() && self.digits.is_idle() && self.quiet_ticks >= TAIL_TICKS)
    }

    /// What was agreed on is to hold from the next tick.
    fn agreed(&mut self, negotiated: &Negotiated) -> Result<(), MediaError> {
        let before = self.negotiated.as_ref().map(|negotiated| (negotiated.codec, negotiated.encoder));
        let wanted = (negotiated.codec, negotiated.encoder);
        // An encoder that waits for the next tick must not be lost to a second re-offer in the same tick.
        let encoder = match &self.renegotiated {
            None if before == Some(wanted) => None,
            _ => Some(Encoder::new(wanted.0, wanted.1)?),
        };
        self.renegotiated = Some((negotiated.clone(), encoder));
        self.negotiated = Some(negotiated.clone());
        Ok(())
    }
}

impl Shared {
    pub(super) fn new(negotiator: Negotiator, negotiated: Option<Negotiated>, early: bool) -> Self {
        let controls = Controls {
            playout: Playout::default(),
            digits: DtmfSender::default(),
            negotiator,
            negotiated,
            renegotiated: None,
            finish: false,
            report: MediaReport::default(),
            early,
            early_sound: EarlySound::default(),
            permission: Permission::Given,
            keys: Vec::new(),
            quiet_ticks: TAIL_TICKS,
        };
        Shared { controls: Mutex::new(controls), ticked: Notify::new() }
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

    /// Tells what an INFO of the peer holds. A key in it is told as `Dtmf`, unless it was told in the sound already.
    pub fn info(&self, content_type: &str, body: &str) {
        if let Some(key) = info::key(content_type, body) {
            let mut controls = self.shared.lock();
            if controls.keys.len() < MOST_KEYS {
                controls.keys.push(key);
            }
        }
    }

    /// What has to be looked up before this description of the peer can be taken; `None` where nothing has.
    pub fn lookup(&self, sdp: &str) -> Option<Lookup> {
        self.shared.lock().negotiator.lookup(sdp)
    }

    /// Answers a re-offer of the peer (hold, another address, another codec). It holds from the next tick.
    pub fn answer(&self, offer: &str) -> Result<(String, Negotiated), MediaError> {
        let mut controls = self.shared.lock();
        let codec = controls.negotiated.as_ref().map(|negotiated| negotiated.codec);
        let (sdp, negotiated) = controls.negotiator.answer(offer, codec)?;
        controls.agreed(&negotiated)?;
        Ok((sdp, negotiated))
    }

    /// Our own offer in the middle of the call: for a re-INVITE of ours, or one of the peer that asks for an offer.
    pub fn offer(&self) -> String {
        self.shared.lock().negotiator.offer_again()
    }

    /// The peer's answer to our offer, the first or another. It holds from the next tick.
    pub fn accept_answer(&self, sdp: &str) -> Result<Negotiated, MediaError> {
        let mut controls = self.shared.lock();
        let negotiated = controls.negotiator.accept_answer(sdp)?;
        controls.agreed(&negotiated)?;
        Ok(negotiated)
    }

    /// Somebody has answered: from the next tick on what is heard is told and what is to be spoken is spoken.
    pub(super) fn answered(&self) {
        self.shared.lock().early = false;
    }

    /// What was heard before the answer.
    pub(super) fn early_sound(&self) -> EarlySound {
        self.shared.lock().early_sound
    }

    /// Waits until what is to be spoken has been, and has reached the peer as far as that can be known; bounded by 1.5 s and the
    /// length of what waits. To be asked before BYE.
    pub async fn drain(&self) {
        let waiting = Duration::from_millis(self.shared.lock().playout.waiting_ms());
        let drained = async {
            loop {
                let ticked = self.shared.ticked.notified();
                if self.shared.lock().drained() {
                    return;
                }
                ticked.await;
            }
        };
        let _ = tokio::time::timeout((DRAIN + waiting).min(LONGEST_DRAIN), drained).await;
    }

    /// From the next tick on the recording has sound, where it was held until now.
    pub fn record(&self) {
        let permission = &mut self.shared.lock().permission;
        if *permission == Permission::Awaited {
            *permission = Permission::Given;
        }
    }

    /// The recording is stopped and deleted with the next tick, for good.
    pub fn delete_recording(&self) {
        self.shared.lock().permission = Permission::Refused;
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
