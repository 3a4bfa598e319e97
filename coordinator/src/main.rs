//! `offhook`: see `offhook --help`.

use std::process::ExitCode;

use clap::Parser;
use offhook_coordinator::{
    check::check,
    command::{Command, CommandLine},
    run::{Service, Shutdown},
};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    match run(CommandLine::parse()).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("offhook: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(line: CommandLine) -> anyhow::Result<ExitCode> {
    line.log.start()?;
    match line.command {
        Command::Run(run) => {
            let service = Service::new(&run.config, run.migrate).await?;
            service.run(on_signals()?).await?;
        }
        Command::Migrate(migrate) => {
            let applied = offhook_schema::migrate(&migrate.database.connect().await?).await?;
            for step in applied {
                println!("applied {step}");
            }
            println!("the schema is up to date");
        }
        Command::Check(options) => {
            let findings = check(&options.config).await;
            for finding in &findings {
                match options.json {
                    true => println!("{}", serde_json::to_string(finding)?),
                    false => println!("{finding}"),
                }
            }
            if !findings.iter().all(|finding| finding.ok) {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Erase(erase) => erase.run().await?,
        Command::Status(status) => status.run().await?,
        Command::Pause(pause) => pause.run().await?,
        Command::Resume(resume) => resume.run().await?,
        Command::Call(call) => return Ok(call.run().await?),
        Command::Trunk(trunk) => trunk.run().await?,
        Command::Rehearse(rehearse) => rehearse.run().await?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The first SIGTERM or Ctrl-C drains, the second leaves.
fn on_signals() -> std::io::Result<Shutdown> {
    let shutdown = Shutdown::default();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let told = shutdown.clone();
    tokio::spawn(async move {
        for token in [told.drain, told.leave] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            token.cancel();
            tracing::info!("told to stop: no more claims; once more leaves running calls to the next coordinator");
        }
    });
    Ok(shutdown)
}
