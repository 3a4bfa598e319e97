//! `POST {base}/audio/transcriptions` (OpenAI API reference, "Audio", "Create transcription").

use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use offhook::language::Language;
use offhook_types::{audio::SAMPLE_RATE, transcript::Transcript};
use reqwest::multipart::{Form, Part};
use serde::Deserialize;
use tokio::time::{Instant, timeout_at};

use super::{
    error::ProviderError,
    http::{Http, body_up_to, media_type},
    speech::wav::wav_file,
};

/// Most bytes of an answer: words of 16 s with all their timings are a few kB.
const MOST_BODY: usize = 1 << 20;

/// The recogniser's endpoint.
pub(super) struct Transcription {
    http: Http,
    /// The server refused `verbose_json` before (gpt-4o-transcribe and others know only `json`).
    plain_json: AtomicBool,
}

/// `json` has the text alone; `verbose_json` the language and the segments as well.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    text: String,
    #[serde(default)]
    language: Option<String>,
    #[serde(default)]
    segments: Option<Vec<Segment>>,
}

/// As Whisper rates its own words.
#[derive(Debug, Deserialize)]
struct Segment {
    #[serde(default)]
    text: String,
    #[serde(default)]
    no_speech_prob: Option<f64>,
    #[serde(default)]
    avg_logprob: Option<f64>,
    #[serde(default)]
    compression_ratio: Option<f64>,
}

impl Transcription {
    pub(super) fn new(http: Http) -> Self {
        Transcription { http, plain_json: AtomicBool::new(false) }
    }

    pub(super) async fn prewarm(&self) {
        self.http.prewarm().await;
    }

    pub(super) async fn transcribe(&self, pcm: &[i16], hint: Option<Language>) -> Result<Transcript, ProviderError> {
        let deadline = self.http.deadline();
        let file = Bytes::from(wav_file(pcm, SAMPLE_RATE));
        if !self.plain_json.load(Ordering::Relaxed) {
            match self.ask(&file, hint, "verbose_json", deadline).await {
                Err(ProviderError::Refused { status: 400 | 415 | 422, .. }) => {}
                answered => return answered,
            }
        }
        let answered = self.ask(&file, hint, "json", deadline).await;
        if answered.is_ok() {
            self.plain_json.store(true, Ordering::Relaxed);
        }
        answered
    }

    async fn ask(
        &self,
        file: &Bytes,
        hint: Option<Language>,
        format: &'static str,
        deadline: Instant,
    ) -> Result<Transcript, ProviderError> {
        let form = || {
            let length = file.len() as u64;
            let part = Part::stream_with_length(file.clone(), length).file_name("utterance.wav");
            let part = part.mime_str("audio/wav").expect("a valid media type");
            let form = Form::new().text("model", self.http.model.clone()).text("response_format", format);
            let form = match hint {
                Some(language) => form.text("language", language.code()),
                None => form,
            };
            form.part("file", part)
        };
        let answer = self.http.post("audio/transcriptions", deadline, |request| request.multipart(form())).await?;
        let kind = media_type(&answer);
        let body = match timeout_at(deadline, body_up_to(answer, MOST_BODY)).await {
            Err(_) => return Err(self.http.too_slow("the transcript")),
            Ok(Err(_)) => return Err(ProviderError::Cut { service: self.http.service }),
            Ok(Ok(body)) => body,
        };
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| match kind.as_str() {
            "application/json" => self.http.nonsense(format!("the transcript is no such JSON: {error}")),
            other => self.http.nonsense(format!("the transcript is {other}, not JSON")),
        })?;
        Ok(answer.transcript())
    }
}

impl Answer {
    pub(crate) fn transcript(&self) -> Transcript {
        Transcript { language: self.language.as_deref().and_then(|name| name.parse().ok()), text: self.words() }
    }

    /// The text without the segments that Whisper made up: silence rated as such, or one word over and over. The limits are
    /// those of Whisper's own `transcribe.py` (no_speech_threshold 0.6, logprob_threshold −1, compression 2.4).
    fn words(&self) -> String {
        let segments = self.segments.as_deref().unwrap_or_default();
        let kept: Vec<&str> = segments.iter().filter(|segment| !segment.made_up()).map(|segment| segment.text.as_str()).collect();
        let text = if kept.len() == segments.len() { self.text.clone() } else { kept.concat() };
        text.trim().to_owned()
    }
}

impl Segment {
    fn made_up(&self) -> bool {
        let silence = self.no_speech_prob.is_some_and(|p| p > 0.6) && self.avg_logprob.is_some_and(|p| p < -1.0);
        silence || self.compression_ratio.is_some_and(|ratio| ratio > 2.4)
    }
}

#[cfg(test)]
mod tests;
