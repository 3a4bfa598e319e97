//! How much of one frequency is in a sound.

use std::f32::consts::PI;

/// The sum of x·e^(−iωn) over samples at `rate` Hz, as real and imaginary part (Goertzel 1958: one multiplication a sample). The phase
/// counts from the first sample.
pub fn goertzel(samples: &[f32], hz: f32, rate: f32) -> (f32, f32) {
    let w = 2.0 * PI * hz / rate;
    let turn = 2.0 * w.cos();
    let (mut last, mut before) = (0f32, 0f32);
    for sample in samples {
        (last, before) = (sample + turn * last - before, last);
    }
    // e^(−iω(N−1)) · (last − e^(−iω) · before)
    let (real, imaginary) = (last - w.cos() * before, w.sin() * before);
    let back = w * (samples.len() as f32 - 1.0);
    (real * back.cos() + imaginary * back.sin(), imaginary * back.cos() - real * back.sin())
}

/// The square of the amplitude that [`goertzel`] found.
pub fn power((real, imaginary): (f32, f32)) -> f32 {
    real * real + imaginary * imaginary
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_found_at_its_frequency_and_nowhere_else() {
        let sine: Vec<f32> = (0..1600u16).map(|n| (2.0 * PI * 440.0 * f32::from(n) / 16_000.0).sin()).collect();
        assert!((power(goertzel(&sine, 440.0, 16_000.0)).sqrt() - 800.0).abs() < 8.0);
        assert!(power(goertzel(&sine, 600.0, 16_000.0)).sqrt() < 20.0);
    }
}
