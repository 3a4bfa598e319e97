//! Digits in SIP INFO: `application/dtmf-relay` and `application/dtmf`, as phones of the last twenty years send them. No standard
//! describes them; RFC 6086 only says what INFO is.

use super::DIGITS;

/// The key in an INFO's body; `None` for what is no key (a hook flash, another package).
pub fn key(content_type: &str, body: &str) -> Option<char> {
    let kind = content_type.split(';').next().unwrap_or_default().trim();
    let signal = if kind.eq_ignore_ascii_case("application/dtmf-relay") {
        signal(body)?
    } else if kind.eq_ignore_ascii_case("application/dtmf") {
        signal(body).unwrap_or(body)
    } else {
        return None;
    };
    digit(signal.trim())
}

/// `Signal=5`, with whatever spaces.
fn signal(body: &str) -> Option<&str> {
    let pairs = body.lines().filter_map(|line| line.split_once('='));
    pairs.filter(|(name, _)| name.trim().eq_ignore_ascii_case("signal")).map(|(_, value)| value).next()
}

/// A digit, or the number of its event.
fn digit(signal: &str) -> Option<char> {
    if let [single] = signal.as_bytes() {
        return DIGITS.iter().find(|digit| **digit == single.to_ascii_uppercase()).map(|digit| char::from(*digit));
    }
    let event: usize = signal.parse().ok()?;
    DIGITS.get(event).map(|digit| char::from(*digit))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_as_phones_write_them() {
        let relay = "application/dtmf-relay";
        assert_eq!(key(relay, "Signal=5\r\nDuration=160\r\n"), Some('5'));
        assert_eq!(key("Application/DTMF-Relay; charset=utf-8", "Signal= *\nDuration= 250"), Some('*'));
        assert_eq!(key(relay, "signal=d"), Some('D'));
        assert_eq!(key(relay, "Duration=160\r\nSignal=11"), Some('#'));
        assert_eq!(key("application/dtmf", "7"), Some('7'));
        assert_eq!(key("application/dtmf", " #\r\n"), Some('#'));
        assert_eq!(key("application/dtmf", "Signal=0"), Some('0'));
    }

    #[test]
    fn what_is_no_key_is_none() {
        for (content_type, body) in [
            ("application/dtmf-relay", ""),
            ("application/dtmf-relay", "Signal=\r\n"),
            ("application/dtmf-relay", "Signal=16"),
            ("application/dtmf-relay", "Signal=!"),
            ("application/dtmf-relay", "5"),
            ("application/dtmf", "1234567890123456789012345"),
            ("application/dtmf", "é"),
            ("application/media_control+xml", "Signal=5"),
            ("", "5"),
        ] {
            assert_eq!(key(content_type, body), None, "{content_type} {body:?}");
        }
    }
}
