//! A model server as small as a test needs it, which a test may break: one voice, one recogniser, one model, over HTTP/1.1.

#![allow(dead_code)] // every test file uses its part

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use offhook::language::Language;
use offhook_coordinator::probe::sentence;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What the server does to requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Works,
    /// 500 for the model.
    ModelFails,
    /// 401 without the key "right".
    WantsAKey,
    /// A web page for everything.
    IsAWebsite,
    /// Samples of nothing.
    VoiceIsSilent,
    /// A tenth of a second.
    VoiceIsTooShort,
    /// Other words.
    RecogniserMishears,
    /// Words where a tool is offered.
    ModelHasNoTools,
    /// Replies as one JSON document.
    ModelDoesNotStream,
    /// Ollama's words where a tool is offered; calls described in the prompt are made in the text.
    ModelRefusesTools,
    /// vLLM's words where a tool is offered; calls none otherwise.
    ModelNeedsAnOption,
    /// Takes `max_completion_tokens` only.
    ModelIsNew,
}

/// Answers until it is dropped.
pub struct ModelServer {
    pub address: String,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl ModelServer {
    pub async fn start(manner: Manner) -> ModelServer {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (manner, asked) = (Arc::new(Mutex::new(manner)), Arc::new(AtomicUsize::new(0)));
        let (as_it_is, count) = (manner.clone(), asked.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, as_it_is.clone(), count.clone()));
            }
        });
        ModelServer { address, manner, asked, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    pub fn set(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// Requests so far.
    pub fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, manner: Arc<Mutex<Manner>>, asked: Arc<AtomicUsize>) {
    let mut received = Vec::new();
    while let Some((head, body)) = request(&mut stream, &mut received).await {
        asked.fetch_add(1, Ordering::SeqCst);
        let manner = *manner.lock().unwrap();
        let (status, kind, answer) = answer(&head, &body, manner);
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n", answer.len());
        if stream.write_all(&[head.as_bytes(), &answer].concat()).await.is_err() {
            return;
        }
    }
}

/// The next request: head and body.
async fn request(stream: &mut TcpStream, received: &mut Vec<u8>) -> Option<(String, String)> {
    loop {
        if let Some(end) = received.windows(4).position(|four| four == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&received[..end]).to_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
            let whole = end + 4 + length.unwrap_or(0);
            if received.len() >= whole {
                let body = String::from_utf8_lossy(&received[end + 4..whole]).into_owned();
                received.drain(..whole);
                return Some((head, body));
            }
        }
        let mut more = [0; 16 * 1024];
        let length = stream.read(&mut more).await.ok().filter(|length| *length > 0)?;
        received.extend_from_slice(&more[..length]);
        // What a TLS client says first is no request (RFC 8446 section 5.1).
        if received[0] == 22 {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
            return None;
        }
    }
}

fn answer(head: &str, body: &str, manner: Manner) -> (u16, &'static str, Vec<u8>) {
    const JSON: &str = "application/json";
    let error = |status, message: &str| (status, JSON, json!({"error": {"message": message}}).to_string().into_bytes());
    let path = head.split(' ').nth(1).unwrap_or_default();
    if manner == Manner::IsAWebsite {
        return (200, "text/html", b"<html>Welcome</html>".to_vec());
    }
    if manner == Manner::WantsAKey && !head.contains("authorization: bearer right") {
        return error(401, "Incorrect API key provided");
    }
    match path {
        "/v1/models" => (200, JSON, json!({"data": [{"id": "good"}, {"id": "better"}]}).to_string().into_bytes()),
        _ if path.starts_with("/v1/") && body.contains("missing") => error(404, "The model `missing` does not exist"),
        "/v1/audio/speech" => (200, "audio/pcm", voice(manner)),
        "/v1/audio/transcriptions" => {
            let heard = if manner == Manner::RecogniserMishears { "Where is the station?" } else { sentence(language(body)) };
            (200, JSON, json!({ "text": heard }).to_string().into_bytes())
        }
        "/v1/chat/completions" => match manner {
            Manner::ModelFails => error(500, "out of memory"),
            Manner::ModelRefusesTools if body.contains("\"tools\":[") => error(400, "tiny does not support tools"),
            Manner::ModelNeedsAnOption if body.contains("\"tools\":[") => {
                error(400, "\"auto\" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set")
            }
            Manner::ModelIsNew if body.contains("\"max_tokens\"") => error(
                400,
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            ),
            _ => reply(body, manner),
        },
        _ => error(404, "Not Found"),
    }
}

/// The hint of the form.
fn language(form: &str) -> Language {
    let hinted = |language: &Language| form.contains(&format!("name=\"language\"\r\n\r\n{}", language.code()));
    Language::ALL.into_iter().find(hinted).unwrap_or(Language::En)
}

/// 24 kHz, as a voice sends it: syllables of a tone with overtones.
fn voice(manner: Manner) -> Vec<u8> {
    let samples = if manner == Manner::VoiceIsTooShort { 2_400 } else { 60_000 };
    (0..samples)
        .flat_map(|at| {
            let t = at as f32 / 24_000.0;
            let swell = (t * 25.0).sin().max(0.0);
            let tone: f32 = (1..12).map(|nth| (t * std::f32::consts::TAU * 140.0 * nth as f32).sin() / nth as f32).sum();
            let loud = if manner == Manner::VoiceIsSilent { 0.0 } else { 6_000.0 * swell };
            ((tone * loud) as i16).to_le_bytes()
        })
        .collect()
}

fn reply(body: &str, manner: Manner) -> (u16, &'static str, Vec<u8>) {
    let told = body.contains("\"role\":\"tool\"") || body.contains("<tool_response>\\n{");
    let words = "Yes, I am ready, and the next call may begin at any time.";
    let message = match (told, manner) {
        (false, Manner::ModelRefusesTools) => {
            json!({"role": "assistant", "content": "<tool_call>{\"name\": \"confirm_ready\", \"arguments\": {\"ready\": true}}</tool_call>"})
        }
        (false, Manner::ModelHasNoTools | Manner::ModelNeedsAnOption) | (true, _) => {
            json!({"role": "assistant", "content": words})
        }
        _ => json!({"role": "assistant", "content": null, "tool_calls": [
            {"index": 0, "id": "c1", "type": "function", "function": {"name": "confirm_ready", "arguments": "{\"ready\":true}"}}]}),
    };
    if manner == Manner::ModelDoesNotStream {
        let whole = json!({"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]});
        return (200, "application/json", whole.to_string().into_bytes());
    }
    let deltas = match message["content"].as_str() {
        Some(words) => words.split_inclusive(' ').map(|word| json!({ "content": word })).collect(),
        None => vec![message],
    };
    let chunk =
        |delta, finish| format!("data: {}\n\n", json!({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}));
    let mut stream: String = deltas.into_iter().map(|delta| chunk(delta, serde_json::Value::Null)).collect();
    stream += &chunk(json!({}), json!("stop"));
    stream += "data: [DONE]\n\n";
    (200, "text/event-stream", stream.into_bytes())
}
