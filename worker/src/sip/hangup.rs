//! BYE: ends an answered call (RFC 3261 section 15).

use std::sync::Arc;
use std::time::Duration;

use rsipstack::dialog::invite_dialog::InviteDialog;
use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use super::dialog::Stage;
use super::endpoint::Shared;
use super::error::SipError;

const BYE_WITHIN: Duration = Duration::from_secs(4);

/// Sends BYE, unless the call is over, and waits for the answer. The BYE goes on when the waiting future is dropped.
pub(super) async fn hangup(shared: Arc<Shared>, dialog: InviteDialog, stage: watch::Receiver<Stage>) -> Result<(), SipError> {
    if matches!(*stage.borrow(), Stage::Ended) {
        return Ok(());
    }
    let (done, outcome) = oneshot::channel();
    let bye = say_bye(shared.clone(), dialog);
    shared.before_closing(async move {
        done.send(bye.await).ok();
    });
    outcome.await.unwrap_or(Err(SipError::Closed))
}

/// Sends BYE without waiting for its answer.
pub(super) fn in_background(shared: Arc<Shared>, dialog: InviteDialog) {
    let bye = say_bye(shared.clone(), dialog);
    shared.before_closing(async move {
        if let Err(error) = bye.await {
            tracing::warn!(%error, "a dropped call could not be hung up properly");
        }
    });
}

async fn say_bye(shared: Arc<Shared>, dialog: InviteDialog) -> Result<(), SipError> {
    let outcome = timeout(BYE_WITHIN, dialog.bye()).await;
    // Whatever the peer says or does not say, the call is over: this ends the task that attends it.
    shared.layer.remove_dialog(&dialog.id());
    match outcome {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(SipError::stack("a BYE", error)),
        Err(_) => Err(SipError::Unanswered { method: "BYE", ms: BYE_WITHIN.as_millis() as u64 }),
    }
}
