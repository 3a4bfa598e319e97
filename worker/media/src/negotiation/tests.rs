#![allow(clippy::unwrap_used)]
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::*;

const ALL: [CodecName; 4] = CodecName::ALL;

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
        "m=audio 4000 RTP/AVP 96 9 0 8 101 102",
        "a=rtpmap:96 opus/48000/2",
        "a=rtpmap:9 G722/8000",
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
        assert!(!sdp.contains("RTP/AVP 96 9"), "an answer names one codec:\n{sdp}");
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
    assert_eq!(agreed.encoder, EncoderSettings { max_bitrate: Some(12_000), ..EncoderSettings::default() });
    assert!(agreed.receive.contains(&(120, CodecName::Opus)) && agreed.receive.contains(&(96, CodecName::Opus)));
    assert_eq!(agreed.telephone_event, None);

    let no_map = accept("m=audio 9000 RTP/AVP 96\r\n").unwrap();
    assert_eq!(no_map.codec, CodecName::Opus, "a number of our offer without rtpmap means what we offered");
    let longest = accept("m=audio 9000 RTP/AVP 0\r\na=ptime:40\r\na=maxptime:30\r\n").unwrap();
    assert_eq!(longest.packet_ms, 30);
}

#[test]
fn what_the_answer_says_about_opus_is_kept() {
    let agreed = accept(concat!(
        "m=audio 9000 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n",
        "a=fmtp:96 useinbandfec=1; cbr=1;maxplaybackrate=8000 ; usedtx=1;stereo=0\r\na=ptime:60\r\n"
    ));
    let agreed = agreed.unwrap();
    let expected = EncoderSettings {
        forward_error_correction: true,
        max_bitrate: None,
        constant_bitrate: true,
        max_playback_rate: Some(8000),
    };
    assert_eq!((agreed.encoder, agreed.packet_ms), (expected, 60));
    let thirty = accept("m=audio 9000 RTP/AVP 96\r\na=ptime:30\r\n").unwrap();
    assert_eq!(thirty.packet_ms, 20, "Opus has no packets of 30 ms");
    let offer = negotiator(&ALL).offer();
    assert!(offer.contains("a=fmtp:96 maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0;useinbandfec=1\r\n"), "{offer}");
}

#[test]
fn every_packet_length_that_is_asked_for_is_sent_and_no_longer_one_than_the_peer_takes() {
    for (asked, expected) in [(10, 10), (20, 20), (30, 30), (40, 40), (60, 60), (25, 20), (0, 20), (100, 20)] {
        let agreed = accept(&format!("m=audio 9000 RTP/AVP 9\r\na=ptime:{asked}\r\n")).unwrap();
        assert_eq!((agreed.codec, agreed.packet_ms), (CodecName::G722, expected));
        let agreed = accept(&format!("m=audio 9000 RTP/AVP 9\r\na=ptime:{asked}\r\na=maxptime:20\r\n")).unwrap();
        assert_eq!(agreed.packet_ms, expected.min(20));
    }
}

#[test]
fn static_numbers_need_no_rtpmap_and_g722_is_known_by_either_clock() {
    let offer = answer("m=audio 9000 RTP/AVP 18 9 0 8\r\na=x-unknown:1\r\na=rtpmap:18 G729/8000\r\n");
    for codec in [CodecName::G722, CodecName::Pcmu, CodecName::Pcma] {
        let (sdp, agreed) = negotiator(&[codec]).answer(&offer, None).unwrap();
        assert_eq!(agreed.codec, codec);
        assert!(sdp.contains(&format!("a=rtpmap:{} {}/8000\r\n", agreed.payload_type, codec.in_sdp())), "{sdp}");
    }
    let odd = accept("m=audio 9000 RTP/AVP 110\r\na=rtpmap:110 g722/16000\r\n").unwrap();
    assert_eq!((odd.codec, odd.payload_type), (CodecName::G722, 110));
    let taken = accept("m=audio 9000 RTP/AVP 9 8\r\na=rtpmap:9 something/8000\r\n").unwrap();
    assert_eq!(taken.codec, CodecName::Pcma, "a static number that is given another meaning has that meaning");
}

#[test]
fn each_side_uses_its_own_numbers() {
    // The answer numbers Opus and its events as it likes, even crosswise to our offer.
    let agreed = accept(concat!(
        "m=audio 9000 RTP/AVP 102 96\r\na=rtpmap:102 opus/48000/2\r\n",
        "a=rtpmap:96 telephone-event/48000\r\na=fmtp:96 0-15\r\n"
    ));
    let agreed = agreed.unwrap();
    assert_eq!((agreed.codec, agreed.payload_type, agreed.telephone_event), (CodecName::Opus, 102, Some(96)));
    // What comes has the numbers of our offer.
    assert!(agreed.receive.contains(&(96, CodecName::Opus)) && !agreed.receive.iter().any(|(number, _)| *number == 102));
    assert!(agreed.receive_events.contains(&102) && !agreed.receive_events.contains(&96));
}

#[test]
fn digits_run_on_the_clock_of_the_sound_beside_them_where_the_peer_has_it() {
    let opus = "m=audio 9000 RTP/AVP 96 101 102\r\na=rtpmap:96 opus/48000/2\r\na=rtpmap:101 telephone-event/8000\r\n";
    let both = accept(&format!("{opus}a=rtpmap:102 telephone-event/48000\r\n")).unwrap();
    assert_eq!((both.telephone_event, both.telephone_event_clock), (Some(102), 48_000));
    let one = accept(opus).unwrap();
    assert_eq!((one.telephone_event, one.telephone_event_clock), (Some(101), 8000));
    let narrow = accept(concat!(
        "m=audio 9000 RTP/AVP 8 102 101\r\n",
        "a=rtpmap:102 telephone-event/48000\r\na=rtpmap:101 telephone-event/8000\r\n"
    ));
    assert_eq!(narrow.unwrap().telephone_event, Some(101));
    let without_clock = accept("m=audio 9000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event\r\n").unwrap();
    assert_eq!((without_clock.telephone_event, without_clock.telephone_event_clock), (Some(101), 8000));
}

#[test]
fn an_offer_that_changes_nothing_gets_the_same_answer_with_the_same_version() {
    let version = |sdp: &str| sdp.lines().find(|line| line.starts_with("o=")).unwrap().to_owned();
    let offer = answer("m=audio 9000 RTP/AVP 9 0\r\n");
    let mut callee = negotiator(&ALL);
    let (first, before) = callee.answer(&offer, None).unwrap();
    let (again, after) = callee.answer(&offer, Some(before.codec)).unwrap();
    assert_eq!((&first, &before), (&again, &after));
    // The peer moves: our description is what it was.
    let (moved, agreed) = callee.answer(&offer.replace("198.51.100.7", "198.51.100.9"), Some(CodecName::G722)).unwrap();
    assert_eq!((moved, agreed.remote.to_string()), (first.clone(), "198.51.100.9:9000".to_owned()));
    // It holds, and takes us back.
    let (held, _) = callee.answer(&format!("{offer}a=sendonly\r\n"), Some(CodecName::G722)).unwrap();
    let (resumed, _) = callee.answer(&offer, Some(CodecName::G722)).unwrap();
    assert_eq!(version(&first), "o=- 42 1 IN IP4 192.0.2.10");
    assert_eq!(version(&held), "o=- 42 2 IN IP4 192.0.2.10");
    assert_eq!(version(&resumed), "o=- 42 3 IN IP4 192.0.2.10");
}

#[test]
fn a_codec_change_in_the_middle_is_taken_where_the_codec_in_use_is_not_offered_any_more() {
    let mut caller = negotiator(&ALL);
    caller.offer_again();
    let (_, agreed) = caller.answer(&answer("m=audio 9000 RTP/AVP 0 8\r\n"), Some(CodecName::Opus)).unwrap();
    assert_eq!(agreed.codec, CodecName::Pcmu);
    let wide = answer("m=audio 9000 RTP/AVP 111 0\r\na=rtpmap:111 opus/48000/2\r\n");
    assert_eq!(caller.answer(&wide, Some(CodecName::Pcmu)).unwrap().1.codec, CodecName::Pcmu, "what works is kept");
}

#[test]
fn our_offer_in_a_call_keeps_the_numbers_in_use() {
    let mut callee = negotiator(&ALL);
    let offer =
        answer(concat!("m=audio 9000 RTP/AVP 101 96\r\na=rtpmap:101 opus/48000/2\r\n", "a=rtpmap:96 telephone-event/48000\r\n"));
    callee.answer(&offer, None).unwrap();
    let again = callee.offer_again();
    assert!(again.contains("a=rtpmap:101 opus/48000/2") && again.contains("a=rtpmap:96 telephone-event/48000"), "{again}");
    let numbers = again.lines().find(|line| line.starts_with("m=")).unwrap();
    assert!(numbers.starts_with("m=audio 4000 RTP/AVP 101 9 0 8 ") && numbers.ends_with(" 96"), "{numbers}");
    assert!(again.contains("o=- 42 2 "), "it says something new:\n{again}");
    let unique: std::collections::BTreeSet<&str> = numbers.split(' ').skip(3).collect();
    assert_eq!(unique.len(), 6);
}

#[test]
fn ipv6_is_written_and_read() {
    let mut callee = Negotiator::new("[2001:db8::1]:4000".parse().unwrap(), ALL.to_vec(), 42);
    assert!(callee.offer().contains("c=IN IP6 2001:db8::1\r\n"));
    let offer = answer("m=audio 9000 RTP/AVP 0\r\n").replace("IP4 198.51.100.7", "IP6 2001:db8::7");
    let (sdp, agreed) = callee.answer(&offer, None).unwrap();
    assert_eq!(agreed.remote, "[2001:db8::7]:9000".parse().unwrap());
    assert!(sdp.contains("o=- 42 1 IN IP6 2001:db8::1\r\n"), "{sdp}");
    let held = offer.replace("2001:db8::7", "::");
    assert!(!callee.answer(&held, None).unwrap().1.can_send, "the old way to hold, in IPv6");
}

#[test]
fn a_refused_or_silent_answer_is_told_apart() {
    assert!(matches!(accept("m=audio 0 RTP/AVP 0\r\n"), Err(MediaError::Refused)));
    let listens_only = accept("m=audio 9000 RTP/AVP 0\r\na=recvonly\r\n").unwrap();
    assert_eq!((listens_only.can_send, listens_only.can_receive), (true, false));
    let sends_only = accept("m=audio 9000 RTP/AVP 0\r\na=sendonly\r\n").unwrap();
    assert_eq!((sends_only.can_send, sends_only.can_receive), (false, true));
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
fn a_re_offer_keeps_the_codec_and_refuses_other_lines() {
    let offer = answer(concat!(
        "m=video 9100 RTP/AVP 34\r\nm=audio 9000 RTP/AVP 8 0\r\nc=IN IP4 203.0.113.1\r\n",
        "m=audio 9002 RTP/SAVP 0\r\nm=image 9004 udptl t38\r\n"
    ));
    let mut callee = negotiator(&ALL);
    let (first, _) = callee.answer(&offer, Some(CodecName::Pcma)).unwrap();
    let (second, agreed) = callee.answer(&offer, Some(CodecName::Pcma)).unwrap();
    assert_eq!(first, second, "the same offer gets the same answer");
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
    says("m=audio 9000 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n", "224.2.1.1");
    assert!(matches!(negotiator(&ALL).accept_answer("nonsense"), Err(MediaError::Unreadable(_))));
}

#[tokio::test]
async fn a_host_that_is_named_is_looked_up_and_a_number_never() {
    let ours = negotiator(&ALL);
    assert_eq!(ours.lookup(&answer("m=audio 9000 RTP/AVP 0\r\n")), None);
    // The line of a stream that is not taken.
    assert_eq!(ours.lookup(&answer("m=audio 9000 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\nc=IN IP4 video.invalid\r\n")), None);
    assert_eq!(ours.lookup("nonsense"), None);
    let lookup = ours.lookup(&answer("m=audio 9000 RTP/AVP 0\r\nc=IN IP4 localhost\r\n")).unwrap();
    let agreed = ours.accept_answer(&lookup.resolved().await.unwrap()).unwrap();
    assert_eq!(agreed.remote, "127.0.0.1:9000".parse().unwrap());
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
