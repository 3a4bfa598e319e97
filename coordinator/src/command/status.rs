//! `offhook status`: how things are, at one look.

use std::fmt::Write;

use chrono::{DateTime, Utc};
use offhook::store::{
    error::StoreError,
    providers::ProviderStatus,
    status::{Status, status},
};
use serde_json::json;

use super::trunk;
use crate::{
    config::database::{ConnectError, DatabaseConfig},
    provider_health::outages,
};

/// `offhook status`
#[derive(Debug, clap::Args)]
pub struct StatusCommand {
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
    /// Where.
    #[command(flatten)]
    pub database: DatabaseConfig,
}

/// What keeps us from it.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// No database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl StatusCommand {
    /// Looks, and prints.
    ///
    /// # Errors
    /// [`StatusError`].
    pub async fn run(&self) -> Result<(), StatusError> {
        let pool = self.database.connect().await?;
        let status = status(&pool).await?;
        match self.json {
            true => crate::outln!("{}", json!(status)),
            false => crate::out!("{}", page(&status, super::database_now(&pool).await?)),
        }
        Ok(())
    }
}

fn page(status: &Status, now: DateTime<Utc>) -> String {
    let mut page = String::new();
    let open: Vec<ProviderStatus> = status.providers.iter().filter(|provider| provider.paused_until.is_some()).cloned().collect();
    if !open.is_empty() {
        let _ = writeln!(page, "NOBODY IS CALLED by coordinators that use it: {}\n", outages(&open).join("; "));
    }
    if status.paused {
        let reason = status.pause_reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        let _ = writeln!(page, "PAUSED{reason}: no new calls; `offhook resume` goes on\n");
    }
    let _ = writeln!(page, "calls");
    for calls in status.calls.iter().filter(|calls| calls.count > 0) {
        let _ = writeln!(page, "  {:<10} {:>8}", calls.state.as_str(), calls.count);
    }
    if status.calls.iter().all(|calls| calls.count == 0) {
        let _ = writeln!(page, "  none");
    }
    if let Some(oldest) = status.oldest_due {
        let _ = writeln!(page, "  {} due by now, the oldest since {}", status.due, ago(now - oldest));
    }
    if let Some(next) = status.next_due {
        let _ = writeln!(page, "  the next is due at {}", next.format("%F %T UTC"));
    }
    let _ = writeln!(page, "trunks");
    for trunk in &status.trunks {
        let _ = writeln!(page, "  {}", trunk::line(trunk));
    }
    let _ = writeln!(page, "providers");
    for provider in &status.providers {
        let _ = writeln!(page, "  {}", provider_line(provider));
    }
    if status.providers.is_empty() {
        let _ = writeln!(page, "  none was asked yet; a coordinator asks them when it starts");
    }
    let _ = writeln!(page, "coordinators");
    for coordinator in &status.coordinators {
        let draining = if coordinator.draining { "  draining" } else { "" };
        let _ = writeln!(
            page,
            "  {:<30} {:>5}/{:<5}  since {}{draining}",
            coordinator.name,
            coordinator.calls,
            coordinator.most_calls,
            ago(now - coordinator.started_at),
        );
    }
    if status.coordinators.is_empty() {
        let _ = writeln!(page, "  none runs; start one with `offhook run`");
    }
    page
}

fn provider_line(provider: &ProviderStatus) -> String {
    let mut line = format!("{:<15} {:<8} {}", provider.provider, provider.state, provider.server);
    if let Some(latency) = provider.latency_ms.filter(|_| provider.state == "works") {
        let _ = write!(line, "  {latency} ms");
    }
    if provider.failures > 0 {
        let _ = write!(line, "  {} calls spoiled in a row", provider.failures);
    }
    if let Some(until) = provider.paused_until {
        let _ = write!(line, "  asked again at {}", until.format("%T UTC"));
    }
    if let Some(reason) = &provider.reason {
        let _ = write!(line, "\n    {reason}");
    }
    line
}

/// A length of time in the largest unit that says enough.
fn ago(length: chrono::TimeDelta) -> String {
    match length.num_seconds().max(0) {
        seconds @ 0..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds @ 7200..172_800 => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offhook::{
        call::CallState,
        store::{coordinators::Coordinator, status::CallsInState},
    };

    use super::*;

    #[test]
    fn the_page_says_what_waits_and_who_works() {
        let now = DateTime::from_timestamp(1_900_000_000, 0).unwrap();
        let status = Status {
            paused: true,
            pause_reason: Some("maintenance".into()),
            calls: CallState::ALL.map(|state| CallsInState { state, count: i64::from(state == CallState::Queued) * 3 }).to_vec(),
            due: 2,
            oldest_due: Some(now - chrono::TimeDelta::minutes(7)),
            next_due: None,
            trunks: vec![],
            providers: vec![ProviderStatus {
                provider: "chat".into(),
                server: "http://127.0.0.1:1/v1".into(),
                state: "paused".into(),
                reason: Some("the key was refused".into()),
                failures: 2,
                paused_until: Some(now),
                failed_at: Some(now),
                worked_at: None,
                checked_at: None,
                latency_ms: None,
            }],
            coordinators: vec![Coordinator {
                name: "here/1".into(),
                host: "here".into(),
                calls: 1,
                most_calls: 20,
                draining: true,
                started_at: now - chrono::TimeDelta::days(3),
            }],
        };
        let page = page(&status, now);
        for said in [
            "PAUSED (maintenance)",
            "queued            3\n",
            "2 due by now, the oldest since 7 min",
            "since 3 days  draining",
            "NOBODY IS CALLED by coordinators that use it: chat at http://127.0.0.1:1/v1 does not work (the key was refused)\n",
            "the key was refused",
        ] {
            assert!(page.contains(said), "{page}");
        }
        assert!(!page.contains("talking"), "{page}");
    }
}
