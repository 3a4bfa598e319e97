//! Kamailio in the path, with the configuration in `tests/sip/kamailio.cfg`.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::certificates::{Authority, Identity};

/// A running proxy.
pub struct Kamailio {
    child: Child,
    folder: PathBuf,
    /// UDP and TCP.
    pub port: u16,
    /// TLS.
    pub tls_port: u16,
}

impl Kamailio {
    /// Passes calls on to a port of this machine, by `udp`, `tcp` or `tls`; shows this identity and trusts this authority.
    pub fn start(callee: u16, transport: &str, authority: &Authority, identity: &Identity) -> Kamailio {
        let (port, tls_port) = (free_port(), free_port());
        let folder = std::env::temp_dir().join(format!("offhook-kamailio-{}-{port}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (name, text) in [
            ("key.pem", identity.key.clone()),
            ("certificate.pem", identity.certificate.clone()),
            ("authority.pem", authority.pem()),
            ("kamailio.cfg", configuration(port, tls_port, callee, transport, &folder)),
        ] {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let program = ["/usr/sbin/kamailio", "kamailio"].into_iter().find(|path| Path::new(path).exists()).unwrap_or("kamailio");
        let child = Command::new(program)
            .args(["-DD", "-E", "-m", "32", "-M", "4", "-f"])
            .arg(folder.join("kamailio.cfg"))
            .arg("-w")
            .arg(&folder)
            .arg("-Y")
            .arg(&folder)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("kamailio is installed (Debian: apt install kamailio kamailio-tls-modules)");
        let mut kamailio = Kamailio { child, folder, port, tls_port };
        let until = Instant::now() + Duration::from_secs(20);
        while [port, tls_port].iter().any(|port| std::net::TcpStream::connect(("127.0.0.1", *port)).is_err()) {
            assert!(kamailio.child.try_wait().unwrap().is_none(), "kamailio ended at once: {}", kamailio.log());
            assert!(Instant::now() < until, "kamailio never opened its ports: {}", kamailio.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        kamailio
    }

    /// What it wrote.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Kamailio {
    fn drop(&mut self) {
        // Its children end with it where it is asked to.
        let id = self.child.id().to_string();
        Command::new("kill").args(["-TERM", &id]).status().ok();
        let until = Instant::now() + Duration::from_secs(5);
        while Instant::now() < until && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn configuration(port: u16, tls_port: u16, callee: u16, transport: &str, folder: &Path) -> String {
    let template = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/sip/kamailio.cfg");
    std::fs::read_to_string(template)
        .unwrap()
        .replace("@port@", &port.to_string())
        .replace("@tls_port@", &tls_port.to_string())
        .replace("@callee@", &callee.to_string())
        .replace("@transport@", transport)
        .replace("@folder@", &folder.display().to_string())
}

/// A port that is free for UDP and TCP.
fn free_port() -> u16 {
    loop {
        let udp = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = udp.local_addr().unwrap().port();
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}
