//! `POST {base}/chat/completions`, streamed (OpenAI API reference, "Chat", "Streaming").

mod described;
mod endings;
mod normalise;
mod reading;
mod wishes;
mod written;

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use offhook_types::chat::{Message, ReplyPiece, Role, Tool, ToolCall};
use reqwest::{Response, Version, header::TRANSFER_ENCODING};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

pub(crate) use self::{
    normalise::normalised,
    reading::{Reply, Wrong},
};
use self::{
    reading::{Progress, Traits},
    wishes::{Wishes, refuses_tools},
};
use super::{
    error::ProviderError,
    http::{Bounds, Failure, Http, Payload},
    refusal,
};

/// The chat endpoint.
pub(super) struct Chat {
    shared: Arc<Shared>,
}

/// What all replies of the process share.
struct Shared {
    http: Http,
    learned: Mutex<Learned>,
    /// What the server said when it refused tools.
    tools_refused: Mutex<Option<String>>,
}

/// What a server has shown of itself. Kept from one call to the next (`Providers::learned`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
struct Learned {
    /// What it takes, as far as it has said.
    wishes: Wishes,
    /// It leaves the opening tag of the model's thoughts out: text is held back up to the closing one.
    hold_thoughts: bool,
    /// The model thinks before it speaks, and its thoughts count as tokens.
    thinks: bool,
}

impl Shared {
    fn learned(&self) -> Learned {
        *self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, more: impl FnOnce(&mut Learned)) {
        more(&mut self.learned.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Chat {
    /// `learned` is what [`Chat::learned`] returned in another process.
    pub(super) fn new(http: Http, learned: &Value) -> Self {
        let learned = Learned::deserialize(learned).unwrap_or_default();
        Chat { shared: Arc::new(Shared { http, learned: Mutex::new(learned), tools_refused: Mutex::default() }) }
    }

    pub(super) fn learned(&self) -> Value {
        serde_json::to_value(self.shared.learned()).unwrap_or_default()
    }

    /// The server's words, where it has refused tools.
    pub(super) fn tools_refused(&self) -> Option<String> {
        self.shared.tools_refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) async fn prewarm(&self) {
        self.shared.http.prewarm().await;
    }

    pub(super) async fn think(&self, messages: &[Message], tools: &[Tool]) -> Result<ReplyStream, ProviderError> {
        let deadline = self.shared.http.deadline();
        let messages = normalised(messages);
        let names: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
        let answer = match self.ask(&messages, tools, deadline).await {
            Ok(answer) => answer,
            Err(failure) => {
                // Where the server could not read what the model wrote, perhaps we can.
                let report: Value = serde_json::from_slice(&failure.body).unwrap_or_default();
                let pieces = Reply::of_failed_generation(&report, &names);
                return pieces.map(|pieces| ReplyStream::of_pieces(&self.shared, &names, pieces)).ok_or(failure.error);
            }
        };
        let framed = answer.version() >= Version::HTTP_2
            || answer.content_length().is_some()
            || answer.headers().contains_key(TRANSFER_ENCODING);
        Ok(ReplyStream {
            shared: self.shared.clone(),
            reply: Reply::new(&names, self.shared.learned().hold_thoughts),
            answer: Some(answer),
            framed,
            deadline,
            first: true,
            ready: VecDeque::new(),
            done: false,
        })
    }

    /// Asks, and where the server refuses something that is not needed, again without it: from then on always.
    async fn ask(&self, messages: &[Message], tools: &[Tool], deadline: Instant) -> Result<Response, Failure> {
        let Shared { http, tools_refused, .. } = &*self.shared;
        let Learned { mut wishes, thinks, .. } = self.shared.learned();
        let (mut first_refusal, mut changed, mut generations) = (None, false, 0);
        loop {
            let body = request_body(&http.model, messages, tools, wishes, thinks);
            let failure = match http.post("chat/completions", deadline, &Payload::json(&body)).await {
                Ok(answer) => {
                    if changed {
                        self.shared.learn(|learned| learned.wishes = wishes);
                    }
                    return Ok(answer);
                }
                Err(failure) => failure,
            };
            // What the model wrote could not be read: nothing is wrong with the request, and the next try writes something else.
            if endings::is_failed_generation(&failure.body) {
                generations += 1;
                let names: Vec<&str> = tools.iter().map(|tool| tool.name).collect();
                let report: Value = serde_json::from_slice(&failure.body).unwrap_or_default();
                if generations > 1 || Reply::of_failed_generation(&report, &names).is_some() {
                    return Err(failure);
                }
                tracing::info!(error = %failure.error, "the chat server could not read its model's tool call and is asked again");
                continue;
            }
            let said = refusal::said(&failure.error);
            let less = refusal::may_be_about_a_wish(&failure.error).and_then(|named| wishes.after(said, named));
            match less {
                Some(less) => {
                    tracing::info!(error = %failure.error, "the chat server is asked again without what it may not take");
                    if wishes.tools && !less.tools && refuses_tools(said) {
                        *tools_refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(said.to_owned());
                    }
                    first_refusal.get_or_insert(failure);
                    (wishes, changed) = (less, true);
                }
                // The first refusal is about what we want, the last about what is left of it.
                None => return Err(first_refusal.unwrap_or(failure)),
            }
        }
    }
}

/// The request as the wire has it. The messages are normalised.
fn request_body(model: &str, messages: &[Message], tools: &[Tool], wishes: Wishes, thinks: bool) -> Value {
    let plain = (!wishes.tools).then(|| described::described(messages, tools));
    let messages = plain.as_deref().unwrap_or(messages);
    let mut bodies: Vec<Value> = messages.iter().map(|message| message_body(message, wishes)).collect();
    if !wishes.system
        && let [Message { role: Role::System, content: prompt, .. }, Message { role: Role::User, content: first, .. }, ..] =
            messages
    {
        bodies.remove(0);
        bodies[0]["content"] = json!(format!("{prompt}\n\n{first}"));
    }
    let mut body = json!({ "model": model, "stream": wishes.stream, "messages": bodies });
    if let Some((field, tokens)) = wishes.length(thinks) {
        body[field] = json!(tokens);
    }
    if wishes.tools && !tools.is_empty() {
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
    /// A reply that is there already.
    fn of_pieces(shared: &Arc<Shared>, tools: &[&str], pieces: Vec<ReplyPiece>) -> Self {
        ReplyStream {
            shared: shared.clone(),
            reply: Reply::new(tools, false),
            answer: None,
            framed: true,
            deadline: Instant::now(),
            first: false,
            ready: pieces.into(),
            done: false,
        }
    }

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
            let rest = self.reply.finish(self.framed);
            let Traits { thinks_without_opening, thinks } = self.reply.traits();
            if thinks_without_opening || thinks {
                self.shared.learn(|learned| {
                    learned.hold_thoughts |= thinks_without_opening;
                    learned.thinks = true;
                });
            }
            self.ready.extend(rest.map_err(|what| self.wrong(what))?);
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
            Wrong::NoWords(detail) => ProviderError::NoWords { service: http.service, detail },
            Wrong::Cut => ProviderError::Cut { service: http.service },
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(test)]
#[path = "chat/odd_servers.rs"]
mod odd_servers;
