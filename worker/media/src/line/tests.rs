//! Two lines and a bad network between them, without a socket or a clock: every run is the same.
#![allow(clippy::unwrap_used)]

mod peer;

use offhook::attempt::CodecName;
use offhook_types::{audio::level_dbfs, ids::SentenceId, line::MediaPresence, playout::PlayoutEvent};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

use super::*;
use crate::{
    codec::{self, EncoderSettings},
    testing::{purity, sine, tone_dbfs},
};

const ALL: [CodecName; 4] = CodecName::ALL;

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn agreed(codec: CodecName, remote: u16, packet_ms: u32) -> Negotiated {
    Negotiated {
        codec,
        payload_type: 96,
        remote: address(remote),
        telephone_event: Some(101),
        telephone_event_clock: codec::clock_rate(codec),
        can_send: true,
        can_receive: true,
        packet_ms,
        receive: vec![(96, codec)],
        receive_events: vec![101],
        encoder: EncoderSettings { forward_error_correction: true, ..EncoderSettings::default() },
        crypto: None,
    }
}

/// One end: a line and what its call does with it.
struct End {
    line: Line,
    playout: Playout,
    digits: DtmfSender,
    events: Vec<MediaEvent>,
    heard: Vec<i16>,
}

impl End {
    fn new(negotiated: &Negotiated) -> Self {
        let encoder = Encoder::new(negotiated.codec, negotiated.encoder).unwrap();
        let line = Line::new(Outgoing::new(7, 65_530, u32::MAX - 5000), negotiated, encoder, 0);
        End { line, playout: Playout::default(), digits: DtmfSender::default(), events: vec![], heard: vec![] }
    }

    fn says(mut self, sound: Vec<i16>) -> Self {
        self.playout.play(SentenceId { generation: 1, index: 0 }, sound, true).unwrap();
        self
    }

    fn receive(&mut self, source: SocketAddr, datagram: &[u8]) {
        let now = self.line.now() * 1000;
        self.line.receive(source, datagram, now, &mut self.events);
    }

    fn tick(&mut self) -> Vec<Vec<u8>> {
        let spoken = self.line.speak(&mut self.playout, &mut self.digits);
        let mut datagrams = Vec::new();
        let heard = self.line.tick(spoken, &mut self.events, &mut datagrams);
        self.heard.extend_from_slice(&heard);
        datagrams
    }

    fn dtmf(&self) -> String {
        self.events.iter().filter_map(|event| if let MediaEvent::Dtmf(digit) = event { Some(*digit) } else { None }).collect()
    }
}

/// Loses, doubles and delays datagrams, the same way for the same seed.
struct Network {
    random: SmallRng,
    loss: f64,
    double: f64,
    delay_ticks: u64,
    under_way: Vec<(u64, Vec<u8>)>,
}

impl Network {
    fn carry(&mut self, now: u64, datagrams: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        for datagram in datagrams {
            if self.random.random_bool(self.double) {
                self.under_way.push((now + self.random.random_range(0..=self.delay_ticks), datagram.clone()));
            }
            if !self.random.random_bool(self.loss) {
                self.under_way.push((now + self.random.random_range(0..=self.delay_ticks), datagram));
            }
        }
        self.under_way.extract_if(.., |(at, _)| *at <= now).map(|(_, datagram)| datagram).collect()
    }
}

/// The caller speaks through the network to the callee for some ticks.
fn speak(codec: CodecName, packet_ms: u32, sound: Vec<i16>, mut network: Network, ticks: u64, digits: &str) -> (End, End) {
    let mut caller = End::new(&agreed(codec, 2, packet_ms)).says(sound);
    let mut callee = End::new(&agreed(codec, 1, 20));
    caller.digits.send(digits);
    for now in 0..ticks {
        for datagram in network.carry(now, caller.tick()) {
            callee.receive(address(1), &datagram);
        }
        callee.tick();
    }
    (caller, callee)
}

fn network(seed: u64, loss: f64, double: f64, delay_ticks: u64) -> Network {
    Network { random: SmallRng::seed_from_u64(seed), loss, double, delay_ticks, under_way: vec![] }
}

#[test]
fn every_packet_length_arrives_whole() {
    for packet_ms in [10, 20, 30, 40, 60] {
        let sound = sine(440.0, 8000.0, 16_000, 64_000);
        let (_, callee) = speak(CodecName::Pcma, packet_ms, sound.clone(), network(1, 0.0, 0.0, 0), 200, "");
        let heard = &callee.heard[16_000..56_000];
        let difference = tone_dbfs(heard, 440.0, 16_000) - tone_dbfs(&sound, 440.0, 16_000);
        assert!(difference.abs() < 0.5 && purity(heard, 440.0) > 0.99, "{packet_ms} ms: {difference} dB");
        assert_eq!(callee.line.report().frames_concealed, 0, "{packet_ms} ms");
    }
}

#[test]
fn a_bad_network_costs_little_sound_and_is_counted() {
    for codec in ALL {
        let sound = sine(440.0, 8000.0, 16_000, 64_000);
        let (caller, callee) = speak(codec, 20, sound.clone(), network(5, 0.05, 0.03, 2), 200, "");
        let heard = &callee.heard[8000..60_000];
        let difference = level_dbfs(heard) - level_dbfs(&sound);
        assert!(difference.abs() < 1.5, "{codec:?}: {difference} dB");
        assert!(purity(heard, 440.0) > 0.75, "{codec:?}: purity {}", purity(heard, 440.0));
        let report = callee.line.report();
        assert_eq!(caller.line.report().packets_sent, 200);
        assert!((4..40).contains(&report.frames_concealed), "{codec:?}: {report:?}");
        assert!(report.packets_duplicate > 0 && report.packets_refused == 0, "{codec:?}: {report:?}");
    }
}

#[test]
fn numbers_and_times_go_on_through_silence_digits_and_pauses() {
    for (codec, per_tick) in [(CodecName::Opus, 960u32), (CodecName::Pcmu, 160)] {
        let mut end = End::new(&agreed(codec, 2, 20)).says(sine(440.0, 8000.0, 16_000, 3200));
        end.digits.send("1");
        let (mut sequence, mut timestamp) = (65_530u16, u32::MAX - 5000);
        for _ in 0..100 {
            for datagram in end.tick() {
                let packet = super::super::rtp::read(&datagram).unwrap();
                assert_eq!(packet.sequence, sequence);
                if packet.payload_type == 96 {
                    assert_eq!(packet.timestamp, timestamp);
                    assert!(!packet.payload.is_empty());
                }
                sequence = sequence.wrapping_add(1);
            }
            timestamp = timestamp.wrapping_add(per_tick);
        }
        assert_eq!(sequence, 65_530u16.wrapping_add(100), "one packet each tick");
        end.line.skip(50);
        let datagram = end.tick().remove(0);
        let packet = super::super::rtp::read(&datagram).unwrap();
        assert_eq!((packet.timestamp, packet.marker), (timestamp.wrapping_add(50 * per_tick), true));
    }
}

#[test]
fn digits_cross_a_bad_network_once_each() {
    for codec in ALL {
        let (_, callee) = speak(codec, 20, vec![], network(9, 0.1, 0.1, 1), 200, "0123456789*#");
        assert_eq!(callee.dtmf(), "0123456789*#", "{codec:?}");
    }
}

#[test]
fn digits_are_tones_where_the_peer_takes_no_events() {
    let negotiated = Negotiated { telephone_event: None, ..agreed(CodecName::Pcma, 2, 20) };
    let (mut caller, mut callee) = (End::new(&negotiated), End::new(&agreed(CodecName::Pcma, 1, 20)));
    caller.digits.send("5");
    for _ in 0..40 {
        caller.tick().iter().for_each(|datagram| callee.receive(address(1), datagram));
        callee.tick();
    }
    let start = callee.heard.iter().position(|sample| sample.abs() > 2000).unwrap();
    let tone = &callee.heard[start + 160..start + 2200];
    assert!(tone_dbfs(tone, 770.0, 16_000) > -20.0 && tone_dbfs(tone, 1336.0, 16_000) > -20.0);
}

#[test]
fn a_key_in_the_sound_is_told_recorded_and_no_speech() {
    let negotiated = Negotiated { telephone_event: None, ..agreed(CodecName::Pcmu, 2, 20) };
    let (mut caller, mut callee) = (End::new(&negotiated), End::new(&agreed(CodecName::Pcmu, 1, 20)));
    caller.digits.send("7");
    for tick in 0..60 {
        caller.tick().iter().for_each(|datagram| callee.receive(address(1), datagram));
        callee.tick();
        if tick == 35 {
            // The same press by INFO, and then another one.
            callee.line.pressed(Way::Info, '7', &mut callee.events);
        }
    }
    callee.line.pressed(Way::Info, '7', &mut callee.events);
    assert_eq!(callee.dtmf(), "77", "one press told twice, and one told once");
    let told = callee.events.iter().filter_map(|event| match event {
        MediaEvent::Heard { frame, .. } => Some(level_dbfs(frame)),
        _ => None,
    });
    let loud = |levels: &[f32]| levels.iter().filter(|level| **level > -40.0).count();
    let told: Vec<f32> = told.collect();
    let recorded: Vec<f32> = callee.heard.chunks(320).map(level_dbfs).collect();
    assert!(loud(&told) <= 3, "{} frames of the key reach the ear", loud(&told));
    assert!(loud(&recorded) >= 7, "the recording has {} frames of it", loud(&recorded));
}

#[test]
fn digits_beside_opus_count_in_the_clock_that_was_agreed() {
    for (clock, last) in [(48_000, 7680u16), (8000, 1280)] {
        let negotiated = Negotiated { telephone_event_clock: clock, ..agreed(CodecName::Opus, 2, 20) };
        let mut end = End::new(&negotiated);
        end.digits.send("1");
        let packets: Vec<Vec<u8>> = (0..40).flat_map(|_| end.tick()).collect();
        let events = packets.iter().map(|datagram| super::super::rtp::read(datagram).unwrap());
        let events: Vec<_> = events.filter(|packet| packet.payload_type == 101).collect();
        let durations: Vec<u16> = events.iter().map(|event| u16::from_be_bytes([event.payload[2], event.payload[3]])).collect();
        assert_eq!((durations.len(), durations[0], durations[9]), (10, last / 8, last), "{durations:?}");
        assert!(events.iter().all(|event| event.timestamp == events[0].timestamp), "the timestamp stands still");
        let ends = events.iter().filter(|event| event.payload[1] & 0x80 != 0).count();
        assert_eq!((ends, events.iter().filter(|event| event.marker).count()), (3, 1));
    }
}

#[test]
fn nothing_is_said_until_the_path_is_up_and_then_all_of_it() {
    let mut alone = End::new(&agreed(CodecName::Pcma, 2, 20)).says(vec![1000; 3200]);
    (0..60).for_each(|_| drop(alone.tick()));
    let started = |end: &End| {
        end.events
            .iter()
            .find_map(|event| if let MediaEvent::Playout(PlayoutEvent::Started { at, .. }) = event { Some(at.0) } else { None })
    };
    assert_eq!(started(&alone), Some(400), "a peer that sends nothing is spoken to all the same");
    let mut met = End::new(&agreed(CodecName::Pcma, 2, 20)).says(vec![1000; 3200]);
    (0..5).for_each(|_| drop(met.tick()));
    let packet = Outgoing::new(1, 1, 1).packet(96, false, 1, &[0xd5; 160]);
    met.receive(address(2), &packet);
    (0..20).for_each(|_| drop(met.tick()));
    assert_eq!(started(&met), Some(100), "one that is heard at once");
    let mut early = End::new(&agreed(CodecName::Pcma, 2, 20)).says(vec![1000; 3200]);
    early.line.set_early(true);
    early.receive(address(2), &packet);
    (0..50).for_each(|_| assert_eq!(early.tick().len(), 1, "silence goes out"));
    assert_eq!(started(&early), None);
    early.line.set_early(false);
    early.tick();
    assert_eq!(started(&early), Some(1000));
}

#[test]
fn media_that_stops_and_media_that_comes_again_are_told_once_each() {
    let mut end = End::new(&agreed(CodecName::Pcma, 2, 20));
    let told = |end: &End| -> Vec<MediaPresence> {
        end.events
            .iter()
            .filter_map(|event| if let MediaEvent::Media(presence) = event { Some(*presence) } else { None })
            .collect()
    };
    (0..700).for_each(|_| drop(end.tick()));
    assert_eq!(told(&end), [], "nothing has ever come");
    let absent = MediaPresence::Absent { for_ms: 1_000 };
    for silence in 1..3 {
        let packet = Outgoing::new(1, 1, 1).packet(96, false, silence, &[0xd5; 160]);
        end.receive(address(2), &packet);
        (0..600).for_each(|_| drop(end.tick()));
        assert_eq!(told(&end), [MediaPresence::Present, absent].repeat(silence as usize));
    }
}

#[test]
fn a_codec_may_change_in_the_middle_of_the_call() {
    let (mut caller, mut callee) = (End::new(&agreed(CodecName::Pcma, 2, 20)), End::new(&agreed(CodecName::Pcma, 1, 20)));
    caller = caller.says(sine(440.0, 8000.0, 16_000, 64_000));
    for now in 0..150 {
        if now == 50 {
            let changed = agreed(CodecName::Opus, 2, 20);
            caller.line.renegotiate(&changed, Some(Encoder::new(CodecName::Opus, changed.encoder).unwrap()));
            callee.line.renegotiate(&Negotiated { remote: address(1), ..changed }, None);
        }
        caller.tick().iter().for_each(|datagram| callee.receive(address(1), datagram));
        callee.tick();
    }
    let heard = &callee.heard[60 * 320..150 * 320];
    assert!(purity(heard, 440.0) > 0.95, "{}", purity(heard, 440.0));
}

#[test]
fn whatever_comes_in_a_frame_goes_out_each_tick() {
    let mut random = SmallRng::seed_from_u64(6);
    for codec in ALL {
        let mut end = End::new(&agreed(codec, 2, 20));
        let mut peer = Outgoing::new(1, 1, 1);
        for tick in 0..3000u64 {
            for _ in 0..random.random_range(0..4) {
                let mut payload = vec![0u8; random.random_range(0..400)];
                random.fill(&mut payload[..]);
                let number = [96, 101, 13, random.random_range(0..128)][random.random_range(0..4)];
                let mut datagram = peer.packet(number, false, random.random(), &payload);
                if random.random_bool(0.2) {
                    let place = random.random_range(0..datagram.len());
                    datagram[place] = random.random();
                }
                let source = if random.random_bool(0.9) { address(2) } else { address(random.random()) };
                end.receive(source, &datagram);
            }
            assert!(!end.tick().is_empty(), "{codec:?}, tick {tick}");
        }
        assert_eq!(end.heard.len(), 3000 * 320);
        let sound = |event: &&MediaEvent| matches!(event, MediaEvent::Heard { .. });
        assert_eq!(end.events.iter().filter(sound).count(), 3000);
    }
}
