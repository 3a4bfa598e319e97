//! The search for the nearest phrase, in three passes that each look closer at fewer candidates.
//!
//! 1. All templates from afar (a vector every 80 ms): one sixteenth of the work of a close look.
//! 2. The nearest few up close, in several warps of the speaker's formants: which template voice the speaker resembles, and how
//!    the formants have to be moved. Whatever differs between voices then no longer hides what differs between words.
//! 3. The nearest phrases up close, in that voice and warp alone, given up as soon as they cannot win.

use offhook::language::Language;

use super::{
    dtw::{Scratch, coarse, distance},
    mfcc::{Extractor, Features},
    rejection::{Codebook, Evidence},
    templates::{COARSE_GROUP, Template},
    vocabulary::Vocabulary,
};

/// Templates that decide on voice and warp.
const SCOUTS: usize = 24;
/// Of these, the nearest, which are tried in every warp.
const WARPED_SCOUTS: usize = 6;
/// Phrases looked at up close.
const SHORTLIST: usize = 60;
/// Candidates this much worse than the best are given up; their distance counts as this.
const GIVE_UP: f32 = 1.4;
/// A phrase in another language than the one hinted at has to be this much nearer.
const FOREIGN: f32 = 1.04;

/// The best match of an utterance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Match {
    /// Index into the vocabulary.
    pub phrase: usize,
    /// What speaks for it.
    pub evidence: Evidence,
}

/// The parts of the recogniser a search looks into.
pub struct Search<'a> {
    /// The phrases.
    pub vocabulary: &'a Vocabulary,
    /// Every phrase in every template voice, voice by voice within a phrase.
    pub templates: &'a [Template],
    /// Speech sounds.
    pub codebook: &'a Codebook,
    /// Extractors, the plain one first.
    pub extractors: &'a [Extractor],
}

/// A template and its distance, weighted by the hint.
#[derive(Clone, Copy)]
struct Candidate {
    distance: f32,
    template: usize,
}

impl Search<'_> {
    /// The phrase nearest to conditioned speech at 8 kHz; `None` where no template is of a similar length.
    pub fn nearest(&self, speech: &[f32], hint: Option<Language>) -> Option<Match> {
        let mut scratch = Scratch::default();
        let plain = self.extractors.first()?.features(speech);
        let ranked = self.far_ranking(&plain, hint, &mut scratch);
        let (features, voice) = self.tuned(plain, speech, &ranked, &mut scratch)?;
        let mut close: Vec<Candidate> = Vec::with_capacity(SHORTLIST);
        let mut best = f32::INFINITY;
        for phrase in self.shortlist(&ranked) {
            let template = phrase * self.voices() + voice;
            let weight = self.weight(template, hint);
            let limit = best * GIVE_UP;
            let found = distance(&features, &self.templates[template].near, limit / weight, &mut scratch);
            let distance = found.map_or(limit, |distance| distance * weight);
            best = best.min(distance);
            close.push(Candidate { distance, template });
        }
        close.retain(|candidate| candidate.distance.is_finite());
        close.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        let nearest = close.first()?;
        // Bounds that were set before the best was found are too generous.
        let others = close[close.len() * 3 / 4].distance.min(nearest.distance * GIVE_UP);
        let best = nearest.distance / self.weight(nearest.template, hint);
        let evidence = Evidence { best, floor: self.codebook.floor(&features), others, vectors: features.len() };
        Some(Match { phrase: nearest.template / self.voices(), evidence })
    }

    /// All templates of a similar length, nearest first, as seen from afar.
    fn far_ranking(&self, features: &[Features], hint: Option<Language>, scratch: &mut Scratch) -> Vec<Candidate> {
        let far = coarse(features, COARSE_GROUP);
        let seen = self.templates.iter().enumerate().filter_map(|(template, sound)| {
            let distance = distance(&far, &sound.far, f32::INFINITY, scratch)? * self.weight(template, hint);
            Some(Candidate { distance, template })
        });
        let mut ranked: Vec<Candidate> = seen.collect();
        ranked.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        ranked
    }

    /// Features in the warp that suits the speaker best, and the template voice that does.
    fn tuned(
        &self,
        plain: Vec<Features>,
        speech: &[f32],
        ranked: &[Candidate],
        scratch: &mut Scratch,
    ) -> Option<(Vec<Features>, usize)> {
        let mut scouts: Vec<Candidate> = Vec::with_capacity(SCOUTS);
        let mut best = f32::INFINITY;
        for candidate in ranked.iter().take(SCOUTS) {
            let template = candidate.template;
            if let Some(distance) = distance(&plain, &self.templates[template].near, best * GIVE_UP, scratch) {
                best = best.min(distance);
                scouts.push(Candidate { distance, template });
            }
        }
        scouts.sort_by(|a, b| a.distance.total_cmp(&b.distance));
        let mut voice = scouts.first()?.template % self.voices();
        let mut suited = plain;
        for extractor in &self.extractors[1..] {
            let warped = extractor.features(speech);
            let mut better = false;
            for scout in scouts.iter().take(WARPED_SCOUTS) {
                if let Some(distance) = distance(&warped, &self.templates[scout.template].near, best, scratch)
                    && distance < best
                {
                    (best, voice, better) = (distance, scout.template % self.voices(), true);
                }
            }
            if better {
                suited = warped;
            }
        }
        Some((suited, voice))
    }

    /// The nearest phrases from afar, each once.
    fn shortlist(&self, ranked: &[Candidate]) -> Vec<usize> {
        let mut listed = vec![false; self.vocabulary.phrases.len()];
        let phrases = ranked.iter().map(|candidate| candidate.template / self.voices());
        phrases.filter(|phrase| !std::mem::replace(&mut listed[*phrase], true)).take(SHORTLIST).collect()
    }

    fn weight(&self, template: usize, hint: Option<Language>) -> f32 {
        let language = self.vocabulary.phrases[template / self.voices()].language;
        if hint.is_none_or(|hint| hint == language) { 1.0 } else { FOREIGN }
    }

    fn voices(&self) -> usize {
        (self.templates.len() / self.vocabulary.phrases.len().max(1)).max(1)
    }
}
