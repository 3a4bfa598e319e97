//! The model's tool calls understood, and those the journal has not answered for yet.

use std::collections::BTreeMap;

use chrono::{NaiveDate, NaiveTime, Timelike};
use offhook::{offer::Offer, outcome::Outcome};
use offhook_types::ids::{Generation, Millis};
use serde_json::{Value, json};

use super::{
    outcome::Particulars,
    tool_schemas::{ACCEPT_OFFER, END_CALL, REPORT_OUTCOME},
};

/// Reads a table: numbers may be strings, and a time may have seconds, which no table has.
fn table(value: &Value) -> Result<Offer, String> {
    let field = |name: &str| value.get(name).filter(|field| !field.is_null()).ok_or_else(|| format!("{name} is missing"));
    let date = date(&plain(field("date")?))?;
    let written = plain(field("time")?);
    let (date, time) = match written.as_str() {
        // The end of a day is the beginning of the next.
        "24:00" | "24.00" | "24:00:00" => (date.succ_opt(), NaiveTime::MIN),
        _ => (Some(date), time(&written).ok_or_else(|| format!("\"{written}\" is not a time: write HH:MM, 24 hours"))?),
    };
    let date = date.ok_or("there is no such day")?;
    let written = plain(field("party_size")?);
    let party_size = written.parse::<f64>().ok().filter(|size| size.fract() == 0.0 && (1.0..=f64::from(u16::MAX)).contains(size));
    let party_size = party_size.ok_or_else(|| format!("\"{written}\" is not a party size: write a whole number"))? as u16;
    Ok(Offer { date, time, party_size })
}

/// `2026-12-04`, with or without a time behind it.
fn date(written: &str) -> Result<NaiveDate, String> {
    let not_a_date = || format!("\"{written}\" is not a date: write YYYY-MM-DD");
    let day = written.split(['T', 't', ' ']).next().unwrap_or_default();
    let numbers: Vec<u32> = day.split('-').map(str::parse).collect::<Result<_, _>>().map_err(|_| not_a_date())?;
    match (numbers.as_slice(), day.len()) {
        ([year, month @ 1..=12, of_month @ 1..=31], 10) => i32::try_from(*year)
            .ok()
            .and_then(|year| NaiveDate::from_ymd_opt(year, *month, *of_month))
            .ok_or_else(|| format!("there is no {day}: that month has no such day in that year")),
        _ => Err(not_a_date()),
    }
}

/// `19:30`, `19:30:00`, `7:30 pm`, `9 pm`.
fn time(written: &str) -> Option<NaiveTime> {
    let written = written.trim().to_ascii_lowercase().replace('.', ":");
    let clock = ["%H:%M", "%H:%M:%S"].iter().find_map(|format| NaiveTime::parse_from_str(&written, format).ok());
    let halves = || {
        let written = written.replace(":m:", "m").replace(' ', "");
        let hour = written.strip_suffix("am").or_else(|| written.strip_suffix("pm"))?;
        let full = if hour.contains(':') { written.clone() } else { format!("{hour}:00{}", &written[hour.len()..]) };
        NaiveTime::parse_from_str(&full, "%I:%M%p").ok()
    };
    clock.or_else(halves).and_then(|time| time.with_second(0)).and_then(|time| time.with_nanosecond(0))
}

/// The text of a value: without quotes where it is a string.
fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned())
}

/// Words of the model, where it wrote any: without control characters, and nothing where nothing is left.
fn words(value: &Value, name: &str) -> Option<String> {
    let text: String = plain(value.get(name).filter(|field| !field.is_null())?).chars().filter(|c| !c.is_control()).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A call that changes something, understood.
#[derive(Debug, Clone)]
pub(super) enum WriteTool {
    Accept(Offer, Particulars),
    Report { outcome: Outcome, particulars: Particulars, offered: Vec<Offer>, do_not_call: bool },
}

/// Reads a call; the error is a sentence for the model. What is not needed may be written wrong; returned with the arguments as JSON, for
/// the journal.
pub(super) fn understand(name: &str, arguments: &str) -> Result<(WriteTool, Value), String> {
    let mut value: Value = serde_json::from_str(arguments).map_err(|error| format!("the arguments are not JSON: {error}"))?;
    // Some models write the arguments as a string that holds JSON.
    if let Some(inner) = value.as_str() {
        value = serde_json::from_str(inner).map_err(|error| format!("the arguments are not JSON: {error}"))?;
    }
    let tool = match name {
        ACCEPT_OFFER => {
            let particulars =
                Particulars { name: words(&value, "name"), reference: words(&value, "reference"), notes: words(&value, "notes") };
            WriteTool::Accept(table(&value)?, particulars)
        }
        REPORT_OUTCOME => {
            let do_not_call = value
                .get("do_not_call")
                .is_some_and(|wish| matches!(plain(wish).to_ascii_lowercase().as_str(), "true" | "yes" | "1"));
            let outcome = value.get("outcome").map(plain).unwrap_or_default();
            let outcome = serde_json::from_value::<Outcome>(json!(outcome.to_ascii_lowercase().replace([' ', '-'], "_")));
            let outcome = match outcome {
                Ok(outcome) => outcome,
                // The wish is kept whatever else is written.
                Err(_) if do_not_call => Outcome::Refused,
                Err(error) => return Err(format!("the outcome does not fit: {error}")),
            };
            let particulars = Particulars { name: None, reference: words(&value, "reference"), notes: words(&value, "notes") };
            let offered = match value.get("offered") {
                Some(Value::Array(offers)) => offers.iter().filter_map(|offer| table(offer).ok()).collect(),
                Some(offer @ Value::Object(_)) => table(offer).ok().into_iter().collect(),
                _ => Vec::new(),
            };
            WriteTool::Report { outcome, particulars, offered, do_not_call }
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
    /// Turns of the callee that named or denied something, when the model was asked.
    pub bases: u32,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn offer(arguments: Value) -> Result<Offer, String> {
        match understand(ACCEPT_OFFER, &arguments.to_string())? {
            (WriteTool::Accept(offer, _), _) => Ok(offer),
            (other, _) => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_offer_is_read_however_its_numbers_and_times_are_written() {
        let wanted = Offer {
            date: NaiveDate::from_ymd_opt(2026, 12, 4).unwrap(),
            time: NaiveTime::from_hms_opt(19, 30, 0).unwrap(),
            party_size: 4,
        };
        for (date, time, party) in [
            (json!("2026-12-04"), json!("19:30"), json!(4)),
            (json!("2026-12-04"), json!("19:30:59"), json!("4")),
            (json!("2026-12-04T00:00:00"), json!("7:30 pm"), json!(4.0)),
            (json!(" 2026-12-04 "), json!("7.30PM"), json!(" 4 ")),
        ] {
            let arguments = json!({ "date": date, "time": time, "party_size": party, "name": null, "notes": 3 });
            assert_eq!(offer(arguments.clone()), Ok(wanted.clone()), "{arguments}");
        }
        let twice = json!(json!({ "date": "2026-12-04", "time": "19:30", "party_size": 4 }).to_string());
        assert_eq!(offer(twice), Ok(wanted));
        for wrong in [
            json!({ "date": "2026-12-04", "time": "soon", "party_size": 4 }),
            json!({ "date": "Friday", "time": "19:30", "party_size": 4 }),
            json!({ "date": "2026-12-04", "time": "19:30", "party_size": 4.5 }),
            json!({ "date": "2026-12-04", "time": "19:30" }),
            json!([]),
            json!(null),
        ] {
            assert!(offer(wrong.clone()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_report_is_read_although_what_is_not_needed_is_written_wrong() {
        for (arguments, outcome, wish, offers) in [
            (json!({ "outcome": "refused", "do_not_call": "true" }), Outcome::Refused, true, 0),
            (json!({ "outcome": "Declined", "offered": null }), Outcome::Declined, false, 0),
            (
                json!({ "outcome": "offer outside limits", "offered": [{ "date": "2026-12-04", "time": "9 pm", "party_size": "4" }, 7] }),
                Outcome::OfferOutsideLimits,
                false,
                1,
            ),
            (json!({ "outcome": "whatever", "do_not_call": true }), Outcome::Refused, true, 0),
        ] {
            let (tool, _) = understand(REPORT_OUTCOME, &arguments.to_string()).unwrap();
            let WriteTool::Report { outcome: read, offered, do_not_call, .. } = tool else { panic!("{tool:?}") };
            assert_eq!((read, do_not_call, offered.len()), (outcome, wish, offers), "{arguments}");
        }
        assert!(understand(REPORT_OUTCOME, r#"{"outcome": "whatever"}"#).is_err());
    }
}
