//! `POST {base}/audio/transcriptions` (OpenAI API reference, "Audio", "Create transcription").

mod reading;
mod remarks;
mod stock_phrases;

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use offhook::language::Language;
use offhook_types::{
    audio::{SAMPLE_RATE, level_dbfs},
    transcript::Transcript,
};
use reqwest::StatusCode;
use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

pub(crate) use self::reading::{Unread, read};
use super::{
    error::ProviderError,
    http::{Http, Payload, body_up_to},
    refusal,
    speech::wav::wav_file,
};

/// Most bytes of an answer: words of 16 s with all their timings are a few kB.
const MOST_BODY: usize = 1 << 20;
/// Nobody speaks where no 100 ms of the sound are louder than this, dBFS. The noise of a quiet telephone line is some −60; speech that
/// people can follow has −35 in its loudest syllables.
const NEAR_SILENT: f32 = -48.0;

/// The recogniser's endpoint.
pub(super) struct Transcription {
    http: Http,
    /// What the server takes, as far as it has said.
    wishes: Mutex<Wishes>,
}

/// What a request asks for beyond what is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Wishes {
    format: Format,
    /// The language is named, where we know it.
    hint: bool,
}

/// The shape of the answer. gpt-4o-transcribe and others know no `verbose_json`; a few servers only text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    Verbose,
    Json,
    Text,
}

impl Default for Wishes {
    fn default() -> Self {
        Wishes { format: Format::Verbose, hint: true }
    }
}

impl Wishes {
    /// What to ask for after a refusal in these words; `None` where nothing is left to leave out, or where it is about the sound.
    fn after(self, said: &str, named_only: bool, hinted: bool) -> Option<Wishes> {
        let simpler = match self.format {
            Format::Verbose => Some(Wishes { format: Format::Json, ..self }),
            Format::Json => Some(Wishes { format: Format::Text, ..self }),
            Format::Text => None,
        };
        let silent = (hinted && self.hint).then_some(Wishes { hint: false, ..self });
        if refusal::names(said, &["response_format", "verbose_json", "format", "timestamp_granularities"]) {
            return simpler;
        }
        if refusal::names(said, &["language", "languages"]) {
            return silent;
        }
        if named_only || refusal::names(said, &["audio", "file", "duration", "short", "long"]) {
            return None;
        }
        simpler.or(silent)
    }
}

impl Transcription {
    /// `learned` is what [`Transcription::learned`] returned in another process.
    pub(super) fn new(http: Http, learned: &Value) -> Self {
        Transcription { http, wishes: Mutex::new(Wishes::deserialize(learned).unwrap_or_default()) }
    }

    pub(super) fn learned(&self) -> Value {
        serde_json::to_value(*self.wishes.lock().unwrap_or_else(PoisonError::into_inner)).unwrap_or_default()
    }

    pub(super) async fn prewarm(&self) {
        self.http.prewarm().await;
    }

    /// Asks, and where the server refuses something that is not needed, again without it: from then on always.
    pub(super) async fn transcribe(&self, pcm: &[i16], hint: Option<Language>) -> Result<Transcript, ProviderError> {
        let deadline = self.http.deadline();
        let file = Bytes::from(wav_file(pcm, SAMPLE_RATE));
        let near_silent = is_near_silent(pcm);
        let mut wishes = *self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut first_refusal, mut changed) = (None, false);
        loop {
            let error = match self.ask(&file, hint, wishes, deadline, near_silent).await {
                Ok(transcript) => {
                    if changed {
                        *self.wishes.lock().unwrap_or_else(PoisonError::into_inner) = wishes;
                    }
                    return Ok(transcript);
                }
                Err(error) => error,
            };
            if says_nobody_spoke(&error) {
                tracing::info!(%error, "the speech-to-text server fails where nobody speaks: that is no word");
                return Ok(Transcript::default());
            }
            let less =
                refusal::may_be_about_a_wish(&error).and_then(|named| wishes.after(refusal::said(&error), named, hint.is_some()));
            match less {
                Some(less) => {
                    tracing::info!(%error, "the speech-to-text server is asked again without what it may not take");
                    first_refusal.get_or_insert(error);
                    (wishes, changed) = (less, true);
                }
                None => return Err(first_refusal.unwrap_or(error)),
            }
        }
    }

    async fn ask(
        &self,
        file: &Bytes,
        hint: Option<Language>,
        wishes: Wishes,
        deadline: Instant,
        near_silent: bool,
    ) -> Result<Transcript, ProviderError> {
        let format = match wishes.format {
            Format::Verbose => "verbose_json",
            Format::Json => "json",
            Format::Text => "text",
        };
        let part = Part::stream_with_length(file.clone(), file.len() as u64).file_name("utterance.wav");
        let part = part.mime_str("audio/wav").expect("a valid media type");
        let form = Form::new().text("model", self.http.model.clone()).text("response_format", format);
        let form = match hint.filter(|_| wishes.hint) {
            Some(language) => form.text("language", language.code()),
            None => form,
        };
        let payload = Payload::form(form.part("file", part)).await;
        let answer = self.http.post("audio/transcriptions", deadline, &payload).await?;
        let status = answer.status();
        let body = match timeout_at(deadline, body_up_to(answer, MOST_BODY)).await {
            Err(_) => return Err(self.http.too_slow("the transcript")),
            Ok(Err(_)) => return Err(ProviderError::Cut { service: self.http.service }),
            Ok(Ok(body)) => body,
        };
        // Where text was asked for, no text is no words.
        if body.is_empty() && (wishes.format != Format::Text || status != StatusCode::OK) {
            let detail = format!("{status} without a body, which is neither words nor silence: see the server's log");
            return Err(self.http.nonsense(detail));
        }
        read(&body, near_silent).map_err(|what| match what {
            Unread::Said(text) => {
                let detail = self.http.said(text.as_bytes());
                ProviderError::ServerFailed { service: self.http.service, status: 200, detail }
            }
            Unread::Nonsense(detail) => self.http.nonsense(detail),
        })
    }
}

/// Whether a refusal only says that there is no speech in the sound: noise is heard as an utterance now and then, and some servers fail
/// over it (speaches: "No clip timestamps found").
fn says_nobody_spoke(error: &ProviderError) -> bool {
    let said = match error {
        ProviderError::Refused { status: 400 | 422, detail, .. } | ProviderError::ServerFailed { detail, .. } => {
            detail.to_lowercase()
        }
        _ => return false,
    };
    ["no clip timestamps", "no speech", "no voice detected", "no audio detected", "no active speech", "empty audio"]
        .iter()
        .any(|words| said.contains(words))
}

/// Whether nothing in the sound is loud enough for speech.
fn is_near_silent(pcm: &[i16]) -> bool {
    pcm.chunks(SAMPLE_RATE as usize / 10).all(|stretch| level_dbfs(stretch) < NEAR_SILENT)
}

#[cfg(test)]
mod tests;
