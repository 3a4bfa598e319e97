//! Handing the callee on to a human: REFER, and how it goes.

use offhook_sip::TransferOutcome;

use crate::support::sipp::{call, done};

const HOST: &str = "sip:host@restaurant.example";

#[tokio::test]
async fn a_callee_is_transferred() {
    let (callee, _endpoint, mut dialog) = call("transfers").await;
    assert_eq!(dialog.refer(HOST).await.unwrap(), TransferOutcome::Succeeded);
    done(&mut dialog).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_transfer_to_somebody_busy_leaves_the_call_up() {
    let (callee, _endpoint, mut dialog) = call("transfer_is_busy").await;
    assert_eq!(dialog.refer(HOST).await.unwrap(), TransferOutcome::Failed { code: 486 });
    done(&mut dialog).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_transfer_may_be_refused() {
    let (callee, _endpoint, mut dialog) = call("refuses_to_transfer").await;
    assert_eq!(dialog.refer(HOST).await.unwrap(), TransferOutcome::Refused { code: 603 });
    done(&mut dialog).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_transfer_that_is_never_heard_of_again_is_unknown() {
    let (callee, _endpoint, dialog) = call("transfer_says_nothing").await;
    assert_eq!(dialog.refer(HOST).await.unwrap(), TransferOutcome::Unknown);
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_target_cannot_add_a_header() {
    let (callee, endpoint, dialog) = call("answered").await;
    assert!(dialog.refer("sip:host@restaurant.example>\r\nX: y").await.is_err());
    drop(dialog);
    endpoint.shutdown().await;
    callee.saw_it_all().await;
}
