//! From the decision to dial to an answer, or to the reason why there is none.

use std::time::Duration;

use offhook::{
    attempt::{AttemptSpecification, TrunkSpecification, WayOut},
    disposition::Disposition,
    report::Report,
};
use serde_json::json;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use super::{ending::without_conversation, journal::Journal};
use crate::{
    media::{MediaSession, Negotiated},
    providers::Providers,
    sip::{Credentials, DialEvent, DialFailure, DialRequest, Dialing, Dialog, Endpoint},
};

/// How long after our CANCEL we wait for the far end to confirm it.
const CANCEL_CONFIRMATION: Duration = Duration::from_secs(5);

/// An answered call with sound agreed on.
pub struct Answered {
    /// The confirmed dialog.
    pub dialog: Dialog,
    /// The media session, not started yet.
    pub session: MediaSession,
    /// What was agreed.
    pub negotiated: Negotiated,
}

/// How dialling ended.
pub enum Dialed {
    /// Somebody or something answered.
    Answered(Box<Answered>),
    /// Nobody did; the attempt is over.
    NotAnswered(Box<Report>),
}

/// Why we cancelled a ringing call ourselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cancelling {
    No,
    RangOut,
    ByUser,
}

/// Sends the INVITE and follows it to its final answer. The row says `dialing` before the first packet leaves.
pub async fn dial(
    specification: &AttemptSpecification,
    endpoint: &mut Endpoint,
    mut session: MediaSession,
    providers: &Providers,
    journal: &Journal,
    mut cancelled: watch::Receiver<bool>,
) -> Dialed {
    match journal.dialing().await {
        Ok(true) => {}
        Ok(false) => return not_answered(Disposition::Cancelled, None, "cancelled before it was dialled"),
        Err(error) => return not_answered(Disposition::TrunkFailure, None, &format!("not dialled: {error}")),
    }
    let Some(trunk) = specification.dial.trunks.first() else {
        return not_answered(Disposition::TrunkFailure, None, "the attempt names no trunk");
    };
    let request = dial_request(specification, trunk, session.offer());
    let mut dialing = match endpoint.dial(request).await {
        Ok(dialing) => dialing,
        Err(error) => return not_answered(Disposition::TrunkFailure, None, &error.to_string()),
    };
    journal.event("invite_sent", json!({}));
    // While it rings, the connections to the providers are made: the first answer then does not wait for handshakes.
    let warming = providers.clone();
    let warming = tokio::spawn(async move { warming.prewarm().await });

    let dialed = follow(specification, &mut dialing, &mut session, journal, &mut cancelled).await;
    warming.abort();
    match dialed {
        Ok((dialog, sdp)) => agree_on_media(dialog, session, &sdp).await,
        Err(report) => Dialed::NotAnswered(Box::new(report)),
    }
}

async fn follow(
    specification: &AttemptSpecification,
    dialing: &mut Dialing,
    session: &mut MediaSession,
    journal: &Journal,
    cancelled: &mut watch::Receiver<bool>,
) -> Result<(Dialog, String), Report> {
    let mut deadline = Instant::now() + specification.limits.ring;
    let mut cancelling = Cancelling::No;
    let mut ringing = false;
    loop {
        tokio::select! {
            event = dialing.next() => match event {
                Some(DialEvent::Trying) => journal.event("trying", json!({})),
                Some(DialEvent::Ringing { code }) => {
                    if !ringing {
                        ringing = true;
                        journal.ringing(code);
                        if cancelling == Cancelling::No {
                            deadline = Instant::now() + specification.limits.ring;
                        }
                    }
                }
                Some(DialEvent::EarlyMedia { code, sdp }) => {
                    // Announcements and ringback are not the callee's turn; the answer's own SDP decides.
                    let agreed = session.accept_answer(&sdp).is_ok();
                    journal.event("early_media", json!({ "code": code, "agreed": agreed }));
                }
                Some(DialEvent::Reoffer { sdp, answer }) => match session.answer(&sdp) {
                    Ok((our_sdp, _)) => answer.accept(&our_sdp).await,
                    Err(_) => answer.reject(488).await,
                },
                Some(DialEvent::Answered { sdp, dialog }) => return Ok((dialog, sdp)),
                Some(DialEvent::Failed(failure)) => return Err(failed(cancelling, failure)),
                None => return Err(failed(cancelling, nothing_said("the dialog ended without a word"))),
            },
            () = sleep_until(deadline) => {
                if cancelling != Cancelling::No {
                    return Err(failed(cancelling, nothing_said("no answer to our CANCEL")));
                }
                cancelling = Cancelling::RangOut;
                journal.event("rang_out", json!({ "after_ms": specification.limits.ring.as_millis() as u64 }));
                dialing.cancel();
                deadline = Instant::now() + CANCEL_CONFIRMATION;
            }
            Ok(()) = cancelled.changed(), if cancelling == Cancelling::No => if *cancelled.borrow() {
                cancelling = Cancelling::ByUser;
                dialing.cancel();
                deadline = Instant::now() + CANCEL_CONFIRMATION;
            },
        }
    }
}

async fn agree_on_media(dialog: Dialog, mut session: MediaSession, sdp: &str) -> Dialed {
    match session.accept_answer(sdp) {
        Ok(negotiated) => Dialed::Answered(Box::new(Answered { dialog, session, negotiated })),
        Err(error) => {
            if let Err(error) = dialog.hangup().await {
                tracing::warn!(%error, "hanging up after an unusable answer");
            }
            // Somebody answered: this must not be taken for the trunk's failure and rung again in a minute.
            not_answered(Disposition::Answered, Some(200), &format!("answered, but without usable sound: {error}"))
        }
    }
}

fn dial_request(specification: &AttemptSpecification, trunk: &TrunkSpecification, offer: String) -> DialRequest {
    let dial = &specification.dial;
    let to = match &trunk.way_out {
        Some(WayOut { host, port, .. }) if !dial.number.starts_with("sip") => {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            format!("sip:{}@{host}{port}", dial.number)
        }
        _ => dial.number.clone(),
    };
    let credentials = match (&trunk.username, &trunk.password) {
        (Some(username), Some(password)) => Some(Credentials { username: username.clone(), password: password.clone() }),
        _ => None,
    };
    DialRequest {
        to,
        from_user: trunk.caller_id.clone(),
        from_domain: trunk.from_domain.clone(),
        call_id: dial.sip_call_id.clone(),
        destination: trunk.way_out.clone(),
        outbound_proxy: trunk.outbound_proxy.clone(),
        credentials,
        offer,
        asserted_identity: trunk.asserted_identity.clone(),
        anonymous: trunk.anonymous,
        headers: trunk.headers.clone(),
        session_expires: trunk.session_expires,
    }
}

fn nothing_said(reason: &str) -> DialFailure {
    DialFailure { reason: reason.to_owned(), ..DialFailure::default() }
}

fn failed(cancelling: Cancelling, failure: DialFailure) -> Report {
    let disposition = match (cancelling, failure.code) {
        (Cancelling::ByUser, _) => Disposition::Cancelled,
        // The callee's own final answer counts for more than our giving up at the same moment.
        (Cancelling::RangOut, None | Some(487 | 408)) => Disposition::NoAnswer,
        (_, Some(code)) => Disposition::of_final_code(code),
        (_, None) => Disposition::TrunkFailure,
    };
    let detail = match disposition {
        Disposition::NoAnswer => "nobody picked up".to_owned(),
        Disposition::Cancelled => "taken back while it was ringing".to_owned(),
        _ => failure.reason.clone(),
    };
    without_conversation(disposition, failure.code, Some(failure.reason), Some(detail))
}

fn not_answered(disposition: Disposition, code: Option<u16>, detail: &str) -> Dialed {
    Dialed::NotAnswered(Box::new(without_conversation(disposition, code, None, Some(detail.to_owned()))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: Option<u16>) -> DialFailure {
        DialFailure { code, ..DialFailure::default() }
    }

    #[test]
    fn our_own_cancel_is_no_answer_or_the_users_wish() {
        assert_eq!(failed(Cancelling::RangOut, failure(Some(487))).disposition, Disposition::NoAnswer);
        assert_eq!(failed(Cancelling::RangOut, failure(None)).disposition, Disposition::NoAnswer);
        assert_eq!(failed(Cancelling::ByUser, failure(Some(487))).disposition, Disposition::Cancelled);
    }

    #[test]
    fn a_refusal_that_crosses_our_cancel_still_counts() {
        assert_eq!(failed(Cancelling::RangOut, failure(Some(603))).disposition, Disposition::Rejected);
        assert_eq!(failed(Cancelling::RangOut, failure(Some(486))).disposition, Disposition::Busy);
    }

    #[test]
    fn silence_on_the_wire_is_the_trunks_fault() {
        assert_eq!(failed(Cancelling::No, failure(None)).disposition, Disposition::TrunkFailure);
    }
}
