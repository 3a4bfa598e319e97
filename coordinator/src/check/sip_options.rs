//! Whether a trunk speaks SIP: one OPTIONS over UDP (RFC 3261, section 11), repeated like any request over an unreliable transport.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    net::{UdpSocket, lookup_host},
    time::{Instant, timeout, timeout_at},
};

/// The first repetition comes after this, each further one after twice the time (T1, RFC 3261, section 17.1.2.1).
const T1: Duration = Duration::from_millis(500);

/// A trunk that did not answer.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// No such host.
    #[error("{0} cannot be found: {1}; check the trunk's host")]
    Resolve(String, String),
    /// Nothing can be sent there.
    #[error("nothing can be sent to {0}: {1}; check the trunk's host and port, and that UDP gets there")]
    Send(SocketAddr, std::io::Error),
    /// Nothing came back.
    #[error("{0} did not answer in {1} s; check the trunk's host and port, the firewall, and that the trunk knows this address")]
    Silence(SocketAddr, u64),
}

/// Asks the trunk for its options; answers its status line's code and reason, as in `200 OK`. Any answer will do: a trunk that
/// says 401 is there.
///
/// # Errors
/// [`NoAnswer`], at the latest after `patience`.
pub async fn reach(host: &str, port: u16, patience: Duration) -> Result<String, NoAnswer> {
    let resolve = |reason: String| NoAnswer::Resolve(host.to_owned(), reason);
    let found = timeout(patience, lookup_host((host, port))).await.map_err(|_| resolve("no answer".into()))?;
    let remote = found.map_err(|error| resolve(error.to_string()))?.next().ok_or_else(|| resolve("no address".into()))?;

    let send = |error| NoAnswer::Send(remote, error);
    let any: SocketAddr = if remote.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await.map_err(send)?;
    socket.connect(remote).await.map_err(send)?;
    let local = socket.local_addr().map_err(send)?;
    let tag = format!("{:016x}", rand::random::<u64>());
    let request = options(host, port, local, &tag);

    let until = Instant::now() + patience;
    let mut repeat = T1;
    let mut buffer = [0; 4096];
    while Instant::now() < until {
        socket.send(request.as_bytes()).await.map_err(send)?;
        let next = (Instant::now() + repeat).min(until);
        repeat *= 2;
        while let Ok(received) = timeout_at(next, socket.recv(&mut buffer)).await {
            let length = received.map_err(send)?;
            if let Some(status) = status_of(&buffer[..length], &tag) {
                return Ok(status);
            }
        }
    }
    Err(NoAnswer::Silence(remote, patience.as_secs()))
}

fn options(host: &str, port: u16, local: SocketAddr, tag: &str) -> String {
    let host = match host.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    };
    format!(
        "OPTIONS sip:{host}:{port} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {local};branch=z9hG4bK{tag};rport\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:offhook@{local}>;tag={tag}\r\n\
         To: <sip:{host}:{port}>\r\n\
         Call-ID: {tag}@offhook\r\n\
         CSeq: 1 OPTIONS\r\n\
         Contact: <sip:offhook@{local}>\r\n\
         Accept: application/sdp\r\n\
         User-Agent: offhook\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// `200 OK` of `SIP/2.0 200 OK`, where the datagram is a final answer to the request with this tag.
fn status_of(datagram: &[u8], tag: &str) -> Option<String> {
    let text = std::str::from_utf8(datagram).ok()?;
    let status = text.lines().next()?.strip_prefix("SIP/2.0 ")?;
    let code: u16 = status.get(..3)?.parse().ok()?;
    // The Call-ID comes back as it was sent (RFC 3261, section 8.2.6.2).
    ((200..700).contains(&code) && text.contains(&format!("{tag}@offhook"))).then(|| status.trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A trunk that answers the first datagram with nothing final, and the second with what it is told to.
    async fn trunk(answer: &'static str) -> u16 {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = socket.local_addr().unwrap().port();
        tokio::spawn(async move {
            let mut buffer = [0; 2048];
            for nth in 0.. {
                let (length, from) = socket.recv_from(&mut buffer).await.unwrap();
                let request = std::str::from_utf8(&buffer[..length]).unwrap();
                assert!(request.starts_with("OPTIONS sip:127.0.0.1:") && request.ends_with("\r\n\r\n"), "{request}");
                let call_id = request.lines().find(|line| line.starts_with("Call-ID")).unwrap();
                if nth == 0 {
                    socket.send_to(format!("SIP/2.0 100 Trying\r\n{call_id}\r\n\r\n").as_bytes(), from).await.unwrap();
                    socket.send_to(b"SIP/2.0 500 Not yours\r\nCall-ID: of-somebody-else\r\n\r\n", from).await.unwrap();
                } else {
                    socket.send_to(format!("{answer}\r\n{call_id}\r\n\r\n").as_bytes(), from).await.unwrap();
                }
            }
        });
        port
    }

    #[tokio::test]
    async fn any_final_answer_means_that_the_trunk_is_there() {
        for answer in ["SIP/2.0 200 OK", "SIP/2.0 401 Unauthorized"] {
            let port = trunk(answer).await;
            let status = reach("127.0.0.1", port, Duration::from_secs(4)).await.unwrap();
            assert_eq!(format!("SIP/2.0 {status}"), answer);
        }
    }

    #[tokio::test]
    async fn silence_is_told_with_what_to_check() {
        let silent = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let port = silent.local_addr().unwrap().port();
        let sentence = reach("127.0.0.1", port, Duration::from_millis(700)).await.unwrap_err().to_string();
        assert!(sentence.contains("firewall"), "{sentence}");
    }

    #[test]
    fn only_a_final_answer_to_our_request_counts() {
        let answer = |line: &str, tag: &str| format!("{line}\r\nCall-ID: {tag}@offhook\r\n\r\n");
        assert_eq!(status_of(answer("SIP/2.0 200 OK", "aa").as_bytes(), "aa"), Some("200 OK".into()));
        assert_eq!(status_of(answer("SIP/2.0 200 OK", "bb").as_bytes(), "aa"), None);
        assert_eq!(status_of(answer("SIP/2.0 100 Trying", "aa").as_bytes(), "aa"), None);
        assert_eq!(status_of(b"\xff\xfe", "aa"), None);
    }
}
