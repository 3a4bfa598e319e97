//! What a voice's stream begins with. Pure.

/// What the first bytes are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// More bytes are needed.
    Unknown,
    /// A RIFF file of waves.
    Wav,
    /// Something that is played by nobody here.
    Other(&'static str),
    /// Raw samples, as far as can be told.
    Raw,
}

/// Bytes that tell text from samples.
const TEXT: usize = 24;
/// MPEG frames in a row that make a stream.
const FRAMES: usize = 3;

/// Tells what a stream is; `whole` says that nothing follows these bytes.
pub(super) fn start(bytes: &[u8], whole: bool) -> Start {
    const MAGIC: [(&[u8], &str); 13] = [
        (b"ID3", "mp3"),
        (b"OggS", "ogg"),
        (b"fLaC", "flac"),
        (b"ADIF", "aac"),
        (b"RIFX", "a big-endian WAV file"),
        (b"FORM", "an AIFF file"),
        (b".snd", "an AU file"),
        (b"caff", "a CAF file"),
        (b"#!AMR", "amr"),
        (b"MThd", "a MIDI file"),
        (b"\x1a\x45\xdf\xa3", "webm"),
        (b"\x1f\x8b", "compressed with gzip"),
        (b"PK\x03\x04", "a ZIP archive"),
    ];
    if bytes.starts_with(b"RIFF") || bytes.starts_with(b"RF64") {
        return match bytes.get(8..12) {
            Some(b"WAVE") => Start::Wav,
            Some(_) => Start::Other("a RIFF file that is no WAV"),
            None if whole => Start::Other("half a WAV header"),
            None => Start::Unknown,
        };
    }
    if let Some((_, name)) = MAGIC.iter().find(|(magic, _)| bytes.starts_with(magic)) {
        return Start::Other(name);
    }
    if bytes.get(4..8) == Some(b"ftyp") {
        return Start::Other("mp4");
    }
    if bytes.len() < TEXT && !whole {
        return Start::Unknown;
    }
    let head = &bytes[..bytes.len().min(TEXT)];
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head).trim_ascii_start();
    match head {
        [b'{', b'"', ..] | [b'{', b' ' | b'\n', b'"' | b' ', ..] => return Start::Other("JSON"),
        [b'<', b'!' | b'?', b'a'..=b'z' | b'A'..=b'Z', ..] | [b'<', b'h' | b'H', b't' | b'T', ..] => {
            return Start::Other("a page");
        }
        _ => {}
    }
    if head.len() >= 8 && head.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\r' | b'\n' | b'\t')) {
        return Start::Other(match head.first() {
            Some(b'<') => "a page",
            Some(b'{' | b'[') => "JSON",
            Some(b'd' | b'e') if head.starts_with(b"data:") || head.starts_with(b"event:") => "a stream of events",
            _ => "text",
        });
    }
    frames(bytes, whole)
}

/// MPEG audio and AAC without a tag before them: frames that follow one another as their lengths say.
fn frames(bytes: &[u8], whole: bool) -> Start {
    let Some((kind, _)) = frame(bytes) else { return Start::Raw };
    let (mut place, mut found) = (0, 0);
    while found < FRAMES {
        let Some(rest) = bytes.get(place..).filter(|rest| rest.len() >= 7) else {
            // Two frames and the end: samples do not do that by chance.
            return if whole { if found > 1 { Start::Other(kind) } else { Start::Raw } } else { Start::Unknown };
        };
        match frame(rest) {
            Some((same, length)) if same == kind => place += length,
            _ => return Start::Raw,
        }
        found += 1;
    }
    Start::Other(kind)
}

/// A frame's kind and its length in bytes.
fn frame(bytes: &[u8]) -> Option<(&'static str, usize)> {
    let [0xff, second, third, fourth, fifth, sixth, ..] = *bytes else { return None };
    if second & 0xf6 == 0xf0 {
        let length = (usize::from(fourth & 3) << 11) | (usize::from(fifth) << 3) | usize::from(sixth >> 5);
        return (length >= 7 && (third >> 2) & 0x0f < 13).then_some(("aac", length));
    }
    if second & 0xe0 != 0xe0 {
        return None;
    }
    let (version, layer) = ((second >> 3) & 3, (second >> 1) & 3);
    let (bitrate, rate) = (usize::from(third >> 4), usize::from((third >> 2) & 3));
    if version == 1 || layer == 0 || matches!(bitrate, 0 | 15) || rate == 3 {
        return None;
    }
    // ISO/IEC 11172-3 and 13818-3; kbit/s by layer, for MPEG 1 and for 2 and 2.5.
    const FIRST: [[usize; 14]; 3] = [
        [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    ];
    const SECOND: [[usize; 14]; 3] = [
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    ];
    let first = version == 3;
    let kilobits = (if first { FIRST } else { SECOND })[usize::from(layer) - 1][bitrate - 1];
    let hertz = [44_100, 48_000, 32_000][rate]
        / match version {
            3 => 1,
            2 => 2,
            _ => 4,
        };
    let padding = usize::from((third >> 1) & 1);
    let length = match (layer, first) {
        (3, _) => (12_000 * kilobits / hertz + padding) * 4,
        (1, false) => 72_000 * kilobits / hertz + padding,
        _ => 144_000 * kilobits / hertz + padding,
    };
    (length > 7).then_some(("mp3", length))
}
