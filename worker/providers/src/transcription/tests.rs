#![allow(clippy::unwrap_used)]

use offhook_types::transcript::Foreign;
use serde_json::{Value, json};

use super::*;
use crate::wire::{Answer, Wire};

fn heard(text: &str, language: Option<Language>) -> Result<Transcript, ProviderError> {
    Ok(Transcript::new(text, language))
}

#[tokio::test]
async fn words_and_language_come_back() {
    for (named, language) in [
        ("german", Some(Language::De)),
        ("de", Some(Language::De)),
        ("nl-NL", Some(Language::Nl)),
        ("DE", Some(Language::De)),
        ("<|de|>", Some(Language::De)),
        ("unknown", None),
        ("", None),
        ("Flemish", Some(Language::Nl)),
        ("Deutsch", Some(Language::De)),
        ("ger", Some(Language::De)),
        ("nld", Some(Language::Nl)),
        ("de-DE", Some(Language::De)),
        ("<|es|>", Some(Language::Es)),
        ("Castilian", Some(Language::Es)),
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
    let heard = wire.providers().transcribe(&[0; 1600], None).await.unwrap();
    assert_eq!((heard.text.as_str(), heard.language), ("Yes.", Some(Language::En)));
    assert_eq!((heard.confidence, heard.no_speech), (Some((-0.3f64).exp() as f32), Some(0.1)), "of what was kept");
}

async fn read_as(media_type: &str, body: impl Into<Bytes>) -> Result<Transcript, ProviderError> {
    Wire::answering([Answer::new(200, media_type, body)]).await.providers().transcribe(&[9000; 1600], None).await
}

#[tokio::test]
async fn an_odd_field_costs_no_utterance() {
    for body in [
        r#"{"text":"Good evening.","segments":null,"language":null,"words":null}"#,
        r#"{"text":"Good evening.","segments":{},"language":7}"#,
        r#"{"text":"Good evening.","segments":{"0":{"text":"Good evening.","start":"0.0"}},"duration":"1.2"}"#,
        r#"{"text":null,"segments":[{"text":" Good"},{"text":" evening."}]}"#,
        r#"{"segments":[{"text":"Good"},null,{"text":"evening."}]}"#,
        r#"{"segments":{"text":"Good evening."}}"#,
        r#"[{"text":"Good"},{"text":"evening."}]"#,
        r#"{"words":[{"word":"Good"},{"word":"evening."}]}"#,
        r#""Good evening.""#,
        "Good evening.\n",
        "\u{feff}{\"text\":\"Good evening.\",\"error\":null}",
        "<|en|><|notimestamps|>Good evening.",
        "1\n00:00:00,000 --> 00:00:01,000\nGood evening.\n",
        "WEBVTT\n\n00:00.000 --> 00:01.000\nGood evening.\n",
        "[00:00.000 --> 00:01.000]  Good\n[00:01.000 --> 00:02.000]  evening.\n",
        r#"{"text":["Good","evening."]}"#,
        r#"{"text":"(music) Good evening. *coughs*"}"#,
        r#"{"transcription":[{"text":" Good"},{"text":" evening."}]}"#,
        r#"{"status":"ok","result":{"text":"Good evening."}}"#,
        r#"{"data":{"transcript":"Good evening."}}"#,
        r#"{"text":"Good evening.","error":"one of three decoders failed"}"#,
        "event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"Good \"}\n\ndata: {\"delta\":\"evening.\"}\n\ndata: [DONE]\n\n",
    ] {
        for media_type in ["application/json", "text/plain", "text/html; charset=utf-8", ""] {
            let found = read_as(media_type, body).await;
            assert_eq!(found.as_ref().map(|heard| heard.text.as_str()), Ok("Good evening."), "{media_type}: {body}");
        }
    }
    for silent in [
        r#"{"text":""}"#,
        r#"{"text":null}"#,
        r#"{"segments":[]}"#,
        " [BLANK_AUDIO] ",
        r#"{"text":"(music)"}"#,
        r#"{"text":"♪ ♪"}"#,
        r#"{"text":"(whooshing) (whooshing) [Music]"}"#,
        r#"{"text":"Vielen Dank. Vielen Dank. Vielen Dank. Vielen Dank. Vielen Dank. Vielen Dank.","no_speech_prob":0.9}"#,
    ] {
        assert_eq!(read_as("application/json", silent).await.unwrap().text, "", "{silent}");
    }
    let empty = read_as("application/json", "").await.unwrap_err();
    assert!(
        matches!(&empty, ProviderError::Nonsense { .. }) && empty.to_string().contains("without a body"),
        "no silence: {empty}"
    );
    for failed in [
        r#"{"error":{"message":"model not loaded"}}"#,
        r#"{"text":"","error":"model not loaded"}"#,
        r#"{"detail":"model not loaded"}"#,
        r#"{"status":"error","message":"model not loaded"}"#,
    ] {
        let error = read_as("application/json", failed).await.unwrap_err();
        assert!(
            matches!(&error, ProviderError::ServerFailed { status: 200, .. }) && error.to_string().contains("not loaded"),
            "{failed}: {error}"
        );
    }
}

#[tokio::test]
async fn a_server_that_fails_where_nobody_speaks_has_heard_nothing() {
    for (status, message) in [
        (500, "No clip timestamps found. Set 'vad_filter' to True or provide 'clip_timestamps'."),
        (400, "No speech detected in the audio file."),
        (422, "no active speech found in audio"),
    ] {
        let wire = Wire::answering([Answer::json(status, json!({"detail": message}))]).await;
        assert_eq!(wire.providers().transcribe(&[9000; 1600], None).await, heard("", None), "{message}");
    }
}

#[tokio::test]
async fn a_phrase_over_and_over_is_a_guess() {
    let looped = json!({"text": "danke ".repeat(40)});
    let found = read_as("application/json", looped.to_string()).await.unwrap();
    assert!(found.text == "danke" && found.is_guessed(), "{found:?}");
}

#[tokio::test]
async fn how_sure_the_recogniser_is_comes_back() {
    let segment = |text: &str, logprob: Value| json!({"text": text, "avg_logprob": logprob, "no_speech_prob": "0.02"});
    let body = json!({"text": "Ja. Um acht.", "segments": [segment("Ja.", json!(-0.1)), segment("Um acht.", json!("-0.5"))]});
    let sure = read_as("application/json", body.to_string()).await.unwrap();
    assert!((0.6..0.8).contains(&sure.confidence.unwrap()) && sure.no_speech == Some(0.02) && !sure.is_guessed(), "{sure:?}");
    for (body, confidence) in [
        (json!({"text": "Ja.", "words": [{"word": "Ja.", "probability": 0.25}]}), Some(0.25)),
        (json!({"text": "Ja.", "words": [{"word": "Ja.", "confidence": "0.25"}]}), Some(0.25)),
        (json!({"text": "Ja.", "logprobs": [{"token": "Ja", "logprob": 0.0}, {"token": ".", "logprob": 0.0}]}), Some(1.0)),
        (json!({"text": "Ja.", "confidence": 0.25}), Some(0.25)),
        (json!({"text": "Ja.", "confidence": "high"}), None),
        (json!({"text": "Ja."}), None),
    ] {
        assert_eq!(read_as("application/json", body.to_string()).await.unwrap().confidence, confidence, "{body}");
    }
    assert!(read_as("application/json", json!({"text": "Ja.", "confidence": 0.25}).to_string()).await.unwrap().is_guessed());
    // What is filled in is no rating: vLLM writes −1 everywhere, others 0.
    for filled in [-1.0, 0.0] {
        let segment = json!({"text": "Ja.", "avg_logprob": filled, "no_speech_prob": filled, "compression_ratio": filled});
        let found = read_as("application/json", json!({"text": "Ja.", "segments": [segment]}).to_string()).await.unwrap();
        assert_eq!((found.text.as_str(), found.confidence, found.no_speech), ("Ja.", None, None), "{filled}");
    }
}

#[tokio::test]
async fn what_is_none_of_our_languages_is_marked() {
    for (body, foreign) in [
        (json!({"text": "ご視聴ありがとうございました"}), Some(Foreign::Script)),
        (json!({"text": "Спасибо.", "language": "english"}), Some(Foreign::Script)),
        (json!({"text": "Sí, para catro.", "language": "galician"}), Some(Foreign::Language("galician".into()))),
        (json!({"text": "Bonsoir.", "language": "FR"}), Some(Foreign::Language("fr".into()))),
        (json!({"text": "", "language": "welsh"}), None),
        (json!({"text": "Ja.", "language": "welsh", "language_probability": 0.2}), None),
        (json!({"text": "Müller, à ocho, señor, één.", "language": "nl"}), None),
        (json!({"text": "19:30"}), None),
    ] {
        let heard = read_as("application/json", body.to_string()).await.unwrap();
        assert_eq!(heard.foreign, foreign, "{body}");
        assert_eq!(heard.text, body["text"], "the words stay");
    }
}

#[tokio::test]
async fn stock_phrases_of_silence_are_no_words() {
    let near_silent: Vec<i16> = (0..16_000).map(|i| (i % 7) as i16).collect();
    let loud = vec![9000; 16_000];
    for (body, sound, text) in [
        (json!({"text": "Untertitel der Amara.org-Community"}), &loud, ""),
        (json!({"text": "Thank you."}), &loud, "Thank you."),
        (json!({"text": "Thank you."}), &near_silent, ""),
        (
            json!({"text": "Thank you.", "segments": [{"text": "Thank you.", "no_speech_prob": 0.9, "avg_logprob": -0.2}]}),
            &loud,
            "",
        ),
        (json!({"text": "Thank you.", "segments": [{"text": "Thank you.", "no_speech_prob": 0.1}]}), &near_silent, "Thank you."),
        (
            json!({"text": "Yes. Thanks for watching!", "segments": [{"text": "Yes."}, {"text": " Thanks for watching!"}]}),
            &loud,
            "Yes.",
        ),
    ] {
        let wire = Wire::answering([Answer::json(200, body.clone())]).await;
        assert_eq!(wire.providers().transcribe(sound, None).await.unwrap().text, text, "{body}");
    }
}

#[tokio::test]
async fn each_next_try_leaves_out_what_was_refused() {
    let refusal = |message: &str| Answer::json(400, json!({"error": {"message": message}}));
    let answers = [
        refusal("unknown response_format"),
        refusal("unknown response_format"),
        refusal("language: not supported"),
        Answer::new(200, "text/html", "Yes.\n"),
    ];
    let wire = Wire::answering(answers).await;
    let providers = wire.providers();
    for _ in 0..2 {
        assert_eq!(providers.transcribe(&[9000; 1600], Some(Language::De)).await, heard("Yes.", None));
    }
    let forms: Vec<String> = wire.seen().iter().map(|seen| seen.text()).collect();
    let asked = |form: &String| {
        let format =
            ["verbose_json", "json", "text"].into_iter().find(|format| form.contains(&format!("\r\n\r\n{format}\r\n"))).unwrap();
        (format, form.contains("name=\"language\""))
    };
    let asked: Vec<(&str, bool)> = forms.iter().map(asked).collect();
    assert_eq!(asked, [("verbose_json", true), ("json", true), ("text", true), ("text", false), ("text", false)]);
    for status in [401, 402, 404, 429, 500] {
        let wire = Wire::answering([Answer::json(status, json!({"error": {"message": "no"}}))]).await;
        wire.providers().transcribe(&[0; 1600], None).await.unwrap_err();
        assert!(wire.seen().iter().all(|seen| seen.text().contains("verbose_json")), "{status}");
    }
}

#[tokio::test]
async fn faults_are_bounded_and_named() {
    let fine = Answer::json(200, json!({"text":"Yes."}));
    let wire = Wire::answering([Answer::new(429, "text/plain", "slow down").header("retry-after", "0"), fine.clone()]).await;
    assert_eq!(wire.providers().transcribe(&[0; 1600], None).await, heard("Yes.", None), "429 and then ok");
    let wire = Wire::answering([Answer::never()]).await;
    let late = wire.providers_within(150, 5000).transcribe(&[0; 1600], None).await;
    assert!(matches!(late, Err(ProviderError::TooSlow { limit: "OFFHOOK_LIMIT_PROVIDER_FIRST", .. })), "{late:?}");
    let wire = Wire::answering([fine.clone().stalls_after(0)]).await;
    let late = wire.providers_within(150, 5000).transcribe(&[0; 1600], None).await;
    assert!(matches!(late, Err(ProviderError::TooSlow { limit: "OFFHOOK_LIMIT_PROVIDER_FIRST", .. })), "{late:?}");
    let wire = Wire::answering([fine.cut_after(0)]).await;
    let cut = wire.providers().transcribe(&[0; 1600], None).await;
    assert!(matches!(cut, Err(ProviderError::Cut { .. })), "{cut:?}");
    for nonsense in [Answer::new(200, "application/json", "{\"txt\":1}"), Answer::new(200, "text/html", "<html></html>")] {
        let wire = Wire::answering([nonsense]).await;
        let found = wire.providers().transcribe(&[0; 1600], None).await;
        assert!(matches!(found, Err(ProviderError::Nonsense { .. })), "{found:?}");
    }
}
