//! Servers that refuse before they have read the request, send us elsewhere, or compress unasked.
#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use crate::{
    ProviderError,
    wire::{Answer, Wire, providers},
};

/// The longest utterance: half a megabyte, more than a connection holds.
static LONG: [i16; 16_000 * 16] = [0; 16_000 * 16];

/// A server that does this with each connection; counts them.
fn server(each: impl Fn(TcpStream) + Send + 'static) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let (address, connections) = (listener.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
    let count = connections.clone();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            count.fetch_add(1, Ordering::SeqCst);
            each(socket);
        }
    });
    (format!("http://{address}/v1"), connections)
}

/// Reads so much of a request, and at least its head.
fn read(socket: &mut TcpStream, at_least: usize) {
    let (mut received, mut buffer) = (Vec::new(), [0; 4096]);
    while received.len() < at_least || !received.windows(4).any(|four| four == b"\r\n\r\n") {
        match socket.read(&mut buffer) {
            Ok(read @ 1..) => received.extend_from_slice(&buffer[..read]),
            _ => return,
        }
    }
}

async fn heard(base_url: &str) -> ProviderError {
    providers(base_url, Duration::from_secs(5), Duration::from_secs(5)).transcribe(&LONG, None).await.unwrap_err()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_in_the_middle_of_an_upload_is_read() {
    for (at_least, status, reason) in [
        (0, "413 Payload Too Large", "at most 100 kB"),
        (0, "400 Bad Request", "audio: no such model"),
        (0, "401 Unauthorized", "no such key"),
        (100_000, "413 Payload Too Large", "at most 100 kB"),
    ] {
        for _ in 0..5 {
            let (base_url, _) = server(move |mut socket| {
                read(&mut socket, at_least);
                let body = json!({"error": {"message": reason}}).to_string();
                let head = format!(
                    "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                    body.len()
                );
                let _ = socket.write_all(format!("{head}{body}").as_bytes());
                // Closed with bytes unread: the other side is told by a reset.
            });
            let error = heard(&base_url).await.to_string();
            assert!(error.contains(&status[..3]) && error.contains(reason), "{status}, {at_least} bytes read: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_is_closed_without_a_word_is_no_server_that_is_not_there() {
    let (base_url, connections) = server(|mut socket| read(&mut socket, 50_000));
    let error = heard(&base_url).await;
    assert!(matches!(error, ProviderError::ClosedEarly { .. }), "{error}");
    assert!(error.to_string().contains("client_max_body_size"), "{error}");
    assert_eq!(connections.load(Ordering::SeqCst), 2, "tried once more, and not again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_connection_that_broke_the_head_goes_alone_so_that_no_response_is_lost() {
    let attempts = AtomicUsize::new(0);
    let (base_url, _) = server(move |mut socket| {
        if attempts.fetch_add(1, Ordering::SeqCst) == 0 {
            return read(&mut socket, 50_000);
        }
        read(&mut socket, 0);
        socket.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let early = socket.read(&mut [0; 4096]).unwrap_or(0);
        let body = format!("{early} bytes of the body were not waited for");
        let head = format!("HTTP/1.1 413 Payload Too Large\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
        let _ = socket.write_all(format!("{head}{body}").as_bytes());
    });
    let error = heard(&base_url).await.to_string();
    assert!(error.contains("413") && error.contains(" 0 bytes of the body"), "{error}");
}

#[tokio::test]
async fn a_redirect_within_the_server_is_followed_and_any_other_named() {
    let moved = |status, place: &str| Answer::json(status, json!({})).header("location", place);
    let fine = || Answer::json(200, json!({"text": "Yes."}));
    for status in [301, 302, 307, 308] {
        let wire = Wire::answering([moved(status, "/v1/audio/transcriptions/"), fine()]).await;
        assert_eq!(wire.providers().transcribe(&[0; 1600], None).await.unwrap().text, "Yes.", "{status}");
        let seen = wire.seen();
        assert_eq!(seen[1].path, "/v1/audio/transcriptions/");
        assert!(seen[1].body.len() > 3200, "posted again, with the file");
    }
    for place in ["https://127.0.0.1/v1/audio/transcriptions?key=secret", "http://elsewhere.test/v1/audio/transcriptions"] {
        let wire = Wire::answering([moved(308, place), fine()]).await;
        let error = wire.providers().transcribe(&[0; 1600], None).await.unwrap_err().to_string();
        let (shown, _) = place.split_once('?').unwrap_or((place, ""));
        assert!(error.contains(shown) && error.contains("OFFHOOK_STT_URL") && !error.contains("secret"), "{error}");
        assert_eq!(wire.seen().len(), 1, "the key stays here");
    }
    let round = Wire::answering([moved(307, "/v1/audio/transcriptions/")]).await;
    round.providers().transcribe(&[0; 1600], None).await.unwrap_err();
    assert_eq!(round.seen().len(), 2, "once, and not round and round");
}

#[tokio::test]
async fn a_base_url_keeps_its_query() {
    let wire = Wire::answering([Answer::json(200, json!({"text": "Yes."}))]).await;
    let base_url = format!("{}/?api-version=2024-10-21", wire.base_url);
    let providers = providers(&base_url, Duration::from_secs(5), Duration::from_secs(5));
    providers.transcribe(&[0; 1600], None).await.unwrap();
    let seen = &wire.seen()[0];
    assert_eq!((seen.path.as_str(), seen.query.as_deref()), ("/v1/audio/transcriptions", Some("api-version=2024-10-21")));
}

#[tokio::test]
async fn nothing_compressed_is_asked_for_and_what_comes_compressed_is_named() {
    for coding in ["gzip", "br", "deflate"] {
        let squeezed = Answer::new(200, "application/json", b"\x1f\x8b\x08\0\0\0".as_slice()).header("content-encoding", coding);
        let wire = Wire::answering([squeezed]).await;
        let error = wire.providers().transcribe(&[0; 1600], None).await.unwrap_err().to_string();
        assert!(error.contains(coding) && error.contains("switch compression off"), "{error}");
        assert_eq!(wire.seen()[0].accept_encoding.as_deref(), Some("identity"));
    }
    let refused = Answer::new(400, "application/json", b"\x1f\x8b\x08\0\0\0".as_slice()).header("content-encoding", "gzip");
    let error = Wire::answering([refused]).await.providers().transcribe(&[0; 1600], None).await.unwrap_err().to_string();
    assert!(error.contains("400") && error.contains("compressed"), "{error}");
    let named = Answer::json(200, json!({"text": "Yes."})).header("content-encoding", "utf-8");
    assert_eq!(Wire::answering([named]).await.providers().transcribe(&[0; 1600], None).await.unwrap().text, "Yes.");
}
