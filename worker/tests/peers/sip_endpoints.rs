//! Calls between two endpoints of ours: one dials, one answers.
use std::{net::SocketAddr, time::Duration};

use offhook::attempt::WayOut;
use offhook_sip::{DialEvent, DialFailure, DialRequest, Dialing, DialogEvent, Endpoint, EndpointConfig, Incoming, SipError};
use tokio::{sync::mpsc::Receiver, time::timeout};

const PATIENCE: Duration = Duration::from_secs(10);
const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";
const ANSWER: &str = "v=0\r\no=- 2 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 50000 RTP/AVP 8\r\n";

#[tokio::test]
async fn a_call_is_rung_answered_and_hung_up_by_the_callee() {
    let (caller, callee, mut calls) = pair().await;
    let mut dialing = caller.dial(request(&callee, "trattoria", "call-1@offhook")).await.unwrap();
    let incoming = arrived(&mut calls).await;
    assert_eq!(incoming.request_user, "trattoria");
    assert_eq!(incoming.from, "sip:+4930999@trunk.example");
    assert_eq!(incoming.call_id, "call-1@offhook");
    assert_eq!(incoming.offer.as_deref(), Some(OFFER));

    incoming.ring().await;
    until(&mut dialing, |event| matches!(event, DialEvent::Ringing { code: 180 })).await;
    incoming.progress(ANSWER).await;
    until(&mut dialing, |event| matches!(event, DialEvent::EarlyMedia { code: 183, sdp } if sdp == ANSWER)).await;
    let (theirs, answered) = tokio::join!(incoming.answer(ANSWER), next(&mut dialing));
    let DialEvent::Answered { sdp, dialog: mut ours, .. } = answered else { panic!("{answered:?}") };
    assert_eq!(sdp, ANSWER);

    theirs.unwrap().hangup().await.unwrap();
    let event = timeout(PATIENCE, ours.next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::RemoteBye { cause: None, reason: None })), "{event:?}");
    assert!(ours.next().await.is_none());
}

#[tokio::test]
async fn the_callee_learns_that_we_hung_up() {
    let (caller, callee, mut calls) = pair().await;
    let mut dialing = caller.dial(request(&callee, "bistro", "call-2")).await.unwrap();
    let incoming = arrived(&mut calls).await;
    let (theirs, answered) = tokio::join!(incoming.answer(ANSWER), last(&mut dialing));
    let (mut theirs, DialEvent::Answered { dialog, .. }) = (theirs.unwrap(), answered) else { panic!("not answered") };
    dialog.hangup().await.unwrap();
    let event = timeout(PATIENCE, theirs.next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::RemoteBye { .. })), "{event:?}");
    // Both have hung up: no error, no event.
    theirs.hangup().await.unwrap();
    assert!(theirs.next().await.is_none());
}

#[tokio::test]
async fn a_rejection_reaches_the_caller_with_its_reason() {
    let (caller, callee, mut calls) = pair().await;
    let mut dialing = caller.dial(request(&callee, "closed", "call-3")).await.unwrap();
    arrived(&mut calls).await.reject(603, "we are closed").await;
    let failure = failed(last(&mut dialing).await);
    assert_eq!((failure.code, failure.cancelled), (Some(603), false));
    assert!(failure.reason.contains("we are closed"), "{}", failure.reason);
}

#[tokio::test]
async fn a_caller_who_gives_up_is_noticed() {
    let (caller, callee, mut calls) = pair().await;
    let mut dialing = caller.dial(request(&callee, "nobody", "call-4")).await.unwrap();
    let incoming = arrived(&mut calls).await;
    incoming.ring().await;
    until(&mut dialing, |event| matches!(event, DialEvent::Ringing { .. })).await;
    dialing.cancel();
    timeout(PATIENCE, incoming.cancelled()).await.unwrap();
    assert!(matches!(incoming.answer(ANSWER).await, Err(SipError::CallerGone)));
    let failure = failed(last(&mut dialing).await);
    assert_eq!((failure.code, failure.cancelled), (Some(487), true));
}

#[tokio::test]
async fn an_unanswered_caller_who_is_forgotten_hears_480() {
    let (caller, callee, mut calls) = pair().await;
    let mut dialing = caller.dial(request(&callee, "forgetful", "call-5")).await.unwrap();
    drop(arrived(&mut calls).await);
    assert_eq!(failed(last(&mut dialing).await).code, Some(480));
    drop(calls);
    let mut dialing = caller.dial(request(&callee, "forgetful", "call-6")).await.unwrap();
    assert_eq!(failed(last(&mut dialing).await).code, Some(480));
}

#[tokio::test]
async fn an_answer_read_after_giving_up_is_hung_up() {
    let (caller, callee, mut calls) = pair().await;
    let mut dialing = caller.dial(request(&callee, "late", "call-7")).await.unwrap();
    let mut theirs = arrived(&mut calls).await.answer(ANSWER).await.unwrap();
    dialing.cancel();
    assert!(failed(last(&mut dialing).await).cancelled);
    let event = timeout(PATIENCE, theirs.next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::RemoteBye { .. })), "{event:?}");
}

#[tokio::test]
async fn a_call_whose_endpoint_is_shut_down_is_lost() {
    let (caller, callee, mut calls) = pair().await;
    let mut dialing = caller.dial(request(&callee, "shut-down", "call-8")).await.unwrap();
    let incoming = arrived(&mut calls).await;
    let (_theirs, answered) = tokio::join!(incoming.answer(ANSWER), last(&mut dialing));
    let DialEvent::Answered { mut dialog, .. } = answered else { panic!("{answered:?}") };
    caller.shutdown().await;
    let event = timeout(PATIENCE, dialog.next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::Lost { .. })), "{event:?}");
    assert!(dialog.next().await.is_none());
}

#[tokio::test]
async fn one_endpoint_holds_many_calls_apart() {
    const CALLS: usize = 20;
    let (caller, callee, mut calls) = pair().await;
    let mut dialings = Vec::new();
    for index in 0..CALLS {
        dialings.push(caller.dial(request(&callee, &format!("guest{index}"), &format!("many-{index}"))).await.unwrap());
    }
    let mut theirs = Vec::new();
    for _ in 0..CALLS {
        let incoming = arrived(&mut calls).await;
        let answer = ANSWER.replace("o=- 2", &format!("o=- {}", incoming.request_user.trim_start_matches("guest")));
        theirs.push(incoming.answer(&answer).await.unwrap());
    }
    let mut ours = Vec::new();
    for (index, dialing) in dialings.iter_mut().enumerate() {
        let event = last(dialing).await;
        let DialEvent::Answered { sdp, dialog, .. } = event else { panic!("{event:?}") };
        assert!(sdp.contains(&format!("o=- {index} 1")), "{sdp}");
        ours.push(dialog);
    }
    let first = ours.remove(0);
    first.hangup().await.unwrap();
    let ended = theirs.iter().position(|dialog| dialog.call_id() == "many-0").unwrap();
    let event = timeout(PATIENCE, theirs[ended].next()).await.unwrap();
    assert!(matches!(event, Some(DialogEvent::RemoteBye { .. })), "{event:?}");
    // The others are still up, and end with their endpoint's last words.
    drop(ours);
    for (index, dialog) in theirs.iter_mut().enumerate().filter(|(index, _)| *index != ended) {
        let event = timeout(PATIENCE, dialog.next()).await.unwrap();
        assert!(matches!(event, Some(DialogEvent::RemoteBye { .. })), "{index}: {event:?}");
    }
}

#[tokio::test]
async fn options_tell_whether_somebody_is_there() {
    let (caller, callee, _calls) = pair().await;
    let code = caller.options("sip:trunk.invalid", Some(callee.local_address()), PATIENCE).await.unwrap();
    assert_eq!(code, 200);
    let nobody = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let error = caller.options("sip:trunk.invalid", nobody.local_addr().ok(), Duration::from_millis(200)).await.unwrap_err();
    assert!(matches!(error, SipError::Unanswered { method: "OPTIONS", ms: 200 }), "{error}");
}

#[tokio::test]
async fn a_trunk_without_an_address_is_an_error_before_the_call() {
    let (caller, callee, _calls) = pair().await;
    let mut request = request(&callee, "x", "call-8");
    request.destination = Some(WayOut::udp("trunk.invalid", 5060));
    let error = caller.dial(request).await.unwrap_err();
    assert!(error.to_string().contains("trunk.invalid:5060"), "{error}");
}

async fn pair() -> (Endpoint, Endpoint, Receiver<Incoming>) {
    let mut callee = endpoint("restaurant").await;
    let calls = callee.incoming().unwrap();
    assert!(callee.incoming().is_none());
    (endpoint("caller").await, callee, calls)
}

async fn endpoint(user_agent: &str) -> Endpoint {
    let address = SocketAddr::from(([127, 0, 0, 1], 0));
    Endpoint::bind(EndpointConfig::new(address, user_agent)).await.unwrap()
}

fn request(callee: &Endpoint, user: &str, call_id: &str) -> DialRequest {
    DialRequest {
        to: format!("sip:{user}@{}", callee.local_address()),
        from_user: "+4930999".to_owned(),
        from_domain: Some("trunk.example".to_owned()),
        call_id: call_id.to_owned(),
        offer: OFFER.to_owned(),
        ..DialRequest::default()
    }
}

async fn arrived(calls: &mut Receiver<Incoming>) -> Incoming {
    timeout(PATIENCE, calls.recv()).await.expect("a call arrives").unwrap()
}

async fn next(dialing: &mut Dialing) -> DialEvent {
    timeout(PATIENCE, dialing.next()).await.expect("an event comes").expect("the call is not over")
}

async fn until(dialing: &mut Dialing, is_it: impl Fn(&DialEvent) -> bool) {
    while !is_it(&next(dialing).await) {}
}

async fn last(dialing: &mut Dialing) -> DialEvent {
    loop {
        let event = next(dialing).await;
        if matches!(event, DialEvent::Answered { .. } | DialEvent::Failed(_)) {
            return event;
        }
    }
}

fn failed(event: DialEvent) -> DialFailure {
    match event {
        DialEvent::Failed(failure) => failure,
        other => panic!("did not fail: {other:?}"),
    }
}
