#![allow(clippy::unwrap_used)]
//! What the ear makes of real (synthesised) speech over a telephone line, and of everything that is no speech.

use offhook_test_sounds::{at_level, busy_seconds, mix, music, pad, repeat, silence, speech, telephone, tones, white_noise};
use offhook_types::audio::level_dbfs;

use super::*;

/// Feeds sound in frames from time 0; gives the events with the time at which each became known.
pub(super) fn listen(ear: &mut Ear, sound: &[i16]) -> Vec<(u64, EarEvent)> {
    let mut heard = Vec::new();
    for (i, frame) in sound.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
        let at = i as u64 * FRAME_MS;
        heard.extend(ear.hear(MediaTime(at), frame).into_iter().map(|event| (at + FRAME_MS, event)));
    }
    heard
}

pub(super) fn starts(heard: &[(u64, EarEvent)]) -> Vec<(u64, u64)> {
    let started = |(known, event): &(u64, EarEvent)| match event {
        EarEvent::SpeechStarted { at } => Some((*known, at.0)),
        _ => None,
    };
    heard.iter().filter_map(started).collect()
}

pub(super) fn ends(heard: &[(u64, EarEvent)]) -> Vec<(u64, UtteranceId, u64, u64)> {
    let ended = |(known, event): &(u64, EarEvent)| match event {
        EarEvent::SpeechEnded { utterance, started, ended } => Some((*known, *utterance, started.0, ended.0)),
        _ => None,
    };
    heard.iter().filter_map(ended).collect()
}

/// The first and the last moment (ms) at which 10 ms of clean speech are louder than 25 dB below its loudest 10 ms.
pub(super) fn extent(clean: &[i16]) -> (u64, u64) {
    let levels: Vec<f32> = clean.chunks_exact(160).map(level_dbfs).collect();
    let floor = levels.iter().copied().fold(f32::MIN, f32::max) - 25.0;
    let first = levels.iter().position(|level| *level > floor).unwrap();
    let last = levels.iter().rposition(|level| *level > floor).unwrap();
    (first as u64 * 10, last as u64 * 10 + 10)
}

const SENTENCES: [(&str, &str); 16] = [
    ("en", "Good evening, how can I help you?"),
    ("en", "No, sorry, we are fully booked on Friday."),
    ("en", "Yes."),
    ("en", "For how many people?"),
    ("de", "Guten Tag, Restaurant zum goldenen Löwen."),
    ("de", "Ja, gern. Auf welchen Namen?"),
    ("de", "Nein."),
    ("de", "Um halb acht ist leider nichts mehr frei."),
    ("es", "Dígame."),
    ("es", "Sí, claro, para cuántas personas."),
    ("es", "No."),
    ("es", "A las nueve le va bien?"),
    ("nl", "Goedemiddag, met restaurant de gouden leeuw."),
    ("nl", "Ja, dat kan."),
    ("nl", "Nee, helaas."),
    ("nl", "Voor hoeveel personen?"),
];

#[test]
fn no_word_is_missed_and_the_agent_can_be_silenced_in_time() {
    let (mut latencies, mut tails) = (Vec::new(), Vec::new());
    let voices = ["m1", "f2", "m3"];
    for (i, (language, text)) in SENTENCES.iter().enumerate() {
        for (j, noise_dbfs) in [-65.0, -45.0, -38.0].into_iter().enumerate() {
            // The onset falls at another place of the 32 ms window each time.
            let lead = 700 + 7 * i + 11 * j;
            let clean = pad(&speech(&format!("{language}+{}", voices[j]), text), lead, 1200);
            let clean = at_level(&clean, -26.0);
            let line = telephone(&mix(&clean, &white_noise(clean.len(), noise_dbfs, (i * 3 + j) as u64)));
            let (onset, offset) = extent(&telephone(&clean));
            let mut ear = Ear::new(EarConfig::default());
            let heard = listen(&mut ear, &line);
            let (known, at) = *starts(&heard).first().unwrap_or_else(|| panic!("{text:?} missed at {noise_dbfs} dBFS"));
            let latency = known as i64 - onset as i64;
            latencies.push(latency);
            assert!(at.abs_diff(onset) <= 130, "{text:?}: began at {onset}, heard from {at}");
            let (ended_known, last, _, ended) = *ends(&heard).last().unwrap_or_else(|| panic!("{text:?} never ended"));
            tails.push(ended as i64 - offset as i64);
            assert!(ended_known - ended <= 660, "{text:?}: turn over only {} ms after the end", ended_known - ended);
            let sound = ear.take_utterance(last).unwrap();
            assert!(sound.len() as u64 / 16 >= ended.saturating_sub(at).min(300), "{text:?}: {} ms kept", sound.len() / 16);
        }
    }
    let median_95_worst = |values: &mut Vec<i64>| {
        values.sort_unstable();
        (values[values.len() / 2], values[values.len() * 95 / 100], values[values.len() - 1])
    };
    let (median, most, worst) = median_95_worst(&mut latencies);
    println!("onset to confirmation, ms: median {median}, 95 % {most}, worst {worst} of {}", latencies.len());
    assert!(most <= 160, "95 % of the onsets must be confirmed within 160 ms: {latencies:?}");
    assert!(worst <= 240, "barge-in must have silenced the agent after 300 ms, fade included: {latencies:?}");
    let (median, most, worst) = median_95_worst(&mut tails);
    println!("end of sound to end of speech, ms: median {median}, 95 % {most}, worst {worst}; first {}", tails[0]);
    assert!(tails[0] >= -150, "the end of a word is cut off: {tails:?}");
    assert!(most <= 260, "speech is heard where none is any more: {tails:?}");
}

#[test]
fn an_utterance_comes_with_its_padding_and_only_once() {
    let clean = pad(&speech("en", "A table for four."), 1000, 1500);
    let mut ear = Ear::new(EarConfig::default());
    let heard = listen(&mut ear, &clean);
    let (_, id, started, ended) = ends(&heard)[0];
    let sound = ear.take_utterance(id).unwrap();
    assert_eq!(id, 1);
    let (from, to) = ((started - 250) as usize * 16, (ended + 200) as usize * 16);
    assert_eq!(sound, clean[from..to]);
    assert_eq!(ear.take_utterance(id), None);
    assert_eq!(ear.take_utterance(99), None);
}

#[test]
fn nothing_but_speech_is_speech() {
    let second = 16_000;
    let cadence = |freqs: &[f32], on: usize, off: usize| repeat(&[tones(freqs, on, -15.0), silence(off)].concat(), 20 * second);
    let dtmf: Vec<i16> = [(697.0, 1209.0), (770.0, 1336.0), (852.0, 1477.0), (941.0, 1336.0)]
        .iter()
        .flat_map(|(low, high)| [tones(&[*low, *high], 100, -12.0), silence(100)].concat())
        .collect();
    let noises: [(&str, Vec<i16>); 11] = [
        ("European ringback", cadence(&[425.0], 1000, 4000)),
        ("American ringback", cadence(&[440.0, 480.0], 2000, 4000)),
        ("British ringback", cadence(&[400.0, 450.0], 400, 200)),
        ("busy", cadence(&[425.0], 480, 480)),
        ("American busy", cadence(&[480.0, 620.0], 500, 500)),
        ("dial tone", tones(&[425.0], 20_000, -15.0)),
        ("beeps", cadence(&[1000.0], 500, 1500)),
        ("DTMF", repeat(&dtmf, 20 * second)),
        ("music", music(20, 3)),
        ("white noise", white_noise(20 * second, -30.0, 5)),
        ("silence", silence(20_000)),
    ];
    for (name, sound) in noises {
        for (line, sound) in [("wideband", sound.clone()), ("telephone", telephone(&sound))] {
            let heard = listen(&mut Ear::new(EarConfig::default()), &sound);
            assert_eq!(starts(&heard), [], "{name} ({line}) is not speech");
        }
    }
}

#[test]
fn a_greeting_with_its_tone_gives_the_speech_and_then_the_beep() {
    let greeting = speech("de+f2", "Bitte hinterlassen Sie eine Nachricht nach dem Signalton.");
    let machine = [silence(400), at_level(&greeting, -24.0), silence(500), tones(&[1000.0], 400, -18.0), silence(2000)].concat();
    let tone_end = (machine.len() / 16 - 2000) as u64;
    let heard = listen(&mut Ear::new(EarConfig::default()), &telephone(&mix(&machine, &white_noise(machine.len(), -55.0, 2))));
    let beeps: Vec<u64> =
        heard.iter().filter_map(|(_, event)| if let EarEvent::Beep { at } = event { Some(at.0) } else { None }).collect();
    assert_eq!(beeps.len(), 1, "{heard:?}");
    assert!(beeps[0].abs_diff(tone_end) <= 40, "the tone ended at {tone_end}, heard {}", beeps[0]);
    assert!(!ends(&heard).is_empty());
}

#[test]
fn lost_frames_are_silence_and_old_ones_are_ignored() {
    let clean = pad(&speech("en", "Good evening."), 500, 0);
    let mut ear = Ear::new(EarConfig::default());
    let heard = listen(&mut ear, &clean);
    assert_eq!(starts(&heard).len(), 1);
    let now = (clean.len() / FRAME_SAMPLES) as u64 * FRAME_MS;
    // The consumer was away for a second: the turn has ended meanwhile, and the clock is the media's again.
    let events = ear.hear(MediaTime(now + 1000), &SILENCE);
    assert!(matches!(events[..], [EarEvent::SpeechEnded { utterance: 1, ended, .. }] if ended.0 <= now), "{events:?}");
    assert!(ear.take_utterance(1).is_some());
    assert_eq!(ear.hear(MediaTime(now), &SILENCE), []);
    // After a minute's gap, speech is dated by the clock.
    let later = now + 60_000;
    let mut started = None;
    for (i, frame) in clean.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
        for event in ear.hear(MediaTime(later + i as u64 * FRAME_MS), frame) {
            if let EarEvent::SpeechStarted { at } = event {
                started.get_or_insert(at.0);
            }
        }
    }
    let onset = later + extent(&clean).0;
    assert!(started.unwrap().abs_diff(onset) <= 130);
}

#[test]
fn the_memory_is_bounded_however_long_somebody_speaks() {
    let text = "and then we also have a very nice terrace with a view of the river and the old town ".repeat(8);
    let long = speech("en", &text);
    assert!(long.len() > 30 * 16_000);
    let mut ear = Ear::new(EarConfig::default());
    let heard = listen(&mut ear, &[long, silence(1000)].concat());
    let ends = ends(&heard);
    assert!(ends.len() >= 2, "a speech of half a minute is more than one utterance");
    for (_, id, started, ended) in &ends {
        assert!(ended - started <= 15_100);
        let sound = ear.take_utterance(*id).unwrap();
        assert!(sound.len() as u64 / 16 >= ended - started && sound.len() <= 16 * 15_600);
    }
    assert!(ear.memory.samples.len() <= ear.memory.capacity);
}

#[test]
fn listening_to_a_talker_costs_a_small_share_of_a_core() {
    let talk = telephone(&at_level(&speech("en", &"we have a table at eight or at nine ".repeat(12)), -22.0));
    let mut ear = Ear::new(EarConfig::default());
    let start = busy_seconds();
    listen(&mut ear, &talk);
    let share = (busy_seconds() - start) / (talk.len() as f64 / 16_000.0);
    println!("the whole ear: {:.2} % of a core", share * 100.0);
    assert!(share < 0.04, "{:.1} % of a core", share * 100.0);
}

#[test]
fn what_is_being_said_when_the_line_goes_down_is_an_utterance() {
    let clean = telephone(&speech("en", "Do not call here again!"));
    let mut ear = Ear::new(EarConfig::default());
    // The last word ends 200 ms before the BYE: too short a pause for the end of a turn.
    let heard = listen(&mut ear, &pad(&clean, 300, 200));
    assert_eq!((starts(&heard).len(), ends(&heard).len()), (1, 0));
    let flushed = ear.flush();
    let [EarEvent::SpeechEnded { utterance, started, ended }, EarEvent::Flushed] = flushed[..] else { panic!("{flushed:?}") };
    assert!(ended.since(started) > 700, "{started:?} {ended:?}");
    let sound = ear.take_utterance(utterance).unwrap();
    assert!(sound.len() as u64 / 16 >= ended.since(started), "{} ms", sound.len() / 16);
    assert_eq!(ear.flush(), [EarEvent::Flushed], "nothing is left");
}

#[test]
fn a_radio_below_the_host_makes_no_turns_and_hides_none() {
    let news = "The government said on Thursday that the new railway line will open next year, and that the prices will not rise before.";
    for below in [20.0, 24.0, 28.0] {
        let host = |text: &str| at_level(&pad(&speech("en+m3", text), 400, 4_000), -24.0);
        let mut clean = host("Good evening, Golden Lion, how can I help you?");
        clean.extend(host("Yes, we have a table for four at half past seven."));
        let radio = at_level(&repeat(&speech("en+f2", news), clean.len()), -24.0 - below);
        let line = telephone(&mix(&clean, &radio));
        let mut ear = Ear::new(EarConfig::default());
        let heard = listen(&mut ear, &line);
        let ended = ends(&heard);
        // The radio may be taken for somebody until the host has spoken.
        let second = extent(&telephone(&clean[clean.len() / 3..])).0;
        assert!(ended.len() <= 3, "{below} dB below: {ended:?}");
        let last = ended.last().unwrap();
        let end_of_speech = extent(&telephone(&clean)).1;
        assert!(
            last.3.abs_diff(end_of_speech) < 300,
            "{below} dB below: {ended:?}, the host ended at {end_of_speech} ({second})"
        );
        assert!(last.0 < end_of_speech + 1_200, "{below} dB below: the turn's end is known at {}", last.0);
    }
}
