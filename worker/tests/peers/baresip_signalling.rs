//! A telephone not written here is called over TLS, and hands the call on to somebody else.

use offhook::attempt::{CodecName, SrtpPolicy, TlsSpecification};
use offhook_media::MediaEvent;
use offhook_sip::{Dialog, DialogEvent, Endpoint, EndpointConfig, Incoming, TransferOutcome};
use offhook_types::{ids::SentenceId, playout::PlayoutEvent};
use tokio::{sync::mpsc::Receiver, time::timeout};

use crate::support::{
    baresip::Baresip,
    certificates::Authority,
    sounds::{Call, PATIENCE, TONE_HZ, call, call_trusting, purity, sine},
    stream_peer::SDP,
};

async fn call_over_tls(baresip: &Baresip, tls: TlsSpecification, srtp: SrtpPolicy) -> Call {
    call_trusting(tls, |offer| baresip.secure_request(offer), &CodecName::ALL, srtp).await
}

#[tokio::test]
async fn we_hear_each_other_over_tls_and_srtp() {
    let authority = Authority::new();
    let baresip = Baresip::start_secure("G722/16000/1", ";mediaenc=srtp-mand", &authority).await;
    let mut call = call_over_tls(&baresip, authority.trusted(), SrtpPolicy::Require).await;
    assert!(call.agreed.crypto.is_some(), "{}", baresip.log());
    let heard = call.second().await;
    assert!(purity(&heard, TONE_HZ, 16_000) > 0.95, "we hear {:.3} of its tone", purity(&heard, TONE_HZ, 16_000));
    call.media.play(SentenceId { generation: 1, index: 0 }, sine(1000.0, 1), true);
    call.until(|event| matches!(event, MediaEvent::Playout(PlayoutEvent::Played { .. })).then_some(())).await;
    call.media.drain().await;
    call.dialog.hangup().await.unwrap();
    assert!(call.media.finish().await.report.encrypted);
    let (heard, rate) = baresip.heard().await;
    let sounding = heard.chunks(rate as usize / 50).filter(|step| purity(step, 1000.0, rate) > 0.9).count();
    assert!(sounding >= 45, "baresip heard {} of 1000 ms", sounding * 20);
}

async fn is_heard_over_tls(authority: &Authority, tls: TlsSpecification) {
    let mut baresip = Baresip::start_secure("PCMA/8000/1", "", authority).await;
    let mut call = call_over_tls(&baresip, tls, SrtpPolicy::Off).await;
    baresip.command("hold", "").await;
    let DialogEvent::Reoffer { sdp, answer } = call.request().await else { panic!("an offer is expected") };
    let (ours, held) = call.media.answer(&sdp).unwrap();
    answer.accept(&ours).await;
    assert!(!held.can_send, "{sdp}");
    baresip.command("hangup", "").await;
    let event = call.request().await;
    assert!(matches!(event, DialogEvent::RemoteBye { .. }), "{event:?}");
    call.media.finish().await;
}

/// baresip looks for a stream to our Contact's address, and would open one; without a certificate we could not take it.
#[tokio::test]
async fn what_it_asks_over_tls_comes_on_our_stream_where_we_have_no_certificate() {
    let authority = Authority::new();
    is_heard_over_tls(&authority, authority.trusted()).await;
}

#[tokio::test]
async fn what_it_asks_over_tls_comes_on_its_own_stream_where_we_have_one() {
    let authority = Authority::new();
    let identity = authority.issue(&["127.0.0.1"]);
    is_heard_over_tls(&authority, authority.trusted_as(&identity)).await;
}

/// Somebody it can be handed on to, and their URI.
async fn host() -> (Endpoint, Receiver<Incoming>, String) {
    let mut host = Endpoint::bind(EndpointConfig::new(([127, 0, 0, 1], 0).into(), "offhook-host")).await.unwrap();
    let calls = host.incoming().unwrap();
    let target = format!("sip:host@{}", host.local_address());
    (host, calls, target)
}

async fn arrived(calls: &mut Receiver<Incoming>) -> Incoming {
    timeout(PATIENCE, calls.recv()).await.expect("it calls the target").unwrap()
}

#[tokio::test]
async fn it_is_handed_on() {
    let baresip = Baresip::start("PCMA/8000/1", "").await;
    let (_host, mut calls, target) = host().await;
    let mut call = call(|offer| baresip.request(offer), &CodecName::ALL, SrtpPolicy::Off).await;
    call.second().await;
    let answering = async {
        let incoming = arrived(&mut calls).await;
        assert_eq!(incoming.request_user, "host");
        incoming.ring().await;
        incoming.answer(SDP).await.unwrap()
    };
    let (outcome, theirs): (_, Dialog) = tokio::join!(call.dialog.refer(&target), answering);
    assert_eq!(outcome.unwrap(), TransferOutcome::Succeeded, "{}", baresip.log());
    call.dialog.hangup().await.unwrap();
    call.media.finish().await;
    // Our part is over; theirs goes on.
    let sdp = theirs.reinvite(SDP).await.unwrap();
    assert!(sdp.contains("PCMA/8000"), "{sdp}");
    theirs.hangup().await.unwrap();
}

#[tokio::test]
async fn it_stays_with_us_where_the_other_is_busy() {
    let baresip = Baresip::start("PCMA/8000/1", "").await;
    let (_host, mut calls, target) = host().await;
    let mut call = call(|offer| baresip.request(offer), &CodecName::ALL, SrtpPolicy::Off).await;
    call.second().await;
    let refusing = async { arrived(&mut calls).await.reject(486, "").await };
    let (outcome, ()) = tokio::join!(call.dialog.refer(&target), refusing);
    assert_eq!(outcome.unwrap(), TransferOutcome::Failed { code: 486 }, "{}", baresip.log());
    let heard = call.second().await;
    assert!(purity(&heard, TONE_HZ, 16_000) > 0.9, "its tone goes on");
    call.dialog.hangup().await.unwrap();
    call.media.finish().await;
}
