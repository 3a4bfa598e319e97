//! Sentences to sound: voices are fetched ahead, and handed to the playout in the order they were asked for.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use offhook::language::Language;
use offhook_media::MediaHandle;
use offhook_mind::event::Event;
use offhook_providers::Providers;
use offhook_speaking::spoken;
use offhook_types::ids::SentenceId;
use tokio::{
    sync::mpsc,
    task::{AbortHandle, JoinHandle},
};

/// Sentences fetched or waiting at once; the model cannot run further ahead than this.
const AHEAD: usize = 64;
/// Chunks of one sentence kept while an earlier one is still being handed over.
const CHUNKS: usize = 512;

/// The way from a sentence to the playout.
pub struct Voices {
    providers: Providers,
    jobs: mpsc::Sender<Job>,
    current: Arc<Mutex<Current>>,
    media: MediaHandle,
    events: mpsc::Sender<Event>,
    pusher: JoinHandle<()>,
}

/// What is being fetched now. The lock is held while a chunk is handed over, so that nothing of an older epoch can slip
/// in behind a `stop`.
#[derive(Default)]
struct Current {
    epoch: u64,
    fetches: Vec<AbortHandle>,
}

struct Job {
    sentence: SentenceId,
    epoch: u64,
    chunks: mpsc::Receiver<Result<Vec<i16>, String>>,
}

impl Voices {
    /// Starts the hand-over. Failures are told through `events`.
    pub fn start(providers: Providers, media: MediaHandle, events: mpsc::Sender<Event>) -> Self {
        let (jobs, queue) = mpsc::channel(AHEAD);
        let current = Arc::new(Mutex::new(Current::default()));
        let pusher = tokio::spawn(hand_over(queue, Arc::clone(&current), media.clone(), events.clone()));
        Voices { providers, jobs, current, media, events, pusher }
    }

    /// Fetches the voice for a sentence now and plays it after all sentences before it.
    pub fn speak(&self, sentence: SentenceId, text: &str, language: Language) {
        let (sender, chunks) = mpsc::channel(CHUNKS);
        let providers = self.providers.clone();
        let words = spoken(text, language);
        let fetch = tokio::spawn(async move {
            if let Err(error) = fetch(&providers, &words, language, &sender).await {
                let _ = sender.send(Err(error)).await;
            }
        });
        let mut current = lock(&self.current);
        current.fetches.retain(|fetch| !fetch.is_finished());
        current.fetches.push(fetch.abort_handle());
        if self.jobs.try_send(Job { sentence, epoch: current.epoch, chunks }).is_err() {
            fetch.abort();
            let error = format!("more than {AHEAD} sentences wait to be spoken");
            let _ = self.events.try_send(Event::SentenceFailed { sentence, error });
        }
    }

    /// Silence: nothing asked for before this is played any more.
    pub fn stop(&self) {
        let mut current = lock(&self.current);
        current.epoch += 1;
        for fetch in current.fetches.drain(..) {
            fetch.abort();
        }
        self.media.stop();
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

async fn fetch(
    providers: &Providers,
    words: &str,
    language: Language,
    chunks: &mpsc::Sender<Result<Vec<i16>, String>>,
) -> Result<(), String> {
    let mut voice = providers.voice(words, language).await.map_err(|error| error.to_string())?;
    while let Some(chunk) = voice.next().await {
        let chunk = chunk.map_err(|error| error.to_string())?;
        if chunks.send(Ok(chunk)).await.is_err() {
            break;
        }
    }
    Ok(())
}

async fn hand_over(
    mut queue: mpsc::Receiver<Job>,
    current: Arc<Mutex<Current>>,
    media: MediaHandle,
    events: mpsc::Sender<Event>,
) {
    while let Some(mut job) = queue.recv().await {
        let mut heard_any = false;
        loop {
            let chunk = job.chunks.recv().await;
            let failure = {
                let current = lock(&current);
                if current.epoch != job.epoch {
                    break;
                }
                match chunk {
                    Some(Ok(samples)) => {
                        heard_any |= !samples.is_empty();
                        media.play(job.sentence, samples, false);
                        continue;
                    }
                    // A sentence that broke off was heard as far as it came.
                    None | Some(Err(_)) if heard_any => {
                        media.play(job.sentence, Vec::new(), true);
                        None
                    }
                    Some(Err(error)) => Some(error),
                    None => Some("the voice had no sound".to_owned()),
                }
            };
            if let Some(error) = failure {
                let _ = events.send(Event::SentenceFailed { sentence: job.sentence, error }).await;
            }
            break;
        }
    }
}
