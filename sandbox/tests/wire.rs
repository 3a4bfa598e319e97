//! The model servers as a client sees them.
#![allow(clippy::unwrap_used)]

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::{Duration, Instant},
};

use offhook::{language::Language, secret::Secret};
use offhook_sandbox::{
    faults::Faults,
    recogniser::{
        Recogniser,
        vocabulary::{Phrase, Vocabulary},
    },
    servers::{
        self, EAR_MODEL, ServerSettings, Servers, TALKER_MODEL, VOICE_MODEL,
        chat::{ChatReply, ChatRequest, ReplyToolCall, Talker},
    },
    sound::{Sound, line::telephone, wav},
    voice::{Voice, VoiceSettings},
};
use reqwest::{
    Client, Response, StatusCode,
    multipart::{Form, Part},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

static RECOGNISER: LazyLock<Arc<Recogniser>> = LazyLock::new(|| {
    let phrases = [
        (Language::De, "Wir könnten Ihnen 21:00 anbieten.", "Wir könnten Ihnen einundzwanzig Uhr anbieten."),
        (Language::De, "Auf welchen Namen bitte?", ""),
        (Language::En, "We are fully booked that evening.", ""),
        (Language::Es, "¿Para cuántas personas será?", ""),
        (Language::Nl, "Ja, dat is goed.", ""),
    ];
    let phrase = |(language, text, spoken): (Language, &str, &str)| Phrase { language, text: text.into(), spoken: spoken.into() };
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("templates");
    Arc::new(Recogniser::build(Vocabulary::new(phrases.map(phrase)), &cache).unwrap())
});

/// Says "One moment, please." and accepts an offer, whatever it is asked.
struct Polite;

impl Talker for Polite {
    fn reply(&self, request: &ChatRequest) -> ChatReply {
        let arguments = json!({"date": "2026-12-04", "time": "19:30", "party_size": 4});
        let tool_calls =
            if request.tools.is_empty() { vec![] } else { vec![ReplyToolCall { name: "accept_offer".into(), arguments }] };
        ChatReply { text: "One moment, please.".into(), tool_calls }
    }
}

struct Sandbox {
    address: SocketAddr,
    client: Client,
    _stop: DropGuard,
}

impl Sandbox {
    async fn start(flags: &[&str], key: Option<&str>) -> Sandbox {
        // The client wants a provider even where nothing is encrypted; a second installation changes nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let faults = Faults::new(flags.iter().map(|flag| flag.parse().unwrap()));
        let settings = ServerSettings { key: key.map(Secret::new), faults, ..ServerSettings::default() };
        let servers =
            Servers::new(settings, Voice::new(VoiceSettings::default()), Arc::clone(&RECOGNISER), Some(Arc::new(Polite)));
        let stop = CancellationToken::new();
        tokio::spawn(servers::serve(listener, servers, stop.clone()));
        Sandbox { address, client: Client::builder().timeout(Duration::from_secs(20)).build().unwrap(), _stop: stop.drop_guard() }
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    async fn post(&self, path: &str, body: Value) -> Response {
        self.client.post(self.url(path)).json(&body).send().await.unwrap()
    }

    async fn say(&self, text: &str, voice: &str, format: &str) -> Response {
        self.post("/v1/audio/speech", json!({"model": VOICE_MODEL, "input": text, "voice": voice, "response_format": format}))
            .await
    }

    async fn hear(&self, file: Vec<u8>, fields: &[(&'static str, &'static str)]) -> Response {
        let mut form = Form::new().part("file", Part::bytes(file).file_name("turn.wav"));
        for (name, value) in fields {
            form = form.text(*name, *value);
        }
        self.client.post(self.url("/v1/audio/transcriptions")).multipart(form).send().await.unwrap()
    }

    async fn chat(&self, extra: Value) -> Response {
        let mut body = json!({"model": TALKER_MODEL, "messages": [{"role": "user", "content": "Hello?"}]});
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.post("/v1/chat/completions", body).await
    }
}

async fn refused(response: Response, status: StatusCode) -> Value {
    assert_eq!(response.status(), status);
    let body: Value = response.json().await.unwrap();
    assert!(body["error"]["message"].as_str().is_some_and(|message| message.len() > 10), "{body}");
    body["error"].clone()
}

/// The data of all events of a stream.
fn events(body: &str) -> Vec<&str> {
    body.split("\n\n").filter(|event| !event.is_empty()).map(|event| event.strip_prefix("data: ").unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_voice_says_over_a_telephone_the_ear_hears() {
    let sandbox = Sandbox::start(&[], None).await;
    for (voice, spoken, text, language) in [
        ("de-1", "Wir könnten Ihnen einundzwanzig Uhr anbieten.", "Wir könnten Ihnen 21:00 anbieten.", "german"),
        ("es-2", "¿Para cuántas personas será?", "¿Para cuántas personas será?", "spanish"),
        ("nl-restaurant-1", "Ja, dat is goed.", "Ja, dat is goed.", "dutch"),
    ] {
        let response = sandbox.say(spoken, voice, "wav").await;
        assert_eq!(response.headers()["content-type"], "audio/wav");
        let sound = wav::read(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(sound.rate, 24_000);
        let line = wav::write(&telephone(&sound, Some(20.0), 1));
        let fields = [("model", EAR_MODEL), ("response_format", "verbose_json")];
        let heard: Value = sandbox.hear(line.clone(), &fields).await.json().await.unwrap();
        assert_eq!((heard["text"].as_str(), heard["language"].as_str()), (Some(text), Some(language)), "{heard}");
        assert_eq!(heard["segments"][0]["text"], text);
        let brief: Value = sandbox.hear(line.clone(), &[("model", EAR_MODEL)]).await.json().await.unwrap();
        assert_eq!(brief["text"], text);
        let plain = sandbox.hear(line, &[("model", EAR_MODEL), ("response_format", "text"), ("language", "en")]).await;
        assert_eq!(plain.text().await.unwrap(), format!("{text}\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pcm_is_24_khz_without_a_header_and_silence_is_heard_as_nothing() {
    let sandbox = Sandbox::start(&[], None).await;
    let response = sandbox.say("Good evening.", "en-1", "pcm").await;
    assert_eq!(response.headers()["content-type"], "audio/pcm");
    let bytes = response.bytes().await.unwrap();
    assert_eq!(bytes.len() % 2, 0);
    let seconds = bytes.len() as f64 / 48_000.0;
    assert!((0.5..2.5).contains(&seconds), "{seconds} s");
    let silence = wav::write(&Sound { samples: vec![0; 16_000], rate: 16_000 });
    let fields = [("model", EAR_MODEL), ("response_format", "verbose_json"), ("language", "nl")];
    let heard: Value = sandbox.hear(silence, &fields).await.json().await.unwrap();
    assert_eq!((heard["text"].as_str(), heard["language"].as_str()), (Some(""), Some("dutch")));
    assert_eq!(heard["segments"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_answer_is_the_same_whole_and_streamed() {
    let sandbox = Sandbox::start(&[], None).await;
    let tools = json!([{"type": "function", "function": {"name": "accept_offer", "description": "", "parameters": {"type": "object", "properties": {"time": {"type": "string"}}}}}]);
    let whole: Value = sandbox.chat(json!({"tools": tools})).await.json().await.unwrap();
    let message = &whole["choices"][0]["message"];
    assert_eq!(
        (&whole["choices"][0]["finish_reason"], &message["content"]),
        (&json!("tool_calls"), &json!("One moment, please."))
    );

    let response = sandbox.chat(json!({"tools": tools, "stream": true, "stream_options": {"include_usage": true}})).await;
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/event-stream"));
    let body = response.text().await.unwrap();
    let events = events(&body);
    assert_eq!(events.last(), Some(&"[DONE]"));
    let chunks: Vec<Value> = events[..events.len() - 1].iter().map(|event| serde_json::from_str(event).unwrap()).collect();
    assert_eq!(chunks[0]["choices"][0]["delta"]["role"], "assistant");
    let deltas = || chunks.iter().filter_map(|chunk| chunk["choices"].get(0)).map(|choice| &choice["delta"]);
    let text: String = deltas().filter_map(|delta| delta["content"].as_str()).collect();
    assert_eq!(text, "One moment, please.");
    let calls: Vec<&Value> = deltas().filter_map(|delta| delta["tool_calls"].get(0)).collect();
    assert!(calls.len() > 3 && calls[0]["function"]["name"] == "accept_offer" && calls[0]["id"].is_string());
    let arguments: String = calls.iter().map(|call| call["function"]["arguments"].as_str().unwrap()).collect();
    let of_whole = message["tool_calls"][0]["function"]["arguments"].as_str().unwrap();
    assert_eq!(arguments, of_whole);
    let reasons: Vec<&str> = chunks.iter().filter_map(|chunk| chunk["choices"][0]["finish_reason"].as_str()).collect();
    assert_eq!(reasons, ["tool_calls"]);
    assert!(chunks.last().unwrap()["usage"]["total_tokens"].as_u64().unwrap() > 0);
    assert_eq!(chunks[0]["usage"], Value::Null);

    let brief = sandbox.chat(json!({"stream": true})).await.text().await.unwrap();
    assert!(brief.contains("\"finish_reason\":\"stop\"") && !brief.contains("usage"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_are_refused_in_the_shape_of_the_api() {
    let sandbox = Sandbox::start(&[], None).await;
    let speech = |body: Value| sandbox.post("/v1/audio/speech", body);
    let good = json!({"model": VOICE_MODEL, "input": "Hello", "voice": "en-1", "response_format": "pcm"});
    for (param, value) in
        [("input", json!("")), ("voice", json!("alloy")), ("response_format", json!("opus")), ("speed", json!(9))]
    {
        let mut body = good.clone();
        body[param] = value;
        assert_eq!(refused(speech(body).await, StatusCode::BAD_REQUEST).await["param"], param);
    }
    let missing = refused(speech(json!({"model": VOICE_MODEL, "voice": "en-1"})).await, StatusCode::BAD_REQUEST).await;
    assert_eq!((missing["param"].as_str(), missing["code"].as_str()), (Some("input"), Some("missing_required_parameter")));
    let mut other = good.clone();
    other["model"] = json!("tts-1");
    assert_eq!(refused(speech(other).await, StatusCode::NOT_FOUND).await["code"], "model_not_found");

    let noise = wav::write(&Sound { samples: vec![9; 8_000], rate: 8_000 });
    let model = ("model", EAR_MODEL);
    assert_eq!(refused(sandbox.hear(b"OggS".to_vec(), &[model]).await, StatusCode::BAD_REQUEST).await["param"], "file");
    assert_eq!(refused(sandbox.hear(noise.clone(), &[]).await, StatusCode::BAD_REQUEST).await["param"], "model");
    let fields = [model, ("language", "xx")];
    assert_eq!(refused(sandbox.hear(noise.clone(), &fields).await, StatusCode::BAD_REQUEST).await["param"], "language");
    let fields = [model, ("response_format", "srt")];
    assert_eq!(refused(sandbox.hear(noise, &fields).await, StatusCode::BAD_REQUEST).await["param"], "response_format");
    let click = wav::write(&Sound { samples: vec![9; 400], rate: 8_000 });
    assert_eq!(refused(sandbox.hear(click, &[model]).await, StatusCode::BAD_REQUEST).await["code"], "audio_too_short");
    refused(speech(json!("no form")).await, StatusCode::BAD_REQUEST).await;
    refused(sandbox.post("/v1/audio/transcriptions", json!({})).await, StatusCode::BAD_REQUEST).await;
    refused(sandbox.chat(json!({"messages": []})).await, StatusCode::BAD_REQUEST).await;
    refused(sandbox.client.get(sandbox.url("/v1/audio/speech")).send().await.unwrap(), StatusCode::NOT_FOUND).await;
    refused(sandbox.post("/v1/embeddings", json!({})).await, StatusCode::NOT_FOUND).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_right_key_is_served() {
    let sandbox = Sandbox::start(&[], Some("sesame")).await;
    let models = || sandbox.client.get(sandbox.url("/v1/models"));
    refused(models().send().await.unwrap(), StatusCode::UNAUTHORIZED).await;
    let wrong = refused(models().bearer_auth("please").send().await.unwrap(), StatusCode::UNAUTHORIZED).await;
    assert_eq!(wrong["code"], "invalid_api_key");
    assert!(!wrong.to_string().contains("please") && !wrong.to_string().contains("sesame"));
    let list: Value = models().bearer_auth("sesame").send().await.unwrap().json().await.unwrap();
    let names: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(names, [VOICE_MODEL, EAR_MODEL, TALKER_MODEL]);
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_fall_on_the_requests_they_were_planned_for() {
    let flags = ["chat:limits=1,retry-after=7,first=1", "transcriptions:errors=1,first=1", "models:latency=300,garbage=1"];
    let sandbox = Sandbox::start(&flags, None).await;
    let limited = sandbox.chat(json!({})).await;
    assert_eq!(limited.headers()["retry-after"], "7");
    refused(limited, StatusCode::TOO_MANY_REQUESTS).await;
    assert_eq!(sandbox.chat(json!({})).await.status(), StatusCode::OK);

    let silence = wav::write(&Sound { samples: vec![0; 8_000], rate: 8_000 });
    refused(sandbox.hear(silence.clone(), &[("model", EAR_MODEL)]).await, StatusCode::INTERNAL_SERVER_ERROR).await;
    assert_eq!(sandbox.hear(silence, &[("model", EAR_MODEL)]).await.status(), StatusCode::OK);

    let begun = Instant::now();
    let garbage = sandbox.client.get(sandbox.url("/v1/models")).send().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(300));
    assert_eq!(garbage.status(), StatusCode::OK);
    assert!(garbage.json::<Value>().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_is_cut_or_stalled_at_the_planned_byte() {
    let sandbox = Sandbox::start(&["speech:cut=10000", "chat:stall=200,stall-for=400,first=1"], None).await;
    let mut response = sandbox.say("This sentence is long enough to be cut in the middle.", "en-2", "pcm").await;
    let mut received = 0;
    let broken = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => received += chunk.len(),
            Ok(None) => break false,
            Err(_) => break true,
        }
    };
    assert!(broken && (1..=10_000).contains(&received), "{received} bytes, broken: {broken}");

    let begun = Instant::now();
    let body = sandbox.chat(json!({"stream": true})).await.text().await.unwrap();
    assert!(begun.elapsed() >= Duration::from_millis(400));
    assert_eq!(events(&body).last(), Some(&"[DONE]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_stop_when_told_though_a_client_hangs() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let faults = Faults::new(["models:latency=60000".parse().unwrap()]);
    let settings = ServerSettings { faults, ..ServerSettings::default() };
    let servers = Servers::new(settings, Voice::new(VoiceSettings::default()), Arc::clone(&RECOGNISER), None);
    let stop = CancellationToken::new();
    let server = tokio::spawn(servers::serve(listener, servers, stop.clone()));
    let client = Client::new();
    let refused = client.post(format!("http://{address}/v1/chat/completions")).body("{}").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    let hanging = tokio::spawn(client.get(format!("http://{address}/v1/models")).send());
    tokio::task::yield_now().await;
    stop.cancel();
    tokio::time::timeout(Duration::from_secs(8), server).await.unwrap().unwrap().unwrap();
    hanging.abort();
}
