//! Requests within a call that are refused, and do not end it.

use offhook_sip::DialogEvent;

use crate::support::sipp::{call, done, event};

#[tokio::test]
async fn what_nobody_asked_for_is_refused_and_the_call_goes_on() {
    let (callee, _endpoint, mut dialog) = call("strange_requests").await;
    // Of all that, only the one INFO is told.
    let Some(DialogEvent::Info { body, .. }) = event(&mut dialog).await else { panic!("no INFO") };
    assert!(body.starts_with("Signal=5"), "{body}");
    done(&mut dialog).await;
    dialog.hangup().await.unwrap();
    callee.saw_it_all().await;
}
