//! What else is heard in a restaurant, and on a line. The same sound for the same seed.

use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{amplified, at_level, high_pass, low_pass, mix, repeat, silence, speech, tones, white_noise};

/// What the people of [`babble`] and the speaker of [`radio`] say.
const TALK: [(&str, &str); 8] = [
    ("en+m1", "and then we went down to the river with the children, it was so hot that nobody wanted to go home before ten"),
    ("en+f1", "I told her three times that the train would be late, but she never listens when I say something about trains"),
    ("en+m4", "the new manager wants to change everything, the tables, the lamps, even the old piano in the corner"),
    ("en+f3", "have you tried the fish, it is really good tonight, they must have a new cook in the kitchen"),
    ("en+m7", "my brother has bought a house near the lake, with a garden and two very old apple trees"),
    ("en+f4", "could we have another bottle of the red one, and some more bread when you have a moment"),
    ("en+m2", "no I have not seen the film, but everybody says that the ending is a bit of a disappointment"),
    ("en+f2", "next summer we would like to go to Norway again, by ship this time and for a whole month"),
];

/// Guests at the other tables: so many voices (8 at most) without a pause, together so loud.
pub fn babble(voices: usize, samples: usize, dbfs: f32) -> Vec<i16> {
    let mut room = vec![0i16; samples];
    for (i, (voice, text)) in TALK.iter().take(voices).enumerate() {
        let talk = at_level(&speech(voice, text), -32.0);
        // Nobody begins where the others do.
        let turned = [&talk[talk.len() / 8 * i..], &talk[..talk.len() / 8 * i]].concat();
        room = mix(&room, &repeat(&turned, samples));
    }
    at_level(&room, dbfs)
}

/// A kitchen radio or a television: one talker, without a pause, through a small loudspeaker, with music after each text.
pub fn radio(samples: usize, dbfs: f32) -> Vec<i16> {
    let news = "The government said on Thursday that the new railway line will open next year, and that prices will not rise before. \
                In the north there will be rain in the morning, and in the south it stays dry.";
    at_level(&low_pass(&high_pass(&repeat(&speech("en+m3", news), samples), 200.0, 2), 3_000.0, 2), dbfs)
}

/// Somebody else in the room, who says so now and then: 2 to 4 s of speech, as much of a pause.
pub fn second_talker(voice: &str, samples: usize, dbfs: f32) -> Vec<i16> {
    let said =
        ["two more for table seven, and the bill for the gentleman over there", "where did you put the keys of the cellar"];
    let talk: Vec<i16> = said.iter().flat_map(|text| [speech(voice, text), silence(2_500)].concat()).collect();
    at_level(&repeat(&talk, samples), dbfs)
}

/// The hum of a mains frequency with its overtones.
pub fn hum(hz: f32, ms: usize, dbfs: f32) -> Vec<i16> {
    let overtones = [1.0, 2.0, 3.0, 5.0, 7.0].map(|k| hz * k);
    overtones.iter().enumerate().fold(tones(&overtones[..1], ms, dbfs - 1.0), |sound, (i, overtone)| {
        if i == 0 { sound } else { mix(&sound, &tones(&[*overtone], ms, dbfs - 8.0 - 3.0 * i as f32)) }
    })
}

/// Noise that falls by 3 dB an octave (P. Kellet's filter).
pub fn pink_noise(samples: usize, dbfs: f32, seed: u64) -> Vec<i16> {
    let mut state = [0f32; 3];
    let pink: Vec<i16> = white_noise(samples, -20.0, seed)
        .iter()
        .map(|white| {
            let white = f32::from(*white);
            state[0] = 0.997_65 * state[0] + white * 0.099_046;
            state[1] = 0.963 * state[1] + white * 0.296_516_4;
            state[2] = 0.57 * state[2] + white * 1.052_691_3;
            (state.iter().sum::<f32>() + white * 0.1848).clamp(-32_768.0, 32_767.0) as i16
        })
        .collect();
    amplified(&pink, dbfs - offhook_types::audio::level_dbfs(&pink))
}

/// Breath into a receiver: noise that swells and fades, in and out, about every four seconds.
pub fn breathing(samples: usize, dbfs: f32, seed: u64) -> Vec<i16> {
    let air = low_pass(&pink_noise(samples, -20.0, seed), 1_800.0, 2);
    let breath = |i: usize| {
        let t = i as f32 / 16_000.0 % 3.8;
        let swell = |from: f32, length: f32, strength: f32| {
            let place = (t - from) / length;
            if (0.0..1.0).contains(&place) { strength * (std::f32::consts::PI * place).sin().powi(2) } else { 0.0 }
        };
        swell(0.2, 1.1, 0.7) + swell(1.7, 1.5, 1.0)
    };
    let breaths: Vec<i16> = air.iter().enumerate().map(|(i, sample)| (f32::from(*sample) * breath(i)) as i16).collect();
    at_level(&breaths, dbfs)
}

/// Plates and cutlery: short rings of several inharmonic tones, and dull knocks, a few a second.
pub fn clatter(samples: usize, dbfs: f32, seed: u64) -> Vec<i16> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut sound = vec![0f32; samples];
    let mut at = 0;
    while at < samples {
        let dull = random.random_bool(0.3);
        let strength = random.random_range(0.2..1.0f32) * 12_000.0;
        let base = if dull { random.random_range(120.0..400.0f32) } else { random.random_range(700.0..2_600.0f32) };
        let decay = if dull { 60.0 } else { random.random_range(12.0..45.0f32) };
        for (i, place) in sound[at..].iter_mut().take(8_000).enumerate() {
            let t = i as f32 / 16_000.0;
            let ring: f32 = [1.0, 1.47, 2.09, 2.56].iter().map(|k| (2.0 * std::f32::consts::PI * base * k * t).sin()).sum();
            *place += strength * (-decay * t).exp() * (ring / 4.0 + random.random_range(-0.5..0.5f32) * (-200.0 * t).exp());
        }
        at += random.random_range(800..8_000);
    }
    let sound: Vec<i16> = sound.iter().map(|sample| sample.clamp(-32_768.0, 32_767.0) as i16).collect();
    at_level(&sound, dbfs)
}
