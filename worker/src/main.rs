//! `offhook-worker <specification>`: makes exactly one phone call and leaves its report.
//! `offhook-worker replay <events.jsonl>`: replays the log of a call, and shows the first difference.
//!
//! The specification is the JSON file the coordinator wrote (see `offhook::attempt`). Exit code 0: the report is in the
//! database. 3: it lies beside the specification as `report.json`, the database could not be told. 2: nothing was dialled,
//! because the specification could not be used. `replay`: 0 the same, 1 different, 2 no log.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use offhook::attempt::AttemptSpecification;
use offhook_conversation::replay::{ReplayError, Replayed};
use offhook_types::line::StopReason;
use offhook_worker::call::{self, journal::Journal, report, stop::StopSender};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

/// What is printed where nothing is asked for.
const USAGE: &str = "offhook-worker attempt.json          makes one telephone call; the coordinator writes the file and starts this program\n\
                     offhook-worker replay events.jsonl   replays the log of a call, and shows the first difference";
/// How often we show that we live, and ask whether the call was taken back.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    // Plain targets and levels: the richer filter would bring a regular expression engine into the image.
    let asked = std::env::var("OFFHOOK_LOG").ok().and_then(|asked| targets(&asked));
    let quiet = || offhook::log::DEFAULT_FILTER.parse().expect("it is a filter: see the test below");
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().json().with_ansi(offhook::log::is_coloured()).with_writer(std::io::stderr))
        .with(asked.unwrap_or_else(quiet))
        .init();
    // One call is one thread's work: media, hearing and signalling together take a few per cent of a core.
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no runtime");
            return ExitCode::from(2);
        }
    };
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next() {
        Some(first) if first == "replay" => return replay(arguments.next().map(PathBuf::from).as_deref()),
        Some(first) if first != "--help" && first != "-h" => {}
        _ => {
            println!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    match runtime.block_on(run()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(3),
        Err(error) => {
            tracing::error!(error = format!("{error:#}"), "nothing was dialled");
            ExitCode::from(2)
        }
    }
}

/// What is logged, as far as targets and levels say it: the coordinator's filter also knows spans, and is handed on as it is. `None` where
/// nothing of it can be read.
fn targets(asked: &str) -> Option<Targets> {
    let known: Vec<&str> = asked
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty() && !part.contains('[') && part.parse::<Targets>().is_ok())
        .collect();
    if known.is_empty() { None } else { known.join(",").parse().ok() }
}

/// Replays a log and says on the standard output what came of it.
fn replay(path: Option<&Path>) -> ExitCode {
    let Some(path) = path else {
        eprintln!("name the log: offhook-worker replay events.jsonl");
        return ExitCode::from(2);
    };
    let log = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) => {
            eprintln!("{} cannot be opened: {error}", path.display());
            return ExitCode::from(2);
        }
    };
    match offhook_conversation::replay::replay(log) {
        Ok(Replayed { events, complete, conclusion }) => {
            let end = conclusion.map_or("the log ends before the call did".to_owned(), |conclusion| {
                let outcome = conclusion.outcome.map_or("no outcome", |report| report.outcome.as_str());
                format!("{}, {outcome}", conclusion.disposition.as_str())
            });
            println!("{events} events, the same actions{}: {end}", if complete { "" } else { " as far as the log goes" });
            ExitCode::SUCCESS
        }
        Err(error @ ReplayError::Different { .. }) => {
            println!("{error}");
            ExitCode::from(1)
        }
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            ExitCode::from(2)
        }
    }
}

/// Returns whether the database knows the report.
async fn run() -> Result<bool> {
    let path = std::env::args_os().nth(1).map(PathBuf::from).context("name the specification: offhook-worker attempt.json")?;
    let json = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let specification: AttemptSpecification =
        serde_json::from_slice(&json).with_context(|| format!("{} is not a specification of this version", path.display()))?;
    drop(json);
    let _span = tracing::info_span!("call", id = specification.call_id, attempt = specification.attempt).entered();

    let (stop, stopped) = StopSender::new();
    let journal = Journal::connect(&specification.database_url, &specification.token, &specification.spool)
        .await
        .context("the database")?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let report = {
        let attempt = call::run(&specification, &journal, stopped);
        tokio::pin!(attempt);
        let mut sign_of_life = tokio::time::interval(SIGN_OF_LIFE);
        loop {
            tokio::select! {
                report = &mut attempt => break report,
                _ = terminate.recv() => stop.ask(StopReason::ProcessStopping),
                _ = interrupt.recv() => stop.ask(StopReason::ProcessStopping),
                _ = sign_of_life.tick() => journal.seen(&stop),
            }
        }
    };
    tracing::info!(disposition = report.disposition.as_str(), "attempt over");
    let spool = &specification.spool;
    // A disk that is full is no reason to keep the end from the database.
    if let Err(error) = report::write(spool, &report).and_then(|()| report::write_notes(spool, &journal.unsent())) {
        tracing::error!(%error, "the report is not on disk; it is told to the database only");
    }
    Ok(journal.finish(&report).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_log_has_no_messages_of_the_sip_stack() {
        let filter: Targets = offhook::log::DEFAULT_FILTER.parse().expect("a filter");
        assert!(filter.would_enable("offhook_worker", &tracing::Level::INFO));
        assert!(!filter.would_enable("rsipstack::transport", &tracing::Level::INFO));
    }

    #[test]
    fn what_only_the_coordinator_understands_of_a_filter_is_left_out() {
        let filter = targets("warn, offhook_sip=debug,[call{id=7}]=trace,").expect("the rest is a filter");
        assert!(filter.would_enable("offhook_sip::invite", &tracing::Level::DEBUG));
        assert!(!filter.would_enable("offhook_worker", &tracing::Level::INFO));
        assert!(targets("").is_none() && targets("[call]=trace").is_none());
    }
}
