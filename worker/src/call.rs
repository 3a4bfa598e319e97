//! One attempt from its specification to its report: dial, converse, record, write back.
//!
//! This is the only room that knows all the others. Each phase is a file: `failover` finds a way out, `dialing` goes it until
//! somebody answers, `conversation` until the line is down, `report` for what is left behind. Whatever happens, a report comes out.

pub mod conversation;
pub mod dialing;
pub mod failover;
pub mod journal;
pub mod line;
pub mod report;
mod setback;
pub mod stop;

use conversation::Answered;
use failover::Connected;
use journal::Journal;
use offhook::{attempt::AttemptSpecification, disposition::Disposition, report::Report};
use offhook_providers::Providers;
use offhook_types::line::StopReason;
use tokio::sync::watch;

/// Runs the attempt to its end. `stop` names the reason when the call is to be ended politely.
///
/// Never fails: what goes wrong is the report.
pub async fn run(specification: &AttemptSpecification, journal: &Journal, stop: watch::Receiver<Option<StopReason>>) -> Report {
    match attempt(specification, journal, stop).await {
        Ok(report) => report,
        Err(detail) => Report { detail: Some(detail), ..Report::new(Disposition::TrunkFailure) },
    }
}

/// The attempt; an `Err` is a sentence about what kept us from dialling at all.
async fn attempt(
    specification: &AttemptSpecification,
    journal: &Journal,
    stop: watch::Receiver<Option<StopReason>>,
) -> Result<Report, String> {
    let providers = Providers::new(&specification.providers, &specification.limits).map_err(|error| error.to_string())?;
    let Connected { dialog, session, negotiated, line } =
        match failover::connect(specification, &providers, journal, stop.clone()).await {
            Ok(connected) => connected,
            Err(report) => return Ok(*report),
        };
    let answered = Answered { dialog, session, negotiated };
    let report = conversation::converse(specification, answered, providers, journal, stop).await;
    line.close().await;
    Ok(report)
}
