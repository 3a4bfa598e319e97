//! SIPp as a callee: one call, played from a scenario in `tests/sip/`.
#![allow(dead_code)] // every test file uses its part

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// SIPp with a scenario; it ends by itself, after a minute at most.
pub struct Sipp {
    /// The number to call.
    pub uri: String,
    child: Child,
    errors: PathBuf,
}

impl Sipp {
    /// Listens on a free port, and plays `tests/sip/{scenario}.xml` with whoever calls. Its errors are kept in `folder`.
    pub fn plays(scenario: &str, folder: &Path) -> Sipp {
        let port = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/sip/{scenario}.xml"));
        let errors = folder.join(format!("sipp-{port}.txt"));
        let child = Command::new("sipp")
            .arg("-sf")
            .arg(file)
            .args(["-i", "127.0.0.1", "-p", &port.to_string(), "-m", "1", "-nostdin", "-timeout", "60s", "-timeout_error"])
            .args(["-trace_err", "-error_file"])
            .arg(&errors)
            .env("TERM", "xterm")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sipp is installed by `make setup`");
        let sipp = Sipp { uri: format!("sip:callee@127.0.0.1:{port}"), child, errors };
        let until = Instant::now() + Duration::from_secs(20);
        while !std::fs::read_to_string("/proc/net/udp").unwrap().contains(&format!(" 0100007F:{port:04X} ")) {
            assert!(Instant::now() < until, "sipp never opened its port");
            std::thread::sleep(Duration::from_millis(5));
        }
        sipp
    }

    /// Waits for its end: everything that its scenario expects has come.
    pub async fn saw_it_all(mut self) {
        let ended = tokio::task::block_in_place(|| self.child.wait()).unwrap();
        let said = std::fs::read_to_string(&self.errors).unwrap_or_default();
        assert_eq!(ended.code(), Some(0), "{said}");
    }
}

impl Drop for Sipp {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
