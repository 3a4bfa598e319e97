//! What an import reports: refused rows as they are found, its progress, and a summary.

use std::{
    fs::File,
    io::{self, BufWriter, IsTerminal, Write},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::json;

use super::{records::Record, rows::Fault};

/// How often the line on the terminal is written anew.
const REFRESH: Duration = Duration::from_millis(200);

/// What an import came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Rows met.
    pub rows: u64,
    /// New in the queue; with `dry_run`, those that would be.
    pub inserted: u64,
    /// Their request_key is known already.
    pub known: u64,
    /// Not taken.
    pub refused: u64,
    /// Taken without a request_key: taken once more where the file is imported again.
    pub without_key: u64,
    /// How long it took.
    pub seconds: f64,
    /// Nothing was kept.
    pub dry_run: bool,
}

impl Summary {
    /// For people.
    pub fn line(&self) -> String {
        let new = if self.dry_run { "would be new" } else { "new" };
        let rate = self.rows as f64 / self.seconds.max(0.001);
        format!(
            "{} rows: {} {new}, {} known already, {} refused; {:.1} s, {rate:.0} rows a second",
            self.rows, self.inserted, self.known, self.refused, self.seconds
        )
    }
}

/// Where it is reported.
#[derive(Debug)]
pub struct Told {
    as_json: bool,
    terminal: bool,
    shown: Option<Instant>,
    errors: Option<(PathBuf, BufWriter<File>)>,
}

/// The file for refused lines cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("{0} cannot be written: {1}; name another file in --errors")]
pub struct ErrorsUnwritten(PathBuf, #[source] io::Error);

impl Told {
    /// Refused rows go to standard error, and unchanged into the file `errors`, which begins with `header`.
    ///
    /// # Errors
    /// Where the file cannot be made.
    pub fn new(as_json: bool, errors: Option<&Path>, header: Option<&Record>) -> Result<Told, ErrorsUnwritten> {
        let errors = errors
            .map(|path| {
                File::create(path).map(|file| (path.to_owned(), BufWriter::new(file))).map_err(|error| unwritten(path, error))
            })
            .transpose()?;
        let mut told = Told { as_json, terminal: io::stderr().is_terminal(), shown: None, errors };
        if let Some(header) = header {
            told.keep(header)?;
        }
        Ok(told)
    }

    /// A row that is not taken.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn refused(&mut self, record: &Record, fault: &Fault) -> Result<(), ErrorsUnwritten> {
        let hint = fault.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        let line = match self.as_json {
            true => json!({ "line": record.line, "sentence": fault.sentence, "hint": fault.hint }).to_string(),
            false => format!("line {}: {}{hint}", record.line, fault.sentence),
        };
        let clear = if self.shown.take().is_some() { "\r\x1b[K" } else { "" };
        // Nobody reads it any more: the import goes on.
        let _ = writeln!(io::stderr(), "{clear}{line}");
        self.keep(record)
    }

    /// How far it is; `share` of the file, 0 to 1, where that is known. Only for people at a terminal.
    pub fn progress(&mut self, summary: &Summary, share: Option<f64>) {
        if !self.terminal || self.shown.is_some_and(|shown| shown.elapsed() < REFRESH) {
            return;
        }
        self.shown = Some(Instant::now());
        let share = share.map(|share| format!("{:>3.0} %  ", share * 100.0)).unwrap_or_default();
        let _ = write!(io::stderr(), "\r\x1b[K{share}{}", summary.line());
    }

    /// The end.
    ///
    /// # Errors
    /// Where the file cannot be written.
    pub fn end(mut self, summary: &Summary) -> Result<(), ErrorsUnwritten> {
        if self.shown.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
        if let Some((path, file)) = &mut self.errors {
            file.flush().map_err(|error| unwritten(path, error))?;
        }
        match self.as_json {
            true => crate::outln!("{}", json!(summary)),
            false => crate::outln!("{}", summary.line()),
        }
        if summary.without_key > 0 && !summary.dry_run && !self.as_json {
            let _ = writeln!(
                io::stderr(),
                "{} rows have no request_key: importing the file again would insert them once more",
                summary.without_key
            );
        }
        Ok(())
    }

    fn keep(&mut self, record: &Record) -> Result<(), ErrorsUnwritten> {
        let Some((path, file)) = &mut self.errors else { return Ok(()) };
        let end: &[u8] = if record.raw.ends_with(b"\n") { b"" } else { b"\n" };
        file.write_all(&record.raw).and_then(|()| file.write_all(end)).map_err(|error| unwritten(path, error))
    }
}

fn unwritten(path: &Path, error: io::Error) -> ErrorsUnwritten {
    ErrorsUnwritten(path.to_owned(), error)
}
