//! Cuts a file into records, each with the line it begins in. Whatever the bytes are, memory is bounded and no line is lost: a quote that
//! is never closed spoils its own line, and the next line is a record of its own.

use std::{
    collections::VecDeque,
    io::{self, BufRead, Read},
};

/// A longer line is no call: the longest right one has a few kilobytes.
pub const LONGEST_LINE: usize = 1 << 20;
/// How far a quoted field may go over line ends before its quote counts as forgotten.
const LONGEST_RECORD: usize = 64 << 10;

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// RFC 4180, with this between two fields.
    Csv(u8),
    /// One JSON object per line.
    JsonLines,
}

/// Some lines of the file, unchanged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The line it begins in, from 1.
    pub line: u64,
    /// With the line's end, if it has one.
    pub raw: Vec<u8>,
    /// What is wrong with it already.
    pub broken: Option<Broken>,
}

/// Why some bytes are no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// RFC 4180 section 2, rules 5 to 7.
    #[error("a quote is not closed, or something stands after it")]
    Quote,
    /// Longer than [`LONGEST_LINE`]; `raw` has only its beginning.
    #[error("the line is longer than 1 MiB")]
    TooLong,
}

/// The records of an input.
#[derive(Debug)]
pub struct Records<R> {
    input: R,
    shape: Shape,
    line: u64,
    read: u64,
    /// Lines that were read ahead and belong to no record yet.
    ahead: VecDeque<Record>,
}

impl<R: BufRead> Records<R> {
    /// From the first line of `input` on.
    pub fn new(input: R, shape: Shape) -> Self {
        Records { input, shape, line: 0, read: 0, ahead: VecDeque::new() }
    }

    /// Bytes read so far.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// The next record that is not an empty line; `None` at the end.
    ///
    /// # Errors
    /// Where the input cannot be read.
    pub fn next_record(&mut self) -> io::Result<Option<Record>> {
        while let Some(first) = self.next_line()? {
            if first.raw.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return match self.shape {
                Shape::Csv(delimiter) if first.broken.is_none() => self.quoted(first, delimiter).map(Some),
                _ => Ok(Some(first)),
            };
        }
        Ok(None)
    }

    /// Adds the lines that a quoted field goes on in.
    fn quoted(&mut self, mut record: Record, delimiter: u8) -> io::Result<Record> {
        let first = record.raw.len();
        let mut quotes = Quotes::default();
        let mut more: Vec<Record> = Vec::new();
        let mut scanned = 0;
        loop {
            match quotes.scan(&record.raw[scanned..], delimiter) {
                Scan::Complete => return Ok(record),
                Scan::Open if record.raw.len() < LONGEST_RECORD => {}
                Scan::Open | Scan::Misplaced => break,
            }
            scanned = record.raw.len();
            match self.next_line()? {
                Some(line) if line.broken.is_none() => {
                    record.raw.extend_from_slice(&line.raw);
                    more.push(line);
                }
                Some(line) => {
                    more.push(line);
                    break;
                }
                None => break,
            }
        }
        more.into_iter().rev().for_each(|line| self.ahead.push_front(line));
        record.raw.truncate(first);
        record.broken = Some(Broken::Quote);
        Ok(record)
    }

    fn next_line(&mut self) -> io::Result<Option<Record>> {
        if let Some(line) = self.ahead.pop_front() {
            return Ok(Some(line));
        }
        let mut raw = Vec::new();
        let length = self.input.by_ref().take(LONGEST_LINE as u64).read_until(b'\n', &mut raw)?;
        if length == 0 {
            return Ok(None);
        }
        self.line += 1;
        self.read += length as u64;
        let broken = (length == LONGEST_LINE && !raw.ends_with(b"\n")).then_some(Broken::TooLong);
        if broken.is_some() {
            self.skip_line()?;
        }
        Ok(Some(Record { line: self.line, raw, broken }))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            let buffer = self.input.fill_buf()?;
            let end = buffer.iter().position(|byte| *byte == b'\n');
            let length = end.map_or(buffer.len(), |end| end + 1);
            self.input.consume(length);
            self.read += length as u64;
            if end.is_some() || length == 0 {
                return Ok(());
            }
        }
    }
}

enum Scan {
    Complete,
    /// Within quotes.
    Open,
    /// Text follows a closing quote.
    Misplaced,
}

/// Where in a field the scan is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Quotes {
    #[default]
    FieldBegins,
    Plain,
    Within,
    /// After a quote within quotes: the end, or the first half of a doubled one.
    Closed,
}

impl Quotes {
    fn scan(&mut self, bytes: &[u8], delimiter: u8) -> Scan {
        for byte in bytes {
            *self = match (*self, *byte) {
                (Quotes::FieldBegins | Quotes::Closed, b'"') => Quotes::Within,
                (Quotes::Within, b'"') => Quotes::Closed,
                (Quotes::Within, _) => Quotes::Within,
                (_, byte) if byte == delimiter => Quotes::FieldBegins,
                (Quotes::Closed, b'\r' | b'\n') => Quotes::Closed,
                (Quotes::Closed, _) => return Scan::Misplaced,
                (Quotes::FieldBegins | Quotes::Plain, _) => Quotes::Plain,
            };
        }
        if *self == Quotes::Within { Scan::Open } else { Scan::Complete }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    fn records(text: &[u8], shape: Shape) -> Vec<(u64, String, Option<Broken>)> {
        let mut records = Records::new(text, shape);
        let mut all = Vec::new();
        while let Some(record) = records.next_record().unwrap() {
            all.push((record.line, String::from_utf8_lossy(&record.raw).into_owned(), record.broken));
        }
        assert_eq!(records.read(), text.len() as u64);
        all
    }

    fn csv(text: &str) -> Vec<(u64, String, Option<Broken>)> {
        records(text.as_bytes(), Shape::Csv(b','))
    }

    #[test]
    fn a_quoted_field_may_hold_line_ends_and_empty_lines_are_none() {
        assert_eq!(
            csv("a,b\r\n\r\n1,\"two\nlines \"\"quoted\"\"\"\n3,4"),
            [
                (1, "a,b\r\n".to_owned(), None),
                (3, "1,\"two\nlines \"\"quoted\"\"\"\n".to_owned(), None),
                (5, "3,4".to_owned(), None),
            ]
        );
    }

    #[test]
    fn a_forgotten_quote_spoils_its_own_line_only() {
        let text = "1,\"never closed\n2,b\n3,\"c\"\n";
        assert_eq!(
            csv(text),
            [
                (1, "1,\"never closed\n".to_owned(), Some(Broken::Quote)),
                (2, "2,b\n".to_owned(), None),
                (3, "3,\"c\"\n".to_owned(), None),
            ]
        );
        assert_eq!(csv("1,\"a\" b\n2,c\n")[0].2, Some(Broken::Quote));
        assert_eq!(csv("1,5\" pipe\n2,c\n")[0].2, None, "a quote in the middle of a plain field is one");
        let long = format!("1,\"open\n{}", "2,b\n".repeat(40_000));
        let all = csv(&long);
        assert_eq!((all.len(), all[0].2), (40_001, Some(Broken::Quote)));
        assert!(all[1..].iter().all(|(_, raw, broken)| raw == "2,b\n" && broken.is_none()));
    }

    #[test]
    fn a_line_without_an_end_is_refused_and_the_next_one_is_read() {
        let mut text = vec![b'x'; LONGEST_LINE * 2 + 7];
        text.extend_from_slice(b"\n{}\n");
        let all = records(&text, Shape::JsonLines);
        assert_eq!((all.len(), all[0].2, all[1].clone()), (2, Some(Broken::TooLong), (2, "{}\n".to_owned(), None)));
    }

    #[test]
    fn no_byte_is_lost_whatever_the_bytes_are() {
        for seed in 0..500 {
            let mut rng = StdRng::seed_from_u64(seed);
            let text: Vec<u8> = (0..rng.random_range(0..200)).map(|_| b"\"\",\n\r ab\xff"[rng.random_range(0..9)]).collect();
            let mut records = Records::new(text.as_slice(), Shape::Csv(b','));
            let mut kept = Vec::new();
            while let Some(record) = records.next_record().unwrap() {
                kept.extend(record.raw);
            }
            let solid = |bytes: &[u8]| bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<u8>>();
            assert_eq!(solid(&kept), solid(&text), "seed {seed}");
        }
    }
}
