#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::{wav::wav_file, *};
use crate::wire::{Answer, Wire};

fn tone(rate: u32) -> Vec<i16> {
    (0..rate).map(|i| ((f64::from(i) * 2.0 * std::f64::consts::PI * 500.0 / f64::from(rate)).sin() * 9000.0) as i16).collect()
}

fn raw(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

async fn heard(wire: &Wire) -> Result<Vec<i16>, ProviderError> {
    let mut stream = wire.providers().voice("Guten Tag.", Language::De).await?;
    let mut sound = Vec::new();
    while let Some(piece) = stream.next().await {
        let piece = piece?;
        assert!(!piece.is_empty());
        sound.extend(piece);
    }
    assert!(stream.next().await.is_none());
    Ok(sound)
}

#[tokio::test]
async fn a_second_of_voice_is_a_second_of_sound_however_it_is_cut() {
    let mut expected: Option<Vec<i16>> = None;
    for packet in [1_000_000, 4096, 1001, 333] {
        let wire = Wire::answering([Answer::sound("audio/pcm", &raw(&tone(24_000)), packet)]).await;
        let sound = heard(&wire).await.unwrap();
        assert_eq!(sound.len(), 16_000);
        assert_eq!(*expected.get_or_insert_with(|| sound.clone()), sound, "packets of {packet} bytes");
    }
    let expected = expected.unwrap();
    let clean = tone(16_000);
    assert!(expected[400..15_600].iter().zip(&clean[400..15_600]).all(|(a, b)| (a - b).abs() < 120), "the same tone");
}

#[tokio::test]
async fn the_request_names_the_voice_of_the_language() {
    let wire = Wire::answering([Answer::sound("audio/pcm", &raw(&tone(24_000)), 4096)]).await;
    heard(&wire).await.unwrap();
    let seen = &wire.seen()[0];
    assert_eq!(seen.path, "/v1/audio/speech");
    assert_eq!(seen.json(), json!({"model":"mouth","input":"Guten Tag.","voice":"dora","response_format":"pcm"}));
    // A language without a voice of its own is spoken by the first.
    let _ = wire.providers().voice("Goedendag.", Language::Nl).await.unwrap();
    assert_eq!(wire.seen()[1].json()["voice"], "emma");
}

#[tokio::test]
async fn wav_and_named_rates_are_believed() {
    let wav = Wire::answering([Answer::sound("audio/wav", &wav_file(&tone(22_050), 22_050), 777)]).await;
    assert_eq!(heard(&wav).await.unwrap().len(), 16_000);
    let named = Wire::answering([Answer::sound("audio/pcm;rate=16000", &raw(&tone(16_000)), 777)]).await;
    assert_eq!(heard(&named).await.unwrap(), tone(16_000));
}

#[tokio::test]
async fn the_first_sound_does_not_wait_for_the_last() {
    let wire = Wire::answering([Answer::sound("audio/pcm", &raw(&tone(24_000)), 4800).stalls_after(1)]).await;
    let mut stream = wire.providers_within(5000, 200).voice("Hello.", Language::En).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert!(first.len() >= 1200, "100 ms came, {} samples are out", first.len());
    assert!(matches!(stream.next().await, Some(Err(ProviderError::TooSlow { limit: "provider_stall", .. }))));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn faults_are_bounded_and_named() {
    let voice = Answer::sound("audio/pcm", &raw(&tone(24_000)), 4800);
    let wire = Wire::answering([Answer::json(500, json!({"error":"cold"})), voice.clone()]).await;
    assert_eq!(heard(&wire).await.unwrap().len(), 16_000, "500 and then ok");
    let wire = Wire::answering([voice.clone().stalls_after(0)]).await;
    let mut stream = wire.providers_within(150, 5000).voice("Hello.", Language::En).await.unwrap();
    assert!(matches!(stream.next().await, Some(Err(ProviderError::TooSlow { limit: "provider_first", .. }))));
    let cut = heard(&Wire::answering([voice.cut_after(3)]).await).await;
    assert!(matches!(cut, Err(ProviderError::Cut { .. })), "{cut:?}");
    let nonsense = [
        Answer::new(200, "text/html", "<html>a page</html>"),
        Answer::new(200, "application/octet-stream", "<html>a page</html>"),
        Answer::new(200, "audio/mpeg", b"ID3\x04\0\0\0\0\0\0\0\0\0\0".as_slice()),
        Answer::json(200, json!({"audio":"…"})),
        Answer::new(200, "audio/pcm", ""),
    ];
    for answer in nonsense {
        let found = heard(&Wire::answering([answer.clone()]).await).await;
        assert!(matches!(found, Err(ProviderError::Nonsense { .. })), "{answer:?}: {found:?}");
    }
}
