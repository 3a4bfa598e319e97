//! The three services behind the traits that the conversation knows.

use futures::{
    FutureExt, StreamExt,
    future::BoxFuture,
    stream::{self, BoxStream},
};
use offhook::language::Language;
use offhook_types::{
    chat::{Message, ReplyPiece, Tool},
    services::{Model, Recogniser, Voice, VoiceError},
    transcript::Transcript,
};

use super::{ProviderError, Providers, ReplyStream, VoiceStream};

impl Recogniser for Providers {
    fn transcribe(&self, sound: Vec<i16>, hint: Option<Language>) -> BoxFuture<'static, Result<Transcript, String>> {
        let providers = self.clone();
        async move { Providers::transcribe(&providers, &sound, hint).await.map_err(|error| error.to_string()) }.boxed()
    }
}

impl Model for Providers {
    fn reply(&self, messages: Vec<Message>, tools: Vec<Tool>) -> BoxStream<'static, Result<ReplyPiece, String>> {
        let providers = self.clone();
        let opened = async move { providers.think(&messages, &tools).await };
        let pieces = |mut reply: ReplyStream| async move { reply.next().await.map(|piece| (piece, reply)) };
        opened.map(move |opened| flattened(opened, pieces, |error| error.to_string())).flatten_stream().boxed()
    }
}

impl Voice for Providers {
    fn speak(&self, text: &str, language: Language) -> BoxStream<'static, Result<Vec<i16>, VoiceError>> {
        let (providers, text) = (self.clone(), text.to_owned());
        let opened = async move { providers.voice(&text, language).await };
        let chunks = |mut voice: VoiceStream| async move { voice.next().await.map(|chunk| (chunk, voice)) };
        let failed = |error| match error {
            ProviderError::NotSpeech { .. } => VoiceError::NotSpeech(error.to_string()),
            other => VoiceError::Failed(other.to_string()),
        };
        opened.map(move |opened| flattened(opened, chunks, failed)).flatten_stream().boxed()
    }
}

/// What an opened stream gives, or the one error that kept it from being opened.
fn flattened<S, T, F, E>(
    opened: Result<S, ProviderError>,
    next: impl FnMut(S) -> F + Send + 'static,
    failed: fn(ProviderError) -> E,
) -> BoxStream<'static, Result<T, E>>
where
    S: Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
    F: Future<Output = Option<(Result<T, ProviderError>, S)>> + Send + 'static,
{
    match opened {
        Ok(stream) => stream::unfold(stream, next).map(move |item| item.map_err(failed)).boxed(),
        Err(error) => stream::once(async move { Err(failed(error)) }).boxed(),
    }
}
