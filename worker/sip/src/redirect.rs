//! 300, 301 and 302 (RFC 3261 sections 8.1.3.4 and 13.3.1.2): where else the callee may be.
//!
//! A redirect is followed only to the same number at another host, as carriers' redirect servers send it: as we wrote it, or in another
//! way that the trunk may write it (`+49…` where we dial `0…`). To another number it is
//! not: that would call somebody whom nobody asked us to call, at whatever price. The failure tells the code and the target.

use rsipstack::sip::{Headers, Scheme, Uri};

use super::message::{list, parameter, uri};

/// Redirects followed per call.
const MOST: usize = 3;

/// The targets a call has been redirected to.
#[derive(Debug, Clone, Default)]
pub(super) struct Redirects {
    /// The ways to write the number.
    same_number: Vec<String>,
    been: Vec<String>,
    followed: usize,
}

impl Redirects {
    /// None yet; `same_number` are other user parts that are the callee's number.
    pub(super) fn of(same_number: &[String]) -> Redirects {
        let same_number = same_number.iter().map(|user| written(user)).collect();
        Redirects { same_number, ..Redirects::default() }
    }

    /// Returns the target of a redirect with the highest `q`; `None` where there is none that is new and of the same number.
    pub(super) fn follow(&mut self, from: &Uri, headers: &Headers) -> Option<Uri> {
        self.been.push(place(from));
        self.same_number.push(number(from));
        if self.followed == MOST {
            return None;
        }
        let mut contacts: Vec<(f32, Uri)> = list(headers, "Contact")
            .into_iter()
            .filter_map(|value| Some((quality(value), uri(value)?)))
            .filter(|(_, contact)| matches!(contact.scheme, Some(Scheme::Sip | Scheme::Sips)))
            .filter(|(_, contact)| self.same_number.contains(&number(contact)) && !self.been.contains(&place(contact)))
            .collect();
        contacts.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        let (_, mut next) = contacts.into_iter().next()?;
        // Headers in a URI would become headers of our INVITE (section 19.1.5).
        next.headers.clear();
        self.followed += 1;
        Some(next)
    }
}

/// Returns whether two URIs name the same host, so that credentials for one are valid for the other.
pub(super) fn same_host(one: &Uri, other: &Uri) -> bool {
    one.host() == other.host()
}

fn quality(contact: &str) -> f32 {
    parameter(contact, "q").and_then(|q| q.parse().ok()).filter(|q: &f32| q.is_finite()).unwrap_or(1.0)
}

/// Returns the number without visual separators and parameters (RFC 3966), or the user part as it is.
fn number(uri: &Uri) -> String {
    written(uri.user().unwrap_or_default().split(';').next().unwrap_or_default())
}

fn written(user: &str) -> String {
    let user = user.replace("%23", "#").replace("%2B", "+").replace("%2b", "+").replace("%2A", "*").replace("%2a", "*");
    let digits: String = user.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect();
    let is_number = !digits.is_empty() && digits.trim_start_matches('+').chars().all(|c| c.is_ascii_digit());
    if is_number { digits } else { user }
}

fn place(uri: &Uri) -> String {
    format!("{}@{}", number(uri), uri.host_with_port.to_string().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rsipstack::sip::Header;

    use super::*;
    use crate::message::written;

    fn to(contacts: &[&str]) -> Headers {
        contacts.iter().map(|contact| Header::Contact((*contact).into())).collect::<Vec<_>>().into()
    }

    fn callee() -> Uri {
        Uri::try_from("sip:+49-30-123@trunk.example").unwrap()
    }

    fn followed(contacts: &[&str]) -> Option<String> {
        Redirects::default().follow(&callee(), &to(contacts)).map(|uri| uri.to_string())
    }

    #[test]
    fn the_same_number_elsewhere_is_followed_in_the_order_wished() {
        let both = ["<sip:+4930123@gw1.example>;q=0.2, <sip:+4930123;npdi@gw2.example:5080;transport=udp?Subject=evil>;q=0.7"];
        assert_eq!(followed(&both).unwrap(), "sip:+4930123@gw1.example");
        assert_eq!(
            followed(&["<sip:+4930123@gw1.example>;q=0.2, <sip:+4930123@gw2.example?Route=evil>"]).unwrap(),
            "sip:+4930123@gw2.example"
        );
    }

    #[test]
    fn another_number_is_not() {
        for contact in [
            "<sip:+4990099@gw.example>",
            "<sip:voicemail@gw.example>",
            "<tel:+4930123>",
            "<mailto:a@b>",
            "<sip:gw.example>",
            "",
            "<",
        ] {
            assert_eq!(followed(&[contact]), None, "{contact}");
        }
    }

    #[test]
    fn the_same_number_in_another_format_of_the_trunk_is_followed() {
        let dialled = Uri::try_from("sip:%2331%23030123@trunk.example;user=phone").unwrap();
        let others = ["+4930123".to_owned(), "004930123".to_owned(), "030123".to_owned()];
        let followed = |contact: &str| Redirects::of(&others).follow(&dialled, &to(&[contact])).map(|uri| written(&uri));
        for user in ["+4930123", "%2B4930123", "+49-30-123", "004930123", "030123", "%2331%23030123"] {
            assert_eq!(followed(&format!("<sip:{user}@gw.example>")), Some(format!("sip:{user}@gw.example")), "{user}");
        }
        for user in ["4930123", "030124", "+4930124", "30123", "%23030123"] {
            assert_eq!(followed(&format!("<sip:{user}@gw.example>")), None, "{user}");
        }
        let mut redirects = Redirects::of(&others);
        let first = redirects.follow(&dialled, &to(&["<sip:+4930123@gw1.example>"])).unwrap();
        let next = redirects.follow(&first, &to(&["<sip:%2331%23030123@gw2.example>"]));
        assert!(next.is_some(), "what was dialled first is the same number still");
    }

    #[test]
    fn loops_and_long_ways_end() {
        let mut redirects = Redirects::default();
        let mut at = callee();
        assert_eq!(redirects.follow(&at, &to(&["<sip:+4930123@TRUNK.example>"])), None);
        for host in ["a", "b", "c"] {
            at = redirects.follow(&at, &to(&["<sip:+4930123@trunk.example>", &format!("<sip:+4930123@{host}>")])).unwrap();
        }
        assert_eq!(redirects.follow(&at, &to(&["<sip:+4930123@d>"])), None);
    }
}
