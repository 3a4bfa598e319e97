//! `offhook call import`: many calls from a file. Chunk by chunk, so that memory does not grow with the file; valid rows are
//! inserted, the others are reported with their line, a sentence and a hint.

mod records;
mod rows;
mod told;

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};

use offhook::store::{
    error::StoreError,
    import::{columns, import},
};
use serde_json::Value;
use sqlx::PgPool;
use tokio::sync::mpsc;

use self::{
    records::{Record, Records, Shape},
    rows::{Fault, Header, Known, Row},
    told::{ErrorsUnwritten, Summary, Told},
};

/// The most rows that are inserted in one transaction, and the most bytes of the file they may take.
const CHUNK_ROWS: usize = 1000;
const CHUNK_BYTES: usize = 1 << 20;
/// Chunks that are read ahead of the database.
const AHEAD: usize = 2;

/// The flags of `offhook call import`.
#[derive(Debug, clap::Args)]
pub struct Import {
    /// The file; - is standard input
    pub file: PathBuf,
    /// How it is written; by its extension where absent
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// What separates two fields of a CSV file; `tab` is one
    #[arg(long, default_value = ",", value_parser = delimiter)]
    pub delimiter: u8,
    /// Write refused lines into this file, to be corrected and imported again
    #[arg(long)]
    pub errors: Option<PathBuf>,
    /// Look at every row, and keep none
    #[arg(long)]
    pub dry_run: bool,
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// The first line names the columns (RFC 4180)
    Csv,
    /// One JSON object per line
    Jsonl,
}

/// An import that did not get to its end.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Neither the name nor a flag says how the file is written.
    #[error("{0} may be CSV or JSON lines; add --format csv or --format jsonl")]
    Format(PathBuf),
    /// The file.
    #[error("{0} cannot be read: {1}")]
    Unreadable(PathBuf, #[source] io::Error),
    /// The first line.
    #[error("{}: line {line}: {sentence}{}", .file.display(), .hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
    FirstLine {
        /// The file.
        file: PathBuf,
        /// Which line that is.
        line: u64,
        /// What is wrong.
        sentence: String,
        /// What to change.
        hint: Option<String>,
    },
    /// The refused lines would replace the file they are of.
    #[error("--errors names the file that is imported; name another one")]
    SameFile,
    /// The refused lines cannot be kept.
    #[error(transparent)]
    Errors(#[from] ErrorsUnwritten),
    /// The database, before anything was inserted.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database or the file, after some rows were.
    #[error(
        "stopped at line {line}: {cause}; {inserted} rows are in; import the file again, rows with a request_key are not taken twice"
    )]
    Stopped {
        /// The first line that was not looked at.
        line: u64,
        /// What happened.
        cause: String,
        /// How many rows are new.
        inserted: u64,
    },
}

/// Makes a row out of a record.
type Make = dyn Fn(&Record) -> Result<Row, Fault>;

/// Rows read from the file, with what they are.
struct Chunk {
    rows: Vec<(Record, Result<Row, Fault>)>,
    bytes_read: u64,
}

impl Import {
    /// Does it. The exit code is 1 where a row was refused.
    ///
    /// # Errors
    /// [`ImportError`].
    pub async fn run(&self, pool: &PgPool, as_json: bool) -> Result<ExitCode, ImportError> {
        let begun = Instant::now();
        let shape = self.shape()?;
        let (input, size) = self.open()?;
        let known = Known::new(columns(pool).await?);
        let mut records = Records::new(BufReader::with_capacity(1 << 16, input), shape);
        let first = self.first_record(&mut records)?;
        let (header, waiting) = match (shape, first) {
            (_, None) => (None, None),
            (Shape::Csv(delimiter), Some(first)) => {
                let header = Header::read(&first, delimiter, &known).map_err(|fault| self.first_line(&first, fault))?;
                (Some((first, header)), None)
            }
            (Shape::JsonLines, first) => (None, first),
        };
        let mut told = Told::new(as_json, self.errors.as_deref(), header.as_ref().map(|(first, _)| first))?;
        let make = move |record: &Record| match &header {
            Some((_, header)) => header.row(record),
            None => rows::of_json(record, &known),
        };

        // A thread, not a task: one that waits for standard input must not keep the program from ending.
        let (sender, mut chunks) = mpsc::channel(AHEAD);
        std::thread::spawn(move || read(records, waiting, &make, &sender));

        let mut summary = Summary { dry_run: self.dry_run, ..Summary::default() };
        let mut line = 1;
        while let Some(chunk) = chunks.recv().await {
            let stopped = |cause: String, line| ImportError::Stopped { line, cause, inserted: summary.inserted };
            let chunk = chunk.map_err(|error| stopped(error.to_string(), line))?;
            let begins = chunk.rows.first().map_or(line, |(record, _)| record.line);
            line = chunk.rows.last().map_or(line, |(record, _)| record.line + 1);
            let bytes_read = chunk.bytes_read;
            let of_chunk = self.insert(pool, chunk, &mut told).await.map_err(|error| match error {
                ImportError::Store(cause) => stopped(cause.to_string(), begins),
                other => other,
            })?;
            summary.rows += of_chunk.rows;
            summary.inserted += of_chunk.inserted;
            summary.known += of_chunk.known;
            summary.refused += of_chunk.refused;
            summary.without_key += of_chunk.without_key;
            summary.seconds = begun.elapsed().as_secs_f64();
            told.progress(&summary, size.map(|size| bytes_read as f64 / size.max(1) as f64));
        }
        summary.seconds = begun.elapsed().as_secs_f64();
        told.end(&summary)?;
        Ok(if summary.refused > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    async fn insert(&self, pool: &PgPool, chunk: Chunk, told: &mut Told) -> Result<Summary, ImportError> {
        let rows: Vec<&Row> = chunk.rows.iter().filter_map(|(_, row)| row.as_ref().ok()).collect();
        let objects: Vec<Value> = rows.iter().map(|row| Value::Object((*row).clone())).collect();
        let keyless = |row: &Row| !row.contains_key("request_key");
        let imported = match objects.is_empty() {
            true => Default::default(),
            false => import(pool, &rows::columns_of(rows.iter().copied()), &objects, self.dry_run).await?,
        };
        let mut summary = Summary { rows: chunk.rows.len() as u64, inserted: imported.inserted, ..Summary::default() };
        let mut refused = imported.refused.into_iter().peekable();
        let mut nth = 0;
        for (record, row) in &chunk.rows {
            let fault = match row {
                Err(fault) => Some(fault.clone()),
                Ok(row) => {
                    let of_database = refused.next_if(|refused| refused.nth == nth);
                    nth += 1;
                    summary.without_key += u64::from(of_database.is_none() && keyless(row));
                    of_database.map(|refused| Fault { sentence: refused.sentence, hint: refused.hint })
                }
            };
            if let Some(fault) = fault {
                summary.refused += 1;
                told.refused(record, &fault)?;
            }
        }
        summary.known = summary.rows - summary.refused - summary.inserted;
        Ok(summary)
    }

    fn shape(&self) -> Result<Shape, ImportError> {
        let extension = self.file.extension().and_then(|extension| extension.to_str()).map(str::to_lowercase);
        let format = self.format.or(match extension.as_deref() {
            Some("csv") => Some(Format::Csv),
            Some("jsonl" | "ndjson" | "json") => Some(Format::Jsonl),
            _ => None,
        });
        match format {
            Some(Format::Csv) => Ok(Shape::Csv(self.delimiter)),
            Some(Format::Jsonl) => Ok(Shape::JsonLines),
            None => Err(ImportError::Format(self.file.clone())),
        }
    }

    /// The input, and its size where it is a file.
    fn open(&self) -> Result<(Box<dyn Read + Send>, Option<u64>), ImportError> {
        if self.file == Path::new("-") {
            return Ok((Box::new(io::stdin()), None));
        }
        if let (Some(errors), Ok(file)) = (&self.errors, self.file.canonicalize())
            && errors.canonicalize().is_ok_and(|errors| errors == file)
        {
            return Err(ImportError::SameFile);
        }
        let file = File::open(&self.file).map_err(|error| self.unreadable(error))?;
        let size = file.metadata().ok().filter(|metadata| metadata.is_file()).map(|metadata| metadata.len());
        Ok((Box::new(file), size))
    }

    /// The first record, without the mark that some programs put before UTF-8.
    fn first_record<R: io::BufRead>(&self, records: &mut Records<R>) -> Result<Option<Record>, ImportError> {
        let mut first = records.next_record().map_err(|error| self.unreadable(error))?;
        if let Some(record) = &mut first {
            if let Some(rest) = record.raw.strip_prefix(b"\xef\xbb\xbf") {
                record.raw = rest.to_vec();
            }
            if record.raw.starts_with(b"\xff\xfe") || record.raw.starts_with(b"\xfe\xff") {
                let hint = Some("Save it as UTF-8.".to_owned());
                return Err(self.first_line(record, Fault { sentence: "the file is UTF-16".to_owned(), hint }));
            }
        }
        Ok(first)
    }

    fn first_line(&self, record: &Record, Fault { sentence, hint }: Fault) -> ImportError {
        ImportError::FirstLine { file: self.file.clone(), line: record.line, sentence, hint }
    }

    fn unreadable(&self, error: io::Error) -> ImportError {
        ImportError::Unreadable(self.file.clone(), error)
    }
}

/// Reads chunks and passes them on, until the end or until nobody wants them.
fn read(
    mut records: Records<impl io::BufRead>,
    mut waiting: Option<Record>,
    make: &Make,
    chunks: &mpsc::Sender<io::Result<Chunk>>,
) {
    loop {
        let mut rows = Vec::new();
        let mut bytes = 0;
        let failed = loop {
            if rows.len() == CHUNK_ROWS || bytes >= CHUNK_BYTES {
                break None;
            }
            match waiting.take().map_or_else(|| records.next_record(), |record| Ok(Some(record))) {
                Ok(Some(record)) => {
                    bytes += record.raw.len();
                    let row = make(&record);
                    rows.push((record, row));
                }
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        let ended = rows.is_empty() && failed.is_none();
        if ended || (!rows.is_empty() && chunks.blocking_send(Ok(Chunk { rows, bytes_read: records.read() })).is_err()) {
            return;
        }
        if let Some(error) = failed {
            let _ = chunks.blocking_send(Err(error));
            return;
        }
    }
}

fn delimiter(text: &str) -> Result<u8, String> {
    match text.as_bytes() {
        _ if text == "tab" => Ok(b'\t'),
        [byte] if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(*byte),
        _ => Err(format!("\"{text}\" cannot stand between fields; use one character such as ';', or tab")),
    }
}
