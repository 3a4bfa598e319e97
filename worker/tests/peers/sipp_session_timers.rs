//! Session timers (RFC 4028): calls that are kept alive, and calls that have died without a word.

use std::time::Duration;

use offhook_sip::DialogEvent;

use crate::support::sipp::{Sipp, answered, call, caller, done, event, last};

#[tokio::test]
async fn a_timer_imposed_by_the_callee_is_honoured() {
    let (callee, _endpoint, mut dialog) = call("imposes_a_timer").await;
    assert!(matches!(event(&mut dialog).await, Some(DialogEvent::RemoteBye { .. })));
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_callee_without_update_is_refreshed_by_reinvite() {
    let (callee, endpoint, mut dialog) = call("refreshed_by_reinvite").await;
    done(&mut dialog).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
    endpoint.shutdown().await;
}

#[tokio::test]
async fn a_longer_interval_is_asked_for_where_the_callee_wants_one() {
    let callee = Sipp::play("interval_too_small").await;
    let endpoint = caller().await;
    let mut request = callee.request("interval-too-small");
    request.session_expires = Some(Duration::from_secs(120));
    let mut dialing = endpoint.dial(request).await.unwrap();
    answered(last(&mut dialing).await).1.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_callee_that_forgets_to_refresh_is_hung_up_on() {
    let (callee, _endpoint, mut dialog) = call("forgets_to_refresh").await;
    let Some(DialogEvent::Lost { why }) = event(&mut dialog).await else { panic!("the call went on") };
    assert_eq!(why, "the session was not refreshed");
    assert!(event(&mut dialog).await.is_none());
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_callee_that_has_lost_the_call_is_hung_up_on() {
    let (callee, _endpoint, mut dialog) = call("session_is_gone").await;
    let Some(DialogEvent::Lost { why }) = event(&mut dialog).await else { panic!("the call went on") };
    assert!(why.contains("UPDATE: 481"), "{why}");
    assert!(event(&mut dialog).await.is_none());
    callee.saw_it_all().await;
}

#[tokio::test]
async fn the_callees_own_refreshes_are_answered() {
    let (callee, _endpoint, mut dialog) = call("refreshes_itself").await;
    // A refresh is nothing to tell.
    done(&mut dialog).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}
