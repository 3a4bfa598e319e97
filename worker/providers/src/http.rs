//! One HTTP client for the call: bounded, kept alive, trusting only what is compiled in (and a CA file, if given).

mod payload;

use std::{path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use offhook::attempt::Endpoint;
use reqwest::{
    Client, Response, StatusCode, Url,
    header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, HeaderMap, HeaderValue, LOCATION, RETRY_AFTER},
    redirect::Policy,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::time::{Instant, timeout_at};

pub(crate) use self::payload::Payload;
use self::payload::Sending;
use super::error::{ProviderError, Service, detail};

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// From the request to the first of the answer that matters.
    pub first: Duration,
    /// Between two pieces of it.
    pub stall: Duration,
}

/// Longest wait for a connection; a second attempt must have time as well.
const CONNECT: Duration = Duration::from_secs(3);
/// The pause before a request is sent again, unless the server names another.
const AGAIN_AFTER: Duration = Duration::from_millis(200);
/// A callee does not wait longer for a server's `Retry-After`.
const AGAIN_AFTER_AT_MOST: Duration = Duration::from_secs(2);
/// Bytes read of a response that is an error.
const ERROR_BODY: usize = 4096;
/// How long for them.
const ERROR_BODY_FOR: Duration = Duration::from_secs(1);

/// Builds the client. Redirects are not followed by it (a key would go with them), proxies of the environment are not asked.
pub(super) fn client(bounds: Bounds, authorities: Option<&Path>) -> Result<Client, ProviderError> {
    let tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| ProviderError::Configuration(format!("TLS cannot be set up ({error}): this build is broken")))?
        .with_root_certificates(roots(authorities)?);
    // Given a finished configuration, the client leaves the protocols to us, and never asks the platform's verifier.
    let mut tls = tls.with_no_client_auth();
    tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Client::builder()
        .tls_backend_preconfigured(tls)
        .connect_timeout(CONNECT.min(bounds.first / 2))
        .pool_idle_timeout(Duration::from_secs(90))
        .tcp_keepalive(Duration::from_secs(15))
        .tcp_nodelay(true)
        .http2_keep_alive_interval(Duration::from_secs(20))
        .http2_keep_alive_timeout(Duration::from_secs(5))
        .redirect(Policy::none())
        .no_proxy()
        .user_agent(concat!("offhook/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| {
            ProviderError::Configuration(format!("the HTTP client cannot be set up ({error}): this build is broken"))
        })
}

fn roots(authorities: Option<&Path>) -> Result<RootCertStore, ProviderError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let Some(path) = authorities else { return Ok(roots) };
    let unusable = |why: String| {
        ProviderError::Configuration(format!(
            "the CA file {} is no use ({why}): give a PEM file with certificates",
            path.display()
        ))
    };
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
    let mut found = 0;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
        roots.add(certificate).map_err(|error| unusable(error.to_string()))?;
        found += 1;
    }
    if found == 0 {
        return Err(unusable("no certificate in it".to_owned()));
    }
    Ok(roots)
}

/// One endpoint: where, with which key, how long.
pub struct Http {
    /// Which service it is.
    pub service: Service,
    /// The model's name on that server.
    pub model: String,
    /// How long things may take.
    pub bounds: Bounds,
    client: Client,
    base: Url,
    key: Option<offhook::secret::Secret>,
    headers: HeaderMap,
}

impl Http {
    pub(super) fn new(service: Service, client: Client, endpoint: &Endpoint, bounds: Bounds) -> Result<Self, ProviderError> {
        let wrong = |what: &str| ProviderError::Configuration(format!("{service}: {what}"));
        let base = Url::parse(endpoint.base_url.trim())
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or_else(|| {
                wrong(&format!("the base URL is none: write {} like https://api.openai.com/v1", service.url_settings()))
            })?;
        // A server may compress where nothing is said (RFC 9110 section 12.5.3).
        let mut headers = HeaderMap::from_iter([(ACCEPT_ENCODING, HeaderValue::from_static("identity"))]);
        if let Some(key) = &endpoint.key {
            let mut value = HeaderValue::from_str(&format!("Bearer {}", key.expose().trim())).map_err(|_| {
                wrong(&format!("the key in {} holds characters no HTTP header may have: copy it again", service.key_settings()))
            })?;
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        Ok(Http { service, model: endpoint.model.clone(), bounds, client, base, key: endpoint.key.clone(), headers })
    }

    /// Opens a connection, whatever the server thinks of it.
    pub(super) async fn prewarm(&self) {
        let request = self.client.get(self.address("models")).headers(self.headers.clone());
        let _ = tokio::time::timeout(self.bounds.first, async {
            if let Ok(answer) = request.send().await {
                // A body that was read to its end gives the connection back; a long list of models is not worth it.
                let _ = body_up_to(answer, 256 * 1024).await;
            }
        })
        .await;
    }

    /// Returns when the first byte of the response is due for a request that begins now.
    pub(super) fn deadline(&self) -> Instant {
        Instant::now() + self.bounds.first
    }

    /// Posts, and once more where nothing had come back yet: broken connection, 429, 5xx. Where the connection broke while the request
    /// was being sent, the second time the body waits for a response to the head. Follows one redirect within the same server.
    /// Returns a response with a status of success.
    pub(super) async fn post(&self, path: &str, deadline: Instant, payload: &Payload) -> Result<Response, Failure> {
        let mut address = self.address(path);
        let mut failed = match self.attempt(&address, deadline, payload, Sending::Whole).await {
            Ok(answer) => return Ok(answer),
            Err(failed) => failed,
        };
        if let Some(elsewhere) = failed.elsewhere.take().filter(|elsewhere| elsewhere.origin() == address.origin()) {
            address = elsewhere;
            failed = match self.attempt(&address, deadline, payload, Sending::Whole).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
        }
        match failed.again {
            Some(pause) if Instant::now() + pause < deadline => {
                tokio::time::sleep(pause).await;
                let broke = matches!(failed.failure.error, ProviderError::ClosedEarly { .. });
                let sending = if broke { Sending::HeadFirst } else { Sending::Whole };
                self.attempt(&address, deadline, payload, sending).await.map_err(|failed| failed.failure)
            }
            _ => Err(failed.failure),
        }
    }

    async fn attempt(&self, address: &Url, deadline: Instant, payload: &Payload, sending: Sending) -> Result<Response, Failed> {
        let request = self.client.post(address.clone()).headers(self.headers.clone());
        let failed = |error| Failed { failure: Failure { error, body: Bytes::new() }, again: None, elsewhere: None };
        match timeout_at(deadline, payload.put_into(request, sending).send()).await {
            Err(_) => Err(failed(self.too_slow("the answer's head"))),
            Ok(Err(error)) => Err(Failed { again: Some(AGAIN_AFTER), ..failed(self.unreachable(&error)) }),
            Ok(Ok(answer)) if answer.status().is_success() => self.readable(answer).map_err(failed),
            Ok(Ok(answer)) => Err(self.refusal(answer).await),
        }
    }

    /// A response whose body is what it says, and not that compressed.
    fn readable(&self, answer: Response) -> Result<Response, ProviderError> {
        let Some(coding) = compression(&answer) else { return Ok(answer) };
        Err(self.nonsense(format!(
            "the answer is compressed with {coding}, which was not asked for: switch compression off in the server, or in the proxy before it"
        )))
    }

    /// Gets what lies under `path`, once. Returns a response with a status of success.
    pub(super) async fn fetch(&self, path: &str) -> Result<Response, ProviderError> {
        let request = self.client.get(self.address(path)).headers(self.headers.clone());
        match timeout_at(self.deadline(), request.send()).await {
            Err(_) => Err(self.too_slow("the answer's head")),
            Ok(Err(error)) => Err(self.unreachable(&error)),
            Ok(Ok(answer)) if answer.status().is_success() => self.readable(answer),
            Ok(Ok(answer)) => Err(self.refusal(answer).await.failure.error),
        }
    }

    pub(super) fn too_slow(&self, while_waiting: &'static str) -> ProviderError {
        let waited_ms = self.bounds.first.as_millis() as u64;
        ProviderError::TooSlow { service: self.service, waited_ms, while_waiting, limit: "OFFHOOK_LIMIT_PROVIDER_FIRST" }
    }

    pub(super) fn stalled(&self, while_waiting: &'static str) -> ProviderError {
        let waited_ms = self.bounds.stall.as_millis() as u64;
        ProviderError::TooSlow { service: self.service, waited_ms, while_waiting, limit: "OFFHOOK_LIMIT_PROVIDER_STALL" }
    }

    pub(super) fn nonsense(&self, detail: impl Into<String>) -> ProviderError {
        ProviderError::Nonsense { service: self.service, detail: detail.into() }
    }

    /// Returns a server's words with nothing secret in them, for a message.
    pub(super) fn said(&self, body: &[u8]) -> String {
        detail(body, self.key.as_ref().map(|key| key.expose().trim()))
    }

    /// Below the base's path, with the base's own query (Azure: `?api-version=…`).
    fn address(&self, path: &str) -> Url {
        let mut address = self.base.clone();
        address.set_path(&format!("{}/{path}", self.base.path().trim_end_matches('/')));
        address
    }

    fn unreachable(&self, error: &reqwest::Error) -> ProviderError {
        let host = match (self.base.host_str(), self.base.port_or_known_default()) {
            (Some(host), Some(port)) => format!("{host}:{port}"),
            _ => self.base.to_string(),
        };
        let (service, reason) = (self.service, innermost(error));
        // Whoever has a connection has reached somebody.
        if error.is_connect() || error.is_timeout() {
            return ProviderError::Unreachable { service, host, reason };
        }
        ProviderError::ClosedEarly { service, host, reason }
    }

    async fn refusal(&self, answer: Response) -> Failed {
        let status = answer.status();
        let pause = retry_after(answer.headers()).unwrap_or(AGAIN_AFTER);
        let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
        let elsewhere = location.filter(|_| status.is_redirection()).and_then(|place| answer.url().join(place).ok());
        let compressed = compression(&answer).is_some();
        let body = beginning(answer, ERROR_BODY, ERROR_BODY_FOR).await;
        let detail = match (&elsewhere, compressed) {
            (Some(place), _) => self.said(
                format!("it redirects to {}: set {} to what lies there", shown(place), self.service.url_settings()).as_bytes(),
            ),
            (None, true) => self.said(b"something compressed, which was not asked for"),
            (None, false) => self.said(&body),
        };
        let (service, code) = (self.service, status.as_u16());
        let soon = (pause <= AGAIN_AFTER_AT_MOST).then_some(pause);
        let (error, again) = match status {
            StatusCode::TOO_MANY_REQUESTS => (ProviderError::TooMany { service, detail }, soon),
            _ if status.is_server_error() => (ProviderError::ServerFailed { service, status: code, detail }, soon),
            StatusCode::UNAUTHORIZED | StatusCode::PAYMENT_REQUIRED | StatusCode::FORBIDDEN => {
                (ProviderError::KeyRefused { service, status: code, detail }, None)
            }
            _ => (ProviderError::Refused { service, status: code, detail }, None),
        };
        Failed { failure: Failure { error, body }, again, elsewhere }
    }
}

/// Why there is no response of success.
#[derive(Debug)]
pub(crate) struct Failure {
    /// For people, and for what is tried next.
    pub(crate) error: ProviderError,
    /// The beginning of the body of a refusal.
    pub(crate) body: Bytes,
}

impl From<Failure> for ProviderError {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

struct Failed {
    failure: Failure,
    /// Whether, and after which pause, the same request may be sent again.
    again: Option<Duration>,
    /// Where the server sends us.
    elsewhere: Option<Url>,
}

/// Returns the response's media type without parameters, lower case; empty where it names none.
pub(super) fn media_type(answer: &Response) -> String {
    let header = answer.headers().get(reqwest::header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    header.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Returns the body, cut off after so many bytes. `Err` where the connection broke.
pub(super) async fn body_up_to(mut answer: Response, most: usize) -> Result<Bytes, reqwest::Error> {
    let mut body = bytes::BytesMut::new();
    while let Some(chunk) = answer.chunk().await? {
        body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
        if body.len() == most {
            break;
        }
    }
    Ok(body.freeze())
}

/// Returns the beginning of a body, as far as it comes: what a server said before it closed the connection counts.
async fn beginning(mut answer: Response, most: usize, within: Duration) -> Bytes {
    let (deadline, mut body) = (Instant::now() + within, bytes::BytesMut::new());
    while let Ok(Ok(Some(chunk))) = timeout_at(deadline, answer.chunk()).await {
        body.extend_from_slice(&chunk[..chunk.len().min(most - body.len())]);
        if body.len() == most {
            break;
        }
    }
    body.freeze()
}

/// The name of the coding in which the body is, where it is not that of its media type.
fn compression(answer: &Response) -> Option<String> {
    let coding = answer.headers().get(CONTENT_ENCODING)?.to_str().unwrap_or("something").trim().to_ascii_lowercase();
    // Some servers name the charset here.
    (!matches!(coding.as_str(), "" | "identity" | "none" | "utf-8" | "utf8")).then_some(coding)
}

/// An address without what may be secret in it.
fn shown(address: &Url) -> String {
    offhook::provider::server_name(address.as_str())
}

/// Seconds only: a date is further away than a callee waits (RFC 9110 §10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse::<f64>().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The cause at the bottom says "connection refused"; the ones above only that a request failed.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(below) = cause.source() {
        cause = below;
    }
    cause.to_string()
}

#[cfg(test)]
mod refusals;

#[cfg(test)]
mod tests;
