//! The part of an OpenAI-compatible chat request and reply that a conversation needs.
//! Source: <https://platform.openai.com/docs/api-reference/chat/create>.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

/// A message of the history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// `system`, `developer`, `user`, `assistant` or `tool`.
    pub role: String,
    /// Its text; a list of text parts is joined, `null` and absent are empty.
    #[serde(default, deserialize_with = "content")]
    pub content: String,
    /// What the assistant called.
    #[serde(default, skip_serializing_if = "Vec::is_empty", deserialize_with = "null_is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// Which call a `tool` message answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

impl Message {
    /// A message without tool calls.
    pub fn text(role: &str, content: &str) -> Message {
        Message { role: role.to_owned(), content: content.to_owned(), tool_calls: Vec::new(), tool_call_id: None }
    }
}

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// Echoed by the message with the result.
    pub id: String,
    /// Always `function`.
    #[serde(default = "function", rename = "type")]
    pub kind: String,
    /// What is called.
    pub function: FunctionCall,
}

/// Name and arguments of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FunctionCall {
    /// The tool's name.
    pub name: String,
    /// JSON as text.
    pub arguments: String,
}

/// A tool the assistant may call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Tool {
    /// Its description; only the name matters here.
    pub function: ToolFunction,
}

/// The name of a tool.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ToolFunction {
    /// `accept_offer`, `report_outcome`, `end_call`.
    pub name: String,
}

impl Tool {
    /// A tool of this name.
    pub fn named(name: &str) -> Tool {
        Tool { function: ToolFunction { name: name.to_owned() } }
    }
}

/// The assistant's next message.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    /// To be spoken; may be empty.
    pub text: String,
    /// To be called.
    pub tool_calls: Vec<ToolCall>,
}

fn function() -> String {
    "function".to_owned()
}

fn null_is_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ToolCall>, D::Error> {
    Ok(Option::<Vec<ToolCall>>::deserialize(deserializer)?.unwrap_or_default())
}

fn content<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Array(parts) => {
            let texts: Vec<_> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join(" ")
        }
        _ => String::new(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn all_spellings_of_content_and_calls_are_read() {
        let read = |text: &str| serde_json::from_str::<Message>(text).unwrap();
        assert_eq!(read(r#"{"role":"user","content":"Hi"}"#), Message::text("user", "Hi"));
        assert_eq!(read(r#"{"role":"user","content":[{"type":"text","text":"Hi"}]}"#), Message::text("user", "Hi"));
        let call = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"end_call","arguments":"{}"}}]}"#;
        assert_eq!(read(call).tool_calls[0].function.name, "end_call");
        assert!(read(r#"{"role":"assistant","tool_calls":null}"#).content.is_empty());
    }
}
