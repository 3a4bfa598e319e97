//! What the language model is told and what it calls, in the shapes of the chat wire.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Who said a message in the model's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The prompt.
    System,
    /// The callee.
    User,
    /// The agent: only what the callee heard.
    Assistant,
    /// The result of a tool.
    Tool,
}

/// A message of the model's history, as the chat wire has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who.
    pub role: Role,
    /// What.
    pub content: String,
    /// The assistant's tool calls.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
    /// The identifier of the tool call whose result this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<String>,
}

/// A tool as the chat wire describes it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tool {
    /// Its name.
    pub name: &'static str,
    /// When to call it, for the model.
    pub description: String,
    /// JSON schema of its arguments.
    pub parameters: Value,
}

/// A piece of the model's reply, as it is streamed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReplyPiece {
    /// More text.
    Text(String),
    /// A complete call; all of them come after the text.
    ToolCall(ToolCall),
    /// The reply is whole; nothing follows.
    Ended,
}

/// A complete tool call of the language model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The model's identifier, echoed with the result.
    pub id: String,
    /// `accept_offer`, `report_outcome`, `end_call`, or nonsense.
    pub name: String,
    /// JSON text as the model wrote it; may be malformed.
    pub arguments: String,
}
