//! A telephone line: band-pass, noise, A-law. What a recogniser has to live with.

use std::f32::consts::{PI, SQRT_2};

use super::{Sound, resample::resample, to_f32, to_i16};

/// The rate of G.711, Hz.
pub const LINE_RATE: u32 = 8_000;
/// Speech level on the line, dBFS of the active parts.
pub const SPEECH_DBFS: f32 = -23.0;

/// Noise that repeats for the same seed.
#[derive(Debug, Clone)]
pub struct Noise {
    state: u64,
    pink: [f32; 3],
}

impl Noise {
    /// Noise of this seed.
    pub fn new(seed: u64) -> Self {
        Noise { state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, pink: [0.0; 3] }
    }

    /// One sample of white noise, mean 0, deviation 1.
    pub fn white(&mut self) -> f32 {
        // The sum of twelve uniform numbers is close enough to a Gaussian for noise.
        (0..12).map(|_| self.uniform()).sum::<f32>() - 6.0
    }

    /// One sample of pink noise (−3 dB an octave), mean 0, deviation near 1. Filter: Paul Kellet's economy method.
    pub fn pink(&mut self) -> f32 {
        let white = self.white();
        self.pink[0] = 0.997_65 * self.pink[0] + white * 0.099_046;
        self.pink[1] = 0.963 * self.pink[1] + white * 0.296_516_4;
        self.pink[2] = 0.57 * self.pink[2] + white * 1.052_691_3;
        (self.pink.iter().sum::<f32>() + white * 0.1848) / 2.15
    }

    /// Uniform in 0..1.
    pub fn uniform(&mut self) -> f32 {
        // xorshift64* (Vigna 2016).
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 40) as f32 / (1u64 << 24) as f32
    }
}

/// The sound at the far end of a G.711 line at 8 kHz: speech at −23 dBFS with 400 ms of line before and after it, pink noise
/// `snr_db` below the speech (none where absent), 250–3400 Hz, A-law.
pub fn telephone(sound: &Sound, snr_db: Option<f32>, seed: u64) -> Sound {
    let mut speech = resample(&to_f32(&sound.samples), sound.rate, LINE_RATE);
    let gain = 10f32.powf(SPEECH_DBFS / 20.0) / active_level(&speech);
    speech.iter_mut().for_each(|sample| *sample *= gain);
    let edge = vec![0.0; LINE_RATE as usize * 2 / 5];
    let mut line = [edge.as_slice(), &speech, &edge].concat();
    if let Some(snr) = snr_db {
        let (mut noise, level) = (Noise::new(seed), 10f32.powf((SPEECH_DBFS - snr) / 20.0));
        line.iter_mut().for_each(|sample| *sample += noise.pink() * level);
    }
    for filter in &mut band_pass() {
        line.iter_mut().for_each(|sample| *sample = filter.step(*sample));
    }
    line.iter_mut().for_each(|sample| *sample = a_law(*sample));
    Sound { samples: to_i16(&line), rate: LINE_RATE }
}

/// Root mean square of the samples above a twentieth of the peak; 1 for silence.
fn active_level(samples: &[f32]) -> f32 {
    let peak = samples.iter().fold(0f32, |peak, sample| peak.max(sample.abs()));
    let active: Vec<f32> = samples.iter().copied().filter(|sample| sample.abs() > peak * 0.05).collect();
    if active.is_empty() { 1.0 } else { (active.iter().map(|s| s * s).sum::<f32>() / active.len() as f32).sqrt() }
}

/// A sample through A-law (ITU-T G.711) and back: the continuous law, 7 bits of magnitude.
fn a_law(sample: f32) -> f32 {
    const A: f32 = 87.6;
    let scale = 1.0 + A.ln();
    let magnitude = sample.abs().min(1.0);
    let compressed = if magnitude < 1.0 / A { A * magnitude / scale } else { (1.0 + (A * magnitude).ln()) / scale };
    let step = (compressed * 127.0).round() / 127.0;
    sample.signum() * if step < 1.0 / scale { step * scale / A } else { (step * scale - 1.0).exp() / A }
}

/// Two high-passes at 250 Hz and two low-passes at 3400 Hz, second order Butterworth each.
fn band_pass() -> [Biquad; 4] {
    [Biquad::high_pass(250.0), Biquad::high_pass(250.0), Biquad::low_pass(3_400.0), Biquad::low_pass(3_400.0)]
}

/// A second order section. Coefficients: R. Bristow-Johnson, "Audio EQ Cookbook".
struct Biquad {
    feed: [f32; 3],
    back: [f32; 2],
    memory: [f32; 2],
}

impl Biquad {
    fn low_pass(hz: f32) -> Self {
        let (cosine, alpha) = Self::angle(hz);
        Self::normalised([(1.0 - cosine) / 2.0, 1.0 - cosine, (1.0 - cosine) / 2.0], cosine, alpha)
    }

    fn high_pass(hz: f32) -> Self {
        let (cosine, alpha) = Self::angle(hz);
        Self::normalised([(1.0 + cosine) / 2.0, -(1.0 + cosine), (1.0 + cosine) / 2.0], cosine, alpha)
    }

    fn angle(hz: f32) -> (f32, f32) {
        let omega = 2.0 * PI * hz / LINE_RATE as f32;
        (omega.cos(), omega.sin() / SQRT_2)
    }

    fn normalised(feed: [f32; 3], cosine: f32, alpha: f32) -> Self {
        let unit = 1.0 + alpha;
        Biquad { feed: feed.map(|b| b / unit), back: [-2.0 * cosine / unit, (1.0 - alpha) / unit], memory: [0.0; 2] }
    }

    fn step(&mut self, input: f32) -> f32 {
        let output = self.feed[0] * input + self.memory[0];
        self.memory[0] = self.feed[1] * input - self.back[0] * output + self.memory[1];
        self.memory[1] = self.feed[2] * input - self.back[1] * output;
        output
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(samples: &[i16]) -> f32 {
        let energy: f32 = to_f32(samples).iter().map(|s| s * s).sum();
        10.0 * (energy / samples.len() as f32 + 1e-12).log10()
    }

    fn tone(hz: f32) -> Sound {
        let samples: Vec<f32> = (0..16_000).map(|i| (i as f32 * hz * 2.0 * PI / 16_000.0).sin() * 0.3).collect();
        Sound { samples: to_i16(&samples), rate: 16_000 }
    }

    #[test]
    fn the_band_of_a_telephone_passes_and_the_rest_does_not() {
        let middle = |hz: f32| level(&telephone(&tone(hz), None, 1).samples[4_800..9_600]);
        assert!((middle(1_013.0) - SPEECH_DBFS).abs() < 1.0, "1 kHz at {} dBFS", middle(1_013.0));
        assert!(middle(60.0) < SPEECH_DBFS - 15.0);
    }

    #[test]
    fn noise_is_as_loud_as_said_and_repeats_with_its_seed() {
        let noisy = telephone(&tone(1_000.0), Some(15.0), 3);
        let before = level(&noisy.samples[800..3_000]);
        assert!((-44.0..-36.0).contains(&before), "line noise at {before} dBFS");
        assert_eq!(noisy, telephone(&tone(1_000.0), Some(15.0), 3));
        assert_ne!(noisy, telephone(&tone(1_000.0), Some(15.0), 4));
    }
}
