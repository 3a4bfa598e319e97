//! The other end of the wire, for tests: a server on 127.0.0.1 that answers as it is told, faults included.

#![allow(clippy::unwrap_used)]

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use bytes::Bytes;
use futures::{StreamExt, stream};
use offhook::{
    attempt::{CallLimits, Endpoint, ProviderSpecification},
    language::Language,
    secret::Secret,
};
use serde_json::Value;

use super::Providers;

/// What the server does with one request.
#[derive(Debug, Clone)]
pub struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    pieces: Vec<Bytes>,
    then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Then {
    End,
    /// Nothing more, but the connection stays.
    Stall,
    /// The connection breaks.
    Cut,
    /// Not even a head.
    Never,
}

impl Answer {
    pub fn new(status: u16, media_type: &str, body: impl Into<Bytes>) -> Self {
        Answer { status, headers: vec![("content-type", media_type.to_owned())], pieces: vec![body.into()], then: Then::End }
    }

    pub fn json(status: u16, body: Value) -> Self {
        Answer::new(status, "application/json", body.to_string())
    }

    /// Events as a language model's server writes them, one network packet each, `[DONE]` last.
    pub fn events(events: &[Value]) -> Self {
        let events = events.iter().map(Value::to_string).chain(["[DONE]".to_owned()]);
        let pieces = events.map(|event| Bytes::from(format!("data: {event}\n\n"))).collect();
        Answer { pieces, ..Answer::new(200, "text/event-stream; charset=utf-8", "") }
    }

    /// Sound in packets of so many bytes.
    pub fn sound(media_type: &str, bytes: &[u8], packet: usize) -> Self {
        Answer { pieces: bytes.chunks(packet).map(Bytes::copy_from_slice).collect(), ..Answer::new(200, media_type, "") }
    }

    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    /// Only the first so many packets, and then silence on an open connection.
    pub fn stalls_after(mut self, packets: usize) -> Self {
        self.pieces.truncate(packets);
        self.then = Then::Stall;
        self
    }

    /// Only the first so many packets, and then the connection breaks.
    pub fn cut_after(mut self, packets: usize) -> Self {
        self.pieces.truncate(packets);
        self.then = Then::Cut;
        self
    }

    /// Only the first so many packets, and then an orderly end.
    pub fn ends_after(mut self, packets: usize) -> Self {
        self.pieces.truncate(packets);
        self
    }

    pub fn never() -> Self {
        Answer { then: Then::Never, ..Answer::new(200, "", "") }
    }
}

/// A request as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub query: Option<String>,
    pub accept_encoding: Option<String>,
    pub authorization: Option<String>,
    pub body: Bytes,
}

impl Seen {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

struct Script {
    answers: Mutex<Vec<Answer>>,
    seen: Mutex<Vec<Seen>>,
}

/// The server. Ends with the test's runtime.
pub struct Wire {
    pub base_url: String,
    script: Arc<Script>,
}

impl Wire {
    /// Answers in this order; the last one again and again.
    pub async fn answering(answers: impl IntoIterator<Item = Answer>) -> Self {
        let script = Arc::new(Script { answers: Mutex::new(answers.into_iter().collect()), seen: Mutex::default() });
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(script.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Wire { base_url, script }
    }

    pub fn seen(&self) -> Vec<Seen> {
        self.script.seen.lock().unwrap().clone()
    }

    /// All three services on this server, with roomy limits.
    pub fn providers(&self) -> Providers {
        providers(&self.base_url, Duration::from_secs(5), Duration::from_secs(5))
    }

    /// With limits in milliseconds.
    pub fn providers_within(&self, first: u64, stall: u64) -> Providers {
        providers(&self.base_url, Duration::from_millis(first), Duration::from_millis(stall))
    }
}

pub const KEY: &str = "sk-very-secret";

pub fn specification(base_url: &str) -> ProviderSpecification {
    let endpoint = |model: &str| Endpoint { base_url: base_url.into(), key: Some(Secret::new(KEY)), model: model.into() };
    ProviderSpecification {
        speech_to_text: endpoint("ears"),
        chat: endpoint("mind"),
        text_to_speech: endpoint("mouth"),
        voices: vec![(Language::En, "emma".into()), (Language::De, "dora".into())],
        raw_voice_rate: None,
        raw_voice_rates: Vec::new(),
        learned: Value::Null,
    }
}

pub fn providers(base_url: &str, provider_first: Duration, provider_stall: Duration) -> Providers {
    let limits = CallLimits { provider_first, provider_stall, ..CallLimits::default() };
    Providers::new(&specification(base_url), &limits).unwrap()
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Result<Response, Infallible> {
    let path = request.uri().path().to_owned();
    let query = request.uri().query().map(str::to_owned);
    let (authorization, accept_encoding) = {
        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        (header("authorization"), header("accept-encoding"))
    };
    let body = axum::body::to_bytes(request.into_body(), 1 << 24).await.unwrap();
    script.seen.lock().unwrap().push(Seen { path, query, accept_encoding, authorization, body });
    let answer = {
        let mut answers = script.answers.lock().unwrap();
        if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
    };
    if answer.then == Then::Never {
        std::future::pending::<()>().await;
    }
    let mut response = Response::builder().status(StatusCode::from_u16(answer.status).unwrap());
    for (name, value) in answer.headers {
        response = response.header(name, value);
    }
    // A pause between the packets, or hyper would send them as one.
    let pieces = stream::iter(answer.pieces).then(|piece| async {
        tokio::task::yield_now().await;
        Ok(piece)
    });
    let body = match answer.then {
        Then::Cut => Body::from_stream(pieces.chain(stream::once(async {
            // What was written before must be on the wire before it breaks.
            tokio::time::sleep(Duration::from_millis(50)).await;
            Err(std::io::Error::other("cut"))
        }))),
        Then::Stall => Body::from_stream(pieces.chain(stream::pending::<Result<Bytes, std::io::Error>>())),
        Then::End | Then::Never => Body::from_stream(pieces.map(|piece: Result<Bytes, std::io::Error>| piece)),
    };
    Ok(response.body(body).unwrap())
}
