//! The chat wire: what a client sends, what a talker answers.
//!
//! Source: <https://platform.openai.com/docs/api-reference/chat/create>.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Answers chat requests: what a language model would be.
pub trait Talker: Send + Sync {
    /// The next assistant message. Called once for each request, without waiting for anything.
    fn reply(&self, request: &ChatRequest) -> ChatReply;
}

/// A request. What clients send beyond this changes nothing here.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ChatRequest {
    /// The model asked for.
    pub model: String,
    /// The history, prompt first.
    pub messages: Vec<ChatMessage>,
    /// What may be called.
    #[serde(default)]
    pub tools: Vec<ChatTool>,
    /// `"auto"`, `"none"`, `"required"`, or an object that names a function.
    #[serde(default)]
    pub tool_choice: Option<Value>,
    /// Whether the answer is streamed.
    #[serde(default)]
    pub stream: bool,
    /// What a stream carries besides.
    #[serde(default)]
    pub stream_options: Option<StreamOptions>,
}

/// Options of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
pub struct StreamOptions {
    /// Ends the stream with a chunk that counts tokens.
    #[serde(default)]
    pub include_usage: bool,
}

/// Who wrote a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatRole {
    /// The prompt.
    System,
    /// The prompt, as newer clients call it.
    Developer,
    /// The other side.
    User,
    /// The model.
    Assistant,
    /// The result of a call.
    Tool,
}

/// A message of the history.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ChatMessage {
    /// Who wrote it.
    pub role: ChatRole,
    /// What; absent where the assistant only called tools.
    #[serde(default)]
    pub content: Option<ChatContent>,
    /// What the assistant called.
    #[serde(default)]
    pub tool_calls: Vec<SentToolCall>,
    /// Which call a tool's result answers.
    #[serde(default)]
    pub tool_call_id: Option<String>,
}

impl ChatMessage {
    /// The words of the message, parts joined by line ends; empty where it has none.
    pub fn text(&self) -> String {
        match &self.content {
            None => String::new(),
            Some(ChatContent::Text(text)) => text.clone(),
            Some(ChatContent::Parts(parts)) => {
                parts.iter().filter_map(|part| part.text.as_deref()).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// Content as one string or as parts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum ChatContent {
    /// One string.
    Text(String),
    /// Parts, of which only text is read.
    Parts(Vec<ContentPart>),
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ContentPart {
    /// Its words, where `type` is `text`.
    #[serde(default)]
    pub text: Option<String>,
}

/// A call in the history.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentToolCall {
    /// Its name, which its result repeats.
    pub id: String,
    /// What was called.
    pub function: SentFunction,
}

/// A called function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentFunction {
    /// Its name.
    pub name: String,
    /// Its arguments, JSON in a string.
    pub arguments: String,
}

/// Something that may be called.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ChatTool {
    /// What.
    pub function: ToolFunction,
}

/// The function of a tool.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ToolFunction {
    /// Its name.
    pub name: String,
    /// When to call it.
    #[serde(default)]
    pub description: Option<String>,
    /// JSON schema of its arguments.
    #[serde(default)]
    pub parameters: Option<Value>,
}

/// The assistant's next message.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ChatReply {
    /// What it says; may be empty where it calls.
    pub text: String,
    /// What it calls, in order.
    pub tool_calls: Vec<ReplyToolCall>,
}

/// A call of a reply.
#[derive(Debug, Clone, PartialEq)]
pub struct ReplyToolCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments: an object.
    pub arguments: Value,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn content_is_read_as_a_string_as_parts_and_as_nothing() {
        let read = |json: &str| serde_json::from_str::<ChatMessage>(json).unwrap().text();
        assert_eq!(read(r#"{"role":"user","content":"Guten Abend"}"#), "Guten Abend");
        assert_eq!(read(r#"{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}"#), "a\nb");
        let call = r#"{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}}]}"#;
        assert_eq!(read(call), "");
        assert_eq!(serde_json::from_str::<ChatMessage>(call).unwrap().tool_calls[0].function.name, "f");
    }
}
