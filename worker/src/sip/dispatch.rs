//! Requests that arrive: those of a call go to its dialog, a new INVITE becomes an [`Incoming`], everything else is answered here.

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::dialog::Dialog as StackDialog;
use rsipstack::dialog::invite_dialog::InviteDialog;
use rsipstack::sip::prelude::HeadersExt;
use rsipstack::sip::{Header, Method, StatusCode};
use rsipstack::transaction::TransactionReceiver;
use rsipstack::transaction::transaction::Transaction;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::sleep;

use super::answer::{self, Incoming};
use super::endpoint::Shared;

/// What we understand, for Allow.
pub(super) const ALLOW: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, UPDATE";
const OPEN_REQUESTS: usize = 512;
/// A BYE may overtake the registration of the dialog its caller has just acknowledged.
const DIALOG_APPEARS_WITHIN: Duration = Duration::from_millis(200);
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(10);

/// Answers requests until the endpoint closes. More than 512 at once are left to the sender's retransmission.
pub(super) async fn serve(shared: Arc<Shared>, mut requests: TransactionReceiver, callers: mpsc::Sender<Incoming>) {
    let gate = Arc::new(Semaphore::new(OPEN_REQUESTS));
    loop {
        let request = tokio::select! {
            request = requests.recv() => request,
            () = shared.closed.cancelled() => return,
        };
        let Some(request) = request else { return };
        let Ok(permit) = gate.clone().try_acquire_owned() else {
            tracing::warn!(method = %request.original.method, "too many SIP requests at once, one is left unanswered");
            continue;
        };
        let (shared, callers) = (shared.clone(), callers.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = handle(&shared, request, &callers) => {}
                () = shared.closed.cancelled() => {}
            }
            drop(permit);
        });
    }
}

async fn handle(shared: &Arc<Shared>, mut request: Transaction, callers: &mpsc::Sender<Incoming>) {
    let method = request.original.method;
    if method == Method::Ack {
        return;
    }
    let within_a_dialog = request.original.to_header().ok().and_then(|to| to.tag().ok().flatten()).is_some();
    if within_a_dialog {
        match find_dialog(shared, &request).await {
            Some(dialog) => within(shared, dialog, &mut request).await,
            None => reply(&mut request, StatusCode::CallTransactionDoesNotExist, vec![]).await,
        }
        return;
    }
    match method {
        Method::Invite => answer::invited(shared, request, callers).await,
        Method::Options => {
            let headers = vec![Header::Allow(ALLOW.into()), Header::Accept("application/sdp".into())];
            reply(&mut request, StatusCode::OK, headers).await;
        }
        _ => reply(&mut request, StatusCode::MethodNotAllowed, vec![Header::Allow(ALLOW.into())]).await,
    }
}

async fn find_dialog(shared: &Shared, request: &Transaction) -> Option<InviteDialog> {
    let mut looks = DIALOG_APPEARS_WITHIN.as_millis() / LOOK_AGAIN_AFTER.as_millis();
    loop {
        if let Some(StackDialog::Invite(dialog)) = shared.layer.match_dialog(request) {
            return Some(dialog);
        }
        if looks == 0 {
            return None;
        }
        looks -= 1;
        sleep(LOOK_AGAIN_AFTER).await;
    }
}

async fn within(shared: &Shared, mut dialog: InviteDialog, request: &mut Transaction) {
    let method = request.original.method;
    if method == Method::Bye
        && let Some(reason) = reason_of(request)
    {
        shared.note_bye_reason(dialog.id().to_string(), reason);
    }
    if let Err(error) = dialog.handle(request).await {
        tracing::debug!(%method, %error, "a request within a call failed");
    }
    // The crate leaves requests unanswered that cross our own BYE.
    if request.last_response.is_none() {
        let status = if method == Method::Bye { StatusCode::OK } else { StatusCode::CallTransactionDoesNotExist };
        reply(request, status, vec![]).await;
    }
}

/// Answers a request and forgets it; what cannot be sent, the peer asks again.
pub(super) async fn reply(request: &mut Transaction, status: StatusCode, headers: Vec<Header>) {
    if let Err(error) = request.reply_with(status, headers, None).await {
        tracing::debug!(method = %request.original.method, %error, "a SIP request could not be answered");
    }
}

/// The Reason header (RFC 3326) of a request.
fn reason_of(request: &Transaction) -> Option<String> {
    request.original.headers.iter().find_map(|header| match header {
        Header::Reason(reason) => Some(reason.value().to_owned()),
        _ => None,
    })
}
