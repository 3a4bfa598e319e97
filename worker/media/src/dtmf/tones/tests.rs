#![allow(clippy::unwrap_used)]
use offhook_test_sounds::{at_level, mix, music, pad, repeat, silence, speech, telephone, tones as sines, white_noise};

use super::*;
use crate::{
    CodecName,
    codec::{Decoder, Encoder, EncoderSettings},
};

/// Presses, each with the millisecond at which it was known.
fn heard(sound: &[i16]) -> Vec<(char, usize)> {
    let mut detector = ToneDetector::default();
    let frames = sound.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate();
    frames.filter_map(|(index, frame)| detector.hear(frame).map(|key| (key, (index + 1) * 20))).collect()
}

fn keys(sound: &[i16]) -> String {
    heard(sound).into_iter().map(|(key, _)| key).collect()
}

fn hz(key: char) -> (f32, f32) {
    let place = KEYS.iter().position(|known| char::from(*known) == key).unwrap();
    (ROWS_HZ[place / 4], COLUMNS_HZ[place % 4])
}

/// A press: both tones at their own level (dBFS) and with their frequencies off by a share.
fn press(key: char, ms: usize, low_dbfs: f32, high_dbfs: f32, off: f32) -> Vec<i16> {
    let (low, high) = hz(key);
    mix(&sines(&[low * (1.0 + off)], ms, low_dbfs), &sines(&[high * (1.0 + off)], ms, high_dbfs))
}

fn one(ms: usize, low: f32, high: f32, off: f32) -> String {
    // Neither begins where a frame does.
    keys(&pad(&press('5', ms, low, high, off), 107, 203))
}

#[test]
fn every_key_is_heard_once_through_every_codec_and_with_noise() {
    let all = "123A456B789C*0#D";
    let sound: Vec<i16> = all.chars().flat_map(|key| [press(key, 80, -16.0, -16.0, 0.0), silence(73)].concat()).collect();
    assert_eq!(keys(&sound), all);
    assert_eq!(keys(&telephone(&mix(&sound, &white_noise(sound.len(), -35.0, 3)))), all);
    for codec in CodecName::ALL {
        let mut encoder = Encoder::new(codec, EncoderSettings::default()).unwrap();
        let mut payloads = Vec::new();
        sound.as_chunks::<FRAME_SAMPLES>().0.iter().for_each(|frame| encoder.encode(frame, 20, &mut payloads).unwrap());
        let (mut decoder, mut out) = (Decoder::new(codec).unwrap(), Vec::new());
        payloads.iter().for_each(|payload| decoder.decode(payload, &mut out).unwrap());
        assert_eq!(keys(&out), all, "{codec:?}");
    }
}

#[test]
fn our_own_tones_are_heard() {
    let mut sender = crate::dtmf::DtmfSender::default();
    sender.send("0123456789*#");
    let sound: Vec<i16> = std::iter::from_fn(|| sender.tick()).flat_map(|step| step.sound()).collect();
    assert_eq!(keys(&sound), "0123456789*#");
}

#[test]
fn the_limits_of_q24_are_kept() {
    for level in [-6.2, -10.0, -20.0, -33.0] {
        assert_eq!(one(60, level, level, 0.0), "5", "{level} dBFS");
    }
    assert_eq!(one(60, -60.0, -60.0, 0.0), "", "crosstalk");
    for (low, high) in [(-14.0, -22.0), (-18.0, -14.0)] {
        assert_eq!(one(60, low, high, 0.0), "5", "twist of {} dB", high - low);
    }
    assert_eq!(one(100, -10.0, -24.0, 0.0), "", "too much twist");
    for off in [-0.017, -0.015, 0.0, 0.015, 0.017] {
        assert_eq!(one(60, -16.0, -16.0, off), "5", "{off}");
    }
    for off in [-0.04, -0.035, 0.035, 0.04] {
        assert_eq!(one(100, -16.0, -16.0, off), "", "{off}");
    }
}

#[test]
fn forty_milliseconds_are_a_press_and_twenty_three_are_none_wherever_they_fall() {
    for shift in 0..40 {
        let fall = |ms| keys(&pad(&press('8', ms, -16.0, -16.0, 0.0), 100 + shift, 200));
        assert_eq!(fall(40), "8", "{shift} ms into a frame");
        assert_eq!(fall(23), "", "{shift} ms into a frame");
    }
}

#[test]
fn a_pause_parts_two_presses_and_a_gap_does_not_part_one() {
    for shift in 0..20 {
        let twice = |gap| {
            let sound = [press('2', 60, -16.0, -16.0, 0.0), silence(gap), press('2', 60, -16.0, -16.0, 0.0)].concat();
            keys(&pad(&sound, 100 + shift, 200))
        };
        assert_eq!(twice(40), "22", "{shift} ms into a frame");
        assert_eq!(twice(10), "2", "{shift} ms into a frame");
    }
}

#[test]
fn it_is_known_within_sixty_milliseconds_and_over_when_it_is() {
    let mut detector = ToneDetector::default();
    let sound = pad(&press('9', 200, -16.0, -16.0, 0.0), 100, 200);
    let mut sounding = Vec::new();
    for (index, frame) in sound.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate() {
        detector.hear(frame);
        if detector.sounding() {
            sounding.push(index * 20);
        }
    }
    assert!(sounding[0] <= 140 && sounding.last().unwrap().abs_diff(300) <= 40, "{sounding:?}");
}

#[test]
fn the_tones_of_an_exchange_are_no_keys() {
    for hz in
        [&[425.0f32][..], &[440.0, 480.0], &[480.0, 620.0], &[350.0, 440.0], &[950.0], &[1400.0], &[697.0], &[1209.0], &[2100.0]]
    {
        assert_eq!(keys(&pad(&sines(hz, 3000, -12.0), 200, 200)), "", "{hz:?}");
    }
}

/// Talk-off: an hour and more of what is no key would hold a handful of false ones in the best detectors; here are minutes.
#[test]
fn speech_music_and_noise_press_no_key() {
    let texts = [
        (
            "en",
            "Good evening, you are speaking with Anna at the Golden Lion, how can I help you? Mmm. Ooh, no, I am afraid \
                we are fully booked at eight. I could offer you a quarter past nine, or half past six. Four people, you said?",
        ),
        (
            "de",
            "Guten Tag, Restaurant zum goldenen Löwen, Sie sprechen mit Frau Müller. Um sieben Uhr ist leider alles voll, \
                aber um acht Uhr dreißig könnte ich Ihnen einen Tisch für vier Personen anbieten. Auf welchen Namen bitte?",
        ),
        (
            "es",
            "Buenas noches, restaurante el puerto, dígame. A las nueve no nos queda nada, pero a las diez menos cuarto sí. \
                ¿Para cuántas personas sería la mesa? Muy bien, cuatro personas. ¿A qué nombre?",
        ),
        (
            "nl",
            "Goedenavond, met restaurant de gouden leeuw. Om zeven uur zitten we helaas vol, maar om half negen heb ik nog \
                een tafel voor vier personen. Op welke naam mag ik reserveren? Prima, tot dan, fijne avond nog.",
        ),
    ];
    let mut minutes = 0.0;
    for (language, text) in texts {
        for variant in ["f1", "f2", "f3", "f5", "m1", "m3", "m5", "m7"] {
            let voice = format!("{language}+{variant}");
            let clean = at_level(&speech(&voice, text), -18.0);
            minutes += 2.0 * clean.len() as f32 / 16_000.0 / 60.0;
            assert_eq!(heard(&clean), [], "{voice} wideband");
            assert_eq!(heard(&telephone(&clean)), [], "{voice} telephone");
        }
    }
    println!("{minutes:.0} minutes of speech");
    assert_eq!(heard(&music(60, 5)), []);
    assert_eq!(heard(&white_noise(60 * 16_000, -20.0, 9)), []);
    assert_eq!(heard(&repeat(&telephone(&white_noise(8 * 16_000, -20.0, 1)), 60 * 16_000)), []);
}

#[test]
fn a_key_pressed_into_speech_is_heard_where_it_is_louder() {
    let talk = at_level(&speech("en+f2", "Please hold the line, somebody will be with you in a moment."), -40.0);
    let mut sound = talk.clone();
    let key = press('4', 120, -14.0, -14.0, 0.0);
    sound.splice(16_000..16_000 + key.len(), mix(&key, &talk[16_000..]));
    assert_eq!(keys(&sound), "4");
}
