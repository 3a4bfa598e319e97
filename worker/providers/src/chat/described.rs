//! Tools without the wire's `tools`, for a server that refuses them: described in the prompt, called in the text, in the notation that
//! most open models were trained on (Hermes, Qwen). What the model writes there is read by `written`. Pure.

use offhook_types::chat::{Message, Role, Tool};
use serde_json::{Value, json};

use super::normalise;

/// How to call, behind the prompt and before the tools.
const HOW: &str = "# Tools\n\nTo call a tool, write this, and nothing else on its lines:\n<tool_call>\n{\"name\": \"the tool\", \"arguments\": {\"key\": \
\"value\"}}\n</tool_call>\nIts result is given to you between <tool_response> and </tool_response>; never write those yourself. What you write \
outside of <tool_call> is spoken to the callee. Never say that you have called a tool: call it. The tools are:\n<tools>\n";

/// Returns the same conversation without a tool call on the wire. The messages are normalised, and stay so: a tool's results become one
/// turn of the user.
pub(super) fn described(messages: &[Message], tools: &[Tool]) -> Vec<Message> {
    let mut plain: Vec<Message> = Vec::with_capacity(messages.len() + 1);
    if messages.first().is_none_or(|first| first.role != Role::System) && !tools.is_empty() {
        plain.push(of(Role::System, how(tools)));
    }
    for message in messages {
        match message.role {
            Role::System if !tools.is_empty() => plain.push(of(Role::System, format!("{}\n\n{}", message.content, how(tools)))),
            Role::System | Role::User => plain.push(of(message.role, message.content.clone())),
            Role::Assistant => plain.push(of(Role::Assistant, with_calls(message))),
            Role::Tool => {
                let result = format!("<tool_response>\n{}\n</tool_response>", message.content);
                match plain.last_mut() {
                    Some(last) if last.role == Role::User => {
                        last.content.push('\n');
                        last.content.push_str(&result);
                    }
                    _ => plain.push(of(Role::User, result)),
                }
            }
        }
    }
    plain
}

fn how(tools: &[Tool]) -> String {
    let line = |tool: &Tool| {
        json!({"name": tool.name, "description": tool.description, "parameters": normalise::parameters(tool)}).to_string() + "\n"
    };
    format!("{HOW}{}</tools>", tools.iter().map(line).collect::<String>())
}

fn with_calls(message: &Message) -> String {
    let mut text = message.content.clone();
    for call in &message.tool_calls {
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        let call = json!({"name": call.name, "arguments": arguments});
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("<tool_call>\n{call}\n</tool_call>"));
    }
    text
}

fn of(role: Role, content: String) -> Message {
    Message { role, content, tool_calls: Vec::new(), tool_call_id: None }
}

#[cfg(test)]
mod tests {
    use offhook_types::chat::ToolCall;

    use super::*;

    #[test]
    fn calls_and_results_are_turns_of_text_that_alternate() {
        let tool = Tool { name: "end_call", description: "Ends the call.".into(), parameters: json!({"type": "object"}) };
        let call = |id: &str, name: &str| ToolCall { id: id.into(), name: name.into(), arguments: "{\"x\":1}".into() };
        let said = Message {
            tool_calls: vec![call("a", "accept_offer"), call("b", "end_call")],
            ..of(Role::Assistant, "Wonderful.".into())
        };
        let result = |id: &str| Message { tool_call_id: Some(id.into()), ..of(Role::Tool, "{\"ok\":true}".into()) };
        let messages = [of(Role::System, "You book.".into()), of(Role::User, "At eight?".into()), said, result("a"), result("b")];
        let plain = described(&messages, std::slice::from_ref(&tool));
        let roles: Vec<Role> = plain.iter().map(|message| message.role).collect();
        assert_eq!(roles, [Role::System, Role::User, Role::Assistant, Role::User]);
        assert!(plain.iter().all(|message| message.tool_calls.is_empty() && message.tool_call_id.is_none()));
        assert!(plain[0].content.starts_with("You book.\n\n# Tools") && plain[0].content.contains("\"name\":\"end_call\""));
        assert_eq!(plain[2].content.matches("<tool_call>").count(), 2);
        assert_eq!(plain[3].content.matches("{\"ok\":true}").count(), 2);
        assert_eq!(described(&messages[..2], &[]), messages[..2], "without tools there is nothing to say");
        assert_eq!(described(&messages[1..2], &[tool])[0].role, Role::System);
    }
}
