//! How a reply ended, as its server says it: a reason, an error, or what it could not read of the model's own words. Pure.

use serde_json::Value;

use crate::error::said_in;

/// How a reply ended, as far as that matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Finish {
    /// There was no reason, or one of the usual ones.
    #[default]
    Usual,
    /// The most tokens that were asked for.
    Length,
    /// A filter of the server's.
    Filtered,
    /// The server failed.
    Failed,
}

/// How a reply ended, where this is a reason at all.
pub(super) fn reason(value: Option<&Value>) -> Option<Finish> {
    match value {
        None | Some(Value::Null | Value::Bool(false)) => None,
        Some(Value::String(text)) => match text.trim().to_ascii_lowercase().as_str() {
            "" | "null" => None,
            "length" | "max_tokens" | "model_length" | "max_length" => Some(Finish::Length),
            "content_filter" | "safety" | "recitation" | "blocklist" | "prohibited_content" => Some(Finish::Filtered),
            "error" | "abort" | "aborted" | "cancelled" | "canceled" => Some(Finish::Failed),
            _ => Some(Finish::Usual),
        },
        Some(_) => Some(Finish::Usual),
    }
}

/// The server's words, where an event or a document reports an error.
pub(super) fn reported_error(json: &Value) -> Option<String> {
    let error = json.get("error").filter(|error| match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    });
    let kind = |key| json.get(key).and_then(Value::as_str) == Some("error");
    (error.is_some() || kind("object") || kind("type")).then(|| said_in(json).unwrap_or_default())
}

/// What the model wrote, where a server reports that it could not read it as a tool call (Groq).
pub(super) fn failed_generation(json: &Value) -> Option<&str> {
    let text = json.get("error")?.get("failed_generation")?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// Whether a refusal is about what the model wrote, and not about the request.
pub(super) fn is_failed_generation(body: &[u8]) -> bool {
    let Ok(json) = serde_json::from_slice::<Value>(body) else { return false };
    let error = json.get("error").unwrap_or(&json);
    error.get("failed_generation").is_some() || error.get("code").and_then(Value::as_str) == Some("tool_use_failed")
}
