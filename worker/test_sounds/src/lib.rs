//! Sounds for the tests of hearing: speech by espeak-ng, telephone lines, noise, tones. 16 kHz mono unless said.

#![allow(clippy::unwrap_used)]

mod lines;
mod rooms;

use std::process::Command;

use offhook_providers::resampling::{Resampling, VOICE_RATE};
use offhook_types::audio::level_dbfs;
use rand::{RngExt, SeedableRng, rngs::StdRng};

pub use self::{lines::*, rooms::*};

/// Speaks with espeak-ng (Debian package `espeak-ng`; run as a program, never linked). `voice` as in `de+f2`.
pub fn speech(voice: &str, text: &str) -> Vec<i16> {
    speech_at_pitch(voice, 50, text)
}

/// The same, higher or lower: 0 to 99, 50 is the voice's own pitch.
pub fn speech_at_pitch(voice: &str, pitch: u8, text: &str) -> Vec<i16> {
    let output = Command::new("espeak-ng")
        .args(["-v", voice, "-s", "165", "-p", &pitch.to_string(), "--stdout", "--", text])
        .output()
        .expect("these tests need espeak-ng: apt-get install espeak-ng");
    assert!(output.status.success(), "espeak-ng -v {voice}: {}", String::from_utf8_lossy(&output.stderr));
    let wav = output.stdout;
    let rate = u32::from_le_bytes(wav[24..28].try_into().unwrap());
    let samples: Vec<i16> = wav[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let mut resampling = Resampling::new(rate, VOICE_RATE).unwrap();
    let mut sound = resampling.push(&samples);
    sound.extend(resampling.finish());
    sound
}

/// What a G.711 line leaves of a sound: 300–3400 Hz at 8 kHz, A-law, back to 16 kHz.
pub fn telephone(sound: &[i16]) -> Vec<i16> {
    let wide: Vec<f32> = sound.iter().map(|sample| f32::from(*sample)).collect();
    let band = filtered(&wide, &band_pass(300.0, 3400.0));
    let mut up = vec![0f32; band.len()];
    for (narrow, kept) in up.iter_mut().zip(&band).step_by(2) {
        *narrow = 2.0 * f32::from(a_law_round_trip(kept.clamp(-32_767.0, 32_767.0) as i16));
    }
    filtered(&up, &band_pass(0.0, 3400.0)).iter().map(|sample| sample.clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// G.711 A-law's quantisation: 5 significant bits, steps of 16 at the lowest levels (ITU-T G.711, table 1a).
fn a_law_round_trip(sample: i16) -> i16 {
    let magnitude = i32::from(sample).abs();
    let step = if magnitude < 512 { 16 } else { 1 << (magnitude.ilog2() - 4) };
    let quantised = magnitude / step * step + step / 2;
    (quantised * i32::from(sample.signum()).max(-1)).clamp(-32_768, 32_767) as i16
}

fn band_pass(from_hz: f32, to_hz: f32) -> Vec<f32> {
    steep_band_pass(from_hz, to_hz, 80)
}

/// By a windowed sinc with so many taps on each side: the more, the steeper (16 kHz · 1.7 / `half` from end to end of a slope).
fn steep_band_pass(from_hz: f32, to_hz: f32, half: i32) -> Vec<f32> {
    let low_pass = |hz: f32, n: i32| {
        let w = 2.0 * std::f32::consts::PI * hz / 16_000.0;
        if n == 0 { w / std::f32::consts::PI } else { (w * n as f32).sin() / (std::f32::consts::PI * n as f32) }
    };
    let window = |n: i32| 0.54 + 0.46 * (std::f32::consts::PI * n as f32 / half as f32).cos();
    (-half..=half).map(|n| window(n) * (low_pass(to_hz, n) - low_pass(from_hz, n))).collect()
}

/// The same length, no delay.
fn filtered(sound: &[f32], kernel: &[f32]) -> Vec<f32> {
    let half = kernel.len() / 2;
    let padded = [vec![0.0; half], sound.to_vec(), vec![0.0; half]].concat();
    padded.windows(kernel.len()).map(|part| part.iter().zip(kernel).map(|(a, b)| a * b).sum()).collect()
}

/// Silence, milliseconds.
pub fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * 16]
}

/// Silence before and after, milliseconds.
pub fn pad(sound: &[i16], before_ms: usize, after_ms: usize) -> Vec<i16> {
    [silence(before_ms), sound.to_vec(), silence(after_ms)].concat()
}

/// White noise of so many samples; the same for the same seed.
pub fn white_noise(samples: usize, dbfs: f32, seed: u64) -> Vec<i16> {
    let mut random = StdRng::seed_from_u64(seed);
    // Uniform noise has a root mean square of 1/√3 of its peak.
    let peak = 32_768.0 * 10f32.powf(dbfs / 20.0) * 3f32.sqrt();
    (0..samples).map(|_| (random.random_range(-1.0..1.0f32) * peak).clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// Sines of equal strength, together so loud.
pub fn tones(hz: &[f32], ms: usize, dbfs: f32) -> Vec<i16> {
    let amplitude = 32_768.0 * 10f32.powf(dbfs / 20.0) * (2.0 / hz.len() as f32).sqrt();
    let sample =
        |i: usize| hz.iter().map(|hz| (2.0 * std::f64::consts::PI * f64::from(*hz) * i as f64 / 16_000.0).sin()).sum::<f64>();
    (0..ms * 16).map(|i| (sample(i) as f32 * amplitude).clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// The sound again and again until there are so many samples.
pub fn repeat(sound: &[i16], samples: usize) -> Vec<i16> {
    sound.iter().copied().cycle().take(samples).collect()
}

/// Sample by sample; as long as the first.
pub fn mix(sound: &[i16], other: &[i16]) -> Vec<i16> {
    let other = other.iter().copied().chain(std::iter::repeat(0));
    sound.iter().zip(other).map(|(a, b)| a.saturating_add(b)).collect()
}

/// The same sound, its frames that are not quiet so loud on average.
pub fn at_level(sound: &[i16], dbfs: f32) -> Vec<i16> {
    let loud: Vec<i16> = sound.chunks(320).filter(|frame| level_dbfs(frame) > -45.0).flatten().copied().collect();
    let gain = 10f32.powf((dbfs - level_dbfs(&loud)) / 20.0);
    sound.iter().map(|sample| (f32::from(*sample) * gain).clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// Hold music: chords of plucked strings with overtones, a melody above them, a drum.
pub fn music(seconds: usize, seed: u64) -> Vec<i16> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut sound = vec![0f32; seconds * 16_000];
    let chords = [[220.0, 277.2, 329.6], [246.9, 293.7, 370.0], [196.0, 246.9, 293.7], [220.0, 261.6, 329.6]];
    for (beat, start) in (0..sound.len()).step_by(8000).enumerate() {
        let chord = chords[beat / 4 % 4];
        let melody = chord[random.random_range(0..3)] * 2.0;
        for (hz, strength) in chord.iter().map(|hz| (*hz, 900.0)).chain([(melody, 2500.0)]) {
            for (i, place) in sound[start..].iter_mut().take(12_000).enumerate() {
                let t = i as f32 / 16_000.0;
                let overtones = (1..=5).map(|k| (2.0 * std::f32::consts::PI * hz * k as f32 * t).sin() / k as f32);
                *place += strength * (-3.0 * t).exp() * overtones.sum::<f32>();
            }
        }
        for (i, place) in sound[start..].iter_mut().take(1500).enumerate() {
            *place += random.random_range(-3000.0..3000.0f32) * (-(i as f32) / 300.0).exp();
        }
    }
    sound.iter().map(|sample| sample.clamp(-32_768.0, 32_767.0) as i16).collect()
}

/// Seconds this thread was on a core, from `/proc/thread-self/schedstat` (nanoseconds): a busy machine does not count.
pub fn busy_seconds() -> f64 {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    statistics.split(' ').next().unwrap().parse::<f64>().unwrap() / 1e9
}
