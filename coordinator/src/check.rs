//! `offhook check`: everything a call will need, each in a line that is ok or says what to do.

mod database;
mod providers;
mod sounds;
mod trunks;

use std::time::Duration;

use offhook::store::connect;
use serde::Serialize;

use crate::{
    config::{Config, launcher::LauncherKind},
    launcher::{Launcher, docker::DockerLauncher, process::ProcessLauncher},
    spool::Spool,
};

/// How long a trunk may take to answer.
const ANSWER: Duration = Duration::from_secs(4);

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// Whether a call can do with it.
    pub ok: bool,
    /// What was found, or what to do.
    pub detail: String,
}

impl Finding {
    fn new<E: std::fmt::Display>(subject: impl Into<String>, found: Result<impl Into<String>, E>) -> Self {
        let (ok, detail) = match found {
            Ok(detail) => (true, detail.into()),
            Err(error) => (false, error.to_string()),
        };
        Finding { subject: subject.into(), ok, detail }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}: {}", if self.ok { "ok  " } else { "FAIL" }, self.subject, self.detail)
    }
}

/// Looks at everything. Changes nothing.
pub async fn check(config: &Config) -> Vec<Finding> {
    let mut findings = configuration(config);
    match config.database.connect().await {
        Ok(pool) => {
            findings.push(Finding::new("database", Ok::<_, String>("connected")));
            findings.push(database::migrations(&pool).await);
            findings.push(database::worker_login(&config.database, &pool).await);
            findings.push(database::notifications(&config.database, &pool).await);
            let installation = connect::installation(&pool).await.unwrap_or_default();
            findings.push(launcher(config, &installation).await);
            findings.extend(trunks::trunks(config, &pool, ANSWER).await);
        }
        Err(error) => {
            findings.push(Finding::new("database", Err::<String, _>(error)));
            findings.push(launcher(config, "").await);
        }
    }
    findings.extend(providers::providers(config).await);
    findings
}

fn configuration(config: &Config) -> Vec<Finding> {
    let calls = config.media.calls();
    let ports = if calls >= config.queue.max_calls as usize {
        Ok(format!("{calls} calls find ports in {}-{}", config.media.port_first, config.media.port_last))
    } else {
        Err(format!(
            "only {calls} of OFFHOOK_MAX_CALLS {} calls find ports in {}-{}; widen OFFHOOK_PORT_FIRST to OFFHOOK_PORT_LAST",
            config.queue.max_calls, config.media.port_first, config.media.port_last
        ))
    };
    let owner = (config.launcher.launcher == LauncherKind::Docker).then_some(config.launcher.container_user);
    let spool = Spool::new(&config.launcher.spool).examine(owner);
    let addresses = Ok::<_, String>(config.media.advertises());
    vec![Finding::new("ports", ports), Finding::new("addresses", addresses), Finding::new("spool", spool)]
}

async fn launcher(config: &Config, installation: &str) -> Finding {
    let found = match config.launcher.launcher {
        LauncherKind::Process => ProcessLauncher::new(&config.launcher, Spool::new(&config.launcher.spool)).check().await,
        LauncherKind::Docker => match DockerLauncher::connect(&config.launcher, installation).await {
            Ok(docker) => docker.check().await,
            Err(error) => Err(error),
        },
    };
    Finding::new("launcher", found)
}
