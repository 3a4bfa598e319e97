//! `offhook rehearse`: the conversation of a call on the terminal, by text, with the configured model and its tools. Whoever types, or
//! the script, is the restaurant. Nothing is rung, and the row stays as it is.

use std::{
    fs,
    io::{IsTerminal, Write},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use chrono::{NaiveTime, TimeDelta, Utc};
use offhook::{
    destination::country_zones::{WrongZone, judge_zone},
    disposition::Disposition,
    language::Language,
    request::CallKind,
    store::{calls, error::StoreError, request_columns::RequestColumns, unusable_row::UnusableRow},
};
use offhook_conversation::{
    EventLog, Setup, converse,
    text::{TextCallee, Told, text_ports},
};
use offhook_mind::{Conclusion, MindSettings};
use offhook_providers::{ProviderError, Providers};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::{mpsc, watch};

use crate::config::{
    ConfigError,
    database::{ConnectError, DatabaseConfig},
    limits::LimitsConfig,
    providers::ProvidersConfig,
};

/// Whoever types may think: no clock of a telephone call runs meanwhile.
const UNHURRIED: Duration = Duration::from_secs(24 * 3600);
/// Lines that may be typed, or piped, ahead of their turn.
const TYPED_AHEAD: usize = 64;
/// What waits to be shown at most.
const SHOWN: usize = 1024;

/// `offhook rehearse`
#[derive(Debug, clap::Args)]
pub struct Rehearse {
    /// A call's number, or a file with one request as JSON (the columns of `calls`); left out: a table for two tomorrow
    pub what: Option<String>,
    /// Which agent; the only one so far is `reservation`
    #[arg(long, default_value = "reservation", value_parser = ["reservation"])]
    pub agent: String,
    /// The language of the restaurant, where it is not what the request says: its two letters, such as en
    #[arg(long, value_parser = Language::of_code)]
    pub language: Option<Language>,
    /// The restaurant's sentences, one a line; `#` begins a comment. It hangs up after the last one
    #[arg(long)]
    pub script: Option<PathBuf>,
    /// JSON lines in both directions, for a program that plays the restaurant: {"say": "…"} or {"hang_up": true} in
    #[arg(long)]
    pub json: bool,
    /// Write the log of the conversation to this new file (`offhook-worker replay` reads it)
    #[arg(long)]
    pub event_log: Option<PathBuf>,
    /// Where calls are looked up; not needed for a file.
    #[command(flatten)]
    pub database: DatabaseConfig,
    /// The model.
    #[command(flatten)]
    pub providers: ProvidersConfig,
    /// Its bounds.
    #[command(flatten)]
    pub limits: LimitsConfig,
}

/// What keeps us from it.
#[derive(Debug, thiserror::Error)]
pub enum RehearseError {
    /// No such call.
    #[error("there is no call {0}; `offhook call list` shows them")]
    NoCall(i64),
    /// A file that cannot be read or written.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The file holds no request.
    #[error("{} holds no request: {why}; write the columns of a call as one JSON object, as `offhook call import` takes them", path.display())]
    NotARequest {
        /// Which.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// The row cannot be made into a call.
    #[error(transparent)]
    Row(#[from] UnusableRow),
    /// Another country's clock.
    #[error(transparent)]
    Zone(#[from] WrongZone),
    /// No database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The model's server.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The model did not work; the sentence says how.
    #[error("{0}; set OFFHOOK_CHAT_URL, OFFHOOK_CHAT_MODEL and OFFHOOK_CHAT_KEY, and try `offhook check`")]
    ModelFailed(String),
}

impl Rehearse {
    /// Holds the conversation, printing to standard output.
    ///
    /// # Errors
    /// [`RehearseError`]: what was wrong and what to do.
    pub async fn run(&self) -> Result<(), RehearseError> {
        let mut columns = self.request().await?;
        if let Some(language) = self.language {
            columns.language_hint = Some(language.code().to_owned());
        }
        let request = columns.to_request(true, false)?;
        let bounds = self.limits.limits();
        let limits = offhook::attempt::CallLimits { call: UNHURRIED, silence: UNHURRIED, media: UNHURRIED, ..bounds };
        let settings = MindSettings::new(limits, Utc::now(), request.restaurant_zone);
        let settings = MindSettings { greeting_wait: UNHURRIED.as_millis() as u64, ..settings };
        let setup = Setup { request, number: columns.number, settings };
        let log = match &self.event_log {
            Some(path) => EventLog::create(path, &setup).map_err(|error| file(path, &error))?,
            None => EventLog::none(),
        };
        let lines = self.lines()?;
        let providers = Providers::new(&self.providers.specification()?, &bounds)?;
        let (shown, show) = mpsc::channel(SHOWN);
        let tell = Arc::new(move |told| {
            // Nobody listens any more once the conversation is over.
            let _ = shown.try_send(told);
        });
        let (ports, callee) = text_ports(Arc::new(providers), self.language, tell);
        let (stop, stopped) = watch::channel(None);
        let conversation = converse(setup, ports, log, stopped);
        let conclusion = Stage { json: self.json, show, lines, callee }.play(conversation).await;
        drop(stop);
        self.print_end(&conclusion);
        match conclusion {
            Conclusion { disposition: Disposition::ProviderFailure, detail, .. } => {
                Err(RehearseError::ModelFailed(detail.unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    async fn request(&self) -> Result<RequestColumns, RehearseError> {
        match &self.what {
            None => Ok(example()),
            Some(what) => match what.parse::<i64>() {
                Ok(id) => calls::request(&self.database.connect().await?, id).await?.ok_or(RehearseError::NoCall(id)),
                Err(_) => {
                    let columns = from_file(Path::new(what))?;
                    // A row has been judged by the database, which knows the operator's exceptions.
                    if let Ok(zone) = columns.restaurant_zone.parse() {
                        judge_zone(&columns.number, zone, Utc::now())?;
                    }
                    Ok(columns)
                }
            },
        }
    }

    fn lines(&self) -> Result<Words, RehearseError> {
        let Some(path) = &self.script else { return Ok(Words::Typed(typed_lines())) };
        let script = fs::read_to_string(path).map_err(|error| file(path, &error))?;
        let lines = script.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Ok(Words::Script(lines.map(str::to_owned).collect::<Vec<_>>().into_iter()))
    }

    fn print_end(&self, conclusion: &Conclusion) {
        let end = serde_json::to_value(conclusion).unwrap_or_default();
        if self.json {
            return print(&json!({ "end": end }).to_string());
        }
        print("");
        for (name, value) in end.as_object().into_iter().flatten().filter(|(name, value)| *name != "outcome" && !value.is_null())
        {
            print(&format!("{name:<14} {}", plain(value)));
        }
        match end["outcome"].as_object() {
            None => print("outcome        none"),
            Some(outcome) => {
                for (name, value) in outcome.iter().filter(|(_, value)| !value.is_null() && **value != json!([])) {
                    print(&format!("{name:<14} {}", plain(value)));
                }
            }
        }
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn file(path: &Path, error: &std::io::Error) -> RehearseError {
    RehearseError::File { path: path.to_owned(), why: error.to_string() }
}

/// Where the restaurant's words come from.
enum Words {
    Script(std::vec::IntoIter<String>),
    Typed(mpsc::Receiver<String>),
}

/// A line of a program that plays the restaurant.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Spoken {
    Say(String),
    HangUp(bool),
}

/// What came of a line.
enum Heard {
    Words,
    Nothing,
    HungUp,
}

/// What is shown, and what the restaurant says.
struct Stage {
    json: bool,
    show: mpsc::Receiver<Told>,
    lines: Words,
    callee: TextCallee,
}

impl Stage {
    async fn play(mut self, conversation: impl Future<Output = Conclusion>) -> Conclusion {
        tokio::pin!(conversation);
        // A line waits for its turn: whoever pipes them all at once says them one by one, and hangs up after the last.
        let (mut turn, mut more) = (false, true);
        self.hint();
        let conclusion = loop {
            tokio::select! {
                biased;
                Some(told) = self.show.recv() => {
                    self.print(&told);
                    if told == Told::YourTurn {
                        match self.lines {
                            Words::Script(_) => self.script_says(),
                            Words::Typed(_) => turn = true,
                        }
                    }
                }
                conclusion = &mut conversation => break conclusion,
                line = next_typed(&mut self.lines), if turn && more => match self.typed(line) {
                    Heard::Words => turn = false,
                    Heard::Nothing => {}
                    Heard::HungUp => more = false,
                },
            }
        };
        while let Ok(told) = self.show.try_recv() {
            self.print(&told);
        }
        conclusion
    }

    fn script_says(&mut self) {
        let Words::Script(lines) = &mut self.lines else { return };
        match lines.next() {
            Some(line) => {
                self.print_callee(&line);
                self.callee.say(&line);
            }
            None => self.callee.hang_up(),
        }
    }

    fn typed(&self, line: Option<String>) -> Heard {
        let Some(line) = line else {
            self.callee.hang_up();
            return Heard::HungUp;
        };
        if !self.json {
            self.callee.say(line.trim());
            return Heard::Words;
        }
        match serde_json::from_str(&line) {
            Ok(Spoken::Say(text)) => {
                self.callee.say(&text);
                return Heard::Words;
            }
            Ok(Spoken::HangUp(true)) => {
                self.callee.hang_up();
                return Heard::HungUp;
            }
            Ok(Spoken::HangUp(false)) => {}
            Err(error) => eprintln!("not understood: {error}; write {{\"say\": \"…\"}} or {{\"hang_up\": true}}"),
        }
        Heard::Nothing
    }

    /// Tells a person at a terminal what to do; a program has read it in the documentation.
    fn hint(&self) {
        if self.is_a_person() {
            eprintln!("You are the restaurant, and somebody calls. Type what you say, a line at a time; Ctrl-D hangs up.");
        }
    }

    fn is_a_person(&self) -> bool {
        !self.json && matches!(self.lines, Words::Typed(_)) && std::io::stdin().is_terminal()
    }

    fn print_callee(&self, line: &str) {
        if self.json { print(&json!({ "callee": line }).to_string()) } else { print(&format!("restaurant  {line}")) }
    }

    fn print(&self, told: &Told) {
        if self.json {
            let line = if *told == Told::YourTurn { json!({ "your_turn": true }) } else { json!(told) };
            return print(&line.to_string());
        }
        match told {
            Told::Say(text) => print(&format!("agent       {text}")),
            Told::Tool { number, name, arguments } => print(&format!("  tool {number}    {name} {arguments}")),
            Told::ToolResult { number, result } => print(&format!("  tool {number}    → {result}")),
            Told::Log { kind, detail } => print(&format!("  log       {kind} {detail}")),
            Told::YourTurn if self.is_a_person() => eprint!("restaurant  "),
            Told::YourTurn => {}
        }
    }
}

/// The lines of the standard input, read by a thread of its own: one that waits for a line must not keep the program from ending.
fn typed_lines() -> mpsc::Receiver<String> {
    let (typed, lines) = mpsc::channel(TYPED_AHEAD);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if typed.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}

async fn next_typed(lines: &mut Words) -> Option<String> {
    match lines {
        Words::Typed(lines) => lines.recv().await,
        Words::Script(_) => std::future::pending().await,
    }
}

/// One line at once: a program at the other end waits for it. Whoever has closed the pipe does not want to read it.
fn print(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn from_file(path: &Path) -> Result<RequestColumns, RehearseError> {
    let text = fs::read_to_string(path).map_err(|error| file(path, &error))?;
    serde_json::from_str(&text).map_err(|error| RehearseError::NotARequest { path: path.to_owned(), why: error.to_string() })
}

/// A table for two, tomorrow evening.
fn example() -> RequestColumns {
    let evening = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap_or_default();
    RequestColumns {
        number: "+442079460958".to_owned(),
        kind: CallKind::Book,
        restaurant_name: "The Golden Lion".to_owned(),
        restaurant_zone: "Europe/London".to_owned(),
        guest_name: "Ada Winter".to_owned(),
        guest_phone: "+447700900123".to_owned(),
        party_size: 2,
        wanted_date: Utc::now().date_naive() + TimeDelta::days(1),
        wanted_time: evening(19, 30),
        earliest_time: Some(evening(19, 0)),
        latest_time: Some(evening(20, 30)),
        other_dates: Vec::new(),
        special_requests: None,
        booking_reference: None,
        language_hint: None,
    }
}
