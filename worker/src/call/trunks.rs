//! The ways out of one attempt: the trunk it was claimed for, and those that take the call over where a trunk fails before anybody
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
    disposition::{Disposition, FinalAnswer},
    recording::RecordingPolicy,
    report::Report,
    store::worker::{TrunkChange, TrunkFailed},
};
use offhook_media::{MediaConfig, MediaSession, Negotiated};
use offhook_providers::Providers;
use offhook_sip::{Dialog, Endpoint, EndpointConfig, RegisterRequest, Registration, SipError};
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

use super::{
    dialing::{Agreed, NotAnswered, credentials, dial, whole_seconds},
    journal::Journal,
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

/// Why a trunk did not bring the call through.
pub struct Setback {
    /// The attempt's report, should it end here.
    pub report: Report,
    /// Whether another trunk may be tried.
    pub another_trunk: bool,
}

impl Setback {
    fn ours(report: Report) -> Self {
        Setback { report, another_trunk: false }
    }
}

impl From<NotAnswered> for Setback {
    fn from(NotAnswered { report, answer }: NotAnswered) -> Self {
        Setback { another_trunk: answer.is_some_and(FinalAnswer::is_the_trunks_own), report: *report }
    }
}

impl From<SipError> for Setback {
    fn from(error: SipError) -> Self {
        let mut report = Report { detail: Some(error.to_string()), ..Report::new(Disposition::TrunkFailure) };
        if let SipError::Refused { code, phrase, retry_after } = &error {
            (report.sip_code, report.sip_reason) = (Some(*code), Some(phrase.clone()));
            report.retry_after = retry_after.map(whole_seconds);
        }
        Setback { another_trunk: is_the_trunks_own(&error), report }
    }
}

/// Whether it is the trunk that keeps us from sending: its name, its certificate, its connection, a field of its row. What is ours
/// (the port) or the number's would fail over every trunk.
fn is_the_trunks_own(error: &SipError) -> bool {
    match error {
        SipError::Bind { .. } | SipError::CallerGone | SipError::Closed => false,
        SipError::Field { field, .. } => *field != "to",
        _ => true,
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
    cancelled: watch::Receiver<bool>,
) -> Result<Connected, Box<Report>> {
    let mut ways = Ways { specification, providers, journal, cancelled, begun: Instant::now() };
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
            Next::Cancelled => return Err(not_dialled(Disposition::Cancelled, "taken back before another trunk was tried")),
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
    /// Nothing, since the user has taken the call back.
    Cancelled,
}

struct Ways<'a> {
    specification: &'a AttemptSpecification,
    providers: &'a Providers,
    journal: &'a Journal,
    cancelled: watch::Receiver<bool>,
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
        let mut cancelled = self.cancelled.clone();
        if let Some(request) = registration(trunk) {
            line.registration = tokio::select! {
                registered = line.endpoint.register(request) => Some(registered?),
                Ok(_) = cancelled.wait_for(|cancelled| *cancelled) => {
                    return Err(ours(Disposition::Cancelled, "taken back before it was dialled"));
                }
            };
            self.journal.event("registered", json!({ "trunk": trunk.name }));
        }
        let (specification, providers, journal) = (self.specification, self.providers, self.journal);
        dial(specification, trunk, call_id, &line.endpoint, session, providers, journal, cancelled).await
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
                if *self.cancelled.borrow() {
                    return Next::Cancelled;
                }
                if self.begun.elapsed() > NO_OTHER_TRUNK_AFTER {
                    break "the attempt has taken too long already".to_owned();
                }
                match self.journal.change_trunk(nth, &candidate.name, failed).await {
                    Ok(TrunkChange::Dial { sip_call_id }) => return Next::Trunk(candidate, sip_call_id),
                    Ok(TrunkChange::Wait { after }) if after <= patience => {
                        patience -= after;
                        // Ends early where the call is taken back.
                        let _ = timeout(after, self.cancelled.wait_for(|cancelled| *cancelled)).await;
                    }
                    Ok(TrunkChange::Wait { .. }) => break "its calls per second are used up".to_owned(),
                    Ok(TrunkChange::No { why }) => break why,
                    Ok(TrunkChange::Cancelled) => return Next::Cancelled,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_trunk_would_not_cure_ends_the_attempt() {
        let resolve = SipError::Resolve { host: "sip.invalid".into(), port: 5060, why: "no such name".into() };
        let silent = SipError::Unanswered { method: "REGISTER", ms: 1 };
        let field = |field| SipError::Field { field, value: String::new(), expected: "" };
        let port = SipError::Bind { address: ([127, 0, 0, 1], 1).into(), source: std::io::ErrorKind::AddrInUse.into() };
        for (error, own) in [
            (resolve, true),
            (silent, true),
            (SipError::Stack { doing: "an INVITE", why: "connection refused".into() }, true),
            (SipError::Trust { what: "authorities", why: "not PEM".into() }, true),
            (SipError::Tls { peer: ([127, 0, 0, 1], 5061).into(), why: "unknown issuer".into() }, true),
            (SipError::Connect { transport: "tcp", peer: ([127, 0, 0, 1], 5060).into(), why: "refused".into() }, true),
            (SipError::Refused { code: 403, phrase: "Forbidden".into(), retry_after: None }, true),
            (field("from_domain"), true),
            (field("to"), false),
            (port, false),
            (SipError::Closed, false),
        ] {
            assert_eq!(is_the_trunks_own(&error), own, "{error}");
        }
    }
}
