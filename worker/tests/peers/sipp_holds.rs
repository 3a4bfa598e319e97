//! Callees that hold the call, resume it, change their media or their place.

use std::time::Duration;

use offhook_sip::DialogEvent;
use tokio::time::sleep;

use crate::support::sipp::{OFFER, call, done, event, sdp_at};

#[tokio::test]
async fn a_call_is_held_resumed_and_moved() {
    let (callee, _endpoint, mut dialog) = call("holds_and_resumes").await;
    for (theirs, ours) in
        [("a=sendonly", "recvonly"), ("a=inactive", "inactive"), ("IN IP4 0.0.0.0", "inactive"), ("a=sendonly", "recvonly")]
    {
        let Some(DialogEvent::Reoffer { sdp, answer }) = event(&mut dialog).await else { panic!("no offer: {theirs}") };
        assert!(sdp.contains(theirs), "{sdp}");
        answer.accept(&format!("{OFFER}a={ours}\r\n")).await;
    }
    // Asked for an offer, we gave one without asking anybody; this is the answer.
    let Some(DialogEvent::Reanswer { sdp }) = event(&mut dialog).await else { panic!("no answer in ACK") };
    assert!(sdp.contains("m=audio 30006"), "{sdp}");
    for port in ["30008", "30010"] {
        let Some(DialogEvent::Reoffer { sdp, answer }) = event(&mut dialog).await else { panic!("no offer") };
        assert!(sdp.contains(port), "{sdp}");
        answer.accept(&format!("{OFFER}a=sendrecv\r\n")).await;
    }
    done(&mut dialog).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn one_offer_is_answered_at_a_time() {
    let (callee, _endpoint, mut dialog) = call("asks_twice_at_once").await;
    let Some(DialogEvent::Reoffer { sdp, answer }) = event(&mut dialog).await else { panic!("no offer") };
    assert!(sdp.contains("m=audio 30004"), "{sdp}");
    // The second offer is refused meanwhile.
    sleep(Duration::from_millis(300)).await;
    answer.accept(&sdp_at(40002)).await;
    done(&mut dialog).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}
