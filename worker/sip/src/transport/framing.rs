//! Messages in a stream: where one ends and the next begins (RFC 3261 section 18.3), and keep-alives between them (RFC 5626
//! section 3.5.1). Pure: bytes in, frames out.

/// The longest head, in bytes.
pub(crate) const LONGEST_HEAD: usize = 64 * 1024;
/// The longest body, in bytes.
pub(crate) const LONGEST_BODY: usize = 64 * 1024;

/// What a stream carries.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A whole message.
    Message(Vec<u8>),
    /// A keep-alive ping (CRLFCRLF).
    Ping,
    /// A keep-alive pong (CRLF).
    Pong,
}

/// A stream in which no next message can be found; it has to be closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum FramingError {
    /// The head is too long.
    #[error("a head of more than {LONGEST_HEAD} bytes")]
    LongHead,
    /// The body is too long.
    #[error("a body of more than {LONGEST_BODY} bytes")]
    LongBody,
    /// Content-Length is no number, or there are two that differ.
    #[error("a Content-Length that cannot be read")]
    Length,
}

/// The bytes of a stream that are not part of a frame yet.
#[derive(Debug, Default)]
pub(crate) struct Framer {
    bytes: Vec<u8>,
    /// Up to here no end of the head was found.
    searched: usize,
}

impl Framer {
    /// Appends bytes that were read.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns whether a message is incomplete.
    pub(crate) fn is_midway(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// Returns the next frame; `None` until more bytes come.
    ///
    /// # Errors
    /// [`FramingError`]: the stream has to be closed.
    pub(crate) fn next(&mut self) -> Result<Option<Frame>, FramingError> {
        if let Some(frame) = self.keep_alive() {
            return Ok(Some(frame));
        }
        let Some(end) = self.end_of_head() else {
            return if self.bytes.len() > LONGEST_HEAD { Err(FramingError::LongHead) } else { Ok(None) };
        };
        if end > LONGEST_HEAD {
            return Err(FramingError::LongHead);
        }
        let whole = end + content_length(&self.bytes[..end])?;
        if self.bytes.len() < whole {
            self.searched = end.saturating_sub(4);
            return Ok(None);
        }
        let rest = self.bytes.split_off(whole);
        self.searched = 0;
        Ok(Some(Frame::Message(std::mem::replace(&mut self.bytes, rest))))
    }

    /// Reads CRLF keep-alives: CRLFCRLF is a ping, one CRLF a pong; longer runs are read as pings first.
    fn keep_alive(&mut self) -> Option<Frame> {
        let (frame, length) = match self.bytes.as_slice() {
            [b'\r', b'\n', b'\r', b'\n', ..] => (Frame::Ping, 4),
            [b'\r', b'\n', b'\r'] => return None,
            [b'\r', b'\n', ..] => (Frame::Pong, 2),
            [b'\n', ..] => (Frame::Pong, 1),
            _ => return None,
        };
        self.bytes.drain(..length);
        self.searched = 0;
        Some(frame)
    }

    /// Returns the index after the empty line.
    fn end_of_head(&mut self) -> Option<usize> {
        let found = self.bytes[self.searched..].windows(4).position(|four| four == b"\r\n\r\n");
        match found {
            Some(at) => Some(self.searched + at + 4),
            None => {
                self.searched = self.bytes.len().saturating_sub(3);
                None
            }
        }
    }
}

/// Returns the Content-Length of a head; 0 where there is none, though a stream has to have one.
fn content_length(head: &[u8]) -> Result<usize, FramingError> {
    let mut length = None;
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = line[..colon].trim_ascii();
        if !name.eq_ignore_ascii_case(b"Content-Length") && !name.eq_ignore_ascii_case(b"l") {
            continue;
        }
        let value = std::str::from_utf8(line[colon + 1..].trim_ascii()).map_err(|_| FramingError::Length)?;
        if value.is_empty() || !value.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(FramingError::Length);
        }
        let value = value.parse::<usize>().map_err(|_| FramingError::LongBody)?;
        if length.is_some_and(|other| other != value) {
            return Err(FramingError::Length);
        }
        length = Some(value);
    }
    match length.unwrap_or(0) {
        length if length > LONGEST_BODY => Err(FramingError::LongBody),
        length => Ok(length),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const FIRST: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nl: 3\r\n\r\nabc";
    const SECOND: &[u8] = b"BYE sip:a SIP/2.0\r\nContent-Length : 0\r\n\r\n";

    fn frames(framer: &mut Framer) -> Vec<Frame> {
        std::iter::from_fn(|| framer.next().unwrap()).collect()
    }

    #[test]
    fn messages_come_out_whole_however_the_bytes_were_cut() {
        let stream = [FIRST, b"\r\n\r\n", SECOND, b"\r\n", FIRST].concat();
        for size in [1, 2, 3, 7, 31, stream.len()] {
            let mut framer = Framer::default();
            let mut found = Vec::new();
            for piece in stream.chunks(size) {
                framer.push(piece);
                found.extend(frames(&mut framer));
            }
            let messages = found.iter().filter_map(|frame| match frame {
                Frame::Message(message) => Some(message.as_slice()),
                Frame::Ping | Frame::Pong => None,
            });
            let messages: Vec<&[u8]> = messages.collect();
            assert_eq!(messages, [FIRST, SECOND, FIRST], "in pieces of {size}");
            assert!(!framer.is_midway());
        }
    }

    #[test]
    fn a_double_empty_line_is_a_question_and_a_single_one_an_answer() {
        let mut framer = Framer::default();
        framer.push(b"\r\n\r\n");
        assert_eq!(frames(&mut framer), [Frame::Ping]);
        framer.push(b"\r\n");
        assert_eq!(frames(&mut framer), [Frame::Pong]);
    }

    #[test]
    fn a_stream_that_cannot_be_framed_is_told() {
        let next = |bytes: &[u8]| {
            let mut framer = Framer::default();
            framer.push(bytes);
            framer.next()
        };
        for (length, error) in [
            ("-1", FramingError::Length),
            ("", FramingError::Length),
            ("12;", FramingError::Length),
            ("4\r\nl: 5", FramingError::Length),
            ("65537", FramingError::LongBody),
            ("99999999999999999999999", FramingError::LongBody),
        ] {
            assert_eq!(next(format!("BYE sip:a SIP/2.0\r\nContent-Length: {length}\r\n\r\n").as_bytes()), Err(error), "{length}");
        }
        assert_eq!(next(&vec![b'a'; LONGEST_HEAD + 1]), Err(FramingError::LongHead));
        assert_eq!(next(b"BYE sip:a SIP/2.0\r\nl: 4\r\nl: 4\r\n\r\n"), Ok(None));
    }
}
