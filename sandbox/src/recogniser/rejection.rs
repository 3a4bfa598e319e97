//! Whether what was heard is a phrase of the vocabulary at all.
//!
//! The measure of a match depends on noise, voice and line. So it is compared with what is to be expected: with the distance the
//! same sound would have to a free sequence of the vocabulary's speech sounds (a codebook of them, in any order), and with the
//! distances of the other phrases.

use super::{
    dtw::between,
    mfcc::{DIMENSIONS, Features},
};

/// Speech sounds in the codebook.
const SOUNDS: usize = 128;
/// Feature vectors the codebook is made from, at most.
const SAMPLE: usize = 16_000;
/// Rounds of k-means: more change nothing that can be measured.
const ROUNDS: usize = 5;

/// The speech sounds of a vocabulary.
pub struct Codebook {
    sounds: Vec<Features>,
}

impl Codebook {
    /// A codebook by k-means (Lloyd 1957) over some of these vectors, from a start that depends on nothing but them.
    pub fn of<'a>(vectors: impl Iterator<Item = &'a Features>) -> Self {
        let all: Vec<&Features> = vectors.collect();
        let sample: Vec<&Features> = all.iter().step_by((all.len() / SAMPLE).max(1)).copied().collect();
        let count = SOUNDS.min(sample.len());
        let mut codebook = Codebook { sounds: (0..count).map(|i| *sample[i * sample.len() / count]).collect() };
        for _ in 0..ROUNDS {
            codebook.improve(&sample);
        }
        codebook
    }

    fn improve(&mut self, sample: &[&Features]) {
        let mut sums = vec![([0f32; DIMENSIONS], 0u32); self.sounds.len()];
        for vector in sample {
            let (nearest, _) = self.nearest(vector);
            let (sum, count) = &mut sums[nearest];
            sum.iter_mut().zip(vector.iter()).for_each(|(sum, value)| *sum += value);
            *count += 1;
        }
        for (sound, (sum, count)) in self.sounds.iter_mut().zip(sums).filter(|(_, (_, count))| *count > 0) {
            *sound = sum.map(|value| value / count as f32);
        }
    }

    fn nearest(&self, vector: &Features) -> (usize, f32) {
        let distances = self.sounds.iter().map(|sound| between(vector, sound)).enumerate();
        distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap_or((0, f32::INFINITY))
    }

    /// The mean distance of each vector to its nearest sound: what a perfect phrase could hardly be below.
    pub fn floor(&self, vectors: &[Features]) -> f32 {
        vectors.iter().map(|vector| self.nearest(vector).1).sum::<f32>() / vectors.len().max(1) as f32
    }
}

/// What is known about the best match of an utterance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// Its distance.
    pub best: f32,
    /// The distance a free sequence of speech sounds has.
    pub floor: f32,
    /// The upper quartile of the distances of the phrases it was chosen from.
    pub others: f32,
    /// Feature vectors of the utterance, 20 ms each.
    pub vectors: usize,
}

/// Weights of the two comparisons and what has to be left for an utterance to be accepted; measured, see
/// `examples/recognition_table.rs`.
const FLOOR_WEIGHT: f32 = 1.0;
const LIMIT: f32 = 0.88;
/// Distances above this are no speech at all, whatever they are compared with.
const NO_SPEECH: f32 = 4.2;
/// Shorter than any phrase, in vectors: a click.
const CLICK: usize = 8;

impl Evidence {
    /// How strange the match is: the geometric weighting of the two comparisons. Below 0.8 for phrases, above 0.9 for others.
    pub fn strangeness(&self) -> f32 {
        let against_others = self.best / self.others.max(1e-3);
        let against_floor = self.best / self.floor.max(1e-3);
        against_others * against_floor.powf(FLOOR_WEIGHT)
    }

    /// Whether this is a phrase of the vocabulary.
    pub fn accepted(&self) -> bool {
        self.vectors >= CLICK && self.best < NO_SPEECH && self.strangeness() < LIMIT
    }

    /// How sure, 0–1; one half at the limit.
    pub fn confidence(&self) -> f32 {
        1.0 / (1.0 + ((self.strangeness() / LIMIT - 1.0) * 16.0).exp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::line::Noise;

    #[test]
    fn the_codebook_finds_the_sounds_there_are() {
        let mut noise = Noise::new(1);
        let centres: Vec<Features> = (0..8).map(|_| std::array::from_fn(|_| noise.white() * 3.0)).collect();
        let vectors: Vec<Features> =
            (0..4_000).map(|i| std::array::from_fn(|d| centres[i % 8][d] + noise.white() * 0.1)).collect();
        let codebook = Codebook::of(vectors.iter());
        assert!(codebook.floor(&centres) < 0.3, "{}", codebook.floor(&centres));
        let foreign: Vec<Features> = (0..50).map(|_| std::array::from_fn(|_| noise.white() * 3.0)).collect();
        assert!(codebook.floor(&foreign) > 3.0);
    }

    #[test]
    fn confidence_is_one_half_where_acceptance_ends() {
        let evidence = |best| Evidence { best, floor: 2.5, others: 3.5, vectors: 50 };
        let accepted: Vec<bool> = (10..45).map(|best| evidence(best as f32 / 10.0).accepted()).collect();
        assert!(accepted[0] && !accepted[accepted.len() - 1]);
        assert!(accepted.windows(2).all(|pair| pair[0] || !pair[1]));
        for best in (10..45).map(|best| evidence(best as f32 / 10.0)).filter(|evidence| evidence.best < NO_SPEECH) {
            assert_eq!(best.accepted(), best.confidence() > 0.5);
        }
        assert!(!Evidence { vectors: 3, ..evidence(1.0) }.accepted());
    }
}
