//! A chat server whose model takes no tools, nor `max_tokens`: it refuses them in the words of real servers (Ollama, OpenAI), and serves who
//! describes the tools in the prompt and reads calls from the text, in the notation of Hermes and Qwen.

use axum::body::Bytes;
use serde_json::{Value, json};

use super::error::ApiError;

/// The request as a server with tools would have got it.
///
/// # Errors
/// What is refused.
pub(super) fn with_tools(body: &[u8]) -> Result<Bytes, ApiError> {
    let mut request: Value =
        serde_json::from_slice(body).map_err(|error| ApiError::unreadable(format!("The request is no JSON: {error}")))?;
    if request.get("max_tokens").is_some() {
        let text = "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.";
        return Err(ApiError::invalid("max_tokens", text));
    }
    if request.get("tools").is_some() {
        return Err(ApiError::invalid("tools", "sandbox-talker does not support tools"));
    }
    let messages = request["messages"].as_array().cloned().unwrap_or_default();
    let (mut tools, mut rewritten, mut open) = (Vec::new(), Vec::new(), Vec::new());
    for message in messages {
        let text = message["content"].as_str().unwrap_or_default();
        match message["role"].as_str() {
            Some("system") => {
                for tool in between(text, "<tools>\n", "\n</tools>").iter().flat_map(|list| list.lines()) {
                    tools.push(json!({"type": "function", "function": serde_json::from_str::<Value>(tool).unwrap_or_default()}));
                }
                rewritten.push(message);
            }
            Some("assistant") => {
                let calls: Vec<Value> = between(text, "<tool_call>\n", "\n</tool_call>")
                    .iter()
                    .filter_map(|call| serde_json::from_str::<Value>(call).ok())
                    .enumerate()
                    .map(|(nth, call)| {
                        let id = format!("t{:04}{nth:04}", rewritten.len());
                        let function = json!({"name": call["name"], "arguments": call["arguments"].to_string()});
                        json!({"id": id, "type": "function", "function": function})
                    })
                    .collect();
                open = calls.iter().map(|call| call["id"].clone()).collect();
                let said = text.split("<tool_call>").next().unwrap_or_default().trim();
                let mut message = json!({"role": "assistant", "content": said});
                if !calls.is_empty() {
                    message["tool_calls"] = json!(calls);
                }
                rewritten.push(message);
            }
            _ if !open.is_empty() => {
                let results = between(text, "<tool_response>\n", "\n</tool_response>");
                for (id, result) in open.drain(..).zip(results) {
                    rewritten.push(json!({"role": "tool", "tool_call_id": id, "content": result}));
                }
            }
            _ => rewritten.push(message),
        }
    }
    request["messages"] = json!(rewritten);
    if !tools.is_empty() {
        request["tools"] = json!(tools);
    }
    Ok(request.to_string().into())
}

/// All that stands between two marks.
fn between<'t>(text: &'t str, open: &str, close: &str) -> Vec<&'t str> {
    text.split(open).skip(1).filter_map(|rest| rest.split_once(close).map(|(inside, _)| inside)).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn tools_and_calls_in_the_text_are_those_of_the_wire() {
        let message = |role: &str, content: &str| json!({"role": role, "content": content});
        let tool = json!({"name": "end_call", "parameters": {"type": "object", "properties": {"reason": {}}}});
        let body = json!({"model": "m", "messages": [
            message("system", &format!("Book.\n<tools>\n{tool}\n</tools>")),
            message("user", "Goodbye."),
            message("assistant", "Bye.\n<tool_call>\n{\"name\":\"end_call\",\"arguments\":{}}\n</tool_call>"),
            message("user", "<tool_response>\n{\"ok\":true}\n</tool_response>"),
        ]});
        let request: Value = serde_json::from_slice(&with_tools(body.to_string().as_bytes()).unwrap()).unwrap();
        assert_eq!(request["tools"][0]["function"]["name"], "end_call");
        assert_eq!(request["messages"][2]["tool_calls"][0]["function"]["name"], "end_call");
        assert_eq!(request["messages"][2]["content"], "Bye.");
        assert_eq!(request["messages"][3]["tool_call_id"], request["messages"][2]["tool_calls"][0]["id"]);
        let refused = |field: &str| with_tools(json!({"messages": [], field: 1}).to_string().as_bytes()).unwrap_err().message;
        assert!(refused("tools").contains("does not support tools") && refused("max_tokens").contains("max_completion_tokens"));
    }
}
