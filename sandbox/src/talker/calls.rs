//! The tool calls the talker makes.

use offhook::{offer::Offer, outcome::Outcome};
use serde_json::{Value, json};

use super::wire::{FunctionCall, ToolCall};

/// A tool call before it is written down.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// `accept_offer`
    Accept {
        /// The table.
        offer: Offer,
        /// Under which name.
        name: String,
        /// The restaurant's reference.
        reference: Option<String>,
    },
    /// `report_outcome`
    Report {
        /// What it came to.
        outcome: Outcome,
        /// What the guest should know.
        notes: Option<&'static str>,
        /// The restaurant's reference.
        reference: Option<String>,
        /// What was offered and could not be taken.
        offered: Vec<Offer>,
        /// The callee does not want calls.
        do_not_call: bool,
    },
    /// `end_call`
    End,
}

impl Call {
    /// The tool's name.
    pub fn name(&self) -> &'static str {
        match self {
            Call::Accept { .. } => "accept_offer",
            Call::Report { .. } => "report_outcome",
            Call::End => "end_call",
        }
    }

    /// As the wire has it.
    pub fn on_the_wire(&self, id: String) -> ToolCall {
        let arguments = match self {
            Call::Accept { offer, name, reference } => {
                let mut arguments = table(offer);
                arguments["name"] = json!(name);
                if let Some(reference) = reference {
                    arguments["reference"] = json!(reference);
                }
                arguments
            }
            Call::Report { outcome, notes, reference, offered, do_not_call } => {
                let mut arguments = json!({ "outcome": outcome.as_str() });
                if let Some(notes) = notes {
                    arguments["notes"] = json!(notes);
                }
                if let Some(reference) = reference {
                    arguments["reference"] = json!(reference);
                }
                if !offered.is_empty() {
                    arguments["offered"] = offered.iter().map(table).collect();
                }
                if *do_not_call {
                    arguments["do_not_call"] = json!(true);
                }
                arguments
            }
            Call::End => json!({}),
        };
        let function = FunctionCall { name: self.name().to_owned(), arguments: arguments.to_string() };
        ToolCall { id, kind: "function".to_owned(), function }
    }
}

fn table(offer: &Offer) -> Value {
    json!({ "date": offer.date.to_string(), "time": offer.time.format("%H:%M").to_string(), "party_size": offer.party_size })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn calls_are_written_as_the_tools_expect_them() {
        let offer: Offer = serde_json::from_value(json!({ "date": "2026-12-04", "time": "20:00:00", "party_size": 4 })).unwrap();
        let accept = Call::Accept { offer: offer.clone(), name: "Ada Winter".into(), reference: None }.on_the_wire("a".into());
        let arguments: Value = serde_json::from_str(&accept.function.arguments).unwrap();
        assert_eq!(arguments, json!({ "date": "2026-12-04", "time": "20:00", "party_size": 4, "name": "Ada Winter" }));
        let report =
            Call::Report { outcome: Outcome::Refused, notes: None, reference: None, offered: vec![offer], do_not_call: true };
        let arguments: Value = serde_json::from_str(&report.on_the_wire("b".into()).function.arguments).unwrap();
        let offered = json!([{ "date": "2026-12-04", "time": "20:00", "party_size": 4 }]);
        assert_eq!(arguments, json!({ "outcome": "refused", "offered": offered, "do_not_call": true }));
    }
}
