//! From the rate a voice arrives in to the worker's 16 kHz, in pieces of any length without a seam.

use rubato::{Fft, FixedSync, Indexing, Resampler, audioadapter_buffers::direct::InterleavedSlice};

/// What leaves: the worker's rate, Hz.
pub const VOICE_RATE: u32 = offhook_types::audio::SAMPLE_RATE;

/// Rates a voice may arrive in, Hz.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=96_000;

/// A streaming resampler, mono. What it gives is as long as what it got, at the new rate, and not delayed: the filter's
/// delay is cut off at the start and made up for at the end.
pub struct Resampling {
    /// `None` where nothing is to be done.
    filter: Option<Filter>,
}

struct Filter {
    fft: Fft<f32>,
    /// Samples that do not fill a chunk of the filter yet.
    pending: Vec<f32>,
    output: Vec<f32>,
    /// Samples of the filter's delay still to be dropped.
    delay: usize,
    /// Samples taken and given so far.
    taken: u64,
    given: u64,
    from: u32,
    to: u32,
}

/// A rate that no voice has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a sample rate of {0} Hz cannot be played: let the voice answer with 8000 to 96000 Hz")]
pub struct OddRate(pub u32);

impl Resampling {
    /// Returns a resampler between two rates in Hz.
    ///
    /// # Errors
    /// Where a rate is below 8 or above 96 kHz.
    pub fn new(from: u32, to: u32) -> Result<Self, OddRate> {
        if let Some(odd) = [from, to].into_iter().find(|rate| !RATES.contains(rate)) {
            return Err(OddRate(odd));
        }
        let filter = (from != to).then(|| Filter::new(from, to)).transpose()?;
        Ok(Resampling { filter })
    }

    /// Takes the next samples; returns what is ready of the result, at most 20 ms less than what it has got.
    pub fn push(&mut self, samples: &[i16]) -> Vec<i16> {
        match &mut self.filter {
            Some(filter) => filter.push(samples),
            None => samples.to_vec(),
        }
    }

    /// Returns the rest: nothing follows.
    pub fn finish(self) -> Vec<i16> {
        self.filter.map(Filter::finish).unwrap_or_default()
    }
}

impl Filter {
    fn new(from: u32, to: u32) -> Result<Self, OddRate> {
        // 20 ms a chunk: one transform each, a transition band of some 500 Hz below half the lower rate.
        let chunk = from as usize / 50;
        let fft =
            Fft::new_custom(from as usize, to as usize, chunk, 1, 1, rubato::WindowFunction::BlackmanHarris2, FixedSync::Both)
                .map_err(|_| OddRate(from))?;
        let (delay, output) = (fft.output_delay(), vec![0.0; fft.output_frames_max()]);
        Ok(Filter { fft, pending: Vec::new(), output, delay, taken: 0, given: 0, from, to })
    }

    fn push(&mut self, samples: &[i16]) -> Vec<i16> {
        self.taken += samples.len() as u64;
        self.pending.extend(samples.iter().map(|sample| f32::from(*sample)));
        let mut result = Vec::new();
        let mut start = 0;
        while self.pending.len() - start >= self.fft.input_frames_next() {
            start += self.chunk(start, None, &mut result);
        }
        self.pending.drain(..start);
        self.given += result.len() as u64;
        result
    }

    fn finish(mut self) -> Vec<i16> {
        let due = (self.taken * u64::from(self.to)).div_ceil(u64::from(self.from)).saturating_sub(self.given) as usize;
        let mut result = Vec::with_capacity(due);
        while result.len() < due {
            let left = self.pending.len();
            self.chunk(0, Some(left), &mut result);
            self.pending.clear();
        }
        result.truncate(due);
        result
    }

    /// One chunk from `start` of what is pending (padded with silence where `partial`); gives how many samples it took.
    fn chunk(&mut self, start: usize, partial: Option<usize>, result: &mut Vec<i16>) -> usize {
        let input = &self.pending[start..];
        let indexing = Indexing { partial_len: partial, ..Indexing::default() };
        let frames = self.output.len();
        let sizes = "one channel, as many frames as samples";
        let input = InterleavedSlice::new(input, 1, input.len()).expect(sizes);
        let mut output = InterleavedSlice::new_mut(&mut self.output, 1, frames).expect(sizes);
        let (taken, given) = self
            .fft
            .process_into_buffer(&input, &mut output, Some(&indexing))
            .expect("input and output are as long as the resampler asked for");
        let dropped = self.delay.min(given);
        self.delay -= dropped;
        result.extend(self.output[dropped..given].iter().map(|sample| sample.round().clamp(-32_768.0, 32_767.0) as i16));
        taken
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    fn sine(hz: f64, rate: u32, samples: usize) -> Vec<i16> {
        (0..samples).map(|i| ((2.0 * std::f64::consts::PI * hz * i as f64 / f64::from(rate)).sin() * 10_000.0) as i16).collect()
    }

    fn all_at_once(from: u32, samples: &[i16]) -> Vec<i16> {
        let mut resampling = Resampling::new(from, VOICE_RATE).unwrap();
        let mut result = resampling.push(samples);
        result.extend(resampling.finish());
        result
    }

    #[test]
    fn a_tone_stays_where_and_as_loud_as_it_was() {
        for rate in [8_000, 16_000, 22_050, 24_000, 44_100, 48_000] {
            let result = all_at_once(rate, &sine(1000.0, rate, rate as usize));
            assert_eq!(result.len(), 16_000, "from {rate} Hz");
            // The edges ring; everything else is the same tone, less than a sample late, 45 dB above what is wrong with it.
            let turn = |i: usize| 2.0 * std::f64::consts::PI * 1000.0 * i as f64 / 16_000.0;
            let middle: Vec<(f64, f64)> = (800..15_200).map(|i| (turn(i), f64::from(result[i]))).collect();
            let part = |wave: fn(f64) -> f64| middle.iter().map(|(t, x)| wave(*t) * x).sum::<f64>() * 2.0 / middle.len() as f64;
            let (sin, cos) = (part(f64::sin), part(f64::cos));
            let wrong =
                middle.iter().map(|(t, x)| (x - sin * t.sin() - cos * t.cos()).powi(2)).sum::<f64>() / middle.len() as f64;
            assert!((sin.hypot(cos) - 10_000.0).abs() < 100.0, "from {rate} Hz: as loud as {:.0}", sin.hypot(cos));
            assert!(cos.atan2(sin).abs() < turn(1), "from {rate} Hz: late by {:.2} samples", cos.atan2(sin) / turn(1));
            assert!(wrong.sqrt() < 7_071.0 / 178.0, "from {rate} Hz: {:.1} beside the tone", wrong.sqrt());
        }
    }

    #[test]
    fn what_16_khz_cannot_hold_is_gone() {
        let result = all_at_once(24_000, &sine(9_500.0, 24_000, 24_000));
        let loudest = result[800..15_200].iter().map(|sample| sample.abs()).max().unwrap();
        assert!(loudest < 100, "an alias of {loudest}");
    }

    #[test]
    fn pieces_of_any_length_give_the_same_as_the_whole() {
        let whole = sine(440.0, 24_000, 30_011);
        let expected = all_at_once(24_000, &whole);
        let mut random = StdRng::seed_from_u64(11);
        for _ in 0..20 {
            let mut resampling = Resampling::new(24_000, VOICE_RATE).unwrap();
            let (mut rest, mut result) = (whole.as_slice(), Vec::new());
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(random.random_range(1..=rest.len().min(1500)));
                result.extend(resampling.push(piece));
                rest = left;
            }
            result.extend(resampling.finish());
            assert_eq!(result, expected);
        }
    }

    #[test]
    fn rates_no_voice_has_are_refused() {
        assert_eq!(Resampling::new(0, VOICE_RATE).err(), Some(OddRate(0)));
        assert_eq!(Resampling::new(4_000_000, VOICE_RATE).err(), Some(OddRate(4_000_000)));
        assert!(all_at_once(24_000, &[]).is_empty());
    }
}
