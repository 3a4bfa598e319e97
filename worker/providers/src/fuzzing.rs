//! What the fuzz targets `reply`, `transcript` and `voice` call: bytes as the servers of the models send them. Nothing here may panic
//! for any input, but where a property is broken.

use offhook_types::{chat::ToolCall, transcript::Transcript};

use crate::{
    chat::Reply,
    error::{MOST_DETAIL, detail},
    speech::wav::{NoSound, VoiceDecoder},
    sse::SseParser,
    transcription::Answer,
};

const KEY: &str = "sk-secret";

/// Reads a reply as a stream of events, whole and in pieces as long as the first byte says; and as the body of an error.
pub fn reply(bytes: &[u8]) {
    let Some((length, stream)) = bytes.split_first() else { return };
    let (text, calls) = read_reply(stream, stream.len().max(1));
    assert_eq!(read_reply(stream, usize::from(*length) + 1), (text, calls.clone()), "how it is cut makes no difference");
    assert!(calls.iter().all(|call| !call.name.is_empty() && !call.id.is_empty() && !call.arguments.trim().is_empty()));

    let said = detail(stream, Some(KEY));
    assert!(said.chars().count() <= MOST_DETAIL + "; it says: ".len() && !said.contains(KEY), "{said}");
}

/// Text and tool calls up to the end, or to the first event that is none of a reply.
fn read_reply(stream: &[u8], piece: usize) -> (String, Vec<ToolCall>) {
    let (mut parser, mut reply, mut text) = (SseParser::default(), Reply::default(), String::new());
    let mut events = Vec::new();
    for piece in stream.chunks(piece) {
        match parser.push(piece) {
            Ok(more) => events.extend(more),
            Err(_) => break,
        }
    }
    events.extend(parser.finish());
    for event in events {
        match reply.event(&event) {
            Ok(progress) => text.extend(progress.text),
            Err(_) => break,
        }
    }
    (text, reply.calls.finish())
}

/// Reads the body of a transcript.
pub fn transcript(bytes: &[u8]) {
    if let Ok(answer) = serde_json::from_slice::<Answer>(bytes) {
        let Transcript { text, .. } = answer.transcript();
        assert_eq!(text, text.trim());
    }
}

/// Reads a voice, whole and in pieces as long as the first byte says.
pub fn voice(bytes: &[u8]) {
    let Some((length, stream)) = bytes.split_first() else { return };
    let whole = read_voice(stream, stream.len().max(1));
    if let Ok(sound) = &whole {
        // The lowest rate is half of ours, and a sample has two bytes.
        assert!(sound.len() <= stream.len() + 1, "{} samples of {} bytes", sound.len(), stream.len());
    }
    assert_eq!(read_voice(stream, usize::from(*length) + 1), whole, "how it is cut makes no difference");
}

fn read_voice(stream: &[u8], piece: usize) -> Result<Vec<i16>, NoSound> {
    let (mut decoder, mut sound) = (VoiceDecoder::new(24_000), Vec::new());
    for piece in stream.chunks(piece) {
        sound.extend(decoder.push(piece)?);
    }
    sound.extend(decoder.finish()?);
    Ok(sound)
}
