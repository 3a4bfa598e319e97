//! Failover. The ways out of one attempt: the trunk it was claimed for, and those that take the call over where a trunk fails before anybody
//! was rung.
//!
//! The row knows before each INVITE: `dialing` before the first, `worker_change_trunk` before every further one. Where the database
//! does not say yes, nothing is dialled.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use offhook::{
    attempt::{AttemptSpecification, RECORDING_FILE, TrunkSpecification},
    destination::sip_uri::host_in_uri,
    disposition::Disposition,
    recording::RecordingPolicy,
    report::Report,
    store::worker::{TrunkChange, TrunkFailed},
};
use offhook_media::{MediaConfig, MediaSession, Negotiated};
use offhook_providers::Providers;
use offhook_sip::{Dialog, Endpoint, EndpointConfig, RegisterRequest, Registration, SipError};
use offhook_types::line::StopReason;
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{
    dialing::{Agreed, dial},
    journal::Journal,
    setback::{Setback, credentials},
    stop::before_the_answer,
};

/// No further trunk is tried so long after the first: a silent trunk takes half a minute, and whoever waits for the call does not
/// want to hear of it in ten.
const NO_OTHER_TRUNK_AFTER: Duration = Duration::from_secs(75);
/// How long a fallback's calls per second are waited for.
const LONGEST_WAIT: Duration = Duration::from_secs(5);
/// How long the port of the last endpoint may take to be free again.
const PORT_IS_FREE_WITHIN: Duration = Duration::from_secs(2);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// An answered call with sound agreed on.
pub struct Connected {
    /// The confirmed dialog.
    pub dialog: Dialog,
    /// The media session, not started yet.
    pub session: MediaSession,
    /// What was agreed.
    pub negotiated: Negotiated,
    /// What carries the call; closed after it.
    pub line: TrunkLine,
}

/// One trunk's signalling, open for the length of a call.
pub struct TrunkLine {
    endpoint: Endpoint,
    registration: Option<Registration>,
}

impl TrunkLine {
    /// Lets the last words out, and closes the port.
    pub async fn close(self) {
        if let Some(registration) = self.registration {
            registration.unregister().await;
        }
        self.endpoint.shutdown().await;
    }
}

/// Dials over one trunk after the other, until somebody answers or there is no more to try.
///
/// # Errors
/// The report of the attempt, where nobody was reached.
pub async fn connect(
    specification: &AttemptSpecification,
    providers: &Providers,
    journal: &Journal,
    stop: watch::Receiver<Option<StopReason>>,
) -> Result<Connected, Box<Report>> {
    let mut ways = Ways { specification, providers, journal, stop, begun: Instant::now() };
    let mut left = specification.dial.trunks.iter();
    let Some(mut trunk) = left.next() else {
        return Err(not_dialled(Disposition::TrunkFailure, "the attempt names no trunk"));
    };
    let mut call_id = specification.dial.sip_call_id.clone();
    let mut told = Vec::new();
    for nth in 1.. {
        let Setback { mut report, another_trunk } = match ways.try_trunk(trunk, &call_id, nth == 1).await {
            Ok(connected) => return Ok(connected),
            Err(setback) => setback,
        };
        let failed = failed(&report);
        if another_trunk {
            told.push(format!("{}: {}", trunk.name, failed.why));
        }
        let next = if another_trunk { ways.next_trunk(nth + 1, &mut left, &failed).await } else { Next::None };
        match next {
            Next::Trunk(next, next_call_id) => (trunk, call_id) = (next, next_call_id),
            Next::None => {
                if told.len() > 1 {
                    report.detail = Some(told.join("; "));
                }
                return Err(Box::new(report));
            }
            Next::Stopped(reason) => {
                let detail = before_the_answer(reason, "before another trunk was tried");
                return Err(not_dialled(Disposition::Cancelled, &detail));
            }
        }
    }
    unreachable!("a counter without an end")
}

/// What is to be tried next.
enum Next<'a> {
    /// This trunk, under this Call-ID; the row knows.
    Trunk(&'a TrunkSpecification, String),
    /// Nothing.
    None,
    /// Nothing, since the attempt is to end.
    Stopped(StopReason),
}

struct Ways<'a> {
    specification: &'a AttemptSpecification,
    providers: &'a Providers,
    journal: &'a Journal,
    stop: watch::Receiver<Option<StopReason>>,
    begun: Instant,
}

impl<'a> Ways<'a> {
    /// Binds, tells the row (for the first trunk; for others it knows already), registers where that is wanted, dials.
    async fn try_trunk(&self, trunk: &TrunkSpecification, call_id: &str, first: bool) -> Result<Connected, Setback> {
        let mut session =
            self.media(trunk).await.map_err(|detail| Setback::ours(*not_dialled(Disposition::TrunkFailure, &detail)))?;
        let public = self.public_address(&mut session).await;
        let mut line = TrunkLine { endpoint: self.bind(trunk, public, first).await?, registration: None };
        match self.dial_over(&mut line, &mut session, trunk, call_id, first).await {
            Ok(Agreed { dialog, negotiated }) => Ok(Connected { dialog, session, negotiated, line }),
            Err(setback) => {
                line.close().await;
                Err(setback)
            }
        }
    }

    async fn dial_over(
        &self,
        line: &mut TrunkLine,
        session: &mut MediaSession,
        trunk: &TrunkSpecification,
        call_id: &str,
        first: bool,
    ) -> Result<Agreed, Setback> {
        let ours = |disposition, detail: &str| Setback::ours(*not_dialled(disposition, detail));
        if first {
            match self.journal.dialing().await {
                Ok(true) => {}
                Ok(false) => return Err(ours(Disposition::Cancelled, "cancelled before it was dialled")),
                Err(error) => return Err(ours(Disposition::TrunkFailure, &format!("not dialled: {error}"))),
            }
        }
        let mut stop = self.stop.clone();
        if let Some(request) = registration(trunk) {
            line.registration = tokio::select! {
                registered = line.endpoint.register(request) => Some(registered?),
                Ok(asked) = stop.wait_for(Option::is_some) => {
                    let reason = asked.unwrap_or(StopReason::TakenBack);
                    return Err(ours(Disposition::Cancelled, &before_the_answer(reason, "before it was dialled")));
                }
            };
            self.journal.event("registered", json!({ "trunk": trunk.name }));
        }
        let (specification, providers, journal) = (self.specification, self.providers, self.journal);
        dial(specification, trunk, call_id, &line.endpoint, session, providers, journal, stop).await
    }

    async fn bind(&self, trunk: &TrunkSpecification, public: Option<IpAddr>, first: bool) -> Result<Endpoint, SipError> {
        let media = &self.specification.media;
        let user_agent = concat!("offhook/", env!("CARGO_PKG_VERSION"));
        let config = EndpointConfig {
            advertised: public,
            tls: trunk.tls.clone(),
            ..EndpointConfig::new(SocketAddr::new(media.address, media.sip_port()), user_agent)
        };
        let until = Instant::now() + if first { Duration::ZERO } else { PORT_IS_FREE_WITHIN };
        loop {
            match Endpoint::bind(config.clone()).await {
                // The last trunk's endpoint has just let go of it.
                Err(SipError::Bind { .. }) if Instant::now() < until => sleep(LOOK_AGAIN_AFTER).await,
                bound => return bound,
            }
        }
    }

    /// Where peers reach us, if not at the local address: as set, or as a STUN server sees it. One that does not answer is no reason
    /// not to call.
    async fn public_address(&self, session: &mut MediaSession) -> Option<IpAddr> {
        let media = &self.specification.media;
        let (None, Some((host, port))) = (media.public_address, &media.stun) else { return media.public_address };
        match session.discover(host, *port).await {
            Ok(public) => Some(public.ip()),
            Err(error) => {
                tracing::warn!(%error, "peers are told the local address");
                self.journal.event("no_stun", json!({ "error": error.to_string() }));
                None
            }
        }
    }

    /// Media as this trunk wants it, on the attempt's own port: the last trunk's session is gone by now.
    async fn media(&self, trunk: &TrunkSpecification) -> Result<MediaSession, String> {
        let media = &self.specification.media;
        let bound = MediaSession::bind(MediaConfig {
            address: media.address,
            rtp_port: media.rtp_port(),
            advertised: media.public_address,
            codecs: trunk.codecs.clone(),
            recording: media.record.then(|| self.specification.spool.join(RECORDING_FILE)),
            srtp: trunk.srtp,
        });
        let mut session = bound.await.map_err(|error| error.to_string())?;
        if media.recording == RecordingPolicy::AfterConsent {
            session.hold_recording();
        }
        Ok(session)
    }

    /// The next trunk the database says yes to.
    async fn next_trunk(
        &mut self,
        nth: u32,
        left: &mut impl Iterator<Item = &'a TrunkSpecification>,
        failed: &TrunkFailed,
    ) -> Next<'a> {
        for candidate in left {
            let mut patience = LONGEST_WAIT;
            let refused = loop {
                if let Some(reason) = *self.stop.borrow() {
                    return Next::Stopped(reason);
                }
                if self.begun.elapsed() > NO_OTHER_TRUNK_AFTER {
                    break "the attempt has taken too long already".to_owned();
                }
                match self.journal.change_trunk(nth, &candidate.name, failed).await {
                    Ok(TrunkChange::Dial { sip_call_id }) => return Next::Trunk(candidate, sip_call_id),
                    Ok(TrunkChange::Wait { after }) if after <= patience => {
                        patience -= after;
                        // Ends early where the call is taken back.
                        let _ = timeout(after, self.stop.wait_for(Option::is_some)).await;
                    }
                    Ok(TrunkChange::Wait { .. }) => break "its calls per second are used up".to_owned(),
                    Ok(TrunkChange::No { why }) => break why,
                    Ok(TrunkChange::Cancelled) => return Next::Stopped(StopReason::TakenBack),
                    Err(error) => {
                        tracing::warn!(%error, trunk = candidate.name, "no other trunk is tried");
                        return Next::None;
                    }
                }
            };
            self.journal.event("fallback_refused", json!({ "trunk": candidate.name, "why": refused }));
        }
        Next::None
    }
}

/// The registration a trunk wants: of the user it knows us by, at its domain.
fn registration(trunk: &TrunkSpecification) -> Option<RegisterRequest> {
    let (expires, way_out) = (trunk.register?, trunk.way_out.as_ref()?);
    let user = trunk.username.as_ref().unwrap_or(&trunk.caller_id);
    let domain = trunk.from_domain.clone().unwrap_or_else(|| host_in_uri(&way_out.host).into_owned());
    Some(RegisterRequest {
        address_of_record: format!("sip:{user}@{domain}"),
        destination: Some(way_out.clone()),
        outbound_proxy: trunk.outbound_proxy.clone(),
        credentials: credentials(trunk),
        expires,
    })
}

fn failed(report: &Report) -> TrunkFailed {
    TrunkFailed {
        why: report.detail.clone().or_else(|| report.sip_reason.clone()).unwrap_or_default(),
        sip_code: report.sip_code,
        cause: report.cause,
        retry_after: report.retry_after,
    }
}

fn not_dialled(disposition: Disposition, detail: &str) -> Box<Report> {
    Box::new(Report { detail: Some(detail.to_owned()), ..Report::new(disposition) })
}
