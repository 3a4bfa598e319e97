//! `POST {base}/audio/speech`, streamed (OpenAI API reference, "Audio", "Create speech"): `response_format=pcm` is 24 kHz
//! signed 16 bit little-endian mono without a header; a WAV header is taken as well, and believed.

pub mod wav;

use std::sync::Arc;

use offhook::language::Language;
use reqwest::{Response, header::CONTENT_TYPE};
use serde_json::json;
use tokio::time::{Instant, timeout_at};
use wav::VoiceDecoder;

use super::{
    error::ProviderError,
    http::{Http, media_type},
};

/// What `pcm` means on this wire, Hz.
const PCM_RATE: u32 = 24_000;
/// Most samples (16 kHz) of one text: three minutes.
const MOST_SAMPLES: usize = 180 * 16_000;

/// The voice's endpoint.
pub(super) struct Speech {
    http: Arc<Http>,
    voices: Vec<(Language, String)>,
}

impl Speech {
    pub(super) fn new(http: Http, voices: &[(Language, String)]) -> Result<Self, ProviderError> {
        if voices.is_empty() {
            let service = http.service;
            return Err(ProviderError::Configuration(format!("{service}: no voice is named: name one for each language")));
        }
        Ok(Speech { http: http.into(), voices: voices.to_vec() })
    }

    pub(super) async fn prewarm(&self) {
        self.http.prewarm().await;
    }

    pub(super) async fn voice(&self, text: &str, language: Language) -> Result<VoiceStream, ProviderError> {
        let deadline = self.http.deadline();
        let body = json!({
            "model": self.http.model,
            "input": text,
            "voice": self.voice_for(language),
            "response_format": "pcm",
        });
        let answer = self.http.post("audio/speech", deadline, |request| request.json(&body)).await?;
        let rate = named_rate(&answer).unwrap_or(PCM_RATE);
        let kind = media_type(&answer);
        // Some servers call PCM audio/mpeg, so only what cannot be sound is refused here; the decoder sees the rest.
        if kind.starts_with("text/") || kind == "application/json" {
            return Err(self.http.nonsense(format!("the voice is {kind}, not sound")));
        }
        let decoder = Some(VoiceDecoder::new(rate));
        Ok(VoiceStream { http: self.http.clone(), answer: Some(answer), deadline, decoder, samples: 0 })
    }

    /// The language's voice; any other rather than silence (most voices of this wire speak all four).
    fn voice_for(&self, language: Language) -> &str {
        let own = self.voices.iter().find(|(of, _)| *of == language);
        own.or(self.voices.first()).map_or("", |(_, voice)| voice)
    }
}

/// `audio/pcm;rate=16000` or `audio/L16; rate=…`: the server says it itself.
fn named_rate(answer: &Response) -> Option<u32> {
    let header = answer.headers().get(CONTENT_TYPE)?.to_str().ok()?.to_ascii_lowercase();
    header.split(';').find_map(|parameter| parameter.trim().strip_prefix("rate=")?.trim_matches('"').parse().ok())
}

/// A voice as it comes in. Dropping it ends the request.
pub struct VoiceStream {
    http: Arc<Http>,
    /// `None` once its end was read.
    answer: Option<Response>,
    /// When the next sound is due.
    deadline: Instant,
    /// `None` after the end or an error.
    decoder: Option<VoiceDecoder>,
    /// Given so far.
    samples: usize,
}

impl VoiceStream {
    /// Returns the next sound, 16 kHz, never empty; `None` after the end or an error.
    ///
    /// # Errors
    /// See [`ProviderError`]. What came before stays played.
    pub async fn next(&mut self) -> Option<Result<Vec<i16>, ProviderError>> {
        while self.decoder.is_some() {
            match self.read().await {
                Ok(sound) if sound.is_empty() => {}
                Ok(sound) => return Some(Ok(sound)),
                Err(error) => {
                    (self.decoder, self.answer) = (None, None);
                    return Some(Err(error));
                }
            }
        }
        None
    }

    async fn read(&mut self) -> Result<Vec<i16>, ProviderError> {
        let cut = ProviderError::Cut { service: self.http.service };
        let (Some(answer), Some(decoder)) = (&mut self.answer, &mut self.decoder) else { return Err(cut) };
        let sound = match timeout_at(self.deadline, answer.chunk()).await {
            Ok(Ok(Some(bytes))) => decoder.push(&bytes).map_err(|error| self.http.nonsense(error.to_string()))?,
            Ok(Ok(None)) => return self.end(),
            Ok(Err(_)) => return Err(cut),
            Err(_) if self.samples == 0 => return Err(self.http.too_slow("the first sound")),
            Err(_) => return Err(self.http.stalled("more sound")),
        };
        if !sound.is_empty() {
            self.samples += sound.len();
            self.deadline = Instant::now() + self.http.bounds.stall;
        }
        if self.samples > MOST_SAMPLES {
            return Err(self.http.nonsense("a voice of more than three minutes for one sentence"));
        }
        Ok(sound)
    }

    fn end(&mut self) -> Result<Vec<i16>, ProviderError> {
        self.answer = None;
        let decoder = self.decoder.take().expect("read() is called only while there is one");
        let sound = decoder.finish().map_err(|error| self.http.nonsense(error.to_string()))?;
        self.samples += sound.len();
        if self.samples == 0 { Err(self.http.nonsense("the voice holds no sound")) } else { Ok(sound) }
    }
}

#[cfg(test)]
mod tests;
