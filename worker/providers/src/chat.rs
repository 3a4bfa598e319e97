//! `POST {base}/chat/completions`, streamed (OpenAI API reference, "Chat", "Streaming").

mod normalise;
mod reading;
mod wishes;
mod written;

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use bytes::Bytes;
use offhook_types::chat::{Message, ReplyPiece, Role, Tool, ToolCall};
use reqwest::{Response, Version, header::TRANSFER_ENCODING};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

pub(crate) use self::{
    normalise::normalised,
    reading::{Reply, Wrong},
};
use self::{reading::Progress, wishes::Wishes};
use super::{
    error::ProviderError,
    http::{Bounds, Http},
    refusal,
};

/// The chat endpoint.
pub(super) struct Chat {
    shared: Arc<Shared>,
}

/// What all replies of the process share.
struct Shared {
    http: Http,
    /// What the server takes, as far as it has said.
    wishes: Mutex<Wishes>,
    /// The server leaves the opening tag of the model's thoughts out: text is held back up to the closing one.
    hold_thoughts: AtomicBool,
}

impl Chat {
    pub(super) fn new(http: Http) -> Self {
        let hold_thoughts = AtomicBool::new(false);
        Chat { shared: Arc::new(Shared { http, wishes: Mutex::default(), hold_thoughts }) }
    }

    pub(super) async fn prewarm(&self) {
        self.shared.http.prewarm().await;
    }

    pub(super) async fn think(&self, messages: &[Message], tools: &[Tool]) -> Result<ReplyStream, ProviderError> {
        let deadline = self.shared.http.deadline();
        let messages = normalised(messages);
        let answer = self.ask(&messages, tools, deadline).await?;
        let names: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
        let framed = answer.version() >= Version::HTTP_2
            || answer.content_length().is_some()
            || answer.headers().contains_key(TRANSFER_ENCODING);
        Ok(ReplyStream {
            shared: self.shared.clone(),
            reply: Reply::new(&names, self.shared.hold_thoughts.load(Ordering::Relaxed)),
            answer: Some(answer),
            framed,
            deadline,
            first: true,
            ready: VecDeque::new(),
            done: false,
        })
    }

    /// Asks, and where the server refuses something that is not needed, again without it: from then on always.
    async fn ask(&self, messages: &[Message], tools: &[Tool], deadline: Instant) -> Result<Response, ProviderError> {
        let Shared { http, wishes: remembered, .. } = &*self.shared;
        let mut wishes = *remembered.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut first_refusal, mut changed) = (None, false);
        loop {
            let body = request_body(&http.model, messages, tools, wishes);
            let error = match http.post("chat/completions", deadline, |request| request.json(&body)).await {
                Ok(answer) => {
                    if changed {
                        *remembered.lock().unwrap_or_else(PoisonError::into_inner) = wishes;
                    }
                    return Ok(answer);
                }
                Err(error) => error,
            };
            let less = refusal::may_be_about_a_wish(&error).and_then(|named| wishes.after(refusal::said(&error), named));
            match less {
                Some(less) => {
                    tracing::info!(%error, "the chat server is asked again without what it may not take");
                    first_refusal.get_or_insert(error);
                    (wishes, changed) = (less, true);
                }
                // The first refusal is about what we want, the last about what is left of it.
                None => return Err(first_refusal.unwrap_or(error)),
            }
        }
    }
}

/// The request as the wire has it. The messages are normalised.
fn request_body(model: &str, messages: &[Message], tools: &[Tool], wishes: Wishes) -> Value {
    let mut bodies: Vec<Value> = messages.iter().map(|message| message_body(message, wishes)).collect();
    if !wishes.system
        && let [Message { role: Role::System, content: prompt, .. }, Message { role: Role::User, content: first, .. }, ..] =
            messages
    {
        bodies.remove(0);
        bodies[0]["content"] = json!(format!("{prompt}\n\n{first}"));
    }
    let mut body = json!({ "model": model, "stream": wishes.stream, "messages": bodies });
    if let Some((field, tokens)) = wishes.length() {
        body[field] = json!(tokens);
    }
    if !tools.is_empty() {
        let tool = |tool: &Tool| {
            let parameters = normalise::parameters(tool);
            json!({"type": "function", "function": {"name": tool.name, "description": tool.description, "parameters": parameters}})
        };
        body["tools"] = tools.iter().map(tool).collect();
    }
    body
}

fn message_body(message: &Message, wishes: Wishes) -> Value {
    let role = match message.role {
        Role::System => "system",
        Role::User => "user",
        Role::Assistant => "assistant",
        Role::Tool => "tool",
    };
    let mut body = json!({"role": role});
    if !message.content.is_empty() || wishes.empty_content {
        body["content"] = json!(message.content);
    }
    if !message.tool_calls.is_empty() {
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
    shared: Arc<Shared>,
    /// `None` once its end was read.
    answer: Option<Response>,
    /// The connection says itself where the body ends.
    framed: bool,
    /// When the next piece is due.
    deadline: Instant,
    /// Nothing that matters has come yet.
    first: bool,
    reply: Reply,
    ready: VecDeque<ReplyPiece>,
    done: bool,
}

impl ReplyStream {
    /// Returns the next piece; `None` after `Ended` or an error. Text is what may be spoken: no thoughts, no tool calls.
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
        let http = &self.shared.http;
        let cut = || ProviderError::Cut { service: http.service };
        let Some(answer) = &mut self.answer else { return Err(cut()) };
        let chunk: Option<Bytes> = match timeout_at(self.deadline, answer.chunk()).await {
            Ok(Ok(chunk)) => chunk,
            Ok(Err(_)) => return Err(cut()),
            Err(_) if self.first => return Err(http.too_slow("the first token")),
            Err(_) => return Err(http.stalled("the next token")),
        };
        if let Some(bytes) = &chunk {
            let progress = self.reply.push(bytes).map_err(|what| self.wrong(what))?;
            self.take(progress);
        }
        if chunk.is_none() || self.reply.is_done() {
            self.answer = None;
            let rest = self.reply.finish(self.framed).map_err(|what| self.wrong(what))?;
            self.ready.extend(rest);
            if self.reply.thinks_without_opening() {
                self.shared.hold_thoughts.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn take(&mut self, progress: Progress) {
        // Before the first token only the model's answer counts, not its thinking aloud or an empty delta.
        if progress.matters || (!self.first && progress.alive) {
            self.first = false;
            let Bounds { stall, .. } = self.shared.http.bounds;
            self.deadline = Instant::now() + stall;
        }
        if !progress.text.is_empty() {
            self.ready.push_back(ReplyPiece::Text(progress.text));
        }
    }

    fn wrong(&self, what: Wrong) -> ProviderError {
        let http = &self.shared.http;
        match what {
            Wrong::Said(text) => {
                let detail = http.said(text.as_bytes());
                ProviderError::ServerFailed { service: http.service, status: 200, detail }
            }
            Wrong::Nonsense(detail) => http.nonsense(detail),
            Wrong::Cut => ProviderError::Cut { service: http.service },
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
#[path = "chat/odd_servers.rs"]
mod odd_servers;
