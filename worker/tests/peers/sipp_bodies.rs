//! Gateways whose messages have bodies of several parts, or of other kinds than SDP.

use offhook_sip::{DialEvent, DialogEvent};

use crate::support::sipp::{OFFER, Sipp, answered, caller, done, event, last, next};

#[tokio::test]
async fn the_description_is_found_beside_what_a_gateway_adds() {
    let callee = Sipp::play("gateway_adds_isup").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("isup")).await.unwrap();
    let early = next(&mut dialing).await;
    let DialEvent::EarlyMedia { code: 183, sdp } = early else { panic!("{early:?}") };
    assert!(sdp.starts_with("v=0\r\n") && sdp.contains("m=audio 30002") && !sdp.contains("ISUP"), "{sdp}");
    let (sdp, mut dialog) = answered(last(&mut dialing).await);
    assert!(sdp.starts_with("v=0\r\n") && sdp.contains("m=audio 30000") && !sdp.contains("boundary"), "{sdp}");
    for port in ["30004", "30006"] {
        let Some(DialogEvent::Reoffer { sdp, answer }) = event(&mut dialog).await else { panic!("no offer") };
        assert!(sdp.contains(&format!("m=audio {port}")) && !sdp.contains("ISUP"), "{sdp}");
        answer.accept(&format!("{OFFER}a=sendrecv\r\n")).await;
    }
    // Its re-INVITE had nothing for us but a part that need not be understood: it asked for an offer, and this is the ACK's answer.
    let Some(DialogEvent::Reanswer { sdp }) = event(&mut dialog).await else { panic!("no answer in ACK") };
    assert!(sdp.contains("m=audio 30008") && !sdp.contains("ISUP"), "{sdp}");
    // What follows is refused on the wire and told to nobody: the next is the digit.
    let Some(DialogEvent::Info { content_type, body }) = event(&mut dialog).await else { panic!("no digit") };
    assert_eq!((content_type.as_str(), body.trim()), ("application/dtmf-relay", "Signal=5"));
    done(&mut dialog).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn an_answer_that_cannot_be_read_is_acknowledged_and_says_why() {
    let callee = Sipp::play("answers_in_gzip").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("gzip")).await.unwrap();
    let event = last(&mut dialing).await;
    let DialEvent::Answered { sdp, unreadable, dialog } = event else { panic!("{event:?}") };
    let why = unreadable.unwrap_or_default();
    assert!(sdp.is_empty() && why.contains("gzip (Content-Encoding)"), "{sdp} {why}");
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn where_the_answer_has_no_description_that_of_the_183_counts() {
    let callee = Sipp::play("answers_with_isup_alone").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("isup-alone")).await.unwrap();
    let event = last(&mut dialing).await;
    let DialEvent::Answered { sdp, unreadable, dialog } = event else { panic!("{event:?}") };
    assert!(sdp.contains("m=audio 30002") && unreadable.is_none(), "{sdp} {unreadable:?}");
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}
