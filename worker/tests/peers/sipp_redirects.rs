//! Trunks that say the callee is elsewhere (300, 301, 302).

use crate::support::sipp::{Sipp, answered, caller, failed, last};

#[tokio::test]
async fn the_same_number_elsewhere_is_called_there() {
    let callee = Sipp::play("moved").await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request("moved")).await.unwrap();
    answered(last(&mut dialing).await).1.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn the_same_number_written_in_another_way_is_called_there() {
    let callee = Sipp::play("moved_in_another_format").await;
    let endpoint = caller().await;
    let mut request = callee.request("moved-format");
    request.to = "sip:%2331%23012345678@restaurant.invalid;user=phone".to_owned();
    request.same_number = vec!["+493012345678".to_owned()];
    let mut dialing = endpoint.dial(request).await.unwrap();
    answered(last(&mut dialing).await).1.hangup().await.unwrap();
    callee.saw_it_all().await;
}

#[tokio::test]
async fn another_number_is_not_called() {
    let failure = not_followed("moved_to_another_number").await;
    assert!(failure.reason.contains("sip:+4999999@") && failure.reason.contains("not followed"), "{}", failure.reason);
}

#[tokio::test]
async fn circles_are_left() {
    not_followed("moved_in_circles").await;
}

async fn not_followed(scenario: &str) -> offhook_sip::DialFailure {
    let callee = Sipp::play(scenario).await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request(scenario)).await.unwrap();
    let failure = failed(last(&mut dialing).await);
    assert_eq!((failure.code, failure.reached), (Some(302), false));
    // SIPp listens on for another INVITE before it ends.
    callee.saw_it_all().await;
    failure
}
