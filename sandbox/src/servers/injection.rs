//! Carries out what the fault plan says: waits, refuses, stalls, cuts.

use std::{io, sync::Arc, time::Duration};

use axum::{
    body::{Body, BodyDataStream, to_bytes},
    extract::{Request, State},
    http::{HeaderValue, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};

use super::{Servers, error::ApiError, oddity, plain};
use crate::faults::{Endpoint, Refusal, Verdict};

/// Half an answer, as a proxy that gave up leaves it.
const GARBAGE: &str = "{\"id\":\"chatcmpl-1\",\"text\":\"half an ans";
/// The same in a stream.
const GARBAGE_EVENT: &str = "data: {\"id\":\"chatcmpl-1\",\"choices\":[{\"delta\":{\"content\":\"half\n\n";

/// The largest chat request.
const LARGEST: usize = 16 << 20;

/// Long enough for the HTTP server to pass on what it has been given.
const FLUSH: Duration = Duration::from_millis(20);

/// Runs a request under the verdict of its endpoint's plan.
pub(super) async fn injected(State(servers): State<Arc<Servers>>, request: Request, next: Next) -> Response {
    let endpoint = Endpoint::of_path(request.uri().path());
    let Some(verdict) = endpoint.map(|endpoint| servers.settings.faults.next(endpoint)) else { return next.run(request).await };
    tokio::time::sleep(verdict.latency).await;
    match verdict.refusal {
        Some(Refusal::ServerError) => {
            ApiError::server("The server had an error while processing your request. Sorry about that!").into_response()
        }
        Some(Refusal::TooMany(seconds)) => ApiError::too_many(seconds).into_response(),
        Some(Refusal::Garbage) => garbage(endpoint == Some(Endpoint::Chat)),
        None => {
            let plain = verdict.plain && endpoint == Some(Endpoint::Chat);
            let request = match plain {
                true => match described(request).await {
                    Ok(request) => request,
                    Err(refusal) => return refusal.into_response(),
                },
                false => request,
            };
            let answer = next.run(request).await;
            let answer = match endpoint.filter(|_| verdict.odd || plain) {
                Some(endpoint) => oddity::odd(answer, endpoint).await,
                None => answer,
            };
            spoiled(answer, &verdict)
        }
    }
}

/// The request as a server with tools gets it.
async fn described(request: Request) -> Result<Request, ApiError> {
    let (mut parts, body) = request.into_parts();
    let body = to_bytes(body, LARGEST).await.map_err(|error| ApiError::unreadable(error.to_string()))?;
    let body = plain::with_tools(&body)?;
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Request::from_parts(parts, Body::from(body)))
}

fn garbage(stream: bool) -> Response {
    let (kind, body) = if stream { ("text/event-stream", GARBAGE_EVENT) } else { ("application/json", GARBAGE) };
    ([(header::CONTENT_TYPE, HeaderValue::from_static(kind))], body).into_response()
}

/// The response with a body that stalls or breaks off where the verdict says so.
fn spoiled(response: Response, verdict: &Verdict) -> Response {
    if verdict.stall.is_none() && verdict.cut.is_none() {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // The promised length will not be kept.
    parts.headers.remove(header::CONTENT_LENGTH);
    let body = Body::from_stream(spoiled_body(body.into_data_stream(), verdict.clone()));
    Response::from_parts(parts, body)
}

struct Spoiling {
    body: BodyDataStream,
    /// Read from the body and not yet passed on.
    rest: Bytes,
    sent: u64,
    verdict: Verdict,
}

fn spoiled_body(body: BodyDataStream, verdict: Verdict) -> impl Stream<Item = Result<Bytes, io::Error>> {
    let start = Spoiling { body, rest: Bytes::new(), sent: 0, verdict };
    stream::unfold(Some(start), |state| async move {
        let mut state = state?;
        if state.verdict.cut.is_some_and(|cut| state.sent >= cut) {
            // What came before is on the wire only once the body waits: the client is to receive it.
            tokio::time::sleep(FLUSH).await;
            return Some((Err(io::Error::other("the connection is cut, as the fault plan says")), None));
        }
        if let Some((at, pause)) = state.verdict.stall
            && state.sent >= at
        {
            state.verdict.stall = None;
            tokio::time::sleep(pause).await;
        }
        if state.rest.is_empty() {
            match state.body.next().await? {
                Ok(bytes) => state.rest = bytes,
                Err(error) => return Some((Err(io::Error::other(error)), None)),
            }
        }
        // Up to the next place where something happens.
        let next = [state.verdict.cut, state.verdict.stall.map(|(at, _)| at)].into_iter().flatten().min();
        let room = next.map_or(state.rest.len(), |next| state.rest.len().min((next - state.sent) as usize));
        let piece = state.rest.split_to(room);
        state.sent += piece.len() as u64;
        Some((Ok(piece), Some(state)))
    })
}
