//! What a recogniser's server sends, read leniently. Pure.
//!
//! `verbose_json` has the text, the language and the segments; `json` the text alone; `text` is the text. Servers send any of them
//! whatever was asked for, and call it what they like.

use offhook::language::Language;
use offhook_types::transcript::{Foreign, GUESSED, Transcript};
use serde_json::Value;

use super::{
    remarks::{subtitles, without_loop, words_only},
    stock_phrases::is_stock_phrase,
};
use crate::{error::said_in, sse::SseParser};

/// Where the text stands, other than in `text`.
const OTHER_PLACES: [&str; 6] = ["transcription", "transcript", "result", "results", "data", "output"];
/// Nothing lies deeper than this.
const DEEPEST: usize = 4;
/// Most segments and words that are looked at: 16 s hold some hundred.
const MOST_PARTS: usize = 5_000;
/// A language named with less probability than this is not known.
const LANGUAGE_UNKNOWN: f64 = 0.5;

/// Why there is no transcript in an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unread {
    /// The server reports an error.
    Said(String),
    /// It is none.
    Nonsense(String),
}

/// A stretch of text, as Whisper rates it.
#[derive(Debug, Default)]
struct Segment {
    text: String,
    no_speech: Option<f64>,
    log_probability: Option<f64>,
    compression: Option<f64>,
}

impl Segment {
    fn read(fields: &Value) -> Option<Segment> {
        fields.as_object()?;
        let text = text(fields.get("text")).unwrap_or_default();
        let figure = |key| number(fields.get(key));
        let (no_speech, log_probability, compression) =
            (figure("no_speech_prob"), figure("avg_logprob"), figure("compression_ratio"));
        // Servers that do not rate their words fill the fields in: vLLM with −1, others with 0. No text has such a compression.
        if compression.is_some_and(|ratio| ratio <= 0.0) {
            return Some(Segment { text, ..Segment::default() });
        }
        Some(Segment {
            text,
            no_speech: no_speech.filter(|share| (0.0..=1.0).contains(share)),
            log_probability: log_probability.filter(|log| *log <= 0.0),
            compression,
        })
    }

    /// Whether Whisper made it up: silence rated as such, or one word over and over. The limits are those of its own `transcribe.py`
    /// (no_speech_threshold 0.6, logprob_threshold −1, compression 2.4).
    fn is_made_up(&self, near_silent: bool) -> bool {
        let silence = self.no_speech.is_some_and(|p| p > 0.6) && self.log_probability.is_some_and(|p| p < -1.0);
        silence || self.compression.is_some_and(|ratio| ratio > 2.4) || is_stock_phrase(&self.text, self.no_speech, near_silent)
    }
}

/// Reads the body of an answer. `near_silent` says that hardly anything is to be heard in the sound.
///
/// # Errors
/// Where there is no text in it, or an error of the server's.
pub(crate) fn read(body: &[u8], near_silent: bool) -> Result<Transcript, Unread> {
    read_body(body, near_silent).map(|transcript| unlooped(transcript, near_silent))
}

fn read_body(body: &[u8], near_silent: bool) -> Result<Transcript, Unread> {
    let body = String::from_utf8_lossy(body);
    let body = body.trim_matches(|c: char| c.is_whitespace() || c == '\u{feff}' || c == '\0');
    if body.starts_with('<') && !body.starts_with("<|") {
        return Err(Unread::Nonsense("the transcript is a page".to_owned()));
    }
    if body.starts_with("data:") || body.starts_with("event:") {
        return events(body, near_silent);
    }
    match serde_json::from_str::<Value>(body) {
        Ok(document) => of_document(inner(&document), near_silent),
        Err(error)
            if body.starts_with('{') || body.strip_prefix('[').is_some_and(|list| list.trim_start().starts_with(['{', '"'])) =>
        {
            Err(Unread::Nonsense(format!("the transcript is no JSON: {error}")))
        }
        Err(_) => Ok(of_text(&subtitles(body), near_silent)),
    }
}

/// `stream=true` nobody asked for: the whole text is in the last event, or in all of them.
fn events(body: &str, near_silent: bool) -> Result<Transcript, Unread> {
    let mut parser = SseParser::default();
    let mut events = parser.push(body.as_bytes()).map_err(|error| Unread::Nonsense(error.to_string()))?;
    events.extend(parser.finish());
    let documents: Vec<Value> = events.iter().filter_map(|event| serde_json::from_str(event).ok()).collect();
    if let Some(whole) = documents.iter().rev().find(|document| document.get("text").is_some() || document.get("error").is_some())
    {
        return of_document(whole, near_silent);
    }
    let deltas: Vec<&str> = documents.iter().filter_map(|document| document.get("delta")?.as_str()).collect();
    if deltas.is_empty() {
        Err(Unread::Nonsense("no text in a stream of events".to_owned()))
    } else {
        Ok(of_text(&deltas.concat(), near_silent))
    }
}

fn of_text(text: &str, near_silent: bool) -> Transcript {
    let text = words_only(text);
    if is_stock_phrase(&text, None, near_silent) { Transcript::default() } else { marked(Transcript::new(text, None)) }
}

/// Takes a phrase that is repeated over and over for one that was guessed once.
fn unlooped(transcript: Transcript, near_silent: bool) -> Transcript {
    let Some(text) = without_loop(&transcript.text) else { return transcript };
    if is_stock_phrase(&text, transcript.no_speech.map(f64::from), near_silent) {
        return Transcript { text: String::new(), ..transcript };
    }
    let confidence = transcript.confidence.unwrap_or(1.0).min(GUESSED / 2.0);
    Transcript { text, confidence: Some(confidence), ..transcript }
}

/// The part of a document that has the text: servers put the answer of another library into a field of their own.
fn inner(document: &Value) -> &Value {
    let mut inner = document;
    for _ in 0..DEEPEST {
        let Some(fields) = inner.as_object().filter(|fields| {
            !["text", "segments", "words", "error"].iter().any(|key| fields.get(*key).is_some_and(|value| !value.is_null()))
        }) else {
            break;
        };
        match OTHER_PLACES.iter().find_map(|key| fields.get(*key).filter(|value| !value.is_null())) {
            Some(place) => inner = place,
            None => break,
        }
    }
    inner
}

fn of_document(document: &Value, near_silent: bool) -> Result<Transcript, Unread> {
    let fields = match document {
        Value::Object(fields) => fields,
        Value::String(text) => return Ok(of_text(text, near_silent)),
        Value::Number(_) => return Ok(of_text(&document.to_string(), near_silent)),
        Value::Array(_) => &serde_json::Map::from_iter([("segments".to_owned(), document.clone())]),
        _ => return Err(Unread::Nonsense("the transcript is no text".to_owned())),
    };
    if fields.get("error").is_some_and(|error| !error.is_null() && error != "")
        && fields.get("text").and_then(Value::as_str).is_none_or(|text| text.trim().is_empty())
    {
        return Err(Unread::Said(said_in(document).unwrap_or_default()));
    }
    let segments: Vec<Segment> = parts(fields.get("segments")).into_iter().filter_map(Segment::read).collect();
    let words = parts(fields.get("words"));
    let whole = text(fields.get("text")).or_else(|| {
        let of_segments = || joined(segments.iter().map(|segment| segment.text.as_str()));
        let of_words = || joined(words.iter().filter_map(|word| word.get("word").or_else(|| word.get("text"))?.as_str()));
        if !segments.is_empty() {
            Some(of_segments())
        } else if !words.is_empty() {
            Some(of_words())
        } else {
            ["text", "segments"].iter().any(|key| fields.contains_key(*key)).then(String::new)
        }
    });
    let Some(whole) = whole else {
        let nothing = || Unread::Nonsense("the transcript has neither text nor segments".to_owned());
        return Err(said_in(document).map_or_else(nothing, Unread::Said));
    };

    let kept: Vec<&Segment> = segments.iter().filter(|segment| !segment.is_made_up(near_silent)).collect();
    let text = if kept.len() == segments.len() { whole } else { joined(kept.iter().map(|segment| segment.text.as_str())) };
    let judged = if kept.is_empty() { segments.iter().collect() } else { kept };
    let no_speech = weighted(&judged, |segment| segment.no_speech).or_else(|| number(fields.get("no_speech_prob")));
    let text = words_only(&text);
    let text = if is_stock_phrase(&text, no_speech, near_silent) { String::new() } else { text };
    let confidence = weighted(&judged, |segment| segment.log_probability)
        .or_else(|| number(fields.get("avg_logprob")))
        .map(f64::exp)
        .or_else(|| word_confidence(&words))
        .or_else(|| mean(parts(fields.get("logprobs")).iter().filter_map(|token| number(token.get("logprob")))).map(f64::exp))
        .or_else(|| number(fields.get("confidence")));
    let named = language_name(fields);
    let language = named.as_deref().and_then(|name| name.parse::<Language>().ok());
    let foreign = named.filter(|_| language.is_none() && !text.is_empty()).map(Foreign::Language);
    let share = |value: f64| value.clamp(0.0, 1.0) as f32;
    Ok(marked(Transcript { text, language, confidence: confidence.map(share), no_speech: no_speech.map(share), foreign }))
}

/// Marks a text whose letters are mostly not Latin.
fn marked(transcript: Transcript) -> Transcript {
    let letters = transcript.text.chars().filter(|c| c.is_alphabetic());
    let (all, other) = letters.fold((0, 0), |(all, other), c| (all + 1, other + usize::from(!is_latin(c))));
    if other * 2 > all { Transcript { foreign: Some(Foreign::Script), ..transcript } } else { transcript }
}

fn is_latin(character: char) -> bool {
    matches!(character, 'a'..='z' | 'A'..='Z' | 'ª' | 'º' | '\u{c0}'..='\u{24f}' | '\u{1e00}'..='\u{1eff}')
}

/// The language as the server names it; `None` where it does not know.
fn language_name(fields: &serde_json::Map<String, Value>) -> Option<String> {
    let named = fields.get("language").or_else(|| fields.get("detected_language")).or_else(|| fields.get("lang"))?;
    let named = match named {
        Value::Object(inner) => inner.get("code").or_else(|| inner.get("language")).or_else(|| inner.get("name"))?,
        other => other,
    };
    if number(fields.get("language_probability")).is_some_and(|probability| probability < LANGUAGE_UNKNOWN) {
        return None;
    }
    let name = named.as_str()?.trim().trim_matches(['<', '|', '>']).trim().to_lowercase();
    let unknown = ["", "unknown", "und", "undefined", "auto", "none", "null", "n/a", "multi", "multilingual", "zxx", "nospeech"];
    (!unknown.contains(&name.as_str())).then_some(name)
}

/// Confidences of words, under whatever name.
fn word_confidence(words: &[&Value]) -> Option<f64> {
    let keys = ["probability", "confidence", "score", "prob"];
    mean(words.iter().filter_map(|word| keys.iter().find_map(|key| number(word.get(key)))))
}

fn mean(numbers: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = numbers.fold((0.0, 0u32), |(sum, count), number| (sum + number, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

/// The mean of a figure over the segments that have it; long ones count for more.
fn weighted(segments: &[&Segment], figure: impl Fn(&Segment) -> Option<f64>) -> Option<f64> {
    let rated = segments.iter().filter_map(|segment| Some((figure(segment)?, segment.text.chars().count().max(1) as f64)));
    let (sum, weight) = rated.fold((0.0, 0.0), |(sum, weight), (figure, length)| (sum + figure * length, weight + length));
    (weight > 0.0).then(|| sum / weight)
}

/// The elements of a list; of an object, its values, or itself where it is the only one; nothing of anything else.
fn parts(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(list)) => list.iter().take(MOST_PARTS).collect(),
        Some(one @ Value::Object(fields)) if fields.contains_key("text") || fields.contains_key("word") => vec![one],
        Some(Value::Object(fields)) => fields.values().take(MOST_PARTS).collect(),
        _ => Vec::new(),
    }
}

/// A number, also one in quotation marks.
fn number(value: Option<&Value>) -> Option<f64> {
    let number = match value? {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    number.filter(|number| number.is_finite())
}

fn text(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Array(lines) => Some(joined(lines.iter().filter_map(Value::as_str))),
        _ => None,
    }
}

/// Texts one after another, with space between them where they bring none.
fn joined<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let mut whole = String::new();
    for text in texts {
        if !whole.is_empty() && !whole.ends_with(char::is_whitespace) && !text.starts_with(char::is_whitespace) {
            whole.push(' ');
        }
        whole.push_str(text);
    }
    whole
}
