//! SIPp as the callee: a scenario of `tests/sip` on a port of its own.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use offhook::{attempt::WayOut, secret::Secret};
use offhook_sip::{Credentials, DialEvent, DialFailure, DialRequest, Dialing, Dialog, DialogEvent, Endpoint, EndpointConfig};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// The bound of everything a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Our SDP, as far as a callee of these tests looks at it.
pub const OFFER: &str = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 40000 RTP/AVP 8\r\n";

/// A SIPp process that plays one scenario once.
pub struct Sipp {
    child: Child,
    errors: PathBuf,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
}

impl Sipp {
    /// Starts a scenario, and waits until its port is open.
    pub async fn play(scenario: &str) -> Sipp {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sip").join(format!("{scenario}.xml"));
        let port = free_port();
        let errors = std::env::temp_dir().join(format!("offhook-sipp-{}-{port}.log", std::process::id()));
        let mut child = Command::new("sipp")
            .arg("-sf")
            .arg(file.canonicalize().expect("the scenario exists"))
            .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-m", "1", "-nostdin"])
            .args(["-timeout", "20s", "-timeout_error", "-trace_err", "-error_file"])
            .arg(&errors)
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("sipp is installed (Debian: apt install sip-tester)");
        let until = Instant::now() + PATIENCE;
        while !is_listening(port) {
            assert!(child.try_wait().unwrap().is_none(), "sipp ended at once: {}", read(&errors));
            assert!(Instant::now() < until, "sipp never opened its port");
            sleep(Duration::from_millis(5)).await;
        }
        Sipp { child, errors, port }
    }

    /// Dials it by way of `localhost`, though the callee's own domain is elsewhere.
    pub fn request(&self, call_id: &str) -> DialRequest {
        DialRequest {
            to: "sip:+493012345678@restaurant.invalid".to_owned(),
            from_user: "+4930999".to_owned(),
            from_domain: Some("trunk.example".to_owned()),
            call_id: call_id.to_owned(),
            destination: Some(WayOut::udp("localhost", self.port)),
            offer: OFFER.to_owned(),
            ..DialRequest::default()
        }
    }

    /// Waits for its end: it has seen every message of its scenario, and no other.
    pub async fn saw_it_all(mut self) {
        let status = timeout(PATIENCE, self.child.wait()).await.expect("sipp ends").unwrap();
        let errors = read(&self.errors);
        std::fs::remove_file(&self.errors).ok();
        assert_eq!(status.code(), Some(0), "sipp's scenario was not played to its end: {errors}");
    }
}

/// A caller on a port of its own.
pub async fn caller() -> Endpoint {
    let config = EndpointConfig::new(([127, 0, 0, 1], 0).into(), "offhook-test");
    Endpoint::bind(config).await.unwrap()
}

/// The next event of a call that is being set up.
pub async fn next(dialing: &mut Dialing) -> DialEvent {
    timeout(PATIENCE, dialing.next()).await.expect("an event comes").expect("the call is not over")
}

/// The last event of a call's setup.
pub async fn last(dialing: &mut Dialing) -> DialEvent {
    loop {
        let event = next(dialing).await;
        if matches!(event, DialEvent::Answered { .. } | DialEvent::Failed(_)) {
            assert!(dialing.next().await.is_none(), "nothing comes after the last event");
            return event;
        }
    }
}

fn free_port() -> u16 {
    std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Whether a UDP socket of this machine is bound to a port of 127.0.0.1 (proc_net_udp(5)).
fn is_listening(port: u16) -> bool {
    read(Path::new("/proc/net/udp")).contains(&format!(" 0100007F:{port:04X} "))
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// The credentials SIPp's scenarios know.
pub fn credentials(password: &str) -> Credentials {
    Credentials { username: "offhook".to_owned(), password: Secret::new(password) }
}

/// The answer and the call of the last event.
pub fn answered(event: DialEvent) -> (String, Dialog) {
    match event {
        DialEvent::Answered { sdp, dialog, .. } => (sdp, dialog),
        other => panic!("not answered: {other:?}"),
    }
}

/// The failure of the last event.
pub fn failed(event: DialEvent) -> DialFailure {
    match event {
        DialEvent::Failed(failure) => failure,
        other => panic!("did not fail: {other:?}"),
    }
}

/// Dials a scenario and takes it that it answers.
pub async fn call(scenario: &str) -> (Sipp, Endpoint, Dialog) {
    let callee = Sipp::play(scenario).await;
    let endpoint = caller().await;
    let mut dialing = endpoint.dial(callee.request(scenario)).await.unwrap();
    let (_, dialog) = answered(last(&mut dialing).await);
    (callee, endpoint, dialog)
}

/// The next event of a call.
pub async fn event(dialog: &mut Dialog) -> Option<DialogEvent> {
    timeout(PATIENCE, dialog.next()).await.expect("an event comes")
}

/// Waits until the scenario says that all it had to ask is answered, and tells nothing before that.
pub async fn done(dialog: &mut Dialog) {
    match event(dialog).await {
        Some(DialogEvent::Info { body, .. }) if body.starts_with("done") => {}
        other => panic!("not done: {other:?}"),
    }
}

/// Our SDP with another port, as an offer or answer in the middle of a call.
pub fn sdp_at(port: u16) -> String {
    OFFER.replace("40000", &port.to_string())
}
