//! What the fuzz targets `reply`, `transcript` and `voice` call: bytes as the servers of the models send them. Nothing here may panic
//! for any input, but where a property is broken.

use offhook_types::{
    chat::{ReplyPiece, ToolCall},
    transcript::Transcript,
};

use crate::{
    chat::{Reply, Wrong},
    error::{MOST_DETAIL, detail},
    models::names,
    speech::{
        coding::Coding,
        envelope::Envelope,
        plausible::Bounds,
        wav::{NoSound, Raw, VoiceDecoder},
    },
    transcription::read,
};

const KEY: &str = "sk-secret";

/// Reads a reply, whole and in pieces as long as the first byte says; and as the body of an error.
pub fn reply(bytes: &[u8]) {
    let Some((length, stream)) = bytes.split_first() else { return };
    for hold in [false, true] {
        let whole = read_reply(stream, stream.len().max(1), hold);
        assert_eq!(read_reply(stream, usize::from(*length) + 1, hold), whole, "how it is cut makes no difference");
        if let Ok((_, calls)) = whole {
            assert!(calls.iter().all(|call| !call.name.is_empty() && !call.id.is_empty() && !call.arguments.trim().is_empty()));
        }
    }
    assert!(names(stream).is_none_or(|names| names.iter().all(|name| !name.is_empty())));
    let said = detail(stream, Some(KEY));
    assert!(said.chars().count() <= MOST_DETAIL + "; it says: ".len() && !said.contains(KEY), "{said}");
}

/// Text and tool calls up to the end, or why there is none.
fn read_reply(stream: &[u8], piece: usize, hold: bool) -> Result<(String, Vec<ToolCall>), Wrong> {
    let (mut reply, mut text) = (Reply::new(&["accept_offer", "report_outcome", "end_call"], hold), String::new());
    for piece in stream.chunks(piece) {
        text.push_str(&reply.push(piece)?.text);
    }
    let mut calls = Vec::new();
    for piece in reply.finish(true)? {
        match piece {
            ReplyPiece::Text(more) => text.push_str(&more),
            ReplyPiece::ToolCall(call) => calls.push(call),
            ReplyPiece::Ended => {}
        }
    }
    Ok((text, calls))
}

/// Reads the body of a transcript.
pub fn transcript(bytes: &[u8]) {
    for near_silent in [false, true] {
        if let Ok(Transcript { text, confidence, no_speech, .. }) = read(bytes, near_silent) {
            assert_eq!(text, text.trim());
            assert!([confidence, no_speech].into_iter().flatten().all(|share| (0.0..=1.0).contains(&share)));
        }
    }
}

/// Reads a voice, whole and in pieces as long as the first byte says; then asks whether it is one.
pub fn voice(bytes: &[u8]) {
    let Some((length, stream)) = bytes.split_first() else { return };
    for raw in [Raw::pcm(24_000), Raw { rate: 8_000, channels: 1, coding: Coding::MuLaw }] {
        let whole = read_voice(raw, stream, stream.len().max(1));
        if let Ok(sound) = &whole {
            // The lowest rate is half of ours, and a sample has a byte at least.
            assert!(sound.len() <= 2 * stream.len() + 2, "{} samples of {} bytes", sound.len(), stream.len());
            let _ = Bounds::of("Good evening, Golden Lion.").check(sound);
        }
        assert_eq!(read_voice(raw, stream, usize::from(*length) + 1), whole, "how it is cut makes no difference");
    }
}

/// Errors may differ in kind: noise is noticed before what follows it.
fn read_voice(raw: Raw, stream: &[u8], piece: usize) -> Result<Vec<i16>, ()> {
    read_pieces(raw, stream, piece).map_err(drop)
}

fn read_pieces(raw: Raw, stream: &[u8], piece: usize) -> Result<Vec<i16>, NoSound> {
    let (mut envelope, mut decoder, mut sound) = (Envelope::default(), VoiceDecoder::new(raw), Vec::new());
    for piece in stream.chunks(piece) {
        sound.extend(decoder.push(&envelope.push(piece))?);
    }
    sound.extend(decoder.push(&envelope.finish())?);
    sound.extend(decoder.finish()?);
    Ok(sound)
}
