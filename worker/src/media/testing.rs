//! Signals and meters for the tests of this room.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::audio::level_dbfs;

/// A sine of `count` samples at `rate` Hz.
pub fn sine(frequency: f64, amplitude: f64, rate: u32, count: usize) -> Vec<i16> {
    let step = std::f64::consts::TAU * frequency / f64::from(rate);
    (0..count).map(|index| ((index as f64 * step).sin() * amplitude).round() as i16).collect()
}

/// The level of one frequency in the sound, as the RMS of that sine in dBFS (Goertzel).
pub fn tone_dbfs(samples: &[i16], frequency: f64, rate: u32) -> f32 {
    let step = std::f64::consts::TAU * frequency / f64::from(rate);
    let (mut real, mut imaginary) = (0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        let angle = index as f64 * step;
        real += f64::from(*sample) * angle.cos();
        imaginary += f64::from(*sample) * angle.sin();
    }
    let amplitude = 2.0 * (real * real + imaginary * imaginary).sqrt() / samples.len() as f64;
    (20.0 * (amplitude / std::f64::consts::SQRT_2 / 32_768.0).max(1e-6).log10()) as f32
}

/// The share of the sound's power that lies in this tone, 0 to 1.
pub fn purity(samples: &[i16], frequency: f64) -> f32 {
    10f32.powf((tone_dbfs(samples, frequency, 16_000) - level_dbfs(samples)) / 10.0)
}

/// An empty folder that goes when the test does.
pub struct Folder(PathBuf);

impl Folder {
    /// For the test of this name.
    pub fn new(name: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("offhook-media-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        Folder(folder)
    }

    /// A file in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
