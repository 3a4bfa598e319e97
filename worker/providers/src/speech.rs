//! `POST {base}/audio/speech`, streamed (OpenAI API reference, "Audio", "Create speech"): `response_format=pcm` is 24 kHz
//! signed 16 bit little-endian mono without a header. What comes is looked at, and believed only as far as it can be: servers send WAV,
//! one file or several, other rates, other widths, the other byte order, or something that is no sound at all.

pub mod coding;
mod edges;
pub(crate) mod envelope;
mod formats;
mod noise;
pub mod plausible;
pub mod wav;
mod wav_header;

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use offhook::language::Language;
use reqwest::{
    Response,
    header::{CONTENT_TYPE, HeaderMap},
};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use self::{
    coding::Coding,
    edges::Edges,
    envelope::Envelope,
    plausible::{Bounds, Implausible},
    wav::{NoSound, Raw, VoiceDecoder},
};
use super::{
    error::ProviderError,
    http::{Http, Payload, body_up_to, media_type},
    refusal,
};

/// What is asked for, in this order.
const FORMATS: [Option<&str>; 3] = [Some("pcm"), Some("wav"), None];

/// Bytes of what a server says instead of sound.
const WORDS: usize = 4096;

/// The voice's endpoint.
pub(super) struct Speech {
    shared: Arc<Shared>,
    voices: Vec<LanguageVoice>,
}

/// The voice of a language.
#[derive(Debug, Clone)]
pub(super) struct LanguageVoice {
    pub language: Language,
    /// Its name on the server.
    pub name: String,
    /// Of its raw samples, Hz, where the server does not say it.
    pub raw_rate: u32,
}

/// What all sentences of the process share.
struct Shared {
    http: Http,
    /// The place in [`FORMATS`] of what the server takes and understands, as far as it has shown.
    format: AtomicU8,
}

/// One sentence to be spoken.
struct Order {
    text: String,
    voice: LanguageVoice,
    format: u8,
}

impl Speech {
    /// `learned` is what [`Speech::learned`] returned in another process.
    pub(super) fn new(http: Http, voices: Vec<LanguageVoice>, learned: &Value) -> Result<Self, ProviderError> {
        if voices.is_empty() {
            let service = http.service;
            return Err(ProviderError::Configuration(format!(
                "{service}: no voice is named: name one for each language in OFFHOOK_VOICES"
            )));
        }
        let known =
            |format: &Value| FORMATS.iter().position(|known| json!(known) == *format).and_then(|at| u8::try_from(at).ok());
        let format = learned.get("format").and_then(known).unwrap_or(0);
        Ok(Speech { shared: Arc::new(Shared { http, format: AtomicU8::new(format) }), voices })
    }

    pub(super) fn learned(&self) -> Value {
        json!({"format": FORMATS[usize::from(self.shared.format.load(Ordering::Relaxed))]})
    }

    pub(super) async fn prewarm(&self) {
        self.shared.http.prewarm().await;
    }

    pub(super) async fn voice(&self, text: &str, language: Language) -> Result<VoiceStream, ProviderError> {
        let shared = self.shared.clone();
        let deadline = shared.http.deadline();
        let format = shared.format.load(Ordering::Relaxed);
        let mut order = Order { text: text.to_owned(), voice: self.voice_for(language).clone(), format };
        let answer = shared.ask(&mut order, deadline).await?;
        let decoder = Some(VoiceDecoder::new(raw_of(answer.headers(), order.voice.raw_rate)));
        let bounds = Bounds::of(text);
        Ok(VoiceStream {
            shared,
            order,
            answer: Some(answer),
            deadline,
            envelope: Envelope::default(),
            decoder,
            bounds,
            beginning: Vec::new(),
            edges: Edges::default(),
            sound: Vec::new(),
            given: false,
        })
    }

    /// The language's voice; any other rather than silence (most voices of this wire speak all four).
    fn voice_for(&self, language: Language) -> &LanguageVoice {
        let own = self.voices.iter().find(|voice| voice.language == language);
        own.or(self.voices.first()).expect("there is a voice: `new` sees to it")
    }
}

impl Shared {
    /// Asks, and where the server refuses the format, for the next one: from then on always.
    async fn ask(&self, order: &mut Order, deadline: Instant) -> Result<Response, ProviderError> {
        let mut first_refusal = None;
        loop {
            let mut body = json!({"model": self.http.model, "input": order.text, "voice": order.voice.name});
            if let Some(format) = FORMATS[usize::from(order.format)] {
                body["response_format"] = json!(format);
            }
            let error = match self.http.post("audio/speech", deadline, &Payload::json(&body)).await {
                Ok(answer) => {
                    if first_refusal.is_some() {
                        self.format.store(order.format, Ordering::Relaxed);
                    }
                    return Ok(answer);
                }
                Err(failure) => failure.error,
            };
            let named = refusal::names(refusal::said(&error), &["response_format", "format", "pcm", "wav"]);
            let about_it = refusal::may_be_about_a_wish(&error).is_some_and(|named_only| named || !named_only);
            if !about_it || !self.next_format(order) {
                return Err(first_refusal.unwrap_or(error));
            }
            tracing::info!(%error, "the voice is asked for in another format");
            first_refusal.get_or_insert(error);
        }
    }

    fn next_format(&self, order: &mut Order) -> bool {
        order.format += 1;
        let another = usize::from(order.format) < FORMATS.len();
        if !another {
            order.format -= 1;
        }
        another
    }
}

/// What the server says of raw samples: `audio/pcm;rate=16000`, `audio/L16; rate=…`, `X-Sample-Rate: …`, `audio/basic`.
fn raw_of(headers: &HeaderMap, rate: u32) -> Raw {
    let named = |name: &str| Some(headers.get(name)?.to_str().ok()?.trim().to_ascii_lowercase());
    let kind = named(CONTENT_TYPE.as_str()).unwrap_or_default();
    let parameter = |names: &[&str]| {
        kind.split(';').find_map(|parameter| {
            let (name, value) = parameter.split_once('=')?;
            names.contains(&name.trim()).then(|| value.trim().trim_matches('"').parse::<u32>().ok())?
        })
    };
    let header = |names: &[&str]| names.iter().find_map(|name| named(name)?.trim_end_matches("hz").trim().parse::<u32>().ok());
    let said = parameter(&["rate", "samplerate", "sample-rate", "sample_rate", "sr"])
        .or_else(|| header(&["x-sample-rate", "x-audio-sample-rate", "x-samplerate", "sample-rate", "audio-sample-rate"]));
    let channels = parameter(&["channels", "channel"]).or_else(|| header(&["x-channels", "x-audio-channels", "channels"]));
    let channels = channels.filter(|channels| (1..=8).contains(channels)).unwrap_or(1) as usize;
    let (coding, usual) = match kind.split(';').next().unwrap_or_default().trim() {
        "audio/l16" => (Coding::Signed16BigEndian, rate),
        "audio/basic" | "audio/pcmu" | "audio/mulaw" | "audio/x-mulaw" | "audio/ulaw" => (Coding::MuLaw, 8_000),
        "audio/pcma" | "audio/alaw" | "audio/x-alaw" => (Coding::ALaw, 8_000),
        _ => (Coding::Signed16, rate),
    };
    Raw { rate: said.unwrap_or(usual), channels, coding }
}

/// A voice as it comes in. Dropping it ends the request.
pub struct VoiceStream {
    shared: Arc<Shared>,
    order: Order,
    /// `None` once its end was read.
    answer: Option<Response>,
    /// When the next sound is due.
    deadline: Instant,
    /// Takes the sound out of JSON and events.
    envelope: Envelope,
    /// `None` after the end or an error.
    decoder: Option<VoiceDecoder>,
    bounds: Bounds,
    /// How the answer begins, while nothing of it can be played: a server's words, where it says something instead.
    beginning: Vec<u8>,
    /// Takes the silence around it off.
    edges: Edges,
    /// All of it so far, silence and all.
    sound: Vec<i16>,
    /// Some of it was given to be played.
    given: bool,
}

impl VoiceStream {
    /// Returns the next sound, 16 kHz, never empty; `None` after the end or an error.
    ///
    /// # Errors
    /// See [`ProviderError`]. What came before stays played; after `NotSpeech` nobody has understood it.
    pub async fn next(&mut self) -> Option<Result<Vec<i16>, ProviderError>> {
        while self.decoder.is_some() {
            match self.read().await {
                Ok(sound) if sound.is_empty() => {}
                Ok(sound) => {
                    self.given = true;
                    return Some(Ok(sound));
                }
                Err(error) => {
                    (self.decoder, self.answer) = (None, None);
                    return Some(Err(error));
                }
            }
        }
        None
    }

    async fn read(&mut self) -> Result<Vec<i16>, ProviderError> {
        let http = &self.shared.http;
        let cut = ProviderError::Cut { service: http.service };
        let (Some(answer), Some(decoder)) = (&mut self.answer, &mut self.decoder) else { return Err(cut) };
        let sound = match timeout_at(self.deadline, answer.chunk()).await {
            Ok(Ok(Some(bytes))) => {
                if self.sound.is_empty() {
                    let room = WORDS.saturating_sub(self.beginning.len());
                    self.beginning.extend_from_slice(&bytes[..bytes.len().min(room)]);
                }
                match decoder.push(&self.envelope.push(&bytes)) {
                    Ok(sound) => sound,
                    Err(what) => return self.no_sound(what).await,
                }
            }
            Ok(Ok(None)) => return self.end().await,
            Ok(Err(_)) => return Err(cut),
            Err(_) if self.sound.is_empty() => return Err(http.too_slow("the first sound")),
            Err(_) => return Err(http.stalled("more sound")),
        };
        if !sound.is_empty() {
            self.deadline = Instant::now() + http.bounds.stall;
        }
        self.sound.extend_from_slice(&sound);
        self.bounds.check_longest(self.sound.len()).map_err(|why| self.not_speech(why))?;
        Ok(self.edges.push(&sound))
    }

    /// The stream is over: the rest of the sound, if all of it can be the text.
    async fn end(&mut self) -> Result<Vec<i16>, ProviderError> {
        let kind = self.answer.take().map(|answer| media_type(&answer)).unwrap_or_default();
        let mut decoder = self.decoder.take().expect("read() is called only while there is one");
        let rest = decoder.push(&self.envelope.finish()).and_then(|mut sound| {
            sound.extend(decoder.finish()?);
            Ok(sound)
        });
        let sound = match rest {
            Ok(sound) => sound,
            Err(what) => return self.no_sound(what).await,
        };
        self.sound.extend_from_slice(&sound);
        if self.sound.is_empty() {
            return Err(self.shared.http.nonsense(format!("the voice holds no sound ({kind})")));
        }
        self.bounds.check(&self.sound).map_err(|why| self.not_speech(why))?;
        let mut rest = self.edges.push(&sound);
        rest.extend(std::mem::take(&mut self.edges).finish());
        Ok(rest)
    }

    /// Something that cannot be played. Where nothing was played yet, another format is asked for: servers that do not know `pcm` send
    /// what they like.
    async fn no_sound(&mut self, what: NoSound) -> Result<Vec<i16>, ProviderError> {
        if !self.given && self.shared.next_format(&mut self.order) {
            tracing::info!(%what, "the voice is asked for in another format");
            let answer = self.shared.clone().ask(&mut self.order, self.deadline).await;
            let Ok(answer) = answer else { return Err(self.unplayable(what).await) };
            self.beginning.clear();
            self.envelope = Envelope::default();
            (self.edges, self.sound) = (Edges::default(), Vec::new());
            self.shared.format.store(self.order.format, Ordering::Relaxed);
            self.decoder = Some(VoiceDecoder::new(raw_of(answer.headers(), self.order.voice.raw_rate)));
            self.answer = Some(answer);
            return Ok(Vec::new());
        }
        Err(self.unplayable(what).await)
    }

    async fn unplayable(&mut self, what: NoSound) -> ProviderError {
        let service = self.shared.http.service;
        match what {
            // An error under another name: `{"error": …}` with status 200, as audio/wav.
            NoSound::OtherFormat("JSON" | "text") => {
                if let Some(answer) = self.answer.take() {
                    let rest = timeout_at(self.deadline, body_up_to(answer, WORDS)).await;
                    self.beginning.extend(rest.ok().and_then(Result::ok).unwrap_or_default());
                }
                match self.shared.http.said(&self.beginning) {
                    said if said.is_empty() => self.shared.http.nonsense(what.to_string()),
                    detail => ProviderError::ServerFailed { service, status: 200, detail },
                }
            }
            NoSound::Noise => ProviderError::NotSpeech { service, detail: what.to_string() },
            other => self.shared.http.nonsense(other.to_string()),
        }
    }

    fn not_speech(&self, why: Implausible) -> ProviderError {
        ProviderError::NotSpeech { service: self.shared.http.service, detail: why.to_string() }
    }
}

#[cfg(test)]
mod tests;
