#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() }
}

fn calling(text: &str, calls: Vec<ToolCall>) -> Message {
    Message { tool_calls: calls, ..plain(Role::Assistant, text) }
}

fn result(id: &str, content: &str) -> Message {
    Message { tool_call_id: Some(id.into()), ..plain(Role::Tool, content) }
}

/// What the strictest server would say; `Ok` where it takes the messages.
fn strict(messages: &[Message]) -> Result<(), String> {
    let rest = match messages {
        [first, rest @ ..] if first.role == Role::System => rest,
        all => all,
    };
    let mut ids = HashSet::new();
    let mut before = Role::System;
    let mut open: Vec<&str> = Vec::new();
    for message in rest {
        match (before, message.role) {
            (Role::System, Role::User) | (Role::User | Role::Tool, Role::Assistant) => {}
            (Role::Assistant, Role::User) | (Role::Assistant | Role::Tool, Role::Tool) => {}
            other => return Err(format!("{other:?} follow each other")),
        }
        let answered = message.tool_call_id.as_deref();
        if message.role == Role::Tool {
            let at = open.iter().position(|id| Some(*id) == answered).ok_or("a result without its call")?;
            open.remove(at);
        } else if !open.is_empty() {
            return Err("a call without its result".into());
        }
        for call in &message.tool_calls {
            let nine = call.id.len() == 9 && call.id.chars().all(|c| c.is_ascii_alphanumeric());
            if !nine || !ids.insert(call.id.as_str()) {
                return Err(format!("the id {}", call.id));
            }
            if !serde_json::from_str::<Value>(&call.arguments).is_ok_and(|arguments| arguments.is_object()) {
                return Err(format!("the arguments {}", call.arguments));
            }
            if call.name.is_empty() || !call.name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-')) {
                return Err(format!("the name {}", call.name));
            }
            open.push(&call.id);
        }
        if message.content.trim().is_empty() && message.tool_calls.is_empty() {
            return Err(format!("an empty {:?}", message.role));
        }
        before = message.role;
    }
    if !open.is_empty() || !matches!(before, Role::User | Role::Tool) {
        return Err(format!("the end is {before:?}"));
    }
    Ok(())
}

#[test]
fn a_fine_conversation_stays_as_it_is() {
    let messages = [
        plain(Role::System, "prompt"),
        plain(Role::User, "Hello?"),
        calling("At eight, fine.", vec![call("call00001", "accept_offer", "{\"x\":1}")]),
        result("call00001", "{\"accepted\":true}"),
        plain(Role::Assistant, "It is booked."),
        plain(Role::User, "Bye."),
    ];
    assert_eq!(normalised(&messages), messages);
    assert_eq!(strict(&messages), Ok(()));
}

#[test]
fn what_servers_refuse_is_put_right() {
    let opening = [plain(Role::System, "prompt"), plain(Role::Assistant, "Good evening, this is …")];
    let contents = |messages: &[Message]| normalised(messages).into_iter().map(|message| message.content).collect::<Vec<_>>();
    assert_eq!(contents(&opening), ["prompt", NOTHING_YET, "Good evening, this is …", LISTENS], "we speak first, and go on");
    assert_eq!(contents(&[plain(Role::System, "prompt")]), ["prompt", NOTHING_YET]);

    // Two replies of a server that names all calls alike, one interrupted by the callee before its result was known.
    let messages = [
        plain(Role::User, "Hello?"),
        calling("", vec![call("call_0", "accept offer!", "{\"x\":"), call("call_0", "end_call", "[]")]),
        plain(Role::User, "Wait!"),
        result("call_0", "{\"error\":\"no JSON\"}"),
        result("other", "{}"),
        plain(Role::User, "  "),
        calling("", vec![call("call_0", "accept_offer", "\"{\\\"x\\\":1}\"")]),
    ];
    let expected = [
        plain(Role::User, "Hello?"),
        calling("", vec![call("call00001", "accept_offer_", "{}"), call("call00002", "end_call", "{}")]),
        result("call00001", "{\"error\":\"no JSON\"}"),
        result("call00002", NO_RESULT),
        plain(Role::Assistant, SILENT),
        plain(Role::User, "Wait!"),
        calling("", vec![call("call00003", "accept_offer", "{\"x\":1}")]),
        result("call00003", NO_RESULT),
    ];
    assert_eq!(normalised(&messages), expected);
}

#[test]
fn any_history_becomes_one_that_a_strict_server_takes() {
    let mut random = StdRng::seed_from_u64(7);
    let texts = ["", " ", "Hello?", "…", "(unintelligible)", "At eight."];
    let ids = ["", "a", "b", "call_0", "call00001"];
    let arguments = ["{}", "", "{\"x\":", "null", "[1]", "{\"time\":\"19:30\"}", "\"{}\""];
    for _ in 0..20_000 {
        let mut messages = Vec::new();
        for _ in 0..random.random_range(0..10) {
            let mut pick = |list: &[&'static str]| list[random.random_range(0..list.len())];
            let (text, id) = (pick(&texts), pick(&ids));
            let calls = [call(id, pick(&["accept_offer", "", "ü"]), pick(&arguments)), call(pick(&ids), "end_call", "{}")];
            messages.push(match random.random_range(0..6) {
                0 => plain(Role::System, text),
                1 => plain(Role::User, text),
                2 => plain(Role::Assistant, text),
                3 | 4 => calling(text, calls[..random.random_range(1..3)].to_vec()),
                _ => result(id, text),
            });
        }
        let wire = normalised(&messages);
        assert_eq!(strict(&wire), Ok(()), "{messages:#?} became {wire:#?}");
        assert_eq!(normalised(&wire), wire, "what is fine stays so");
        // Nothing that was said is lost.
        let said = |messages: &[Message], role: Role| {
            let texts = messages.iter().filter(|message| message.role == role).map(|message| message.content.clone());
            let words: Vec<String> =
                texts.flat_map(|text| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect();
            words.into_iter().filter(|word| word != SILENT).collect::<Vec<_>>()
        };
        let own = |words: Vec<String>| {
            words
                .join(" ")
                .replace(NOTHING_YET, "")
                .replace(LISTENS, "")
                .split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        assert_eq!(own(said(&wire, Role::User)), said(&messages, Role::User));
        assert_eq!(said(&wire, Role::Assistant), said(&messages, Role::Assistant));
    }
}

#[test]
fn a_tool_without_arguments_has_an_optional_one() {
    let tool = |parameters| Tool { name: "end_call", description: String::new(), parameters };
    for empty in [json!({"type": "object", "properties": {}}), json!({"type": "object"}), json!(null)] {
        let parameters = parameters(&tool(empty));
        assert!(parameters["properties"]["reason"].is_object() && parameters["required"].is_null(), "{parameters}");
    }
    let full = json!({"type": "object", "properties": {"date": {"type": "string"}}});
    assert_eq!(parameters(&tool(full.clone())), full);
}
