//! Voices: words in, sound out, by espeak-ng as a child process. Bounded in time, in number and in memory.

pub mod cache;
pub mod cast;
pub mod espeak;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Semaphore;

use crate::sound::{Sound, resample::resample_i16};
use cache::SoundCache;
use cast::CastVoice;
use espeak::{EspeakError, Manner};

/// Bounds of a [`Voice`].
#[derive(Debug, Clone)]
pub struct VoiceSettings {
    /// Sound kept for the next time the same words are asked for, bytes.
    pub cache_bytes: usize,
    /// Child processes at once; further requests wait.
    pub processes: usize,
    /// How long one synthesis may take.
    pub deadline: Duration,
}

impl Default for VoiceSettings {
    fn default() -> Self {
        VoiceSettings { cache_bytes: 32 << 20, processes: 4, deadline: Duration::from_secs(10) }
    }
}

/// One sentence to be said.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// The words.
    pub text: String,
    /// Who says them.
    pub voice: CastVoice,
    /// 1 is the voice's own speed; 0.25–4.
    pub speed: f32,
    /// Samples a second of the answer, Hz.
    pub rate: u32,
}

/// Says lines. Cheap to clone; clones share the cache and the bounds.
#[derive(Clone)]
pub struct Voice {
    shared: Arc<Shared>,
}

struct Shared {
    settings: VoiceSettings,
    cache: Mutex<SoundCache>,
    processes: Semaphore,
}

/// Silence left after the last sound, ms: the rest of espeak's 350 ms after a sentence only delays the next turn.
const TAIL_MS: usize = 120;

impl Voice {
    /// A voice within these bounds.
    pub fn new(settings: VoiceSettings) -> Self {
        let cache = Mutex::new(SoundCache::new(settings.cache_bytes));
        Voice { shared: Arc::new(Shared { cache, processes: Semaphore::new(settings.processes.max(1)), settings }) }
    }

    /// Mono samples of the line at the rate it asks for, with 120 ms of silence at the end.
    ///
    /// # Errors
    /// [`EspeakError`], where the program is missing, fails, or takes longer than the deadline.
    pub async fn say(&self, line: &Line) -> Result<Arc<Vec<i16>>, EspeakError> {
        let manner = Manner {
            voice: line.voice.espeak_name(),
            words_a_minute: (line.voice.timbre.speed as f32 * line.speed.clamp(0.25, 4.0)).round() as u32,
            pitch: line.voice.timbre.pitch,
        };
        let key = format!("{}|{}|{}|{}|{}", manner.voice, manner.words_a_minute, manner.pitch, line.rate, line.text);
        if let Some(sound) = self.cache().find(&key) {
            return Ok(sound);
        }
        let _permit = self.shared.processes.acquire().await.expect("the semaphore is never closed");
        let (text, rate, deadline) = (line.text.clone(), line.rate, self.shared.settings.deadline);
        let sound = tokio::task::spawn_blocking(move || {
            let spoken = without_tail(espeak::speak(&manner, &text, deadline)?);
            Ok(Arc::new(resample_i16(&spoken.samples, spoken.rate, rate)))
        })
        .await
        .map_err(|_| EspeakError::Stopped)??;
        self.cache().keep(key, Arc::clone(&sound));
        Ok(sound)
    }

    fn cache(&self) -> std::sync::MutexGuard<'_, SoundCache> {
        // A cache is whole after any panic: at worst an entry is missing.
        self.shared.cache.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The sound with only [`TAIL_MS`] of its final silence.
fn without_tail(mut sound: Sound) -> Sound {
    let end = sound.samples.iter().rposition(|sample| sample.unsigned_abs() > 16).map_or(0, |last| last + 1);
    sound.samples.truncate(end + sound.rate as usize * TAIL_MS / 1000);
    sound
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_line_is_said_at_the_rate_asked_for_and_comes_from_the_cache_the_second_time() {
        let voice = Voice::new(VoiceSettings::default());
        let line = Line { text: "Guten Abend.".into(), voice: "de-1".parse().unwrap(), speed: 1.0, rate: 24_000 };
        let first = voice.say(&line).await.unwrap();
        let seconds = first.len() as f64 / 24_000.0;
        assert!((0.4..2.0).contains(&seconds), "{seconds} s");
        assert!(Arc::ptr_eq(&first, &voice.say(&line).await.unwrap()));
        let narrow = voice.say(&Line { rate: 16_000, ..line.clone() }).await.unwrap();
        assert!((narrow.len() * 3).abs_diff(first.len() * 2) < 10);
        let fast = voice.say(&Line { speed: 2.0, ..line }).await.unwrap();
        assert!(fast.len() < first.len() * 3 / 4);
    }

    #[tokio::test]
    async fn words_that_look_like_options_are_spoken() {
        let voice = Voice::new(VoiceSettings::default());
        let line = Line { text: "--version".into(), voice: "en-1".parse().unwrap(), speed: 1.0, rate: 16_000 };
        assert!(voice.say(&line).await.unwrap().len() > 4_000);
    }
}
