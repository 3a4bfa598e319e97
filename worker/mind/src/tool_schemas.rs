//! The model's tools: what it may call.

use offhook::{outcome::Outcome, request::CallKind};
use offhook_types::chat::Tool;
use serde_json::json;

/// Takes an offer.
pub const ACCEPT_OFFER: &str = "accept_offer";
/// Says what the call came to.
pub const REPORT_OUTCOME: &str = "report_outcome";
/// Ends the call.
pub const END_CALL: &str = "end_call";

/// The tools for a call of this kind, as the chat wire describes them.
pub fn offered(kind: CallKind) -> Vec<Tool> {
    let accept = Tool {
        name: ACCEPT_OFFER,
        description:
            "Agree to the table the restaurant has offered. Call it before you say yes: the answer tells whether the guest \
                      can come then. If it is not accepted, say so and ask for another time."
                .to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {
                "date": { "type": "string", "description": "YYYY-MM-DD" },
                "time": { "type": "string", "description": "HH:MM, 24 hours" },
                "party_size": { "type": "integer", "minimum": 1 },
                "name": { "type": "string", "description": "The name the table is booked under" },
                "reference": { "type": "string", "description": "The restaurant's booking reference, if it gave one" },
                "notes": { "type": "string", "description": "What the guest should know" }
            },
            "required": ["date", "time", "party_size"]
        }),
    };
    let report = Tool {
        name: REPORT_OUTCOME,
        description: "Record what the call came to, before you say goodbye.".to_owned(),
        parameters: json!({
            "type": "object",
            "properties": {
                "outcome": { "type": "string", "enum": Outcome::REPORTED.map(Outcome::as_str) },
                "notes": { "type": "string" },
                "reference": { "type": "string" },
                "offered": {
                    "type": "array",
                    "description": "Tables that were offered and not taken",
                    "items": {
                        "type": "object",
                        "properties": {
                            "date": { "type": "string" }, "time": { "type": "string" }, "party_size": { "type": "integer" }
                        },
                        "required": ["date", "time", "party_size"]
                    }
                },
                "do_not_call": { "type": "boolean", "description": "True if they asked never to be called again" }
            },
            "required": ["outcome"]
        }),
    };
    let end = Tool {
        name: END_CALL,
        description: "Hang up, once everything is said: the sentences of this answer are still spoken.".to_owned(),
        // Some servers refuse a tool without arguments.
        parameters: json!({
            "type": "object",
            "properties": { "reason": { "type": "string", "description": "Why, in a few words" } }
        }),
    };
    if kind == CallKind::Cancel { vec![report, end] } else { vec![accept, report, end] }
}
