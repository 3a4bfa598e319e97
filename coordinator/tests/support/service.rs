//! A whole coordinator with the process launcher and a worker that is a shell script.

#![allow(dead_code)]

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use clap::Parser;
use offhook_coordinator::{
    command::{Command, CommandLine},
    config::Config,
    run::{RunError, Service, Shutdown},
    test_signals::{Signal, Signals},
};
use tokio::task::JoinHandle;

use offhook_test_database::TestDatabase;

/// A spool that goes when it is dropped.
pub struct TestSpool(pub PathBuf);

impl TestSpool {
    pub fn new() -> TestSpool {
        let path = std::env::temp_dir().join(format!("offhook-test-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&path).expect("a spool");
        TestSpool(path)
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Lets workers go that wait.
    pub fn go(&self) {
        std::fs::write(self.file("go"), b"").expect("a file");
    }
}

impl Drop for TestSpool {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The settings of a coordinator on `database` and `spool`, with further flags.
pub fn config(database: &TestDatabase, spool: &Path, flags: &[&str]) -> Config {
    let worker = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/fake_worker.sh");
    let spool = spool.to_str().expect("a path in UTF-8");
    let mut line =
        vec!["offhook", "run", "--launcher", "process", "--worker-program", worker, "--spool", spool, "--secrets", spool];
    let url = database.url();
    line.extend(["--database-url", url.expose(), "--host", "here", "--lease", "1s", "--stop-grace", "1s"]);
    line.extend(["--media-address", "127.0.0.1"]);
    for (flag, usual) in [("--provider-url", "http://127.0.0.1:9/v1"), ("--provider-probe", "false")] {
        if !flags.contains(&flag) {
            line.extend([flag, usual]);
        }
    }
    line.extend(flags);
    match CommandLine::try_parse_from(line).expect("good flags").command {
        Command::Run(run) => run.config,
        _ => unreachable!("it is run"),
    }
}

/// Waits until the signal was given so often; gives up after 20 s.
pub async fn told(what: &str, signal: &Signal, times: u64) {
    let told = tokio::time::timeout(Duration::from_secs(20), signal.reached(times));
    told.await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}

/// A coordinator that runs.
pub struct Running {
    pub shutdown: Shutdown,
    pub signals: Signals,
    pub task: JoinHandle<Result<(), RunError>>,
}

impl Running {
    pub async fn start(config: &Config) -> Running {
        Running::run(Service::new(config, false).await.expect("everything is there"))
    }

    pub fn run(service: Service) -> Running {
        let (shutdown, signals) = (Shutdown::default(), service.signals.clone());
        let task = tokio::spawn(service.run(shutdown.clone()));
        Running { shutdown, signals, task }
    }

    /// Drains, and waits for the end.
    pub async fn drain(self) {
        self.shutdown.drain.cancel();
        let ended = tokio::time::timeout(Duration::from_secs(20), self.task).await.expect("it ends");
        ended.expect("no panic").expect("no error");
    }

    /// Leaves what runs to the next one, and waits for the end.
    pub async fn leave(self) {
        self.shutdown.leave.cancel();
        self.drain().await;
    }
}
