//! A second telephone of strangers, linphone, hears us and is heard: Opus, G.722, encrypted and not.

use offhook::attempt::{CodecName, SrtpPolicy};
use offhook_media::MediaEvent;
use offhook_types::{ids::SentenceId, playout::PlayoutEvent};

use crate::support::{
    linphone::Linphone,
    sounds::{TONE_HZ, call, purity, sine},
};

async fn is_heard_and_hears(codec: CodecName, srtp: SrtpPolicy, encrypted: bool) {
    let linphone = Linphone::start(srtp != SrtpPolicy::Off).await;
    let mut call = call(|offer| linphone.request(offer), &[codec], srtp).await;
    assert_eq!((call.agreed.codec, call.agreed.crypto.is_some()), (codec, encrypted), "{}", linphone.log());
    let heard = call.second().await;
    assert!(purity(&heard, TONE_HZ, 16_000) > 0.9, "we hear {:.3} of its tone", purity(&heard, TONE_HZ, 16_000));
    call.media.play(SentenceId { generation: 1, index: 0 }, sine(1000.0, 2), true);
    call.until(|event| matches!(event, MediaEvent::Playout(PlayoutEvent::Played { .. })).then_some(())).await;
    call.media.drain().await;
    call.dialog.hangup().await.unwrap();
    call.media.finish().await;
    let (heard, rate) = linphone.heard().await;
    let steps = heard.chunks(rate as usize / 50).filter(|step| purity(step, 1000.0, rate) > 0.8).count();
    assert!(steps >= 90, "linphone heard {} of 2000 ms", steps * 20);
}

#[tokio::test]
async fn opus() {
    is_heard_and_hears(CodecName::Opus, SrtpPolicy::Off, false).await;
}

#[tokio::test]
async fn g722() {
    is_heard_and_hears(CodecName::G722, SrtpPolicy::Off, false).await;
}

#[tokio::test]
async fn opus_encrypted_where_it_is_required() {
    is_heard_and_hears(CodecName::Opus, SrtpPolicy::Require, true).await;
}

/// linphone takes keys beside `RTP/SAVP` only, and answers `RTP/AVP` in the clear: preferred is not required.
#[tokio::test]
async fn mu_law_in_the_clear_where_encryption_was_preferred_in_vain() {
    is_heard_and_hears(CodecName::Pcmu, SrtpPolicy::Prefer, false).await;
}
