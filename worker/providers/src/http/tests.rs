#![allow(clippy::unwrap_used)]

use std::{
    io::{Read, Write},
    net::TcpListener,
    path::PathBuf,
};

use offhook::attempt::CallLimits;
use rustls::{
    ServerConfig, ServerConnection, StreamOwned,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use serde_json::json;

use super::*;
use crate::{
    Providers,
    wire::{Answer, Wire, providers, specification},
};

/// A server with a certificate of an authority nobody knows: answers one transcription a connection.
fn private_server() -> String {
    let certificate = CertificateDer::from(include_bytes!("../fixtures/test_server.der").as_slice());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(include_bytes!("../fixtures/test_server_key.der").as_slice()));
    let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), socket);
            let mut request = Vec::new();
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut buffer) {
                request.extend_from_slice(&buffer[..read]);
                // The last line of a multipart body.
                if request.ends_with(b"--\r\n") {
                    let body = "{\"text\":\"Yes.\"}";
                    let head =
                        format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", body.len());
                    let _ = stream.write_all(format!("{head}{body}").as_bytes());
                    break;
                }
            }
        }
    });
    format!("https://127.0.0.1:{port}/v1")
}

fn authority() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/src/fixtures/test_authority.pem"))
}

#[tokio::test]
async fn a_private_authority_is_trusted_only_where_its_file_is_given() {
    let specification = specification(&private_server());
    let limits = CallLimits::default();
    let trusting = Providers::trusting(&specification, &limits, Some(&authority())).unwrap();
    assert_eq!(trusting.transcribe(&[0; 160], None).await.unwrap().text, "Yes.");
    let refused = Providers::new(&specification, &limits).unwrap().transcribe(&[0; 160], None).await;
    assert!(matches!(&refused, Err(ProviderError::Unreachable { reason, .. }) if reason.contains("certificate")), "{refused:?}");
}

#[tokio::test]
async fn what_cannot_work_is_said_before_the_call() {
    let limits = CallLimits::default();
    for base_url in ["", "api.openai.com/v1", "ftp://example.org", "file:///etc", "http://"] {
        let error = Providers::new(&specification(base_url), &limits).err().unwrap();
        assert!(error.to_string().contains("OFFHOOK_STT_URL"), "{base_url}: {error}");
    }
    let mut mute = specification("http://127.0.0.1:1/v1");
    mute.voices.clear();
    assert!(Providers::new(&mute, &limits).err().unwrap().to_string().contains("voice"));
    let spec = specification("http://127.0.0.1:1/v1");
    for no_pem in ["/does/not/exist.pem", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")] {
        let error = Providers::trusting(&spec, &limits, Some(Path::new(no_pem))).err().unwrap();
        assert!(error.to_string().contains(no_pem), "{error}");
    }
}

#[tokio::test]
async fn nobody_there_is_reported_with_the_address() {
    let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let alone = providers(&format!("http://127.0.0.1:{port}/v1"), Duration::from_secs(5), Duration::from_secs(5));
    let error = alone.transcribe(&[0; 160], None).await.unwrap_err();
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")) && error.to_string().contains("refused"), "{error}");
}

#[tokio::test]
async fn a_connection_that_breaks_before_an_answer_is_tried_once_more() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        drop(listener.accept().unwrap());
        let (mut socket, _) = listener.accept().unwrap();
        let mut buffer = [0; 65_536];
        let mut request = Vec::new();
        while !request.ends_with(b"--\r\n") {
            let read = socket.read(&mut buffer).unwrap();
            request.extend_from_slice(&buffer[..read]);
        }
        socket
            .write_all(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 14\r\n\r\n{\"text\":\"Ja.\"}")
            .unwrap();
    });
    let providers = providers(&format!("http://{address}/v1/"), Duration::from_secs(5), Duration::from_secs(5));
    assert_eq!(providers.transcribe(&[0; 160], None).await.unwrap().text, "Ja.");
    server.join().unwrap();
}

#[tokio::test]
async fn prewarming_is_harmless_and_bounded() {
    let wire = Wire::answering([
        Answer::json(404, json!({})),
        Answer::json(404, json!({})),
        Answer::json(404, json!({})),
        Answer::json(200, json!({"text":"Yes."})),
    ])
    .await;
    let providers = wire.providers();
    providers.prewarm().await;
    assert!(wire.seen().iter().all(|seen| seen.path == "/v1/models") && wire.seen().len() == 3);
    assert_eq!(providers.transcribe(&[0; 160], None).await.unwrap().text, "Yes.");
    let wire = Wire::answering([Answer::never()]).await;
    let patience = Duration::from_secs(3);
    assert!(tokio::time::timeout(patience, wire.providers_within(100, 100).prewarm()).await.is_ok());
}
