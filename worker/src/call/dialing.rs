//! From the decision to dial to an answer, or to the reason why there is none.

use std::time::Duration;

use offhook::{
    attempt::{AttemptSpecification, TrunkSpecification, WayOut},
    destination::{
        number_format::is_number,
        sip_uri::{SipUri, is_sip_uri},
    },
    disposition::{Disposition, FinalAnswer},
    report::Report,
};
use offhook_media::{Lookup, MediaError, MediaSession, Negotiated, early_sound::EarlySound};
use offhook_providers::Providers;
use offhook_sip::{DialEvent, DialFailure, DialRequest, Dialing, Dialog, Endpoint};
use offhook_types::line::StopReason;
use serde_json::{Value, json};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{
    journal::Journal,
    report::with_early_media,
    setback::{Setback, credentials, whole_seconds},
    stop::before_the_answer,
};

/// How long after our CANCEL we wait for the far end to confirm it.
const CANCEL_CONFIRMATION: Duration = Duration::from_secs(5);

/// Somebody or something answered, and sound was agreed on.
pub struct Agreed {
    /// The confirmed dialog.
    pub dialog: Dialog,
    /// What was agreed.
    pub negotiated: Negotiated,
}

/// The callee's side has answered.
struct Answer {
    /// Empty where it described no session.
    sdp: String,
    /// Why the answer's body was not taken, where `sdp` is empty for that.
    unreadable: Option<String>,
    dialog: Dialog,
}

/// Nobody answered over this trunk.
pub struct NotAnswered {
    /// The attempt's report, should it end here.
    pub report: Box<Report>,
    /// What the trunk said, where it was not we who ended the call.
    pub answer: Option<FinalAnswer>,
}

impl From<NotAnswered> for Setback {
    fn from(NotAnswered { report, answer }: NotAnswered) -> Self {
        Setback { another_trunk: answer.is_some_and(FinalAnswer::is_the_trunks_own), report: *report }
    }
}

/// Why we cancelled a ringing call ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancelling {
    No,
    RangOut,
    Stopped(StopReason),
}

/// What the trunk told before its final answer.
#[derive(Debug, Clone, Copy, Default)]
struct Heard {
    anything: bool,
    ringing: bool,
    early_media: bool,
}

/// Sends the INVITE over this trunk and follows it to its final answer. The row says `dialing` already.
///
/// # Errors
/// Where nobody answered.
#[expect(clippy::too_many_arguments, reason = "the rooms of a call meet here")]
pub async fn dial(
    specification: &AttemptSpecification,
    trunk: &TrunkSpecification,
    call_id: &str,
    endpoint: &Endpoint,
    session: &mut MediaSession,
    providers: &Providers,
    journal: &Journal,
    mut stop: watch::Receiver<Option<StopReason>>,
) -> Result<Agreed, Setback> {
    let request = dial_request(specification, trunk, call_id, session.offer());
    let mut dialing = endpoint.dial(request).await?;
    journal.event("invite_sent", json!({ "trunk": trunk.name }));
    // While it rings, the connections to the providers are made: the first answer then does not wait for handshakes.
    let warming = providers.clone();
    let warming = tokio::spawn(async move { warming.prewarm().await });

    let dialed = follow(specification, &mut dialing, session, journal, &mut stop).await;
    warming.abort();
    let agreed = match dialed {
        Ok(answer) => agree_on_media(answer, session).await,
        Err(not_answered) => Err(not_answered),
    };
    match agreed {
        Ok(agreed) => Ok(agreed),
        Err(mut not_answered) => {
            if let Some(early) = session.end_early().await {
                journal.event("early_media_ended", early_media(early.sound));
                not_answered.report = Box::new(with_early_media(*not_answered.report, early));
            }
            Err(not_answered.into())
        }
    }
}

/// What was heard before the answer, for the event that says so.
pub fn early_media(sound: EarlySound) -> Value {
    json!({ "early_media_ms": sound.lasted_ms(), "sound": sound.kind().name() })
}

async fn follow(
    specification: &AttemptSpecification,
    dialing: &mut Dialing,
    session: &mut MediaSession,
    journal: &Journal,
    stop: &mut watch::Receiver<Option<StopReason>>,
) -> Result<Answer, NotAnswered> {
    let mut deadline = Instant::now() + specification.limits.ring;
    let mut cancelling = Cancelling::No;
    let mut heard = Heard::default();
    loop {
        tokio::select! {
            event = dialing.next() => match event {
                Some(DialEvent::Trying) => {
                    heard.anything = true;
                    journal.event("trying", json!({}));
                }
                Some(DialEvent::Ringing { code }) => {
                    if !std::mem::replace(&mut heard.ringing, true) {
                        journal.ringing(code);
                        if cancelling == Cancelling::No {
                            deadline = Instant::now() + specification.limits.ring;
                        }
                    }
                }
                Some(DialEvent::EarlyMedia { code, sdp }) => {
                    heard.early_media = true;
                    // Announcements and ringback are heard and recorded, and are not the callee's turn. The answer's own SDP decides.
                    let agreed = match with_addresses(session.lookup(&sdp), sdp).await {
                        Ok(sdp) => session.accept_answer(&sdp),
                        Err(error) => Err(error),
                    };
                    let codec = agreed.as_ref().ok().map(|negotiated| negotiated.codec);
                    journal.event("early_media", json!({ "code": code, "agreed": codec.is_some(), "codec": codec }));
                    match agreed {
                        Ok(_) => session.start_early(),
                        Err(error) => tracing::info!(%error, code, "what is to be heard before the answer is not"),
                    }
                }
                Some(DialEvent::Reoffer { sdp, answer }) => {
                    let ours = match with_addresses(session.lookup(&sdp), sdp).await {
                        Ok(sdp) => session.answer(&sdp),
                        Err(error) => Err(error),
                    };
                    match ours {
                        Ok((our_sdp, _)) => answer.accept(&our_sdp).await,
                        Err(_) => answer.reject(488).await,
                    }
                }
                Some(DialEvent::Answered { sdp, unreadable, dialog }) => return Ok(Answer { sdp, unreadable, dialog }),
                Some(DialEvent::Failed(failure)) => return Err(failed(cancelling, heard, failure)),
                None => return Err(failed(cancelling, heard, nothing_said("the dialog ended without a word"))),
            },
            () = sleep_until(deadline) => {
                if cancelling != Cancelling::No {
                    return Err(failed(cancelling, heard, nothing_said("no answer to our CANCEL")));
                }
                cancelling = Cancelling::RangOut;
                journal.event("rang_out", json!({ "after_ms": specification.limits.ring.as_millis() as u64 }));
                dialing.cancel();
                deadline = Instant::now() + CANCEL_CONFIRMATION;
            }
            Ok(()) = stop.changed(), if cancelling == Cancelling::No => if let Some(reason) = *stop.borrow() {
                cancelling = Cancelling::Stopped(reason);
                dialing.cancel();
                deadline = Instant::now() + CANCEL_CONFIRMATION;
            },
        }
    }
}

/// The description with an address where the peer names a host. Takes 2 s at most; no time where there is nothing to look up.
async fn with_addresses(lookup: Option<Lookup>, sdp: String) -> Result<String, MediaError> {
    match lookup {
        Some(lookup) => lookup.resolved().await,
        None => Ok(sdp),
    }
}

async fn agree_on_media(answer: Answer, session: &mut MediaSession) -> Result<Agreed, NotAnswered> {
    let Answer { sdp, unreadable, dialog } = answer;
    let agreed = match unreadable {
        Some(why) => Err(format!("the body of the answer is not taken: {why}")),
        None => match with_addresses(session.lookup(&sdp), sdp).await {
            Ok(sdp) => session.accept_answer(&sdp).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        },
    };
    match agreed {
        Ok(negotiated) => Ok(Agreed { dialog, negotiated }),
        Err(why) => {
            if let Err(error) = dialog.hangup().await {
                tracing::warn!(%error, "hanging up after an unusable answer");
            }
            // Somebody answered: this must not be taken for the trunk's failure and rung again in a minute.
            let detail = format!("answered, but without usable sound: {why}");
            let report = Report { sip_code: Some(200), detail: Some(detail), ..Report::new(Disposition::Answered) };
            Err(NotAnswered { report: Box::new(report), answer: None })
        }
    }
}

fn dial_request(specification: &AttemptSpecification, trunk: &TrunkSpecification, call_id: &str, offer: String) -> DialRequest {
    let (dial, format) = (&specification.dial, &trunk.number_format);
    let mut same_number = Vec::new();
    let to = match &trunk.way_out {
        Some(WayOut { host, port, .. }) if !is_sip_uri(&dial.number) => {
            same_number = format.other_users(&dial.number);
            let user = format.user(&dial.number);
            let place = SipUri { secure: false, user: Some(&user), host, port: *port };
            format!("{place}{}", format.uri_parameters())
        }
        _ => dial.number.clone(),
    };
    DialRequest {
        to,
        from_user: trunk.caller_id.clone(),
        from_domain: trunk.from_domain.clone(),
        call_id: call_id.to_owned(),
        destination: trunk.way_out.clone(),
        outbound_proxy: trunk.outbound_proxy.clone(),
        credentials: credentials(trunk),
        offer,
        asserted_identity: trunk.asserted_identity.clone(),
        anonymous: trunk.anonymous,
        headers: trunk.headers.clone(),
        session_expires: trunk.session_expires,
        same_number,
        user_phone: trunk.number_format.user_phone && is_number(&trunk.caller_id),
    }
}

fn nothing_said(reason: &str) -> DialFailure {
    DialFailure { reason: reason.to_owned(), ..DialFailure::default() }
}

fn failed(cancelling: Cancelling, heard: Heard, failure: DialFailure) -> NotAnswered {
    let rang = failure.reached || heard.ringing || heard.early_media;
    let answer = FinalAnswer { code: failure.code, cause: failure.cause, rang };
    let silent = failure.code.is_none() && !rang && !heard.anything;
    let (disposition, answer) = match (cancelling, failure.code) {
        (Cancelling::Stopped(_), _) => (Disposition::Cancelled, None),
        // The callee's own final answer counts for more than our giving up at the same moment. A trunk that said nothing at all in
        // that time is none.
        (Cancelling::RangOut, None | Some(487 | 408)) if !silent => (Disposition::NoAnswer, None),
        _ => (answer.disposition(), Some(answer)),
    };
    let detail = match (cancelling, disposition) {
        (Cancelling::RangOut, Disposition::NoAnswer) => "nobody picked up".to_owned(),
        (Cancelling::Stopped(reason), _) => before_the_answer(reason, "while it was ringing"),
        _ if cancelling == Cancelling::RangOut && silent => "the trunk said nothing at all".to_owned(),
        _ => failure.reason.clone(),
    };
    let report = Report {
        sip_code: failure.code,
        sip_reason: Some(failure.reason),
        cause: failure.cause,
        retry_after: failure.retry_after.map(whole_seconds),
        detail: Some(detail),
        ..Report::new(disposition)
    };
    NotAnswered { report: Box::new(report), answer }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: Option<u16>) -> DialFailure {
        DialFailure { code, ..DialFailure::default() }
    }

    fn end(cancelling: Cancelling, heard: Heard, code: Option<u16>) -> Disposition {
        failed(cancelling, heard, failure(code)).report.disposition
    }

    const SILENT: Heard = Heard { anything: false, ringing: false, early_media: false };
    const TRYING: Heard = Heard { anything: true, ..SILENT };
    const RINGING: Heard = Heard { ringing: true, ..TRYING };

    #[test]
    fn our_own_cancel_is_no_answer_or_the_users_wish() {
        assert_eq!(end(Cancelling::RangOut, RINGING, Some(487)), Disposition::NoAnswer);
        assert_eq!(end(Cancelling::RangOut, TRYING, None), Disposition::NoAnswer);
        assert_eq!(end(Cancelling::Stopped(StopReason::TakenBack), RINGING, Some(487)), Disposition::Cancelled);
    }

    #[test]
    fn a_refusal_that_crosses_our_cancel_still_counts() {
        assert_eq!(end(Cancelling::RangOut, RINGING, Some(603)), Disposition::Rejected);
        assert_eq!(end(Cancelling::RangOut, RINGING, Some(486)), Disposition::Busy);
    }

    #[test]
    fn silence_on_the_wire_is_the_trunks_fault_however_soon_we_give_up() {
        assert_eq!(end(Cancelling::No, SILENT, None), Disposition::TrunkFailure);
        let NotAnswered { report, answer } = failed(Cancelling::RangOut, SILENT, failure(None));
        assert_eq!(report.disposition, Disposition::TrunkFailure);
        assert!(answer.is_some_and(FinalAnswer::is_the_trunks_own));
    }

    #[test]
    fn after_it_rang_or_the_user_took_it_back_no_other_trunk_is_tried() {
        for (cancelling, heard, code) in [
            (Cancelling::No, RINGING, Some(503)),
            (Cancelling::No, RINGING, None),
            (Cancelling::No, Heard { early_media: true, ..TRYING }, Some(500)),
            (Cancelling::Stopped(StopReason::TakenBack), SILENT, None),
            (Cancelling::Stopped(StopReason::TakenBack), TRYING, Some(503)),
            (Cancelling::RangOut, TRYING, Some(487)),
        ] {
            let answer = failed(cancelling, heard, failure(code)).answer;
            assert!(!answer.is_some_and(FinalAnswer::is_the_trunks_own), "{cancelling:?} {heard:?} {code:?}");
        }
        let rang = DialFailure { reached: true, ..failure(Some(503)) };
        assert!(!failed(Cancelling::No, TRYING, rang).answer.is_some_and(FinalAnswer::is_the_trunks_own));
        assert!(failed(Cancelling::No, TRYING, failure(Some(503))).answer.is_some_and(FinalAnswer::is_the_trunks_own));
    }

    #[test]
    fn what_the_far_end_said_is_in_the_report() {
        let said = DialFailure { cause: Some(17), retry_after: Some(Duration::from_secs(90)), ..failure(Some(480)) };
        let report = failed(Cancelling::No, TRYING, said).report;
        assert_eq!((report.disposition, report.cause, report.retry_after), (Disposition::Busy, Some(17), Some(90)));
    }
}
