//! A telephone not written here picks up: baresip, with each codec, hears the agent and is heard.
#![allow(clippy::unwrap_used)]

mod support;

use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use support::{
    installation::Installation,
    recording::{Sound, speaking},
};

/// A sentence the sandbox's recogniser knows word for word: one that is merely like it is refused when the line is poor.
const GREETING: &str = "Hello, this is The Golden Lion, Mary speaking.";

struct Baresip(Child);

impl Drop for Baresip {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts baresip on a free port; it answers every call, says a greeting and writes what it hears to `dump-…-dec.wav`.
async fn baresip(folder: &Path, codec: &str) -> (Baresip, String) {
    std::fs::create_dir_all(folder).unwrap();
    let address = std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let greeting = folder.join("greeting.wav");
    let said = Command::new("espeak-ng").args(["-v", "en+f3", "-w"]).arg(folder.join("raw.wav")).arg(GREETING).status().unwrap();
    assert!(said.success());
    // A second of quiet first, and long quiet after it: the greeting is said once.
    let rate = if codec.starts_with("opus") { "48000" } else { "8000" };
    let converted = Command::new("sox")
        .arg(folder.join("raw.wav"))
        .args(["-r", rate, "-c", "1", "-b", "16"])
        .arg(&greeting)
        .args(["pad", "1", "120"])
        .status()
        .unwrap();
    assert!(converted.success());
    let modules =
        if Path::new("/usr/lib/baresip/modules").is_dir() { "/usr/lib/baresip/modules" } else { "/usr/lib64/baresip/modules" };
    let channels = if codec.starts_with("opus") { "module opus.so\n" } else { "module g711.so\n" };
    std::fs::write(
        folder.join("config"),
        format!(
            "sip_listen {address}\nmodule_path {modules}\n{channels}module aufile.so\nmodule aubridge.so\nmodule sndfile.so\nsnd_path {}\nmodule_app account.so\nmodule_app menu.so\n\
             audio_source aufile,{}\naudio_player aubridge,ear\naudio_alert aubridge,bell\nausrc_srate {rate}\nauplay_srate {rate}\n\
             ausrc_channels 1\nauplay_channels 1\nopus_stereo no\nopus_sprop_stereo no\ncall_max_calls 4\nrtp_ports 30000-32000\n",
            folder.display(),
            greeting.display(),
        ),
    )
    .unwrap();
    std::fs::write(folder.join("accounts"), format!("<sip:baresip@{address}>;regint=0;answermode=auto;audio_codecs={codec}\n"))
        .unwrap();
    std::fs::write(folder.join("contacts"), "").unwrap();
    let log = std::fs::File::create(folder.join("baresip.log")).unwrap();
    let child = Command::new("baresip")
        .arg("-f")
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .expect("baresip is installed by `make setup`");
    let deadline = Instant::now() + Duration::from_secs(20);
    while !std::fs::read_to_string(folder.join("baresip.log")).unwrap_or_default().contains("baresip is ready") {
        assert!(Instant::now() < deadline, "{}", std::fs::read_to_string(folder.join("baresip.log")).unwrap());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (Baresip(child), address)
}

async fn is_heard_and_hears(codec: &str, in_row: &str) {
    let installation = Installation::start_with(&[], &[("OFFHOOK_LIMIT_SILENCE", "3s")]).await;
    let folder = installation.folder.join("baresip");
    let (baresip, address) = baresip(&folder, codec).await;
    let id = installation.insert(&format!("sip:baresip@{address}"), &[]).await;
    let result = installation.settled(id).await;
    let transcript = installation.transcript(id).await;
    println!("{result:#?}\n{transcript:#?}\n{}", std::fs::read_to_string(folder.join("baresip.log")).unwrap());
    assert_eq!((result.state.as_str(), result.disposition.as_deref()), ("finished", Some("answered")));
    assert_eq!(installation.ask(&format!("select codec from attempts where call_id = {id}")).await, in_row);

    let callee = transcript.iter().find(|said| said.speaker == "callee").expect("the greeting is heard");
    assert!(callee.text.contains("Golden Lion"), "{}", callee.text);
    let sound = Sound::read(&result.recording.unwrap());
    assert!(speaking(&sound.left, callee.started_ms, callee.ended_ms) > 0.5);

    drop(baresip);
    let heard = std::fs::read_dir(&folder).unwrap().flatten().map(|entry| entry.path());
    let heard = heard.into_iter().find(|path| path.to_string_lossy().ends_with("-dec.wav")).expect("baresip wrote what it heard");
    let heard = std::fs::read(heard).unwrap();
    let samples: Vec<i16> = heard[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    let peak = samples.iter().map(|sample| i32::from(*sample).abs()).max().unwrap_or(0);
    assert!(peak > 2000, "baresip heard the agent, peak {peak}");
}

#[tokio::test]
async fn baresip_with_opus() {
    is_heard_and_hears("opus/48000/1", "opus").await;
}

#[tokio::test]
async fn baresip_with_g711_mu_law() {
    is_heard_and_hears("PCMU/8000/1", "PCMU").await;
}

#[tokio::test]
async fn baresip_with_g711_a_law() {
    is_heard_and_hears("PCMA/8000/1", "PCMA").await;
}
