//! Why an outgoing call was not set up: code, Q.850 cause, Retry-After, and whether a person was reached.

use std::time::Duration;

use rsipstack::sip::{Headers, Response, StatusCode};

use super::{
    message::{header, leading_number},
    reason,
};

/// Retry-After is capped at this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(7 * 86_400);

/// What the responses to the call's INVITEs have shown so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Heard {
    /// Whether the trunk has sent any response.
    pub(super) anything: bool,
    /// Whether a phone may have rung (180, 181, 182, 183).
    pub(super) ringing: bool,
}

impl Heard {
    /// Notes a provisional response.
    pub(super) fn note(&mut self, code: u16) {
        self.anything = true;
        self.ringing |= matches!(code, 180..=183);
    }
}

/// Why a call was not set up.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DialFailure {
    /// The final response's code; `None` where the trunk sent no response, or we cancelled before it did.
    pub code: Option<u16>,
    /// The response's phrase and Reason headers, or what happened.
    pub reason: String,
    /// Whether we had cancelled.
    pub cancelled: bool,
    /// The Q.850 cause in the response's Reason header (RFC 3326).
    pub cause: Option<u16>,
    /// The response's Retry-After.
    pub retry_after: Option<Duration>,
    /// Whether the phone may have rung or a person may have refused (180, 183, 486, 6xx …): no other trunk may be tried in this attempt.
    pub reached: bool,
}

impl DialFailure {
    /// We cancelled before a final answer came.
    pub(super) fn cancelled() -> DialFailure {
        DialFailure { reason: "cancelled before the callee's side answered".into(), cancelled: true, ..DialFailure::default() }
    }

    /// The callee answered as we cancelled.
    pub(super) fn answered_too_late() -> DialFailure {
        DialFailure {
            reason: "the callee answered as we cancelled, and was hung up on".to_owned(),
            cancelled: true,
            reached: true,
            ..DialFailure::default()
        }
    }
}

/// Returns the failure that a final response other than 2xx means.
pub(super) fn of_response(response: &Response, heard: Heard, cancelled: bool) -> DialFailure {
    let code = response.status_code.code();
    DialFailure {
        code: Some(code),
        reason: phrase(response),
        cancelled,
        cause: reason::q850_cause(&response.headers),
        retry_after: retry_after(&response.headers),
        reached: heard.ringing || is_a_persons_answer(code),
    }
}

/// Returns whether a phone sent the response (busy, refused): it must not be rung by another trunk.
fn is_a_persons_answer(code: u16) -> bool {
    matches!(code, 200..=299 | 486 | 600..=699)
}

/// Returns Retry-After, without its comment and parameters (RFC 3261 section 20.33).
fn retry_after(headers: &Headers) -> Option<Duration> {
    let seconds = leading_number(header(headers, "Retry-After")?)?;
    Some(Duration::from_secs(seconds.into()).min(LONGEST_RETRY_AFTER))
}

/// Returns phrase and Reason headers, e.g. `Busy Here (Q.850;cause=17)`.
pub(super) fn phrase(response: &Response) -> String {
    let text = response.wire_reason.clone().unwrap_or_else(|| match &response.status_code {
        StatusCode::Other(_, text) => text.to_string(),
        known => known.text().to_owned(),
    });
    match reason::text(&response.headers) {
        Some(said) => format!("{text} ({said})"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use rsipstack::sip::Header;

    use super::*;

    fn response(code: u16, headers: Vec<Header>) -> Response {
        Response { status_code: StatusCode::from(code), headers: headers.into(), ..Response::default() }
    }

    #[test]
    fn a_failure_says_what_the_trunk_said() {
        let mut busy = response(486, vec![]);
        assert_eq!(phrase(&busy), "Busy Here");
        busy.headers.push(Header::Reason("Q.850;cause=17".into()));
        busy.wire_reason = Some("Line engaged".to_owned());
        assert_eq!(phrase(&busy), "Line engaged (Q.850;cause=17)");
    }

    #[test]
    fn retry_after_is_told_without_its_comment() {
        let failure =
            of_response(&response(503, vec![Header::RetryAfter("30 (full);duration=60".into())]), Heard::default(), false);
        assert_eq!(failure.retry_after, Some(Duration::from_secs(30)));
        let failure = of_response(&response(503, vec![Header::RetryAfter("4294967295".into())]), Heard::default(), false);
        assert_eq!(failure.retry_after, Some(LONGEST_RETRY_AFTER));
    }

    #[test]
    fn whoever_was_reached_is_not_tried_by_another_way() {
        let reached = |code, provisional: &[u16]| {
            let mut heard = Heard::default();
            provisional.iter().for_each(|code| heard.note(*code));
            of_response(&response(code, vec![]), heard, false).reached
        };
        for code in [486, 600, 603, 604, 606, 607, 608] {
            assert!(reached(code, &[]), "{code}");
        }
        for code in [300, 400, 401, 403, 404, 407, 408, 480, 484, 487, 488, 500, 503, 504] {
            assert!(!reached(code, &[100]), "{code}");
            for ringing in [180, 181, 182, 183] {
                assert!(reached(code, &[100, ringing]), "{code} after {ringing}");
            }
        }
    }
}
