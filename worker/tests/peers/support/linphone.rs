//! linphonec as the callee: headless, with files instead of a sound card, driven by its prompt.

use std::{net::SocketAddr, path::PathBuf, process::Stdio, time::Duration};

use offhook::attempt::WayOut;
use offhook_sip::DialRequest;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, ChildStdin, Command},
    time::{Instant, sleep, timeout},
};

use crate::support::sounds::tone;

/// The bound of everything a test waits for.
const PATIENCE: Duration = Duration::from_secs(20);

/// A running linphonec.
pub struct Linphone {
    child: Child,
    prompt: ChildStdin,
    folder: PathBuf,
    /// Where it takes calls, over UDP.
    pub address: SocketAddr,
}

impl Linphone {
    /// Starts it; it picks up every call, and sends a tone. `encrypted`: it wants SRTP with keys in SDP.
    pub async fn start(encrypted: bool) -> Linphone {
        let address = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = std::env::temp_dir().join(format!("offhook-linphone-{}-{}", std::process::id(), address.port()));
        std::fs::create_dir_all(folder.join(".local/share/linphone")).unwrap();
        tone(&folder.join("tone.wav"), 16_000);
        let encryption = if encrypted { "srtp" } else { "none" };
        let media = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port() & !1;
        std::fs::write(
            folder.join("linphonerc"),
            format!(
                "[sip]\nsip_port={}\nsip_tcp_port=0\nsip_tls_port=0\nmedia_encryption={encryption}\n[rtp]\naudio_rtp_port={media}\n",
                address.port(),
            ),
        )
        .unwrap();
        let log = std::fs::File::create(folder.join("log")).unwrap();
        let mut child = Command::new("linphonec")
            .arg("-c")
            .arg(folder.join("linphonerc"))
            .arg("-a")
            .env("HOME", &folder)
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .expect("linphonec is installed (Debian: apt install linphone-cli)");
        let prompt = child.stdin.take().expect("its input is ours");
        let mut linphone = Linphone { child, prompt, folder, address };
        linphone.printed("linphonec>").await;
        linphone.say("soundcard use files").await;
        linphone.printed("Using wav files").await;
        let (heard, said) = (linphone.folder.join("heard.wav"), linphone.folder.join("tone.wav"));
        linphone.say(&format!("record {}", heard.display())).await;
        linphone.say(&format!("play {}", said.display())).await;
        linphone.say("codec enable 6").await; // G.722
        linphone.printed("G722 (8000) enabled").await;
        linphone
    }

    /// A call to it with this offer.
    pub fn request(&self, offer: String) -> DialRequest {
        DialRequest {
            to: format!("sip:linphone@{}", self.address),
            from_user: "+4930999".to_owned(),
            call_id: format!("to-linphone-{}", self.address.port()),
            destination: Some(WayOut::udp(self.address.ip().to_string(), self.address.port())),
            offer,
            ..DialRequest::default()
        }
    }

    /// What it has printed.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.folder.join("log")).unwrap_or_default()).into_owned()
    }

    /// Ends it, and hands over what it heard, at its own rate.
    pub async fn heard(mut self) -> (Vec<i16>, u32) {
        self.say("quit").await;
        let _ = timeout(PATIENCE, self.child.wait()).await;
        let wav = std::fs::read(self.folder.join("heard.wav")).unwrap_or_else(|error| panic!("{error}: {}", self.log()));
        let rate = u32::from_le_bytes(wav[24..28].try_into().unwrap());
        (wav[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(), rate)
    }

    async fn say(&mut self, command: &str) {
        self.prompt.write_all(format!("{command}\n").as_bytes()).await.unwrap();
    }

    async fn printed(&self, words: &str) {
        let until = Instant::now() + PATIENCE;
        while !self.log().contains(words) {
            assert!(Instant::now() < until, "linphonec never printed \"{words}\": {}", self.log());
            sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        let _ = self.child.start_kill();
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }
}
