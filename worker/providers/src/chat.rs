//! `POST {base}/chat/completions`, streamed (OpenAI API reference, "Chat", "Streaming").

use std::collections::VecDeque;

use bytes::Bytes;
use offhook_types::chat::{Message, ReplyPiece, Role, Tool, ToolCall};
use reqwest::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{
    error::{ProviderError, said_in},
    http::{Bounds, Http, body_up_to, media_type},
    sse::SseParser,
    tool_calls::{ToolCallPiece, ToolCalls},
};

/// Most bytes of text in one reply: some minutes of speech.
const MOST_TEXT: usize = 64 * 1024;
/// Most bytes of a reply that was not streamed.
const MOST_BODY: usize = 1 << 20;

/// The chat endpoint.
pub(super) struct Chat {
    http: std::sync::Arc<Http>,
}

impl Chat {
    pub(super) fn new(http: Http) -> Self {
        Chat { http: http.into() }
    }

    pub(super) async fn prewarm(&self) {
        self.http.prewarm().await;
    }

    pub(super) async fn think(&self, messages: &[Message], tools: &[Tool]) -> Result<ReplyStream, ProviderError> {
        let deadline = self.http.deadline();
        let body = request_body(&self.http.model, messages, tools);
        let answer = self.http.post("chat/completions", deadline, |request| request.json(&body)).await?;
        let mut stream = ReplyStream {
            http: self.http.clone(),
            answer: None,
            deadline,
            first: true,
            reply: Reply::default(),
            parser: SseParser::default(),
            ready: VecDeque::new(),
            done: false,
        };
        match media_type(&answer).as_str() {
            // Some servers stream without saying so, some do not stream although asked.
            "text/event-stream" | "" | "text/plain" | "application/octet-stream" | "application/x-ndjson" => {
                stream.answer = Some(answer)
            }
            "application/json" => stream.take_whole(answer).await?,
            other => {
                let detail = format!("it answers with {other}");
                return Err(stream.http.nonsense(detail));
            }
        }
        Ok(stream)
    }
}

/// The request as the wire has it.
fn request_body(model: &str, messages: &[Message], tools: &[Tool]) -> Value {
    let mut body = json!({
        "model": model,
        "stream": true,
        "messages": messages.iter().map(message_body).collect::<Vec<_>>(),
    });
    if !tools.is_empty() {
        let tool = |tool: &Tool| {
            let Tool { name, description, parameters } = tool;
            json!({"type": "function", "function": {"name": name, "description": description, "parameters": parameters}})
        };
        body["tools"] = tools.iter().map(tool).collect();
    }
    body
}

fn message_body(message: &Message) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut body = json!({"role": role, "content": message.content});
    if !message.tool_calls.is_empty() {
        if message.content.is_empty() {
            body["content"] = Value::Null;
        }
        let call = |call: &ToolCall| json!({"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}});
        body["tool_calls"] = message.tool_calls.iter().map(call).collect();
    }
    if let Some(id) = &message.tool_call_id {
        body["tool_call_id"] = json!(id);
    }
    body
}

/// A reply as it comes in. Dropping it ends the request.
pub struct ReplyStream {
    http: std::sync::Arc<Http>,
    /// `None` once its end was read, or where it came whole.
    answer: Option<Response>,
    /// When the next piece is due.
    deadline: Instant,
    /// Nothing that matters has come yet.
    first: bool,
    reply: Reply,
    parser: SseParser,
    ready: VecDeque<ReplyPiece>,
    done: bool,
}

impl ReplyStream {
    /// Returns the next piece; `None` after `Ended` or an error.
    ///
    /// # Errors
    /// See [`ProviderError`]. What came before stays said; a tool call that was not complete never comes.
    pub async fn next(&mut self) -> Option<Result<ReplyPiece, ProviderError>> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                self.done = piece == ReplyPiece::Ended;
                return Some(Ok(piece));
            }
            if self.done {
                return None;
            }
            if let Err(error) = self.read().await {
                self.done = true;
                self.answer = None;
                return Some(Err(error));
            }
        }
    }

    /// Reads the next bytes into `ready`.
    async fn read(&mut self) -> Result<(), ProviderError> {
        let cut = || ProviderError::Cut { service: self.http.service };
        let Some(answer) = &mut self.answer else { return Err(cut()) };
        let chunk: Option<Bytes> = match timeout_at(self.deadline, answer.chunk()).await {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(_)) => return Err(cut()),
            Err(_) if self.first => return Err(self.http.too_slow("the first token")),
            Err(_) => return Err(self.http.stalled("the next token")),
        };
        let events = match &chunk {
            Some(bytes) => self.parser.push(bytes).map_err(|error| self.http.nonsense(error.to_string()))?,
            None => self.parser.finish().into_iter().collect(),
        };
        for event in events {
            self.event(&event)?;
        }
        if chunk.is_none() {
            self.answer = None;
            // Without a finish reason, what looks like the end may be a connection that was closed politely.
            if !self.reply.finished {
                return Err(ProviderError::Cut { service: self.http.service });
            }
        }
        if self.reply.finished && (chunk.is_none() || self.reply.done) {
            self.end();
        }
        Ok(())
    }

    fn event(&mut self, data: &str) -> Result<(), ProviderError> {
        if self.reply.done || data.trim().is_empty() {
            return Ok(());
        }
        let progress = self.reply.event(data).map_err(|what| self.wrong(what))?;
        if let Some(text) = progress.text {
            self.ready.push_back(ReplyPiece::Text(text));
        }
        // Before the first token only the model's answer counts, not its thinking aloud or an empty delta.
        if progress.matters || !self.first {
            self.first = false;
            let Bounds { stall, .. } = self.http.bounds;
            self.deadline = Instant::now() + stall;
        }
        Ok(())
    }

    async fn take_whole(&mut self, answer: Response) -> Result<(), ProviderError> {
        let body = match timeout_at(self.deadline, body_up_to(answer, MOST_BODY)).await {
            Err(_) => return Err(self.http.too_slow("the whole reply")),
            Ok(Err(_)) => return Err(ProviderError::Cut { service: self.http.service }),
            Ok(Ok(body)) => body,
        };
        let text = String::from_utf8_lossy(&body);
        let progress = self.reply.event(&text).map_err(|what| self.wrong(what))?;
        self.ready.extend(progress.text.map(ReplyPiece::Text));
        self.end();
        Ok(())
    }

    fn end(&mut self) {
        self.answer = None;
        let calls = std::mem::take(&mut self.reply.calls).finish();
        self.ready.extend(calls.into_iter().map(ReplyPiece::ToolCall));
        self.ready.push_back(ReplyPiece::Ended);
    }

    fn wrong(&self, what: Wrong) -> ProviderError {
        match what {
            Wrong::Said(text) => {
                let detail = self.http.said(text.as_bytes());
                ProviderError::ServerFailed { service: self.http.service, status: 200, detail }
            }
            Wrong::Nonsense(detail) => self.http.nonsense(detail),
        }
    }
}

/// What has come of a reply; pure.
#[derive(Default)]
pub(crate) struct Reply {
    pub(crate) calls: ToolCalls,
    text_bytes: usize,
    /// A finish reason or `[DONE]` came.
    finished: bool,
    /// `[DONE]` came.
    done: bool,
}

/// What one event brought.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) text: Option<String>,
    matters: bool,
}

pub(crate) enum Wrong {
    /// The server reports an error within the stream.
    Said(String),
    Nonsense(String),
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default, alias = "message")]
    delta: Option<Delta>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<Value>,
    #[serde(default)]
    tool_calls: Option<Vec<ToolCallPiece>>,
}

impl Reply {
    pub(crate) fn event(&mut self, data: &str) -> Result<Progress, Wrong> {
        if data.trim() == "[DONE]" {
            (self.finished, self.done) = (true, true);
            return Ok(Progress::default());
        }
        let json: Value = serde_json::from_str(data).map_err(|error| Wrong::Nonsense(format!("an event is no JSON: {error}")))?;
        if json.get("error").is_some_and(|error| !error.is_null()) {
            return Err(Wrong::Said(said_in(&json).unwrap_or_default()));
        }
        let chunk: Chunk =
            serde_json::from_value(json).map_err(|error| Wrong::Nonsense(format!("an event is no chunk of a chat: {error}")))?;
        let mut progress = Progress::default();
        // One choice was asked for; the last event may have none.
        for choice in chunk.choices.into_iter().take(1) {
            self.finished |= choice.finish_reason.is_some_and(|reason| !reason.is_empty());
            let Some(delta) = choice.delta else { continue };
            progress.text = delta.content.map(text_of).filter(|text| !text.is_empty());
            for piece in delta.tool_calls.unwrap_or_default() {
                self.calls.push(piece).map_err(|error| Wrong::Nonsense(error.to_string()))?;
                progress.matters = true;
            }
        }
        progress.matters |= progress.text.is_some();
        self.text_bytes += progress.text.as_ref().map_or(0, String::len);
        if self.text_bytes > MOST_TEXT {
            return Err(Wrong::Nonsense(format!("a reply of more than {MOST_TEXT} bytes")));
        }
        Ok(progress)
    }
}

/// Content is text, or a list of parts with text in them.
fn text_of(content: Value) -> String {
    match content {
        Value::String(text) => text,
        Value::Array(parts) => parts.iter().filter_map(|part| part.get("text")?.as_str()).collect(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests;
