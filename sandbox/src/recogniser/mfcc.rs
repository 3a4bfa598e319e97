//! Mel-frequency cepstral coefficients of telephone speech: what the ear of the recogniser sees.
//!
//! 25 ms windows every 10 ms at 8 kHz, 23 mel bands over 250–3500 Hz, 13 coefficients (the first is the log energy) normalised
//! to mean 0 and deviation 1 over the utterance, and their slopes; every second window is kept. Source: S. Davis, P. Mermelstein,
//! "Comparison of parametric representations for monosyllabic word recognition", IEEE ASSP 1980; slopes as in HTK.

use std::sync::Arc;

use realfft::{RealFftPlanner, RealToComplex, num_complex::Complex32};

/// The rate the features are taken at, Hz.
pub const RATE: u32 = 8_000;
/// Between two feature vectors, ms.
pub const STEP_MS: usize = 20;
/// Numbers in a feature vector: 13 coefficients, 13 slopes, and two zeros that make whole vector registers.
pub const DIMENSIONS: usize = 28;

/// What 20 ms of speech look like.
pub type Features = [f32; DIMENSIONS];

const WINDOW: usize = 200;
const HOP: usize = 80;
const FFT: usize = 256;
const BANDS: usize = 23;
const COEFFICIENTS: usize = 13;
const LOWEST_HZ: f32 = 250.0;
const HIGHEST_HZ: f32 = 3_500.0;
/// The bin of [`LOWEST_HZ`].
const LOWEST_BIN: usize = 8;
const PRE_EMPHASIS: f32 = 0.97;
/// Slopes are a fraction of the coefficients' size; so much more they count (measured on times of day, which differ in a word).
const SLOPE_WEIGHT: f32 = 2.5;
/// Above this, a warp runs back to the same upper edge.
const WARP_KNEE_HZ: f32 = 2_600.0;

/// Takes features; holds the tables for it.
pub struct Extractor {
    fft: Arc<dyn RealToComplex<f32>>,
    window: [f32; WINDOW],
    bands: Vec<Band>,
    cosines: [[f32; BANDS]; COEFFICIENTS],
}

/// A triangle over some bins of the spectrum.
struct Band {
    first: usize,
    weights: Vec<f32>,
}

impl Default for Extractor {
    fn default() -> Self {
        Self::warped(1.0)
    }
}

impl Extractor {
    /// An extractor that takes a speaker's formants for those of one whose vocal tract is `warp` times as long: above 1, bands
    /// are moved up. Source: L. Lee, R. Rose, "A frequency warping approach to speaker normalization", IEEE SAP 1998.
    pub fn warped(warp: f32) -> Self {
        let hamming = |i: usize| 0.54 - 0.46 * (std::f32::consts::TAU * i as f32 / (WINDOW - 1) as f32).cos();
        let cosine = |k: usize, b: usize| (std::f32::consts::PI * k as f32 * (b as f32 + 0.5) / BANDS as f32).cos();
        Extractor {
            fft: RealFftPlanner::new().plan_fft_forward(FFT),
            window: std::array::from_fn(hamming),
            bands: mel_bands(warp),
            cosines: std::array::from_fn(|k| std::array::from_fn(|b| cosine(k, b))),
        }
    }

    /// Feature vectors of an utterance, full scale ±1 at 8 kHz, one every 20 ms. Empty where it is shorter than one window.
    pub fn features(&self, samples: &[f32]) -> Vec<Features> {
        let mut cepstra = self.cepstra(samples);
        normalise(&mut cepstra);
        let at = |frame: usize, offset: isize| &cepstra[frame.saturating_add_signed(offset).min(cepstra.len() - 1)];
        (0..cepstra.len())
            .step_by(STEP_MS / 10)
            .map(|frame| {
                std::array::from_fn(|d| match d {
                    0..COEFFICIENTS => cepstra[frame][d],
                    // Regression over two windows to each side.
                    d if d < 2 * COEFFICIENTS => {
                        let k = d - COEFFICIENTS;
                        ((at(frame, 1)[k] - at(frame, -1)[k]) + 2.0 * (at(frame, 2)[k] - at(frame, -2)[k])) * SLOPE_WEIGHT / 10.0
                    }
                    _ => 0.0,
                })
            })
            .collect()
    }

    fn cepstra(&self, samples: &[f32]) -> Vec<[f32; COEFFICIENTS]> {
        if samples.len() < WINDOW {
            return Vec::new();
        }
        let mut emphasised = samples.to_vec();
        for i in (1..emphasised.len()).rev() {
            emphasised[i] -= PRE_EMPHASIS * emphasised[i - 1];
        }
        let mut frame = self.fft.make_input_vec();
        let mut spectrum = self.fft.make_output_vec();
        let mut scratch = self.fft.make_scratch_vec();
        emphasised
            .windows(WINDOW)
            .step_by(HOP)
            .map(|window| {
                frame.fill(0.0);
                for ((slot, sample), weight) in frame.iter_mut().zip(window).zip(&self.window) {
                    *slot = sample * weight;
                }
                self.fft
                    .process_with_scratch(&mut frame, &mut spectrum, &mut scratch)
                    .expect("the buffers are made by the plan itself");
                self.cepstrum(&spectrum)
            })
            .collect()
    }

    fn cepstrum(&self, spectrum: &[Complex32]) -> [f32; COEFFICIENTS] {
        let mut power = [0f32; FFT / 2 + 1];
        power.iter_mut().zip(spectrum).for_each(|(power, bin)| *power = bin.norm_sqr());
        let mut bands = [0f32; BANDS];
        for (energy, band) in bands.iter_mut().zip(&self.bands) {
            let sum: f32 = band.weights.iter().zip(&power[band.first..]).map(|(weight, power)| weight * power).sum();
            *energy = (sum + 1e-10).ln();
        }
        let mut cepstrum = self.cosines.map(|row| row.iter().zip(&bands).map(|(c, b)| c * b).sum::<f32>());
        cepstrum[0] = (power[LOWEST_BIN..].iter().sum::<f32>() + 1e-10).ln();
        cepstrum
    }
}

/// Every coefficient to mean 0 and deviation 1: what a line, a level and a microphone change is gone.
fn normalise(cepstra: &mut [[f32; COEFFICIENTS]]) {
    let count = cepstra.len().max(1) as f32;
    for k in 0..COEFFICIENTS {
        let mean = cepstra.iter().map(|frame| frame[k]).sum::<f32>() / count;
        let variance = cepstra.iter().map(|frame| (frame[k] - mean).powi(2)).sum::<f32>() / count;
        let scale = 1.0 / (variance.sqrt() + 1e-4);
        cepstra.iter_mut().for_each(|frame| frame[k] = (frame[k] - mean) * scale);
    }
}

/// Triangles evenly spaced on the mel scale (O'Shaughnessy's formula).
fn mel_bands(warp: f32) -> Vec<Band> {
    let mel = |hz: f32| 2595.0 * (1.0 + hz / 700.0).log10();
    let hz = |mel: f32| 700.0 * (10f32.powf(mel / 2595.0) - 1.0);
    let (low, high) = (mel(LOWEST_HZ), mel(HIGHEST_HZ));
    let warped = |hz: f32| {
        let slope = (HIGHEST_HZ - WARP_KNEE_HZ * warp) / (HIGHEST_HZ - WARP_KNEE_HZ);
        if hz < WARP_KNEE_HZ { hz * warp } else { WARP_KNEE_HZ * warp + (hz - WARP_KNEE_HZ) * slope }
    };
    let edge = |i: usize| warped(hz(low + (high - low) * i as f32 / (BANDS + 1) as f32)) * FFT as f32 / RATE as f32;
    (0..BANDS)
        .map(|band| {
            let (left, middle, right) = (edge(band), edge(band + 1), edge(band + 2));
            let first = left.ceil() as usize;
            let last = (right.floor() as usize).min(FFT / 2);
            let weight = |bin: usize| {
                let bin = bin as f32;
                if bin <= middle { (bin - left) / (middle - left) } else { (right - bin) / (right - middle) }
            };
            // The lowest bands are narrower than a bin: a floor keeps every one of them listening to something.
            Band { first, weights: (first..=last.max(first)).map(|bin| weight(bin).max(0.05)).collect() }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sweep(gain: f32) -> Vec<f32> {
        let phase = |t: f32| std::f32::consts::TAU * (300.0 * t + 1_200.0 * t * t);
        (0..8_000).map(|i| phase(i as f32 / 8_000.0).sin() * gain).collect()
    }

    #[test]
    fn a_second_is_fifty_vectors_and_a_click_is_none() {
        let extractor = Extractor::default();
        assert_eq!(extractor.features(&sweep(0.5)).len(), 49);
        assert!(extractor.features(&[0.5; WINDOW - 1]).is_empty());
        assert!(extractor.features(&[]).is_empty());
    }

    #[test]
    fn the_level_of_the_line_does_not_matter() {
        let extractor = Extractor::default();
        for (loud, quiet) in extractor.features(&sweep(0.5)).iter().zip(&extractor.features(&sweep(0.05))) {
            assert!(loud.iter().zip(quiet).all(|(a, b)| (a - b).abs() < 0.02));
        }
    }

    #[test]
    fn every_band_listens_to_something() {
        let heard =
            |warp| mel_bands(warp).iter().all(|band| !band.weights.is_empty() && band.first + band.weights.len() <= FFT / 2 + 1);
        assert!([0.88, 1.0, 1.12].into_iter().all(heard));
        assert!(Extractor::default().features(&[0.0; 4_000]).iter().flatten().all(|value| value.is_finite()));
    }
}
