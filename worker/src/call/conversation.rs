//! From the answer to the report: gives the conversation its ports, and makes a report of its conclusion.

use std::sync::Arc;

use chrono::Utc;
use offhook::{
    attempt::{AttemptSpecification, EVENT_LOG_FILE},
    report::Report,
};
use offhook_conversation::{
    EventLog, Setup, converse as hold_conversation,
    measured::Measured,
    ports::{Ear, Ports},
};
use offhook_hearing::EarConfig;
use offhook_media::{MediaSession, Negotiated};
use offhook_mind::MindSettings;
use offhook_providers::Providers;
use offhook_sip::Dialog;
use offhook_types::{
    audio::{Frame, MediaTime},
    hearing::EarEvent,
    ids::UtteranceId,
    line::StopReason,
};
use serde_json::json;
use tokio::sync::watch;

use super::{dialing::early_media, journal::Journal, line::SipLine, report::of_conversation};

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
    stop: watch::Receiver<Option<StopReason>>,
) -> Report {
    let Answered { dialog, session, negotiated } = answered;
    if let Some(sound) = session.early_sound() {
        journal.event("early_media_ended", early_media(sound));
    }
    let (media, media_events) = session.start();
    let encrypted = negotiated.crypto.is_some();
    journal.talking(json!({ "codec": negotiated.codec, "remote": negotiated.remote.to_string(), "encrypted": encrypted }));
    let setup = Setup {
        request: specification.request.clone(),
        number: specification.dial.number.clone(),
        settings: MindSettings::new(specification.limits, Utc::now(), specification.request.restaurant_zone),
    };
    let log = EventLog::create(&specification.spool.join(EVENT_LOG_FILE), &setup).unwrap_or_else(|error| {
        tracing::warn!(%error, "the call has no event log");
        EventLog::none()
    });
    let services = Arc::new(Measured::new(providers));
    let tallies = services.tallies();
    let ports = Ports {
        line: Box::new(SipLine::new(dialog, media.clone(), media_events, &negotiated)),
        ear: Box::new(HearingEar(offhook_hearing::Ear::new(EarConfig::default()))),
        recogniser: services.clone(),
        model: services.clone(),
        voice: services.clone(),
        journal: Arc::new(journal.clone()),
        tallies: tallies.clone(),
    };
    let conclusion = hold_conversation(setup, ports, log, stop).await;
    journal.event("providers", tallies.summary(&specification.providers));
    of_conversation(conclusion, negotiated.codec, media.finish().await)
}

struct HearingEar(offhook_hearing::Ear);

impl Ear for HearingEar {
    fn hear(&mut self, at: MediaTime, frame: &Frame) -> Vec<EarEvent> {
        self.0.hear(at, frame)
    }

    fn take_utterance(&mut self, utterance: UtteranceId) -> Option<Vec<i16>> {
        self.0.take_utterance(utterance)
    }

    fn flush(&mut self) -> Vec<EarEvent> {
        self.0.flush()
    }
}
