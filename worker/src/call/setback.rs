//! Why a trunk did not bring the call through, and whether another one might.

use std::time::Duration;

use offhook::{attempt::TrunkSpecification, disposition::Disposition, report::Report};
use offhook_sip::{Credentials, SipError};

/// Why a trunk did not bring the call through.
pub struct Setback {
    /// The attempt's report, should it end here.
    pub report: Report,
    /// Whether another trunk may be tried.
    pub another_trunk: bool,
}

impl Setback {
    pub(super) fn ours(report: Report) -> Self {
        Setback { report, another_trunk: false }
    }
}

impl From<SipError> for Setback {
    fn from(error: SipError) -> Self {
        let mut report = Report { detail: Some(error.to_string()), ..Report::new(Disposition::TrunkFailure) };
        if let SipError::Refused { code, phrase, retry_after } = &error {
            (report.sip_code, report.sip_reason) = (Some(*code), Some(phrase.clone()));
            report.retry_after = retry_after.map(whole_seconds);
        }
        Setback { another_trunk: is_the_trunks_own(&error), report }
    }
}

/// Whether it is the trunk that keeps us from sending: its name, its certificate, its connection, a field of its row. What is ours
/// (the port) or the number's would fail over every trunk.
fn is_the_trunks_own(error: &SipError) -> bool {
    match error {
        SipError::Bind { .. } | SipError::CallerGone | SipError::Closed => false,
        SipError::Field { field, .. } => *field != "to",
        _ => true,
    }
}

/// What to answer the trunk's challenges with.
pub(super) fn credentials(trunk: &TrunkSpecification) -> Option<Credentials> {
    let (username, password) = (trunk.username.clone()?, trunk.password.clone()?);
    Some(Credentials { username, password })
}

pub(super) fn whole_seconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_trunk_would_not_cure_ends_the_attempt() {
        let resolve = SipError::Resolve { host: "sip.invalid".into(), port: 5060, why: "no such name".into() };
        let silent = SipError::Unanswered { method: "REGISTER", ms: 1 };
        let field = |field| SipError::Field { field, value: String::new(), expected: "" };
        let port = SipError::Bind { address: ([127, 0, 0, 1], 1).into(), source: std::io::ErrorKind::AddrInUse.into() };
        for (error, own) in [
            (resolve, true),
            (silent, true),
            (SipError::Stack { doing: "an INVITE", why: "connection refused".into() }, true),
            (SipError::Trust { what: "authorities", why: "not PEM".into() }, true),
            (SipError::Tls { peer: ([127, 0, 0, 1], 5061).into(), why: "unknown issuer".into() }, true),
            (SipError::Connect { transport: "tcp", peer: ([127, 0, 0, 1], 5060).into(), why: "refused".into() }, true),
            (SipError::Refused { code: 403, phrase: "Forbidden".into(), retry_after: None }, true),
            (field("from_domain"), true),
            (field("to"), false),
            (port, false),
            (SipError::Closed, false),
        ] {
            assert_eq!(is_the_trunks_own(&error), own, "{error}");
        }
    }
}
