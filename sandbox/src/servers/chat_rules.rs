//! What a real chat server refuses about a history, in its words.

use std::collections::HashSet;

use super::{
    chat::{ChatRequest, ChatRole},
    error::ApiError,
};

/// Checks what the wire demands of a history: every call of the assistant is answered by the tool messages right after it, and
/// no tool message answers anything else.
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
    let mut open: HashSet<&str> = HashSet::new();
    for (index, message) in request.messages.iter().enumerate() {
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
        if message.role == ChatRole::Assistant {
            open.extend(message.tool_calls.iter().map(|call| call.id.as_str()));
        }
        if message.content.is_none() && message.tool_calls.is_empty() {
            let param = format!("messages.[{index}].content");
            return Err(ApiError::invalid(&param, format!("Invalid value for '{param}': expected a string, got null.")));
        }
    }
    closed(&open, "messages")?;
    Ok(())
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
        let call = |id: &str| json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "function": {"name": "f", "arguments": "{}"}}]});
        let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "{}"});
        let user = json!({"role": "user", "content": "hello"});
        assert_eq!(checked(json!([user, call("a"), result("a"), user])), Ok(()));
        assert!(checked(json!([])).unwrap_err().contains("empty array"));
        assert!(checked(json!([user, result("a")])).unwrap_err().contains("preceeding"));
        assert!(checked(json!([user, call("a"), result("b")])).unwrap_err().contains("preceeding"));
        assert!(checked(json!([user, call("a"), user])).unwrap_err().ends_with("response messages: a"));
        assert!(checked(json!([user, call("a")])).unwrap_err().ends_with("response messages: a"));
        assert!(checked(json!([{"role": "user"}])).unwrap_err().contains("got null"));
    }
}
