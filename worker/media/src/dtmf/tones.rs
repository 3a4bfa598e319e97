//! Digits in the sound: the two tones of a key found (Goertzel), by the limits of ITU-T Q.24, and speech left alone.
//!
//! A window of 20 ms is looked at every 10 ms. A key sounds in a window where two sines, one of each group, hold nearly all the
//! energy, stand within 2.5 % of their frequencies and are about as loud as each other. Three such windows in a row are a press:
//! 40 ms always make them, 23 ms never. Three without it end it: a pause of 40 ms does, an interruption of 10 ms does not.

use std::f32::consts::PI;

use offhook_types::{
    audio::{FRAME_SAMPLES, Frame},
    tone::{goertzel, power},
};

use super::{COLUMNS_HZ, KEYS, ROWS_HZ};

/// Windows overlap by half.
const HOP: usize = FRAME_SAMPLES / 2;
const WINDOW: usize = FRAME_SAMPLES;
/// Share of a window's energy that the two sines must hold, and at least once in a press.
const SHARE: f32 = 0.7;
const CLEAR_SHARE: f32 = 0.88;
/// How far a sine may be from its frequency: Q.24 accepts 1.5 % and 2 Hz, and refuses 3.5 %.
const TOLERANCE: f32 = 0.025;
/// How much louder the high tone may be than the low one, dB: Q.24 asks for −8 to 4.
const TWIST_DB: std::ops::RangeInclusive<f32> = -9.5..=5.5;
/// Each tone at least, dBFS; 6 dB above that in dBm0. Q.24 asks for −27 dBm0 and better.
const LEAST_DBFS: f32 = -41.0;
/// Windows in a row that make a press, and that end it.
const HITS: u32 = 3;
const MISSES: u32 = 3;

/// Finds presses, frame by frame.
#[derive(Debug, Default)]
pub struct ToneDetector {
    /// The second half of the frame before.
    before: Vec<i16>,
    candidate: Option<Candidate>,
}

#[derive(Debug, Clone, Copy)]
struct Candidate {
    key: usize,
    hits: u32,
    misses: u32,
    clearest: f32,
    told: bool,
}

impl ToneDetector {
    /// Takes a frame; returns the key whose press became certain in it, some 40 ms after it began.
    pub fn hear(&mut self, frame: &Frame) -> Option<char> {
        let mut window = [0i16; WINDOW];
        self.before.resize(HOP, 0);
        window[..HOP].copy_from_slice(&self.before);
        window[HOP..].copy_from_slice(&frame[..HOP]);
        self.before.copy_from_slice(&frame[HOP..]);
        let first = self.look(&window);
        self.look(frame).or(first)
    }

    /// Whether a key is being pressed: its sound is no speech.
    pub fn sounding(&self) -> bool {
        self.candidate.is_some_and(|candidate| candidate.told)
    }

    /// Forgets what it heard, e.g. while our own tones may come back as an echo.
    pub fn reset(&mut self) {
        *self = ToneDetector::default();
    }

    fn look(&mut self, window: &[i16; WINDOW]) -> Option<char> {
        let found = key_in(window);
        match (&mut self.candidate, found) {
            (Some(candidate), Some((key, share))) if candidate.key == key => {
                candidate.hits += 1;
                candidate.misses = 0;
                candidate.clearest = candidate.clearest.max(share);
            }
            (Some(candidate), _) if candidate.told && candidate.misses + 1 < MISSES => candidate.misses += 1,
            (_, Some((key, share))) => {
                self.candidate = Some(Candidate { key, hits: 1, misses: 0, clearest: share, told: false });
            }
            (_, None) => self.candidate = None,
        }
        let candidate = self.candidate.as_mut().filter(|candidate| !candidate.told)?;
        candidate.told = candidate.hits >= HITS && candidate.clearest >= CLEAR_SHARE;
        candidate.told.then(|| char::from(KEYS[candidate.key]))
    }
}

/// The key that sounds in the window, and the share of the energy its tones hold.
fn key_in(window: &[i16; WINDOW]) -> Option<(usize, f32)> {
    let samples = window.map(f32::from);
    let energy: f32 = samples.iter().map(|sample| sample * sample).sum();
    // Two tones at the least level.
    if energy < 2.0 * WINDOW as f32 * power_at(LEAST_DBFS) {
        return None;
    }
    let (row, low) = strongest(&samples, ROWS_HZ)?;
    let (column, high) = strongest(&samples, COLUMNS_HZ)?;
    let share = (low + high) * WINDOW as f32 / energy;
    let twist = 10.0 * (high / low).log10();
    let loud = low.min(high) >= power_at(LEAST_DBFS);
    (loud && share >= SHARE && TWIST_DB.contains(&twist)).then_some((row * 4 + column, share.min(1.0)))
}

/// The place of the strongest of four tones, and its mean power; `None` where it is not at its frequency.
fn strongest(samples: &[f32; WINDOW], group: [f32; 4]) -> Option<(usize, f32)> {
    let powers = group.map(|hz| power(goertzel(samples, hz, 16_000.0)));
    let place = (0..4).max_by(|a, b| powers[*a].total_cmp(&powers[*b]))?;
    let nominal = group[place];
    // The phase that a sine gains over its nominal frequency from one half of the window to the next tells its own.
    let (first, second) = (goertzel(&samples[..HOP], nominal, 16_000.0), goertzel(&samples[HOP..], nominal, 16_000.0));
    let expected = 2.0 * PI * nominal * HOP as f32 / 16_000.0;
    let gained = second.1.atan2(second.0) - first.1.atan2(first.0) - expected;
    let gained = (gained + PI).rem_euclid(2.0 * PI) - PI;
    let hz = nominal + gained / (2.0 * PI) * 16_000.0 / HOP as f32;
    let near = (hz - nominal).abs() <= TOLERANCE * nominal + 1.0;
    near.then(|| (place, 2.0 * power(goertzel(samples, hz, 16_000.0)) / (WINDOW * WINDOW) as f32))
}

/// Mean power of a sample at so many dBFS.
fn power_at(dbfs: f32) -> f32 {
    32_768f32.powi(2) * 10f32.powf(dbfs / 10.0)
}

#[cfg(test)]
mod tests;
