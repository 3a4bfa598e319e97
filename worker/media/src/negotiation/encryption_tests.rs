//! Who encrypts with which key, by policy and by what the other side says.
#![allow(clippy::unwrap_used)]

use offhook::attempt::SrtpPolicy::{self, Off, Prefer, Require};

use super::*;
use crate::srtp::Suite;

const EXAMPLE: &str = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";

fn negotiator(policy: SrtpPolicy, seed: u8) -> Negotiator {
    Negotiator::new("192.0.2.10:4000".parse().unwrap(), CodecName::ALL.to_vec(), 42)
        .with_encryption(Encryption::new(policy, [[seed; 30], [seed + 1; 30]]))
}

fn body(media: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n{media}")
}

/// Protocol of the audio line and tags of the keys.
fn shape(sdp: &str) -> (String, Vec<String>) {
    let protocol = sdp.lines().find(|line| line.starts_with("m=")).unwrap().split(' ').nth(2).unwrap().to_owned();
    let keys = sdp.lines().filter_map(|line| line.strip_prefix("a=crypto:"));
    (protocol, keys.map(|line| line.split(" inline").next().unwrap().to_owned()).collect())
}

#[test]
fn an_offer_has_what_the_policy_says() {
    let both = vec!["1 AES_CM_128_HMAC_SHA1_80".to_owned(), "2 AES_CM_128_HMAC_SHA1_32".to_owned()];
    assert_eq!(shape(&negotiator(Off, 1).offer()), ("RTP/AVP".into(), vec![]));
    assert_eq!(shape(&negotiator(Prefer, 1).offer()), ("RTP/AVP".into(), both.clone()));
    assert_eq!(shape(&negotiator(Require, 1).offer()), ("RTP/SAVP".into(), both));
}

#[test]
fn two_of_us_agree_as_their_policies_allow() {
    for (ours, theirs, encrypted) in [
        (Off, Off, Some(false)),
        (Off, Prefer, Some(false)),
        (Off, Require, None),
        (Prefer, Off, Some(false)),
        (Prefer, Prefer, Some(true)),
        (Prefer, Require, Some(true)),
        (Require, Off, None),
        (Require, Prefer, Some(true)),
        (Require, Require, Some(true)),
    ] {
        let (caller, mut callee) = (negotiator(ours, 1), negotiator(theirs, 5));
        let Ok((sdp, at_callee)) = callee.answer(&caller.offer(), None) else {
            assert_eq!(encrypted, None, "{ours:?} calls {theirs:?}");
            continue;
        };
        let at_caller = caller.accept_answer(&sdp).unwrap();
        assert_eq!(Some(at_caller.crypto.is_some()), encrypted, "{ours:?} calls {theirs:?}");
        assert_eq!(
            at_caller.crypto.map(|keys| (keys.local, keys.remote)),
            at_callee.crypto.map(|keys| (keys.remote, keys.local))
        );
        if let Some(keys) = at_caller.crypto {
            assert_eq!((keys.local.suite, keys.local.key_salt), (Suite::AesCm128HmacSha1_80, [1; 30]));
        }
    }
}

#[test]
fn the_answers_tag_chooses_the_suite() {
    let answer = body(&format!("m=audio 9000 RTP/AVP 0\r\na=crypto:2 AES_CM_128_HMAC_SHA1_32 {EXAMPLE}|2^31\r\n"));
    let keys = negotiator(Prefer, 1).accept_answer(&answer).unwrap().crypto.unwrap();
    assert_eq!(
        (keys.local.suite, keys.local.key_salt, keys.remote.suite),
        (Suite::AesCm128HmacSha1_32, [2; 30], keys.local.suite)
    );
    // Some answer an offer of RTP/AVP with RTP/SAVP: it is encrypted all the same.
    let secure = negotiator(Prefer, 1).accept_answer(&answer.replace("RTP/AVP", "RTP/SAVP")).unwrap();
    assert_eq!(secure.crypto, Some(keys));
    for (wrong, says) in [
        (answer.replace("crypto:2", "crypto:1"), "tag 1"),
        (answer.replace("crypto:2", "crypto:9"), "tag 9"),
        (answer.replace("|2^31", "|2^31|1:1"), "MKI"),
    ] {
        let error = negotiator(Prefer, 1).accept_answer(&wrong).unwrap_err().to_string();
        assert!(error.contains(says) && !error.contains("d0Rm"), "{error}");
    }
}

#[test]
fn no_sound_flows_in_the_clear_where_encryption_is_required_or_promised() {
    let plain = body("m=audio 9000 RTP/AVP 0\r\n");
    assert!(matches!(negotiator(Require, 1).accept_answer(&plain), Err(MediaError::NotEncrypted)));
    assert!(matches!(negotiator(Require, 1).answer(&plain, None), Err(MediaError::NotEncrypted)));
    assert_eq!(negotiator(Prefer, 1).accept_answer(&plain).unwrap().crypto, None);
    let promised = plain.replace("RTP/AVP", "RTP/SAVP");
    assert!(matches!(negotiator(Prefer, 1).accept_answer(&promised), Err(MediaError::NotEncrypted)));
    assert!(matches!(negotiator(Prefer, 1).answer(&promised, None), Err(MediaError::NotEncrypted)));
    assert!(matches!(negotiator(Off, 1).answer(&promised, None), Err(MediaError::UnknownTransport(_))));
}

#[test]
fn of_several_lines_and_keys_the_usable_one_is_answered() {
    let offer = body(&format!(
        "m=audio 9000 RTP/AVP 0\r\nm=audio 9002 RTP/SAVP 0 8\r\na=crypto:3 AES_256_CM_HMAC_SHA1_80 {EXAMPLE}\r\n\
         a=crypto:4 AES_CM_128_HMAC_SHA1_80 {EXAMPLE}|2^20|1:4\r\na=crypto:5 AES_CM_128_HMAC_SHA1_32 {EXAMPLE}\r\n"
    ));
    let (sdp, agreed) = negotiator(Prefer, 1).answer(&offer, None).unwrap();
    let lines: Vec<&str> = sdp.lines().filter(|line| line.starts_with("m=") || line.starts_with("a=crypto")).collect();
    assert_eq!(lines[..2], ["m=audio 0 RTP/AVP 0", "m=audio 4000 RTP/SAVP 0"]);
    assert!(lines[2].starts_with("a=crypto:5 AES_CM_128_HMAC_SHA1_32 inline:"), "{sdp}");
    assert_eq!((agreed.crypto.unwrap().local.key_salt, agreed.remote.port()), ([2; 30], 9002));
    // The same offer to one that does not encrypt: its other line.
    let (sdp, agreed) = negotiator(Off, 1).answer(&offer, None).unwrap();
    assert!(sdp.contains("m=audio 4000 RTP/AVP 0\r\n") && sdp.contains("m=audio 0 RTP/SAVP 0 8\r\n"), "{sdp}");
    assert_eq!(agreed.crypto, None);
}

#[test]
fn a_re_offer_with_new_keys_changes_theirs_and_keeps_ours() {
    let mut callee = negotiator(Prefer, 1);
    let offer = |key: &str| body(&format!("m=audio 9000 RTP/AVP 0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{key}\r\n"));
    let (first, before) = callee.answer(&offer("d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj"), None).unwrap();
    let (second, after) = callee.answer(&offer("NzB4d1BINUAvLEw6UzF3WSJ+PSdFcGdUJShpX1Zj"), None).unwrap();
    let (before, after) = (before.crypto.unwrap(), after.crypto.unwrap());
    assert_eq!((first, before.local), (second, after.local));
    assert_ne!(before.remote, after.remote);
}
