//! Reads a chat history: the request out of the system message, and what has happened since.

use chrono::{NaiveDate, NaiveTime};
use offhook::{language::Language, request::CallKind};
use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;

use super::wire::Message;

/// The request as the prompt writes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct PromptRequest {
    /// What is to be done.
    pub kind: CallKind,
    /// On whose behalf.
    pub guest_name: String,
    /// E.164.
    pub guest_phone: String,
    /// How many people.
    pub party_size: u16,
    /// The wanted day.
    pub wanted_date: NaiveDate,
    /// The wanted time.
    #[serde(deserialize_with = "clock")]
    pub wanted_time: NaiveTime,
    /// The earliest accepted time.
    #[serde(deserialize_with = "clock")]
    pub earliest_time: NaiveTime,
    /// The latest accepted time.
    #[serde(deserialize_with = "clock")]
    pub latest_time: NaiveTime,
    /// Further accepted days.
    #[serde(default)]
    pub other_dates: Vec<NaiveDate>,
    /// To be mentioned.
    #[serde(default)]
    pub special_requests: Option<String>,
    /// Of an existing booking.
    #[serde(default)]
    pub booking_reference: Option<String>,
    /// What to speak now.
    pub language: Language,
    /// The restaurant's date.
    pub today: NaiveDate,
}

impl PromptRequest {
    /// Whether the guest can come on this day.
    pub fn day_is_accepted(&self, date: NaiveDate) -> bool {
        date == self.wanted_date || self.other_dates.contains(&date)
    }

    /// Whether the guest can come at this time.
    pub fn time_is_accepted(&self, time: NaiveTime) -> bool {
        (self.earliest_time..=self.latest_time).contains(&time)
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Happening {
    /// The agent was heard to say this.
    Agent(String),
    /// The callee was understood to say this; empty where nothing was understood.
    Callee(String),
    /// A tool was called and answered.
    Called {
        /// Its name.
        tool: String,
        /// What with.
        arguments: Value,
        /// What came back.
        result: Value,
    },
}

/// A whole chat history.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// What is to be done.
    pub request: PromptRequest,
    /// What has happened, oldest first.
    pub happenings: Vec<Happening>,
}

/// Why a history makes no sense to the talker.
#[derive(Debug, thiserror::Error)]
pub enum ReadingError {
    /// No block.
    #[error("The system message holds no <request> block: put the request between <request> and </request>.")]
    NoRequest,
    /// The block is not the JSON it should be.
    #[error("The <request> block cannot be read ({0}): write the request as one line of JSON.")]
    WrongRequest(#[from] serde_json::Error),
}

impl Conversation {
    /// Reads the history of a chat request. A later system message's block replaces an earlier one's.
    ///
    /// # Errors
    /// There is no `<request>` block, or it is not the request's JSON.
    pub fn read(messages: &[Message]) -> Result<Conversation, ReadingError> {
        let is_prompt = |message: &&Message| ["system", "developer"].contains(&message.role.as_str());
        let block = messages.iter().rev().filter(is_prompt).find_map(|message| block(&message.content));
        let request = serde_json::from_str(block.ok_or(ReadingError::NoRequest)?)?;
        let happenings = messages.iter().flat_map(|message| happenings(message, messages)).collect();
        Ok(Conversation { request, happenings })
    }
}

fn block(prompt: &str) -> Option<&str> {
    let (_, rest) = prompt.split_once("<request>")?;
    Some(rest.split_once("</request>")?.0.trim())
}

fn happenings(message: &Message, all: &[Message]) -> Vec<Happening> {
    match message.role.as_str() {
        // "(The callee is listening …)": a turn for servers that want one, in which nothing was said.
        "user" if message.content.starts_with("(The callee ") => Vec::new(),
        "user" => vec![Happening::Callee(words_only(&message.content))],
        "assistant" => {
            let spoke = message.content.contains(char::is_alphanumeric);
            let said = spoke.then(|| Happening::Agent(message.content.clone()));
            let calls = message.tool_calls.iter().filter_map(|call| {
                let answer = all.iter().find(|other| other.tool_call_id.as_deref() == Some(&call.id))?;
                let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
                let (arguments, result) = (json(&call.function.arguments), json(&answer.content));
                Some(Happening::Called { tool: call.function.name.clone(), arguments, result })
            });
            said.into_iter().chain(calls).collect()
        }
        _ => Vec::new(),
    }
}

/// A recogniser's remarks about sounds (`[noise]`, `(music)`) are no words.
fn words_only(text: &str) -> String {
    let trimmed = text.trim();
    let remark = |open, close| trimmed.starts_with(open) && trimmed.ends_with(close);
    if remark('[', ']') || remark('(', ')') { String::new() } else { trimmed.to_owned() }
}

fn clock<'de, D: Deserializer<'de>>(deserializer: D) -> Result<NaiveTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    let read = NaiveTime::parse_from_str(&text, "%H:%M").or_else(|_| NaiveTime::parse_from_str(&text, "%H:%M:%S"));
    read.map_err(|_| D::Error::custom(format!("\"{text}\" is not a time such as 19:30")))
}

#[cfg(test)]
pub(crate) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::talker::wire::{FunctionCall, ToolCall};

    pub(crate) const REQUEST: &str = r#"{"kind":"book","restaurant_name":"The Golden Lion","guest_name":"Ada Winter","guest_phone":"+4915112345678","party_size":4,"wanted_date":"2026-12-04","weekday":"Friday","wanted_time":"19:30","earliest_time":"19:00","latest_time":"20:30","other_dates":["2026-12-05"],"special_requests":null,"booking_reference":null,"language":"en","today":"2026-11-20"}"#;

    #[test]
    fn the_request_and_what_happened_are_read_from_the_wire() {
        let call = ToolCall {
            id: "c1".into(),
            kind: "function".into(),
            function: FunctionCall { name: "accept_offer".into(), arguments: r#"{"time":"20:00"}"#.into() },
        };
        let messages = [
            Message::text("system", &format!("Speak English.\n<request>\n{REQUEST}\n</request>\nBe brief.")),
            Message::text("user", "Hello?"),
            Message { tool_calls: vec![call], ..Message::text("assistant", "One moment.") },
            Message { tool_call_id: Some("c1".into()), ..Message::text("tool", r#"{"accepted":true}"#) },
            Message::text("user", "[noise]"),
        ];
        let conversation = Conversation::read(&messages).unwrap();
        assert_eq!(conversation.request.wanted_time, NaiveTime::from_hms_opt(19, 30, 0).unwrap());
        assert_eq!(
            conversation.happenings,
            [
                Happening::Callee("Hello?".into()),
                Happening::Agent("One moment.".into()),
                Happening::Called {
                    tool: "accept_offer".into(),
                    arguments: serde_json::json!({"time": "20:00"}),
                    result: serde_json::json!({"accepted": true}),
                },
                Happening::Callee(String::new()),
            ]
        );
    }

    #[test]
    fn a_block_that_is_no_request_is_told_why() {
        let prompt = |json: &str| [Message::text("system", &format!("<request>{json}</request>"))];
        let error = Conversation::read(&prompt(&REQUEST.replace("19:30", "half past"))).unwrap_err().to_string();
        assert!(error.contains("\"half past\" is not a time such as 19:30"), "{error}");
        assert!(matches!(Conversation::read(&[]), Err(ReadingError::NoRequest)));
    }
}
