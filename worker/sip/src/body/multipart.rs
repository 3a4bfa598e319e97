//! Multipart bodies taken apart (RFC 2046 section 5.1).

use super::entity::Fields;
use crate::transport::head::read_fields;

/// Returns the parts between the boundaries, without the line breaks that belong to these; `None` where there are more than `most`.
///
/// What stands before the first boundary and behind the last is left out. Lines may end with a bare LF. Where the last boundary is
/// missing, the last part goes to the end.
pub(super) fn parts<'a>(body: &'a [u8], boundary: &[u8], most: usize) -> Option<Vec<&'a [u8]>> {
    let mut parts = Vec::new();
    let (mut start, mut at, mut ended) = (None, 0, false);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let (begins, ends) = (at, at + line.len());
        at = ends;
        let Some(rest) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary)) else { continue };
        ended = match rest.trim_ascii() {
            b"" => false,
            b"--" => true,
            _ => continue,
        };
        if let Some(start) = start.replace(ends) {
            if parts.len() == most {
                return None;
            }
            parts.push(without_line_break(&body[start..begins]));
        }
        if ended {
            break;
        }
    }
    if let (Some(start), false) = (start, ended) {
        if parts.len() == most {
            return None;
        }
        parts.push(&body[start..]);
    }
    Some(parts)
}

fn without_line_break(part: &[u8]) -> &[u8] {
    let part = part.strip_suffix(b"\n").unwrap_or(part);
    part.strip_suffix(b"\r").unwrap_or(part)
}

/// Splits a part into its fields and its content, at the first empty line. Without such a line, what does not begin like a field is
/// content.
pub(super) fn fields_and_content(part: &[u8]) -> (Fields, &[u8]) {
    let mut end = None;
    let mut at = 0;
    for line in part.split_inclusive(|byte| *byte == b'\n') {
        at += line.len();
        if line.trim_ascii().is_empty() {
            end = Some((at - line.len(), at));
            break;
        }
    }
    let first = part.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let (head, content) = match end {
        Some((head, content)) => (&part[..head], &part[content..]),
        None if first.contains(&b':') => (part, &part[part.len()..]),
        None => return (Fields::default(), part),
    };
    let text = String::from_utf8_lossy(head);
    let fields = read_fields(text.split('\n')).unwrap_or_default();
    (Fields::of(fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))), content)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn split<'a>(body: &'a str, boundary: &str) -> Option<Vec<&'a str>> {
        let parts = parts(body.as_bytes(), boundary.as_bytes(), 3)?;
        Some(parts.into_iter().map(|part| std::str::from_utf8(part).unwrap()).collect())
    }

    #[test]
    fn parts_lie_between_the_boundaries() {
        for (body, expected) in [
            ("--b\r\none\r\n--b\r\ntwo\r\n--b--\r\n", vec!["one", "two"]),
            ("preamble\r\n--b \t\r\none\r\n\r\n--b--epilogue", vec!["one\r\n\r\n--b--epilogue"]),
            ("preamble\r\n--b\r\none\r\n--b--  \r\nepilogue\r\n--b\r\nthree", vec!["one"]),
            ("--b\none\n--b\ntwo\n--b--", vec!["one", "two"]),
            ("--b\r\none\r\n--bb\r\n--b-\r\n -- b\r\n--b--", vec!["one\r\n--bb\r\n--b-\r\n -- b"]),
            ("--b\r\n--b\r\n--b--", vec!["", ""]),
            ("--b\r\ncut off", vec!["cut off"]),
            ("--b--\r\n--b\r\none", vec![]),
            ("nothing", vec![]),
            ("", vec![]),
        ] {
            assert_eq!(split(body, "b"), Some(expected), "{body:?}");
        }
        assert_eq!(split("--b\r\n1\r\n--b\r\n2\r\n--b\r\n3\r\n--b--", "b").map(|parts| parts.len()), Some(3));
        assert_eq!(split("--b\r\n1\r\n--b\r\n2\r\n--b\r\n3\r\n--b\r\n4\r\n--b--", "b"), None);
    }

    #[test]
    fn a_part_without_an_empty_line_is_content_unless_it_begins_like_a_field() {
        for (part, content) in [
            ("Content-Type: a/b\r\n\r\nx", "x"),
            ("Content-Type: a/b\n\nx\r\n\r\ny", "x\r\n\r\ny"),
            ("\r\nx", "x"),
            ("v=0\r\ns=-", "v=0\r\ns=-"),
            ("Content-Type: a/b", ""),
            ("", ""),
        ] {
            assert_eq!(fields_and_content(part.as_bytes()).1, content.as_bytes(), "{part:?}");
        }
    }
}
