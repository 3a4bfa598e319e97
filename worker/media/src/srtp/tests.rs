#![allow(clippy::unwrap_used)]
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::*;
use crate::rtp::Outgoing;

fn keys(suite: Suite) -> Keys {
    let mut key_salt = [0; 30];
    key_salt[..16].copy_from_slice(&0xE1F97A0D3E018BE0D64FA32C06DE4139u128.to_be_bytes());
    key_salt[16..].copy_from_slice(&0x0EC675AD498AFEEBB6960B3AABE6u128.to_be_bytes()[2..]);
    Keys { suite, key_salt }
}

fn pair(suite: Suite) -> (SrtpContext, SrtpContext) {
    (SrtpContext::new(&keys(suite)), SrtpContext::new(&keys(suite)))
}

fn bytes(hexadecimal: &str) -> Vec<u8> {
    let digits: Vec<char> = hexadecimal.chars().filter(|digit| !digit.is_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(&pair.iter().collect::<String>(), 16).unwrap()).collect()
}

/// A compound packet: a receiver report without blocks.
fn control(ssrc: u32) -> Vec<u8> {
    [&[0x80, 201, 0, 1][..], &ssrc.to_be_bytes(), b"more text"].concat()
}

/// The packets by which libsrtp checks itself (test/srtp_driver.c), with the master key of RFC 3711, appendix B.3.
#[test]
fn packets_are_those_that_libsrtp_makes() {
    let (mut ours, mut theirs) = pair(Suite::AesCm128HmacSha1_80);
    let plain = bytes("800f1234decafbadcafebabe abababababababababababababababab");
    let mut packet = plain.clone();
    ours.protect(&mut packet).unwrap();
    assert_eq!(packet, bytes("800f1234decafbadcafebabe 4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb"));
    theirs.unprotect(&mut packet).unwrap();
    assert_eq!(packet, plain);

    let plain = bytes("81c8000bcafebabe abababababababababababababababab");
    let mut packet = plain.clone();
    ours.protect_rtcp(&mut packet).unwrap();
    assert_eq!(packet, bytes("81c8000bcafebabe 7128035be487b9bdbef89041f977a5a8 80000001 993e08cd54d6c1230798"));
    theirs.unprotect_rtcp(&mut packet).unwrap();
    assert_eq!(packet, plain);
}

#[test]
fn a_stream_is_read_back_across_rollovers_losses_and_a_new_source() {
    for (suite, tag) in [(Suite::AesCm128HmacSha1_80, 10), (Suite::AesCm128HmacSha1_32, 4)] {
        let (mut ours, mut theirs) = pair(suite);
        let mut random = SmallRng::seed_from_u64(4);
        for ssrc in [7, 8] {
            let mut stream = Outgoing::new(ssrc, 60_000, 1);
            for number in 0..140_000u32 {
                let plain = stream.packet(8, false, number, &number.to_be_bytes());
                let mut packet = plain.clone();
                ours.protect(&mut packet).unwrap();
                assert_eq!(packet.len(), plain.len() + tag);
                if random.random_bool(0.9) {
                    theirs.unprotect(&mut packet).unwrap();
                    assert_eq!(packet, plain, "{ssrc}, packet {number}");
                }
            }
        }
    }
}

#[test]
fn whoever_joins_after_the_first_rollover_is_understood() {
    let (mut ours, mut theirs) = pair(Suite::AesCm128HmacSha1_80);
    let mut stream = Outgoing::new(7, 65_535, 1);
    let mut lost = stream.packet(8, false, 1, &[1]);
    ours.protect(&mut lost).unwrap();
    let mut packet = stream.packet(8, false, 2, &[2]);
    ours.protect(&mut packet).unwrap();
    assert_eq!(theirs.unprotect(&mut packet), Ok(()));
    assert_eq!(packet.last(), Some(&2));
}

#[test]
fn every_changed_bit_is_noticed_and_leaves_no_trace() {
    let (mut ours, mut theirs) = pair(Suite::AesCm128HmacSha1_32);
    let mut stream = Outgoing::new(7, 1, 1);
    for number in 0..40 {
        let mut sound = stream.packet(8, false, number, b"some sound");
        ours.protect(&mut sound).unwrap();
        let mut report = control(7);
        ours.protect_rtcp(&mut report).unwrap();
        for bit in 0..8 * sound.len() {
            let mut forged = sound.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(theirs.unprotect(&mut forged).is_err(), "bit {bit}");
        }
        for bit in 0..8 * report.len() {
            let mut forged = report.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            assert!(theirs.unprotect_rtcp(&mut forged).is_err(), "bit {bit}, also where it says 'not encrypted'");
        }
        assert_eq!(theirs.unprotect(&mut sound), Ok(()));
        assert_eq!(theirs.unprotect_rtcp(&mut report), Ok(()));
        assert_eq!((theirs.sound.streams.len(), theirs.control.streams.len()), (1, 1));
    }
}

#[test]
fn a_packet_counts_once_and_old_ones_not_at_all() {
    let (mut ours, mut theirs) = pair(Suite::AesCm128HmacSha1_80);
    let mut stream = Outgoing::new(7, 65_500, 1);
    let packets: Vec<Vec<u8>> = (0..300)
        .map(|number| {
            let mut packet = stream.packet(8, false, number, &[0; 160]);
            ours.protect(&mut packet).unwrap();
            packet
        })
        .collect();
    let mut order: Vec<usize> = (0..200).collect();
    order.chunks_mut(8).for_each(<[usize]>::reverse);
    for number in &order {
        assert_eq!(theirs.unprotect(&mut packets[*number].clone()), Ok(()), "{number}");
    }
    for number in &order {
        assert_eq!(theirs.unprotect(&mut packets[*number].clone()), Err(SrtpError::Replayed), "{number}");
    }
    assert_eq!(theirs.unprotect(&mut packets[299].clone()), Ok(()));
    assert_eq!(theirs.unprotect(&mut packets[202].clone()), Ok(()), "97 packets late");
    let mut report = control(7);
    ours.protect_rtcp(&mut report).unwrap();
    assert_eq!(theirs.unprotect_rtcp(&mut report.clone()), Ok(()));
    assert_eq!(theirs.unprotect_rtcp(&mut report), Err(SrtpError::Replayed));
}

#[test]
fn noise_is_refused_without_a_trace() {
    let (_, mut theirs) = pair(Suite::AesCm128HmacSha1_80);
    let mut random = SmallRng::seed_from_u64(1);
    for _ in 0..100_000 {
        let mut noise = vec![0u8; random.random_range(0..80)];
        random.fill(&mut noise[..]);
        if let Some(first) = noise.first_mut() {
            *first = *first & 0x3f | 0x80;
        }
        assert!(theirs.unprotect(&mut noise.clone()).is_err());
        assert!(theirs.unprotect_rtcp(&mut noise).is_err());
    }
    assert!(theirs.sound.streams.is_empty() && theirs.control.streams.is_empty());
}

#[test]
fn streams_without_end_use_the_keys_up() {
    let (mut ours, mut theirs) = pair(Suite::AesCm128HmacSha1_80);
    for ssrc in 0..200 {
        let mut packet = Outgoing::new(ssrc, 1, 1).packet(8, false, 1, &[1]);
        // A second context, because ours would refuse as well.
        SrtpContext::new(&keys(Suite::AesCm128HmacSha1_80)).protect(&mut packet).unwrap();
        assert_eq!(theirs.unprotect(&mut packet).is_ok(), (ssrc as usize) < MOST_STREAMS);
    }
    let mut first = Outgoing::new(0, 2, 1).packet(8, false, 1, &[1]);
    ours.protect(&mut first).unwrap();
    assert_eq!(theirs.unprotect(&mut first), Ok(()));
}

#[test]
fn keys_are_not_shown() {
    assert_eq!(format!("{:?}", keys(Suite::AesCm128HmacSha1_80)), "Keys { suite: AesCm128HmacSha1_80, .. }");
}
