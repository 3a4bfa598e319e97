//! 8 kHz to 16 kHz and back, by one half-band filter.
//!
//! A linear-phase FIR of 95 taps (Kaiser window): flat to 3.6 kHz, below −70 dB from 4.4 kHz. Half of a half-band's taps are
//! zero, so a frame of 20 ms costs 160 × 48 multiplications and 2.9 ms of delay. A general resampler (rubato's FFT) works in
//! chunks of its own choosing and costs an order of magnitude more for this one ratio.

/// Taps on one side of the middle that are not zero.
const SIDE: usize = 24;
/// Samples of history the filter looks at.
const SPAN: usize = 2 * SIDE;

/// The side taps of the half-band filter, from the middle outwards; they sum to ½ on both sides together, the middle tap is ½.
fn side_taps() -> [f32; SIDE] {
    const BETA: f64 = 7.0;
    let reach = (2 * SIDE) as f64;
    let mut taps = [0.0f64; SIDE];
    for (index, tap) in taps.iter_mut().enumerate() {
        let distance = (2 * index + 1) as f64;
        let sinc = (std::f64::consts::PI * distance / 2.0).sin() / (std::f64::consts::PI * distance);
        *tap = sinc * bessel(BETA * (1.0 - (distance / reach).powi(2)).sqrt()) / bessel(BETA);
    }
    let sum: f64 = taps.iter().sum();
    taps.map(|tap| (tap * 0.25 / sum) as f32)
}

/// Modified Bessel function of the first kind, order 0.
fn bessel(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..40 {
        term *= (x / (2.0 * f64::from(k))).powi(2);
        sum += term;
    }
    sum
}

/// The odd phase of the filter over `SPAN` samples, oldest first: what lies between `window[SIDE - 1]` and `window[SIDE]`, halved.
fn between(taps: &[f32; SIDE], window: &[f32]) -> f32 {
    taps.iter().enumerate().map(|(index, tap)| tap * (window[SIDE - 1 - index] + window[SIDE + index])).sum()
}

fn round(sample: f32) -> i16 {
    sample.round().clamp(f32::from(i16::MIN), f32::from(i16::MAX)) as i16
}

/// 8 kHz to 16 kHz.
#[derive(Debug, Clone)]
pub struct Doubler {
    taps: [f32; SIDE],
    history: Vec<f32>,
}

impl Default for Doubler {
    fn default() -> Self {
        Doubler { taps: side_taps(), history: vec![0.0; SPAN - 1] }
    }
}

impl Doubler {
    /// Appends two samples of 16 kHz to `output` for every sample of 8 kHz in `input`.
    pub fn double(&mut self, input: &[i16], output: &mut Vec<i16>) {
        self.history.extend(input.iter().map(|sample| f32::from(*sample)));
        for window in self.history.windows(SPAN) {
            output.push(round(window[SIDE - 1]));
            output.push(round(2.0 * between(&self.taps, window)));
        }
        let used = self.history.len() - (SPAN - 1);
        self.history.drain(..used);
    }
}

/// 16 kHz to 8 kHz.
#[derive(Debug, Clone)]
pub struct Halver {
    taps: [f32; SIDE],
    /// Every second sample, from the first.
    even: Vec<f32>,
    /// Every second sample, from the second.
    odd: Vec<f32>,
}

impl Default for Halver {
    fn default() -> Self {
        Halver { taps: side_taps(), even: vec![0.0; SIDE - 1], odd: vec![0.0; SPAN - 1] }
    }
}

impl Halver {
    /// Appends one sample of 8 kHz to `output` for every two of `input`. `input` has an even number of samples.
    pub fn halve(&mut self, input: &[i16], output: &mut Vec<i16>) {
        debug_assert!(input.len().is_multiple_of(2), "frames have an even number of samples");
        for pair in input.chunks_exact(2) {
            self.even.push(f32::from(pair[0]));
            self.odd.push(f32::from(pair[1]));
        }
        for (index, window) in self.odd.windows(SPAN).enumerate() {
            output.push(round(0.5 * self.even[index] + between(&self.taps, window)));
        }
        let used = self.odd.len() - (SPAN - 1);
        self.even.drain(..used);
        self.odd.drain(..used);
    }
}

#[cfg(test)]
mod tests {
    use offhook_types::audio::level_dbfs;

    use super::*;
    use crate::testing::{sine, tone_dbfs};

    fn down(input: &[i16]) -> Vec<i16> {
        let mut halver = Halver::default();
        let mut output = Vec::new();
        input.chunks(320).for_each(|frame| halver.halve(frame, &mut output));
        output
    }

    fn up(input: &[i16]) -> Vec<i16> {
        let mut doubler = Doubler::default();
        let mut output = Vec::new();
        input.chunks(160).for_each(|frame| doubler.double(frame, &mut output));
        output
    }

    #[test]
    fn the_telephone_band_passes_unchanged_both_ways() {
        for frequency in [100.0, 440.0, 1000.0, 2000.0, 3000.0, 3400.0] {
            let there = sine(frequency, 8000.0, 16_000, 16_000);
            let back = up(&down(&there));
            assert_eq!(back.len(), there.len());
            let difference = tone_dbfs(&back[1600..], frequency, 16_000) - tone_dbfs(&there[1600..], frequency, 16_000);
            assert!(difference.abs() < 0.1, "{frequency} Hz: {difference} dB");
        }
    }

    #[test]
    fn nothing_folds_into_the_telephone_band() {
        for frequency in [4700.0, 5000.0, 6000.0, 7500.0] {
            let folded = down(&sine(frequency, 16_000.0, 16_000, 16_000));
            assert!(level_dbfs(&folded[800..]) < -68.0, "{frequency} Hz leaves {} dBFS", level_dbfs(&folded[800..]));
        }
    }

    #[test]
    fn doubling_adds_no_mirror() {
        let doubled = up(&sine(1000.0, 16_000.0, 8000, 8000));
        assert!(tone_dbfs(&doubled[1600..], 7000.0, 16_000) < -75.0);
    }

    #[test]
    fn full_scale_does_not_wrap() {
        let square: Vec<i16> = (0..3200).map(|index| if index / 20 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let back = up(&down(&square));
        let jumps = back.windows(2).filter(|pair| i32::from(pair[0]).abs_diff(i32::from(pair[1])) > 60_000).count();
        assert_eq!(jumps, 0);
    }
}
