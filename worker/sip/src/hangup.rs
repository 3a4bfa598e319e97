//! BYE: ends an answered call (RFC 3261 section 15).

use std::{sync::Arc, time::Duration};

use rsipstack::sip::{Header, Method};
use tokio::{sync::oneshot, time::timeout};

use super::{
    error::SipError,
    leg::{Leg, Stage},
};

const BYE_WITHIN: Duration = Duration::from_secs(4);

/// Sends BYE, unless the dialog has ended, and waits for its response; `reason` is its Reason header (RFC 3326). The BYE goes on when
/// the future is dropped.
pub(super) async fn hangup(leg: &Arc<Leg>, reason: Option<&'static str>) -> Result<(), SipError> {
    if !begin(leg) {
        // Somebody hangs up already: wait for that.
        leg.over().await;
        return Ok(());
    }
    let (done, outcome) = oneshot::channel();
    let bye = say_bye(leg.clone(), reason);
    leg.shared.before_closing(async move {
        done.send(bye.await).ok();
    });
    outcome.await.unwrap_or(Err(SipError::Closed))
}

/// Notes that the dialog is lost, and sends BYE without waiting for its response; `reason` is its Reason header (RFC 3326). Does
/// nothing where the dialog is ending already.
pub(super) fn lost(leg: &Arc<Leg>, why: String, reason: &'static str) {
    if !begin(leg) {
        return;
    }
    tracing::info!(why, "a dialog is lost: the call is hung up");
    leg.state().lost = Some(why);
    leg.changed.notify_one();
    bye_in_background(leg, Some(reason));
}

/// Sends BYE without waiting for its response; `reason` is its Reason header (RFC 3326).
pub(super) fn in_background(leg: &Arc<Leg>, reason: Option<&'static str>) {
    if begin(leg) {
        bye_in_background(leg, reason);
    }
}

fn bye_in_background(leg: &Arc<Leg>, reason: Option<&'static str>) {
    let bye = say_bye(leg.clone(), reason);
    leg.shared.before_closing(async move {
        if let Err(error) = bye.await {
            tracing::warn!(%error, "a call could not be hung up properly");
        }
    });
}

/// Notes that we hang up; returns false where the dialog has ended or is ending already.
fn begin(leg: &Leg) -> bool {
    let mut state = leg.state();
    let first = !state.leaving && !leg.is_over();
    state.leaving = true;
    first
}

async fn say_bye(leg: Arc<Leg>, reason: Option<&'static str>) -> Result<(), SipError> {
    let headers = reason.map(|reason| Header::Reason(reason.into())).into_iter().collect();
    let outcome = timeout(BYE_WITHIN, leg.request(Method::Bye, headers, None)).await;
    // Whatever the peer says or does not say, the call is over.
    leg.reach(Stage::Ended);
    match outcome {
        // 481: the peer had hung up before; 408 and the like: it is gone.
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(SipError::Unanswered { method: "BYE", ms: BYE_WITHIN.as_millis() as u64 }),
    }
}
