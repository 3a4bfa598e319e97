//! `POST /v1/chat/completions`: the talker's reply, whole or streamed as server-sent events.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat/streaming>.

use std::{sync::Arc, time::Duration};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use futures::{Stream, StreamExt, stream};
use serde_json::{Value, json};

use super::{
    Servers, TALKER_MODEL,
    chat::{ChatReply, ChatRequest},
    chat_rules,
    error::ApiError,
    unix_seconds,
};

/// Characters of arguments in one delta.
const ARGUMENT_PIECE: usize = 12;

/// Answers with a completion or a stream of chunks.
pub(super) async fn completions(State(servers): State<Arc<Servers>>, body: Bytes) -> Result<Response, ApiError> {
    let request: ChatRequest = serde_json::from_slice(&body)
        .map_err(|error| ApiError::unreadable(format!("We could not parse the JSON body of your request: {error}")))?;
    if request.model != TALKER_MODEL {
        return Err(ApiError::unknown_model(&request.model, TALKER_MODEL));
    }
    chat_rules::check(&request)?;
    let talker = servers.talker.as_ref().ok_or_else(|| ApiError::server("No talker is set up: start the sandbox with one."))?;
    let reply = talker.reply(&request);
    let envelope = Envelope { number: servers.answer_number(), created: unix_seconds() };
    let usage = usage(&request, &reply);
    if !request.stream {
        return Ok(Json(envelope.completion(&reply, usage)).into_response());
    }
    let with_usage = request.stream_options.unwrap_or_default().include_usage;
    let events = envelope.events(&reply, with_usage.then_some(usage));
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-cache")),
    ];
    Ok((headers, Body::from_stream(paced(events, servers.settings.token_interval))).into_response())
}

/// What all chunks of an answer share.
struct Envelope {
    number: u64,
    created: u64,
}

impl Envelope {
    fn completion(&self, reply: &ChatReply, usage: Value) -> Value {
        let mut message = json!({"role": "assistant", "content": reply.text, "refusal": null});
        if !reply.tool_calls.is_empty() {
            let calls = (0..reply.tool_calls.len()).map(|index| {
                let call = &reply.tool_calls[index];
                let function = json!({"name": call.name, "arguments": call.arguments.to_string()});
                json!({"id": self.call_id(index), "type": "function", "function": function})
            });
            message["tool_calls"] = calls.collect();
            if reply.text.is_empty() {
                message["content"] = Value::Null;
            }
        }
        json!({
            "id": self.id(), "object": "chat.completion", "created": self.created, "model": TALKER_MODEL,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish(reply)}],
            "usage": usage, "system_fingerprint": "fp_sandbox",
        })
    }

    /// The chunks of a stream, in order: role, words, calls, the reason it ends, usage where asked for, `[DONE]`.
    fn events(&self, reply: &ChatReply, usage: Option<Value>) -> Vec<String> {
        let with_usage = usage.is_some();
        let chunk = |delta: Value, reason: Value| {
            let mut chunk = self.chunk(json!([{"index": 0, "delta": delta, "logprobs": null, "finish_reason": reason}]));
            if with_usage {
                chunk["usage"] = Value::Null;
            }
            event(&chunk)
        };
        let empty = if reply.text.is_empty() && !reply.tool_calls.is_empty() { Value::Null } else { json!("") };
        let mut events = vec![chunk(json!({"role": "assistant", "content": empty, "refusal": null}), Value::Null)];
        events.extend(words(&reply.text).into_iter().map(|word| chunk(json!({"content": word}), Value::Null)));
        for (index, call) in reply.tool_calls.iter().enumerate() {
            let function = json!({"name": call.name, "arguments": ""});
            let opening = json!({"index": index, "id": self.call_id(index), "type": "function", "function": function});
            events.push(chunk(json!({"tool_calls": [opening]}), Value::Null));
            for piece in pieces(&call.arguments.to_string(), ARGUMENT_PIECE) {
                events.push(chunk(json!({"tool_calls": [{"index": index, "function": {"arguments": piece}}]}), Value::Null));
            }
        }
        events.push(chunk(json!({}), json!(finish(reply))));
        if let Some(usage) = usage {
            let mut last = self.chunk(json!([]));
            last["usage"] = usage;
            events.push(event(&last));
        }
        events.push("data: [DONE]\n\n".to_owned());
        events
    }

    fn chunk(&self, choices: Value) -> Value {
        json!({
            "id": self.id(), "object": "chat.completion.chunk", "created": self.created, "model": TALKER_MODEL,
            "system_fingerprint": "fp_sandbox", "choices": choices,
        })
    }

    fn id(&self) -> String {
        format!("chatcmpl-sandbox{:06}", self.number)
    }

    fn call_id(&self, index: usize) -> String {
        format!("call_{:06}_{index}", self.number)
    }
}

fn event(chunk: &Value) -> String {
    format!("data: {chunk}\n\n")
}

fn finish(reply: &ChatReply) -> &'static str {
    if reply.tool_calls.is_empty() { "stop" } else { "tool_calls" }
}

/// Words counted as tokens: near enough for what a test looks at.
fn usage(request: &ChatRequest, reply: &ChatReply) -> Value {
    let count = |text: &str| text.split_whitespace().count();
    let prompt: usize = request.messages.iter().map(|message| count(&message.text()) + 4).sum();
    let answer = count(&reply.text) + reply.tool_calls.iter().map(|call| count(&call.arguments.to_string()) + 4).sum::<usize>();
    json!({"prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer})
}

/// Words with the space before them, so that they join to the text again.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let (mut start, mut in_word) = (0, false);
    for (at, letter) in text.char_indices() {
        if letter.is_whitespace() && in_word {
            words.push(&text[start..at]);
            start = at;
        }
        in_word = !letter.is_whitespace();
    }
    if start < text.len() {
        words.push(&text[start..]);
    }
    words
}

/// Pieces of so many characters.
fn pieces(text: &str, length: usize) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    letters.chunks(length).map(|piece| piece.iter().collect()).collect()
}

/// The events, the first at once, each further one after the interval.
fn paced(events: Vec<String>, interval: Duration) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    stream::iter(events.into_iter().enumerate()).then(move |(index, event)| async move {
        if index > 0 && !interval.is_zero() {
            tokio::time::sleep(interval).await;
        }
        Ok(Bytes::from(event))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_pieces_join_to_what_they_were() {
        for text in ["", "Yes.", " Guten  Abend,\nein Tisch für vier bitte. ", "é"] {
            assert_eq!(words(text).concat(), text);
            assert_eq!(pieces(text, 3).concat(), text);
        }
        assert_eq!(words("One moment please"), ["One", " moment", " please"]);
    }
}
