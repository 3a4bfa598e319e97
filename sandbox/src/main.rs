//! `offhook-sandbox`: the outside world in a box.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use offhook::secret::Secret;
use offhook_sandbox::{
    faults::{FaultFlag, Faults},
    recogniser::{Recogniser, vocabulary::Vocabulary},
    servers::{self, ServerSettings, Servers},
    voice::{Voice, VoiceSettings},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

/// Restaurants and model servers on this machine, for trying offhook without a telephone line or a key.
#[derive(Parser)]
#[command(version)]
struct Flags {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Serve until interrupted.
    Serve(ServeFlags),
}

#[derive(Args)]
struct ServeFlags {
    /// Where the model servers listen.
    #[arg(long, env = "OFFHOOK_SANDBOX_HTTP", default_value = "127.0.0.1:8090")]
    http: SocketAddr,
    /// A TOML file of [[phrases]] (language, text, spoken) the recogniser listens for.
    #[arg(long, env = "OFFHOOK_SANDBOX_VOCABULARY")]
    vocabulary: PathBuf,
    /// Where the recogniser's templates are kept between starts.
    #[arg(long, env = "OFFHOOK_SANDBOX_CACHE", default_value_os_t = std::env::temp_dir().join("offhook-sandbox"))]
    cache: PathBuf,
    /// A file with the key clients have to send as bearer token; without it any client is served.
    #[arg(long, env = "OFFHOOK_SANDBOX_KEY_FILE")]
    key_file: Option<PathBuf>,
    /// Between two words of a streamed chat answer, ms.
    #[arg(long, default_value_t = 20)]
    token_ms: u64,
    /// Between two chunks (200 ms of sound each) of streamed speech, ms.
    #[arg(long, default_value_t = 10)]
    chunk_ms: u64,
    /// What goes wrong, e.g. chat:latency=300,errors=0.1,seed=7. May be given several times.
    #[arg(long = "fault", value_name = "ENDPOINT:FAULT=VALUE,…")]
    faults: Vec<FaultFlag>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match Flags::parse().verb {
        Verb::Serve(flags) => serve(flags).await,
    }
}

async fn serve(flags: ServeFlags) -> anyhow::Result<()> {
    let key = flags.key_file.as_deref().map(Secret::from_file).transpose()?;
    let vocabulary = Vocabulary::from_file(&flags.vocabulary)?;
    let phrases = vocabulary.phrases.len();
    let cache = flags.cache;
    let recogniser = tokio::task::spawn_blocking(move || Recogniser::build(vocabulary, &cache)).await??;
    let settings = ServerSettings {
        key,
        token_interval: Duration::from_millis(flags.token_ms),
        chunk_interval: Duration::from_millis(flags.chunk_ms),
        faults: Faults::new(flags.faults),
    };
    let servers = Servers::new(settings, Voice::new(VoiceSettings::default()), Arc::new(recogniser), None);
    let listener = TcpListener::bind(flags.http)
        .await
        .with_context(|| format!("cannot listen on {}: choose another address with --http", flags.http))?;
    tracing::info!(address = %flags.http, phrases, "model servers are ready");
    let stop = CancellationToken::new();
    let interrupted = stop.clone();
    tokio::spawn(async move {
        interrupted_or_terminated().await;
        interrupted.cancel();
    });
    servers::serve(listener, servers, stop).await?;
    Ok(())
}

/// Resolves at Ctrl-C or, as containers are stopped, at SIGTERM; never where signals cannot be had: then the sandbox runs until
/// it is killed.
async fn interrupted_or_terminated() {
    let Ok(mut terminate) = signal(SignalKind::terminate()) else { return std::future::pending().await };
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
