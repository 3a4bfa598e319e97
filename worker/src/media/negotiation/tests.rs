#![allow(clippy::unwrap_used)]
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::*;

const ALL: [CodecName; 3] = [CodecName::Opus, CodecName::Pcmu, CodecName::Pcma];

fn negotiator(codecs: &[CodecName]) -> Negotiator {
    Negotiator::new("192.0.2.10:4000".parse().unwrap(), codecs.to_vec(), 42)
}

fn answer(media: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 198.51.100.7\r\ns=-\r\nc=IN IP4 198.51.100.7\r\nt=0 0\r\n{media}")
}

fn accept(media: &str) -> Result<Negotiated, MediaError> {
    negotiator(&ALL).accept_answer(&answer(media))
}

#[test]
fn an_offer_says_all_we_can_in_our_order() {
    let offer = negotiator(&ALL).offer();
    for line in [
        "o=- 42 1 IN IP4 192.0.2.10",
        "c=IN IP4 192.0.2.10",
        "m=audio 4000 RTP/AVP 96 0 8 101 102",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:102 0-15",
        "a=sendrecv",
    ] {
        assert!(offer.split("\r\n").any(|written| written == line), "{line} is missing in\n{offer}");
    }
    assert!(negotiator(&[CodecName::Pcma]).offer().contains("m=audio 4000 RTP/AVP 8 101\r\n"));
}

#[test]
fn every_codec_is_agreed_on_between_two_of_us() {
    for codec in ALL {
        let (caller, mut callee) = (negotiator(&ALL), negotiator(&[codec]));
        let (sdp, theirs) = callee.answer(&caller.offer(), None).unwrap();
        let ours = caller.accept_answer(&sdp).unwrap();
        assert_eq!((ours.codec, theirs.codec, ours.payload_type), (codec, codec, theirs.payload_type));
        assert_eq!(ours.telephone_event, Some(if codec == CodecName::Opus { 102 } else { 101 }));
        assert_eq!(ours.telephone_event, theirs.telephone_event);
        assert!(ours.can_send && ours.can_receive && ours.encoder.forward_error_correction == (codec == CodecName::Opus));
        assert!(!sdp.contains("RTP/AVP 96 0"), "an answer names one codec:\n{sdp}");
    }
}

#[test]
fn the_answers_order_numbers_and_packet_length_are_respected() {
    let agreed = accept("m=audio 9000 RTP/AVP 8 0 97\r\na=rtpmap:97 telephone-event/8000\r\na=ptime:30\r\n").unwrap();
    assert_eq!((agreed.codec, agreed.payload_type, agreed.packet_ms), (CodecName::Pcma, 8, 30));
    assert_eq!((agreed.telephone_event, agreed.remote), (Some(97), "198.51.100.7:9000".parse().unwrap()));
    assert!(agreed.receive.contains(&(0, CodecName::Pcmu)) && agreed.receive_events.contains(&97));

    let agreed =
        accept("m=audio 9000 RTP/AVP 120\r\na=rtpmap:120 OPUS/48000/2\r\na=fmtp:120 maxaveragebitrate=12000\r\n").unwrap();
    assert_eq!((agreed.codec, agreed.payload_type), (CodecName::Opus, 120));
    assert_eq!(agreed.encoder, EncoderSettings { forward_error_correction: false, max_bitrate: Some(12_000) });
    assert!(agreed.receive.contains(&(120, CodecName::Opus)) && agreed.receive.contains(&(96, CodecName::Opus)));
    assert_eq!(agreed.telephone_event, None);

    let no_map = accept("m=audio 9000 RTP/AVP 96\r\n").unwrap();
    assert_eq!(no_map.codec, CodecName::Opus, "a number of our offer without rtpmap means what we offered");
    let longest = accept("m=audio 9000 RTP/AVP 0\r\na=ptime:40\r\na=maxptime:30\r\n").unwrap();
    assert_eq!(longest.packet_ms, 30);
}

#[test]
fn hold_in_all_its_forms_is_understood_and_mirrored() {
    for (attribute, can_send, can_receive, mirrored) in [
        ("sendonly", false, true, "a=recvonly"),
        ("recvonly", true, false, "a=sendonly"),
        ("inactive", false, false, "a=inactive"),
        ("sendrecv", true, true, "a=sendrecv"),
    ] {
        for offer in [
            answer(&format!("m=audio 9000 RTP/AVP 0\r\na={attribute}\r\n")),
            answer("m=audio 9000 RTP/AVP 0\r\n").replace("t=0 0\r\n", &format!("t=0 0\r\na={attribute}\r\n")),
        ] {
            let (sdp, agreed) = negotiator(&ALL).answer(&offer, Some(CodecName::Pcmu)).unwrap();
            assert_eq!((agreed.can_send, agreed.can_receive), (can_send, can_receive), "{attribute}");
            assert!(sdp.contains(mirrored), "{attribute}:\n{sdp}");
        }
    }
    let old = accept("m=audio 9000 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n").unwrap();
    assert!(!old.can_send && old.can_receive);
}

#[test]
fn a_re_offer_keeps_the_codec_counts_the_version_and_refuses_other_lines() {
    let offer = answer(concat!(
        "m=video 9100 RTP/AVP 34\r\nm=audio 9000 RTP/AVP 8 0\r\nc=IN IP4 203.0.113.1\r\n",
        "m=audio 9002 RTP/SAVP 0\r\nm=image 9004 udptl t38\r\n"
    ));
    let mut callee = negotiator(&ALL);
    let (first, _) = callee.answer(&offer, Some(CodecName::Pcma)).unwrap();
    let (second, agreed) = callee.answer(&offer, Some(CodecName::Pcma)).unwrap();
    assert!(first.contains("o=- 42 1 ") && second.contains("o=- 42 2 "));
    assert_eq!((agreed.codec, agreed.remote), (CodecName::Pcma, "203.0.113.1:9000".parse().unwrap()));
    let lines: Vec<&str> = second.lines().filter(|line| line.starts_with("m=")).collect();
    let expected = ["m=video 0 RTP/AVP 34", "m=audio 4000 RTP/AVP 8", "m=audio 0 RTP/SAVP 0", "m=image 0 udptl t38"];
    assert_eq!(lines, expected);
}

#[test]
fn what_cannot_work_is_said_plainly() {
    let says = |media: &str, words: &str| {
        let error = accept(media).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    };
    says("", "no audio");
    says("m=audio 0 RTP/AVP 0\r\n", "port 0");
    says("m=audio 9000 RTP/SAVP 0\r\n", "SRTP");
    says("m=audio 9000 RTP/AVP 18\r\na=rtpmap:18 G729/8000\r\n", "G729/8000");
    says("m=audio 9000 RTP/AVP 0\r\nc=IN IP4 media.example.net\r\n", "media.example.net");
    assert!(matches!(negotiator(&ALL).accept_answer("nonsense"), Err(MediaError::Unreadable(_))));
}

#[test]
fn gateways_with_strange_lines_are_still_understood() {
    let strange =
        "v=0\no=x 1 99999999999999999999999 IN IP4 1.2.3.4\ns= \nm=audio 9000 RTP/AVP 0 13\nc=IN IP4 1.2.3.4/127\na=ptime:20.0\n";
    let agreed = negotiator(&ALL).accept_answer(strange).unwrap();
    assert_eq!((agreed.remote, agreed.packet_ms), ("1.2.3.4:9000".parse().unwrap(), 20));
}

#[test]
fn no_body_makes_it_panic() {
    let mut random = SmallRng::seed_from_u64(4);
    let seed = negotiator(&ALL).offer();
    let pieces = [
        "m=audio 300000 RTP/AVP 999 -1 0",
        "a=rtpmap:0",
        "a=rtpmap:96 /",
        "c=IN IP6 ::1",
        "a=ptime:-3e99",
        "a=fmtp:96 =;=",
        "\0",
        "é",
    ];
    for _ in 0..20_000 {
        let mut text: Vec<char> = seed.chars().collect();
        for _ in 0..random.random_range(1..6) {
            let place = random.random_range(0..text.len());
            match random.random_range(0..3) {
                0 => drop(text.remove(place)),
                1 => text[place] = char::from(random.random_range(9..127u8)),
                _ => {
                    let piece = pieces[random.random_range(0..pieces.len())];
                    text.splice(place..place, format!("\r\n{piece}\r\n").chars());
                }
            }
        }
        let text: String = text.into_iter().collect();
        let _ = negotiator(&ALL).accept_answer(&text);
        let _ = negotiator(&ALL).answer(&text, Some(CodecName::Opus));
    }
}
