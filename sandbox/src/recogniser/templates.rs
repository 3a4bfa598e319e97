//! The sounds the recogniser compares with: every phrase, said by three template voices over a quiet line, as features.
//!
//! Made in parallel by child processes that say many phrases each, and kept on disk under a name that changes with the
//! vocabulary, the voices, the version of espeak-ng and the features.

use std::{
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use offhook::language::Language;
use sha2::{Digest, Sha256};

use super::{
    activity,
    dtw::coarse,
    mfcc::{DIMENSIONS, Extractor, Features, RATE},
    vocabulary::Vocabulary,
};
use crate::{
    sound::{
        line::{Noise, SPEECH_DBFS},
        resample::resample,
        to_f32,
    },
    voice::{
        cast::{CastVoice, Role, timbres},
        espeak::{self, EspeakError, Manner},
    },
};

/// Raised whenever features or conditioning change: old caches are then made anew.
const FEATURE_VERSION: u32 = 1;
/// Feature vectors averaged for the view from afar: 80 ms.
pub const COARSE_GROUP: usize = 4;
/// Phrases a child process says.
const BATCH: usize = 40;
/// For one child process, on a machine that is busy with other things.
const DEADLINE: Duration = Duration::from_secs(60);
/// Every utterance gets pink noise of this level, so that digital silence, a quiet line and a noisy one look alike. With 30 dB
/// instead of 20 below the speech, confusions on a line with 15 dB are half as many again.
const FLOOR_DBFS: f32 = SPEECH_DBFS - 20.0;

/// One phrase in one voice.
#[derive(Debug, Clone, PartialEq)]
pub struct Template {
    /// Index into the vocabulary.
    pub phrase: u32,
    /// A vector every 20 ms.
    pub near: Vec<Features>,
    /// A vector every 80 ms.
    pub far: Vec<Features>,
}

impl Template {
    fn new(phrase: u32, near: Vec<Features>) -> Self {
        Template { phrase, far: coarse(&near, COARSE_GROUP), near }
    }
}

/// Why there are no templates.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// espeak-ng.
    #[error(transparent)]
    Voice(#[from] EspeakError),
    /// A phrase nobody can hear.
    #[error("the phrase {0:?} makes no sound: give it words that can be spoken")]
    Silent(String),
    /// The cache directory.
    #[error("cannot write templates to {}: {source}; name a cache directory that can be written", path.display())]
    Cache {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// Speech as the features are taken from: at the line's usual level, on a floor of noise.
pub fn conditioned(speech: &[f32]) -> Vec<f32> {
    let energy = speech.iter().map(|sample| sample * sample).sum::<f32>() / speech.len().max(1) as f32;
    let gain = 10f32.powf(SPEECH_DBFS / 20.0) / (energy.sqrt() + 1e-7);
    let (mut noise, floor) = (Noise::new(1), 10f32.powf(FLOOR_DBFS / 20.0));
    speech.iter().map(|sample| sample * gain + noise.pink() * floor).collect()
}

/// The vocabulary's templates, from the cache where it has them: ordered by phrase, within a phrase by voice.
///
/// # Errors
/// [`TemplateError`]; a damaged cache is not one, it is made anew.
pub fn load_or_make(vocabulary: &Vocabulary, cache_dir: &Path) -> Result<Vec<Template>, TemplateError> {
    let key = key(vocabulary, &espeak::version()?);
    let path = cache_dir.join(format!("templates-{key}.bin"));
    if let Some(templates) = std::fs::read(&path).ok().and_then(|bytes| decode(&bytes, vocabulary.phrases.len())) {
        return Ok(templates);
    }
    let templates = make(vocabulary)?;
    // Written beside and renamed: whoever reads at the same time sees the whole file or none.
    let unfinished = cache_dir.join(format!("templates-{key}.{}.part", std::process::id()));
    std::fs::create_dir_all(cache_dir)
        .and_then(|()| std::fs::write(&unfinished, encode(&templates)))
        .and_then(|()| std::fs::rename(&unfinished, &path))
        .map_err(|source| TemplateError::Cache { path, source })?;
    Ok(templates)
}

/// What the templates depend on, as 32 hexadecimal digits.
fn key(vocabulary: &Vocabulary, espeak_version: &str) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{FEATURE_VERSION} {RATE} {DIMENSIONS} {espeak_version}\n"));
    for timbre in timbres(Role::Template) {
        hash.update(format!("{} {} {}\n", timbre.variant, timbre.speed, timbre.pitch));
    }
    for phrase in &vocabulary.phrases {
        hash.update(format!("{}\t{}\n", phrase.language, phrase.spoken));
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What became of a batch.
type MadeBatch = Result<Vec<Template>, TemplateError>;

/// Some phrases of one voice.
struct Batch {
    voice: CastVoice,
    phrases: Vec<u32>,
}

fn batches(vocabulary: &Vocabulary) -> Vec<Batch> {
    let mut batches = Vec::new();
    for language in Language::ALL {
        let phrases: Vec<u32> =
            (0u32..).zip(&vocabulary.phrases).filter(|(_, p)| p.language == language).map(|(i, _)| i).collect();
        for timbre in timbres(Role::Template) {
            let voice = CastVoice { language, timbre };
            batches.extend(phrases.chunks(BATCH).map(|phrases| Batch { voice, phrases: phrases.to_vec() }));
        }
    }
    batches
}

fn make(vocabulary: &Vocabulary) -> Result<Vec<Template>, TemplateError> {
    let (batches, next) = (batches(vocabulary), AtomicUsize::new(0));
    let results: Mutex<Vec<(usize, MadeBatch)>> = Mutex::default();
    let workers = std::thread::available_parallelism().map_or(2, |cores| cores.get()).min(batches.len());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let extractor = Extractor::default();
                loop {
                    let turn = next.fetch_add(1, Ordering::Relaxed);
                    let Some(batch) = batches.get(turn) else { break };
                    let made = make_batch(vocabulary, batch, &extractor);
                    results.lock().unwrap_or_else(PoisonError::into_inner).push((turn, made));
                }
            });
        }
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    // In the order of the voices, whoever was done first: the search counts on it. The second sort keeps that order.
    results.sort_by_key(|(turn, _)| *turn);
    let mut templates: Vec<Template> = results.into_iter().map(|(_, made)| made).collect::<Result<Vec<_>, _>>()?.concat();
    templates.sort_by_key(|template| template.phrase);
    Ok(templates)
}

fn make_batch(vocabulary: &Vocabulary, batch: &Batch, extractor: &Extractor) -> MadeBatch {
    let manner =
        Manner { voice: batch.voice.espeak_name(), words_a_minute: batch.voice.timbre.speed, pitch: batch.voice.timbre.pitch };
    let words: Vec<&str> = batch.phrases.iter().map(|phrase| vocabulary.phrases[*phrase as usize].spoken.as_str()).collect();
    let sounds = espeak::speak_each(&manner, &words, DEADLINE)?;
    let template = |((phrase, words), sound): ((&u32, &&str), _)| {
        let sound: crate::sound::Sound = sound;
        let line = resample(&to_f32(&sound.samples), sound.rate, RATE);
        let speech = activity::speech(&line).map(|range| conditioned(&line[range])).unwrap_or_default();
        match extractor.features(&speech) {
            features if features.is_empty() => Err(TemplateError::Silent((*words).to_owned())),
            features => Ok(Template::new(*phrase, features)),
        }
    };
    batch.phrases.iter().zip(&words).zip(sounds).map(template).collect()
}

/// Numbers of a vector that are not padding.
const STORED: usize = 26;

/// phrase u32, vectors u32, vectors × 26 × f32; all little-endian, template after template.
fn encode(templates: &[Template]) -> Vec<u8> {
    let vectors: usize = templates.iter().map(|template| template.near.len()).sum();
    let mut bytes = Vec::with_capacity(templates.len() * 8 + vectors * STORED * 4);
    for template in templates {
        bytes.extend(template.phrase.to_le_bytes());
        bytes.extend((template.near.len() as u32).to_le_bytes());
        bytes.extend(template.near.iter().flat_map(|vector| &vector[..STORED]).flat_map(|value| value.to_le_bytes()));
    }
    bytes
}

/// `None` where the bytes are not what [`encode`] wrote for a vocabulary of this size.
fn decode(mut bytes: &[u8], phrases: usize) -> Option<Vec<Template>> {
    let mut templates = Vec::new();
    while !bytes.is_empty() {
        let (head, rest) = bytes.split_at_checked(8)?;
        let phrase = u32::from_le_bytes(head[..4].try_into().ok()?);
        let vectors = u32::from_le_bytes(head[4..].try_into().ok()?) as usize;
        let (body, rest) = rest.split_at_checked(vectors.checked_mul(STORED * 4)?)?;
        let mut near = vec![[0f32; DIMENSIONS]; vectors];
        for (vector, stored) in near.iter_mut().zip(body.chunks_exact(STORED * 4)) {
            for (value, bytes) in vector.iter_mut().zip(stored.chunks_exact(4)) {
                *value = f32::from_le_bytes(bytes.try_into().ok()?);
            }
        }
        if phrase as usize >= phrases || near.is_empty() || !near.iter().flatten().all(|value| value.is_finite()) {
            return None;
        }
        templates.push(Template::new(phrase, near));
        bytes = rest;
    }
    (templates.len() == phrases * timbres(Role::Template).count()).then_some(templates)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{super::vocabulary::Phrase, *};

    fn vocabulary(words: &[&str]) -> Vocabulary {
        Vocabulary::new(words.iter().map(|words| Phrase {
            language: Language::Nl,
            text: (*words).to_owned(),
            spoken: String::new(),
        }))
    }

    #[test]
    fn the_second_start_reads_what_the_first_made_and_a_damaged_file_is_made_anew() {
        let directory = std::env::temp_dir().join(format!("offhook-templates-{}", std::process::id()));
        let words = vocabulary(&["ja dat is goed", "een momentje", "nee"]);
        let made = load_or_make(&words, &directory).unwrap();
        assert_eq!(made.len(), 9);
        let file = std::fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
        let whole = std::fs::read(&file).unwrap();
        // Not `assert_eq`: nobody wants to read so many numbers.
        assert!(decode(&whole, 3).unwrap() == made);
        assert!(load_or_make(&words, &directory).unwrap() == made);
        std::fs::write(&file, &whole[..whole.len() - 1]).unwrap();
        assert!(load_or_make(&words, &directory).unwrap() == made);
        assert!(std::fs::read(&file).unwrap() == whole);
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn another_vocabulary_or_another_espeak_has_another_name() {
        let words = vocabulary(&["ja"]);
        assert_eq!(key(&words, "1.51"), key(&words.clone(), "1.51"));
        assert_ne!(key(&words, "1.51"), key(&words, "1.52"));
        assert_ne!(key(&words, "1.51"), key(&vocabulary(&["nee"]), "1.51"));
    }
}
