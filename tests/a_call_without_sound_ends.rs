//! A telephone that is picked up and sends no sound is hung up on within the bound, and the row says so.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use support::installation::Installation;

/// SIPp answers, sends nothing, and expects our BYE.
fn silent_callee(errors: &Path) -> (Child, u16) {
    let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let scenario = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sip/answered.xml");
    let child = Command::new("sipp")
        .arg("-sf")
        .arg(scenario)
        .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-m", "1", "-nostdin", "-timeout", "60s", "-timeout_error"])
        .args(["-trace_err", "-error_file"])
        .arg(errors)
        .env("TERM", "xterm")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("sipp is installed by `make setup`");
    let until = Instant::now() + Duration::from_secs(20);
    while !std::fs::read_to_string("/proc/net/udp").unwrap().contains(&format!(" 0100007F:{port:04X} ")) {
        assert!(Instant::now() < until, "sipp never opened its port");
        std::thread::sleep(Duration::from_millis(5));
    }
    (child, port)
}

#[tokio::test]
async fn an_answer_without_sound_is_hung_up_on_and_tried_once_more() {
    let installation = Installation::start_with(&[], &[("OFFHOOK_LIMIT_MEDIA", "2s")]).await;
    installation.ask("update retry_policies set dropped_from = '1 hour', dropped_to = '1 hour' returning name").await;
    let errors = installation.folder.join("sipp.txt");
    let (mut sipp, port) = silent_callee(&errors);
    let id = installation.insert(&format!("sip:callee@127.0.0.1:{port}"), &[("max_attempts", "3")]).await;
    installation.wait_for(id, "state = 'queued' and attempt = 1", Duration::from_secs(40)).await;
    let result = installation.result(id).await;
    assert_eq!((result.disposition.as_deref(), result.outcome), (Some("no_media"), None));
    assert_eq!(result.why.as_deref(), Some("somebody answered, but no sound came"));
    let detail = installation.ask("select detail from attempts").await;
    assert_eq!(detail, "answered, but no sound came within 2 s");
    let seconds = result.talked_seconds.unwrap();
    assert!((2.0..8.0).contains(&seconds), "hung up on after {seconds} s");
    let ended = tokio::task::spawn_blocking(move || sipp.wait()).await.unwrap().unwrap();
    let said = std::fs::read_to_string(&errors).unwrap_or_default();
    assert_eq!(ended.code(), Some(0), "the callee saw our BYE: {said}");
}
