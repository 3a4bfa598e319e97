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

/// How much both comparisons count, by logistic regression on 4,800 phrases and 1,900 other sentences in eight voices over
/// quiet and noisy lines (`examples/recognition_table.rs` prints them). Three other voices and 32 other sentences, not used for
/// choosing it, gave the same: no phrase lost, 98 of 100 others rejected on a line with 15 dB.
const WEIGHT: f32 = 0.64;
/// Where a phrase ends and something else begins: 99 % of phrases on a line with 15 dB are below 0.688, 99 % of other sentences
/// above 0.702.
const LIMIT: f32 = 0.696;
/// Where an utterance is only pieced together from phrases, every piece has to be this little strange, …
const PIECE_LIMIT: f32 = 0.65;
/// … and this many vectors long: among a thousand phrases something resembles any syllable.
const PIECE: usize = 20;
/// What is further than this from any speech sound is noise or a tone; speech stays below 3.9.
const NO_SPEECH_SOUND: f32 = 4.0;
/// What is further than this from any phrase is not compared at all; phrases stay below 4.5.
const NO_PHRASE: f32 = 4.65;
/// Shorter than any phrase, in vectors: a click.
const CLICK: usize = 8;

impl Evidence {
    /// How strange the match is: its distance against what was to be expected. Near 0.6 for phrases, above 0.7 for others.
    pub fn strangeness(&self) -> f32 {
        self.best / (self.floor * self.others).max(1e-6).powf(WEIGHT)
    }

    /// Whether this is a phrase of the vocabulary.
    pub fn accepted(&self) -> bool {
        let speech = self.vectors >= CLICK && self.floor < NO_SPEECH_SOUND && self.best < NO_PHRASE;
        speech && self.strangeness() < LIMIT
    }

    /// Whether this is a phrase of the vocabulary beyond the doubt that a piece of an utterance leaves.
    pub fn accepted_as_piece(&self) -> bool {
        self.accepted() && self.vectors >= PIECE && self.strangeness() < PIECE_LIMIT
    }

    /// How sure, 0–1: above one half where it is accepted, below where it is not.
    pub fn confidence(&self) -> f32 {
        let sure = 1.0 / (1.0 + ((self.strangeness() / LIMIT - 1.0) * 30.0).exp());
        if self.accepted() { sure } else { sure.min(0.49) }
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
    fn what_is_accepted_is_surer_than_one_half_and_nothing_else_is() {
        let evidence = |best: u8| Evidence { best: f32::from(best) / 10.0, floor: 3.3, others: 4.6, vectors: 50 };
        let accepted: Vec<bool> = (20..60).map(|best| evidence(best).accepted()).collect();
        assert!(accepted[0] && !accepted[accepted.len() - 1]);
        assert!(accepted.windows(2).all(|pair| pair[0] || !pair[1]));
        assert!((20..60).all(|best| evidence(best).accepted() == (evidence(best).confidence() > 0.5)));
    }

    #[test]
    fn clicks_noise_and_tones_are_not_accepted_however_well_they_match() {
        let phrase = Evidence { best: 3.0, floor: 3.3, others: 4.6, vectors: 50 };
        assert!(phrase.accepted());
        for nothing in
            [Evidence { vectors: 3, ..phrase }, Evidence { floor: 4.3, ..phrase }, Evidence { best: 4.7, others: 9.0, ..phrase }]
        {
            assert!(!nothing.accepted() && nothing.confidence() < 0.5);
        }
    }
}
