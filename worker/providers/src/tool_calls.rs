//! Tool calls put together from the pieces a model streams. Pure.
//!
//! The wire (OpenAI's chat completions, streaming): each piece names an `index`; the first of a call brings `id` and
//! `function.name`, the following ones only more of `function.arguments`. Servers that get it wrong are common: the same
//! index for parallel calls, no index, an id in every piece, an index that counts pieces, arguments as an object.

use offhook_types::chat::ToolCall;
use serde::Deserialize;
use serde_json::Value;

/// Most calls in one reply.
const MOST_CALLS: usize = 16;
/// Most bytes of all their arguments together.
const MOST_ARGUMENTS: usize = 64 * 1024;

/// One piece, as the wire has it.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct ToolCallPiece {
    /// Which of the reply's calls.
    #[serde(default)]
    pub index: Option<i64>,
    /// Only in a call's first piece, if the server is right.
    #[serde(default)]
    pub id: Option<String>,
    /// Name and arguments.
    #[serde(default)]
    pub function: Option<FunctionPiece>,
}

/// The piece's function.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct FunctionPiece {
    /// Whole, in the first piece.
    #[serde(default)]
    pub name: Option<String>,
    /// A stretch of JSON text, or (wrongly) the object.
    #[serde(default)]
    pub arguments: Option<Value>,
}

/// The calls of one reply so far.
#[derive(Debug, Default)]
pub struct ToolCalls {
    calls: Vec<Growing>,
    argument_bytes: usize,
}

#[derive(Debug)]
struct Growing {
    index: Option<i64>,
    id: Option<String>,
    name: String,
    arguments: String,
}

/// More calls or arguments than any sensible reply has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a reply with more than {MOST_CALLS} tool calls or {MOST_ARGUMENTS} bytes of arguments: use a better model")]
pub struct TooManyCalls;

impl ToolCalls {
    /// Takes the next piece.
    ///
    /// # Errors
    /// Where the reply grows beyond 16 calls or 64 KiB of arguments.
    pub fn push(&mut self, piece: ToolCallPiece) -> Result<(), TooManyCalls> {
        let id = piece.id.filter(|id| !id.is_empty());
        let function = piece.function.unwrap_or_default();
        let name = function.name.filter(|name| !name.is_empty());
        let place = self.place(piece.index, id.as_deref(), name.as_deref());
        let place = match place {
            Some(place) => place,
            None if self.calls.len() == MOST_CALLS => return Err(TooManyCalls),
            None => {
                self.calls.push(Growing { index: piece.index, id: None, name: String::new(), arguments: String::new() });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[place];
        call.id = call.id.take().or(id);
        if let (true, Some(name)) = (call.name.is_empty(), name) {
            call.name = name;
        }
        let more = match function.arguments {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            Some(object) => object.to_string(),
        };
        self.argument_bytes += more.len();
        call.arguments.push_str(&more);
        if self.argument_bytes > MOST_ARGUMENTS { Err(TooManyCalls) } else { Ok(()) }
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Ends the reply. Returns all calls that have a name, in the order in which they began. A call without arguments has `{}`,
    /// one without an id gets one.
    pub fn finish(self) -> Vec<ToolCall> {
        let complete = |(number, call): (usize, Growing)| ToolCall {
            id: call.id.unwrap_or_else(|| format!("call_{number}")),
            name: call.name,
            arguments: if call.arguments.trim().is_empty() { "{}".to_owned() } else { call.arguments },
        };
        self.calls.into_iter().enumerate().filter(|(_, call)| !call.name.is_empty()).map(complete).collect()
    }

    /// Which call a piece belongs to; `None`: a new one.
    fn place(&self, index: Option<i64>, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        if let Some(id) = id {
            // An id seen before goes on; a new one begins a call, even at an index that is taken, unless that call has
            // been waiting for its id.
            return self.calls.iter().position(|call| call.id.as_deref() == Some(id)).or_else(|| {
                let waiting = |call: &Growing| call.id.is_none() && index.is_some() && call.index == index && name.is_none();
                self.calls.iter().rposition(waiting)
            });
        }
        // Without an id: the newest call of that index; an index nobody began goes to the call that is being written,
        // unless it brings a name.
        let same_index = index.and_then(|index| self.calls.iter().rposition(|call| call.index == Some(index)));
        match (same_index, name) {
            (Some(place), None) => Some(place),
            // A name at an index that has one already: either repeated in every piece, or (without any index) a new call.
            (Some(place), Some(name)) => (self.calls[place].name.is_empty() || self.calls[place].name == name).then_some(place),
            (None, None) => self.calls.len().checked_sub(1),
            (None, Some(_)) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::json;

    use super::*;

    fn assembled(pieces: &[Value]) -> Vec<(String, String, String)> {
        let mut calls = ToolCalls::default();
        for piece in pieces {
            calls.push(serde_json::from_value(piece.clone()).unwrap()).unwrap();
        }
        calls.finish().into_iter().map(|call| (call.id, call.name, call.arguments)).collect()
    }

    fn call(id: &str, name: &str, arguments: &str) -> (String, String, String) {
        (id.into(), name.into(), arguments.into())
    }

    #[test]
    fn pieces_are_joined_by_index() {
        let pieces = [
            json!({"index":0,"id":"a","type":"function","function":{"name":"accept_offer","arguments":""}}),
            json!({"index":1,"id":"b","type":"function","function":{"name":"end_call","arguments":""}}),
            json!({"index":0,"function":{"arguments":"{\"date\":"}}),
            json!({"index":1,"function":{"arguments":"{}"}}),
            json!({"index":0,"function":{"arguments":"\"2026-12-04\"}"}}),
        ];
        assert_eq!(assembled(&pieces), [call("a", "accept_offer", "{\"date\":\"2026-12-04\"}"), call("b", "end_call", "{}")]);
    }

    #[test]
    fn wrong_indices_do_not_mix_calls() {
        let same_index = [
            json!({"index":0,"id":"a","function":{"name":"accept_offer","arguments":"{\"x\""}}),
            json!({"index":0,"function":{"arguments":":1}"}}),
            json!({"index":0,"id":"b","function":{"name":"end_call","arguments":"{"}}),
            json!({"index":0,"function":{"arguments":"}"}}),
        ];
        assert_eq!(assembled(&same_index), [call("a", "accept_offer", "{\"x\":1}"), call("b", "end_call", "{}")]);
        let no_index = [
            json!({"id":"a","function":{"name":"accept_offer","arguments":"{\"x\":"}}),
            json!({"function":{"arguments":"1}"}}),
            json!({"id":"b","function":{"name":"end_call"}}),
        ];
        assert_eq!(assembled(&no_index), [call("a", "accept_offer", "{\"x\":1}"), call("b", "end_call", "{}")]);
        let counting = [
            json!({"index":0,"id":"a","function":{"name":"accept_offer","arguments":""}}),
            json!({"index":1,"id":"","function":{"name":"","arguments":"{\"x\":"}}),
            json!({"index":2,"id":null,"function":{"name":null,"arguments":"1}"}}),
        ];
        assert_eq!(assembled(&counting), [call("a", "accept_offer", "{\"x\":1}")]);
    }

    #[test]
    fn an_id_or_a_name_in_every_piece_is_one_call() {
        let repeated = [
            json!({"index":0,"id":"a","function":{"name":"accept_offer","arguments":"{\"x\":"}}),
            json!({"index":0,"id":"a","function":{"name":"accept_offer","arguments":"1}"}}),
        ];
        assert_eq!(assembled(&repeated), [call("a", "accept_offer", "{\"x\":1}")]);
        let no_ids = [
            json!({"index":0,"function":{"name":"accept_offer","arguments":"{}"}}),
            json!({"index":1,"function":{"name":"end_call","arguments":{}}}),
        ];
        assert_eq!(assembled(&no_ids), [call("call_0", "accept_offer", "{}"), call("call_1", "end_call", "{}")]);
    }

    #[test]
    fn a_reply_of_calls_without_end_is_refused() {
        let mut calls = ToolCalls::default();
        let piece: ToolCallPiece =
            serde_json::from_value(json!({"index":0,"function":{"name":"x","arguments":"y".repeat(1000)}})).unwrap();
        assert_eq!((0..100).try_for_each(|_| calls.push(piece.clone())), Err(TooManyCalls));
        let mut calls = ToolCalls::default();
        let nth = |i: i64| serde_json::from_value(json!({"index":i,"id":i.to_string(),"function":{"name":"x"}})).unwrap();
        assert_eq!((0..100).try_for_each(|i| calls.push(nth(i))), Err(TooManyCalls));
    }
}
