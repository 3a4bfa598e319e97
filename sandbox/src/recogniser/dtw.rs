//! Dynamic time warping: how far two utterances are apart when either may be spoken faster or slower in places.
//!
//! Source: H. Sakoe, S. Chiba, "Dynamic programming algorithm optimization for spoken word recognition", IEEE ASSP 1978:
//! symmetric steps (a diagonal one counts twice), a band around the diagonal, normalised by both lengths.

use super::mfcc::{DIMENSIONS, Features};

/// Half width of the band, as a share of the longer utterance.
const BAND: f32 = 0.25;
/// Utterances whose lengths differ by more than this factor are never the same words.
pub const LONGEST_RATIO: f32 = 1.8;

/// Row buffers, kept from one comparison to the next.
#[derive(Debug, Default)]
pub struct Scratch {
    previous: Vec<f32>,
    current: Vec<f32>,
}

/// Whether two utterances of these lengths can be the same words.
pub fn comparable(a: usize, b: usize) -> bool {
    let (short, long) = if a < b { (a, b) } else { (b, a) };
    short > 0 && long as f32 <= short as f32 * LONGEST_RATIO
}

/// The mean distance along the best path, `None` as soon as it is certain to be above `limit` or the lengths differ too much.
pub fn distance(a: &[Features], b: &[Features], limit: f32, scratch: &mut Scratch) -> Option<f32> {
    let (n, m) = (a.len(), b.len());
    if !comparable(n, m) {
        return None;
    }
    let budget = limit * (n + m) as f32;
    let half = ((BAND * n.max(m) as f32) as usize).max(n.abs_diff(m) + 3);
    scratch.previous.clear();
    scratch.previous.resize(m + 1, f32::INFINITY);
    scratch.current.clear();
    scratch.current.resize(m + 1, f32::INFINITY);
    scratch.previous[0] = 0.0;
    for (i, frame) in a.iter().enumerate() {
        let centre = i * m / n;
        let (from, to) = (centre.saturating_sub(half), (centre + half + 1).min(m));
        let (mut left, mut least) = (f32::INFINITY, f32::INFINITY);
        // What the row before left outside this row's band has to read as out of reach.
        scratch.current[from] = f32::INFINITY;
        let mut corner = scratch.previous[from];
        let rows = scratch.current[from + 1..=to].iter_mut().zip(&scratch.previous[from + 1..=to]);
        for ((slot, above), other) in rows.zip(&b[from..to]) {
            let step = between(frame, other);
            left = (corner + 2.0 * step).min(above.min(left) + step);
            corner = *above;
            *slot = left;
            least = least.min(left);
        }
        if least > budget {
            return None;
        }
        if to < m {
            scratch.current[to + 1] = f32::INFINITY;
        }
        std::mem::swap(&mut scratch.previous, &mut scratch.current);
    }
    let mean = scratch.previous[m] / (n + m) as f32;
    (mean <= limit).then_some(mean)
}

/// Euclidean distance of two feature vectors.
#[inline]
pub fn between(a: &Features, b: &Features) -> f32 {
    // Four sums side by side: the shape compilers turn into vector instructions of any width.
    let mut sums = [0f32; 4];
    for (a, b) in a.as_chunks::<4>().0.iter().zip(b.as_chunks::<4>().0) {
        for lane in 0..4 {
            let difference = a[lane] - b[lane];
            sums[lane] += difference * difference;
        }
    }
    ((sums[0] + sums[1]) + (sums[2] + sums[3])).sqrt()
}

/// Utterance seen from afar: the mean of every `group` vectors.
pub fn coarse(features: &[Features], group: usize) -> Vec<Features> {
    features
        .chunks(group)
        .map(|chunk| {
            let mut mean = [0f32; DIMENSIONS];
            for frame in chunk {
                mean.iter_mut().zip(frame).for_each(|(sum, value)| *sum += value / chunk.len() as f32);
            }
            mean
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::sound::line::Noise;

    fn utterance(frames: usize, seed: u64) -> Vec<Features> {
        let mut noise = Noise::new(seed);
        (0..frames).map(|_| std::array::from_fn(|_| noise.white())).collect()
    }

    /// The textbook recursion over the whole table, without a band.
    fn textbook(a: &[Features], b: &[Features]) -> f32 {
        let mut table = vec![vec![f32::INFINITY; b.len() + 1]; a.len() + 1];
        table[0][0] = 0.0;
        for i in 1..=a.len() {
            for j in 1..=b.len() {
                let d = between(&a[i - 1], &b[j - 1]);
                table[i][j] = (table[i - 1][j - 1] + 2.0 * d).min(table[i - 1][j] + d).min(table[i][j - 1] + d);
            }
        }
        table[a.len()][b.len()] / (a.len() + b.len()) as f32
    }

    #[test]
    fn the_same_words_at_another_pace_are_near_and_others_are_far() {
        let mut scratch = Scratch::default();
        let words = utterance(40, 1);
        let slower: Vec<Features> = words.iter().enumerate().flat_map(|(i, frame)| vec![*frame; 1 + i % 2]).collect();
        let near = distance(&words, &slower, f32::INFINITY, &mut scratch).unwrap();
        let far = distance(&words, &utterance(60, 2), f32::INFINITY, &mut scratch).unwrap();
        assert!(near < 0.01 && far > 3.0, "{near} {far}");
    }

    #[test]
    fn the_band_gives_what_the_textbook_gives_where_the_path_lies_within() {
        let mut scratch = Scratch::default();
        for (n, m) in [(1, 1), (5, 6), (30, 41), (41, 30), (64, 64)] {
            // Similar utterances, so that the best path stays near the diagonal.
            let long = utterance(n.max(m), 7);
            let (a, b): (Vec<_>, Vec<_>) =
                ((0..n).map(|i| long[i * long.len() / n]).collect(), (0..m).map(|i| long[i * long.len() / m]).collect());
            let banded = distance(&a, &b, f32::INFINITY, &mut scratch).unwrap();
            assert!((banded - textbook(&a, &b)).abs() < 1e-3, "{n} x {m}");
        }
    }

    #[test]
    fn giving_up_early_never_changes_an_answer_below_the_limit() {
        let mut scratch = Scratch::default();
        let (a, b) = (utterance(30, 3), utterance(35, 4));
        let exact = distance(&a, &b, f32::INFINITY, &mut scratch).unwrap();
        assert_eq!(distance(&a, &b, exact * 1.001, &mut scratch), Some(exact));
        assert_eq!(distance(&a, &b, exact * 0.999, &mut scratch), None);
        assert_eq!(distance(&a, &b[..10], f32::INFINITY, &mut scratch), None);
        assert_eq!(distance(&[], &b, f32::INFINITY, &mut scratch), None);
    }

    #[test]
    fn from_afar_frames_are_averaged() {
        let near = utterance(7, 5);
        let far = coarse(&near, 3);
        assert_eq!(far.len(), 3);
        assert!((far[0][0] - (near[0][0] + near[1][0] + near[2][0]) / 3.0).abs() < 1e-6);
        assert_eq!(far[2], near[6]);
    }
}
