//! Between the mind's messages and the wire: a history that the strictest server takes. Pure.
//!
//! What servers refuse (OpenAI, vLLM, llama.cpp, and the chat templates of Mistral, Gemma and Llama that run in the latter two):
//! a prompt that is not first; a conversation that the user does not begin; two turns of one role in a row, of which a result of a
//! tool directly before the user's turn is one; a last message of the assistant; a result without its call, a call without its
//! result, an id used twice or not of nine letters and digits (Mistral); arguments that are no JSON object; empty content.
//!
//! An assistant message that only calls tools has `""` as content: `null` breaks templates that join strings, a missing field those
//! that read it; OpenAI, vLLM, llama.cpp and Mistral take `""`. A server that refuses it gets the message without content
//! (`wishes`).

use std::collections::VecDeque;

use offhook_types::chat::{Message, Role, Tool, ToolCall};
use serde_json::{Value, json};

/// The user's turn where the callee has not said anything.
const NOTHING_YET: &str = "(The callee has answered and says nothing yet.)";
/// The user's turn where we spoke last, and speak again.
const LISTENS: &str = "(The callee is listening: go on.)";
/// The assistant's turn where the callee spoke before anything was said about a tool's result. A model that copies it says nothing.
const SILENT: &str = "…";
/// The result of a call that has none.
const NO_RESULT: &str = r#"{"error":"no result"}"#;
/// Longest name of a function.
const LONGEST_NAME: usize = 64;

/// Returns the same conversation as a strict server takes it. What is so already is not changed, but for the ids of calls, which are
/// numbered through.
pub(crate) fn normalised(messages: &[Message]) -> Vec<Message> {
    let mut prompt = Vec::new();
    let mut turns = Turns::default();
    let mut rest: VecDeque<&Message> = messages.iter().collect();
    while let Some(message) = rest.pop_front() {
        match message.role {
            Role::System => prompt.push(message.content.trim()),
            Role::User => turns.user(message.content.trim()),
            // A result is taken by its call; one that is met here has none.
            Role::Tool => {}
            Role::Assistant => {
                let results = message.tool_calls.iter().map(|call| take_result(&mut rest, &call.id)).collect();
                turns.assistant(message.content.trim(), &message.tool_calls, results);
            }
        }
    }
    prompt.retain(|text| !text.is_empty());
    let system = (!prompt.is_empty()).then(|| plain(Role::System, &prompt.join("\n\n")));
    system.into_iter().chain(turns.finished()).collect()
}

/// Takes the result of a call out of what follows it, up to the next assistant message that uses the same id.
fn take_result(rest: &mut VecDeque<&Message>, id: &str) -> Option<String> {
    let again = rest.iter().position(|message| message.tool_calls.iter().any(|call| call.id == id)).unwrap_or(rest.len());
    let is_result = |message: &&Message| message.role == Role::Tool && message.tool_call_id.as_deref() == Some(id);
    let at = rest.iter().take(again).position(is_result)?;
    rest.remove(at).map(|message| message.content.trim().to_owned()).filter(|content| !content.is_empty())
}

#[derive(Default)]
struct Turns {
    messages: Vec<Message>,
    calls: usize,
}

impl Turns {
    fn user(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.messages.last_mut() {
            Some(last) if last.role == Role::User => {
                last.content.push(' ');
                last.content.push_str(text);
            }
            last => {
                if last.is_some_and(|last| last.role == Role::Tool) {
                    self.messages.push(plain(Role::Assistant, SILENT));
                }
                self.messages.push(plain(Role::User, text));
            }
        }
    }

    fn assistant(&mut self, text: &str, calls: &[ToolCall], results: Vec<Option<String>>) {
        if text.is_empty() && calls.is_empty() {
            return;
        }
        if self.messages.is_empty() {
            self.user(NOTHING_YET);
        }
        match self.messages.last_mut() {
            Some(last) if last.role == Role::Assistant => {
                if !text.is_empty() {
                    last.content.push(' ');
                    last.content.push_str(text);
                }
            }
            _ => self.messages.push(plain(Role::Assistant, text)),
        }
        let mut answers = Vec::new();
        let mut renamed = Vec::new();
        for (call, result) in calls.iter().zip(results) {
            self.calls += 1;
            let id = format!("call{:05}", self.calls);
            let content = result.unwrap_or_else(|| NO_RESULT.to_owned());
            answers.push(Message { tool_call_id: Some(id.clone()), ..plain(Role::Tool, &content) });
            renamed.push(ToolCall { id, name: function_name(&call.name), arguments: object(&call.arguments) });
        }
        if let Some(last) = self.messages.last_mut() {
            last.tool_calls = renamed;
        }
        self.messages.extend(answers);
    }

    fn finished(mut self) -> Vec<Message> {
        if self.messages.last().is_none_or(|last| last.role == Role::Assistant) {
            self.user(if self.messages.is_empty() { NOTHING_YET } else { LISTENS });
        }
        self.messages
    }
}

fn plain(role: Role, content: &str) -> Message {
    Message { role, content: content.to_owned(), tool_calls: Vec::new(), tool_call_id: None }
}

/// A name as functions may have it: letters, digits, `_` and `-`.
fn function_name(name: &str) -> String {
    let kept = name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' });
    let kept: String = kept.take(LONGEST_NAME).collect();
    if kept.is_empty() { crate::tool_calls::UNNAMED.to_owned() } else { kept }
}

/// Arguments as the text of a JSON object. A server that reads them refuses anything else, and with it every later request of the call;
/// what was wrong is said by the result.
fn object(arguments: &str) -> String {
    match serde_json::from_str::<Value>(arguments) {
        Ok(Value::Object(_)) => arguments.to_owned(),
        Ok(Value::String(inner)) if serde_json::from_str::<Value>(&inner).is_ok_and(|inner| inner.is_object()) => inner,
        _ => "{}".to_owned(),
    }
}

/// The schema of a tool's arguments. Some servers refuse an object without properties.
pub(crate) fn parameters(tool: &Tool) -> Value {
    let mut parameters = tool.parameters.clone();
    if !parameters.is_object() {
        parameters = json!({"type": "object"});
    }
    if parameters.get("properties").and_then(Value::as_object).is_none_or(serde_json::Map::is_empty) {
        parameters["properties"] = json!({"reason": {"type": "string", "description": "Why, in a few words"}});
    }
    parameters
}

#[cfg(test)]
mod tests;
