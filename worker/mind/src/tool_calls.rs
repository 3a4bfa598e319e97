//! The model's tool calls understood, and those the journal has not answered for yet.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime};
use offhook::{offer::Offer, outcome::Outcome};
use offhook_types::ids::{Generation, Millis};
use serde::Deserialize;
use serde_json::Value;

use super::{
    outcome::Particulars,
    tool_schemas::{ACCEPT_OFFER, END_CALL, REPORT_OUTCOME},
};

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
pub(super) enum WriteTool {
    Accept(Offer, Particulars),
    Report { outcome: Outcome, particulars: Particulars, offered: Vec<Offer>, do_not_call: bool },
}

/// Reads a call; the error is a sentence for the model. Returned with the arguments as JSON, for the journal.
pub(super) fn understand(name: &str, arguments: &str) -> Result<(WriteTool, Value), String> {
    let value: Value = serde_json::from_str(arguments).map_err(|error| format!("the arguments are not JSON: {error}"))?;
    let wrong = |error: serde_json::Error| format!("the arguments do not fit: {error}");
    let filled = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let tool = match name {
        ACCEPT_OFFER => {
            let Accepting { table, name, reference, notes } = serde_json::from_value(value.clone()).map_err(wrong)?;
            let particulars = Particulars { name: filled(name), reference: filled(reference), notes: filled(notes) };
            WriteTool::Accept(table.offer()?, particulars)
        }
        REPORT_OUTCOME => {
            let report: Reporting = serde_json::from_value(value.clone()).map_err(wrong)?;
            let particulars = Particulars { name: None, reference: filled(report.reference), notes: filled(report.notes) };
            let offered = report.offered.iter().map(Table::offer).collect::<Result<_, _>>()?;
            WriteTool::Report { outcome: report.outcome, particulars, offered, do_not_call: report.do_not_call }
        }
        _ => return Err(format!("there is no tool {name:?}: use {ACCEPT_OFFER}, {REPORT_OUTCOME} or {END_CALL}")),
    };
    Ok((tool, value))
}

/// A call that waits for the journal.
#[derive(Debug, Clone)]
pub(super) struct Pending {
    pub generation: Generation,
    pub id: String,
    pub tool: WriteTool,
    /// When the journal was asked.
    pub asked: Millis,
}

/// Calls the journal has not answered for yet.
#[derive(Debug, Clone, Default)]
pub(super) struct ToolCalls {
    /// The number of the last one.
    pub last: u32,
    pub pending: BTreeMap<u32, Pending>,
}

impl ToolCalls {
    /// Nothing is waited for.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }
}
