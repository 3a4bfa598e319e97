//! One attempt from its specification to its report: dial, converse, record, write back.
//!
//! This is the only room that knows all the others. Each phase is a file: `dialing` until somebody answers, `conversation`
//! until the line is down, `ending` for what is left behind. Whatever happens, a report comes out.

pub mod conversation;
pub mod dialing;
pub mod ending;
pub mod journal;
mod voices;

use std::net::SocketAddr;

use offhook::{
    attempt::{AttemptSpecification, RECORDING_FILE},
    disposition::Disposition,
    report::Report,
};
use tokio::sync::watch;

use crate::{
    media::{MediaConfig, MediaSession},
    providers::Providers,
    sip::{Endpoint, EndpointConfig},
};
use dialing::{Dialed, dial};
use journal::Journal;

/// Runs the attempt to its end. `cancelled` turns true when the call is to be ended politely: the user took it back, or
/// the process was told to stop.
///
/// Never fails: what goes wrong is the report.
pub async fn run(specification: &AttemptSpecification, journal: &Journal, cancelled: watch::Receiver<bool>) -> Report {
    match attempt(specification, journal, cancelled).await {
        Ok(report) => report,
        Err(detail) => ending::without_conversation(Disposition::TrunkFailure, None, None, Some(detail)),
    }
}

/// The attempt; an `Err` is a sentence about what kept us from dialling at all.
async fn attempt(
    specification: &AttemptSpecification,
    journal: &Journal,
    cancelled: watch::Receiver<bool>,
) -> Result<Report, String> {
    let media = &specification.media;
    let (sip_port, rtp_port) = if media.port_base == 0 { (0, 0) } else { (media.port_base, media.port_base + 2) };
    let mut endpoint = Endpoint::bind(EndpointConfig {
        address: SocketAddr::new(media.address, sip_port),
        advertised: None,
        user_agent: concat!("offhook/", env!("CARGO_PKG_VERSION")).to_owned(),
    })
    .await
    .map_err(|error| error.to_string())?;
    let session = MediaSession::bind(MediaConfig {
        address: media.address,
        rtp_port,
        advertised: None,
        codecs: specification.dial.trunks.first().map(|trunk| trunk.codecs.clone()).unwrap_or_default(),
        recording: media.record.then(|| specification.spool.join(RECORDING_FILE)),
        srtp: specification.dial.trunks.first().map(|trunk| trunk.srtp).unwrap_or_default(),
    })
    .await
    .map_err(|error| error.to_string())?;
    let providers = Providers::new(&specification.providers, &specification.limits).map_err(|error| error.to_string())?;

    let report = match dial(specification, &mut endpoint, session, &providers, journal, cancelled.clone()).await {
        Dialed::NotAnswered(report) => *report,
        Dialed::Answered(answered) => conversation::converse(specification, answered, providers, journal, cancelled).await,
    };
    endpoint.shutdown().await;
    Ok(report)
}
