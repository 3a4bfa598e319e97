//! Server-sent events, parsed as they come in (WHATWG HTML §9.2.6). Pure: bytes in, the data of whole events out.

use serde_json::{Value, json};

/// Most bytes of one event's data, lines joined. A model's event is some hundred bytes long.
const LARGEST_EVENT: usize = 1 << 20;

/// Takes a stream in pieces cut anywhere, also within a character or a line end.
#[derive(Debug, Default)]
pub struct SseParser {
    /// The line that has no end yet.
    line: Vec<u8>,
    /// The data of the event that has no end yet; `None` before its first data line.
    data: Option<Vec<u8>>,
    /// The event is named "error".
    is_error: bool,
    /// The last byte was CR: an LF that follows belongs to it.
    after_cr: bool,
    /// Whether the stream's first line is behind us: only there a byte order mark may stand.
    begun: bool,
}

/// An event or a line without end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "an event of more than {LARGEST_EVENT} bytes: that is no stream of a language model; check OFFHOOK_CHAT_URL (else OFFHOOK_PROVIDER_URL)"
)]
pub struct TooLarge;

impl SseParser {
    /// Takes the next bytes; returns the data of the events they completed. Comments, names and numbers of events are left
    /// out: this wire has none that matter, but for the name "error", which some servers write before a text of any kind. Its data is
    /// returned as `{"error": …}`.
    ///
    /// # Errors
    /// Where an event grows beyond 1 MiB; nothing can be parsed after that.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<String>, TooLarge> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_cr) && rest[0] == b'\n' {
                rest = &rest[1..];
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) else {
                self.line.extend_from_slice(rest);
                break;
            };
            self.line.extend_from_slice(&rest[..end]);
            self.after_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            self.check_size()?;
            let line = std::mem::take(&mut self.line);
            events.extend(self.end_of_line(&line));
        }
        self.check_size()?;
        Ok(events)
    }

    /// Ends the stream. Returns the event that no empty line followed: many servers leave the last one out.
    pub fn finish(&mut self) -> Option<String> {
        let line = std::mem::take(&mut self.line);
        let completed = if line.is_empty() { None } else { self.end_of_line(&line) };
        completed.or_else(|| self.end_of_line(b""))
    }

    fn check_size(&self) -> Result<(), TooLarge> {
        let size = self.line.len() + self.data.as_ref().map_or(0, Vec::len);
        if size > LARGEST_EVENT { Err(TooLarge) } else { Ok(()) }
    }

    fn end_of_line(&mut self, line: &[u8]) -> Option<String> {
        let line =
            if std::mem::replace(&mut self.begun, true) { line } else { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) };
        if line.is_empty() {
            let is_error = std::mem::take(&mut self.is_error);
            let data = self.data.take().map(|data| String::from_utf8_lossy(&data).into_owned());
            return if is_error { data.map(|data| as_error(&data)) } else { data };
        }
        if let Some(name) = line.strip_prefix(b"event:") {
            self.is_error = name.trim_ascii().eq_ignore_ascii_case(b"error");
        }
        let value = match line.strip_prefix(b"data") {
            Some([]) => &[],
            Some([b':', b' ', value @ ..] | [b':', value @ ..]) => value,
            _ => return None,
        };
        match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data.extend_from_slice(value);
            }
            None => self.data = Some(value.to_vec()),
        }
        None
    }
}

/// The data of an event named "error" as the wire has errors elsewhere.
fn as_error(data: &str) -> String {
    match serde_json::from_str::<Value>(data) {
        Ok(json) if json.get("error").is_some() => data.to_owned(),
        Ok(json) => json!({ "error": json }).to_string(),
        Err(_) => json!({ "error": data.trim() }).to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    fn parse(bytes: &[u8]) -> Vec<String> {
        let mut parser = SseParser::default();
        let mut events = parser.push(bytes).unwrap();
        events.extend(parser.finish());
        events
    }

    #[test]
    fn events_are_what_lies_between_empty_lines() {
        assert_eq!(parse(b"data: one\n\ndata:two\r\n\r\ndata:  three\r\r"), ["one", "two", " three"]);
        assert_eq!(parse(b"data: a\ndata: b\ndata\n\n"), ["a\nb\n"]);
        assert_eq!(parse(b": ping\n\nevent: delta\nid: 7\ndata: x\nretry: 3\n\n: OPENROUTER PROCESSING\n\n"), ["x"]);
        assert_eq!(parse(b"\xef\xbb\xbfdata: first\n\ndataset: no\n\n"), ["first"]);
        assert_eq!(parse(b"data: [DONE]"), ["[DONE]"], "the last event counts without its empty line");
        assert_eq!(parse(b"data: [DONE]\n"), ["[DONE]"]);
        assert!(parse(b"\n\n\r\n\n").is_empty());
        for (data, error) in [
            ("upstream died", r#"{"error":"upstream died"}"#),
            (r#"{"message":"busy"}"#, r#"{"error":{"message":"busy"}}"#),
            (r#"{"error":"busy"}"#, r#"{"error":"busy"}"#),
        ] {
            assert_eq!(parse(format!("event: error\ndata: {data}\n\ndata: x\n\n").as_bytes()), [error, "x"]);
        }
    }

    #[test]
    fn cuts_anywhere_change_nothing() {
        let stream = "\u{feff}data: {\"text\":\"Grüß Gott – ¿qué tal? 🍕\"}\r\n\r\n: ping\r\n\r\ndata: a\r\ndata: b\r\n\r\ndata: c\n\ndata: d\r\rdata: [DONE]\n\n";
        let whole = parse(stream.as_bytes());
        assert_eq!(whole.len(), 5);
        let mut random = StdRng::seed_from_u64(42);
        for _ in 0..2000 {
            let mut parser = SseParser::default();
            let (mut rest, mut events) = (stream.as_bytes(), Vec::new());
            while !rest.is_empty() {
                let (piece, left) = rest.split_at(random.random_range(1..=rest.len().min(12)));
                events.extend(parser.push(piece).unwrap());
                rest = left;
            }
            events.extend(parser.finish());
            assert_eq!(events, whole);
        }
    }

    #[test]
    fn any_bytes_are_survived() {
        let mut random = StdRng::seed_from_u64(43);
        for _ in 0..2000 {
            let alphabet = b"data: {}\"\r\n\n\xff\xc3\xef\xbb\xbf\x00";
            let bytes: Vec<u8> =
                (0..random.random_range(0..200)).map(|_| alphabet[random.random_range(0..alphabet.len())]).collect();
            parse(&bytes);
        }
    }

    #[test]
    fn a_line_or_an_event_without_end_is_refused() {
        let mut parser = SseParser::default();
        let endless = (0..2000).try_for_each(|_| parser.push(&[b'x'; 1024]).map(drop));
        assert_eq!(endless, Err(TooLarge));
        let mut parser = SseParser::default();
        let endless = (0..2000).try_for_each(|_| parser.push(&[b"data: ".as_slice(), &[b'x'; 1024], b"\n"].concat()).map(drop));
        assert_eq!(endless, Err(TooLarge));
        let mut parser = SseParser::default();
        assert_eq!(parser.push(&[b"data: ".as_slice(), &vec![b'x'; 2 << 20], b"\n\n"].concat()), Err(TooLarge));
    }
}
