//! From one rate to another, whole clips at a time.

use rubato::{Fft, FixedSync, Resampler, audioadapter_buffers::direct::InterleavedSlice};

use super::{to_f32, to_i16};

/// The rates sound may come in, in Hz: from half a telephone line to studio.
pub const RATES: std::ops::RangeInclusive<u32> = 4_000..=192_000;

/// Input samples the resampler takes at once; whatever it is, whole clips come out the same.
const CHUNK: usize = 1024;

/// A clip of full scale ±1 at another rate. Rates outside [`RATES`] are clamped into it; the delay of the filter is removed, so
/// that the clip keeps its length in time.
pub fn resample(samples: &[f32], from: u32, to: u32) -> Vec<f32> {
    let (from, to) = (from.clamp(*RATES.start(), *RATES.end()), to.clamp(*RATES.start(), *RATES.end()));
    if from == to || samples.is_empty() {
        return samples.to_vec();
    }
    let mut resampler = Fft::<f32>::new(from as usize, to as usize, CHUNK, 1, FixedSync::Both)
        .expect("two rates above zero, one channel and a fixed chunk make a resampler");
    let clip = InterleavedSlice::new(samples, 1, samples.len()).expect("one channel of exactly this many frames");
    resampler.process_all(&clip, samples.len(), None).expect("the output is sized by the resampler itself").take_data()
}

/// [`resample`] on signed 16 bit.
pub fn resample_i16(samples: &[i16], from: u32, to: u32) -> Vec<i16> {
    if from == to { samples.to_vec() } else { to_i16(&resample(&to_f32(samples), from, to)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_keeps_its_pitch_level_and_length_at_every_rate() {
        let tone: Vec<f32> = (0..22_050).map(|i| (i as f32 * 440.0 * std::f32::consts::TAU / 22_050.0).sin() * 0.5).collect();
        for to in [8_000u32, 16_000, 24_000, 44_100, 48_000] {
            let out = resample(&tone, 22_050, to);
            assert!(out.len().abs_diff(to as usize) <= 2, "{} samples at {to} Hz", out.len());
            let middle = &out[out.len() / 4..out.len() * 3 / 4];
            let crossings = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
            assert!(crossings.abs_diff(220) <= 2, "{crossings} periods in half a second at {to} Hz");
            let level = (middle.iter().map(|s| s * s).sum::<f32>() / middle.len() as f32).sqrt();
            assert!((level - 0.3536).abs() < 0.01, "level {level} at {to} Hz");
        }
    }

    #[test]
    fn nothing_in_is_nothing_out() {
        assert!(resample(&[], 16_000, 8_000).is_empty());
        assert_eq!(resample_i16(&[1, 2, 3], 8_000, 8_000), [1, 2, 3]);
    }
}
