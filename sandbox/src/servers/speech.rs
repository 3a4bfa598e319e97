//! `POST /v1/audio/speech`: words in, sound out. Source: <https://platform.openai.com/docs/api-reference/audio/createSpeech>.

use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, stream};
use serde::Deserialize;

use super::{Servers, VOICE_MODEL, error::ApiError};
use crate::{
    sound::{to_bytes, wav},
    voice::{Line, cast::CastVoice},
};

/// The rate `pcm` and `wav` come at, Hz: 24 kHz, signed 16 bit, little-endian.
const RATE: u32 = 24_000;
/// Bytes of a streamed chunk: 200 ms.
const CHUNK: usize = RATE as usize / 5 * 2;
/// Characters of one input.
const LONGEST_INPUT: usize = 4_096;

#[derive(Deserialize)]
struct SpeechRequest {
    model: Option<String>,
    input: Option<String>,
    voice: Option<String>,
    response_format: Option<String>,
    speed: Option<f32>,
}

/// What was asked for, once it is known to be in order.
struct Order {
    line: Line,
    wav: bool,
}

/// Answers with `audio/pcm` or `audio/wav` in chunks of 200 ms.
pub(super) async fn speech(State(servers): State<Arc<Servers>>, body: Bytes) -> Result<Response, ApiError> {
    let order = order(&body)?;
    let samples = servers.voice.say(&order.line).await.map_err(|error| ApiError::server(error.to_string()))?;
    let mut bytes = if order.wav { wav::header(samples.len(), RATE) } else { Vec::new() };
    bytes.extend(to_bytes(&samples));
    let kind = HeaderValue::from_static(if order.wav { "audio/wav" } else { "audio/pcm" });
    let body = Body::from_stream(chunks(Bytes::from(bytes), servers.settings.chunk_interval));
    Ok(([(header::CONTENT_TYPE, kind)], body).into_response())
}

fn order(body: &[u8]) -> Result<Order, ApiError> {
    let request: SpeechRequest = serde_json::from_slice(body)
        .map_err(|error| ApiError::unreadable(format!("We could not parse the JSON body of your request: {error}")))?;
    let model = request.model.ok_or_else(|| ApiError::missing("model"))?;
    let text = request.input.ok_or_else(|| ApiError::missing("input"))?;
    let voice = request.voice.ok_or_else(|| ApiError::missing("voice"))?;
    if model != VOICE_MODEL {
        return Err(ApiError::unknown_model(&model, VOICE_MODEL));
    }
    if text.trim().is_empty() {
        return Err(ApiError::invalid("input", "Invalid 'input': the string must not be empty."));
    }
    if text.chars().count() > LONGEST_INPUT {
        return Err(ApiError::invalid(
            "input",
            format!("Invalid 'input': string too long. The maximum length is {LONGEST_INPUT}."),
        ));
    }
    let voice: CastVoice = voice.parse().map_err(|error| ApiError::invalid("voice", format!("Invalid 'voice': {error}.")))?;
    let wav = match request.response_format.as_deref() {
        Some("pcm") => false,
        Some("wav") => true,
        other => {
            let asked = other.unwrap_or("mp3 (the default)");
            let message = format!("Invalid 'response_format': {asked} is not made here. Supported values are: 'pcm' and 'wav'.");
            return Err(ApiError::invalid("response_format", message));
        }
    };
    let speed = request.speed.unwrap_or(1.0);
    if !(0.25..=4.0).contains(&speed) {
        return Err(ApiError::invalid("speed", "Invalid 'speed': expected a value between 0.25 and 4.0."));
    }
    Ok(Order { line: Line { text, voice, speed, rate: RATE }, wav })
}

/// The bytes in chunks, the first at once, each further one after the interval.
fn chunks(bytes: Bytes, interval: Duration) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    let count = bytes.len().div_ceil(CHUNK);
    stream::iter(0..count).then(move |index| {
        let chunk = bytes.slice(index * CHUNK..bytes.len().min((index + 1) * CHUNK));
        async move {
            if index > 0 && !interval.is_zero() {
                tokio::time::sleep(interval).await;
            }
            Ok(chunk)
        }
    })
}
