//! `POST /v1/audio/transcriptions`: a file in, words out.
//!
//! Source: <https://platform.openai.com/docs/api-reference/audio/createTranscription>. WAV only; the words are those of the
//! vocabulary or none.

use std::sync::Arc;

use axum::{
    Json,
    body::Bytes,
    extract::{Multipart, State, multipart::MultipartError},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use offhook::language::Language;
use serde_json::{Value, json};

use super::{EAR_MODEL, Servers, error::ApiError};
use crate::{
    recogniser::Recognition,
    sound::{Sound, wav},
};

/// The shortest sound the real endpoint takes, seconds.
const SHORTEST: f64 = 0.1;
/// The longest sound taken here, seconds: nobody says a phrase for longer.
const LONGEST: f64 = 120.0;

#[derive(Clone, Copy)]
enum Format {
    Json,
    Text,
    Verbose,
}

/// What was asked for, once it is known to be in order.
struct Order {
    sound: Sound,
    hint: Option<Language>,
    format: Format,
}

#[derive(Default)]
struct Form {
    file: Option<Bytes>,
    model: Option<String>,
    language: Option<String>,
    response_format: Option<String>,
}

/// Answers `json`, `text` or `verbose_json`.
pub(super) async fn transcriptions(
    State(servers): State<Arc<Servers>>,
    multipart: Result<Multipart, axum::extract::multipart::MultipartRejection>,
) -> Result<Response, ApiError> {
    let multipart = multipart.map_err(|error| ApiError::unreadable(format!("Send multipart/form-data with a file: {error}")))?;
    let order = order(form(multipart).await?)?;
    let seconds = order.sound.seconds();
    let recogniser = Arc::clone(&servers.recogniser);
    let _permit = servers.recognitions.acquire().await.expect("the semaphore is never closed");
    let (sound, hint) = (order.sound, order.hint);
    let heard = tokio::task::spawn_blocking(move || recogniser.recognise(&sound.samples, sound.rate, hint))
        .await
        .map_err(|_| ApiError::server("The recognition was stopped. Send the file again."))?;
    tracing::debug!(text = heard.text, language = %heard.language, confidence = heard.confidence, seconds, "transcribed");
    Ok(match order.format {
        Format::Text => format!("{}\n", heard.text).into_response(),
        Format::Json => Json(json!({"text": heard.text, "usage": usage(seconds)})).into_response(),
        Format::Verbose => Json(verbose(&heard, seconds)).into_response(),
    })
}

async fn form(mut multipart: Multipart) -> Result<Form, ApiError> {
    let mut form = Form::default();
    while let Some(field) = multipart.next_field().await.map_err(|error| broken(&error))? {
        let name = field.name().unwrap_or_default().to_owned();
        let bytes = field.bytes().await.map_err(|error| broken(&error))?;
        let text = || String::from_utf8_lossy(&bytes).trim().to_owned();
        match name.as_str() {
            "model" => form.model = Some(text()),
            "language" => form.language = Some(text()).filter(|tag| !tag.is_empty()),
            "response_format" => form.response_format = Some(text()),
            "file" => form.file = Some(bytes),
            // prompt, temperature and what else clients send change nothing here.
            _ => {}
        }
    }
    Ok(form)
}

fn broken(error: &MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        ApiError::too_large("Maximum content size limit (26214400) exceeded.")
    } else {
        ApiError::unreadable(format!("We could not parse your multipart form: {}", error.body_text()))
    }
}

fn order(form: Form) -> Result<Order, ApiError> {
    let file = form.file.ok_or_else(|| ApiError::missing("file"))?;
    let model = form.model.ok_or_else(|| ApiError::missing("model"))?;
    if model != EAR_MODEL {
        return Err(ApiError::unknown_model(&model, EAR_MODEL));
    }
    let format = match form.response_format.as_deref() {
        None | Some("json") => Format::Json,
        Some("text") => Format::Text,
        Some("verbose_json") => Format::Verbose,
        Some(other) => {
            let message =
                format!("Invalid 'response_format': {other:?}. Supported values are: 'json', 'text', and 'verbose_json'.");
            return Err(ApiError::invalid("response_format", message));
        }
    };
    let hint = form.language.map(|tag| tag.parse()).transpose();
    let hint = hint.map_err(|error| ApiError::invalid("language", format!("Invalid 'language': {error}.")))?;
    let sound = wav::read(&file).map_err(|error| ApiError::invalid("file", format!("Invalid file format: {error}.")))?;
    if sound.seconds() < SHORTEST {
        let error = ApiError::invalid("file", "Audio file is too short. Minimum audio length is 0.1 seconds.");
        return Err(ApiError { code: Some("audio_too_short"), ..error });
    }
    if sound.seconds() > LONGEST {
        return Err(ApiError::invalid("file", format!("Audio file is too long. Send at most {LONGEST} seconds.")));
    }
    Ok(Order { sound, hint, format })
}

fn usage(seconds: f64) -> Value {
    json!({"type": "duration", "seconds": seconds.ceil()})
}

fn verbose(heard: &Recognition, seconds: f64) -> Value {
    let silent = heard.text.is_empty();
    let segment = json!({
        "id": 0, "seek": 0, "start": 0.0, "end": seconds, "text": heard.text, "tokens": [], "temperature": 0.0,
        "avg_logprob": f64::from(heard.confidence.max(1e-3)).ln(), "compression_ratio": 1.0,
        "no_speech_prob": f64::from(1.0 - heard.confidence),
    });
    json!({
        "task": "transcribe",
        "language": heard.language.english_name().to_lowercase(),
        "duration": seconds,
        "text": heard.text,
        "segments": if silent { json!([]) } else { json!([segment]) },
        "usage": usage(seconds),
    })
}
