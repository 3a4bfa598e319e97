//! What a model's server sends, read leniently where nothing depends on it and strictly where something does. Pure: bytes in, pieces
//! of a reply out.
//!
//! Stream or no stream is told by the body's first character, not by its media type: servers announce either as the other.

use offhook_types::chat::{ReplyPiece, ToolCall};
use serde_json::Value;

use super::{
    endings::{Finish, failed_generation, reason, reported_error},
    written::Written,
};
use crate::{
    error::said_in,
    sse::SseParser,
    tool_calls::{ToolCallPiece, ToolCalls},
};

/// Most bytes of text in one reply: some minutes of speech.
const MOST_TEXT: usize = 64 * 1024;
/// Most bytes of a reply that was not streamed.
const MOST_BODY: usize = 1 << 20;
/// Most events that are passed over: more of them, and the server speaks another language.
const MOST_UNREADABLE: u32 = 100;
/// Characters of an unreadable event in the log: enough to tell what it is, too few for what somebody said.
const SHOWN: usize = 24;

/// Nothing but thoughts.
const TOO_MANY_THOUGHTS: &str =
    "all its tokens went into its thoughts: take a model that does not reason, or switch reasoning off";
/// No thoughts were seen, and no words.
const TOO_FEW_TOKENS: &str = "it was cut off before its first word: the server lets the model write too few tokens; raise its limit, or take a \
     model that does not reason in secret";
/// Shorter texts may be said twice.
const LEAST_REPEATED: usize = 12;

/// Why a reply cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// The server reports an error within the answer.
    Said(String),
    /// It is no reply of a chat.
    Nonsense(String),
    /// It ends before its first word, for a reason.
    NoWords(String),
    /// It ends before it is over.
    Cut,
}

/// What a reply shows of its server and model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Traits {
    /// Thoughts ended that had no beginning: this server leaves the opening tag out.
    pub(crate) thinks_without_opening: bool,
    /// There were thoughts, wherever.
    pub(crate) thinks: bool,
}

/// What some bytes brought.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// What may be spoken.
    pub(crate) text: String,
    /// Text that may be spoken, or a part of a tool call.
    pub(crate) matters: bool,
    /// The model is at work: an event of the chat came, whatever is in it.
    pub(crate) alive: bool,
}

impl Progress {
    fn join(&mut self, more: Progress) {
        self.text.push_str(&more.text);
        self.matters |= more.matters;
        self.alive |= more.alive;
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Nothing but space has come.
    Unknown,
    Events,
    /// One JSON document, or one on every line.
    Json,
}

/// A reply that is arriving.
pub(crate) struct Reply {
    shape: Shape,
    parser: SseParser,
    body: Vec<u8>,
    calls: ToolCalls,
    written: Written,
    text_bytes: usize,
    /// Text as it came, thoughts and all: some servers send it once more at the end.
    raw: String,
    /// A part that holds thoughts came.
    thinks: bool,
    finish: Finish,
    /// Something was given out to be spoken.
    spoke: bool,
    /// A finish reason or `[DONE]` came.
    finished: bool,
    /// `[DONE]` came.
    done: bool,
    /// Events of a chat.
    understood: u32,
    /// Events passed over, and the start of the first of them.
    unreadable: u32,
    first_unreadable: Option<String>,
}

impl Reply {
    /// Begins to read. `tools` are the names of those that were offered; `hold_thoughts` holds text back up to `</think>`.
    pub(crate) fn new(tools: &[&str], hold_thoughts: bool) -> Self {
        Reply {
            shape: Shape::Unknown,
            parser: SseParser::default(),
            body: Vec::new(),
            calls: ToolCalls::default(),
            written: Written::new(tools, hold_thoughts),
            text_bytes: 0,
            raw: String::new(),
            thinks: false,
            finish: Finish::Usual,
            spoke: false,
            finished: false,
            done: false,
            understood: 0,
            unreadable: 0,
            first_unreadable: None,
        }
    }

    /// Nothing more is to be read, whatever the connection does.
    pub(crate) fn is_done(&self) -> bool {
        self.done
    }

    /// What it has shown so far.
    pub(crate) fn traits(&self) -> Traits {
        let thinks_without_opening = self.written.thinks_without_opening();
        Traits { thinks_without_opening, thinks: thinks_without_opening || self.thinks || self.written.has_thoughts() }
    }

    /// What a model wrote that its server could not read as a tool call, where it holds one that we can.
    pub(crate) fn of_failed_generation(report: &Value, tools: &[&str]) -> Option<Vec<ReplyPiece>> {
        let text = failed_generation(report)?;
        let mut reply = Reply::new(tools, false);
        let said = reply.text(Some(&Value::from(text))).ok()?.text;
        let pieces = reply.end(said);
        let readable = |piece: &ReplyPiece| match piece {
            ReplyPiece::ToolCall(ToolCall { name, arguments, .. }) => {
                tools.contains(&name.as_str()) && serde_json::from_str::<Value>(arguments).is_ok_and(|fields| fields.is_object())
            }
            _ => false,
        };
        pieces.iter().any(readable).then_some(pieces)
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// Where this cannot become a reply.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Progress, Wrong> {
        if self.shape == Shape::Unknown {
            self.body.extend_from_slice(bytes);
            let start = self.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&self.body);
            let Some(first) = start.iter().find(|byte| !byte.is_ascii_whitespace()) else { return self.check_size() };
            // The mark may have come in part.
            if b"\xef\xbb\xbf".starts_with(start) {
                return Ok(Progress::default());
            }
            match first {
                b'<' => return Err(Wrong::Nonsense("a page".to_owned())),
                b'{' | b'[' => self.shape = Shape::Json,
                _ => self.shape = Shape::Events,
            }
            if self.shape == Shape::Json {
                return self.check_size();
            }
            let body = std::mem::take(&mut self.body);
            return self.events(&body);
        }
        if self.shape == Shape::Json {
            self.body.extend_from_slice(bytes);
            return self.check_size();
        }
        self.events(bytes)
    }

    /// Ends the reply: the body is over. `framed` says that the connection told so itself (a length, chunks, HTTP/2) and was not just
    /// closed. Returns the rest.
    ///
    /// # Errors
    /// Where something is missing.
    pub(crate) fn finish(&mut self, framed: bool) -> Result<Vec<ReplyPiece>, Wrong> {
        let mut rest = Progress::default();
        match self.shape {
            Shape::Unknown => {}
            Shape::Json => {
                let body = std::mem::take(&mut self.body);
                let text = String::from_utf8_lossy(&body);
                self.written.is_whole();
                rest.join(self.event(&text)?);
                // A document is whole by itself.
                self.finished |= self.understood == 1;
            }
            Shape::Events => {
                if let Some(last) = self.parser.finish() {
                    rest.join(self.event(&last)?);
                }
            }
        }
        match self.finish {
            Finish::Failed => return Err(Wrong::Said("the reply ended with an error that is not named".to_owned())),
            // The last call is not known to be whole, if it has no arguments.
            Finish::Length if !self.calls.are_whole() => return Err(Wrong::Cut),
            Finish::Length => self.written.is_cut_off(),
            _ => {}
        }
        if !self.finished {
            let nothing = self.text_bytes == 0 && self.calls.is_empty();
            if self.understood == 0 && (self.shape != Shape::Unknown || self.unreadable > 0) {
                let start = self.first_unreadable.take().unwrap_or_default();
                return Err(Wrong::Nonsense(format!("no event of a chat in it; it begins {start:?}")));
            }
            // Some servers send no finish reason. Half a call is no call, and a connection that was only closed tells nothing.
            if nothing || !framed || !self.calls.are_whole() {
                return Err(Wrong::Cut);
            }
        }
        let pieces = self.end(rest.text);
        let silent = !self.spoke && pieces.len() == 1;
        match self.finish {
            Finish::Length if silent => {
                let why = if self.traits().thinks { TOO_MANY_THOUGHTS } else { TOO_FEW_TOKENS };
                Err(Wrong::NoWords(why.to_owned()))
            }
            Finish::Filtered if silent => Err(Wrong::NoWords("a content filter of the server ended it".to_owned())),
            _ => Ok(pieces),
        }
    }

    /// The last pieces: text still held back, then all tool calls.
    fn end(&mut self, mut text: String) -> Vec<ReplyPiece> {
        let (last, written) = self.written.finish();
        text.push_str(&last);
        let mut calls = std::mem::take(&mut self.calls).finish();
        for call in written {
            // Some servers take a call out of the text, and leave it there as well.
            let same = |other: &ToolCall| other.name == call.name && same_json(&other.arguments, &call.arguments);
            if calls.iter().any(same) {
                continue;
            }
            let id = format!("written_{}", calls.len());
            calls.push(ToolCall { id, name: call.name, arguments: call.arguments });
        }
        let text = (!text.is_empty()).then_some(ReplyPiece::Text(text));
        text.into_iter().chain(calls.into_iter().map(ReplyPiece::ToolCall)).chain([ReplyPiece::Ended]).collect()
    }

    fn check_size(&self) -> Result<Progress, Wrong> {
        if self.body.len() > MOST_BODY {
            return Err(Wrong::Nonsense(format!("a reply of more than {MOST_BODY} bytes")));
        }
        Ok(Progress::default())
    }

    fn events(&mut self, bytes: &[u8]) -> Result<Progress, Wrong> {
        let mut progress = Progress::default();
        for event in self.parser.push(bytes).map_err(|error| Wrong::Nonsense(error.to_string()))? {
            progress.join(self.event(&event)?);
        }
        Ok(progress)
    }

    /// Reads one event: a chunk of the chat, the end, a sign of life, an error, or nothing that can be read.
    fn event(&mut self, data: &str) -> Result<Progress, Wrong> {
        let data = data.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
        if self.done || data.is_empty() {
            return Ok(Progress::default());
        }
        if data.eq_ignore_ascii_case("[DONE]") {
            (self.finished, self.done) = (true, true);
            return Ok(Progress::default());
        }
        // One document, several without anything between them, or a list of them.
        let documents: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(data).into_iter().collect();
        match documents {
            Ok(documents) => {
                let mut progress = Progress::default();
                for document in &documents {
                    let list = document.as_array().map_or(std::slice::from_ref(document), Vec::as_slice);
                    for json in list {
                        progress.join(self.document(json)?);
                    }
                }
                Ok(progress)
            }
            // Events without an empty line between them, or a document on every line.
            Err(_) if data.contains('\n') && self.shape == Shape::Events => self.lines(data),
            Err(_) if self.shape == Shape::Json && data.lines().any(|line| serde_json::from_str::<Value>(line).is_ok()) => {
                self.lines(data)
            }
            Err(_) => self.pass_over(data),
        }
    }

    fn lines(&mut self, data: &str) -> Result<Progress, Wrong> {
        let mut progress = Progress::default();
        for line in data.lines() {
            let line = line.trim();
            progress.join(self.event(line.strip_prefix("data:").unwrap_or(line))?);
        }
        Ok(progress)
    }

    fn document(&mut self, json: &Value) -> Result<Progress, Wrong> {
        if let Some(error) = reported_error(json) {
            // A server that could not read its model's call: perhaps we can.
            let readable = self.text_bytes == 0 && self.calls.is_empty() && {
                let tools: Vec<&str> = self.written.tools().collect();
                Reply::of_failed_generation(json, &tools).is_some()
            };
            if let Some(written) = failed_generation(json).filter(|_| readable) {
                (self.understood, self.finished) = (self.understood + 1, true);
                return self.text(Some(&Value::from(written)));
            }
            return Err(Wrong::Said(error));
        }
        let mut progress = Progress::default();
        // One choice was asked for; events that count tokens or keep the connection alive have none.
        let choice = match json.get("choices") {
            Some(Value::Array(choices)) => choices.first(),
            Some(choice @ Value::Object(_)) => Some(choice),
            _ => None,
        };
        let Some(choice) = choice.filter(|choice| choice.is_object()) else {
            // `{"detail":"Model is loading"}` in place of a reply.
            let instead = self.shape == Shape::Json && self.understood == 0 && json.get("choices").is_none();
            return match ["detail", "message"].iter().find_map(|key| json.get(*key)).and_then(|_| said_in(json)) {
                Some(said) if instead => Err(Wrong::Said(said)),
                _ => Ok(progress),
            };
        };
        self.understood += 1;
        progress.alive = true;
        let object = |key| choice.get(key).filter(|value: &&Value| value.is_object());
        // A stream may repeat the whole message at its end, and a server that does not stream sends nothing else.
        let begun = self.text_bytes > 0 || !self.calls.is_empty();
        let delta = object("delta").or_else(|| object("message").filter(|_| !begun));
        let mut reasons = [Some(choice), delta].into_iter().flatten().filter_map(|place| reason(place.get("finish_reason")));
        let ends = reasons.next();
        if let Some(finish) = ends {
            (self.finished, self.finish) = (true, finish);
        }
        let Some(delta) = delta else {
            progress.join(self.text(choice.get("text"))?);
            return Ok(progress);
        };
        self.thinks |= ["reasoning_content", "reasoning", "thinking"].iter().any(|key| has_text(delta.get(*key)));
        let content = delta.get("content");
        // The last chunk of some servers has all the text once more.
        let again =
            ends.is_some() && self.raw.len() >= LEAST_REPEATED && content.is_some_and(|content| text_of(content) == self.raw);
        if !again {
            progress.join(self.text(content)?);
        }
        let old = delta.get("function_call").filter(|call| call.is_object());
        let pieces = match delta.get("tool_calls") {
            Some(Value::Array(pieces)) => pieces.iter().collect(),
            None | Some(Value::Null) => old.into_iter().collect(),
            Some(piece) => vec![piece],
        };
        for piece in pieces.into_iter().filter(|piece| !piece.is_null()) {
            let piece = ToolCallPiece::read(piece).ok_or_else(|| Wrong::Nonsense("a tool call is no object".to_owned()))?;
            self.calls.push(piece).map_err(|error| Wrong::Nonsense(error.to_string()))?;
            progress.matters = true;
        }
        Ok(progress)
    }

    fn text(&mut self, content: Option<&Value>) -> Result<Progress, Wrong> {
        let text = content.map(text_of).unwrap_or_default();
        self.text_bytes += text.len();
        if self.text_bytes > MOST_TEXT {
            return Err(Wrong::Nonsense(format!("a reply of more than {MOST_TEXT} bytes")));
        }
        self.raw.push_str(&text);
        let text = self.written.push(&text);
        self.spoke |= !text.trim().is_empty();
        Ok(Progress { matters: !text.is_empty(), text, alive: true })
    }

    /// An event that cannot be read is no reason to end a call. Where it may have held a part of a tool call it is: a call with a hole
    /// in it could agree to something else.
    fn pass_over(&mut self, data: &str) -> Result<Progress, Wrong> {
        let start: String = data.chars().take(SHOWN).collect();
        let damaged = data.starts_with(['{', '[']);
        if damaged && (!self.calls.is_empty() || data.contains("tool_call") || data.contains("\"function")) {
            return Err(Wrong::Nonsense("an event with a part of a tool call cannot be read".to_owned()));
        }
        self.unreadable += 1;
        if self.unreadable > MOST_UNREADABLE {
            return Err(Wrong::Nonsense(format!("more than {MOST_UNREADABLE} events that cannot be read; one begins {start:?}")));
        }
        if damaged {
            tracing::warn!(start, "an event of the reply cannot be read and is passed over");
        } else {
            tracing::debug!(start, "an event of the reply is none of a chat and is passed over");
        }
        self.first_unreadable.get_or_insert(start);
        Ok(Progress::default())
    }
}

fn has_text(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| !text.is_empty())
}

/// Content is text, or parts with text in them.
fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(text_of).collect(),
        Value::Object(part) => {
            // A part of a model's thoughts is no text.
            let kind = part.get("type").and_then(Value::as_str).unwrap_or("text");
            if kind.contains("think") || kind.contains("reason") {
                return String::new();
            }
            part.get("text").or_else(|| part.get("value")).map(text_of).unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn same_json(one: &str, other: &str) -> bool {
    match (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
