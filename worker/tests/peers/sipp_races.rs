//! Both sides do the same at the same moment.

use std::time::{Duration, Instant};

use offhook_sip::DialogEvent;

use crate::support::sipp::{call, done, event, sdp_at};

#[tokio::test]
async fn offers_that_cross_are_both_refused_and_ours_is_made_again() {
    let (callee, _endpoint, dialog) = call("offers_cross").await;
    let before = Instant::now();
    let answer = dialog.reinvite(&sdp_at(40002)).await.unwrap();
    assert!(answer.contains("m=audio 30008"), "{answer}");
    // We chose the Call-ID: 2.1 to 4 s.
    let waited = before.elapsed();
    assert!((Duration::from_millis(2100)..Duration::from_millis(4900)).contains(&waited), "{waited:?}");
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn both_may_hang_up_at_once() {
    let (callee, _endpoint, mut dialog) = call("both_hang_up").await;
    dialog.hangup().await.unwrap();
    assert!(event(&mut dialog).await.is_none());
    callee.saw_it_all().await;
}

#[tokio::test]
async fn an_offer_may_be_taken_back() {
    let (callee, _endpoint, mut dialog) = call("takes_its_offer_back").await;
    let Some(DialogEvent::Reoffer { answer, .. }) = event(&mut dialog).await else { panic!("no offer") };
    done(&mut dialog).await;
    // Too late: nobody hears it.
    answer.accept(&sdp_at(40002)).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}
