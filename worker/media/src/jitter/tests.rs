use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::*;

fn packet(sequence: u16) -> Packet {
    let sound = Sound { payload_type: 8, payload: sequence.to_be_bytes().to_vec() };
    let timestamp = u32::from(sequence) * 160;
    Packet { ssrc: 1, sequence, sound: Some(sound), samples: 320, timestamp, clock_rate: 8000, then_silence: false }
}

/// Plays `ticks` of 20 ms; `arrivals` are (ms, packet). Returns what came out at each tick: a number, −1 lost, −2 nothing.
fn play(buffer: &mut JitterBuffer, arrivals: &[(u64, Packet)], ticks: std::ops::Range<u64>) -> Vec<i64> {
    let tick = |tick: u64| {
        let now = tick * 20;
        let came = |at: u64| if tick == 0 { at == 0 } else { at > now - 20 && at <= now };
        arrivals.iter().filter(|(at, _)| came(*at)).for_each(|(_, packet)| buffer.insert(packet.clone(), now));
        match buffer.pull(now, false) {
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
    assert_eq!(buffer.counters(), JitterCounters { played: 100, waited_ms: 4000, ..JitterCounters::default() });
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
    assert!(matches!(
        (buffer.pull(0, false), buffer.pull(20, false), buffer.pull(40, false)),
        (Pulled::Frame(_), Pulled::Frame(_), Pulled::Lost)
    ));
    assert_eq!(buffer.following(), packet(3).sound.as_ref());
    buffer.insert(packet(2), 50);
    assert_eq!(
        buffer.counters(),
        JitterCounters { lost: 1, holes: 1, late: 1, played: 2, waited_ms: 20, ..JitterCounters::default() }
    );
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
    assert!(matches!(buffer.pull(0, false), Pulled::Frame(sound) if sound.payload == [0, 0]));
    (9000..9004).for_each(|sequence| buffer.insert(Packet { ssrc: 3, ..packet(sequence) }, 20));
    assert!(matches!(buffer.pull(20, false), Pulled::Frame(sound) if sound.payload == 9000u16.to_be_bytes()));
    assert_eq!(buffer.counters().restarts, 1);
}

#[test]
fn numbers_used_for_events_are_no_loss() {
    let mut buffer = JitterBuffer::default();
    (0..8).for_each(|sequence| {
        let event = Packet { sound: None, samples: 0, then_silence: true, ..packet(sequence) };
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
            buffer.pull(step, random.random());
        }
    }
}

/// One hour of a sender whose clock is off by so many parts in a million, through a network with 10 ms of jitter; two of five
/// seconds are quiet. Returns the mean wait in ms in each minute.
fn an_hour(parts_per_million: i64) -> (Vec<f64>, JitterCounters) {
    let mut random = SmallRng::seed_from_u64(8);
    let mut buffer = JitterBuffer::default();
    let (mut sent, mut under_way) = (0u64, VecDeque::new());
    let mut minutes = Vec::new();
    let mut before = JitterCounters::default();
    for tick in 0..180_000u64 {
        let now = tick * 20;
        // Their packet of number n leaves at n × 20 ms of their clock.
        while sent as i64 * 20 * (1_000_000 - parts_per_million) / 1_000_000 <= now as i64 {
            let leaves = (sent as i64 * 20 * (1_000_000 - parts_per_million) / 1_000_000) as u64;
            let packet = Packet { timestamp: (sent as u32).wrapping_mul(160), ..packet(sent as u16) };
            under_way.push_back((leaves + random.random_range(0..10), packet));
            sent += 1;
        }
        while let Some((at, packet)) = under_way.pop_front_if(|(at, _)| *at <= now) {
            buffer.insert(packet, at);
        }
        let quiet = tick % 250 < 100;
        while matches!(buffer.pull(now, quiet), Pulled::Frame(_)) && quiet && buffer.may_leave_out() {
            buffer.left_out();
        }
        if tick % 3000 == 2999 {
            let counters = buffer.counters();
            minutes.push((counters.waited_ms - before.waited_ms) as f64 / (counters.played - before.played) as f64);
            before = counters;
        }
    }
    (minutes, buffer.counters())
}

#[test]
fn clocks_that_drift_for_an_hour_do_not_make_the_delay_grow() {
    for parts_per_million in [-200, 0, 200] {
        let (minutes, counters) = an_hour(parts_per_million);
        let (least, most) = (minutes[1..].iter().fold(f64::MAX, |a, b| a.min(*b)), minutes.iter().fold(0f64, |a, b| a.max(*b)));
        assert!(least > 5.0 && most < 60.0, "{parts_per_million} ppm: {least} to {most} ms");
        let last = minutes.last().copied().unwrap_or_default();
        assert!((last - minutes[5]).abs() < 25.0, "{parts_per_million} ppm: {} ms in minute 6, {last} in the last", minutes[5]);
        // 36 packets too many or too few in the hour, and hardly any others.
        assert!(counters.dropped <= 36 + 30, "{parts_per_million} ppm: {counters:?}");
        assert_eq!((counters.lost, counters.restarts), (0, 0), "{parts_per_million} ppm");
    }
}

#[test]
fn a_network_with_60_ms_of_jitter_is_learnt_and_forgotten() {
    let mut random = SmallRng::seed_from_u64(4);
    let mut arrivals: Vec<_> = (0..6000u16)
        .map(|index| {
            let late = if (1000..3000).contains(&index) { random.random_range(0..60) } else { 0 };
            (u64::from(index) * 20 + late, packet(index))
        })
        .collect();
    arrivals.sort_by_key(|(at, _)| *at);
    let mut buffer = JitterBuffer::default();
    let mut arrivals = VecDeque::from(arrivals);
    let (mut missing, mut waits) = (0, Vec::new());
    let mut before = buffer.counters();
    for tick in 0..6000u64 {
        let now = tick * 20;
        while let Some((at, packet)) = arrivals.pop_front_if(|(at, _)| *at <= now) {
            buffer.insert(packet, at);
        }
        let quiet = tick % 250 < 100;
        let mut pulled = buffer.pull(now, quiet);
        while matches!(pulled, Pulled::Frame(_)) && quiet && buffer.may_leave_out() {
            buffer.left_out();
            pulled = buffer.pull(now, quiet);
        }
        missing += usize::from((1500..3000).contains(&tick) && pulled == Pulled::Lost);
        if tick % 1000 == 999 {
            let counters = buffer.counters();
            waits.push((counters.waited_ms - before.waited_ms) / (counters.played - before.played));
            before = counters;
        }
    }
    assert!(missing < 30, "{missing} of 1500 missing after ten seconds of learning");
    assert!(waits[0] <= 40 && (30..=90).contains(&waits[2]) && waits[5] <= 40, "{waits:?} ms");
}

#[test]
fn a_packet_that_comes_too_late_makes_the_delay_grow_at_once() {
    let mut buffer = JitterBuffer::default();
    (0..5).filter(|sequence| *sequence != 2).for_each(|sequence| buffer.insert(packet(sequence), 0));
    let first: Vec<_> = (0..3).map(|tick| buffer.pull(tick * 20, false)).collect();
    assert_eq!(first[2], Pulled::Lost);
    buffer.insert(packet(2), 45);
    assert_eq!(buffer.pull(60, false), Pulled::Lost, "the sound waits");
    assert_eq!(buffer.following(), None, "nothing of what follows is missing");
    assert!(matches!(buffer.pull(80, false), Pulled::Frame(sound) if sound.payload == [0, 3]));
    assert_eq!((buffer.counters().late, buffer.counters().stretched), (1, 1));
}

#[test]
fn a_sender_that_is_silent_by_intent_loses_nothing() {
    // Opus without anything to say: a last packet that says so, 400 ms of nothing, then the next number and the time of then.
    let mut buffer = JitterBuffer::default();
    let mut arrivals: Vec<_> = (0..20u16).map(|index| (u64::from(index) * 20, packet(index))).collect();
    arrivals[19].1.then_silence = true;
    arrivals.extend((20..40u16).map(|index| {
        let at = u64::from(index) * 20 + 400;
        (at, Packet { timestamp: at as u32 * 8, ..packet(index) })
    }));
    let played = play(&mut buffer, &arrivals, 0..62);
    assert!(!played.contains(&-1), "{played:?}");
    assert_eq!(played.iter().filter(|number| **number >= 0).count(), 40);

    // The same without a word of warning: three frames are made up, and taken back from the count when the time explains them.
    let mut buffer = JitterBuffer::default();
    arrivals[19].1.then_silence = false;
    let played = play(&mut buffer, &arrivals, 0..62);
    assert_eq!(played.iter().filter(|number| **number == -1).count(), 3);
    assert_eq!((buffer.counters().paused, buffer.counters().lost), (3, 0));

    // A network that held the packets back is no pause of the sender.
    let mut buffer = JitterBuffer::default();
    arrivals.iter_mut().skip(20).for_each(|(_, packet)| packet.timestamp = u32::from(packet.sequence) * 160);
    play(&mut buffer, &arrivals, 0..62);
    assert_eq!(buffer.counters().paused, 0);
}

#[test]
fn numbers_without_sound_that_were_lost_leave_no_hole() {
    let mut buffer = JitterBuffer::default();
    (0..12).for_each(|sequence| {
        // Numbers 4 to 7 were an event, of which nothing has come; the sound goes on where it was.
        let timestamp = if sequence < 4 { u32::from(sequence) * 160 } else { u32::from(sequence - 4) * 160 };
        if !(4..8).contains(&sequence) {
            buffer.insert(Packet { timestamp, ..packet(sequence) }, 0);
        }
    });
    assert_eq!(play(&mut buffer, &[], 0..6), [0, 1, 2, 3, 8, 9]);
}

#[test]
fn times_and_numbers_that_jump_are_survived() {
    let mut buffer = JitterBuffer::default();
    let jumped = |index: u16| match index {
        0..100 => packet(index),
        // The time jumps, the numbers go on.
        100..200 => Packet { timestamp: u32::from(index).wrapping_mul(160).wrapping_sub(1 << 31), ..packet(index) },
        // The numbers jump.
        200..300 => packet(index.wrapping_add(30_000)),
        // Another source.
        _ => Packet { ssrc: 2, ..packet(index) },
    };
    let arrivals: Vec<_> = (0..400u16).map(|index| (u64::from(index) * 20, jumped(index))).collect();
    let played = play(&mut buffer, &arrivals, 0..405);
    assert!(played.iter().filter(|number| **number >= 0).count() >= 395, "{played:?}");
    assert_eq!(buffer.counters().restarts, 2);
}
