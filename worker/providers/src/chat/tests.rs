#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::wire::{Answer, KEY, Wire};

fn user(content: &str) -> Message {
    Message { role: Role::User, content: content.into(), tool_calls: Vec::new(), tool_call_id: None }
}

fn text(content: &str) -> Value {
    json!({"id":"chatcmpl-1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":content},"finish_reason":null}]})
}

fn call(index: i64, id: Option<&str>, name: Option<&str>, arguments: &str) -> Value {
    let mut piece = json!({"index": index, "function": {"arguments": arguments}});
    if let (Some(id), Some(name)) = (id, name) {
        piece["id"] = json!(id);
        piece["type"] = json!("function");
        piece["function"]["name"] = json!(name);
    }
    json!({"choices":[{"index":0,"delta":{"tool_calls":[piece]},"finish_reason":null}]})
}

fn finish(reason: &str) -> Value {
    json!({"choices":[{"index":0,"delta":{},"finish_reason":reason}]})
}

async fn reply(wire: &Wire) -> Result<Vec<ReplyPiece>, ProviderError> {
    rest(wire.providers().think(&[user("Hello?")], &[]).await?).await
}

async fn rest(mut stream: ReplyStream) -> Result<Vec<ReplyPiece>, ProviderError> {
    let mut pieces = Vec::new();
    while let Some(piece) = stream.next().await {
        pieces.push(piece?);
    }
    assert!(stream.next().await.is_none(), "nothing follows the end");
    Ok(pieces)
}

fn said(text: &str) -> ReplyPiece {
    ReplyPiece::Text(text.into())
}

fn called(id: &str, name: &str, arguments: &str) -> ReplyPiece {
    ReplyPiece::ToolCall(ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() })
}

#[tokio::test]
async fn text_and_tool_calls_come_as_the_model_writes_them() {
    let usage = json!({"choices":[],"usage":{"total_tokens":12}});
    let events = [
        json!({"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}),
        text("Um halb "),
        text("acht, gern."),
        call(0, Some("call_a"), Some("accept_offer"), ""),
        call(0, None, None, "{\"party_size\""),
        call(0, None, None, ":4}"),
        call(1, Some("call_b"), Some("end_call"), ""),
        finish("tool_calls"),
        usage,
    ];
    let wire = Wire::answering([Answer::events(&events)]).await;
    let expected = [
        said("Um halb "),
        said("acht, gern."),
        called("call_a", "accept_offer", "{\"party_size\":4}"),
        called("call_b", "end_call", "{}"),
        ReplyPiece::Ended,
    ];
    assert_eq!(reply(&wire).await.unwrap(), expected);
}

#[tokio::test]
async fn the_request_is_what_the_wire_wants() {
    let wire = Wire::answering([Answer::events(&[text("ok"), finish("stop")])]).await;
    let offer = ToolCall { id: "a".into(), name: "accept_offer".into(), arguments: "{\"x\":1}".into() };
    let messages = [
        Message { role: Role::System, ..user("prompt") },
        user("Hello?"),
        Message { role: Role::Assistant, tool_calls: vec![offer], ..user("") },
        Message { role: Role::Tool, tool_call_id: Some("a".into()), ..user("{\"accepted\":true}") },
    ];
    let parameters = json!({"type": "object", "properties": {"reason": {"type": "string"}}});
    let tools = [Tool { name: "end_call", description: "Ends the call.".into(), parameters: parameters.clone() }];
    rest(wire.providers().think(&messages, &tools).await.unwrap()).await.unwrap();
    let seen = &wire.seen()[0];
    assert_eq!(seen.path, "/v1/chat/completions");
    assert_eq!(seen.authorization.as_deref(), Some("Bearer sk-very-secret"));
    let expected = json!({
        "model": "mind",
        "stream": true,
        "max_tokens": 1000,
        "messages": [
            {"role": "system", "content": "prompt"},
            {"role": "user", "content": "Hello?"},
            {"role": "assistant", "content": "", "tool_calls": [{"id": "call00001", "type": "function", "function": {"name": "accept_offer", "arguments": "{\"x\":1}"}}]},
            {"role": "tool", "content": "{\"accepted\":true}", "tool_call_id": "call00001"},
        ],
        "tools": [{"type": "function", "function": {"name": "end_call", "description": "Ends the call.", "parameters": parameters}}],
    });
    assert_eq!(seen.json(), expected);
}

#[tokio::test]
async fn a_server_that_does_not_stream_is_understood() {
    let body = json!({"choices":[{"message":{"role":"assistant","content":"Good evening.","tool_calls":[{"id":"a","type":"function","function":{"name":"end_call","arguments":"{}"}}]},"finish_reason":"tool_calls"}]});
    let wire = Wire::answering([Answer::json(200, body)]).await;
    assert_eq!(reply(&wire).await.unwrap(), [said("Good evening."), called("a", "end_call", "{}"), ReplyPiece::Ended]);
}

#[tokio::test]
async fn busy_and_failing_servers_are_asked_once_more() {
    let fine = Answer::events(&[text("ok"), finish("stop")]);
    for status in [429, 500, 502, 503] {
        let refusal = Answer::json(status, json!({"error":{"message":"later"}}));
        let wire = Wire::answering([refusal.clone(), fine.clone()]).await;
        assert_eq!(reply(&wire).await.unwrap(), [said("ok"), ReplyPiece::Ended], "{status} and then ok");
        let wire = Wire::answering([refusal]).await;
        let error = reply(&wire).await.unwrap_err();
        assert_eq!(wire.seen().len(), 2, "{status}: asked once more and not again");
        assert!(error.to_string().contains("it says: later"), "{error}");
    }
}

#[tokio::test]
async fn a_server_that_wants_a_long_pause_is_not_waited_for() {
    let busy = Answer::json(429, json!({"error":{"message":"quota"}})).header("retry-after", "30");
    let wire = Wire::answering([busy]).await;
    assert!(matches!(reply(&wire).await, Err(ProviderError::TooMany { .. })));
    assert_eq!(wire.seen().len(), 1);
}

#[tokio::test]
async fn refusals_say_what_to_do_and_never_hold_the_key() {
    for status in [400, 401, 403, 404] {
        let said = json!({"error":{"message":format!("Incorrect API key provided: {KEY}.")}});
        let wire = Wire::answering([Answer::json(status, said)]).await;
        let error = reply(&wire).await.unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(KEY) && shown.contains("check"), "{shown}");
        assert_eq!(wire.seen().len(), if status == 400 { 6 } else { 1 }, "{status} is final, once nothing is left to leave out");
    }
}

#[tokio::test]
async fn a_first_token_or_a_next_one_that_does_not_come_is_given_up() {
    let events = [text("One"), text("two"), finish("stop")];
    for late in [Answer::never(), Answer::events(&events).stalls_after(0)] {
        let wire = Wire::answering([late]).await;
        let result = match wire.providers_within(150, 5000).think(&[user("Hello?")], &[]).await {
            Ok(stream) => rest(stream).await,
            Err(error) => Err(error),
        };
        assert!(matches!(result, Err(ProviderError::TooSlow { limit: "OFFHOOK_LIMIT_PROVIDER_FIRST", .. })), "{result:?}");
    }
    let wire = Wire::answering([Answer::events(&events).stalls_after(1)]).await;
    let mut stream = wire.providers_within(5000, 150).think(&[user("Hello?")], &[]).await.unwrap();
    assert_eq!(stream.next().await, Some(Ok(said("One"))));
    assert!(matches!(stream.next().await, Some(Err(ProviderError::TooSlow { limit: "OFFHOOK_LIMIT_PROVIDER_STALL", .. }))));
    assert_eq!(stream.next().await, None);
}

#[tokio::test]
async fn a_broken_connection_never_completes_a_reply_or_a_tool_call() {
    let events = [text("One"), call(0, Some("a"), Some("accept_offer"), "{\"party"), finish("tool_calls")];
    for broken in [Answer::events(&events).cut_after(2), Answer::events(&events).ends_after(2)] {
        let wire = Wire::answering([broken]).await;
        let mut stream = wire.providers().think(&[user("Hello?")], &[]).await.unwrap();
        assert_eq!(stream.next().await, Some(Ok(said("One"))));
        assert!(matches!(stream.next().await, Some(Err(ProviderError::Cut { .. }))));
        assert_eq!(stream.next().await, None);
    }
    // A finish reason is an end, with or without the last event.
    let wire = Wire::answering([Answer::events(&[text("One"), finish("stop")]).ends_after(2)]).await;
    assert_eq!(reply(&wire).await.unwrap(), [said("One"), ReplyPiece::Ended]);
}

#[tokio::test]
async fn nonsense_is_called_nonsense() {
    let cases = [
        Answer::new(200, "text/html", "<html>Welcome to nginx!</html>"),
        Answer::new(200, "text/event-stream", "data: {\"choices\": [\n\n"),
        Answer::new(200, "text/event-stream", "data: {\"choices\": 7}\n\n"),
        Answer::new(200, "application/json", "OK"),
        Answer::new(200, "text/event-stream", vec![b'x'; 3 << 20]),
    ];
    for case in cases {
        let shown = format!("{case:?}").chars().take(120).collect::<String>();
        let wire = Wire::answering([case]).await;
        assert!(matches!(reply(&wire).await, Err(ProviderError::Nonsense { .. })), "{shown}");
    }
    let overloaded = Answer::events(&[text("One"), json!({"error":{"message":"overloaded"}})]);
    let wire = Wire::answering([overloaded]).await;
    let error = reply(&wire).await.unwrap_err();
    assert!(error.to_string().contains("overloaded"), "{error}");
    let page = Answer::new(502, "text/html", "<html><h1>502 Bad Gateway</h1></html>");
    let error = reply(&Wire::answering([page]).await).await.unwrap_err();
    assert!(matches!(error, ProviderError::ServerFailed { status: 502, .. }) && !error.to_string().contains('<'), "{error}");
}
