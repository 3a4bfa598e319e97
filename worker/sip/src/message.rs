//! Reading headers as leniently as a peer may write them (RFC 3261 sections 7.3 and 20). The SIP crate's typed headers refuse a
//! whole value for one odd parameter; what a dialog needs is read here from the text.

use rsipstack::sip::{Headers, Uri};

/// The first header of this name (in its long form).
pub(super) fn header<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    all(headers, name).next()
}

/// Every header of this name, in order.
pub(super) fn all<'a>(headers: &'a Headers, name: &str) -> impl Iterator<Item = &'a str> {
    headers.iter().filter(move |header| header.name().eq_ignore_ascii_case(name)).map(|header| header.value().trim())
}

/// The values of a header that is a list, over all its lines.
pub(super) fn list<'a>(headers: &'a Headers, name: &str) -> Vec<&'a str> {
    all(headers, name).flat_map(|value| split(value, ',')).collect()
}

/// Whether a list names this token, e.g. `Supported` and `100rel`.
pub(super) fn names(headers: &Headers, name: &str, token: &str) -> bool {
    list(headers, name).iter().any(|value| value.eq_ignore_ascii_case(token))
}

/// Splits at a character outside quotes and angle brackets; empty parts are left out.
pub(super) fn split(value: &str, at: char) -> Vec<&str> {
    let (mut parts, mut start, mut quoted, mut escaped, mut bracketed) = (Vec::new(), 0, false, false, false);
    for (index, c) in value.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '<' if !quoted => bracketed = true,
            '>' if !quoted => bracketed = false,
            c if c == at && !quoted && !bracketed => {
                parts.push(&value[start..index]);
                start = index + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&value[start..]);
    parts.into_iter().map(str::trim).filter(|part| !part.is_empty()).collect()
}

/// A parameter of a header value, after the address or the token it belongs to; quotes are taken off.
pub(super) fn parameter<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    split(value, ';').into_iter().skip(1).find_map(|parameter| {
        let (found, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        found.trim().eq_ignore_ascii_case(name).then(|| value.trim().trim_matches('"'))
    })
}

/// The tag of a From or To; `None` where there is none or it is empty.
pub(super) fn tag(value: &str) -> Option<&str> {
    parameter(value, "tag").filter(|tag| !tag.is_empty())
}

/// The URI of a name-addr or addr-spec, as text.
pub(super) fn address(value: &str) -> &str {
    let quoted_part = value.rfind('"').map_or(0, |end| if value[end..].contains('<') { end } else { 0 });
    match value[quoted_part..].split_once('<') {
        Some((_, rest)) => rest.split('>').next().unwrap_or_default().trim(),
        None => split(value, ';').first().copied().unwrap_or_default(),
    }
}

/// The URI of a name-addr or addr-spec.
pub(super) fn uri(value: &str) -> Option<Uri> {
    Uri::try_from(address(value)).ok()
}

/// Returns the URI as it was read. The SIP crate reads escapes as they are and escapes their `%` once more when it writes them.
pub(super) fn written(uri: &Uri) -> String {
    once_escaped(&uri.to_string())
}

/// Undoes the second escape: `%2523` was `%23`.
pub(crate) fn once_escaped(text: &str) -> String {
    let mut parts = text.split("%25");
    let mut once = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let is_escape = part.as_bytes().first_chunk::<2>().is_some_and(|two| two.iter().all(u8::is_ascii_hexdigit));
        once.push_str(if is_escape { "%" } else { "%25" });
        once.push_str(part);
    }
    once
}

/// Number and method of a CSeq.
pub(super) fn sequence(headers: &Headers) -> Option<(u32, &str)> {
    let (number, method) = header(headers, "CSeq")?.split_once(char::is_whitespace)?;
    Some((number.parse().ok()?, method.trim()))
}

/// The leading whole number of a value, e.g. of `120 (in a meeting);duration=60`.
pub(super) fn leading_number(value: &str) -> Option<u32> {
    let digits = value.trim().split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use rsipstack::sip::{Header, Headers};

    use super::*;

    #[test]
    fn a_tag_is_found_behind_odd_names() {
        for (value, found) in [
            ("<sip:a@b>;tag=1", Some("1")),
            ("\"x;tag=no\" <sip:a@b;tag=uri>;TAG=yes", Some("yes")),
            ("sip:a@b;tag=2;other", Some("2")),
            ("\"quo\\\"te\" <sip:a@b> ; tag = 3", Some("3")),
            ("<sip:a@b>", None),
            ("<sip:a@b>;tag=", None),
            ("tel:+49301;tag=4", Some("4")),
        ] {
            assert_eq!(tag(value), found, "{value}");
        }
    }

    #[test]
    fn an_address_is_what_stands_in_angle_brackets() {
        assert_eq!(address("\"<sip:no@x>\" <sip:a,b;c@d:5070;lr>;q=1"), "sip:a,b;c@d:5070;lr");
        assert_eq!(address("sip:a@b;expires=3"), "sip:a@b");
    }

    #[test]
    fn a_uri_is_written_as_it_was_read() {
        for read in
            ["sip:%2331%23030@h;user=phone", "sip:hall%40house:s%3Ac@h", "sip:100%2523@h", "sip:a@h", "sip:+49@[::1]:5080"]
        {
            assert_eq!(Uri::try_from(read).map(|uri| written(&uri)).as_deref().ok(), Some(read));
        }
        assert_eq!(uri("sip:100%@h").map(|uri| written(&uri)).as_deref(), Some("sip:100%25@h"), "what is no escape is escaped");
    }

    #[test]
    fn lists_run_over_lines_and_commas() {
        let headers: Headers = vec![
            Header::Supported("timer, 100REL".into()),
            Header::Supported("path".into()),
            Header::Route("<sip:a,b@c;lr>, <sip:d;lr>".into()),
        ]
        .into();
        assert!(names(&headers, "supported", "100rel") && names(&headers, "Supported", "path"));
        assert!(!names(&headers, "Supported", "rel"));
        assert_eq!(list(&headers, "Route"), ["<sip:a,b@c;lr>", "<sip:d;lr>"]);
    }

    #[test]
    fn numbers_are_read_up_to_the_first_other_character() {
        assert_eq!(leading_number(" 120 (busy);duration=9"), Some(120));
        assert_eq!(leading_number("soon"), None);
        assert_eq!(leading_number("99999999999"), None);
    }
}
