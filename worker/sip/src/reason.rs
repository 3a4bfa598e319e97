//! The Reason header (RFC 3326): why a request or a final response was sent.

use rsipstack::sip::Headers;

use super::message::{all, leading_number, list, parameter, split};

/// The highest cause of Q.850: seven bits.
const HIGHEST_CAUSE: u32 = 127;

/// The first Q.850 cause among the values of all Reason headers; `None` where there is none that can be read.
pub(super) fn q850_cause(headers: &Headers) -> Option<u16> {
    list(headers, "Reason").into_iter().find_map(|value| {
        let protocol = split(value, ';').first().copied()?;
        let cause = parameter(value, "cause").and_then(leading_number)?;
        (protocol.eq_ignore_ascii_case("Q.850") && cause <= HIGHEST_CAUSE).then_some(cause as u16)
    })
}

/// Every Reason header, in one line; `None` where there is none.
pub(super) fn text(headers: &Headers) -> Option<String> {
    let reasons: Vec<&str> = all(headers, "Reason").collect();
    (!reasons.is_empty()).then(|| reasons.join(", "))
}

#[cfg(test)]
mod tests {
    use rsipstack::sip::Header;

    use super::*;

    fn headers(values: &[&str]) -> Headers {
        values.iter().map(|value| Header::Reason((*value).into())).collect::<Vec<_>>().into()
    }

    #[test]
    fn the_q850_cause_is_read_however_it_is_written() {
        let table: [(&[&str], Option<u16>); 24] = [
            (&[], None),
            (&["Q.850;cause=16;text=\"Normal call clearing\""], Some(16)),
            (&["Q.850 ;cause=16 ;text=\"x\""], Some(16)),
            (&["q.850;CAUSE=31"], Some(31)),
            (&["Q.850; cause = 38"], Some(38)),
            (&["Q.850;text=\"x\";cause=\"17\""], Some(17)),
            // Several values, in one header or in several.
            (&["SIP;cause=486, Q.850;cause=17"], Some(17)),
            (&["SIP;cause=404;text=\"a, b;cause=9\"", "Q.850;cause=1"], Some(1)),
            (&["Q.850;cause=41, Q.850;cause=16"], Some(41)),
            (&["Q.850;cause=999, Q.850;cause=16"], Some(16)),
            (&["Q.850, Q.850;cause=16"], Some(16)),
            // A SIP code is no cause of Q.850, whatever stands in its text.
            (&["SIP;cause=16"], None),
            (&["SIP;cause=200;text=\"Q.850;cause=16\""], None),
            (&["preemption;cause=1"], None),
            // Seven bits.
            (&["Q.850;cause=0"], Some(0)),
            (&["Q.850;cause=127"], Some(127)),
            (&["Q.850;cause=128"], None),
            (&["Q.850;cause=4294967312"], None),
            (&["Q.850;cause=-16"], None),
            // Junk.
            (&["Q.850;cause=016x"], Some(16)),
            (&["Q.850;cause"], None),
            (&["Q.850;cause=;text=\"16\""], None),
            (&["", ",;,", "Q.850;;cause=16;"], Some(16)),
            (&["Q.850;text=\"never closed;cause=16"], None),
        ];
        for (values, cause) in table {
            assert_eq!(q850_cause(&headers(values)), cause, "{values:?}");
        }
    }

    #[test]
    fn all_reasons_are_told_in_one_line() {
        assert_eq!(text(&headers(&[])), None);
        assert_eq!(text(&headers(&["SIP;cause=200", "Q.850;cause=16"])).as_deref(), Some("SIP;cause=200, Q.850;cause=16"));
    }
}
