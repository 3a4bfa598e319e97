//! Tool calls put together from the pieces a model streams. Pure.
//!
//! The wire (OpenAI's chat completions, streaming): each piece names an `index`; the first of a call brings `id` and
//! `function.name`, the following ones only more of `function.arguments`. Servers that get it wrong are common: the same
//! index for parallel calls, no index, an index as text, an id in every piece, one id for all calls, an index that counts pieces,
//! arguments as an object, name and arguments beside `function` instead of in it.

use offhook_types::chat::ToolCall;
use serde_json::Value;

/// Most calls in one reply.
const MOST_CALLS: usize = 16;
/// Most bytes of all their arguments together.
const MOST_ARGUMENTS: usize = 64 * 1024;
/// The name of a call that came without one: no tool has it, so that the model is told and asked again.
pub const UNNAMED: &str = "unnamed";

/// One piece, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ToolCallPiece {
    /// Which of the reply's calls.
    pub index: Option<i64>,
    /// Only in a call's first piece, if the server is right.
    pub id: Option<String>,
    /// Whole, in the first piece.
    pub name: Option<String>,
    /// A stretch of JSON text.
    pub arguments: String,
}

impl ToolCallPiece {
    /// Reads a piece; `None` where it is no object.
    pub fn read(piece: &Value) -> Option<ToolCallPiece> {
        let fields = piece.as_object()?;
        // Some servers have name and arguments beside `function`, or no `function` at all.
        let inner = fields.get("function").filter(|function| function.is_object());
        let find = |key: &str| {
            let places = [inner.and_then(|function| function.get(key)), fields.get(key)];
            places.into_iter().flatten().find(|value| !value.is_null())
        };
        let text = |value: &Value| match value {
            Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let named = find("name").or_else(|| fields.get("function").filter(|function| function.is_string()));
        Some(ToolCallPiece {
            index: fields.get("index").and_then(whole_number),
            id: fields.get("id").and_then(text),
            name: named.and_then(text).map(|name| bare_name(&name).to_owned()),
            arguments: match find("arguments") {
                Some(Value::String(text)) => text.clone(),
                Some(object) => object.to_string(),
                None => String::new(),
            },
        })
    }
}

/// The name of a tool without what models put before it: `functions.accept_offer`.
pub(crate) fn bare_name(name: &str) -> &str {
    let name = name.trim().trim_matches(['"', '\'', '`']);
    let name = name.rsplit(['.', '/']).next().unwrap_or(name);
    name.split(':').next().unwrap_or(name).trim()
}

fn whole_number(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_i64().or_else(|| other.as_f64().filter(|number| number.fract() == 0.0).map(|number| number as i64)),
    }
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

impl Growing {
    fn is_whole(&self) -> bool {
        serde_json::from_str::<Value>(&once(&self.arguments)).is_ok_and(|arguments| arguments.is_object())
    }
}

/// Arguments that came twice, behind an empty object, or as text within text: once, as an object. Anything else is left as it is.
fn once(arguments: &str) -> String {
    if let Ok(Value::String(inner)) = serde_json::from_str(arguments)
        && serde_json::from_str::<Value>(&inner).is_ok_and(|inner| inner.is_object())
    {
        return inner;
    }
    let documents: Result<Vec<Value>, _> = serde_json::Deserializer::from_str(arguments).into_iter().collect();
    let Ok(documents) = documents else { return arguments.to_owned() };
    match documents.split_last() {
        Some((last @ Value::Object(_), before @ [_, ..]))
            if before.iter().all(|document| document == last || document.as_object().is_some_and(serde_json::Map::is_empty)) =>
        {
            last.to_string()
        }
        _ => arguments.to_owned(),
    }
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
        let ToolCallPiece { index, id, name, arguments } = piece;
        let place = match self.place(index, id.as_deref(), name.as_deref()) {
            Some(place) => place,
            None if self.calls.len() == MOST_CALLS => return Err(TooManyCalls),
            None => {
                self.calls.push(Growing { index, id: None, name: String::new(), arguments: String::new() });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[place];
        call.id = call.id.take().or(id);
        if let (true, Some(name)) = (call.name.is_empty(), name) {
            call.name = name;
        }
        self.argument_bytes += arguments.len();
        call.arguments.push_str(&arguments);
        if self.argument_bytes > MOST_ARGUMENTS { Err(TooManyCalls) } else { Ok(()) }
    }

    /// Whether there is any.
    pub fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Whether nothing is missing of any call: all have a name, and a JSON object as arguments.
    pub fn are_whole(&self) -> bool {
        self.calls.iter().all(|call| !call.name.is_empty() && call.is_whole())
    }

    /// Ends the reply. Returns all calls in the order in which they began, each with an id of its own. A call without arguments has
    /// `{}`; one without a name is called [`UNNAMED`], and is left out where it has no arguments either.
    pub fn finish(self) -> Vec<ToolCall> {
        let mut finished: Vec<ToolCall> = Vec::new();
        for (number, call) in self.calls.into_iter().enumerate() {
            let arguments = once(call.arguments.trim());
            if call.name.is_empty() && arguments.is_empty() {
                continue;
            }
            let taken = |id: &String| finished.iter().any(|before| before.id == *id);
            finished.push(ToolCall {
                id: call.id.filter(|id| !taken(id)).unwrap_or_else(|| format!("call_{number}")),
                name: if call.name.is_empty() { UNNAMED.to_owned() } else { call.name },
                arguments: if arguments.is_empty() { "{}".to_owned() } else { arguments },
            });
        }
        finished
    }

    /// Which call a piece belongs to; `None`: a new one.
    fn place(&self, index: Option<i64>, id: Option<&str>, name: Option<&str>) -> Option<usize> {
        // One id for several calls: another name, or another index once the call of that id is whole, begins a new one.
        let another = |call: &Growing| {
            name.is_some_and(|name| {
                !call.name.is_empty() && (call.name != name || (index.is_some() && call.index != index && call.is_whole()))
            })
        };
        if let Some(id) = id {
            // An id seen before goes on; a new one begins a call, even at an index that is taken, unless that call has
            // been waiting for its id.
            let known = self.calls.iter().rposition(|call| call.id.as_deref() == Some(id));
            return known.filter(|place| !another(&self.calls[*place])).or_else(|| {
                let waiting = |call: &Growing| call.id.is_none() && index.is_some() && call.index == index && name.is_none();
                if known.is_some() { None } else { self.calls.iter().rposition(waiting) }
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
            calls.push(ToolCallPiece::read(piece).unwrap()).unwrap();
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
    fn odd_types_and_places_are_read_and_one_id_for_all_is_no_single_call() {
        let odd = [
            json!({"index":"0","id":7,"function":{"name":"functions.accept_offer","arguments":{"x":1}}}),
            json!({"index":1.0,"id":null,"type":null,"name":"end_call","arguments":null}),
            json!({"index":2,"function":null}),
        ];
        assert_eq!(assembled(&odd), [call("7", "accept_offer", "{\"x\":1}"), call("call_1", "end_call", "{}")]);
        let one_id = [
            json!({"index":0,"id":"a","function":{"name":"report_outcome","arguments":"{\"x\":"}}),
            json!({"index":0,"id":"a","function":{"arguments":"1}"}}),
            json!({"index":1,"id":"a","function":{"name":"end_call","arguments":"{}"}}),
            json!({"index":2,"id":"a","function":{"name":"end_call","arguments":"{}"}}),
        ];
        let expected =
            [call("a", "report_outcome", "{\"x\":1}"), call("call_1", "end_call", "{}"), call("call_2", "end_call", "{}")];
        assert_eq!(assembled(&one_id), expected);
        assert_eq!(assembled(&[json!({"function":{"arguments":"{}"}})]), [call("call_0", UNNAMED, "{}")]);
        assert_eq!(ToolCallPiece::read(&json!("end_call")), None);
    }

    #[test]
    fn a_reply_of_calls_without_end_is_refused() {
        let mut calls = ToolCalls::default();
        let piece = ToolCallPiece::read(&json!({"index":0,"function":{"name":"x","arguments":"y".repeat(1000)}})).unwrap();
        assert_eq!((0..100).try_for_each(|_| calls.push(piece.clone())), Err(TooManyCalls));
        let mut calls = ToolCalls::default();
        let nth = |i: i64| ToolCallPiece::read(&json!({"index":i,"id":i.to_string(),"function":{"name":"x"}})).unwrap();
        assert_eq!((0..100).try_for_each(|i| calls.push(nth(i))), Err(TooManyCalls));
    }
}
