//! Closed-vocabulary speech recognition for four languages: which of the phrases it knows was said, in which language, or that
//! it was none of them. It works on nothing but the sound.
//!
//! Mel-frequency cepstra of telephone speech are compared by dynamic time warping with every phrase in three template voices.

pub mod activity;
pub mod dtw;
pub mod mfcc;
pub mod rejection;
pub mod search;
pub mod templates;
pub mod vocabulary;

use std::{ops::Range, path::Path};

use offhook::language::Language;

use crate::sound::{resample::resample, to_f32};
use mfcc::{Extractor, RATE};
use rejection::Codebook;
use search::{Match, Search};
use templates::{Template, TemplateError, conditioned};
use vocabulary::Vocabulary;

/// How the speaker's formants are moved to meet those of a template voice; 1 first.
const WARPS: [f32; 5] = [1.0, 0.94, 1.06, 0.88, 1.12];
/// Stretches between pauses an utterance is parted into, where it is no phrase as a whole.
const MOST_PARTS: usize = 3;

/// Knows a vocabulary by its sound.
pub struct Recogniser {
    vocabulary: Vocabulary,
    templates: Vec<Template>,
    codebook: Codebook,
    extractors: Vec<Extractor>,
}

/// What was heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Recognition {
    /// The phrase's text; several phrases in a row are joined by spaces; empty where it is none of the vocabulary.
    pub text: String,
    /// Its language; where nothing was recognised, the hint or the language that came nearest.
    pub language: Language,
    /// 0–1, above one half where it is a phrase.
    pub confidence: f32,
}

impl Recogniser {
    /// Learns a vocabulary: seconds for a thousand phrases the first time, then from the cache directory. Blocks.
    ///
    /// # Errors
    /// [`TemplateError`], where espeak-ng or the cache directory cannot be used.
    pub fn build(vocabulary: Vocabulary, cache_dir: &Path) -> Result<Self, TemplateError> {
        let templates = templates::load_or_make(&vocabulary, cache_dir)?;
        let codebook = Codebook::of(templates.iter().flat_map(|template| &template.near));
        Ok(Recogniser { vocabulary, templates, codebook, extractors: WARPS.map(Extractor::warped).into() })
    }

    /// The phrases it knows.
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// What is said in mono sound of any rate. The hint makes its language likelier, it does not exclude others. Takes some ten
    /// milliseconds of a core for each second of sound.
    pub fn recognise(&self, pcm: &[i16], rate: u32, hint: Option<Language>) -> Recognition {
        let line = resample(&to_f32(pcm), rate, RATE);
        let whole = activity::speech(&line).and_then(|range| self.nearest(&line[range], hint));
        match whole {
            Some(found) if found.evidence.accepted() => self.recognition(&[found]),
            whole => match self.in_parts(&line, hint) {
                Some(parts) => self.recognition(&parts),
                None => self.nothing(whole, hint),
            },
        }
    }

    /// What speaks for the nearest phrase, accepted or not: for measuring the rejection.
    pub fn nearest_phrase(&self, pcm: &[i16], rate: u32, hint: Option<Language>) -> Option<Match> {
        let line = resample(&to_f32(pcm), rate, RATE);
        self.nearest(&line[activity::speech(&line)?], hint)
    }

    fn nearest(&self, speech: &[f32], hint: Option<Language>) -> Option<Match> {
        let search = Search {
            vocabulary: &self.vocabulary,
            templates: &self.templates,
            codebook: &self.codebook,
            extractors: &self.extractors,
        };
        search.nearest(&conditioned(speech), hint)
    }

    /// Phrases said in a row with pauses between them, where there is no doubt about any of them; of several ways to part the
    /// utterance the least strange.
    fn in_parts(&self, line: &[f32], hint: Option<Language>) -> Option<Vec<Match>> {
        let stretches = activity::stretches(line, MOST_PARTS);
        let count = stretches.len();
        let mut ways: Vec<Option<Vec<Match>>> = vec![None; count + 1];
        ways[0] = Some(Vec::new());
        for end in 1..=count {
            // The whole has been tried already.
            for start in (0..end).filter(|start| (*start, end) != (0, count)) {
                let Some(before) = ways[start].clone() else { continue };
                let span: Range<usize> = stretches[start].start..stretches[end - 1].end;
                let found = self.nearest(&line[span], hint).filter(|found| found.evidence.accepted_as_piece());
                let way = found.map(|found| [before, vec![found]].concat());
                let better = |way: &Vec<Match>| ways[end].as_deref().is_none_or(|known| strangeness(way) < strangeness(known));
                if way.as_ref().is_some_and(better) {
                    ways[end] = way;
                }
            }
        }
        ways.pop().flatten().filter(|way| !way.is_empty())
    }

    fn recognition(&self, matches: &[Match]) -> Recognition {
        let phrase = |found: &Match| &self.vocabulary.phrases[found.phrase];
        let longest = matches.iter().max_by_key(|found| found.evidence.vectors).expect("there is at least one match");
        Recognition {
            text: matches.iter().map(|found| phrase(found).text.as_str()).collect::<Vec<_>>().join(" "),
            language: phrase(longest).language,
            confidence: matches.iter().map(|found| found.evidence.confidence()).fold(1.0, f32::min),
        }
    }

    fn nothing(&self, whole: Option<Match>, hint: Option<Language>) -> Recognition {
        let nearest = whole.map(|found| self.vocabulary.phrases[found.phrase].language);
        Recognition {
            text: String::new(),
            language: hint.or(nearest).unwrap_or(Language::En),
            confidence: whole.map_or(0.0, |found| found.evidence.confidence()),
        }
    }
}

/// The mean strangeness of the matches, by their lengths.
fn strangeness(matches: &[Match]) -> f32 {
    let vectors: usize = matches.iter().map(|found| found.evidence.vectors).sum();
    let sum: f32 = matches.iter().map(|found| found.evidence.strangeness() * found.evidence.vectors as f32).sum();
    sum / vectors.max(1) as f32
}
