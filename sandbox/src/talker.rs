//! The reservation talker behind `/v1/chat/completions`: a rule-based stand-in for a language model.
//!
//! It knows nothing but the wire: a chat request's messages and tools go in, text and tool calls come out. What to do is read
//! from the `<request>` block of the system message, what has happened so far from the history, every time anew.

pub mod calls;
pub mod deciding;
pub mod reading;
pub mod sentences;
pub mod standing;
pub mod understanding;
pub mod vocabulary;
pub mod wire;

pub use wire::{FunctionCall, Message, Reply, Tool, ToolCall};

/// The next assistant message for this history.
///
/// Tools that are not in `tools` are never called. A history without a readable `<request>` block is answered with a text that
/// says what is missing, as a model would ask back.
pub fn reply(messages: &[Message], tools: &[Tool]) -> Reply {
    let conversation = match reading::Conversation::read(messages) {
        Ok(conversation) => conversation,
        Err(error) => return without_a_request(messages, tools, error.to_string()),
    };
    let decision = deciding::decide(&conversation);
    let tool_calls = decision
        .calls
        .into_iter()
        .filter(|call| tools.iter().any(|tool| tool.function.name == call.name()))
        .enumerate()
        .map(|(index, call)| call.on_the_wire(format!("call_{}_{index}", messages.len())))
        .collect();
    Reply { text: decision.says.join(" "), tool_calls }
}

/// Calls the one tool it is offered, once, with `ready`, as a model does that is asked whether it can; else says `complaint`.
fn without_a_request(messages: &[Message], tools: &[Tool], complaint: String) -> Reply {
    let told = messages.iter().any(|message| message.role == "tool");
    match tools {
        [tool] if !told && tool.function.name == "confirm_ready" => {
            let function = FunctionCall { name: tool.function.name.clone(), arguments: r#"{"ready":true}"#.to_owned() };
            let id = format!("call_{}_0", messages.len());
            Reply { text: String::new(), tool_calls: vec![ToolCall { id, kind: "function".to_owned(), function }] }
        }
        _ if told => Reply { text: "Yes, I am ready and can take the next call at any time.".to_owned(), tool_calls: Vec::new() },
        _ => Reply { text: complaint, tool_calls: Vec::new() },
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn without_a_request_it_asks_for_one() {
        let messages = [Message::text("system", "You are helpful."), Message::text("user", "Hello?")];
        assert_eq!(
            reply(&messages, &[]).text,
            "The system message holds no <request> block: put the request between <request> and </request>."
        );
    }

    #[test]
    fn tools_that_were_not_offered_are_not_called() {
        let prompt = format!("Call.\n<request>\n{}\n</request>", reading::tests::REQUEST);
        let messages = [
            Message::text("system", &prompt),
            Message::text("assistant", "I would like to book a table for 4 people on Friday the fourth of December at 19:30."),
            Message::text("user", "You have the wrong number."),
        ];
        let all = ["accept_offer", "report_outcome", "end_call"].map(Tool::named);
        let names = |reply: Reply| reply.tool_calls.into_iter().map(|call| call.function.name).collect::<Vec<_>>();
        assert_eq!(names(reply(&messages, &all)), ["report_outcome", "end_call"]);
        assert_eq!(names(reply(&messages, &all[2..])), ["end_call"]);
    }
}
