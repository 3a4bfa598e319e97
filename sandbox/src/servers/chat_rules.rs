//! What strict chat servers refuse about a request, in their words: OpenAI's, vLLM's, and the templates of Mistral and Gemma.

use std::collections::HashSet;

use serde_json::Value;

use super::{
    chat::{ChatMessage, ChatRequest, ChatRole},
    error::ApiError,
};

/// Checks what the wire and the strictest templates demand: the prompt first, then the user's turn and the assistant's by turns, the
/// user's or a tool's result last; every call of the assistant answered by the tool messages right after it, and no tool message that
/// answers anything else; ids of nine letters and digits, each once; arguments that are a JSON object; no message without content; no
/// tool without properties.
///
/// # Errors
/// 400, with the sentence the real server writes.
pub(super) fn check(request: &ChatRequest) -> Result<(), ApiError> {
    if request.messages.is_empty() {
        return Err(ApiError::invalid(
            "messages",
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.",
        ));
    }
    for (index, tool) in request.tools.iter().enumerate() {
        let properties = tool.function.parameters.as_ref().and_then(|schema| schema.get("properties")?.as_object());
        if properties.is_none_or(serde_json::Map::is_empty) {
            let param = format!("tools[{index}].function.parameters.properties");
            let text =
                format!("Invalid schema for function '{}': {param}: should be non-empty for OBJECT type.", tool.function.name);
            return Err(ApiError::invalid(&param, text));
        }
    }
    check_calls(&request.messages)?;
    check_turns(&request.messages)
}

fn check_calls(messages: &[ChatMessage]) -> Result<(), ApiError> {
    let mut open: HashSet<&str> = HashSet::new();
    let mut ids: HashSet<&str> = HashSet::new();
    for (index, message) in messages.iter().enumerate() {
        let param = format!("messages.[{index}].role");
        if message.role == ChatRole::Tool {
            let answered = message.tool_call_id.as_deref().is_some_and(|id| open.remove(id));
            if !answered {
                let text =
                    "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.";
                return Err(ApiError::invalid(&param, text));
            }
            continue;
        }
        closed(&open, &param)?;
        for call in &message.tool_calls {
            let param = format!("messages.[{index}].tool_calls");
            if call.id.len() != 9 || !call.id.chars().all(|c| c.is_ascii_alphanumeric()) {
                let text = format!("Tool call id was {} but must be a-z, A-Z, 0-9, with a length of 9.", call.id);
                return Err(ApiError::invalid(&param, text));
            }
            if !ids.insert(&call.id) {
                return Err(ApiError::invalid(&param, format!("Duplicate value for 'tool_call_id' of '{}'.", call.id)));
            }
            if !serde_json::from_str::<Value>(&call.function.arguments).is_ok_and(|arguments| arguments.is_object()) {
                return Err(ApiError::invalid(
                    &param,
                    "Can only get item pairs from a mapping: the arguments are no JSON object.",
                ));
            }
            open.insert(&call.id);
        }
        if message.content.is_none() {
            let param = format!("messages.[{index}].content");
            return Err(ApiError::invalid(&param, format!("Invalid value for '{param}': expected a string, got null.")));
        }
        if message.text().trim().is_empty() && message.tool_calls.is_empty() {
            let param = format!("messages.[{index}].content");
            return Err(ApiError::invalid(&param, format!("Invalid value for '{param}': text content must be non-empty.")));
        }
    }
    closed(&open, "messages")
}

fn check_turns(messages: &[ChatMessage]) -> Result<(), ApiError> {
    let is_prompt = |role| matches!(role, ChatRole::System | ChatRole::Developer);
    let mut before = None;
    for (index, message) in messages.iter().enumerate() {
        let param = format!("messages.[{index}].role");
        if is_prompt(message.role) {
            if index > 0 {
                return Err(ApiError::invalid(&param, "System message must be at the beginning."));
            }
            continue;
        }
        let fits = match message.role {
            ChatRole::User => matches!(before, None | Some(ChatRole::Assistant)),
            ChatRole::Assistant => matches!(before, Some(ChatRole::User | ChatRole::Tool)),
            _ => true,
        };
        if !fits {
            let text = "After the optional system message, conversation roles must alternate user/assistant/user/assistant/...";
            return Err(ApiError::invalid(&param, text));
        }
        before = Some(message.role);
    }
    if matches!(before, Some(ChatRole::User | ChatRole::Tool)) {
        return Ok(());
    }
    let text = "Expected last role User or Tool (or Assistant with prefix True) for serving but got another one.";
    Err(ApiError::invalid("messages", text))
}

fn closed(open: &HashSet<&str>, param: &str) -> Result<(), ApiError> {
    if open.is_empty() {
        return Ok(());
    }
    let mut missing: Vec<&str> = open.iter().copied().collect();
    missing.sort_unstable();
    let text = "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
                The following tool_call_ids did not have response messages:";
    Err(ApiError::invalid(param, format!("{text} {}", missing.join(", "))))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn checked(messages: serde_json::Value) -> Result<(), String> {
        let request: ChatRequest = serde_json::from_value(json!({"model": "m", "messages": messages})).unwrap();
        check(&request).map_err(|error| error.message)
    }

    #[test]
    fn calls_and_their_results_belong_together() {
        let call = |id: &str| json!({"role": "assistant", "content": "", "tool_calls": [{"id": id, "function": {"name": "f", "arguments": "{}"}}]});
        let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "{}"});
        let user = json!({"role": "user", "content": "hello"});
        let (a, b) = ("call00001", "call00002");
        assert_eq!(checked(json!([user, call(a), result(a)])), Ok(()));
        assert!(checked(json!([])).unwrap_err().contains("empty array"));
        assert!(checked(json!([user, result(a)])).unwrap_err().contains("preceeding"));
        assert!(checked(json!([user, call(a), result(b)])).unwrap_err().contains("preceeding"));
        assert!(checked(json!([user, call(a), user])).unwrap_err().ends_with("response messages: call00001"));
        assert!(checked(json!([user, call(a)])).unwrap_err().ends_with("response messages: call00001"));
        assert!(checked(json!([user, call(a), result(a), call(a), result(a)])).unwrap_err().contains("Duplicate"));
        assert!(checked(json!([user, call("call_1")])).unwrap_err().contains("length of 9"));
        let odd = json!({"role": "assistant", "content": "", "tool_calls": [{"id": a, "function": {"name": "f", "arguments": "{\"x\""}}]});
        assert!(checked(json!([user, odd, result(a)])).unwrap_err().contains("mapping"));
    }

    #[test]
    fn turns_alternate_and_none_is_empty() {
        let message = |role: &str, content: &str| json!({"role": role, "content": content});
        let (system, user, assistant) = (message("system", "prompt"), message("user", "hello"), message("assistant", "hello"));
        assert_eq!(checked(json!([system, user, assistant, user])), Ok(()));
        assert!(checked(json!([user, system])).unwrap_err().contains("at the beginning"));
        for turns in [json!([system, assistant, user]), json!([user, user]), json!([user, assistant, assistant, user])] {
            assert!(checked(turns).unwrap_err().contains("alternate"));
        }
        for turns in [json!([system]), json!([user, assistant])] {
            assert!(checked(turns).unwrap_err().contains("last role"));
        }
        assert!(checked(json!([{"role": "user"}])).unwrap_err().contains("got null"));
        assert!(checked(json!([message("user", " ")])).unwrap_err().contains("non-empty"));
        let tool = json!({"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}});
        let request = json!({"model": "m", "messages": [user], "tools": [tool]});
        let request: ChatRequest = serde_json::from_value(request).unwrap();
        assert!(check(&request).unwrap_err().message.contains("OBJECT"));
    }
}
