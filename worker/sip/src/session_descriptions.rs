//! The session descriptions (SDP) of a dialog: the last of ours, the last of the peer, and the version in `o=` (RFC 4566 section 5.2,
//! RFC 3264 section 8): it goes up by one whenever anything else changes, and stays where nothing does.

/// The last descriptions of both sides.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SessionDescriptions {
    ours: String,
    version: u64,
    theirs: String,
}

impl SessionDescriptions {
    /// Returns our description as it is to be sent, with its version.
    pub(super) fn say(&mut self, sdp: &str) -> String {
        match version(sdp) {
            None => sdp.clone_into(&mut self.ours),
            Some(given) if self.ours.is_empty() => {
                self.version = given;
                sdp.clone_into(&mut self.ours);
            }
            Some(_) => {
                let same = with_version(sdp, self.version);
                if same != self.ours {
                    self.version += 1;
                    self.ours = with_version(sdp, self.version);
                }
            }
        }
        self.ours.clone()
    }

    /// Returns our last description, for a session refresh.
    pub(super) fn repeat(&self) -> String {
        self.ours.clone()
    }

    /// Returns a full offer, for a peer that asks for one: a hold of the peer is not offered back to it (RFC 6337 section 5.3).
    pub(super) fn offer_anew(&mut self) -> String {
        let open: Vec<&str> =
            lines(&self.ours).map(|line| if matches!(line, "a=recvonly" | "a=inactive") { "a=sendrecv" } else { line }).collect();
        let open = open.iter().map(|line| format!("{line}\r\n")).collect::<String>();
        self.say(&open)
    }

    /// Notes the peer's description; returns false where it is empty or has not changed.
    pub(super) fn heard(&mut self, sdp: &str) -> bool {
        let new = !sdp.is_empty() && sdp != self.theirs;
        if new {
            sdp.clone_into(&mut self.theirs);
        }
        new
    }

    /// Returns the peer's last description; empty where there is none.
    pub(super) fn theirs(&self) -> &str {
        &self.theirs
    }
}

fn lines(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.split('\n').map(|line| line.trim_end_matches('\r')).filter(|line| !line.is_empty())
}

/// `o=<username> <sess-id> <sess-version> …`
fn version(sdp: &str) -> Option<u64> {
    lines(sdp).find_map(|line| line.strip_prefix("o=")?.split(' ').nth(2)?.parse().ok())
}

fn with_version(sdp: &str, version: u64) -> String {
    lines(sdp)
        .map(|line| {
            if !line.starts_with("o=") {
                return format!("{line}\r\n");
            }
            let parts: Vec<String> = line
                .split(' ')
                .enumerate()
                .map(|(index, part)| if index == 2 { version.to_string() } else { part.to_owned() })
                .collect();
            format!("{}\r\n", parts.join(" "))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdp(version: u64, direction: &str) -> String {
        format!("v=0\r\no=- 7 {version} IN IP4 192.0.2.1\r\ns=-\r\nm=audio 4000 RTP/AVP 8\r\na={direction}\r\n")
    }

    #[test]
    fn the_version_counts_changes() {
        let mut descriptions = SessionDescriptions::default();
        assert_eq!(descriptions.say(&sdp(5, "sendrecv")), sdp(5, "sendrecv"));
        assert_eq!(descriptions.say(&sdp(5, "sendrecv")), sdp(5, "sendrecv"));
        assert_eq!(descriptions.say(&sdp(9, "sendrecv")), sdp(5, "sendrecv"));
        assert_eq!(descriptions.say(&sdp(5, "recvonly")), sdp(6, "recvonly"));
        assert_eq!(descriptions.repeat(), sdp(6, "recvonly"));
        assert_eq!(descriptions.offer_anew(), sdp(7, "sendrecv"));
        assert_eq!(descriptions.say(&sdp(1, "recvonly")), sdp(8, "recvonly"));
    }

    #[test]
    fn what_is_no_sdp_passes() {
        let mut descriptions = SessionDescriptions::default();
        assert_eq!(descriptions.say("nonsense"), "nonsense");
        assert_eq!(descriptions.say(""), "");
        assert_eq!(descriptions.offer_anew(), "");
    }

    #[test]
    fn a_refresh_of_theirs_is_no_news() {
        let mut descriptions = SessionDescriptions::default();
        assert!(descriptions.heard(&sdp(1, "sendrecv")));
        assert!(!descriptions.heard(&sdp(1, "sendrecv")));
        assert!(!descriptions.heard(""));
        assert!(descriptions.heard(&sdp(2, "sendonly")));
        assert_eq!(descriptions.theirs(), sdp(2, "sendonly"));
    }
}
