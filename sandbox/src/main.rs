//! `offhook-sandbox`: the outside world in a box.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use clap::{Args, Parser, Subcommand};
use offhook::secret::Secret;
use offhook_sandbox::{
    faults::{FaultFlag, Faults},
    network::Weather,
    restaurants::{persona, phone::Switchboard},
    servers::{self, ServerSettings, Servers},
    talker::vocabulary::built_in_guests,
    town::{ReservationTalker, RestaurantSenses, recogniser_of_agents, recogniser_of_restaurants},
    voice::{Voice, VoiceSettings},
};
use offhook_sip::{Endpoint, EndpointConfig};
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
    /// Where the restaurants' telephones are: one UDP port for all; the user part of the dialled address names the restaurant.
    #[arg(long, env = "OFFHOOK_SANDBOX_SIP", default_value = "127.0.0.1:5070")]
    sip: SocketAddr,
    /// A folder of restaurants, one TOML file each, instead of those built in.
    #[arg(long, env = "OFFHOOK_SANDBOX_PERSONAS")]
    personas: Option<PathBuf>,
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
    /// The network between callers and restaurants, e.g. loss=0.05,burst=3,delay=20,jitter=60,disorder=0.05,doubled=0.05
    #[arg(long)]
    weather: Option<Weather>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(offhook::log::DEFAULT_FILTER));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(offhook::log::is_coloured()).init();
    match Flags::parse().verb {
        Verb::Serve(flags) => serve(flags).await,
    }
}

async fn serve(flags: ServeFlags) -> anyhow::Result<()> {
    let key = flags.key_file.as_deref().map(Secret::from_file).transpose()?;
    let personas = match &flags.personas {
        Some(folder) => persona::load(folder)?,
        None => persona::built_in()?,
    };
    let guests = built_in_guests();
    let (cache, restaurants, callers) = (flags.cache, personas.clone(), guests.clone());
    let (of_restaurants, of_agents) = tokio::task::spawn_blocking(move || {
        Ok::<_, anyhow::Error>((recogniser_of_restaurants(&restaurants, &cache)?, recogniser_of_agents(&callers, &cache)?))
    })
    .await??;
    let phrases = of_restaurants.vocabulary().phrases.len();
    let voice = Voice::new(VoiceSettings::default());
    let settings = ServerSettings {
        key,
        token_interval: Duration::from_millis(flags.token_ms),
        chunk_interval: Duration::from_millis(flags.chunk_ms),
        faults: Faults::new(flags.faults),
    };
    let servers = Servers::new(settings, voice.clone(), Arc::new(of_restaurants), Some(Arc::new(ReservationTalker)));
    let listener = TcpListener::bind(flags.http)
        .await
        .with_context(|| format!("cannot listen on {}: choose another address with --http", flags.http))?;
    let user_agent = concat!("offhook-sandbox/", env!("CARGO_PKG_VERSION")).to_owned();
    let mut endpoint = Endpoint::bind(EndpointConfig::new(flags.sip, user_agent))
        .await
        .with_context(|| format!("cannot take calls on {}: choose another address with --sip", flags.sip))?;
    let incoming = endpoint.incoming().context("the telephones are connected once")?;
    let stop = CancellationToken::new();
    let switchboard = Switchboard {
        personas,
        guests,
        senses: Arc::new(RestaurantSenses { recogniser: of_agents, voice }),
        address: flags.sip.ip(),
        advertised: None,
        weather: flags.weather,
    };
    let telephones = tokio::spawn(switchboard.serve(incoming, stop.clone()));
    tracing::info!(http = %flags.http, sip = %flags.sip, phrases, "ready");
    let interrupted = stop.clone();
    tokio::spawn(async move {
        asked_to_stop().await;
        interrupted.cancel();
    });
    servers::serve(listener, servers, stop).await?;
    telephones.await?;
    endpoint.shutdown().await;
    Ok(())
}

/// Resolves at Ctrl-C or SIGTERM; never where signals cannot be had: then the sandbox runs until it is killed.
async fn asked_to_stop() {
    let terminated = async {
        match signal(SignalKind::terminate()) {
            Ok(mut signal) => signal.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        Ok(()) = tokio::signal::ctrl_c() => {}
        _ = terminated => {}
    }
}
