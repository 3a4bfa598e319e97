//! One number, several phones: early dialogs, reliable progress, and who wins.

use offhook_sip::DialEvent;

use crate::support::sipp::{Sipp, answered, caller, done, last, next, sdp_at};

#[tokio::test]
async fn the_first_phone_wins_and_the_second_is_hung_up_on() {
    let callee = Sipp::play("two_phones_answer").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("two-phones")).await.unwrap();
    let (sdp, mut dialog) = answered(last(&mut dialing).await);
    assert!(sdp.contains("m=audio 30000"), "{sdp}");
    // The second answer has come and gone; ours stays.
    done(&mut dialog).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn reliable_progress_is_acknowledged_once_in_its_own_dialog() {
    let callee = Sipp::play("reliable_phones").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("reliable-phones")).await.unwrap();
    let mut early = Vec::new();
    let (sdp, dialog) = loop {
        match next(&mut dialing).await {
            DialEvent::EarlyMedia { sdp, .. } => early.push(sdp),
            DialEvent::Reoffer { sdp, answer } => {
                assert!(sdp.contains("m=audio 30004"), "{sdp}");
                answer.accept(&sdp_at(40002)).await;
            }
            DialEvent::Answered { sdp, dialog, .. } => break (sdp, dialog),
            DialEvent::Trying | DialEvent::Ringing { .. } => {}
            DialEvent::Failed(failure) => panic!("{failure:?}"),
        }
    };
    assert!(early.len() == 1 && early[0].contains("m=audio 30002"), "{early:?}");
    // The answer has no description: the last word of that phone counts.
    assert!(sdp.contains("m=audio 30004"), "{sdp}");
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}
