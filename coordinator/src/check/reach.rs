//! Whether a provider's server takes connections.

use std::time::Duration;

use tokio::{net::TcpStream, time::timeout};

/// A server that cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum Unreachable {
    /// Not a URL we can use.
    #[error("\"{0}\" is not an http:// or https:// URL")]
    Url(String),
    /// Nothing there.
    #[error("{0} cannot be reached: {1}; check the URL, the network and the firewall")]
    Connect(String, String),
}

/// Connects to the host of `url` and hangs up again, within `patience`.
///
/// # Errors
/// [`Unreachable`].
pub async fn tcp(url: &str, patience: Duration) -> Result<(), Unreachable> {
    let (host, port) = host_and_port(url).ok_or_else(|| Unreachable::Url(url.to_owned()))?;
    match timeout(patience, TcpStream::connect((host, port))).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Unreachable::Connect(url.to_owned(), error.to_string())),
        Err(_) => Err(Unreachable::Connect(url.to_owned(), format!("no answer in {} s", patience.as_secs()))),
    }
}

fn host_and_port(url: &str) -> Option<(&str, u16)> {
    let (rest, default) = match url.split_once("://")? {
        ("http", rest) => (rest, 80),
        ("https", rest) => (rest, 443),
        _ => return None,
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, port.parse().ok()?),
        _ => (authority, default),
    };
    let host = host.trim_matches(['[', ']']);
    (!host.is_empty()).then_some((host, port))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn urls_say_where_to_connect() {
        for (url, expected) in [
            ("https://api.openai.com/v1", Some(("api.openai.com", 443))),
            ("http://127.0.0.1:8090/v1", Some(("127.0.0.1", 8090))),
            ("http://user@[::1]:8090", Some(("::1", 8090))),
            ("http://[::1]/v1", Some(("::1", 80))),
            ("ftp://example.org", None),
            ("http://", None),
            ("http://x:notaport/", None),
        ] {
            assert_eq!(host_and_port(url), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn a_server_is_there_or_it_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        assert!(tcp(&url, Duration::from_secs(2)).await.is_ok());
        drop(listener);
        let sentence = tcp(&url, Duration::from_secs(2)).await.unwrap_err().to_string();
        assert!(sentence.contains("check the URL"), "{sentence}");
    }
}
