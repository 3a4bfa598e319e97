//! REFER: transfers the callee (blind transfer, RFC 3515 and RFC 5589), and follows the transfer by its NOTIFYs.

use std::{
    sync::{Arc, PoisonError},
    time::Duration,
};

use rsipstack::{
    sip::{Header, Method, Request, StatusCode},
    transaction::transaction::Transaction,
};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use super::{
    body::{self, BodyError},
    error::SipError,
    identity::parse_uri,
    leg::Leg,
    message::{header, split, written},
    server_transaction::reply,
};

/// How long a transfer may take: the target's phone rings and is answered.
const TRANSFERRED_WITHIN: Duration = Duration::from_secs(90);
const WAITING_PROGRESS: usize = 16;
/// Sent for a subscription that ends without a final code.
const ENDED: u16 = 0;

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferOutcome {
    /// The callee is connected to the target; we should hang up.
    Succeeded,
    /// The peer refused to transfer, with this code; the call goes on.
    Refused {
        /// The code of the response to REFER.
        code: u16,
    },
    /// The target refused with this code; the call goes on.
    Failed {
        /// The code the peer got.
        code: u16,
    },
    /// The peer accepted the REFER and sent no result, or hung up before it did.
    Unknown,
}

/// Sends REFER and follows it to its end.
pub(super) async fn refer(leg: &Arc<Leg>, target: &str) -> Result<TransferOutcome, SipError> {
    let target = parse_uri("target", target)?;
    if leg.is_over() {
        return Err(SipError::CallOver);
    }
    let (sender, progress) = mpsc::channel(WAITING_PROGRESS);
    *leg.transfer.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
    let outcome = follow(leg, &written(&target), progress).await;
    *leg.transfer.lock().unwrap_or_else(PoisonError::into_inner) = None;
    outcome
}

async fn follow(leg: &Arc<Leg>, target: &str, mut progress: mpsc::Receiver<u16>) -> Result<TransferOutcome, SipError> {
    let by = leg.state().dialog.local_address().to_owned();
    let headers =
        vec![leg.contact(), Header::ReferTo(format!("<{target}>").into()), Header::ReferredBy(format!("<{by}>").into())];
    let response = leg.request(Method::Refer, headers, None).await?;
    let code = response.status_code.code();
    if code / 100 != 2 {
        return Ok(TransferOutcome::Refused { code });
    }
    let until = Instant::now() + TRANSFERRED_WITHIN;
    loop {
        let code = tokio::select! {
            biased;
            code = timeout_at(until, progress.recv()) => code,
            () = leg.over() => return Ok(TransferOutcome::Unknown),
        };
        match code {
            Ok(Some(100..=199)) => {}
            Ok(Some(200..=299)) => return Ok(TransferOutcome::Succeeded),
            Ok(Some(ENDED) | None) | Err(_) => return Ok(TransferOutcome::Unknown),
            Ok(Some(code)) => return Ok(TransferOutcome::Failed { code }),
        }
    }
}

/// Handles a NOTIFY: it is about our transfer, or gets 481.
pub(super) async fn notified(leg: &Leg, request: &mut Transaction) {
    let transfer = leg.transfer.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let about_a_refer = header(&request.original.headers, "Event")
        .and_then(|event| split(event, ';').first().map(|package| package.eq_ignore_ascii_case("refer")));
    match (about_a_refer, transfer) {
        (Some(true), Some(transfer)) => match codes(&request.original) {
            Ok(codes) => {
                for code in codes {
                    transfer.try_send(code).ok();
                }
                reply(request, StatusCode::OK, vec![]).await;
            }
            Err(error) => {
                let (status, headers) = error.refusal();
                reply(request, status, headers).await;
            }
        },
        (Some(true), None) => reply(request, StatusCode::CallTransactionDoesNotExist, vec![]).await,
        (Some(false), _) => {
            reply(request, StatusCode::BadEvent, vec![Header::Other("Allow-Events".into(), "refer".into())]).await;
        }
        (None, _) => reply(request, StatusCode::BadRequest, vec![]).await,
    }
}

/// Returns the code in a NOTIFY's `message/sipfrag` (RFC 3420), or [`ENDED`] where the subscription has ended without one.
fn codes(notify: &Request) -> Result<Vec<u16>, BodyError> {
    let (_, body) = body::text(&notify.headers, &notify.body, &["message/sipfrag"])?;
    let code = body.trim_start().strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse::<u16>().ok());
    let over = header(&notify.headers, "Subscription-State")
        .and_then(|state| split(state, ';').first().map(|state| state.eq_ignore_ascii_case("terminated")))
        .unwrap_or(false);
    Ok(code.filter(|code| (100..700).contains(code)).into_iter().chain(over.then_some(ENDED)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn notify(state: &str, body: &str) -> Request {
        let text = format!(
            "NOTIFY sip:us@here SIP/2.0\r\nVia: SIP/2.0/UDP t;branch=z9hG4bK2\r\nFrom: <sip:c@t>;tag=t\r\nTo: <sip:us@here>;tag=u\r\n\
             Call-ID: c1\r\nCSeq: 2 NOTIFY\r\nSubscription-State: {state}\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        Request::try_from(text.as_str()).unwrap()
    }

    fn read(notify: &Request) -> Vec<u16> {
        codes(notify).unwrap()
    }

    #[test]
    fn a_sipfrag_tells_how_the_transfer_goes() {
        assert_eq!(read(&notify("active;expires=60", "SIP/2.0 100 Trying")), [100]);
        assert_eq!(read(&notify("terminated;reason=noresource", "SIP/2.0 200 OK\r\nTo: <sip:x@y>\r\n")), [200, ENDED]);
        assert_eq!(read(&notify("TERMINATED", "")), [ENDED]);
        for nonsense in ["SIP/2.0 2", "SIP/2.0 999 x", "HTTP/1.1 200 OK", "SIP/2.0 \u{fffd}\u{fffd}"] {
            assert_eq!(read(&notify("active", nonsense)), [0_u16; 0], "{nonsense}");
        }
    }
    #[test]
    fn a_sipfrag_is_found_among_parts_and_refused_where_it_is_compressed() {
        let with = |content_type: &str, more: Option<Header>, body: &str| {
            let mut request = notify("active", body);
            request.headers.push(Header::ContentType(content_type.into()));
            request.headers.extend(more.into_iter().collect());
            request
        };
        let parts = "--b\r\nContent-Type: text/plain\r\n\r\nHi\r\n--b\r\nContent-Type: message/sipfrag;version=2.0\r\n\r\nSIP/2.0 486 Busy\r\n--b--";
        assert_eq!(read(&with("multipart/mixed;boundary=b", None, parts)), [486]);
        let packed = with("message/sipfrag", Some(Header::ContentEncoding("gzip".into())), "SIP/2.0 200 OK");
        assert_eq!(codes(&packed), Err(BodyError::Encoding("gzip".into())));
    }
}
