//! Dispatches requests that arrive: one within a dialog goes to that dialog, a new INVITE becomes an [`Incoming`], any other is
//! answered here.

use std::sync::Arc;

use rsipstack::{
    sip::{Header, Method, StatusCode},
    transaction::{TransactionReceiver, transaction::Transaction},
};
use tokio::sync::{
    Semaphore,
    mpsc::{self, error::TrySendError},
};

use super::{
    capabilities::{self, ALLOW},
    incoming::{self, Incoming},
    message::{header, tag},
    server_transaction::reply,
    shared::Shared,
};

const OPEN_REQUESTS: usize = 512;

/// Dispatches requests until the endpoint closes. At most 512 are handled at once; further ones are dropped, and the peer retransmits.
pub(super) async fn serve(shared: Arc<Shared>, mut requests: TransactionReceiver, callers: mpsc::Sender<Incoming>) {
    let gate = Arc::new(Semaphore::new(OPEN_REQUESTS));
    loop {
        let request = tokio::select! {
            request = requests.recv() => request,
            () = shared.closed.cancelled() => return,
        };
        let Some(request) = request else { return };
        // The requests of one call stay in their order.
        let Some((request, call)) = hand_over(&shared, request) else { continue };
        let Ok(permit) = gate.clone().try_acquire_owned() else {
            tracing::warn!(method = %request.original.method, "too many SIP requests at once, one is left unanswered");
            continue;
        };
        let (shared, callers) = (shared.clone(), callers.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = handle(&shared, request, call, &callers) => {}
                () = shared.closed.cancelled() => {}
            }
            drop(permit);
        });
    }
}

type Call = mpsc::Sender<Transaction>;

/// Passes a request to its dialog; returns it where there is no such dialog, or where the dialog's channel is full.
fn hand_over(shared: &Shared, request: Transaction) -> Option<(Transaction, Option<Call>)> {
    let headers = &request.original.headers;
    let ours = header(headers, "To").and_then(tag).map(|tag| (header(headers, "Call-ID").unwrap_or_default(), tag));
    let call = ours.and_then(|(call_id, tag)| shared.dialogs.find(call_id, tag));
    let Some(call) = call else { return Some((request, None)) };
    match call.try_send(request) {
        Ok(()) => None,
        Err(TrySendError::Full(request)) => Some((request, Some(call))),
        Err(TrySendError::Closed(request)) => Some((request, None)),
    }
}

async fn handle(shared: &Arc<Shared>, mut request: Transaction, call: Option<Call>, callers: &mpsc::Sender<Incoming>) {
    let method = request.original.method;
    if method == Method::Ack {
        return;
    }
    if let Some(call) = call {
        match call.send(request).await {
            Ok(()) => return,
            Err(mpsc::error::SendError(back)) => request = back,
        }
    }
    if header(&request.original.headers, "To").and_then(tag).is_some() {
        return reply(&mut request, StatusCode::CallTransactionDoesNotExist, vec![]).await;
    }
    match method {
        Method::Invite => incoming::invited(shared, request, callers).await,
        Method::Options => {
            reply(&mut request, StatusCode::OK, capabilities::headers()).await;
        }
        // Both need a dialog.
        Method::Bye | Method::Update | Method::PRack | Method::Info => {
            reply(&mut request, StatusCode::CallTransactionDoesNotExist, vec![]).await;
        }
        _ => reply(&mut request, StatusCode::MethodNotAllowed, vec![Header::Allow(ALLOW.into())]).await,
    }
}
