//! Where in a stretch of sound somebody speaks: its edges, and the pauses in it, by level alone.

use std::ops::Range;

use super::mfcc::RATE;

/// Ten milliseconds.
const HOP: usize = RATE as usize / 100;
/// Hops of line kept before and after the speech, in which quiet consonants live.
const MARGIN: usize = 5;
/// Shortest pause that may part two phrases, in hops.
const PAUSE: usize = 16;

/// The samples in which somebody speaks, with 50 ms around them; `None` where nothing stands out.
pub fn speech(samples: &[f32]) -> Option<Range<usize>> {
    let active = Active::of(samples)?;
    Some(active.samples(active.first..active.last + 1, samples.len()))
}

/// The stretches of speech between pauses of at least 160 ms, at most `most` of them; more are joined at the shortest pauses.
pub fn stretches(samples: &[f32], most: usize) -> Vec<Range<usize>> {
    let Some(active) = Active::of(samples) else { return Vec::new() };
    let mut stretches: Vec<Range<usize>> = Vec::new();
    for hop in (active.first..=active.last).filter(|hop| active.loud[*hop]) {
        match stretches.last_mut() {
            Some(last) if hop - last.end < PAUSE => last.end = hop + 1,
            _ => stretches.push(hop..hop + 1),
        }
    }
    while stretches.len() > most.max(1) {
        let pause = |i: &usize| stretches[i + 1].start - stretches[*i].end;
        let shortest = (0..stretches.len() - 1).min_by_key(pause).expect("two stretches have a pause between them");
        stretches[shortest].end = stretches.remove(shortest + 1).end;
    }
    stretches.into_iter().map(|stretch| active.samples(stretch, samples.len())).collect()
}

/// Which hops are loud.
struct Active {
    loud: Vec<bool>,
    first: usize,
    last: usize,
}

impl Active {
    /// A hop is loud when it is no more than 25 dB below the loud parts and at least 6 dB above the quiet ones.
    fn of(samples: &[f32]) -> Option<Active> {
        let levels: Vec<f32> = samples
            .chunks_exact(HOP)
            .map(|hop| 10.0 * (hop.iter().map(|sample| sample * sample).sum::<f32>() / HOP as f32 + 1e-10).log10())
            .collect();
        let mut sorted = levels.clone();
        sorted.sort_by(f32::total_cmp);
        let percentile = |p: usize| sorted.get(sorted.len() * p / 100).copied();
        let (quiet, loud) = (percentile(10)?, percentile(95)?);
        // Nothing is softer than −70 dBFS and still speech.
        let threshold = (loud - 25.0).max((quiet + 6.0).min(loud - 6.0)).max(-70.0);
        let loud: Vec<bool> = levels.iter().map(|level| *level > threshold).collect();
        let first = loud.iter().position(|loud| *loud)?;
        let last = loud.iter().rposition(|loud| *loud)?;
        Some(Active { loud, first, last })
    }

    fn samples(&self, hops: Range<usize>, length: usize) -> Range<usize> {
        hops.start.saturating_sub(MARGIN) * HOP..((hops.end + MARGIN) * HOP).min(length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sound::line::Noise;

    /// Noise bursts of these levels, 100 ms per letter: `#` loud, `.` the line.
    fn pattern(letters: &str) -> Vec<f32> {
        let mut noise = Noise::new(1);
        letters
            .chars()
            .flat_map(|letter| vec![if letter == '#' { 0.1 } else { 0.002 }; 800])
            .map(|gain| noise.white() * gain)
            .collect()
    }

    #[test]
    fn the_line_before_and_after_is_cut_off() {
        let range = speech(&pattern("....######....")).unwrap();
        assert!(range.start.abs_diff(4 * 800 - 400) <= 80 && range.end.abs_diff(10 * 800 + 400) <= 80, "{range:?}");
        assert_eq!(speech(&[0.0; 8_000]), None);
        assert_eq!(speech(&[]), None);
    }

    #[test]
    fn pauses_part_stretches_and_the_shortest_are_closed_first() {
        let sound = pattern("..####..###.....##...####..");
        assert_eq!(stretches(&sound, 9).len(), 4);
        let three = stretches(&sound, 3);
        assert_eq!(three.len(), 3);
        assert!(three[0].len() > 8 * 800);
        assert_eq!(stretches(&sound, 1), [speech(&sound).unwrap()]);
    }
}
