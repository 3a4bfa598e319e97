//! Model servers that speak the wire of the OpenAI API: speech, transcriptions, chat completions, models.
//!
//! Source of the wire: <https://platform.openai.com/docs/api-reference>. What a real server refuses is refused here with the
//! same status and the same shape of error, so that a client that works here works there.

pub mod chat;
mod chat_rules;
mod completions;
pub mod error;
mod injection;
mod key;
mod models;
mod oddity;
mod plain;
mod speech;
mod transcriptions;

use std::{
    future::IntoFuture,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{DefaultBodyLimit, Request},
    http::{Method, Uri},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use offhook::secret::Secret;
use tokio::{net::TcpListener, sync::Semaphore};
use tokio_util::sync::CancellationToken;

use crate::{faults::Faults, recogniser::Recogniser, voice::Voice};
use chat::Talker;
use error::ApiError;

/// The model behind `/v1/audio/speech`.
pub const VOICE_MODEL: &str = "sandbox-voice";
/// The model behind `/v1/audio/transcriptions`.
pub const EAR_MODEL: &str = "sandbox-ear";
/// The model behind `/v1/chat/completions`.
pub const TALKER_MODEL: &str = "sandbox-talker";

/// The largest upload, as the real endpoint has it: 25 MB, and a little for the form around it.
const LARGEST_BODY: usize = (25 << 20) + (64 << 10);
/// What open connections get to finish when the sandbox stops.
const DRAIN: Duration = Duration::from_secs(2);

/// How the servers behave.
#[derive(Debug, Default)]
pub struct ServerSettings {
    /// The bearer token clients have to send; any client is served where absent.
    pub key: Option<Secret>,
    /// Between two pieces of a streamed chat answer.
    pub token_interval: Duration,
    /// Between two chunks (200 ms of sound each) of streamed speech.
    pub chunk_interval: Duration,
    /// What goes wrong.
    pub faults: Faults,
}

/// What answers. One value serves all connections.
pub struct Servers {
    settings: ServerSettings,
    voice: Voice,
    recogniser: Arc<Recogniser>,
    talker: Option<Arc<dyn Talker>>,
    recognitions: Semaphore,
    answers: AtomicU64,
}

impl Servers {
    /// Servers of these parts. Without a talker, `/v1/chat/completions` does not exist.
    pub fn new(settings: ServerSettings, voice: Voice, recogniser: Arc<Recogniser>, talker: Option<Arc<dyn Talker>>) -> Self {
        let cores = std::thread::available_parallelism().map_or(2, |cores| cores.get());
        Servers { settings, voice, recogniser, talker, recognitions: Semaphore::new(cores), answers: AtomicU64::new(0) }
    }

    /// A number no other answer of this process has.
    fn answer_number(&self) -> u64 {
        self.answers.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// The routes.
pub fn router(servers: Servers) -> Router {
    let servers = Arc::new(servers);
    let mut router = Router::new()
        .route("/v1/audio/speech", post(speech::speech))
        .route("/v1/audio/transcriptions", post(transcriptions::transcriptions))
        .route("/v1/models", get(models::models));
    if servers.talker.is_some() {
        router = router.route("/v1/chat/completions", post(completions::completions));
    }
    router
        .fallback(unknown_url)
        .method_not_allowed_fallback(unknown_url)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&servers), key::checked))
        .layer(middleware::from_fn_with_state(Arc::clone(&servers), injection::injected))
        .layer(middleware::from_fn(read_whole))
        .with_state(servers)
}

/// Reads the whole request before anything is answered, as the proxies before real servers do: who is refused while they still send may
/// find the connection broken instead of the answer.
async fn read_whole(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match to_bytes(body, LARGEST_BODY).await {
        Ok(bytes) => next.run(Request::from_parts(parts, Body::from(bytes))).await,
        Err(_) => ApiError::too_large("Maximum content size limit (26214400) exceeded.").into_response(),
    }
}

/// Serves until `stop`, then lets open connections finish for two seconds.
///
/// # Errors
/// Where the listener fails.
pub async fn serve(listener: TcpListener, servers: Servers, stop: CancellationToken) -> io::Result<()> {
    let stopped = stop.clone();
    let server = axum::serve(listener, router(servers)).with_graceful_shutdown(async move { stopped.cancelled().await });
    tokio::select! {
        result = server.into_future() => result,
        () = async { stop.cancelled().await; tokio::time::sleep(DRAIN).await } => Ok(()),
    }
}

async fn unknown_url(method: Method, uri: Uri) -> ApiError {
    ApiError::unknown_url(&method, &uri)
}

/// Seconds since 1970, for `created`.
fn unix_seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
