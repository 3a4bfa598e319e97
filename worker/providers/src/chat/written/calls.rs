//! Reading tool calls that a model wrote as text: JSON in several shapes, calls as in Python, tags with parameters.

use serde_json::{Map, Value};

use super::WrittenCall;
use crate::tool_calls::bare_name;

/// Where a name's own name stands in the JSON of a call, and where its arguments do.
const NAMES: [&str; 8] = ["name", "tool", "tool_name", "function", "function_name", "recipient_name", "action", "call"];
const ARGUMENTS: [&str; 8] = ["arguments", "parameters", "args", "params", "input", "action_input", "tool_input", "kwargs"];

/// What models write before a tool's name.
const QUALIFIERS: [&str; 4] = ["functions.", "function.", "default_api.", "tools."];

/// Whether a call of a known tool stands somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Called {
    /// No.
    No,
    /// That cannot be told yet.
    Maybe,
    /// Yes, in so many bytes.
    Yes(usize),
}

/// Whether `text` begins with a known tool's name and its arguments: `functions.accept_offer({…})`, `accept_offer(date="…")`,
/// `accept_offer: {…}`. `over`: nothing follows.
pub(super) fn tool_at(text: &str, tools: &[String], over: bool) -> Called {
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '.'))).unwrap_or(text.len());
    let word = &text[..end];
    let last = word.rsplit('.').next().unwrap_or(word);
    let maybe = |called| if over { Called::No } else { called };
    if end == text.len() {
        let grows = tools.iter().any(|tool| tool.starts_with(last));
        let prefix = QUALIFIERS.iter().any(|prefix| prefix.starts_with(word));
        return if !word.is_empty() && !tools.is_empty() && (grows || prefix) { maybe(Called::Maybe) } else { Called::No };
    }
    // What stands before the name is known: any other word is speech up to its full stop, however it is cut.
    let qualified = &word[..word.len() - last.len()];
    if !tools.iter().any(|tool| tool == last) || !(qualified.is_empty() || QUALIFIERS.contains(&qualified)) {
        return Called::No;
    }
    let rest = text[end..].trim_start_matches(|c: char| c.is_whitespace() || c == ':');
    let rest = rest.strip_prefix("[ARGS]").unwrap_or(rest);
    if rest.is_empty() || "[ARGS]".starts_with(rest) {
        return maybe(Called::Maybe);
    }
    if !rest.starts_with(['(', '{']) {
        return Called::No;
    }
    match bracket_end(rest) {
        Some(length) => Called::Yes(text.len() - rest.len() + length),
        None if over => Called::Yes(text.len()),
        None => Called::Maybe,
    }
}

/// Where the bracket that `text` begins with is closed again, strings left out; `None` while it is not.
pub(super) fn bracket_end(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0usize, None, false);
    let python = text.starts_with('(');
    for (at, character) in text.char_indices() {
        if let Some(open) = quote {
            match character {
                _ if escaped => escaped = false,
                '\\' => escaped = true,
                _ if character == open => quote = None,
                _ => {}
            }
            continue;
        }
        match character {
            '"' => quote = Some('"'),
            '\'' if python => quote = Some('\''),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(at + character.len_utf8());
                }
            }
            _ => {}
        }
    }
    None
}

/// Reads all calls in `text`. `name` is the tool's, where a tag around the text gave it. Empty where there is none that can be read.
pub(super) fn read_calls(text: &str, name: Option<&str>, tools: &[String]) -> Vec<WrittenCall> {
    // Gemma 4 has a token for quotation marks.
    let text = super::tags::without_dsml(&text.replace("<|\"|>", "\""));
    let text = text.trim();
    let known = |name: &str| tools.iter().any(|tool| tool == name);
    if let Some(name) = name.map(bare_name).filter(|name| !name.is_empty() && *name != "arguments") {
        return arguments_of(text).map(|arguments| vec![written(name, &arguments)]).unwrap_or_default();
    }
    let documents = documents(text);
    let calls: Vec<WrittenCall> = documents.iter().flat_map(|document| json_calls(document, &known)).collect();
    if !calls.is_empty() {
        return calls;
    }
    let tagged = tagged(text);
    if !tagged.is_empty() {
        return tagged;
    }
    named(text, tools)
}

fn written(name: &str, arguments: &Value) -> WrittenCall {
    let arguments = match arguments {
        // JSON within JSON, as the wire itself has it.
        Value::String(text) => text.clone(),
        Value::Null => "{}".to_owned(),
        other => other.to_string(),
    };
    WrittenCall {
        name: bare_name(name).to_owned(),
        arguments: if arguments.trim().is_empty() { "{}".to_owned() } else { arguments },
    }
}

/// The JSON documents a text consists of, one after another; none where something else stands before the first.
fn documents(text: &str) -> Vec<Value> {
    let mut documents = Vec::new();
    let mut rest = text;
    while rest.starts_with(['{', '[']) {
        let Some(end) = bracket_end(rest) else { break };
        let Ok(document) = serde_json::from_str(&rest[..end]) else { break };
        documents.push(document);
        rest = rest[end..].trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ',' | ';'));
    }
    documents
}

/// The calls a JSON document stands for.
fn json_calls(document: &Value, known: &impl Fn(&str) -> bool) -> Vec<WrittenCall> {
    let fields = match document {
        Value::Array(list) => return list.iter().flat_map(|document| json_calls(document, known)).collect(),
        Value::Object(fields) => fields,
        _ => return Vec::new(),
    };
    if let Some(calls) = fields.get("tool_calls").or_else(|| fields.get("tool_uses")).filter(|calls| calls.is_array()) {
        return json_calls(calls, known);
    }
    if let Some(inner) = fields.get("function").or_else(|| fields.get("function_call")).filter(|inner| inner.is_object()) {
        return json_calls(inner, known);
    }
    let name = NAMES.iter().find_map(|key| fields.get(*key)?.as_str());
    let arguments = ARGUMENTS.iter().find_map(|key| fields.get(*key));
    if let Some(name) = name.filter(|name| known(bare_name(name)) || arguments.is_some()) {
        // Arguments may lie beside the name; a name alone is a call without any.
        let beside = || {
            let others = fields.iter().filter(|(key, _)| !NAMES.contains(&key.as_str()) && *key != "type" && *key != "id");
            Value::Object(others.map(|(key, value)| (key.clone(), value.clone())).collect())
        };
        return vec![written(name, &arguments.cloned().unwrap_or_else(beside))];
    }
    match fields.iter().next() {
        Some((name, arguments @ Value::Object(_))) if fields.len() == 1 && known(bare_name(name)) => {
            vec![written(name, arguments)]
        }
        _ => Vec::new(),
    }
}

/// `<function=name>…</function>`, `<invoke name="name">…</invoke>`, however often.
fn tagged(text: &str) -> Vec<WrittenCall> {
    let mut calls = Vec::new();
    let mut rest = text;
    while let Some(at) = ["<function=", "<function ", "<function(", "<invoke "].iter().filter_map(|open| rest.find(open)).min() {
        let super::tags::Found::Tag(length, tag) = super::tags::tag_at(&rest[at..]) else { break };
        let body = &rest[at + length..];
        let close = format!("</{}>", tag.name);
        let end = body.find(&close);
        let inside = &body[..end.unwrap_or(body.len())];
        if let (Some(name), Some(arguments)) = (&tag.value, arguments_of(inside)) {
            calls.push(written(name, &arguments));
        }
        rest = end.map_or("", |end| &body[end + close.len()..]);
    }
    calls
}

/// A known name, and what follows it: JSON, or arguments as in Python.
fn named(text: &str, tools: &[String]) -> Vec<WrittenCall> {
    let mut calls = Vec::new();
    let mut rest = text;
    while let Some((at, tool)) = tools.iter().filter_map(|tool| rest.find(tool.as_str()).map(|at| (at, tool))).min() {
        let after = &rest[at + tool.len()..];
        let opens = [after.find(['(', '{']), after.find("<parameter"), after.find("<arg_key>")];
        let Some(open) = opens.into_iter().flatten().min() else { break };
        let body = &after[open..];
        let Some(end) = bracket_end(body).or(body.starts_with('<').then_some(body.len())) else { break };
        let inside = if body.starts_with('(') { &body[1..end - 1] } else { &body[..end] };
        match arguments_of(inside) {
            Some(arguments) => calls.push(written(tool, &arguments)),
            None => break,
        }
        rest = &body[end..];
    }
    calls
}

/// Arguments as a JSON object, as tags, as in Python, or none at all.
fn arguments_of(text: &str) -> Option<Value> {
    let text = text.trim().trim_matches('`').trim();
    let text = text.strip_prefix("json").unwrap_or(text).trim();
    if text.is_empty() {
        return Some(Value::Object(Map::new()));
    }
    if text.starts_with('{') {
        let end = bracket_end(text)?;
        let object = &text[..end];
        let object: Value = serde_json::from_str(object).or_else(|_| serde_json::from_str(&with_quoted_keys(object))).ok()?;
        // The object may be the whole call again.
        let inner = object.get("arguments").or_else(|| object.get("parameters")).filter(|inner| inner.is_object());
        return Some(inner.cloned().unwrap_or(object));
    }
    if text.contains("<parameter") || text.contains("<arg_key>") {
        return Some(tag_arguments(text)).filter(|arguments| arguments.as_object().is_some_and(|fields| !fields.is_empty()));
    }
    if text.starts_with('<') {
        return children(text);
    }
    attributes(text)
}

/// `<date>2026-12-04</date><party_size>4</party_size>`; `None` where anything else is in it.
fn children(text: &str) -> Option<Value> {
    let mut fields = Map::new();
    let mut rest = text.trim();
    while let Some(inside) = rest.strip_prefix('<') {
        let (name, behind) = inside.split_once('>')?;
        let (value, behind) = behind.split_once(&format!("</{name}>"))?;
        // The arguments may have a tag around them.
        if matches!(name, "arguments" | "parameters" | "args" | "input") {
            return arguments_of(value);
        }
        fields.insert(name.trim().to_owned(), plain_value(value));
        rest = behind.trim_start();
    }
    rest.is_empty().then_some(Value::Object(fields))
}

/// `{date:"2026-12-04",party_size:4}` with quotation marks around its keys.
fn with_quoted_keys(object: &str) -> String {
    let (mut quoted, mut in_text, mut escaped) = (String::with_capacity(object.len() + 16), false, false);
    let mut rest = object;
    while let Some(character) = rest.chars().next() {
        let word = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(rest.len());
        let is_key =
            !in_text && (character.is_ascii_alphabetic() || character == '_') && rest[word..].trim_start().starts_with(':');
        let length = if is_key { word } else { character.len_utf8() };
        match character {
            _ if escaped => escaped = false,
            '\\' if in_text => escaped = true,
            '"' => in_text = !in_text,
            _ => {}
        }
        if is_key {
            quoted.extend(['"'].into_iter().chain(rest[..word].chars()).chain(['"']));
        } else {
            quoted.push(character);
        }
        rest = &rest[length..];
    }
    quoted
}

/// `<parameter=key>value</parameter>`, `<parameter name="key">value</parameter>`, `<arg_key>key</arg_key><arg_value>value</arg_value>`.
fn tag_arguments(text: &str) -> Value {
    let mut fields = Map::new();
    let mut rest = text;
    while let Some(at) = rest.find("<parameter") {
        let super::tags::Found::Tag(length, tag) = super::tags::tag_at(&rest[at..]) else { break };
        let body = &rest[at + length..];
        let end = body.find("</parameter>").unwrap_or(body.len());
        if let Some(key) = tag.value {
            fields.insert(key, plain_value(&body[..end]));
        }
        rest = &body[end..];
    }
    let between = |text: &str, open: &str, close: &str| {
        let from = text.find(open)? + open.len();
        let to = from + text[from..].find(close)?;
        Some((text[from..to].to_owned(), to))
    };
    let mut rest = text;
    while let Some((key, end)) = between(rest, "<arg_key>", "</arg_key>") {
        rest = &rest[end..];
        let Some((value, end)) = between(rest, "<arg_value>", "</arg_value>") else { break };
        fields.insert(key.trim().to_owned(), plain_value(&value));
        rest = &rest[end..];
    }
    Value::Object(fields)
}

/// A value without quotes is a number, a truth value, or text.
fn plain_value(text: &str) -> Value {
    let text = text.trim();
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// `date="2026-12-04", party_size=4, name='Ada'`, with or without commas; `None` where anything else is in it.
pub(super) fn attributes(text: &str) -> Option<Value> {
    let mut fields = Map::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let key = key.trim();
        if key.is_empty() || !key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            return None;
        }
        let after = after.trim_start();
        let (value, length) = python_value(after)?;
        fields.insert(key.to_owned(), value);
        rest = after[length..].trim_start();
        rest = match rest.strip_prefix(',') {
            Some(more) => more.trim_start(),
            None if rest.is_empty() || after[length..].starts_with(char::is_whitespace) => rest,
            None => return None,
        };
    }
    Some(Value::Object(fields))
}

/// One literal and its length.
fn python_value(text: &str) -> Option<(Value, usize)> {
    let first = text.chars().next()?;
    if matches!(first, '"' | '\'') {
        let (mut value, mut escaped) = (String::new(), false);
        for (at, character) in text.char_indices().skip(1) {
            match character {
                _ if escaped => {
                    value.push(if character == 'n' { '\n' } else { character });
                    escaped = false;
                }
                '\\' => escaped = true,
                _ if character == first => return Some((Value::String(value), at + 1)),
                _ => value.push(character),
            }
        }
        return None;
    }
    if matches!(first, '[' | '{') {
        let length = bracket_end(text)?;
        let json = text[..length].replace('\'', "\"");
        return Some((serde_json::from_str(&json).ok()?, length));
    }
    let length = text.find([',', ')']).unwrap_or(text.len());
    let value = match text[..length].trim() {
        "True" | "true" => Value::Bool(true),
        "False" | "false" => Value::Bool(false),
        "None" | "null" => Value::Null,
        number => Value::Number(number.parse().ok()?),
    };
    Some((value, length))
}
