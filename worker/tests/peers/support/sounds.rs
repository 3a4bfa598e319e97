//! Calls to telephones of strangers, for their sound.

use std::{path::Path, time::Duration};

use offhook::attempt::{CodecName, SrtpPolicy, TlsSpecification};
use offhook_media::{MediaConfig, MediaEvent, MediaHandle, MediaSession, Negotiated};
use offhook_sip::{DialEvent, DialRequest, Dialog, DialogEvent, Endpoint, EndpointConfig};
use tokio::{sync::mpsc::Receiver, time::timeout};

/// What the peers play, Hz.
pub const TONE_HZ: f64 = 440.0;

/// The bound of everything a test waits for.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// An answered call with sound.
pub struct Call {
    _endpoint: Endpoint,
    pub dialog: Dialog,
    pub media: MediaHandle,
    pub events: Receiver<MediaEvent>,
    pub agreed: Negotiated,
}

/// Calls with these codecs; `request` is asked with our offer.
pub async fn call(request: impl FnOnce(String) -> DialRequest, codecs: &[CodecName], srtp: SrtpPolicy) -> Call {
    call_trusting(TlsSpecification::default(), request, codecs, srtp).await
}

/// The same, by an endpoint that trusts these, and shows itself so, over TLS.
pub async fn call_trusting(
    tls: TlsSpecification,
    request: impl FnOnce(String) -> DialRequest,
    codecs: &[CodecName],
    srtp: SrtpPolicy,
) -> Call {
    let config = EndpointConfig { tls, ..EndpointConfig::new(([127, 0, 0, 1], 0).into(), "offhook-test") };
    let endpoint = Endpoint::bind(config).await.unwrap();
    let config = MediaConfig {
        address: [127, 0, 0, 1].into(),
        rtp_port: 0,
        advertised: None,
        codecs: codecs.to_vec(),
        recording: None,
        srtp,
    };
    let mut session = MediaSession::bind(config).await.unwrap();
    let mut dialing = endpoint.dial(request(session.offer())).await.unwrap();
    loop {
        match timeout(PATIENCE, dialing.next()).await.unwrap().unwrap() {
            DialEvent::Answered { sdp, dialog, .. } => {
                let agreed = session.accept_answer(&sdp).unwrap_or_else(|error| panic!("{error}\n{sdp}"));
                let (media, events) = session.start();
                return Call { _endpoint: endpoint, dialog, media, events, agreed };
            }
            DialEvent::Failed(failure) => panic!("{failure:?}"),
            _ => {}
        }
    }
}

impl Call {
    pub async fn until<T>(&mut self, mut wanted: impl FnMut(MediaEvent) -> Option<T>) -> T {
        let search = async {
            loop {
                if let Some(found) = wanted(self.events.recv().await.expect("the session goes on")) {
                    return found;
                }
            }
        };
        timeout(PATIENCE, search).await.expect("what is waited for happens")
    }

    /// The next second of sound, once there is some.
    pub async fn second(&mut self) -> Vec<i16> {
        let mut sound = Vec::new();
        self.until(|event| {
            if let MediaEvent::Heard { frame, .. } = event
                && (!sound.is_empty() || frame.iter().any(|sample| sample.abs() > 4000))
            {
                sound.extend_from_slice(&frame);
            }
            (sound.len() >= 18_000).then_some(())
        })
        .await;
        sound.split_off(2000)
    }

    pub async fn request(&mut self) -> DialogEvent {
        timeout(PATIENCE, self.dialog.next()).await.unwrap().expect("the call goes on")
    }
}

/// The share of the sound's power that lies in this tone.
pub fn purity(samples: &[i16], hz: f64, rate: u32) -> f64 {
    let step = std::f64::consts::TAU * hz / f64::from(rate);
    let (mut real, mut imaginary, mut energy) = (0.0, 0.0, 1.0);
    for (index, sample) in samples.iter().enumerate() {
        let (angle, sample) = (index as f64 * step, f64::from(*sample));
        real += sample * angle.cos();
        imaginary += sample * angle.sin();
        energy += sample * sample;
    }
    2.0 * (real * real + imaginary * imaginary) / (samples.len().max(1) as f64 * energy)
}

/// So many seconds of a tone, for us to say.
pub fn sine(hz: f64, seconds: u32) -> Vec<i16> {
    let step = std::f64::consts::TAU * hz / 16_000.0;
    (0..seconds * 16_000).map(|index| (8000.0 * (f64::from(index) * step).sin()) as i16).collect()
}

/// Two minutes of a sine, as a WAV file.
pub fn tone(path: &Path, rate: u32) {
    let count = rate * 120;
    let step = std::f64::consts::TAU * TONE_HZ / f64::from(rate);
    let samples = (0..count).flat_map(|index| ((8000.0 * (f64::from(index) * step).sin()) as i16).to_le_bytes());
    let mut wav = b"RIFF".to_vec();
    wav.extend_from_slice(&(36 + 2 * count).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wav.extend_from_slice(&rate.to_le_bytes());
    wav.extend_from_slice(&(2 * rate).to_le_bytes());
    wav.extend_from_slice(b"\x02\0\x10\0data");
    wav.extend_from_slice(&(2 * count).to_le_bytes());
    wav.extend(samples);
    std::fs::write(path, wav).unwrap();
}
