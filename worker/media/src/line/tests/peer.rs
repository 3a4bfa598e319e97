//! What the peer reports, encrypts, numbers otherwise, or never was.

use super::*;

/// Two ends that talk for so many ticks over a way of `delay` ticks each; what reports say goes the same way.
fn talk(caller: &mut End, callee: &mut End, ticks: std::ops::Range<u64>, delay: u64) {
    let mut under_way: Vec<(u64, bool, Upkeep)> = Vec::new();
    for tick in ticks {
        for (to_callee, end, target) in [(true, &mut *caller, 2), (false, &mut *callee, 1)] {
            let sound = end.tick().into_iter();
            let sound = sound.map(|datagram| Upkeep { port: Port::Sound, target: address(target), datagram });
            let upkeep: Vec<Upkeep> = sound.chain(end.line.upkeep(tick * 20_000)).collect();
            under_way.extend(upkeep.into_iter().map(|sent| (tick + delay, to_callee, sent)));
        }
        for (_, to_callee, sent) in under_way.extract_if(.., |(at, ..)| *at <= tick) {
            let (end, from) = if to_callee { (&mut *callee, 1) } else { (&mut *caller, 2) };
            match sent.port {
                Port::Sound => end.receive(address(from), &sent.datagram),
                Port::Control => end.line.receive_control(address(from + 1), &sent.datagram, tick * 20_000),
            }
        }
    }
}

fn keys(byte: u8) -> Keys {
    Keys { suite: crate::srtp::Suite::AesCm128HmacSha1_80, key_salt: [byte; 30] }
}

#[test]
fn both_ends_know_in_the_end_how_the_call_was() {
    for encrypted in [false, true] {
        let (mut caller, mut callee) = (End::new(&agreed(CodecName::Pcma, 2, 20)), End::new(&agreed(CodecName::Pcma, 1, 20)));
        if encrypted {
            caller.line.set_keys(Some((keys(1), keys(2))));
            callee.line.set_keys(Some((keys(2), keys(1))));
        }
        talk(&mut caller, &mut callee, 0..1000, 3);
        let report = caller.line.report();
        assert_eq!((report.packets_received, report.packets_lost, report.packets_refused), (997, 0, 0), "{report:?}");
        assert_eq!((report.remote_loss_percent, report.encrypted), (Some(0.0), encrypted));
        // Both ways of 60 ms; reports are read at the next tick.
        assert!((118.0..150.0).contains(&report.round_trip_ms.unwrap()), "{report:?}");
        assert!(report.jitter_ms.unwrap() < 0.1 && report.remote_jitter_ms.unwrap() < 0.2, "{report:?}");
        assert!((20.0..=60.0).contains(&report.buffer_ms.unwrap()), "{report:?}");
        assert!((4.2..4.42).contains(&report.mos.unwrap()), "{report:?}");
    }
}

#[test]
fn what_the_peer_did_not_get_is_known_from_its_reports() {
    let (mut caller, mut callee) = (End::new(&agreed(CodecName::Opus, 2, 20)), End::new(&agreed(CodecName::Opus, 1, 20)));
    for tick in 0..1500u64 {
        for (index, datagram) in caller.tick().into_iter().enumerate() {
            if (tick + index as u64) % 10 != 5 {
                callee.receive(address(1), &datagram);
            }
        }
        callee.tick();
        for upkeep in callee.line.upkeep(tick * 20_000) {
            assert_eq!((upkeep.port, upkeep.target), (Port::Control, address(2)), "one port above the sound");
            caller.line.receive_control(address(3), &upkeep.datagram, tick * 20_000);
        }
    }
    let (ours, theirs) = (caller.line.report(), callee.line.report());
    assert!((8.0..=10.5).contains(&ours.remote_loss_percent.unwrap()), "{ours:?}");
    assert_eq!(theirs.packets_lost, 150);
    assert!(theirs.mos.unwrap() < 3.0 && ours.mos.is_none(), "{theirs:?}");
}

#[test]
fn reports_from_elsewhere_and_forged_ones_are_refused() {
    let mut end = End::new(&agreed(CodecName::Pcma, 2, 20));
    let mut stranger = End::new(&agreed(CodecName::Pcma, 1, 20));
    stranger.tick();
    let report = stranger.line.farewell(1_000_000).unwrap().datagram;
    end.line.receive_control(SocketAddr::from(([203, 0, 113, 9], 3)), &report, 0);
    assert_eq!(end.line.report().packets_refused, 1);
    end.line.receive_control(address(3), &report, 0);
    assert_eq!(end.line.report().packets_refused, 1, "the host of the sound is believed");
    end.line.set_keys(Some((keys(1), keys(2))));
    end.line.receive_control(address(3), &report, 0);
    end.receive(address(2), &report);
    assert_eq!(end.line.report().packets_refused, 3, "unless it has keys and does not use them");
}

#[test]
fn forged_and_replayed_sound_is_refused_and_the_call_goes_on() {
    let (mut caller, mut callee) = (End::new(&agreed(CodecName::Pcma, 2, 20)), End::new(&agreed(CodecName::Pcma, 1, 20)));
    caller = caller.says(sine(440.0, 8000.0, 16_000, 64_000));
    caller.line.set_keys(Some((keys(1), keys(2))));
    callee.line.set_keys(Some((keys(2), keys(1))));
    let mut before: Vec<Vec<u8>> = Vec::new();
    for tick in 0..200usize {
        for datagram in caller.tick() {
            let mut forged = datagram.clone();
            forged[14 + tick % 100] ^= 1;
            callee.receive(address(1), &forged);
            callee.receive(address(1), &datagram);
            callee.receive(address(9), before.get(tick / 2).unwrap_or(&forged));
            before.push(datagram);
        }
        callee.tick();
    }
    let report = callee.line.report();
    assert_eq!((report.packets_received, report.packets_refused, report.frames_concealed), (200, 400, 0), "{report:?}");
    assert_eq!(callee.line.target(), address(1), "nobody else is followed");
    assert!(purity(&callee.heard[16_000..60_000], 440.0) > 0.99);
}

#[test]
fn a_line_on_hold_sends_something_at_least_every_15_seconds() {
    let held = Negotiated { can_send: false, ..agreed(CodecName::Pcma, 2, 20) };
    let mut end = End::new(&held);
    let mut sent = vec![0];
    for tick in 0..3000u64 {
        assert!(end.tick().is_empty());
        for upkeep in end.line.upkeep(tick * 20_000) {
            if upkeep.port == Port::Sound {
                assert_eq!((upkeep.target, upkeep.datagram[0] >> 6), (address(2), 0));
                sent.push(tick * 20);
            }
        }
    }
    sent.push(60_000);
    assert!(sent.windows(2).all(|pair| pair[1] - pair[0] <= 15_000), "{sent:?}");
    let mut talking = End::new(&agreed(CodecName::Pcma, 2, 20));
    let upkeep: Vec<Upkeep> = (0..3000u64)
        .flat_map(|tick| {
            talking.tick();
            talking.line.upkeep(tick * 20_000)
        })
        .collect();
    assert!(upkeep.iter().all(|upkeep| upkeep.port == Port::Control), "no keep-alive beside sound");
}

#[test]
fn the_peer_may_number_its_codec_otherwise_than_we_do() {
    let (mut caller, mut callee) = (End::new(&agreed(CodecName::Opus, 2, 20)), End::new(&agreed(CodecName::Opus, 1, 20)));
    let ours = Negotiated {
        payload_type: 111,
        receive: vec![(96, CodecName::Opus), (8, CodecName::Pcma)],
        ..agreed(CodecName::Opus, 2, 20)
    };
    let theirs = Negotiated {
        payload_type: 8,
        codec: CodecName::Pcma,
        receive: vec![(111, CodecName::Opus)],
        ..agreed(CodecName::Pcma, 1, 20)
    };
    for (end, negotiated) in [(&mut caller, &ours), (&mut callee, &theirs)] {
        *end = End::new(negotiated).says(sine(440.0, 8000.0, 16_000, 64_000));
    }
    talk(&mut caller, &mut callee, 0..150, 0);
    for end in [caller, callee] {
        assert!(purity(&end.heard[16_000..46_000], 440.0) > 0.95);
        assert_eq!(end.line.report().packets_refused, 0);
    }
}

#[test]
fn a_flood_from_strangers_costs_neither_memory_nor_the_call() {
    for encrypted in [false, true] {
        let (mut caller, mut callee) = (End::new(&agreed(CodecName::Pcma, 2, 20)), End::new(&agreed(CodecName::Pcma, 1, 20)));
        caller = caller.says(sine(440.0, 8000.0, 16_000, 64_000));
        if encrypted {
            caller.line.set_keys(Some((keys(1), keys(2))));
            callee.line.set_keys(Some((keys(2), keys(1))));
        }
        let mut random = SmallRng::seed_from_u64(5);
        for _ in 0..200 {
            caller.tick().iter().for_each(|datagram| callee.receive(address(1), datagram));
            for _ in 0..200 {
                let number = [96, 101, 13, 0][random.random_range(0..4)];
                let length = [0, 1, 4, 160, 1900][random.random_range(0..5)];
                let packet =
                    Outgoing::new(random.random(), random.random(), random.random()).packet(number, true, 1, &vec![0x55; length]);
                let source = SocketAddr::from(([198, 51, 100, random.random()], random.random()));
                callee.receive(source, &packet[..random.random_range(0..=packet.len())]);
                callee.line.receive_control(source, &packet, 0);
            }
            callee.tick();
        }
        let report = callee.line.report();
        assert_eq!((report.packets_received, report.packets_refused), (200, 80_000), "{report:?}");
        assert_eq!(callee.line.target(), address(1));
        assert!(purity(&callee.heard[16_000..60_000], 440.0) > 0.99);
    }
}
