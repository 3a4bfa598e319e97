//! What the model is told of the conversation: the callee's words, ours as far as they were heard, tools and their results.

use offhook_types::{
    chat::{Message, Role, ToolCall},
    ids::Generation,
};
use serde_json::{Value, json};

use super::{sentence_queue::SentenceQueue, tool_schemas::END_CALL};

#[derive(Debug, Clone)]
enum Item {
    Callee(String),
    Agent { generation: Generation, calls: Vec<(ToolCall, Option<Value>)> },
}

/// The conversation so far. The agent's words are looked up when asked for, so that they are always those that were heard.
#[derive(Debug, Clone, Default)]
pub(super) struct History {
    items: Vec<Item>,
}

impl History {
    pub fn callee(&mut self, text: &str) {
        self.items.push(Item::Callee(text.to_owned()));
    }

    /// A new generation begins to speak.
    pub fn agent(&mut self, generation: Generation) {
        self.items.push(Item::Agent { generation, calls: Vec::new() });
    }

    /// The model called a tool in this generation.
    pub fn call(&mut self, of: Generation, call: ToolCall, result: Option<Value>) {
        for item in self.items.iter_mut().rev() {
            if let Item::Agent { generation, calls } = item
                && *generation == of
            {
                calls.push((call, result));
                return;
            }
        }
    }

    /// The result of a call that had none yet.
    pub fn result(&mut self, of: Generation, id: &str, value: &Value) {
        for item in &mut self.items {
            if let Item::Agent { generation, calls } = item
                && *generation == of
                && let Some((_, result)) = calls.iter_mut().find(|(call, result)| call.id == id && result.is_none())
            {
                *result = Some(value.clone());
                return;
            }
        }
    }

    /// The call does not end, although the model wished it in this generation.
    pub fn end_refused(&mut self, of: Generation) {
        for item in &mut self.items {
            if let Item::Agent { generation, calls } = item
                && *generation == of
            {
                for (_, result) in calls.iter_mut().filter(|(call, _)| call.name == END_CALL) {
                    *result = Some(json!({ "ending": false, "reason": "another call of the same answer was refused" }));
                }
            }
        }
    }

    /// The messages of the chat wire, prompt first. Neighbours of one speaker are one message.
    pub fn messages(&self, prompt: String, sentences: &SentenceQueue) -> Vec<Message> {
        let mut messages = vec![plain(Role::System, prompt)];
        for item in &self.items {
            match item {
                Item::Callee(text) => append(&mut messages, Role::User, text),
                Item::Agent { generation, calls } => {
                    let heard: Vec<String> =
                        sentences.of(*generation).map(|(_, sentence)| sentence.heard()).filter(|text| !text.is_empty()).collect();
                    if !heard.is_empty() {
                        append(&mut messages, Role::Assistant, &heard.join(" "));
                    }
                    tools(&mut messages, calls, heard.is_empty());
                }
            }
        }
        messages
    }
}

fn plain(role: Role, content: String) -> Message {
    Message { role, content, tool_calls: Vec::new(), tool_call_id: None }
}

fn append(messages: &mut Vec<Message>, role: Role, text: &str) {
    match messages.last_mut() {
        Some(last) if last.role == role && last.tool_calls.is_empty() => {
            last.content.push(' ');
            last.content.push_str(text);
        }
        _ => messages.push(plain(role, text.to_owned())),
    }
}

/// The calls join the words of the same generation; every call is followed by its result, as the wire demands.
fn tools(messages: &mut Vec<Message>, calls: &[(ToolCall, Option<Value>)], silent: bool) {
    if calls.is_empty() {
        return;
    }
    let calling = calls.iter().map(|(call, _)| call.clone()).collect();
    match messages.last_mut() {
        Some(last) if !silent && last.role == Role::Assistant => last.tool_calls = calling,
        _ => messages.push(Message { role: Role::Assistant, content: String::new(), tool_calls: calling, tool_call_id: None }),
    }
    for (call, result) in calls {
        let content = result.as_ref().map_or_else(|| r#"{"error":"no result"}"#.to_owned(), Value::to_string);
        messages.push(Message { role: Role::Tool, content, tool_calls: Vec::new(), tool_call_id: Some(call.id.clone()) });
    }
}
