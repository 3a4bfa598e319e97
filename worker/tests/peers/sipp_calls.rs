//! Calls between our caller and SIPp, which checks every message against a scenario in `tests/sip`.

use std::time::Duration;

use offhook_sip::{DialEvent, DialFailure, DialogEvent};
use tokio::time::timeout;

use crate::support::sipp::{self, PATIENCE, Sipp, answered, caller, credentials, failed, last, next};

#[tokio::test]
async fn an_answered_call_is_hung_up_by_us() {
    let callee = Sipp::play("answered").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("we-hang-up")).await.unwrap();
    assert!(matches!(next(&mut dialing).await, DialEvent::Trying));
    assert!(matches!(next(&mut dialing).await, DialEvent::Ringing { code: 180 }));
    let (sdp, dialog) = answered(last(&mut dialing).await);
    assert!(sdp.contains("m=audio 30000 RTP/AVP 8"), "{sdp}");
    assert_eq!(dialog.call_id(), "we-hang-up");
    dialog.hangup().await.unwrap();
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
    endpoint.shutdown().await;
}

#[tokio::test]
async fn a_dropped_call_is_hung_up_before_the_port_closes() {
    let callee = Sipp::play("answered").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("dropped")).await.unwrap();
    drop(answered(last(&mut dialing).await));
    endpoint.shutdown().await;
    callee.saw_it_all().await;
}

#[tokio::test]
async fn the_callee_hangs_up_and_says_why() {
    let callee = Sipp::play("callee_hangs_up").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("callee-hangs-up")).await.unwrap();
    let (_, mut dialog) = answered(last(&mut dialing).await);
    let event = timeout(PATIENCE, dialog.next()).await.unwrap();
    let Some(DialogEvent::RemoteBye { cause, reason }) = event else { panic!("{event:?}") };
    assert_eq!(cause, Some(16));
    assert_eq!(reason.as_deref(), Some("Q.850;cause=16;text=\"Normal call clearing\""));
    assert!(dialog.next().await.is_none());
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn early_media_is_told_before_the_answer() {
    let callee = Sipp::play("early_media").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("early")).await.unwrap();
    assert!(matches!(next(&mut dialing).await, DialEvent::Trying));
    let event = next(&mut dialing).await;
    let DialEvent::EarlyMedia { code: 183, sdp } = event else { panic!("{event:?}") };
    assert!(sdp.contains("m=audio 30002"), "{sdp}");
    let (sdp, dialog) = answered(last(&mut dialing).await);
    assert!(sdp.contains("m=audio 30000"), "{sdp}");
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_peer_without_content_length_loses_no_sdp() {
    let callee = Sipp::play("without_content_length").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("no-length")).await.unwrap();
    let event = next(&mut dialing).await;
    let DialEvent::EarlyMedia { code: 183, sdp } = event else { panic!("{event:?}") };
    assert!(sdp.contains("m=audio 30002"), "{sdp}");
    let (sdp, dialog) = answered(last(&mut dialing).await);
    assert!(sdp.contains("m=audio 30000") && sdp.contains("a=rtpmap:8 PCMA/8000"), "{sdp}");
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_peer_without_contact_can_be_hung_up_on() {
    let callee = Sipp::play("without_contact").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("no-contact")).await.unwrap();
    answered(last(&mut dialing).await).1.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_trunk_that_wants_credentials_gets_them() {
    let callee = Sipp::play("challenged").await;
    let endpoint = caller().await;
    let mut request = callee.request("challenged");
    request.credentials = Some(credentials("correct horse"));
    let mut dialing = endpoint.dial(request).await.unwrap();
    answered(last(&mut dialing).await).1.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_callee_that_wants_credentials_finds_the_digest_right() {
    let callee = Sipp::play("challenged_by_callee").await;
    let endpoint = caller().await;
    let mut request = callee.request("challenged-401");
    request.credentials = Some(credentials("correct horse"));
    let mut dialing = endpoint.dial(request).await.unwrap();
    answered(last(&mut dialing).await).1.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_challenge_without_credentials_is_a_failure() {
    let callee = Sipp::play("not_authorized").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("no-credentials")).await.unwrap();
    assert_eq!(failed(last(&mut dialing).await).code, Some(407));
    callee.saw_it_all().await;
}

#[tokio::test]
async fn refused_credentials_are_not_tried_again() {
    let callee = Sipp::play("refused_credentials").await;
    let endpoint = caller().await;
    let mut request = callee.request("refused-credentials");
    request.credentials = Some(credentials("wrong"));
    let mut dialing = endpoint.dial(request).await.unwrap();
    assert_eq!(failed(last(&mut dialing).await).code, Some(407));
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_busy_callee_is_rung_once() {
    refused("busy", 486, "Busy Here (Q.850;cause=17)", 17, true).await;
}

#[tokio::test]
async fn a_callee_who_declines_is_rung_once() {
    refused("declines", 603, "Decline (Q.850;cause=21)", 21, true).await;
}

#[tokio::test]
async fn a_number_that_does_not_exist_is_tried_once() {
    refused("unknown_number", 404, "Not Found (Q.850;cause=1)", 1, false).await;
}

#[tokio::test]
async fn an_overloaded_trunk_is_tried_once() {
    refused("overloaded", 503, "Overloaded Try Later (Q.850;cause=42)", 42, false).await;
}

#[tokio::test]
async fn a_callee_who_does_not_pick_up_is_cancelled() {
    let callee = Sipp::play("cancelled_while_ringing").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("given-up")).await.unwrap();
    while !matches!(next(&mut dialing).await, DialEvent::Ringing { code: 180 }) {}
    dialing.cancel();
    let failure = failed(last(&mut dialing).await);
    assert_eq!((failure.code, failure.cancelled), (Some(487), true));
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_dropped_attempt_is_cancelled() {
    let callee = Sipp::play("cancelled_while_ringing").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("dropped-attempt")).await.unwrap();
    while !matches!(next(&mut dialing).await, DialEvent::Ringing { code: 180 }) {}
    drop(dialing);
    callee.saw_it_all().await;
}

#[tokio::test]
async fn shutting_down_cancels_what_rings() {
    let callee = Sipp::play("cancelled_while_ringing").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("shutdown")).await.unwrap();
    while !matches!(next(&mut dialing).await, DialEvent::Ringing { code: 180 }) {}
    endpoint.shutdown().await;
    assert!(failed(last(&mut dialing).await).cancelled);
    callee.saw_it_all().await;
}

#[tokio::test]
async fn an_answer_that_crosses_our_cancel_is_acknowledged_and_hung_up() {
    let callee = Sipp::play("answer_crosses_cancel").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("crossing")).await.unwrap();
    while !matches!(next(&mut dialing).await, DialEvent::Ringing { code: 180 }) {}
    dialing.cancel();
    let failure = failed(last(&mut dialing).await);
    assert!(failure.cancelled, "{failure:?}");
    endpoint.shutdown().await;
    callee.saw_it_all().await;
}

#[tokio::test]
async fn what_the_callee_asks_during_the_call_is_answered() {
    let callee = Sipp::play("during_the_call").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("during")).await.unwrap();
    let (_, mut dialog) = answered(last(&mut dialing).await);

    let event = timeout(PATIENCE, dialog.next()).await.unwrap();
    let Some(DialogEvent::Info { content_type, body }) = event else { panic!("{event:?}") };
    assert_eq!(content_type, "application/dtmf-relay");
    assert!(body.starts_with("Signal=5"), "{body}");

    let event = timeout(PATIENCE, dialog.next()).await.unwrap();
    let Some(DialogEvent::Reoffer { sdp, answer }) = event else { panic!("{event:?}") };
    assert!(sdp.contains("m=audio 30004"), "{sdp}");
    answer.accept(&sipp::OFFER.replace("40000", "40002")).await;

    let event = timeout(PATIENCE, dialog.next()).await.unwrap();
    let Some(DialogEvent::Reoffer { sdp, answer }) = event else { panic!("{event:?}") };
    assert!(sdp.contains("m=audio 30006"), "{sdp}");
    drop(answer);

    // The REFER is refused without our help; what is left to the callee is our BYE.
    assert!(timeout(std::time::Duration::from_millis(300), dialog.next()).await.is_err());
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn what_a_trunk_says_besides_its_code_is_told() {
    let callee = Sipp::play("rings_and_fails").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("rings-and-fails")).await.unwrap();
    let failure = failed(last(&mut dialing).await);
    assert_eq!((failure.code, failure.cause, failure.retry_after), (Some(503), Some(41), Some(Duration::from_secs(120))));
    // It was forwarded: some phone may have rung.
    assert!(failure.reached);
    callee.saw_it_all().await;
}

#[tokio::test]
async fn every_2xx_is_an_answer() {
    let callee = Sipp::play("accepted").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("accepted")).await.unwrap();
    let (sdp, dialog) = answered(last(&mut dialing).await);
    assert!(sdp.contains("m=audio 30000"), "{sdp}");
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

async fn refused(scenario: &str, code: u16, reason: &str, q850: u16, somebody_was_reached: bool) {
    let callee = Sipp::play(scenario).await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request(scenario)).await.unwrap();
    let failure = failed(last(&mut dialing).await);
    let DialFailure { code: given, reason: said, cancelled, cause, reached, .. } = failure;
    assert_eq!((given, said.as_str(), cancelled), (Some(code), reason, false));
    assert_eq!((cause, reached), (Some(q850), somebody_was_reached));
    // SIPp listens on for a second INVITE before it ends.
    callee.saw_it_all().await;
}
