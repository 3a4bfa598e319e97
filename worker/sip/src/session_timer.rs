//! Session timers (RFC 4028): who refreshes a call, when, and when a call that nobody refreshes is over. Does no I/O; the time is an argument.

use std::time::{Duration, Instant};

use rsipstack::sip::{Header, Headers};

use super::message::{header, leading_number, names, parameter};

/// The shortest interval we accept from a peer that asks (section 5).
pub(super) const SHORTEST: Duration = Duration::from_secs(90);
/// A shorter interval imposed on us is raised to this, so that no call is refreshed more often than every half of it.
const SHORTEST_IMPOSED: Duration = Duration::from_secs(4);
/// BYE is sent this long before the session expires, or a third of the interval where that is less (section 10).
const LATEST_BEFORE_EXPIRY: Duration = Duration::from_secs(32);
/// The pause after a refresh that failed though the peer knows the call.
const REFRESH_AGAIN_AFTER: Duration = Duration::from_secs(10);

/// The Reason header of the BYE that ends a session without a refresh.
pub(super) const SESSION_EXPIRED: &str = "SIP;cause=408;text=\"Session expired\"";

/// The side of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Sent the request.
    Uac,
    /// Answered it.
    Uas,
}

/// The session timer of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SessionTimer {
    interval: Duration,
    we_refresh: bool,
    refreshed: Instant,
    tried: Option<Instant>,
}

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// Refresh the session now.
    Refresh,
    /// Hang up: the session expires.
    HangUp,
}

impl SessionTimer {
    /// Returns the timer that a 2xx to our INVITE or UPDATE starts; `None` where it has no Session-Expires (section 7.2).
    pub(super) fn of_answer(headers: &Headers, now: Instant) -> Option<SessionTimer> {
        let (interval, refresher) = session_expires(headers)?;
        Some(SessionTimer::new(interval, refresher != Some(Side::Uas), now))
    }

    /// Returns the timer that a request of the peer starts, and the headers of our response (section 9); `current` goes on where the
    /// request has no Session-Expires.
    ///
    /// # Errors
    /// Our Min-SE, for a 422, where the interval is too short.
    pub(super) fn of_request(
        headers: &Headers,
        current: Option<SessionTimer>,
        now: Instant,
    ) -> Result<Option<(SessionTimer, Vec<Header>)>, Duration> {
        let peer_can = names(headers, "Supported", "timer");
        let (interval, asked) = match (session_expires(headers), current) {
            (Some((interval, _)), _) if interval < SHORTEST && peer_can => return Err(SHORTEST),
            (Some((interval, refresher)), _) => (interval.max(SHORTEST), refresher),
            (None, Some(current)) => (current.interval, None),
            (None, None) => return Ok(None),
        };
        // A refresher who does not know of timers cannot refresh.
        let refresher = if peer_can { asked.unwrap_or(Side::Uac) } else { Side::Uas };
        let timer = SessionTimer::new(interval, refresher == Side::Uas, now);
        let mut headers = vec![timer.header(refresher)];
        if refresher == Side::Uac {
            headers.push(Header::Require("timer".into()));
        }
        Ok(Some((timer, headers)))
    }

    fn new(interval: Duration, we_refresh: bool, now: Instant) -> Self {
        SessionTimer { interval: interval.max(SHORTEST_IMPOSED), we_refresh, refreshed: now, tried: None }
    }

    /// Returns the headers of our refresh: the same interval, with us as the refresher.
    pub(super) fn refresh_headers(&self, peers_shortest: Duration) -> Vec<Header> {
        vec![self.header(Side::Uac), min_se(peers_shortest)]
    }

    fn header(&self, refresher: Side) -> Header {
        let refresher = if refresher == Side::Uac { "uac" } else { "uas" };
        Header::SessionExpires(format!("{};refresher={refresher}", self.interval.as_secs()).into())
    }

    /// Returns what is due next, and when.
    pub(super) fn due(&self) -> (Instant, Due) {
        let margin = LATEST_BEFORE_EXPIRY.min(self.interval / 3);
        let dead = self.refreshed + (self.interval - margin);
        if !self.we_refresh {
            return (dead, Due::HangUp);
        }
        let refresh = self.tried.map_or(self.refreshed + self.interval / 2, |tried| tried + REFRESH_AGAIN_AFTER);
        if refresh < dead { (refresh, Due::Refresh) } else { (dead, Due::HangUp) }
    }

    /// Returns the session interval.
    pub(super) fn interval(&self) -> Duration {
        self.interval
    }

    /// Returns the same timer with another interval.
    pub(super) fn lasting(self, interval: Duration) -> SessionTimer {
        SessionTimer { interval, ..self }
    }

    /// Notes that we sent a refresh; the next comes a while later, unless its response starts the timer anew.
    pub(super) fn tried(&mut self, now: Instant) {
        self.tried = Some(now);
    }
}

/// Returns whether a response to a refresh means that the peer does not know the call any more (section 10, RFC 3261 section 12.2.1.2).
pub(super) fn call_is_gone(code: u16) -> bool {
    matches!(code, 408 | 481)
}

/// Returns the headers of an INVITE that asks for a session timer.
pub(super) fn wish(interval: Duration, shortest: Duration) -> Vec<Header> {
    let interval = interval.max(shortest);
    vec![Header::SessionExpires(interval.as_secs().to_string().into()), min_se(shortest)]
}

/// Returns the interval to ask for after 422, from its Min-SE; `None` where it is not above what was asked for.
pub(super) fn after_too_small(headers: &Headers, asked: Duration) -> Option<Duration> {
    let least = Duration::from_secs(leading_number(header(headers, "Min-SE")?)?.into());
    (least > asked && least <= Duration::from_secs(86_400)).then_some(least)
}

/// Returns a Min-SE header.
pub(super) fn min_se(shortest: Duration) -> Header {
    Header::MinSE(shortest.as_secs().to_string().into())
}

fn session_expires(headers: &Headers) -> Option<(Duration, Option<Side>)> {
    let value = header(headers, "Session-Expires")?;
    let interval = Duration::from_secs(leading_number(value)?.into());
    let refresher = match parameter(value, "refresher") {
        Some(side) if side.eq_ignore_ascii_case("uac") => Some(Side::Uac),
        Some(side) if side.eq_ignore_ascii_case("uas") => Some(Side::Uas),
        _ => None,
    };
    Some((interval, refresher))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    fn headers(expires: &str, supported: bool) -> Headers {
        let mut headers = Headers::default();
        if !expires.is_empty() {
            headers.push(Header::SessionExpires(expires.into()));
        }
        if supported {
            headers.push(Header::Supported("100rel, timer".into()));
        }
        headers
    }

    #[test]
    fn without_session_expires_there_is_no_timer() {
        assert_eq!(SessionTimer::of_answer(&headers("", true), Instant::now()), None);
        assert_eq!(SessionTimer::of_request(&headers("", true), None, Instant::now()), Ok(None));
    }

    #[test]
    fn we_refresh_at_half_time_and_for_as_long_as_it_is_answered() {
        let mut now = Instant::now();
        for _ in 0..50 {
            let timer = SessionTimer::of_answer(&headers("1800;refresher=uac", false), now).unwrap();
            assert_eq!(timer.due(), (now + S(900), Due::Refresh));
            now += S(900);
        }
    }

    #[test]
    fn a_refresh_that_fails_is_tried_again_until_the_session_is_dead() {
        let start = Instant::now();
        let mut timer = SessionTimer::of_answer(&headers("90", false), start).unwrap();
        let mut tries = Vec::new();
        let dead = loop {
            match timer.due() {
                (at, Due::Refresh) => {
                    tries.push((at - start).as_secs());
                    timer.tried(at);
                }
                (at, Due::HangUp) => break at,
            }
        };
        assert_eq!(tries, [45, 55]);
        assert_eq!(dead - start, S(60));
    }

    #[test]
    fn a_peer_that_promised_to_refresh_and_does_not_is_hung_up_on() {
        let now = Instant::now();
        let timer = SessionTimer::of_answer(&headers("1800;refresher=uas", false), now).unwrap();
        assert_eq!(timer.due(), (now + S(1800 - 32), Due::HangUp));
        let timer = SessionTimer::of_answer(&headers("90;REFRESHER=UAS", false), now).unwrap();
        assert_eq!(timer.due(), (now + S(60), Due::HangUp));
    }

    #[test]
    fn a_peer_may_refresh_for_us_or_leave_it_to_us() {
        let now = Instant::now();
        let (timer, said) = SessionTimer::of_request(&headers("600;refresher=uac", true), None, now).unwrap().unwrap();
        assert_eq!(timer.due().1, Due::HangUp);
        assert_eq!(said[0].to_string(), "Session-Expires: 600;refresher=uac");
        assert_eq!(said[1].to_string(), "Require: timer");
        let (timer, said) = SessionTimer::of_request(&headers("600;refresher=uas", true), None, now).unwrap().unwrap();
        assert_eq!(timer.due(), (now + S(300), Due::Refresh));
        assert_eq!(said.len(), 1);
        // It asks for a timer, but cannot refresh.
        let (timer, said) = SessionTimer::of_request(&headers("600", false), None, now).unwrap().unwrap();
        assert_eq!((timer.due().1, said[0].to_string().as_str()), (Due::Refresh, "Session-Expires: 600;refresher=uas"));
    }

    #[test]
    fn a_request_without_a_timer_keeps_the_one_that_runs() {
        let now = Instant::now();
        let current = SessionTimer::of_answer(&headers("1800;refresher=uac", false), now);
        let (timer, _) = SessionTimer::of_request(&headers("", false), current, now + S(100)).unwrap().unwrap();
        assert_eq!(timer.due(), (now + S(1000), Due::Refresh));
    }

    #[test]
    fn too_short_an_interval_is_refused_where_the_peer_can_be_told() {
        let now = Instant::now();
        assert_eq!(SessionTimer::of_request(&headers("30", true), None, now), Err(SHORTEST));
        let (timer, _) = SessionTimer::of_request(&headers("30", false), None, now).unwrap().unwrap();
        assert_eq!(timer.due(), (now + S(45), Due::Refresh));
        // Imposed by an answer, it cannot be refused; it cannot make us busy either.
        let timer = SessionTimer::of_answer(&headers("1", false), now).unwrap();
        assert_eq!(timer.due(), (now + S(2), Due::Refresh));
        let timer = SessionTimer::of_answer(&headers("0;refresher=uas", false), now).unwrap();
        assert!(timer.due().0 > now);
    }

    #[test]
    fn a_422_is_met_once_it_says_what_is_enough() {
        let told = |min: &str| -> Headers { vec![Header::MinSE(min.into())].into() };
        assert_eq!(after_too_small(&told("1800"), S(600)), Some(S(1800)));
        assert_eq!(after_too_small(&told("600"), S(600)), None);
        assert_eq!(after_too_small(&told("4000000000"), S(600)), None);
        assert_eq!(after_too_small(&Headers::default(), S(600)), None);
        let lines: Vec<String> = wish(S(60), S(1800)).iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["Session-Expires: 1800", "Min-SE: 1800"]);
    }
}
