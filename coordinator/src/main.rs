//! `offhook`: see `offhook --help`.

use std::process::ExitCode;

use offhook_coordinator::{
    check::{Finding, check},
    command::Command,
    output,
    run::Service,
    settings::{
        command_line::{Invocation, InvocationError},
        definitions::{settings, variables},
        unknown::misspelt,
    },
    signal::on_signals,
};

#[tokio::main]
async fn main() -> ExitCode {
    let invocation = match Invocation::read(std::env::args_os()) {
        Ok(invocation) => invocation,
        // Help is an error to clap, on standard output.
        Err(InvocationError::Line { error, note }) => {
            let _ = error.print();
            eprint!("{note}");
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        Err(error) => {
            eprintln!("offhook: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(invocation).await {
        Ok(_) if output::failed() => ExitCode::FAILURE,
        Ok(code) => code,
        Err(error) => {
            eprintln!("offhook: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(invocation: Invocation) -> anyhow::Result<ExitCode> {
    invocation.line.log.start()?;
    let unknown = [invocation.file.unknown(&settings()), misspelt(std::env::vars_os(), &variables())].concat();
    match &invocation.line.command {
        Command::Setup(setup) => {
            unknown.iter().for_each(|sentence| eprintln!("offhook: {sentence}"));
            return Ok(if setup.run(&invocation).await? { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Command::Settings(settings) => {
            if settings.check {
                unknown.iter().for_each(|sentence| eprintln!("offhook: {sentence}"));
            }
            settings.run(&invocation.file)?;
        }
        Command::Run(run) => {
            unknown.iter().for_each(|sentence| tracing::warn!("{sentence}"));
            let service = Service::new(&run.config, run.migrate).await?;
            service.run(on_signals()?).await?;
        }
        Command::Migrate(migrate) => {
            let applied = offhook_schema::migrate(&migrate.database.connect().await?).await?;
            for step in applied {
                offhook_coordinator::outln!("applied {step}");
            }
            offhook_coordinator::outln!("the schema is up to date");
        }
        Command::Check(options) => {
            let mut findings = check(&options.config).await;
            findings.extend(unknown.into_iter().map(|detail| Finding { subject: "settings".into(), ok: false, detail }));
            for finding in &findings {
                match options.json {
                    true => offhook_coordinator::outln!("{}", serde_json::to_string(finding)?),
                    false => offhook_coordinator::outln!("{finding}"),
                }
            }
            if !findings.iter().all(|finding| finding.ok) {
                return Ok(ExitCode::FAILURE);
            }
        }
        Command::Erase(erase) => return Ok(erase.run().await?),
        Command::Status(status) => status.run().await?,
        Command::Pause(pause) => pause.run().await?,
        Command::Resume(resume) => resume.run().await?,
        Command::Call(call) => return Ok(call.run().await?),
        Command::Trunk(trunk) => trunk.run().await?,
        Command::Rehearse(rehearse) => rehearse.run().await?,
    }
    Ok(ExitCode::SUCCESS)
}
