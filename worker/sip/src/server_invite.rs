//! The server transaction of an INVITE: a task drives it, retransmits the 2xx, and reports how it ended (RFC 3261 sections 13.3.1.4
//! and 17.2.1).

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use rsipstack::{
    sip::{Header, Method, Request, SipMessage, StatusCode},
    transaction::{
        TransactionState,
        transaction::{Transaction, TransactionEvent, TransactionEventSender},
    },
};
use tokio::sync::oneshot;

use super::{body, shared::Shared};

/// An INVITE of the peer.
pub(super) struct ServerInvite {
    shared: Arc<Shared>,
    /// The INVITE, with our tag.
    pub(super) request: Request,
    transaction: TransactionEventSender,
    accepted: AtomicBool,
}

/// How an INVITE of the peer ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// The peer sent ACK to our 2xx; the SDP in it, an answer where our 2xx had an offer; empty where there is none.
    Acknowledged(String),
    /// The peer sent CANCEL before our final response.
    Cancelled,
    /// We refused, or the peer sent no ACK to our 2xx.
    Otherwise,
}

impl ServerInvite {
    /// Takes an INVITE whose To has our tag, and sends 100.
    pub(super) fn take(shared: &Arc<Shared>, transaction: Transaction) -> (ServerInvite, oneshot::Receiver<Ended>) {
        let (ended, end) = oneshot::channel();
        let invite = ServerInvite {
            shared: shared.clone(),
            request: transaction.original.clone(),
            transaction: transaction.tu_sender.clone(),
            accepted: AtomicBool::new(false),
        };
        let closed = shared.closed.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = drive(transaction, ended) => {}
                () = closed.cancelled() => {}
            }
        });
        (invite, end)
    }

    /// Returns whether we have sent 2xx.
    pub(super) fn is_accepted(&self) -> bool {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Sends a response. A second final response is not sent.
    pub(super) fn respond(&self, status: StatusCode, headers: Vec<Header>, body: Option<Vec<u8>>) {
        if status.code() / 100 == 2 {
            self.accepted.store(true, Ordering::Relaxed);
        }
        let mut response = self.shared.stack.make_response(&self.request, status, body);
        response.headers.extend(headers);
        self.transaction.send(TransactionEvent::Respond(response)).ok();
    }
}

async fn drive(mut transaction: Transaction, ended: oneshot::Sender<Ended>) {
    let mut ended = Some(ended);
    let mut tell = |end: Ended| ended.take().map(|ended| ended.send(end));
    if let Err(error) = transaction.send_trying().await {
        tracing::debug!(%error, "100 could not be sent");
    }
    while let Some(message) = transaction.receive().await {
        let SipMessage::Request(request) = message else { continue };
        match request.method {
            Method::Cancel if matches!(transaction.state, TransactionState::Trying | TransactionState::Proceeding) => {
                if let Err(error) = transaction.reply(StatusCode::RequestTerminated).await {
                    tracing::debug!(%error, "487 could not be sent");
                }
                tell(Ended::Cancelled);
            }
            Method::Ack if transaction.last_response.as_ref().is_some_and(|last| last.status_code.code() / 100 == 2) => {
                let (answer, unreadable) = body::answer(&request.headers, &request.body);
                if let Some(error) = unreadable {
                    tracing::warn!(%error, "the body of an ACK is not taken");
                }
                tell(Ended::Acknowledged(answer.unwrap_or_default()));
            }
            _ => {}
        }
    }
    tell(Ended::Otherwise);
}
