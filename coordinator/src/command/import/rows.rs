//! Makes rows out of records: objects with the names of columns, and a sentence for what cannot be one. What the values mean is judged
//! by the table.

use std::collections::{BTreeMap, BTreeSet};

use offhook::store::import::Column;
use serde_json::{Map, Value};

use super::records::{Broken, Record};

/// What is wrong with a row, or with the first line, and what to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What is wrong.
    pub sentence: String,
    /// What to change.
    pub hint: Option<String>,
}

/// What goes into the table: the columns by name.
pub type Row = Map<String, Value>;

impl Fault {
    fn new(sentence: impl Into<String>, hint: impl Into<String>) -> Fault {
        Fault { sentence: sentence.into(), hint: Some(hint.into()) }
    }
}

/// The columns of the table, as far as people fill them in.
#[derive(Debug, Clone)]
pub struct Known {
    columns: BTreeMap<String, Column>,
    in_order: Vec<String>,
}

impl Known {
    /// As the table has them.
    pub fn new(columns: Vec<Column>) -> Known {
        let in_order = columns.iter().map(|column| column.name.clone()).collect();
        Known { columns: columns.into_iter().map(|column| (column.name.clone(), column)).collect(), in_order }
    }

    fn find(&self, name: &str) -> Result<&Column, Fault> {
        self.columns.get(name).ok_or_else(|| {
            let plain = |name: &str| name.to_lowercase().replace(|c: char| !c.is_alphanumeric(), "");
            let meant = self.in_order.iter().find(|known| plain(known) == plain(name));
            let hint = match meant {
                Some(meant) => format!("Write it as {meant}."),
                None => format!("The columns are {}.", self.in_order.join(", ")),
            };
            Fault::new(format!("there is no column \"{name}\""), hint)
        })
    }
}

/// The first line of a CSV file.
#[derive(Debug, Clone)]
pub struct Header {
    names: Vec<String>,
    delimiter: u8,
}

impl Header {
    /// Reads it.
    ///
    /// # Errors
    /// Where it is no list of columns; then no row can be understood.
    pub fn read(record: &Record, delimiter: u8, known: &Known) -> Result<Header, Fault> {
        let fields = fields(record, delimiter)?;
        let names: Vec<String> = fields.iter().map(|name| name.trim().to_owned()).collect();
        for (nth, name) in names.iter().enumerate() {
            if name.is_empty() {
                return Err(Fault::new(
                    format!("column {} has no name", nth + 1),
                    "The first line names the columns, such as number,restaurant_name.",
                ));
            }
            if let (1, Some(other)) = (names.len(), [';', '\t', '|'].into_iter().find(|other| name.contains(*other))) {
                let shown = if other == '\t' { "tab".to_owned() } else { format!("'{other}'") };
                return Err(Fault::new(
                    "the first line is one column",
                    format!("If {shown} stands between the fields, add --delimiter {shown}."),
                ));
            }
            known.find(name)?;
            if names[..nth].contains(name) {
                return Err(Fault::new(format!("the column {name} stands twice in the first line"), "Name each column once."));
            }
        }
        Ok(Header { names, delimiter })
    }

    /// A row of the file. What is empty is left out, and takes the column's default.
    ///
    /// # Errors
    /// Where it does not go with the header.
    pub fn row(&self, record: &Record) -> Result<Row, Fault> {
        let fields = fields(record, self.delimiter)?;
        if fields.len() != self.names.len() {
            return Err(Fault::new(
                format!("the line has {} fields, and the first line names {}", fields.len(), self.names.len()),
                "Put fields that hold the separator, a quote or a line end into double quotes.",
            ));
        }
        let filled = self.names.iter().zip(fields).filter(|(_, value)| !value.is_empty());
        Ok(filled.map(|(name, value)| (name.clone(), Value::String(value))).collect())
    }
}

fn fields(record: &Record, delimiter: u8) -> Result<Vec<String>, Fault> {
    refuse_broken(record)?;
    text(&record.raw)?;
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .buffer_capacity(record.raw.len().max(1))
        .from_reader(record.raw.as_slice());
    let mut fields = csv::StringRecord::new();
    match reader.read_record(&mut fields) {
        Ok(true) => Ok(fields.iter().map(str::to_owned).collect()),
        Ok(false) => Ok(Vec::new()),
        Err(error) => Err(Fault::new(format!("the line is no CSV: {error}"), "See RFC 4180 for how it is written.")),
    }
}

/// A line of a file with an object in each. A null is left out.
///
/// # Errors
/// Where it is no object of columns.
pub fn of_json(record: &Record, known: &Known) -> Result<Row, Fault> {
    refuse_broken(record)?;
    let object = match serde_json::from_str(text(&record.raw)?) {
        Ok(Value::Object(object)) => object,
        Ok(Value::Array(_)) => {
            return Err(Fault::new("the line is an array", "Write one object per line; `jq -c '.[]'` makes that of an array."));
        }
        Ok(_) => {
            return Err(Fault::new("the line is no object", "Write the columns as an object, {\"number\": \"+4930123456\", …}."));
        }
        Err(error) => {
            return Err(Fault::new(
                format!("the line is no JSON: {error}"),
                "Write one whole object per line, {\"number\": \"+4930123456\", …}.",
            ));
        }
    };
    let mut row = Map::new();
    for (name, value) in object {
        let column = known.find(&name)?;
        let right = match &value {
            Value::Null => continue,
            Value::Array(items) => column.is_list && items.iter().all(|item| item.is_string()),
            Value::Object(_) => false,
            _ => true,
        };
        if !right {
            let hint = match column.is_list {
                true => "Write it as [\"2030-12-05\", \"2030-12-06\"].",
                false => "Write it as a text, a number, true or false.",
            };
            return Err(Fault::new(format!("{name} cannot be {}", kind(&value)), hint));
        }
        if holds_a_zero(&value) {
            return Err(zero());
        }
        row.insert(name, value);
    }
    Ok(row)
}

/// The columns that some rows use.
pub fn columns_of<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<String> {
    rows.flat_map(Map::keys).collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

fn refuse_broken(record: &Record) -> Result<(), Fault> {
    match record.broken {
        None => Ok(()),
        Some(broken @ Broken::Quote) => {
            Err(Fault::new(broken.to_string(), "Close it, and write a quote within a quoted field twice: \"\"."))
        }
        Some(broken @ Broken::TooLong) => Err(Fault::new(broken.to_string(), "Look for line ends that are missing.")),
    }
}

fn text(raw: &[u8]) -> Result<&str, Fault> {
    let text = std::str::from_utf8(raw).map_err(|_| Fault::new("the line is not UTF-8", "Save the file as UTF-8."))?;
    if text.contains('\0') { Err(zero()) } else { Ok(text) }
}

fn zero() -> Fault {
    Fault::new("the line holds a zero byte, which no text can", "Take it out; save the file as UTF-8, not UTF-16.")
}

fn holds_a_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(items) => items.iter().any(holds_a_zero),
        _ => false,
    }
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Array(_) => "such a list",
        Value::Object(_) => "an object",
        _ => "that",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn known() -> Known {
        let column = |name: &str| Column { name: name.into(), is_list: name == "other_dates" };
        Known::new(["number", "restaurant_name", "other_dates"].map(column).to_vec())
    }

    fn record(raw: &[u8]) -> Record {
        Record { line: 1, raw: raw.to_vec(), broken: None }
    }

    #[test]
    fn the_first_line_names_columns_there_are_each_once() {
        for (line, sentence, hint) in [
            ("number,phone", "no column \"phone\"", "The columns are number, restaurant_name"),
            ("number,Restaurant Name", "no column \"Restaurant Name\"", "Write it as restaurant_name."),
            ("number;restaurant_name", "is one column", "--delimiter ';'"),
            ("number,number", "stands twice", "once"),
            ("number,", "column 2 has no name", "first line"),
        ] {
            let fault = Header::read(&record(line.as_bytes()), b',', &known()).unwrap_err();
            assert!(fault.sentence.contains(sentence) && fault.hint.as_ref().unwrap().contains(hint), "{fault:?}");
        }
    }

    #[test]
    fn a_row_has_a_field_for_each_column_and_empty_ones_are_left_out() {
        let header = Header::read(&record(b"number,restaurant_name,other_dates\r\n"), b',', &known()).unwrap();
        let row = header.row(&record("+4930123456,\"Löwen, \"\"Zum\"\"\",\r\n".as_bytes())).unwrap();
        assert_eq!(Value::Object(row), serde_json::json!({ "number": "+4930123456", "restaurant_name": "Löwen, \"Zum\"" }));
        assert!(header.row(&record(b"a,b")).unwrap_err().sentence.contains("2 fields"));
        assert!(header.row(&record(b"a,\xff,b")).unwrap_err().sentence.contains("UTF-8"));
        assert!(header.row(&record(b"a,\0,b")).unwrap_err().sentence.contains("zero byte"));
    }

    #[test]
    fn an_object_has_plain_values_and_lists_only_where_lists_go() {
        let row = of_json(&record(br#"{"number": "+4930", "restaurant_name": null, "other_dates": ["2030-12-05"]}"#), &known());
        assert_eq!(Value::Object(row.unwrap()), serde_json::json!({ "number": "+4930", "other_dates": ["2030-12-05"] }));
        for (line, sentence) in [
            (&br#"{"number": ["+4930"]}"#[..], "number cannot be such a list"),
            (br#"{"number": {"e164": "+4930"}}"#, "number cannot be an object"),
            (br#"{"nummer": 1}"#, "no column"),
            (br#"{"number": "a\u0000b"}"#, "zero byte"),
            (br#"{"number": "#, "no JSON"),
            (b"[{}]", "is an array"),
            (b"7", "no object"),
            (b"{\"number\": \"\xff\"}", "UTF-8"),
        ] {
            let fault = of_json(&record(line), &known()).unwrap_err();
            assert!(fault.sentence.contains(sentence), "{fault:?}");
        }
    }
}
