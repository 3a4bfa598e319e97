//! Servers that take the wire's description lightly: one odd field ends no call.
#![allow(clippy::unwrap_used)]

use offhook_types::chat::{Message, ReplyPiece, Role, Tool, ToolCall};
use serde_json::{Value, json};

use crate::{
    ProviderError,
    wire::{Answer, Wire},
};

fn user(content: &str) -> Message {
    Message { role: Role::User, content: content.into(), tool_calls: Vec::new(), tool_call_id: None }
}

fn tools() -> [Tool; 2] {
    let tool = |name| Tool { name, description: String::new(), parameters: json!({"type": "object", "properties": {"x": {}}}) };
    [tool("accept_offer"), tool("end_call")]
}

/// What was said and what was called.
type Heard = (String, Vec<(String, String)>);

async fn reply(wire: &Wire) -> Result<Heard, ProviderError> {
    let mut stream = wire.providers().think(&[user("Hello?")], &tools()).await?;
    let (mut text, mut calls) = (String::new(), Vec::new());
    while let Some(piece) = stream.next().await {
        match piece? {
            ReplyPiece::Text(more) => text.push_str(&more),
            ReplyPiece::ToolCall(ToolCall { name, arguments, .. }) => calls.push((name, arguments)),
            ReplyPiece::Ended => {}
        }
    }
    Ok((text, calls))
}

async fn heard(media_type: &str, body: impl Into<bytes::Bytes>) -> Result<Heard, ProviderError> {
    reply(&Wire::answering([Answer::new(200, media_type, body)]).await).await
}

fn events(events: &[&str]) -> String {
    events.iter().map(|event| format!("data: {event}\n\n")).collect()
}

const GOOD: &str = r#"{"choices":[{"index":0,"delta":{"content":"Good "},"finish_reason":null}]}"#;
const EVENING: &str = r#"{"choices":[{"delta":{"content":"evening."}}]}"#;
const STOP: &str = r#"{"choices":[{"delta":{},"finish_reason":"stop"}]}"#;

fn spoken() -> Heard {
    ("Good evening.".to_owned(), Vec::new())
}

#[tokio::test]
async fn an_odd_event_is_passed_over_and_the_reply_goes_on() {
    for odd in [
        r#"{"choices":null}"#,
        r#"{}"#,
        "",
        "ping",
        "null",
        "[]",
        "7",
        r#"{"id":"x","usage":{"total_tokens":7}}"#,
        r#"{"choices":[],"usage":null}"#,
        r#"{"choices":[null]}"#,
        r#"{"choices":{}}"#,
        r#"{"choices":[{"delta":null}]}"#,
        r#"{"choices":[{"index":"0","delta":{"role":null,"content":null,"tool_calls":null,"function_call":null},"finish_reason":""}]}"#,
        r#"{"choices":[{"delta":{"content":{"odd":1},"tool_calls":[null]},"finish_reason":false}]}"#,
        r#"{"choices":[{"delta":{"reasoning_content":"hm","reasoning":"hm","thinking":"hm"}}]}"#,
        r#"{"choices":[{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]}]}}]}"#,
        r#"{"error":null,"choices":[]}"#,
        "{\"half",
    ] {
        let body = events(&[GOOD, odd, EVENING, STOP, "[DONE]"]);
        assert_eq!(heard("text/event-stream", body).await.unwrap(), spoken(), "{odd}");
    }
    let comments = format!(": ping\n\nevent: ping\nid: 1\ndata: {{}}\n\n{}:\n\n", events(&[GOOD, EVENING, STOP]));
    assert_eq!(heard("text/event-stream", comments).await.unwrap(), spoken());
}

#[tokio::test]
async fn a_stream_and_a_document_are_told_apart_by_what_they_are() {
    let stream = events(&[GOOD, EVENING, STOP, "[DONE]"]);
    let document = r#"{"choices":[{"message":{"role":"assistant","content":"Good evening."},"finish_reason":"stop"}]}"#;
    let lines = format!("{GOOD}\n{EVENING}\n{STOP}\n");
    let bodies = [
        stream.clone(),
        stream.replace('\n', "\r\n"),
        stream.replace("data: ", "data:"),
        stream.replace("\n\n", "\n"),
        format!("\u{feff}{stream}"),
        format!("\n\n: hello\n{stream}"),
        document.to_owned(),
        format!("\u{feff}\n{document}\n"),
        lines,
        format!("data: {GOOD}{EVENING}\n\ndata: {STOP}\n\n"),
        format!("[{GOOD},\n{EVENING},\n{STOP}]"),
        r#"{"choices":{"message":{"content":[{"type":"text","text":"Good "},{"type":"text","text":"evening."}]}}}"#.to_owned(),
        r#"{"choices":[{"text":"Good evening."}]}"#.to_owned(),
        r#"{"choices":[{"delta":null,"message":{"content":"Good evening."}}]}"#.to_owned(),
    ];
    for media_type in ["text/event-stream; charset=utf-8", "application/json", "text/plain", "application/x-ndjson", "audio/mpeg"]
    {
        for body in &bodies {
            assert_eq!(heard(media_type, body.clone()).await.unwrap(), spoken(), "{media_type}: {body}");
        }
    }
}

#[tokio::test]
async fn an_end_is_an_end_however_it_is_marked() {
    for ends in [
        vec![STOP],
        vec!["[DONE]"],
        vec![" [done] "],
        vec![r#"{"choices":[{"finish_reason":"eos_token"}]}"#],
        vec![r#"{"choices":[{"delta":{"finish_reason":1}}]}"#],
        vec![],
    ] {
        let body = events(&[&[GOOD, EVENING], &ends[..]].concat());
        assert_eq!(heard("text/event-stream", body).await.unwrap(), spoken(), "{ends:?}");
    }
    let repeated = r#"{"choices":[{"delta":null,"message":{"content":"Good evening."},"finish_reason":"stop"}]}"#;
    assert_eq!(heard("text/event-stream", events(&[GOOD, EVENING, repeated])).await.unwrap(), spoken(), "said once");
    // A connection that is only closed tells nothing.
    let cut = Answer::new(200, "text/event-stream", events(&[GOOD, EVENING])).cut_after(1);
    assert!(matches!(reply(&Wire::answering([cut]).await).await, Err(ProviderError::Cut { .. })));
}

#[tokio::test]
async fn tool_calls_in_odd_shapes_are_calls() {
    let wanted = (String::new(), vec![("accept_offer".to_owned(), "{\"x\":1}".to_owned())]);
    for calls in [
        json!([{"index": "0", "id": 5, "function": {"name": "accept_offer", "arguments": {"x": 1}}}]),
        json!({"id": null, "function": {"name": "functions.accept_offer", "arguments": "{\"x\":1}"}}),
        json!([{"name": "accept_offer", "arguments": "{\"x\":1}"}]),
    ] {
        let event = json!({"choices": [{"delta": {"content": null, "tool_calls": calls}}]}).to_string();
        assert_eq!(heard("text/event-stream", events(&[&event, STOP])).await.unwrap(), wanted, "{calls}");
        let whole = json!({"choices": [{"message": {"tool_calls": calls}, "finish_reason": "tool_calls"}]}).to_string();
        assert_eq!(heard("application/json", whole).await.unwrap(), wanted, "{calls}");
    }
    let old =
        json!({"choices": [{"message": {"function_call": {"name": "accept_offer", "arguments": "{\"x\":1}"}}}]}).to_string();
    assert_eq!(heard("application/json", old).await.unwrap(), wanted);
    // The same call as the server's and as the model's own text is one.
    let both = json!({"choices": [{"message": {"content": "<tool_call>{\"name\":\"accept_offer\",\"arguments\":{\"x\": 1}}</tool_call>", "tool_calls": [{"id": "a", "function": {"name": "accept_offer", "arguments": "{\"x\":1}"}}]}}]}).to_string();
    assert_eq!(heard("application/json", both).await.unwrap(), wanted);
}

#[tokio::test]
async fn a_tool_call_with_a_hole_in_it_never_runs() {
    let piece = |arguments: &str| {
        json!({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"accept_offer","arguments":arguments}}]}}]}).to_string()
    };
    let (first, last) = (piece("{\"party_size\":1"), piece("}"));
    for hole in ["{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"argum", "{\"id\":\"7"] {
        let broken = heard("text/event-stream", events(&[&first, hole, &last, STOP])).await;
        assert!(matches!(broken, Err(ProviderError::Nonsense { .. })), "{broken:?}");
    }
    let nameless =
        json!({"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]},"finish_reason":"stop"}]})
            .to_string();
    assert_eq!(heard("text/event-stream", events(&[&nameless])).await.unwrap().1, [("unnamed".to_owned(), "{}".to_owned())]);
}

#[tokio::test]
async fn an_error_within_an_answer_is_the_servers_words() {
    for document in [r#"{"detail":"Model is loading"}"#, r#"{"message":"Model is loading"}"#] {
        let found = heard("application/json", document.to_owned()).await.unwrap_err();
        assert!(matches!(found, ProviderError::ServerFailed { .. }) && found.to_string().contains("Model is loading"), "{found}");
    }
    for error in [
        r#"{"error":{"message":"overloaded"}}"#,
        r#"{"error":"overloaded"}"#,
        r#"{"object":"error","message":"overloaded"}"#,
        r#"{"type":"error","error":{"message":"overloaded"}}"#,
    ] {
        let named = format!("{}event: error\ndata: overloaded\n\n", events(&[GOOD]));
        for body in [events(&[GOOD, error]), events(&[error]), error.to_owned(), named] {
            let found = heard("text/event-stream", body).await.unwrap_err();
            assert!(
                matches!(found, ProviderError::ServerFailed { status: 200, .. }) && found.to_string().contains("overloaded"),
                "{found}"
            );
        }
    }
}

#[tokio::test]
async fn thoughts_and_written_calls_are_not_spoken() {
    let chunk = |text: &str| json!({"choices": [{"delta": {"content": text}}]}).to_string();
    let pieces: Vec<String> =
        ["<thi", "nk>four people", "</th", "ink>Good eve", "ning.\n<tool", "_call>{\"name\":\"end", "_call\"}</tool_call>"]
            .map(chunk)
            .to_vec();
    let mut body: Vec<&str> = pieces.iter().map(String::as_str).collect();
    body.push(STOP);
    let expected = ("Good evening.\n".to_owned(), vec![("end_call".to_owned(), "{}".to_owned())]);
    assert_eq!(heard("text/event-stream", events(&body)).await.unwrap(), expected);
    // A server that leaves the opening tag out is noticed, and its next reply is held back.
    let orphan = events(&[&chunk("Four people, I should greet.</think>"), GOOD, EVENING, STOP]);
    let wire = Wire::answering([Answer::new(200, "text/event-stream", orphan)]).await;
    let providers = wire.providers();
    let mut replies = Vec::new();
    for _ in 0..2 {
        let mut stream = providers.think(&[user("Hello?")], &tools()).await.unwrap();
        let mut text = String::new();
        while let Some(piece) = stream.next().await {
            if let ReplyPiece::Text(more) = piece.unwrap() {
                text.push_str(&more);
            }
        }
        replies.push(text);
    }
    assert_eq!(replies[1], "Good evening.");
}

#[tokio::test]
async fn thoughts_without_a_beginning_are_not_spoken_where_the_reply_comes_whole_or_the_server_is_known() {
    let whole = json!({"choices": [{"message": {"content": "I should greet.</think>Good evening."}}]}).to_string();
    assert_eq!(heard("application/json", whole).await.unwrap(), spoken());
    let thinking = json!({"choices": [{"delta": {"content": "I should greet.</think>"}}]}).to_string();
    let stream = events(&[&thinking, GOOD, EVENING, STOP]);
    let wire = Wire::answering([Answer::new(200, "text/event-stream", stream)]).await;
    let first = wire.providers();
    let mut reply = first.think(&[user("Hello?")], &tools()).await.unwrap();
    while reply.next().await.is_some() {}
    // Another process, such as the worker after the coordinator's probe.
    let mut specification = crate::wire::specification(&wire.base_url);
    specification.learned = json!({"chat": first.learned(crate::Service::Chat)});
    let second = crate::Providers::new(&specification, &offhook::attempt::CallLimits::default()).unwrap();
    let mut reply = second.think(&[user("Hello?")], &tools()).await.unwrap();
    let mut text = String::new();
    while let Some(piece) = reply.next().await {
        if let ReplyPiece::Text(more) = piece.unwrap() {
            text.push_str(&more);
        }
    }
    assert_eq!(text, "Good evening.");
    assert_eq!(wire.seen()[1].json()["max_tokens"], 4000, "thoughts are tokens as well");
}

#[tokio::test]
async fn a_reply_that_ends_before_its_first_word_says_why() {
    let thinking = r#"{"choices":[{"delta":{"reasoning_content":"Four people, so"}}]}"#;
    let end = |reason: &str| json!({"choices": [{"delta": {}, "finish_reason": reason}]}).to_string();
    for (reason, words) in [("length", "thoughts"), ("content_filter", "filter")] {
        let error = heard("text/event-stream", events(&[thinking, &end(reason)])).await.unwrap_err();
        assert!(matches!(error, ProviderError::NoWords { .. }) && error.to_string().contains(words), "{error}");
        assert_eq!(
            heard("text/event-stream", events(&[GOOD, EVENING, &end(reason)])).await.unwrap(),
            spoken(),
            "what was said stays"
        );
    }
    let few = heard("text/event-stream", events(&[&end("length")])).await.unwrap_err();
    assert!(few.to_string().contains("too few tokens"), "{few}");
    let failed = heard("text/event-stream", events(&[GOOD, &end("error")])).await;
    assert!(matches!(failed, Err(ProviderError::ServerFailed { .. })), "{failed:?}");
    let half = r#"{"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"end_call","arguments":""}}]}}]}"#;
    let cut = heard("text/event-stream", events(&[half, &end("length")])).await;
    assert!(matches!(cut, Err(ProviderError::Cut { .. })), "the call may not have been whole: {cut:?}");
}

#[tokio::test]
async fn what_is_sent_twice_is_said_and_called_once() {
    let again = r#"{"choices":[{"delta":{"role":"assistant","content":"Good evening."},"finish_reason":"stop"}]}"#;
    assert_eq!(heard("text/event-stream", events(&[GOOD, EVENING, again])).await.unwrap(), spoken());
    let piece = |arguments: &str| {
        json!({"choices":[{"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"accept_offer","arguments":arguments}}]}}]}).to_string()
    };
    let wanted = (String::new(), vec![("accept_offer".to_owned(), "{\"x\":1}".to_owned())]);
    for pieces in
        [["{\"x\":1}", "{\"x\":1}", ""], ["{\"x\"", ":1}", "{\"x\":1}"], ["{}", "{\"x\"", ":1}"], ["\"{\\\"x\\\"", ":1}\"", ""]]
    {
        let pieces = pieces.map(piece);
        let body = events(&[&pieces[0], &pieces[1], &pieces[2], STOP]);
        assert_eq!(heard("text/event-stream", body).await.unwrap(), wanted, "{pieces:?}");
    }
}

#[tokio::test]
async fn a_call_that_its_server_could_not_read_is_read_or_asked_for_again() {
    let failed = |generation: &str| {
        json!({"error": {"message": "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details.",
            "type": "invalid_request_error", "code": "tool_use_failed", "failed_generation": generation}})
    };
    let wanted = (String::new(), vec![("accept_offer".to_owned(), "{\"x\":1}".to_owned())]);
    let readable = failed("<function=accept_offer>{\"x\":1}</function>");
    let wire = Wire::answering([Answer::json(400, readable.clone())]).await;
    assert_eq!(reply(&wire).await.unwrap(), wanted);
    assert_eq!(wire.seen().len(), 1);
    assert_eq!(heard("text/event-stream", format!("event: error\ndata: {readable}\n\n")).await.unwrap(), wanted);

    let sentence = failed("Tool use failed: JSON does not match the expected schema for tool calls");
    let fine = Answer::new(200, "text/event-stream", events(&[GOOD, EVENING, STOP]));
    let wire = Wire::answering([Answer::json(400, sentence.clone()), fine]).await;
    assert_eq!(reply(&wire).await.unwrap(), spoken());
    let seen = wire.seen();
    assert_eq!((seen.len(), seen[0].json()), (2, seen[1].json()), "nothing was wrong with the request");
    let always = Wire::answering([Answer::json(400, sentence)]).await;
    assert!(matches!(reply(&always).await, Err(ProviderError::Refused { .. })));
    assert_eq!(always.seen().len(), 2);
}

#[tokio::test]
async fn a_server_that_refuses_tools_is_told_of_them_in_the_prompt() {
    let refusal = Answer::json(400, json!({"error": {"message": "registry.ollama.ai/library/gemma:7b does not support tools"}}));
    let called = json!({"choices": [{"delta": {"content": "Fine.\n<tool_call>\n{\"name\": \"accept_offer\", \"arguments\": {\"x\": 1}}\n</tool_call>"}}]});
    let fine = Answer::new(200, "text/event-stream", events(&[&called.to_string(), STOP]));
    let wire = Wire::answering([refusal, fine]).await;
    let providers = wire.providers();
    assert_eq!(providers.tools_refused(), None);
    let prompt = Message { role: Role::System, ..user("prompt") };
    let mut stream = providers.think(&[prompt, user("Hello?")], &tools()).await.unwrap();
    let mut calls = Vec::new();
    while let Some(piece) = stream.next().await {
        if let ReplyPiece::ToolCall(call) = piece.unwrap() {
            calls.push((call.name, call.arguments));
        }
    }
    assert_eq!(calls, [("accept_offer".to_owned(), "{\"x\":1}".to_owned())]);
    let body = wire.seen()[1].json();
    assert!(
        body["tools"].is_null() && body["messages"][0]["content"].as_str().unwrap().contains("\"name\":\"end_call\""),
        "{body}"
    );
    assert!(providers.tools_refused().unwrap().contains("does not support tools"));
}

#[tokio::test]
async fn the_next_try_leaves_out_what_the_server_refused_and_so_do_all_after_it() {
    let fine = || Answer::new(200, "text/event-stream", events(&[GOOD, EVENING, STOP]));
    let refusal = |status, message: &str| Answer::json(status, json!({"error": {"message": message}}));
    type Check = fn(&Value) -> bool;
    let cases: [(u16, &str, Check); 7] = [
        (400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.", |body| {
            body["max_tokens"].is_null() && body["max_completion_tokens"].is_number()
        }),
        (422, "[{\"loc\":[\"body\",\"max_tokens\"],\"msg\":\"extra fields not permitted\"}]", |body| {
            body["max_tokens"].is_null()
        }),
        (400, "Streaming is not supported for this model", |body| body["stream"] == false),
        (404, "stream: not found here", |body| body["stream"] == false),
        (400, "System role not supported", |body| body["messages"][0]["role"] == "user"),
        (500, "Jinja Exception: System role not supported", |body| body["messages"][0]["role"] == "user"),
        (400, "Bad Request", |body| body["max_tokens"].is_null() && body["stream"] == true),
    ];
    for (status, message, check) in cases {
        let refused = refusal(status, message);
        let answers = if status == 500 { vec![refused.clone(), refused, fine()] } else { vec![refused, fine()] };
        let tries = answers.len();
        let wire = Wire::answering(answers).await;
        let providers = wire.providers();
        let prompt = Message { role: Role::System, ..user("prompt") };
        for _ in 0..2 {
            let mut stream = providers.think(&[prompt.clone(), user("Hello?")], &[]).await.unwrap();
            while let Some(piece) = stream.next().await {
                piece.unwrap();
            }
        }
        let seen = wire.seen();
        assert_eq!(seen.len(), tries + 1, "{message}");
        assert!(!check(&seen[0].json()) && check(&seen[tries - 1].json()) && check(&seen[tries].json()), "{message}");
    }
    for status in [401, 402, 403, 404, 429, 503] {
        let wire = Wire::answering([refusal(status, "no")]).await;
        reply(&wire).await.unwrap_err();
        assert!(wire.seen().iter().all(|seen| seen.json()["max_tokens"].is_number()), "{status} is about none of our wishes");
    }
}
