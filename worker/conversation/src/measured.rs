//! How recogniser, model and voice did in one conversation: how often they were asked, how long they took, what failed last. The
//! times of each turn, and one summary per call, for whoever has to find out later why callees waited.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{FutureExt, StreamExt, future::BoxFuture, stream::BoxStream};
use offhook::{
    attempt::ProviderSpecification,
    language::Language,
    provider::{Provider, server_name},
};
use offhook_types::{
    chat::{Message, ReplyPiece, Tool},
    services::{Model, Recogniser, Voice, VoiceError},
    transcript::Transcript,
};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Most answers of a service whose times are kept: hours of talk.
const MOST_TIMES: usize = 4096;

/// The three services, measured.
pub struct Measured<S> {
    services: S,
    tallies: Tallies,
}

impl<S> Measured<S> {
    /// Measures `services`.
    pub fn new(services: S) -> Self {
        Measured { services, tallies: Tallies::default() }
    }

    /// What was counted, and will be.
    pub fn tallies(&self) -> Tallies {
        self.tallies.clone()
    }
}

/// What was counted of each service.
#[derive(Debug, Clone, Default)]
pub struct Tallies(Arc<Mutex<[Tally; Provider::ALL.len()]>>);

#[derive(Debug, Default)]
struct Tally {
    asked: u32,
    failed: u32,
    /// To the transcript, the first piece of a reply, the first sound; ms.
    took: Vec<u64>,
    /// How many of them an earlier turn has had.
    earlier: usize,
    last_fault: Option<String>,
}

impl Tallies {
    /// The summary as an event has it, with the servers of `specification`.
    pub fn summary(&self, specification: &ProviderSpecification) -> Value {
        let tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut summary = json!({});
        for (provider, tally) in Provider::ALL.into_iter().zip(tallies.iter()) {
            let mut took = tally.took.clone();
            took.sort_unstable();
            summary[provider.as_str()] = json!({
                "server": server_name(&specification.endpoint(provider).base_url),
                "asked": tally.asked,
                "failed": tally.failed,
                "median_ms": took.get(took.len() / 2),
                "longest_ms": took.last(),
                "last_fault": tally.last_fault,
            });
        }
        summary
    }

    /// Returns what each service took since this was last asked, ms: the times of one turn, in the order in which they were noted.
    pub fn take_turn(&self) -> Value {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut turn = json!({});
        for (provider, tally) in Provider::ALL.into_iter().zip(tallies.iter_mut()) {
            turn[provider.as_str()] = json!(tally.took[tally.earlier..]);
            tally.earlier = tally.took.len();
        }
        turn
    }

    fn asked(&self, provider: Provider) -> Instant {
        self.change(provider, |tally| tally.asked += 1);
        Instant::now()
    }

    fn took(&self, provider: Provider, took: Duration) {
        self.change(provider, |tally| {
            if tally.took.len() < MOST_TIMES {
                tally.took.push(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            }
        });
    }

    fn failed(&self, provider: Provider, fault: &impl ToString) {
        self.change(provider, |tally| {
            tally.failed += 1;
            tally.last_fault = Some(fault.to_string());
        });
    }

    fn change(&self, provider: Provider, change: impl FnOnce(&mut Tally)) {
        let mut tallies = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Provider::ALL.iter().position(|known| *known == provider).expect("ALL has each of them");
        change(&mut tallies[place]);
    }

    /// Notes when the first piece of a stream came, and what failed.
    fn watch<T, E: ToString>(&self, provider: Provider) -> impl FnMut(&Result<T, E>) + Send + 'static + use<T, E> {
        let (tallies, mut begun) = (self.clone(), Some(self.asked(provider)));
        move |piece| match piece {
            Ok(_) => {
                if let Some(begun) = begun.take() {
                    tallies.took(provider, begun.elapsed());
                }
            }
            Err(fault) => tallies.failed(provider, fault),
        }
    }
}

impl<S: Recogniser> Recogniser for Measured<S> {
    fn transcribe(&self, sound: Vec<i16>, hint: Option<Language>) -> BoxFuture<'static, Result<Transcript, String>> {
        let mut watch = self.tallies.watch(Provider::SpeechToText);
        self.services.transcribe(sound, hint).inspect(move |transcript| watch(transcript)).boxed()
    }
}

impl<S: Model> Model for Measured<S> {
    fn reply(&self, messages: Vec<Message>, tools: Vec<Tool>) -> BoxStream<'static, Result<ReplyPiece, String>> {
        self.services.reply(messages, tools).inspect(self.tallies.watch(Provider::Chat)).boxed()
    }
}

impl<S: Voice> Voice for Measured<S> {
    fn speak(&self, text: &str, language: Language) -> BoxStream<'static, Result<Vec<i16>, VoiceError>> {
        self.services.speak(text, language).inspect(self.tallies.watch(Provider::TextToSpeech)).boxed()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use futures::stream;
    use offhook::attempt::Endpoint;
    use tokio::time::sleep;

    use super::*;

    /// Takes as many ms as there are letters or samples; none fails.
    struct Slow;

    impl Recogniser for Slow {
        fn transcribe(&self, sound: Vec<i16>, _: Option<Language>) -> BoxFuture<'static, Result<Transcript, String>> {
            async move {
                sleep(Duration::from_millis(sound.len() as u64)).await;
                if sound.is_empty() {
                    Err("speech_to_text: the server failed with 500".to_owned())
                } else {
                    Ok(Transcript::default())
                }
            }
            .boxed()
        }
    }

    impl Voice for Slow {
        fn speak(&self, text: &str, _: Language) -> BoxStream<'static, Result<Vec<i16>, VoiceError>> {
            let wait = Duration::from_millis(text.len() as u64);
            stream::iter([vec![1], vec![2]])
                .then(move |sound| async move {
                    sleep(wait).await;
                    Ok(sound)
                })
                .boxed()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_summary_says_how_often_how_slow_and_what_failed() {
        let measured = Measured::new(Slow);
        for samples in [100, 300, 200, 0] {
            let _ = measured.transcribe(vec![0; samples], None).await;
        }
        let _: Vec<_> = measured.speak("1234567890", Language::En).collect().await;
        let endpoint = |host: &str| Endpoint { base_url: format!("http://user:secret@{host}/v1"), ..endpoint() };
        let specification = ProviderSpecification {
            speech_to_text: endpoint("ear"),
            chat: endpoint("mind"),
            text_to_speech: endpoint("voice"),
            ..specification()
        };
        let summary = measured.tallies().summary(&specification);
        let ear = &summary["speech_to_text"];
        assert_eq!(
            (&ear["asked"], &ear["failed"], &ear["median_ms"], &ear["longest_ms"]),
            (&json!(4), &json!(1), &json!(200), &json!(300))
        );
        assert_eq!(ear["server"], "http://ear/v1");
        assert!(ear["last_fault"].as_str().unwrap().contains("500"));
        assert_eq!(summary["text_to_speech"]["median_ms"], 10, "to the first sound");
        assert_eq!((&summary["chat"]["asked"], &summary["chat"]["median_ms"]), (&json!(0), &Value::Null));
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_has_its_own_times_and_not_those_of_earlier_ones() {
        let measured = Measured::new(Slow);
        let _ = measured.transcribe(vec![0; 100], None).await;
        let _: Vec<_> = measured.speak("1234567890", Language::En).collect().await;
        let tallies = measured.tallies();
        assert_eq!(tallies.take_turn(), json!({ "speech_to_text": [100], "chat": [], "text_to_speech": [10] }));
        let _ = measured.transcribe(vec![0; 0], None).await;
        let _ = measured.transcribe(vec![0; 70], None).await;
        assert_eq!(tallies.take_turn(), json!({ "speech_to_text": [70], "chat": [], "text_to_speech": [] }));
        assert_eq!(tallies.take_turn(), json!({ "speech_to_text": [], "chat": [], "text_to_speech": [] }));
    }

    fn endpoint() -> Endpoint {
        serde_json::from_value(json!({ "base_url": "", "key": null, "model": "m" })).unwrap()
    }

    fn specification() -> ProviderSpecification {
        let endpoint = json!({ "base_url": "", "key": null, "model": "m" });
        let json = json!({ "speech_to_text": endpoint, "chat": endpoint, "text_to_speech": endpoint, "voices": [] });
        serde_json::from_value(json).unwrap()
    }
}
