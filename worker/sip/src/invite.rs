//! The client transaction of an INVITE: a task drives it, sends the ACKs, and passes on every response (RFC 3261 section 17.1.1,
//! RFC 6026); and its CANCEL (section 9.1).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rsipstack::{
    sip::{Header, Method, Request, Response, SipMessage, StatusCodeKind, prelude::HeadersExt, typed},
    transaction::{
        TransactionState,
        key::TransactionKey,
        transaction::{Transaction, TransactionEvent, TransactionEventSender},
    },
};
use tokio::sync::mpsc;

use super::{client_transaction::final_response, error::SipError, message::sequence, path::Path, shared::Shared};

/// Capacity of the response channel. While it is full, provisional responses are dropped.
const WAITING_RESPONSES: usize = 32;

/// An INVITE that has been sent.
pub(super) struct ClientInvite {
    /// Its responses: provisional ones, the final one, and every later 2xx. Ends with the transaction.
    pub(super) responses: mpsc::Receiver<Response>,
    /// The INVITE as it was sent.
    pub(super) request: Request,
    path: Path,
    quiet: Arc<AtomicBool>,
    transaction: (TransactionEventSender, TransactionKey),
}

impl ClientInvite {
    /// Sends the INVITE.
    pub(super) fn send(shared: &Arc<Shared>, path: &Path, request: Request) -> Result<ClientInvite, SipError> {
        let transaction = path.client(shared, request)?;
        let (sender, responses) = mpsc::channel(WAITING_RESPONSES);
        let quiet = Arc::new(AtomicBool::new(false));
        let invite = ClientInvite {
            responses,
            request: transaction.original.clone(),
            path: path.clone(),
            quiet: quiet.clone(),
            transaction: (transaction.tu_sender.clone(), transaction.key.clone()),
        };
        let closed = shared.closed.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = drive(transaction, sender, quiet) => {}
                () = closed.cancelled() => {}
            }
        });
        Ok(invite)
    }

    /// Returns the number of its CSeq.
    pub(super) fn sequence(&self) -> u32 {
        sequence(&self.request.headers).map_or(0, |(number, _)| number)
    }

    /// Stops its retransmission: no response has come yet, and no phone should start to ring now.
    pub(super) fn stop_retransmitting(&self) {
        self.quiet.store(true, Ordering::Relaxed);
        let (sender, key) = &self.transaction;
        sender.send(TransactionEvent::Terminate(key.clone())).ok();
    }

    /// Sends CANCEL and waits for its response. Allowed only after a provisional response to the INVITE (section 9.1).
    pub(super) fn cancel(&self, shared: &Arc<Shared>) -> impl Future<Output = ()> + Send + use<> {
        let (shared, transaction) = (shared.clone(), self.path.client_as_it_is(shared, cancel_of(&self.request)));
        async move {
            let outcome = match transaction {
                Ok(transaction) => final_response(&shared, transaction).await,
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                tracing::debug!(%error, "CANCEL was not answered");
            }
        }
    }
}

async fn drive(mut transaction: Transaction, responses: mpsc::Sender<Response>, quiet: Arc<AtomicBool>) {
    if let Err(error) = transaction.send().await {
        return tracing::debug!(%error, "an INVITE could not be sent");
    }
    loop {
        match transaction.receive().await {
            // An answer that has another Via below ours was meant for somebody else (section 8.1.3.3).
            Some(SipMessage::Response(response)) if response.has_multiple_vias() => {}
            Some(SipMessage::Response(response)) if response.status_code.kind() == StatusCodeKind::Provisional => {
                responses.try_send(response).ok();
            }
            Some(SipMessage::Response(response)) => {
                responses.send(response).await.ok();
            }
            Some(SipMessage::Request(_)) => {}
            // `receive` was only woken up.
            None if quiet.swap(false, Ordering::Relaxed) => {
                if transaction.state == TransactionState::Calling
                    && let Some(timer) = transaction.timer_a.take()
                {
                    transaction.endpoint_inner.timers.cancel(timer);
                }
            }
            None => return,
        }
    }
}

/// Composes the CANCEL of an INVITE: the same Via, Route, From, To, Call-ID and number (section 9.1).
fn cancel_of(invite: &Request) -> Request {
    let number = sequence(&invite.headers).map_or(0, |(number, _)| number);
    let mut headers: Vec<Header> = Vec::new();
    for header in invite.headers.iter() {
        match header {
            Header::Via(_) | Header::Route(_) | Header::From(_) | Header::To(_) | Header::CallId(_) | Header::MaxForwards(_) => {
                headers.push(header.clone());
            }
            Header::CSeq(_) => headers.push(Header::CSeq(typed::CSeq { seq: number, method: Method::Cancel }.into())),
            _ => {}
        }
    }
    Request { method: Method::Cancel, headers: headers.into(), body: vec![], ..invite.clone() }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_cancel_is_the_invites_twin() {
        let invite = Request::try_from(
            "INVITE sip:c@t SIP/2.0\r\nVia: SIP/2.0/UDP us;branch=z9hG4bK1\r\nRoute: <sip:p;lr>\r\nFrom: <sip:us@h>;tag=u\r\nTo: <sip:c@t>\r\n\
             Call-ID: c1\r\nCSeq: 4 INVITE\r\nMax-Forwards: 70\r\nContact: <sip:us@h>\r\nProxy-Authorization: Digest x\r\nContent-Length: 3\r\n\r\nv=0",
        )
        .unwrap();
        assert_eq!(
            cancel_of(&invite).to_string(),
            "CANCEL sip:c@t SIP/2.0\r\nVia: SIP/2.0/UDP us;branch=z9hG4bK1\r\nRoute: <sip:p;lr>\r\nFrom: <sip:us@h>;tag=u\r\nTo: <sip:c@t>\r\n\
             Call-ID: c1\r\nCSeq: 4 CANCEL\r\nMax-Forwards: 70\r\n\r\n"
        );
    }
}
