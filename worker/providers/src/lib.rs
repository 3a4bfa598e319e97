//! Hearing, thinking and speaking, done elsewhere: clients of the OpenAI-compatible HTTP wire.
//!
//! Every await is bounded: the first token, sound or transcript by `CallLimits::provider_first`, everything after it by
//! `CallLimits::provider_stall`. A request is sent a second time only where nothing of an answer had arrived: refused or
//! broken connection, 429, 5xx. No error holds a key.

pub mod chat;
pub mod error;
#[doc(hidden)]
pub mod fuzzing;
pub mod http;
mod models;
mod refusal;
pub mod resampling;
pub mod speech;
pub mod sse;
pub mod tool_calls;
pub mod transcription;

mod services;

#[cfg(test)]
mod wire;

use std::{path::Path, sync::Arc};

use offhook::{
    attempt::{CallLimits, ProviderSpecification, RAW_VOICE_RATE},
    language::Language,
};
use offhook_types::{
    chat::{Message, Tool},
    transcript::Transcript,
};

use self::{
    chat::Chat,
    http::{Bounds, Http},
    speech::{LanguageVoice, Speech},
    transcription::Transcription,
};
pub use self::{
    chat::ReplyStream,
    error::{ProviderError, Service},
    speech::VoiceStream,
};

/// The three services of one call. Cheap to clone; all clones share connections.
#[derive(Clone)]
pub struct Providers {
    services: Arc<Services>,
}

struct Services {
    transcription: Transcription,
    chat: Chat,
    speech: Speech,
    /// For the lists of models.
    endpoints: Vec<Http>,
}

/// The voice of each language, and the rate of its raw samples.
fn voices(specification: &ProviderSpecification) -> Vec<LanguageVoice> {
    let common = specification.raw_voice_rate.unwrap_or(RAW_VOICE_RATE);
    let own = |language| specification.raw_voice_rates.iter().find(|(of, _)| *of == language).map(|(_, rate)| *rate);
    let voice = |(language, name): &(Language, String)| LanguageVoice {
        language: *language,
        name: name.clone(),
        raw_rate: own(*language).unwrap_or(common),
    };
    specification.voices.iter().map(voice).collect()
}

impl Providers {
    /// Returns clients for the endpoints of an attempt. Trusts the Mozilla roots compiled in, and nothing of the machine.
    ///
    /// # Errors
    /// `Configuration`, where a base URL is none or no voice is named.
    pub fn new(specification: &ProviderSpecification, limits: &CallLimits) -> Result<Self, ProviderError> {
        Self::trusting(specification, limits, None)
    }

    /// Does as [`Providers::new`], and trusts the certificates of a PEM file besides, for servers behind a CA of one's own.
    ///
    /// # Errors
    /// `Configuration`, also where the file cannot be read or holds no certificate.
    pub fn trusting(
        specification: &ProviderSpecification,
        limits: &CallLimits,
        authorities: Option<&Path>,
    ) -> Result<Self, ProviderError> {
        let bounds = Bounds { first: limits.provider_first, stall: limits.provider_stall };
        let client = http::client(bounds, authorities)?;
        let open = |service, endpoint| Http::new(service, client.clone(), endpoint, bounds);
        let learned = |service: Service| specification.learned.get(service.to_string()).cloned().unwrap_or_default();
        let services = Services {
            transcription: Transcription::new(
                open(Service::Transcription, &specification.speech_to_text)?,
                &learned(Service::Transcription),
            ),
            chat: Chat::new(open(Service::Chat, &specification.chat)?, &learned(Service::Chat)),
            speech: Speech::new(
                open(Service::Speech, &specification.text_to_speech)?,
                voices(specification),
                &learned(Service::Speech),
            )?,
            endpoints: vec![
                open(Service::Transcription, &specification.speech_to_text)?,
                open(Service::Chat, &specification.chat)?,
                open(Service::Speech, &specification.text_to_speech)?,
            ],
        };
        Ok(Providers { services: Arc::new(services) })
    }

    /// Opens the connections (DNS, TCP, TLS) while the phone still rings, with a `GET {base}/models` each, whatever the
    /// response. Bounded by `provider_first`; a server that is not there is found out by the first real request.
    pub async fn prewarm(&self) {
        let services = &self.services;
        futures::join!(services.transcription.prewarm(), services.chat.prewarm(), services.speech.prewarm());
    }

    /// Returns the names of the models that the server of `service` offers.
    ///
    /// # Errors
    /// See [`ProviderError`]; not every server has such a list.
    pub async fn models(&self, service: Service) -> Result<Vec<String>, ProviderError> {
        let endpoint = self.services.endpoints.iter().find(|endpoint| endpoint.service == service);
        models::list(endpoint.expect("there is one for each service")).await
    }

    /// Returns what the server of `service` has shown of itself: what it refuses, how its model thinks. It is for this crate only
    /// (`ProviderSpecification::learned`); an older or newer one leaves out what it does not know.
    pub fn learned(&self, service: Service) -> serde_json::Value {
        match service {
            Service::Transcription => self.services.transcription.learned(),
            Service::Chat => self.services.chat.learned(),
            Service::Speech => self.services.speech.learned(),
        }
    }

    /// Returns what the chat server said when it refused tools; `None` where it has not. They are described in the prompt since then,
    /// and read from the model's text.
    pub fn tools_refused(&self) -> Option<String> {
        self.services.chat.tools_refused()
    }

    /// Returns the words in 16 kHz sound. The text is empty where there were none. `hint` is sent as the language.
    ///
    /// # Errors
    /// See [`ProviderError`].
    pub async fn transcribe(&self, pcm: &[i16], hint: Option<Language>) -> Result<Transcript, ProviderError> {
        self.services.transcription.transcribe(pcm, hint).await
    }

    /// Asks the model and returns the stream of its reply. Dropping the stream ends the request.
    ///
    /// # Errors
    /// See [`ProviderError`]; what fails later comes out of the stream.
    pub async fn think(&self, messages: &[Message], tools: &[Tool]) -> Result<ReplyStream, ProviderError> {
        self.services.chat.think(messages, tools).await
    }

    /// Returns the sound of a text, streamed at 16 kHz. Dropping the stream ends the request.
    ///
    /// # Errors
    /// See [`ProviderError`]; what fails later comes out of the stream.
    pub async fn voice(&self, text: &str, language: Language) -> Result<VoiceStream, ProviderError> {
        self.services.speech.voice(text, language).await
    }
}
