//! What to play when a G.711 packet is missing: the last period of the voice again, fading within 60 ms, then silence.
//!
//! After ITU-T G.711 Appendix I, in short: find the pitch in the last 40 ms, repeat one period, and blend back into the first
//! 5 ms that arrive. All at 16 kHz.

/// Samples of the past that are kept: 40 ms.
const PAST: usize = 640;
/// Shortest and longest period looked for: 400 Hz to 50 Hz.
const PERIODS: std::ops::RangeInclusive<usize> = 40..=320;
/// Samples over which a period is compared with the one before: 20 ms.
const COMPARED: usize = 320;
/// Samples at full level, then down to nothing: 10 ms and 60 ms.
const FULL: usize = 160;
const GONE: usize = 960;
/// Samples of blending when sound returns: 5 ms.
const BLEND: usize = 80;

/// The memory of one stream.
#[derive(Debug, Clone)]
pub struct Concealment {
    past: Vec<i16>,
    /// Present while packets are missing.
    gap: Option<Gap>,
}

#[derive(Debug, Clone, Copy)]
struct Gap {
    period: usize,
    /// Samples made up so far.
    length: usize,
}

impl Default for Concealment {
    fn default() -> Self {
        Concealment { past: vec![0; PAST], gap: None }
    }
}

impl Concealment {
    /// Tells what was heard. After a gap the beginning is blended with what was made up.
    pub fn heard(&mut self, samples: &mut [i16]) {
        if let Some(mut gap) = self.gap.take() {
            let blended = samples.len().min(BLEND);
            for (index, sample) in samples.iter_mut().take(blended).enumerate() {
                let invented = f32::from(self.next(&mut gap));
                let share = (index + 1) as f32 / (blended + 1) as f32;
                *sample = (f32::from(*sample) * share + invented * (1.0 - share)) as i16;
            }
        }
        let keep = PAST.saturating_sub(samples.len());
        self.past.drain(..PAST - keep);
        self.past.extend_from_slice(&samples[samples.len().saturating_sub(PAST)..]);
    }

    /// Appends `count` made-up samples.
    pub fn conceal(&mut self, count: usize, sound: &mut Vec<i16>) {
        let mut gap = self.gap.unwrap_or_else(|| Gap { period: self.period(), length: 0 });
        for _ in 0..count {
            let sample = self.next(&mut gap);
            sound.push(sample);
        }
        self.gap = Some(gap);
    }

    fn next(&self, gap: &mut Gap) -> i16 {
        let gain = match gap.length {
            length if length < FULL => 1.0,
            length if length < GONE => 1.0 - (length - FULL) as f32 / (GONE - FULL) as f32,
            _ => return 0,
        };
        let sample = self.past[PAST - gap.period + gap.length % gap.period];
        gap.length += 1;
        (f32::from(sample) * gain) as i16
    }

    /// The shift at which the last 20 ms look most like themselves.
    fn period(&self) -> usize {
        let recent = &self.past[PAST - COMPARED..];
        let likeness = |period: usize| {
            let before = &self.past[PAST - COMPARED - period..PAST - period];
            let product: f32 = recent.iter().zip(before).map(|(a, b)| f32::from(*a) * f32::from(*b)).sum();
            let power: f32 = before.iter().map(|sample| f32::from(*sample).powi(2)).sum();
            product / power.max(1.0).sqrt()
        };
        let best = PERIODS.map(|period| (likeness(period), period)).max_by(|a, b| a.0.total_cmp(&b.0));
        best.map_or(COMPARED, |(_, period)| period)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::sine;

    #[test]
    fn a_voice_goes_on_in_its_pitch_and_fades() {
        let mut concealment = Concealment::default();
        let mut voice = sine(160.0, 8000.0, 16_000, 1600);
        concealment.heard(&mut voice);
        assert_eq!(concealment.period() % 100, 0);
        let mut made_up = Vec::new();
        (0..4).for_each(|_| concealment.conceal(320, &mut made_up));
        let expected = sine(160.0, 8000.0, 16_000, 1600 + FULL);
        for (made, wanted) in made_up.iter().zip(&expected[1600..]) {
            assert!(made.abs_diff(*wanted) < 600, "{made} instead of {wanted}");
        }
        assert!(made_up[GONE..].iter().all(|sample| *sample == 0));
    }

    #[test]
    fn short_and_long_packets_keep_the_memory_in_order() {
        let mut concealment = Concealment::default();
        for length in [1, 160, 640, 1920, 3] {
            concealment.heard(&mut vec![length as i16; length]);
            assert_eq!(concealment.past.len(), PAST);
            assert_eq!(concealment.past[PAST - 1], length as i16);
        }
    }
}
