//! The body of a request, held whole so that it can be sent twice, and the second time another way.

use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt, stream};
use reqwest::{
    Body, RequestBuilder,
    header::{CONTENT_LENGTH, CONTENT_TYPE},
    multipart::Form,
};
use serde_json::Value;

/// How long a server that refused in the middle of a body has for its response to the head alone.
const HEAD_FIRST: Duration = Duration::from_millis(300);
/// A slow upload: so many bytes, and then a pause in which a response is read where there is one.
const PIECE: usize = 16 * 1024;
const BETWEEN_PIECES: Duration = Duration::from_millis(5);

/// What is posted.
#[derive(Debug, Clone)]
pub(crate) struct Payload {
    media_type: String,
    bytes: Bytes,
}

/// How it is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sending {
    /// At once.
    Whole,
    /// The head, and then the body slowly: a server that refuses without reading the body and closes the connection loses its own response
    /// on the way, where we write when it has closed. Who writes nothing reads it.
    HeadFirst,
}

impl Payload {
    pub(crate) fn json(document: &Value) -> Self {
        Payload { media_type: "application/json".to_owned(), bytes: document.to_string().into() }
    }

    /// All parts of the form lie in memory, so that nothing is waited for and nothing can fail.
    pub(crate) async fn form(form: Form) -> Self {
        let media_type = format!("multipart/form-data; boundary={}", form.boundary());
        let mut pieces = Box::pin(form.into_stream());
        let mut bytes = bytes::BytesMut::new();
        while let Some(Ok(piece)) = pieces.next().await {
            bytes.extend_from_slice(&piece);
        }
        Payload { media_type, bytes: bytes.freeze() }
    }

    pub(super) fn put_into(&self, request: RequestBuilder, sending: Sending) -> RequestBuilder {
        let request = request.header(CONTENT_TYPE, &self.media_type).header(CONTENT_LENGTH, self.bytes.len());
        match sending {
            Sending::Whole => request.body(self.bytes.clone()),
            Sending::HeadFirst => {
                let pieces = stream::unfold((self.bytes.clone(), HEAD_FIRST), |(mut left, pause)| async move {
                    if left.is_empty() {
                        return None;
                    }
                    tokio::time::sleep(pause).await;
                    let piece = left.split_to(left.len().min(PIECE));
                    Some((Ok::<_, std::io::Error>(piece), (left, BETWEEN_PIECES)))
                });
                request.body(Body::wrap_stream(pieces))
            }
        }
    }
}
