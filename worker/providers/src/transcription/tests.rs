#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::*;
use crate::wire::{Answer, Wire};

fn heard(text: &str, language: Option<Language>) -> Result<Transcript, ProviderError> {
    Ok(Transcript { text: text.into(), language })
}

#[tokio::test]
async fn words_and_language_come_back() {
    for (named, language) in [
        ("german", Some(Language::De)),
        ("de", Some(Language::De)),
        ("nl-NL", Some(Language::Nl)),
        ("french", None),
        ("Flemish", Some(Language::Nl)),
    ] {
        let wire = Wire::answering([Answer::json(
            200,
            json!({"task":"transcribe","language":named,"duration":1.2,"text":" Guten Tag. "}),
        )])
        .await;
        assert_eq!(wire.providers().transcribe(&[0; 16_000], None).await, heard("Guten Tag.", language), "{named}");
    }
}

#[tokio::test]
async fn the_request_is_a_form_with_a_wav_file() {
    let wire = Wire::answering([Answer::json(200, json!({"text":""}))]).await;
    let sound: Vec<i16> = (0..1600).collect();
    wire.providers().transcribe(&sound, Some(Language::Es)).await.unwrap();
    let seen = &wire.seen()[0];
    assert_eq!(seen.path, "/v1/audio/transcriptions");
    let form = seen.text();
    for part in [
        "name=\"model\"\r\n\r\nears\r\n",
        "name=\"response_format\"\r\n\r\nverbose_json\r\n",
        "name=\"language\"\r\n\r\nes\r\n",
        "filename=\"utterance.wav\"",
        "Content-Type: audio/wav",
    ] {
        assert!(form.contains(part), "{part:?} in {form}");
    }
    let file = wav_file(&sound, 16_000);
    assert_eq!(file.len(), 44 + 3200);
    assert!(seen.body.windows(file.len()).any(|part| part == file), "the file arrives byte for byte");
}

#[tokio::test]
async fn a_server_that_refuses_verbose_json_is_asked_for_json_from_then_on() {
    let refusal = Answer::json(400, json!({"error":{"message":"response_format 'verbose_json' is not compatible with model"}}));
    let wire = Wire::answering([refusal, Answer::json(200, json!({"text":"Yes."}))]).await;
    let providers = wire.providers();
    assert_eq!(providers.transcribe(&[0; 1600], None).await, heard("Yes.", None));
    assert_eq!(providers.transcribe(&[0; 1600], None).await, heard("Yes.", None));
    let formats: Vec<bool> = wire.seen().iter().map(|seen| seen.text().contains("verbose_json")).collect();
    assert_eq!(formats, [true, false, false]);
}

#[tokio::test]
async fn a_refusal_that_is_not_about_the_format_is_reported() {
    let wire = Wire::answering([Answer::json(400, json!({"error":{"message":"audio too short"}}))]).await;
    let error = wire.providers().transcribe(&[0; 160], None).await.unwrap_err();
    assert!(matches!(&error, ProviderError::Refused { status: 400, detail, .. } if detail.contains("too short")), "{error}");
}

#[tokio::test]
async fn what_the_recogniser_itself_takes_for_silence_is_no_text() {
    let segment = |text: &str, silence: f64, logprob: f64, compression: f64| json!({"text":text,"no_speech_prob":silence,"avg_logprob":logprob,"compression_ratio":compression});
    let segments = [
        segment(" Thanks for watching!", 0.9, -1.4, 0.8),
        segment(" Yes.", 0.1, -0.3, 0.7),
        segment(" no no no no no no", 0.1, -0.2, 3.0),
    ];
    let body = json!({"text":" Thanks for watching! Yes. no no no no no no","language":"english","segments":segments});
    let wire = Wire::answering([Answer::json(200, body)]).await;
    assert_eq!(wire.providers().transcribe(&[0; 1600], None).await, heard("Yes.", Some(Language::En)));
}

#[tokio::test]
async fn faults_are_bounded_and_named() {
    let fine = Answer::json(200, json!({"text":"Yes."}));
    let wire = Wire::answering([Answer::new(429, "text/plain", "slow down").header("retry-after", "0"), fine.clone()]).await;
    assert_eq!(wire.providers().transcribe(&[0; 1600], None).await, heard("Yes.", None), "429 and then ok");
    let wire = Wire::answering([Answer::never()]).await;
    let late = wire.providers_within(150, 5000).transcribe(&[0; 1600], None).await;
    assert!(matches!(late, Err(ProviderError::TooSlow { limit: "provider_first", .. })), "{late:?}");
    let wire = Wire::answering([fine.clone().stalls_after(0)]).await;
    let late = wire.providers_within(150, 5000).transcribe(&[0; 1600], None).await;
    assert!(matches!(late, Err(ProviderError::TooSlow { limit: "provider_first", .. })), "{late:?}");
    let wire = Wire::answering([fine.cut_after(0)]).await;
    let cut = wire.providers().transcribe(&[0; 1600], None).await;
    assert!(matches!(cut, Err(ProviderError::Cut { .. })), "{cut:?}");
    for nonsense in [Answer::new(200, "application/json", "{\"txt\":1}"), Answer::new(200, "text/html", "<html></html>")] {
        let wire = Wire::answering([nonsense]).await;
        let found = wire.providers().transcribe(&[0; 1600], None).await;
        assert!(matches!(found, Err(ProviderError::Nonsense { .. })), "{found:?}");
    }
}
