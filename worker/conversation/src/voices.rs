//! Sentences to sound: at most two are fetched ahead of the one that is heard, and all are handed to the playout in order.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::StreamExt;
use offhook::language::Language;
use offhook_mind::{Event, FETCHED_AHEAD};
use offhook_speaking::spoken;
use offhook_types::{
    ids::SentenceId,
    services::{Voice, VoiceError},
};
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinHandle},
};

use super::ports::Playout;

/// Jobs on their way to the hand-over, those of before a `stop` included.
const JOBS: usize = 64;
/// Chunks of one sentence kept while an earlier one is still being handed over.
const CHUNKS: usize = 512;

/// The way from a sentence to the playout.
pub(super) struct Voices {
    voice: Arc<dyn Voice>,
    jobs: mpsc::Sender<Job>,
    current: Arc<Mutex<Current>>,
    playout: Arc<dyn Playout>,
    pusher: JoinHandle<()>,
    /// Asked for, not fetched yet.
    waiting: VecDeque<(SentenceId, String, Language)>,
    /// Fetched or being fetched, and not heard to the end.
    unheard: BTreeSet<SentenceId>,
}

/// What is being fetched now. The lock is held while a chunk is handed over, so that nothing of an older epoch can slip
/// in behind a `stop`.
#[derive(Default)]
struct Current {
    epoch: u64,
    fetches: Vec<AbortHandle>,
    /// Sentences whose sound failed after some of it was handed over, and how: however much of it is played, they are not heard.
    failed: BTreeMap<SentenceId, VoiceError>,
}

struct Job {
    sentence: SentenceId,
    epoch: u64,
    chunks: mpsc::Receiver<Result<Vec<i16>, VoiceError>>,
}

impl Voices {
    /// Starts the hand-over. Failures are told through `events`.
    pub(super) fn start(voice: Arc<dyn Voice>, playout: Arc<dyn Playout>, events: mpsc::Sender<Event>) -> Self {
        let (jobs, queue) = mpsc::channel(JOBS);
        let current = Arc::new(Mutex::new(Current::default()));
        let pusher = tokio::spawn(hand_over(queue, Arc::clone(&current), Arc::clone(&playout), events));
        Voices { voice, jobs, current, playout, pusher, waiting: VecDeque::new(), unheard: BTreeSet::new() }
    }

    /// Plays a sentence after all sentences before it; its voice is fetched when its turn is near.
    pub(super) fn speak(&mut self, sentence: SentenceId, text: &str, language: Language) {
        self.waiting.push_back((sentence, spoken(text, language), language));
        self.fetch_ahead();
    }

    /// A sentence was heard to its end, or never will be.
    pub(super) fn ended(&mut self, sentence: SentenceId) {
        self.unheard.remove(&sentence);
        self.fetch_ahead();
    }

    /// Why a sentence that was played was not heard whole; once. `None` where it was.
    pub(super) fn take_failure(&mut self, sentence: SentenceId) -> Option<VoiceError> {
        lock(&self.current).failed.remove(&sentence)
    }

    /// Silence: nothing asked for before this is fetched or played any more.
    pub(super) fn stop(&mut self) {
        self.waiting.clear();
        self.unheard.clear();
        let mut current = lock(&self.current);
        current.epoch += 1;
        for fetch in current.fetches.drain(..) {
            fetch.abort();
        }
        self.playout.stop();
    }

    fn fetch_ahead(&mut self) {
        while self.unheard.len() <= FETCHED_AHEAD {
            // The place is there first, so that a sentence that waits for it is not fetched and lost.
            let Ok(place) = self.jobs.try_reserve() else { return };
            let Some((sentence, words, language)) = self.waiting.pop_front() else { return };
            self.unheard.insert(sentence);
            let (sender, chunks) = mpsc::channel(CHUNKS);
            let mut sound = self.voice.speak(&words, language);
            let fetch = tokio::spawn(async move {
                while let Some(chunk) = sound.next().await {
                    if sender.send(chunk).await.is_err() {
                        return;
                    }
                }
            });
            let mut current = lock(&self.current);
            current.fetches.retain(|fetch| !fetch.is_finished());
            current.fetches.push(fetch.abort_handle());
            place.send(Job { sentence, epoch: current.epoch, chunks });
        }
    }
}

impl Drop for Voices {
    fn drop(&mut self) {
        self.stop();
        self.pusher.abort();
    }
}

fn lock(current: &Mutex<Current>) -> MutexGuard<'_, Current> {
    // No code panics while it holds the lock; were it so, the state is still whole.
    current.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn hand_over(
    mut queue: mpsc::Receiver<Job>,
    current: Arc<Mutex<Current>>,
    playout: Arc<dyn Playout>,
    events: mpsc::Sender<Event>,
) {
    while let Some(mut job) = queue.recv().await {
        let mut heard_any = false;
        loop {
            let chunk = job.chunks.recv().await;
            let failure = {
                let mut current = lock(&current);
                if current.epoch != job.epoch {
                    break;
                }
                match chunk {
                    Some(Ok(samples)) => {
                        heard_any |= !samples.is_empty();
                        playout.play(job.sentence, samples, false);
                        continue;
                    }
                    // It broke off, or was no speech: the playout ends it, and its end is told as a failure.
                    Some(Err(error)) if heard_any => {
                        current.failed.insert(job.sentence, error);
                        playout.play(job.sentence, Vec::new(), true);
                        None
                    }
                    None if heard_any => {
                        playout.play(job.sentence, Vec::new(), true);
                        None
                    }
                    Some(Err(VoiceError::Failed(error) | VoiceError::NotSpeech(error))) => Some(error),
                    None => Some("the voice had no sound".to_owned()),
                }
            };
            if let Some(error) = failure {
                let _ = events.send(Event::SentenceFailed { sentence: job.sentence, error, broke_off: false }).await;
            }
            break;
        }
    }
}
