#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

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
async fn sound_in_json_and_in_events_is_played() {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    let (sound, wav) = (BASE64_STANDARD.encode(raw(&tone(24_000))), BASE64_STANDARD.encode(wav_file(&tone(22_050), 22_050)));
    let events: String = sound
        .as_bytes()
        .chunks(4000)
        .map(|piece| format!("data: {{\"type\":\"speech.audio.delta\",\"audio\":\"{}\"}}\n\n", String::from_utf8_lossy(piece)))
        .collect();
    for (media_type, body) in [
        ("application/json", format!("{{\"audio\":\"{sound}\"}}")),
        ("application/json", format!("{{\"audioContent\":\"{wav}\"}}")),
        ("text/event-stream", events),
    ] {
        assert_eq!(of(Answer::sound(media_type, body.as_bytes(), 777)).await.unwrap().len(), 16_000, "{media_type}");
    }
}

async fn of(answer: Answer) -> Result<Vec<i16>, ProviderError> {
    heard(&Wire::answering([answer]).await).await
}

#[tokio::test]
async fn a_rate_is_taken_from_wherever_it_is_said() {
    let sound = raw(&tone(16_000));
    for (media_type, header) in [
        ("audio/pcm;rate=16000", None),
        ("audio/L16; rate=16000; channels=1", None),
        ("audio/L16;codec=pcm;rate=\"16000\"", None),
        ("application/octet-stream", Some(("x-sample-rate", "16000"))),
        ("audio/pcm", Some(("x-audio-sample-rate", "16000 Hz"))),
        ("audio/pcm; samplerate=16000", None),
    ] {
        for order in [i16::to_le_bytes, i16::to_be_bytes] {
            let bytes: Vec<u8> = tone(16_000).into_iter().flat_map(order).collect();
            let answer = Answer::sound(media_type, &bytes, 777);
            let answer = header.into_iter().fold(answer, |answer, (name, value)| answer.header(name, value));
            assert!(of(answer).await.unwrap() == tone(16_000), "{media_type} {header:?}: either byte order");
        }
    }
    let stereo: Vec<u8> = tone(16_000).iter().flat_map(|sample| [sample.to_le_bytes(), sample.to_le_bytes()]).flatten().collect();
    assert!(of(Answer::sound("audio/pcm; rate=16000; channels=2", &stereo, 777)).await.unwrap() == tone(16_000));
    // Only the settings know: for all voices, or for the one of a language.
    for (common, own) in [(Some(16_000), vec![]), (Some(22_050), vec![(Language::De, 16_000), (Language::En, 8_000)])] {
        let wire = Wire::answering([Answer::sound("audio/pcm", &sound, 777)]).await;
        let mut specification = crate::wire::specification(&wire.base_url);
        (specification.raw_voice_rate, specification.raw_voice_rates) = (common, own);
        let providers = crate::Providers::new(&specification, &offhook::attempt::CallLimits::default()).unwrap();
        let mut stream = providers.voice("Guten Tag.", Language::De).await.unwrap();
        let mut found = Vec::new();
        while let Some(piece) = stream.next().await {
            found.extend(piece.unwrap());
        }
        assert!(found == tone(16_000));
    }
}

#[tokio::test]
async fn a_server_that_does_not_know_pcm_is_asked_for_wav_from_then_on() {
    let mp3 = || Answer::new(200, "audio/mpeg", b"ID3\x04\0\0\0\0\0\0\0\0\0\0".as_slice());
    let wav = || Answer::sound("audio/wav", &wav_file(&tone(16_000), 16_000), 777);
    let refusal = |status| Answer::json(status, json!({"error": {"message": "response_format must be wav"}}));
    for odd in [mp3(), refusal(400), refusal(422), refusal(404)] {
        let wire = Wire::answering([odd, wav()]).await;
        let providers = wire.providers();
        for _ in 0..2 {
            let mut stream = providers.voice("Guten Tag.", Language::De).await.unwrap();
            let mut found = Vec::new();
            while let Some(piece) = stream.next().await {
                found.extend(piece.unwrap());
            }
            assert!(found == tone(16_000));
        }
        let formats: Vec<Value> = wire.seen().iter().map(|seen| seen.json()["response_format"].clone()).collect();
        assert_eq!(formats, ["pcm", "wav", "wav"]);
    }
    let always = Wire::answering([mp3()]).await;
    let error = heard(&always).await.unwrap_err();
    assert!(error.to_string().contains("mp3") && error.to_string().contains("response_format"), "{error}");
    assert_eq!(always.seen().len(), 3, "pcm, wav, and whatever it likes");
}

#[tokio::test]
async fn a_sound_that_cannot_be_the_sentence_is_an_error_of_its_own() {
    let text = "Guten Abend, ich hätte gern einen Tisch für vier Personen am Freitag um neunzehn Uhr dreißig.";
    for (sound, why) in
        [(tone(24_000)[..4800].to_vec(), "ms of sound"), (tone(24_000).repeat(53), "ms of sound"), (vec![2; 96_000], "silence")]
    {
        let wire = Wire::answering([Answer::sound("audio/pcm", &raw(&sound), 48_000)]).await;
        let mut stream = wire.providers().voice(text, Language::De).await.unwrap();
        let error = loop {
            match stream.next().await.unwrap() {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert!(matches!(&error, ProviderError::NotSpeech { detail, .. } if detail.contains(why)), "{error}");
        assert!(error.to_string().contains("OFFHOOK_TTS_RATE"), "{error}");
    }
}

#[tokio::test]
async fn the_silence_around_a_sentence_is_not_waited_for() {
    let silence = |ms: usize| vec![3; 24 * ms];
    let sound = [silence(400), tone(24_000), silence(900)].concat();
    let wire = Wire::answering([Answer::sound("audio/pcm", &raw(&sound), 4800)]).await;
    let heard = heard(&wire).await.unwrap().len() / 16;
    assert!((1290..=1310).contains(&heard), "{heard} ms: 50 before, a second, 250 behind");
}

#[tokio::test]
async fn the_first_sound_does_not_wait_for_the_last() {
    let wire = Wire::answering([Answer::sound("audio/pcm", &raw(&tone(24_000)), 4800).stalls_after(1)]).await;
    let mut stream = wire.providers_within(5000, 200).voice("Hello.", Language::En).await.unwrap();
    let first = stream.next().await.unwrap().unwrap();
    assert!(first.len() >= 1200, "100 ms came, {} samples are out", first.len());
    assert!(matches!(stream.next().await, Some(Err(ProviderError::TooSlow { limit: "OFFHOOK_LIMIT_PROVIDER_STALL", .. }))));
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn faults_are_bounded_and_named() {
    let voice = Answer::sound("audio/pcm", &raw(&tone(24_000)), 4800);
    let wire = Wire::answering([Answer::json(500, json!({"error":"cold"})), voice.clone()]).await;
    assert_eq!(heard(&wire).await.unwrap().len(), 16_000, "500 and then ok");
    let wire = Wire::answering([voice.clone().stalls_after(0)]).await;
    let mut stream = wire.providers_within(150, 5000).voice("Hello.", Language::En).await.unwrap();
    assert!(matches!(stream.next().await, Some(Err(ProviderError::TooSlow { limit: "OFFHOOK_LIMIT_PROVIDER_FIRST", .. }))));
    let cut = heard(&Wire::answering([voice.cut_after(3)]).await).await;
    assert!(matches!(cut, Err(ProviderError::Cut { .. })), "{cut:?}");
    for media_type in ["audio/wav", "audio/pcm", "application/json"] {
        let failed = Answer::sound(media_type, br#"{"error": {"message": "no voice of that name: take one of the list"}}"#, 30);
        let wire = Wire::answering([failed]).await;
        let found = heard(&wire).await.unwrap_err();
        assert!(
            matches!(found, ProviderError::ServerFailed { status: 200, .. })
                && found.to_string().contains("no voice of that name"),
            "{media_type}: {found}"
        );
    }
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
