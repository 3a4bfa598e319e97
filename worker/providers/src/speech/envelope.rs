//! Sound that a server has put into JSON: `{"audio":"<base64>"}` (Google and others), or a stream of events with a piece of it in each
//! (`speech.audio.delta`, OpenAI's `stream_format=sse`). Pure: bytes in, the bytes of the sound out.

use base64::{
    Engine as _,
    alphabet::STANDARD,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};
use serde_json::Value;

use super::formats::{Start, start};
use crate::sse::SseParser;

/// Where the sound stands.
const KEYS: [&str; 8] = ["audio", "delta", "audioContent", "audio_content", "audio_base64", "data", "chunk", "b64_json"];
/// Nothing lies deeper than this.
const DEEPEST: usize = 3;
/// Fewer letters of base64 are no sound.
const SHORTEST: usize = 64;
/// Most bytes of a document: a minute of sound in base64, and as much again.
const MOST_BODY: usize = 16 << 20;
/// With or without the signs at the end.
const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));

/// Takes an answer out of what it is wrapped in, if it is.
#[derive(Debug, Default)]
pub(crate) struct Envelope {
    kind: Kind,
    held: Vec<u8>,
    parser: SseParser,
    /// A piece of sound came.
    found: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Kind {
    #[default]
    Unknown,
    /// No envelope.
    Bare,
    Document,
    Events,
}

impl Envelope {
    /// Takes the next bytes; returns those of the sound.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        match self.kind {
            Kind::Bare => return bytes.to_vec(),
            Kind::Unknown => {
                self.held.extend_from_slice(bytes);
                self.kind = match start(&self.held, false) {
                    Start::Unknown => return Vec::new(),
                    Start::Other("JSON") => Kind::Document,
                    Start::Other("a stream of events") => Kind::Events,
                    _ => Kind::Bare,
                };
                if self.kind == Kind::Bare {
                    return std::mem::take(&mut self.held);
                }
                if self.kind == Kind::Events {
                    let first = self.held.clone();
                    return self.events(&first);
                }
            }
            Kind::Document => self.held.extend_from_slice(bytes),
            Kind::Events => {
                if !self.found && self.held.len() < MOST_BODY {
                    self.held.extend_from_slice(bytes);
                }
                return self.events(bytes);
            }
        }
        if self.held.len() > MOST_BODY {
            self.kind = Kind::Bare;
            return std::mem::take(&mut self.held);
        }
        Vec::new()
    }

    /// Ends the answer; returns the rest of the sound, or the answer as it came where there was none in it.
    pub(crate) fn finish(&mut self) -> Vec<u8> {
        let sound = match self.kind {
            Kind::Document => {
                serde_json::from_slice::<Value>(&self.held).ok().and_then(|document| sound_in(&document, DEEPEST, SHORTEST))
            }
            Kind::Events => {
                let last = self.parser.finish();
                self.sound_of(last)
            }
            Kind::Unknown | Kind::Bare => None,
        };
        self.kind = Kind::Bare;
        let held = std::mem::take(&mut self.held);
        match sound {
            Some(sound) => sound,
            None if self.found => Vec::new(),
            None => held,
        }
    }

    fn events(&mut self, bytes: &[u8]) -> Vec<u8> {
        let events = self.parser.push(bytes).unwrap_or_default();
        self.sound_of(events).unwrap_or_default()
    }

    fn sound_of(&mut self, events: impl IntoIterator<Item = String>) -> Option<Vec<u8>> {
        let mut sound = Vec::new();
        for event in events {
            let document: Option<Value> = serde_json::from_str(&event).ok();
            // The last event of some servers has all of the sound once more.
            let again = self.found
                && document
                    .as_ref()
                    .and_then(|document| document.get("type")?.as_str())
                    .is_some_and(|kind| kind.ends_with(".done"));
            if let Some(piece) = document
                .filter(|_| !again)
                .and_then(|document| sound_in(&document, DEEPEST, if self.found { 4 } else { SHORTEST }))
            {
                self.found = true;
                sound.extend(piece);
            }
        }
        (!sound.is_empty()).then_some(sound)
    }
}

/// The bytes of the sound in a document.
fn sound_in(document: &Value, deep: usize, least: usize) -> Option<Vec<u8>> {
    if deep == 0 {
        return None;
    }
    match document {
        Value::Object(fields) => KEYS.iter().find_map(|key| match fields.get(*key)? {
            Value::String(text) => decoded(text, least),
            inner => sound_in(inner, deep - 1, least),
        }),
        Value::Array(list) => {
            let pieces: Vec<u8> = list.iter().filter_map(|inner| sound_in(inner, deep - 1, least)).flatten().collect();
            (!pieces.is_empty()).then_some(pieces)
        }
        _ => None,
    }
}

/// A text of base64, also as a `data:` URL.
fn decoded(text: &str, least: usize) -> Option<Vec<u8>> {
    let text = text.split_once(";base64,").map_or(text, |(_, text)| text).trim();
    (text.len() >= least).then(|| BASE64.decode(text).ok())?
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn taken(answer: &[u8], piece: usize) -> Vec<u8> {
        let mut envelope = Envelope::default();
        let mut sound: Vec<u8> = answer.chunks(piece).flat_map(|piece| envelope.push(piece)).collect();
        sound.extend(envelope.finish());
        sound
    }

    #[test]
    fn sound_in_json_and_in_events_is_taken_out_and_everything_else_left_as_it_is() {
        let sound: Vec<u8> = (0..3000u32).map(|i| (i * 7 % 251) as u8).collect();
        let text = BASE64.encode(&sound);
        let halves = [&text[..2000], &text[2000..]]
            .map(|half| format!("data: {{\"type\":\"speech.audio.delta\",\"audio\":\"{half}\"}}\n\n"));
        let done = "data: {\"type\":\"speech.audio.done\",\"usage\":{}}\n\n";
        for answer in [
            format!("{{\"audio\":\"{text}\"}}"),
            format!("{{ \"audioContent\": \"data:audio/wav;base64,{text}\"}}"),
            format!("{{\"data\":[{{\"audio\":\"{text}\"}}]}}"),
            format!("{}{}{done}", halves[0], halves[1]),
            format!("event: speech.audio.delta\n{}{}", halves[0], halves[1].trim_end()),
        ] {
            for piece in [1, 7, 1000, usize::MAX] {
                assert_eq!(taken(answer.as_bytes(), piece), sound, "{piece}: {}", &answer[..60]);
            }
        }
        for answer in [&sound[..], b"{\"error\":{\"message\":\"no such voice\"}}", b"data: {\"error\":\"busy\"}\n\n", b"{", b""] {
            assert_eq!(taken(answer, 5), answer);
        }
    }
}
