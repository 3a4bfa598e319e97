//! Objects and places in braces that stand in a model's text: calls, words that were put into JSON, and data. Pure.

use serde_json::Value;

use super::{
    Decision, WrittenCall,
    calls::{attributes as pairs, bracket_end, read_calls},
};

/// Where a model that writes JSON puts what is to be said.
const WORDS: [&str; 12] =
    ["response", "reply", "answer", "say", "speech", "spoken", "utterance", "content", "text", "output", "message", "assistant"];
/// The same, where they cannot be an argument of a tool beside its name.
const WORDS_BESIDE_A_CALL: [&str; 5] = ["response", "reply", "say", "speech", "content"];
/// Arguments that a tool of ours cannot do without: an object that has one was meant as a call.
const REQUIRED: [&str; 3] = ["\"date\"", "\"party_size\"", "\"outcome\""];
/// What else shows that an object was.
const SIGNS: [&str; 2] = ["\"arguments\"", "\"parameters\""];
/// Bytes of a place that a template leaves open.
const LONGEST_PLACE: usize = 60;

/// Bytes of a mark in braces, braces included.
const LONGEST_MARK: usize = 6;

/// What an object is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Object {
    /// Calls, and words beside them.
    Calls(Vec<WrittenCall>, String),
    /// To be said.
    Words(String),
    /// Meant as a call.
    Broken,
    /// Neither.
    Data,
}

/// Decides what the brace that `held` begins with opens; `None` where its end has not come.
pub(super) fn decide(held: &str) -> Option<Decision> {
    let inside = &held[1..];
    let first = inside.trim_start().chars().next()?;
    let is_object = first.is_alphabetic() || matches!(first, '"' | '\'' | '{' | '_' | '}' | '[');
    let end = bracket_end(held);
    if is_object {
        return end.map(|end| if is_place(&held[1..end - 1]) { Decision::Speak(end) } else { Decision::Object(end) });
    }
    match end.filter(|end| *end <= LONGEST_PLACE) {
        // LaTeX: `19{:}30`.
        Some(end) if end <= LONGEST_MARK && !held[1..end - 1].contains(['{', '[', '(', '<', '◁', '`']) => {
            Some(Decision::Braces(end - 1))
        }
        Some(_) => Some(Decision::Skip(1)),
        None => (held.len() > LONGEST_PLACE).then_some(Decision::Skip(1)),
    }
}

/// `{guest_name}`, `{{guest_phone}}`: a template's place, not JSON.
fn is_place(inside: &str) -> bool {
    let inside = inside.strip_prefix('{').and_then(|inside| inside.strip_suffix('}')).unwrap_or(inside);
    inside.len() <= LONGEST_PLACE
        && inside.contains(char::is_alphabetic)
        && !inside.contains(['"', ':', '{', '}', '\'', '\n', '`', '<', '['])
}

/// Reads an object, a list of them, or a tag with attributes.
pub(super) fn read(written: &str, tools: &[String]) -> Object {
    if let Some((name, arguments)) = attributes(written).or_else(|| empty_tag(written)) {
        return Object::Calls(vec![WrittenCall { name, arguments: arguments.to_string() }], String::new());
    }
    let calls = read_calls(written, None, tools);
    let document: Option<Value> = serde_json::from_str(written.trim()).ok();
    if !calls.is_empty() {
        let words = document.as_ref().and_then(|document| words_of(document, &WORDS_BESIDE_A_CALL)).unwrap_or_default();
        return Object::Calls(calls, words);
    }
    let meant = tools.iter().any(|tool| written.contains(tool.as_str()))
        || REQUIRED.iter().chain(&SIGNS).any(|key| written.contains(key));
    if meant {
        return Object::Broken;
    }
    // A brace that is never closed, and no object behind it.
    if let Some(rest) = written.strip_prefix('{')
        && bracket_end(written).is_none()
        && !written.contains('"')
    {
        return Object::Words(rest.to_owned());
    }
    match document.and_then(|document| words_of(&document, &WORDS)) {
        Some(words) => Object::Words(words),
        None => Object::Data,
    }
}

/// The words in an object that a model or a server has put around them.
fn words_of(document: &Value, keys: &[&str]) -> Option<String> {
    match document {
        Value::Array(list) => {
            let words: Vec<String> = list.iter().filter_map(|document| words_of(document, keys)).collect();
            (!words.is_empty()).then(|| words.join(" "))
        }
        Value::Object(fields) => {
            let role = fields.get("role").and_then(Value::as_str).unwrap_or("assistant");
            if role != "assistant" {
                return None;
            }
            keys.iter().find_map(|key| match fields.get(*key)? {
                Value::String(words) if !words.trim().is_empty() => Some(words.clone()),
                inner @ (Value::Array(_) | Value::Object(_)) => words_of(inner, keys),
                _ => None,
            })
        }
        _ => None,
    }
}

/// `<accept_offer date="2026-12-04" time="19:30"/>`: the name and the arguments; `None` where there is no attribute.
pub(super) fn attributes(tag: &str) -> Option<(String, Value)> {
    let inside = tag.strip_prefix('<')?.strip_suffix('>')?;
    let inside = inside.strip_suffix('/').unwrap_or(inside);
    let (name, rest) = inside.split_once(char::is_whitespace)?;
    let fields = pairs(rest)?;
    fields.as_object().is_some_and(|fields| !fields.is_empty()).then(|| (name.to_lowercase(), fields))
}

/// `<end_call/>`.
fn empty_tag(tag: &str) -> Option<(String, Value)> {
    let name = tag.strip_prefix('<')?.strip_suffix("/>")?.trim();
    Some((name.to_lowercase(), Value::Object(serde_json::Map::new())))
}
