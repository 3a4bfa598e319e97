#![allow(clippy::unwrap_used)]
use rand::{RngExt, SeedableRng, rngs::SmallRng};
use rtcp_types::Packet;

use super::*;
use crate::reception::Noted;

const SECOND: u64 = 1_000_000;

fn sent(packets: u64) -> Sent {
    Sent { packets, octets: packets * 160, timestamp: packets as u32 * 160 }
}

/// Has received the numbers up to `last`, each at its time, without those that `lost` names.
fn reception(ssrc: u32, last: u16, lost: impl Fn(u16) -> bool) -> Reception {
    let mut reception = Reception::default();
    for sequence in (0..=last).filter(|sequence| !lost(*sequence)) {
        let time = Some((u32::from(sequence) * 160, 8000));
        reception.note(Noted { ssrc, sequence, arrived_us: u64::from(sequence) * 20_000, time });
    }
    reception
}

/// The names of the packets in a compound one.
fn parts(datagram: &[u8]) -> Vec<&'static str> {
    let name = |packet: Packet<'_>| match packet {
        Packet::Sr(_) => "SR",
        Packet::Rr(_) => "RR",
        Packet::Sdes(_) => "SDES",
        Packet::Bye(_) => "BYE",
        _ => "?",
    };
    Compound::parse(datagram).unwrap().map(|packet| name(packet.unwrap())).collect()
}

#[test]
fn the_first_report_is_soon_and_the_others_are_five_seconds_apart() {
    let mut rtcp = Rtcp::new(1, 0, 0);
    let mut nothing = Reception::default();
    let times: Vec<u64> = (0..180_000u64)
        .map(|tick| tick * 20_000)
        .filter(|now| rtcp.report(*now, sent(now / 20_000), &mut nothing).is_some())
        .collect();
    assert_eq!(times[0], SECOND / 2);
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (2 * SECOND..=6_300_000).contains(gap)), "{gaps:?}");
    let mean = gaps.iter().sum::<u64>() / gaps.len() as u64;
    assert!((3_900_000..4_300_000).contains(&mean), "{mean}: five seconds by the factor of RFC 3550, section 6.3.1");
}

#[test]
fn a_sender_tells_of_itself_and_a_listener_does_not() {
    let mut rtcp = Rtcp::new(1, 0, 0);
    let mut heard = reception(9, 10, |_| false);
    assert_eq!(parts(&rtcp.report(SECOND, sent(50), &mut heard).unwrap()), ["SR", "SDES"]);
    assert_eq!(parts(&rtcp.report(10 * SECOND, sent(50), &mut heard).unwrap()), ["RR", "SDES"], "nothing sent since");
    assert_eq!(parts(&rtcp.farewell(11 * SECOND, sent(60), &mut heard).unwrap()), ["SR", "SDES", "BYE"]);
    assert_eq!(Rtcp::new(1, 0, 0).farewell(SECOND, sent(0), &mut Reception::default()), None);
}

#[test]
fn two_ends_tell_each_other_loss_jitter_and_the_way_between_them() {
    let (mut ours, mut theirs) = (Rtcp::new(1, 77 << 32, 0), Rtcp::new(2, 3 << 32, 0));
    // Theirs has lost every tenth packet of ours; each way takes 40 ms, and they think for 1.5 s.
    let mut at_theirs = reception(1, 99, |sequence| sequence % 10 == 5);
    let mut at_ours = reception(2, 99, |_| false);
    let report = ours.report(2 * SECOND, sent(100), &mut at_ours).unwrap();
    assert!(theirs.receive(&report, 2 * SECOND + 40_000));
    assert_eq!(theirs.echo().map(|echo| (echo.lost, echo.round_trip_ms)), Some((0, None)));
    let report = theirs.report(3 * SECOND + 540_000, sent(100), &mut at_theirs).unwrap();
    assert!(ours.receive(&report, 3 * SECOND + 580_000));
    let echo = ours.echo().unwrap();
    assert_eq!(echo.lost, 10);
    assert!((echo.recent_loss_percent - 10.0).abs() < 0.3, "{echo:?}");
    assert!((echo.round_trip_ms.unwrap() - 80.0).abs() < 0.1, "{echo:?}");
    assert!(echo.jitter < 2, "{echo:?}");
}

#[test]
fn an_echo_of_a_report_that_was_not_ours_measures_nothing() {
    let (mut ours, mut theirs) = (Rtcp::new(1, 0, 0), Rtcp::new(2, 0, 0));
    let mut stranger = Rtcp::new(1, 500 << 32, 0);
    let report = stranger.report(SECOND, sent(10), &mut Reception::default()).unwrap();
    theirs.receive(&report, SECOND);
    let report = theirs.report(2 * SECOND, sent(10), &mut reception(1, 10, |_| false)).unwrap();
    assert!(ours.receive(&report, 2 * SECOND));
    assert_eq!(ours.echo().unwrap().round_trip_ms, None);
}

#[test]
fn rtcp_is_told_from_rtp_and_noise_by_its_first_bytes() {
    let mut rtcp = Rtcp::new(1, 0, 0);
    let report = rtcp.farewell(SECOND, sent(1), &mut Reception::default()).unwrap();
    assert!(is_rtcp(&report));
    assert!(!is_rtcp(&[0x80, 8, 0, 1]) && !is_rtcp(&[0x80, 0x80 | 101, 0, 1]) && !is_rtcp(&[0x80]) && !is_rtcp(&[0, 200]));
}

#[test]
fn damaged_reports_change_nothing_and_never_panic() {
    let mut random = SmallRng::seed_from_u64(1);
    let mut theirs = Rtcp::new(2, 0, 0);
    let mut heard = reception(1, 50, |sequence| sequence == 7);
    let report = theirs.farewell(SECOND, sent(50), &mut heard).unwrap();
    for _ in 0..100_000 {
        let mut ours = Rtcp::new(1, 0, 0);
        let mut damaged = report.clone();
        damaged.truncate(random.random_range(0..=damaged.len()));
        for _ in 0..random.random_range(0..4) {
            if !damaged.is_empty() {
                let place = random.random_range(0..damaged.len());
                damaged[place] = random.random();
            }
        }
        let taken = ours.receive(&damaged, 2 * SECOND);
        assert!(taken || ours.echo().is_none());
        let mut noise = vec![0u8; random.random_range(0..100)];
        random.fill(&mut noise[..]);
        if let [first, second, ..] = noise.as_mut_slice() {
            (*first, *second) = (*first & 0x3f | 0x80, 200 + *second % 8);
        }
        ours.receive(&noise, 2 * SECOND);
        let _ = ours.report(3 * SECOND, sent(1), &mut heard);
    }
}
