//! The model's tools: what it may call, what a call means, and how a call that changes something is journaled before it runs.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use offhook::{offer::Offer, outcome::Outcome, request::CallKind};
use offhook_types::{
    chat::{Tool, ToolCall},
    ids::Generation,
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{action::Action, conversation::Mind, outcome::Particulars};

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
                "outcome": { "type": "string", "enum": Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect::<Vec<_>>() },
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
        parameters: json!({ "type": "object", "properties": {} }),
    };
    if kind == CallKind::Cancel { vec![report, end] } else { vec![accept, report, end] }
}

/// A table as the model writes it.
#[derive(Debug, Clone, Deserialize)]
struct Table {
    date: NaiveDate,
    time: String,
    party_size: u16,
}

impl Table {
    fn offer(&self) -> Result<Offer, String> {
        let time = NaiveTime::parse_from_str(self.time.trim(), "%H:%M")
            .or_else(|_| NaiveTime::parse_from_str(self.time.trim(), "%H:%M:%S"))
            .map_err(|_| format!("\"{}\" is not a time: write HH:MM", self.time))?;
        Ok(Offer { date: self.date, time, party_size: self.party_size })
    }
}

#[derive(Debug, Deserialize)]
struct Accepting {
    #[serde(flatten)]
    table: Table,
    name: Option<String>,
    reference: Option<String>,
    notes: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Reporting {
    outcome: Outcome,
    notes: Option<String>,
    reference: Option<String>,
    #[serde(default)]
    offered: Vec<Table>,
    #[serde(default)]
    do_not_call: bool,
}

/// A call that changes something, understood.
#[derive(Debug, Clone)]
pub(super) enum Errand {
    Accept(Offer, Particulars),
    Report { outcome: Outcome, particulars: Particulars, offered: Vec<Offer>, do_not_call: bool },
}

pub(super) fn understand(name: &str, arguments: &str) -> Result<(Errand, Value), String> {
    let value: Value = serde_json::from_str(arguments).map_err(|error| format!("the arguments are not JSON: {error}"))?;
    let wrong = |error: serde_json::Error| format!("the arguments do not fit: {error}");
    let filled = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let errand = match name {
        ACCEPT_OFFER => {
            let Accepting { table, name, reference, notes } = serde_json::from_value(value.clone()).map_err(wrong)?;
            let particulars = Particulars { name: filled(name), reference: filled(reference), notes: filled(notes) };
            Errand::Accept(table.offer()?, particulars)
        }
        REPORT_OUTCOME => {
            let report: Reporting = serde_json::from_value(value.clone()).map_err(wrong)?;
            let particulars = Particulars { name: None, reference: filled(report.reference), notes: filled(report.notes) };
            let offered = report.offered.iter().map(Table::offer).collect::<Result<_, _>>()?;
            Errand::Report { outcome: report.outcome, particulars, offered, do_not_call: report.do_not_call }
        }
        _ => return Err(format!("there is no tool {name:?}: use {ACCEPT_OFFER}, {REPORT_OUTCOME} or {END_CALL}")),
    };
    Ok((errand, value))
}

#[derive(Debug, Clone)]
struct Pending {
    generation: Generation,
    id: String,
    errand: Errand,
}

/// Calls the journal has not answered for yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Desk {
    last: u32,
    pending: BTreeMap<u32, Pending>,
}

impl Desk {
    /// Nothing is waited for.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }
}

impl Mind {
    /// A call of the current thought. What changes something goes to the journal first.
    pub(super) fn tool_called(&mut self, generation: Generation, call: ToolCall) {
        if call.name == END_CALL {
            self.history.call(generation, call, Some(json!({ "ending": true })));
            return;
        }
        match understand(&call.name, &call.arguments) {
            Err(reason) => {
                self.log("tool_refused", json!({ "name": call.name, "reason": reason }));
                self.history.call(generation, call, Some(json!({ "error": reason })));
            }
            Ok((Errand::Accept(offer, particulars), _)) if self.findings.stands(&offer, &particulars) => {
                self.history.call(generation, call, Some(json!({ "accepted": true })));
            }
            Ok((errand, arguments)) => {
                self.desk.last += 1;
                let number = self.desk.last;
                self.actions.push(Action::JournalTool { number, name: call.name.clone(), arguments });
                self.desk.pending.insert(number, Pending { generation, id: call.id.clone(), errand });
                self.history.call(generation, call, None);
            }
        }
    }

    /// The journal holds the call: it runs now, once, whatever has been said meanwhile. `known` is its result where it ran before
    /// (`{}` where it was begun only: it changes nothing but what we know, so it runs).
    pub(super) fn tool_journaled(&mut self, number: u32, known: Option<Value>) {
        let Some(pending) = self.desk.pending.remove(&number) else { return };
        let ran = self.run(pending.errand);
        let result = known.filter(|known| known.as_object().is_some_and(|fields| !fields.is_empty())).unwrap_or(ran);
        self.history.result(pending.generation, &pending.id, &result);
        self.actions.push(Action::SettleTool { number, result });
    }

    fn run(&mut self, errand: Errand) -> Value {
        let turn = self.floor.last_turn;
        match errand {
            Errand::Accept(offer, particulars) => self.findings.accept(&self.request, offer, particulars, turn),
            Errand::Report { outcome, particulars, offered, do_not_call } => {
                self.findings.do_not_call |= do_not_call;
                for offer in offered {
                    self.findings.offered(&self.request, offer, turn);
                }
                self.findings.tell(&self.request, outcome, particulars, turn)
            }
        }
    }
}
