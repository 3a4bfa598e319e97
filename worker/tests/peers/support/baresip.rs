//! baresip as the callee: a telephone not written here, headless, on ports of its own, driven over its control connection.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use offhook::attempt::{SipTransport, WayOut};
use offhook_sip::DialRequest;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

use crate::support::{certificates::Authority, sounds::tone};

/// The bound of everything a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// A running baresip.
pub struct Baresip {
    child: Child,
    folder: PathBuf,
    /// Where it takes calls, over UDP.
    pub address: SocketAddr,
    control: TcpStream,
}

impl Baresip {
    /// Starts it with these codecs, as baresip names them (`opus/48000/1`, `G722/16000/1`, `PCMA/8000/1`), and with more
    /// parameters of its account, such as `;mediaenc=srtp` or `;dtmfmode=info`. It picks up every call and sends a tone.
    pub async fn start(codecs: &str, account: &str) -> Baresip {
        Baresip::start_with(codecs, account, None).await
    }

    /// The same, and it takes calls over TLS too, showing a certificate of this authority for its address, and trusting it alone.
    pub async fn start_secure(codecs: &str, account: &str, authority: &Authority) -> Baresip {
        Baresip::start_with(codecs, account, Some(authority)).await
    }

    async fn start_with(codecs: &str, account: &str, authority: Option<&Authority>) -> Baresip {
        let (address, control) = (free(), free());
        let folder = std::env::temp_dir().join(format!("offhook-baresip-{}-{}", std::process::id(), address.port()));
        std::fs::create_dir_all(&folder).unwrap();
        let rate = if codecs.contains("G722") {
            16_000
        } else if codecs.contains("opus") {
            48_000
        } else {
            8000
        };
        tone(&folder.join("tone.wav"), rate);
        let folders = ["/usr/lib/baresip/modules", "/usr/lib64/baresip/modules"];
        let modules = folders.into_iter().find(|folder| Path::new(folder).is_dir()).expect("baresip's modules are installed");
        let loaded: String = ["opus", "g722", "g711", "srtp", "aufile", "aubridge", "sndfile", "ctrl_tcp"]
            .map(|module| format!("module {module}.so\n"))
            .concat();
        let config = format!(
            "sip_listen {address}\nmodule_path {modules}\n{loaded}module_app account.so\nmodule_app menu.so\n\
             ctrl_tcp_listen {control}\nsnd_path {folder}\naudio_source aufile,{folder}/tone.wav\naudio_player aubridge,ear\n\
             audio_alert aubridge,bell\nausrc_srate {rate}\nauplay_srate {rate}\nausrc_channels 1\nauplay_channels 1\n\
             opus_stereo no\nopus_sprop_stereo no\nopus_inbandfec yes\ncall_max_calls 4\nrtp_ports 30000-32000\n",
            folder = folder.display(),
        );
        let config = config + &authority.map(|authority| secured(&folder, authority)).unwrap_or_default();
        std::fs::write(folder.join("config"), config).unwrap();
        let line = format!("<sip:baresip@{address}>;regint=0;answermode=auto;audio_codecs={codecs}{account}\n");
        std::fs::write(folder.join("accounts"), line).unwrap();
        std::fs::write(folder.join("contacts"), "").unwrap();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let child = Command::new("baresip")
            .arg("-v")
            .arg("-f")
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("baresip is installed (Debian: apt install baresip-core)");
        let until = Instant::now() + PATIENCE;
        let control = loop {
            let ready = read(&folder.join("log")).contains("baresip is ready");
            if let (true, Ok(control)) = (ready, TcpStream::connect(control).await) {
                break control;
            }
            assert!(Instant::now() < until, "baresip does not start: {}", read(&folder.join("log")));
            sleep(Duration::from_millis(20)).await;
        };
        Baresip { child, folder, address, control }
    }

    /// A call to it with this offer.
    pub fn request(&self, offer: String) -> DialRequest {
        DialRequest {
            to: format!("sip:baresip@{}", self.address),
            from_user: "+4930999".to_owned(),
            call_id: format!("to-baresip-{}", self.address.port()),
            destination: Some(WayOut::udp(self.address.ip().to_string(), self.address.port())),
            offer,
            ..DialRequest::default()
        }
    }

    /// A call to it over TLS with this offer: baresip listens for that on the port above its own.
    pub fn secure_request(&self, offer: String) -> DialRequest {
        let port = Some(self.address.port() + 1);
        let way_out = WayOut { host: self.address.ip().to_string(), port, transport: Some(SipTransport::Tls) };
        DialRequest { destination: Some(way_out), ..self.request(offer) }
    }

    /// A command of its menu, such as `hold`, `resume`, `sndcode` with a digit, `hangup`; netstrings of JSON.
    pub async fn command(&mut self, command: &str, parameters: &str) {
        let json = serde_json::json!({ "command": command, "params": parameters }).to_string();
        self.control.write_all(format!("{}:{json},", json.len()).as_bytes()).await.unwrap();
        let mut answer = vec![0; 4096];
        let mut text = String::new();
        while !text.contains("\"response\":true") {
            let length = timeout(PATIENCE, self.control.read(&mut answer)).await.expect("baresip answers").unwrap();
            assert!(length > 0, "baresip is gone: {}", self.log());
            text.push_str(&String::from_utf8_lossy(&answer[..length]));
        }
        assert!(text.contains("\"ok\":true"), "{command} {parameters}: {text}");
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        read(&self.folder.join("log"))
    }

    /// Waits until it has printed this.
    pub async fn printed(&self, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.log().contains(words) {
            assert!(Instant::now() < until, "baresip never printed \"{words}\": {}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Ends it, and hands over what it heard, at its own rate.
    pub async fn heard(mut self) -> (Vec<i16>, u32) {
        self.command("quit", "").await;
        let _ = timeout(PATIENCE, self.child.wait()).await;
        let files = std::fs::read_dir(&self.folder).unwrap().flatten().map(|entry| entry.path());
        let file =
            files.into_iter().find(|path| path.to_string_lossy().ends_with("-dec.wav")).expect("baresip wrote what it heard");
        let wav = std::fs::read(file).unwrap();
        let rate = u32::from_le_bytes(wav[24..28].try_into().unwrap());
        (wav[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(), rate)
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}

/// Settings for TLS: who it is, certificate and key in one file, and whom it trusts.
fn secured(folder: &Path, authority: &Authority) -> String {
    let identity = authority.issue(&["127.0.0.1"]);
    let (shown, trusted) = (folder.join("identity.pem"), folder.join("authority.pem"));
    std::fs::write(&shown, identity.certificate + &identity.key).unwrap();
    std::fs::write(&trusted, authority.pem()).unwrap();
    format!("sip_certificate {}\nsip_cafile {}\n", shown.display(), trusted.display())
}

/// A port that is free for both, since baresip takes calls over UDP and TCP on one port, and so is the next, where it takes TLS.
fn free() -> SocketAddr {
    loop {
        let tcp = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = tcp.local_addr().unwrap();
        let next = address.port().checked_add(1).map(|port| std::net::TcpListener::bind((address.ip(), port)));
        if matches!(next, Some(Ok(_))) {
            return address;
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
