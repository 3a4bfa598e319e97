//! The right answer as an odd server gives it: each oddity was seen at a real one. What a client needs is in it all the same.

use axum::{
    body::{Body, to_bytes},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use crate::{
    faults::Endpoint,
    sound::{to_bytes as samples_to_bytes, wav},
};

/// The largest answer that is rewritten.
const LARGEST: usize = 64 << 20;
/// Bytes of half a second of the voice: 24 kHz, 16 bit.
const HALF_A_SECOND: usize = 24_000;

/// Rewrites a good answer of an endpoint.
pub(super) async fn odd(response: Response, endpoint: Endpoint) -> Response {
    if response.status() != StatusCode::OK {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, LARGEST).await else { return StatusCode::INTERNAL_SERVER_ERROR.into_response() };
    let (kind, body) = match endpoint {
        Endpoint::Chat => ("application/json", chat(&body)),
        Endpoint::Transcriptions => ("text/plain", transcript(&body)),
        Endpoint::Speech => ("audio/mpeg", voice(&body)),
        Endpoint::Models => ("application/json", body.to_vec()),
    };
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    Response::from_parts(parts, Body::from(body))
}

/// Keep-alives as data, chunks without choices, thoughts in the text, tool calls as text, no `[DONE]`.
fn chat(body: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(body);
    let noise = ["ping", "", "{}", r#"{"choices":null}"#, r#"{"choices":[{"delta":null}]}"#, r#"{"id":"x","usage":null}"#];
    let thought = json!({"choices": [{"delta": {"content": "<think>The callee wants {\"an\": answer}."}}]});
    let thought_ends = json!({"choices": [{"delta": {"reasoning_content": "so", "content": " I give it.</think>\n\n"}}]});
    let mut odd = format!("\u{feff}: hello\r\n\r\ndata: {thought}\r\n\r\ndata: {thought_ends}\r\n\r\n");
    let mut calls: Vec<(String, String)> = Vec::new();
    for (number, event) in text.split("\n\n").filter(|event| !event.is_empty() && !event.contains("[DONE]")).enumerate() {
        odd.push_str(&format!("data: {}\r\n\r\n", noise[number % noise.len()]));
        let Some(mut chunk) = event.strip_prefix("data: ").and_then(|data| serde_json::from_str::<Value>(data).ok()) else {
            continue;
        };
        for piece in chunk["choices"][0]["delta"]["tool_calls"].as_array().into_iter().flatten() {
            let function = &piece["function"];
            match function["name"].as_str() {
                Some(name) => calls.push((name.to_owned(), String::new())),
                None => {
                    if let Some((_, arguments)) = calls.last_mut() {
                        arguments.push_str(function["arguments"].as_str().unwrap_or_default());
                    }
                }
            }
        }
        // The calls come as text, before the chunk that ends the reply.
        let ends = chunk["choices"][0]["finish_reason"].is_string();
        if ends {
            for (name, arguments) in calls.drain(..) {
                let call = format!("\n<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>");
                let (first, last) = call.split_at(8);
                for part in [first, last] {
                    odd.push_str(&format!("data: {}\r\n\r\n", json!({"choices": [{"delta": {"content": part}}]})));
                }
            }
        }
        if let Some(delta) = chunk.pointer_mut("/choices/0/delta").and_then(Value::as_object_mut) {
            delta.insert("tool_calls".to_owned(), Value::Null);
        }
        odd.push_str(&format!("data: {chunk}\r\n\r\n"));
    }
    odd.into_bytes()
}

/// No text but segments in an object, numbers as text, the language in capitals.
fn transcript(body: &[u8]) -> Vec<u8> {
    let Ok(mut answer) = serde_json::from_slice::<Value>(body) else { return body.to_vec() };
    if let Some([segment, ..]) = answer["segments"].as_array().map(Vec::as_slice) {
        let mut segment = segment.clone();
        for key in ["avg_logprob", "no_speech_prob", "compression_ratio"] {
            segment[key] = json!(segment[key].to_string());
        }
        answer["segments"] = json!({"0": segment});
        answer["text"] = Value::Null;
    }
    if let Some(language) = answer["language"].as_str() {
        answer["language"] = json!(language.to_uppercase());
    }
    answer.to_string().into_bytes()
}

/// A WAV file of unknown length for every half second.
fn voice(body: &[u8]) -> Vec<u8> {
    if body.starts_with(b"RIFF") {
        return body.to_vec();
    }
    let samples: Vec<i16> = body.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    samples.chunks(HALF_A_SECOND / 2).fold(Vec::new(), |mut stream, part| {
        let mut header = wav::header(part.len(), HALF_A_SECOND as u32);
        let length = header.len();
        header[length - 4..].copy_from_slice(&u32::MAX.to_le_bytes());
        stream.extend(header);
        stream.extend(samples_to_bytes(part));
        stream
    })
}
