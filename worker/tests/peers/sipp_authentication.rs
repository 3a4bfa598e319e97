//! Trunks that want to know who calls, again and again, and what they are told about the caller.

use std::time::Duration;

use offhook::attempt::WayOut;
use offhook_sip::SipError;

use crate::support::sipp::{Sipp, answered, caller, credentials, failed, last, sdp_at};

#[tokio::test]
async fn a_stale_nonce_is_no_refusal_and_a_bye_is_authorized_too() {
    let callee = Sipp::play("stale_nonce").await;
    let endpoint = caller().await;
    let mut request = callee.request("stale-nonce");
    request.credentials = Some(credentials("correct horse"));
    let mut dialing = endpoint.dial(request).await.unwrap();
    answered(last(&mut dialing).await).1.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn requests_within_the_call_are_authorized_too() {
    let callee = Sipp::play("challenges_within_the_call").await;
    let endpoint = caller().await;
    let mut request = callee.request("challenges-within");
    request.credentials = Some(credentials("correct horse"));
    let mut dialing = endpoint.dial(request).await.unwrap();
    let (_, dialog) = answered(last(&mut dialing).await);
    let answer = dialog.reinvite(&sdp_at(40002)).await.unwrap();
    assert!(answer.contains("m=audio 30010"), "{answer}");
    assert_eq!(dialog.update(None).await.unwrap(), "");
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn the_trunk_learns_who_calls_and_the_callee_does_not() {
    let callee = Sipp::play("identity").await;
    let endpoint = caller().await;
    let mut request = callee.request("identity");
    request.anonymous = true;
    request.asserted_identity = Some("tel:+4930999".to_owned());
    request.headers = vec![("X-Account".to_owned(), "a=\"b\"; 17".to_owned())];
    request.session_expires = Some(Duration::from_secs(1800));
    request.outbound_proxy = Some(WayOut::udp("localhost", callee.port));
    request.destination = Some(WayOut::udp("nowhere.invalid", 5060));
    let mut dialing = endpoint.dial(request).await.unwrap();
    assert_eq!(failed(last(&mut dialing).await).code, Some(486));
    callee.saw_it_all().await;
}

#[tokio::test]
async fn a_header_that_could_break_out_is_refused_before_anything_is_sent() {
    let endpoint = caller().await;
    for (name, value) in [("Via", "x"), ("X-A", "1\r\nRoute: <sip:evil;lr>"), ("content-length", "0"), ("X A", "1")] {
        let mut request = offhook_sip::DialRequest {
            to: "sip:+49301@127.0.0.1:9".to_owned(),
            call_id: "evil".to_owned(),
            ..Default::default()
        };
        request.headers = vec![(name.to_owned(), value.to_owned())];
        assert!(matches!(endpoint.dial(request).await, Err(SipError::Field { field: "headers", .. })), "{name}: {value}");
    }
}
