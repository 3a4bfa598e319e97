//! `GET {base}/models` (OpenAI API reference, "Models"): which models a server offers, for whoever has named one that it does not.

use serde::Deserialize;
use tokio::time::timeout;

use super::{
    error::ProviderError,
    http::{Http, body_up_to},
};

/// Most bytes of a list: hubs name thousands.
const MOST_BODY: usize = 1 << 20;
/// Most names of it.
const MOST_NAMES: usize = 1000;

#[derive(Deserialize)]
struct List {
    data: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
}

/// Asks for the names.
pub(super) async fn list(http: &Http) -> Result<Vec<String>, ProviderError> {
    let answer = http.fetch("models").await?;
    let body = match timeout(http.bounds.first, body_up_to(answer, MOST_BODY)).await {
        Err(_) => return Err(http.too_slow("the list of models")),
        Ok(Err(_)) => return Err(ProviderError::Cut { service: http.service }),
        Ok(Ok(body)) => body,
    };
    names(&body).ok_or_else(|| http.nonsense("the list of models is no such JSON"))
}

/// The names of a list; `None` where it is none.
pub(crate) fn names(body: &[u8]) -> Option<Vec<String>> {
    let list: List = serde_json::from_slice(body).ok()?;
    let names = list.data.into_iter().map(|model| model.id.trim().to_owned()).filter(|name| !name.is_empty());
    Some(names.take(MOST_NAMES).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_from_what_servers_send() {
        let sent =
            br#"{"object":"list","data":[{"id":"gpt-4.1-mini","object":"model","owned_by":"x"},{"id":"whisper-1"},{"id":" "}]}"#;
        assert_eq!(names(sent), Some(vec!["gpt-4.1-mini".to_owned(), "whisper-1".to_owned()]));
        for other in [&b"<html>"[..], b"{}", b"[]", b"{\"data\":[{}]}", b"\xff"] {
            assert_eq!(names(other), None);
        }
    }
}
