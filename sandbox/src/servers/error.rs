//! Errors in the shape of the API: `{"error":{"message","type","param","code"}}`.
//!
//! Source: <https://platform.openai.com/docs/guides/error-codes>.

use axum::{
    Json,
    http::{HeaderValue, Method, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use serde_json::json;

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// HTTP status.
    pub status: StatusCode,
    /// A sentence for people.
    pub message: String,
    /// `invalid_request_error`, `server_error`, …
    pub kind: &'static str,
    /// The parameter that is wrong.
    pub param: Option<String>,
    /// A word for programs.
    pub code: Option<&'static str>,
    /// Seconds for `Retry-After`.
    pub retry_after: Option<u64>,
}

impl ApiError {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        ApiError { status, message: message.into(), kind, param: None, code: None, retry_after: None }
    }

    /// 400: this parameter is wrong.
    pub fn invalid(param: &str, message: impl Into<String>) -> Self {
        ApiError { param: Some(param.to_owned()), ..ApiError::new(StatusCode::BAD_REQUEST, "invalid_request_error", message) }
    }

    /// 400: this parameter is missing.
    pub fn missing(param: &str) -> Self {
        let message = format!("Missing required parameter: '{param}'.");
        ApiError { code: Some("missing_required_parameter"), ..ApiError::invalid(param, message) }
    }

    /// 400: the body is no JSON.
    pub fn unreadable(message: impl Into<String>) -> Self {
        ApiError::new(StatusCode::BAD_REQUEST, "invalid_request_error", message)
    }

    /// 413: the body is too large.
    pub fn too_large(message: impl Into<String>) -> Self {
        ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "invalid_request_error", message)
    }

    /// 401: no key, or a wrong one. The key itself is not repeated.
    pub fn unauthorized(given: bool) -> Self {
        let error = |message: &str| ApiError::new(StatusCode::UNAUTHORIZED, "invalid_request_error", message);
        if given {
            ApiError {
                code: Some("invalid_api_key"),
                ..error("Incorrect API key provided. Send the key the sandbox was started with.")
            }
        } else {
            error(
                "You didn't provide an API key. Send it in an Authorization header using Bearer auth: Authorization: Bearer YOUR_KEY.",
            )
        }
    }

    /// 404: no such model.
    pub fn unknown_model(model: &str, known: &str) -> Self {
        let message = format!("The model `{model}` does not exist or you do not have access to it. This endpoint has `{known}`.");
        let code = Some("model_not_found");
        ApiError { code, ..ApiError::new(StatusCode::NOT_FOUND, "invalid_request_error", message) }
    }

    /// 404: no such path, or not with this method.
    pub fn unknown_url(method: &Method, uri: &Uri) -> Self {
        let message = format!("Invalid URL ({method} {})", uri.path());
        ApiError { code: Some("unknown_url"), ..ApiError::new(StatusCode::NOT_FOUND, "invalid_request_error", message) }
    }

    /// 429 with `Retry-After`.
    pub fn too_many(retry_after: u64) -> Self {
        let message = format!("Rate limit reached for requests. Please try again in {retry_after}s.");
        let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "requests", message);
        ApiError { code: Some("rate_limit_exceeded"), retry_after: Some(retry_after), ..error }
    }

    /// 500.
    pub fn server(message: impl Into<String>) -> Self {
        ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "server_error", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": self.code}});
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
