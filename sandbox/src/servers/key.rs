//! The bearer token.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::header,
    middleware::Next,
    response::{IntoResponse, Response},
};

use super::{Servers, error::ApiError};

/// Lets a request through that carries the key the servers were started with, or any, where they have none.
pub(super) async fn checked(State(servers): State<Arc<Servers>>, request: Request, next: Next) -> Response {
    let Some(key) = &servers.settings.key else { return next.run(request).await };
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match given.and_then(|value| value.strip_prefix("Bearer ")) {
        Some(token) if token == key.expose() => next.run(request).await,
        Some(_) => ApiError::unauthorized(true).into_response(),
        None => ApiError::unauthorized(false).into_response(),
    }
}
