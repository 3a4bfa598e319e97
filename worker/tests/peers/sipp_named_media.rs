//! A callee that names the host of its sound: looked up, and the call goes on meanwhile.

use std::time::Duration;

use offhook::attempt::{CodecName, SrtpPolicy};
use offhook_conversation::ports::{Line, LineEvent};
use offhook_media::{MediaConfig, MediaSession};
use offhook_sip::DialEvent;
use offhook_worker::call::line::SipLine;
use tokio::time::timeout;

use crate::support::sipp::{PATIENCE, Sipp, answered, caller, last, next};

#[tokio::test]
async fn a_media_host_that_is_named_is_looked_up_before_and_during_the_call() {
    let callee = Sipp::play("names_its_media_host").await;
    let endpoint = caller().await;
    let config = MediaConfig {
        address: [127, 0, 0, 1].into(),
        rtp_port: 0,
        advertised: None,
        codecs: vec![CodecName::Pcma],
        recording: None,
        srtp: SrtpPolicy::Off,
    };
    let mut session = MediaSession::bind(config).await.unwrap();
    let mut request = callee.request("named");
    request.offer = session.offer();
    let mut dialing = endpoint.dial(request).await.unwrap();
    let early = next(&mut dialing).await;
    let DialEvent::EarlyMedia { sdp, .. } = early else { panic!("{early:?}") };
    let early = session.lookup(&sdp).expect("a host is named").resolved().await.unwrap();
    assert_eq!(session.accept_answer(&early).unwrap().remote, "127.0.0.1:30002".parse().unwrap());

    let (sdp, dialog) = answered(last(&mut dialing).await);
    let sdp = session.lookup(&sdp).expect("a host is named").resolved().await.unwrap();
    let negotiated = session.accept_answer(&sdp).unwrap();
    assert_eq!(negotiated.remote, "127.0.0.1:30000".parse().unwrap());
    let (media, events) = session.start();
    let mut line = SipLine::new(dialog, media, events, &negotiated);
    // The offer of localhost holds the call; that of a host nobody knows is refused; the answer in the ACK resumes it.
    for held in [true, false] {
        let mut heard = 0;
        let told = async {
            loop {
                match line.next().await {
                    LineEvent::Held(held) => return held,
                    LineEvent::Ended(end) => panic!("{end:?}"),
                    _ => heard += 1,
                }
            }
        };
        assert_eq!(timeout(PATIENCE, told).await.expect("it is told"), held, "after {heard} events");
    }
    timeout(Duration::from_secs(10), line.hang_up()).await.unwrap();
    callee.saw_it_all().await;
}
