use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::*;

fn packet(sequence: u16) -> Packet {
    let sound = Sound { payload_type: 8, payload: sequence.to_be_bytes().to_vec() };
    Packet { ssrc: 1, sequence, sound: Some(sound), samples: 320 }
}

/// Plays `ticks` of 20 ms; `arrivals` are (ms, packet). Returns what came out at each tick: a number, −1 lost, −2 nothing.
fn play(buffer: &mut JitterBuffer, arrivals: &[(u64, Packet)], ticks: std::ops::Range<u64>) -> Vec<i64> {
    let tick = |tick: u64| {
        let now = tick * 20;
        let came = |at: u64| if tick == 0 { at == 0 } else { at > now - 20 && at <= now };
        arrivals.iter().filter(|(at, _)| came(*at)).for_each(|(_, packet)| buffer.insert(packet.clone(), now));
        match buffer.pull(now) {
            Pulled::Frame(sound) => i64::from(u16::from_be_bytes([sound.payload[0], sound.payload[1]])),
            Pulled::Lost => -1,
            Pulled::Nothing => -2,
        }
    };
    ticks.map(tick).collect()
}

#[test]
fn a_good_line_is_played_40_ms_later_without_a_gap_across_the_wrap() {
    let arrivals: Vec<_> = (0..100u16).map(|index| (u64::from(index) * 20, packet(index.wrapping_sub(50)))).collect();
    let mut buffer = JitterBuffer::default();
    let played = play(&mut buffer, &arrivals, 0..102);
    assert_eq!(played[..2], [-2, -2]);
    let expected: Vec<i64> = (0..100u16).map(|index| i64::from(index.wrapping_sub(50))).collect();
    assert_eq!(played[2..], expected);
    assert_eq!(buffer.counters(), JitterCounters::default());
}

#[test]
fn a_bad_line_is_put_in_order_and_every_packet_is_accounted_for() {
    for seed in 0..20 {
        let mut random = SmallRng::seed_from_u64(seed);
        let (mut arrivals, mut lost, mut twice) = (Vec::new(), 0, 0);
        for index in 0..2000u16 {
            let at = u64::from(index) * 20 + random.random_range(0..40);
            if random.random_bool(0.03) && index > 5 && index < 1990 {
                lost += 1;
                continue;
            }
            arrivals.push((at, packet(index)));
            if random.random_bool(0.02) {
                twice += 1;
                arrivals.push((at + random.random_range(0..60), packet(index)));
            }
        }
        let mut buffer = JitterBuffer::default();
        let played = play(&mut buffer, &arrivals, 0..2020);
        let numbers: Vec<i64> = played.into_iter().filter(|number| *number >= 0).collect();
        assert!(numbers.is_sorted(), "seed {seed}: out of order");
        let counters = buffer.counters();
        assert_eq!(numbers.len() as u64 + lost + counters.late + counters.dropped, 2000, "seed {seed}: {counters:?}");
        assert_eq!(counters.duplicate, twice, "seed {seed}");
        assert!(counters.late < 10 && counters.dropped < 10, "seed {seed}: {counters:?}");
    }
}

#[test]
fn a_hole_is_lost_in_its_place_and_the_packet_after_it_is_at_hand() {
    let mut buffer = JitterBuffer::default();
    [0, 1, 3, 4].into_iter().for_each(|sequence| buffer.insert(packet(sequence), 0));
    assert!(matches!((buffer.pull(0), buffer.pull(20), buffer.pull(40)), (Pulled::Frame(_), Pulled::Frame(_), Pulled::Lost)));
    assert_eq!(buffer.following(), packet(3).sound.as_ref());
    buffer.insert(packet(2), 50);
    assert_eq!(buffer.counters(), JitterCounters { lost: 1, late: 1, ..JitterCounters::default() });
}

#[test]
fn an_outage_is_concealed_then_silent_and_ends_without_delay_left_behind() {
    let arrivals: Vec<_> =
        (0..200u16).filter(|index| !(50..100).contains(index)).map(|i| (u64::from(i) * 20, packet(i))).collect();
    let mut buffer = JitterBuffer::default();
    let played = play(&mut buffer, &arrivals, 0..202);
    assert_eq!(played[50..58], [48, 49, -1, -1, -1, -2, -2, -2]);
    assert_eq!(played[102..105], [100, 101, 102]);
    assert_eq!(buffer.counters().lost, 50);
}

#[test]
fn a_sender_with_a_fast_clock_does_not_pile_up_delay() {
    // 1 % fast: 3000 packets in 59.4 s.
    let arrivals: Vec<_> = (0..3000u16).map(|index| (u64::from(index) * 198 / 10, packet(index))).collect();
    let mut buffer = JitterBuffer::default();
    let played = play(&mut buffer, &arrivals, 0..2970);
    let last = *played.last().unwrap_or(&0);
    assert!(last > 2985, "{last} of 3000 at the end");
    assert!(!played[3..].contains(&-1));
}

#[test]
fn a_new_source_takes_over_with_its_second_packet_and_a_stray_one_does_not() {
    let mut buffer = JitterBuffer::default();
    (0..5).for_each(|sequence| buffer.insert(packet(sequence), 0));
    buffer.insert(Packet { ssrc: 2, ..packet(4000) }, 0);
    assert!(matches!(buffer.pull(0), Pulled::Frame(sound) if sound.payload == [0, 0]));
    (9000..9004).for_each(|sequence| buffer.insert(Packet { ssrc: 3, ..packet(sequence) }, 20));
    assert!(matches!(buffer.pull(20), Pulled::Frame(sound) if sound.payload == 9000u16.to_be_bytes()));
    assert_eq!(buffer.counters().restarts, 1);
}

#[test]
fn numbers_used_for_events_are_no_loss() {
    let mut buffer = JitterBuffer::default();
    (0..8).for_each(|sequence| {
        let event = Packet { sound: None, samples: 0, ..packet(sequence) };
        buffer.insert(if (3..6).contains(&sequence) { event } else { packet(sequence) }, 0);
    });
    let played = play(&mut buffer, &[], 0..5);
    assert_eq!(played, [0, 1, 2, 6, 7]);
}

#[test]
fn a_flood_is_bounded_and_nothing_panics() {
    let mut random = SmallRng::seed_from_u64(3);
    let mut buffer = JitterBuffer::default();
    for step in 0..200_000u64 {
        let samples = random.random_range(0..2000);
        buffer.insert(Packet { ssrc: random.random_range(0..2), samples, ..packet(random.random()) }, step);
        let stream = buffer.stream.as_ref();
        assert!(stream.is_none_or(|stream| stream.waiting.len() <= TOO_MANY && stream.buffered <= TOO_MUCH));
        if step % 7 == 0 {
            buffer.pull(step);
        }
    }
}
