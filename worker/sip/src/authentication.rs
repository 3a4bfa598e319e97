//! Digest authentication (RFC 3261 section 22, RFC 7616): credentials for 401 and 407, MD5 and SHA-256, with and without qop, for
//! several challenges at once, and again where a nonce is stale.

use rsipstack::{
    sip::{
        DigestGenerator, Header, Headers, Host, HostWithPort, Request, Uri,
        headers::auth::{Algorithm, AuthQop},
    },
    transaction::random_text,
};

use super::{
    credentials::Credentials,
    message::{all, written},
};

/// Stale nonces that are replaced per request.
const STALE_NONCES: u8 = 3;

/// The challenges that one request has met.
#[derive(Debug, Default)]
pub(super) struct Challenges {
    met: Vec<Met>,
}

#[derive(Debug)]
struct Met {
    proxy: bool,
    realm: String,
    stale: u8,
}

/// A Digest challenge that we support.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    stale: bool,
    /// `None` where the challenge names none: MD5, and the credentials name none either.
    algorithm: Option<Algorithm>,
    qop: bool,
}

impl Challenges {
    /// Adds credentials to a request that was refused with 401 or 407; returns false where no challenge is supported, or the same
    /// credentials were refused before.
    pub(super) fn answer(&mut self, request: &mut Request, response: &Headers, credentials: &Credentials) -> bool {
        let mut answered = false;
        for (proxy, name) in [(false, "WWW-Authenticate"), (true, "Proxy-Authenticate")] {
            let mut realms: Vec<Challenge> = Vec::new();
            for challenge in all(response, name).filter_map(read) {
                match realms.iter_mut().find(|known| known.realm == challenge.realm) {
                    Some(known) if strength(&challenge) > strength(known) => *known = challenge,
                    Some(_) => {}
                    None => realms.push(challenge),
                }
            }
            for challenge in realms {
                if !self.may_answer(proxy, &challenge) {
                    return false;
                }
                let value = credentials_for(&challenge, request, credentials);
                let same_realm = format!("realm={}", quoted(&challenge.realm));
                request.headers.retain(|header| match header {
                    Header::Authorization(given) => proxy || !given.value().contains(&same_realm),
                    Header::ProxyAuthorization(given) => !proxy || !given.value().contains(&same_realm),
                    _ => true,
                });
                let header = if proxy { Header::ProxyAuthorization(value.into()) } else { Header::Authorization(value.into()) };
                request.headers.push(header);
                answered = true;
            }
        }
        answered
    }

    fn may_answer(&mut self, proxy: bool, challenge: &Challenge) -> bool {
        match self.met.iter_mut().find(|met| met.proxy == proxy && met.realm == challenge.realm) {
            None => {
                self.met.push(Met { proxy, realm: challenge.realm.clone(), stale: 0 });
                true
            }
            Some(met) if challenge.stale && met.stale < STALE_NONCES => {
                met.stale += 1;
                true
            }
            Some(_) => false,
        }
    }
}

fn strength(challenge: &Challenge) -> u8 {
    u8::from(challenge.algorithm == Some(Algorithm::Sha256)) * 2 + u8::from(challenge.qop)
}

/// Reads a challenge; `None` where it is not Digest, or not supported (`-sess`, `auth-int` alone, SHA-512-256).
fn read(value: &str) -> Option<Challenge> {
    let (scheme, parameters) = value.trim().split_once(char::is_whitespace)?;
    if !scheme.eq_ignore_ascii_case("Digest") {
        return None;
    }
    let parameters = super::message::split(parameters, ',');
    let find = |name: &str| {
        parameters.iter().find_map(|parameter| {
            let (found, value) = parameter.split_once('=')?;
            found.trim().eq_ignore_ascii_case(name).then(|| unquoted(value.trim()))
        })
    };
    let algorithm = match find("algorithm") {
        None => None,
        Some(name) if name.eq_ignore_ascii_case("MD5") => Some(Algorithm::Md5),
        Some(name) if name.eq_ignore_ascii_case("SHA-256") || name.eq_ignore_ascii_case("SHA256") => Some(Algorithm::Sha256),
        Some(_) => return None,
    };
    let qop = match find("qop") {
        None => false,
        Some(list) if list.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth")) => true,
        Some(list) if list.trim().is_empty() => false,
        Some(_) => return None,
    };
    Some(Challenge {
        realm: find("realm")?,
        nonce: find("nonce")?,
        opaque: find("opaque"),
        stale: find("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        algorithm,
        qop,
    })
}

/// A URI that the crate writes as it was read: what stands before the host is written as a part of it.
fn as_written(uri: &Uri) -> Uri {
    let whole = written(&Uri { params: vec![], headers: vec![], ..uri.clone() });
    let Some((_, rest)) = whole.split_once(':').filter(|_| whole.contains('%')) else { return uri.clone() };
    Uri { auth: None, host_with_port: HostWithPort { host: Host::Domain(rest.into()), port: None }, ..uri.clone() }
}

fn credentials_for(challenge: &Challenge, request: &Request, credentials: &Credentials) -> String {
    let cnonce = random_text(16);
    let qop = challenge.qop.then(|| AuthQop::Auth { cnonce: cnonce.clone(), nc: 1 });
    let response = DigestGenerator {
        username: &credentials.username,
        password: credentials.password.expose(),
        nonce: &challenge.nonce,
        uri: &as_written(&request.uri),
        realm: &challenge.realm,
        method: &request.method,
        qop: qop.as_ref(),
        algorithm: challenge.algorithm.unwrap_or(Algorithm::Md5),
    }
    .compute();
    let mut value = format!(
        "Digest username={}, realm={}, nonce={}, uri=\"{}\", response=\"{response}\"",
        quoted(&credentials.username),
        quoted(&challenge.realm),
        quoted(&challenge.nonce),
        written(&request.uri),
    );
    match challenge.algorithm {
        Some(Algorithm::Sha256) => value.push_str(", algorithm=SHA-256"),
        Some(_) => value.push_str(", algorithm=MD5"),
        None => {}
    }
    if let Some(opaque) = &challenge.opaque {
        value.push_str(&format!(", opaque={}", quoted(opaque)));
    }
    if challenge.qop {
        value.push_str(&format!(", qop=auth, nc=00000001, cnonce=\"{cnonce}\""));
    }
    value
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .filter(|c| !c.is_control())
        .flat_map(|c| if matches!(c, '"' | '\\') { vec!['\\', c] } else { vec![c] })
        .collect();
    format!("\"{escaped}\"")
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"').map(|rest| rest.strip_suffix('"').unwrap_or(rest)) else {
        return value.to_owned();
    };
    let mut text = String::with_capacity(inner.len());
    let mut escaped = false;
    for c in inner.chars() {
        if c == '\\' && !escaped {
            escaped = true;
        } else {
            escaped = false;
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use offhook::secret::Secret;
    use rsipstack::sip::{Method, Uri, Version};

    use super::*;

    fn request(method: Method) -> Request {
        Request {
            method,
            uri: Uri::try_from("sip:bob@biloxi.com").unwrap(),
            version: Version::V2,
            headers: Headers::default(),
            body: vec![],
        }
    }

    fn us() -> Credentials {
        Credentials { username: "bob".to_owned(), password: Secret::new("zanzibar") }
    }

    fn challenge(values: &[&str]) -> Headers {
        values.iter().map(|value| Header::ProxyAuthenticate((*value).into())).collect::<Vec<_>>().into()
    }

    fn said(request: &Request) -> Vec<String> {
        request.headers.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_challenge_without_qop_gets_the_old_digest() {
        // RFC 3261's predecessor of qop; the response was computed with the formula of RFC 2617 section 3.2.2.1.
        let mut invite = request(Method::Invite);
        let refused = challenge(&["Digest realm=\"biloxi.com\",nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", opaque=\"5ccc\""]);
        assert!(Challenges::default().answer(&mut invite, &refused, &us()));
        assert_eq!(
            said(&invite),
            [
                "Proxy-Authorization: Digest username=\"bob\", realm=\"biloxi.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\", \
              uri=\"sip:bob@biloxi.com\", response=\"bf57e4e0d0bffc0fbaedce64d59add5e\", opaque=\"5ccc\""
            ]
        );
    }

    #[test]
    fn qop_is_a_token_and_the_count_eight_digits() {
        let mut bye = request(Method::Bye);
        let refused = challenge(&["Digest realm=\"a \\\"b\\\"\", nonce=\"n\", qop=\"auth-int,auth\", algorithm=sha-256"]);
        assert!(Challenges::default().answer(&mut bye, &refused, &us()));
        let line = &said(&bye)[0];
        assert!(
            line.contains("realm=\"a \\\"b\\\"\"") && line.contains("algorithm=SHA-256, qop=auth, nc=00000001, cnonce=\""),
            "{line}"
        );
    }

    #[test]
    fn the_strongest_challenge_of_a_realm_is_answered() {
        let mut invite = request(Method::Invite);
        let refused = challenge(&[
            "Digest realm=\"r\", nonce=\"1\", algorithm=MD5",
            "Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256, qop=\"auth\"",
            "Digest realm=\"other\", nonce=\"3\"",
            "Basic realm=\"r\"",
        ]);
        assert!(Challenges::default().answer(&mut invite, &refused, &us()));
        let lines = said(&invite);
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[0].contains("nonce=\"2\"") && lines[1].contains("nonce=\"3\""), "{lines:?}");
    }

    #[test]
    fn a_stale_nonce_is_no_refusal_and_a_refusal_is_final() {
        let mut challenges = Challenges::default();
        let mut invite = request(Method::Invite);
        assert!(challenges.answer(&mut invite, &challenge(&["Digest realm=\"r\", nonce=\"1\""]), &us()));
        for nonce in 2..=4 {
            let stale = challenge(&[&format!("Digest realm=\"r\", nonce=\"{nonce}\", stale=TRUE")]);
            assert!(challenges.answer(&mut invite, &stale, &us()));
            assert_eq!(invite.headers.len(), 1);
            assert!(said(&invite)[0].contains(&format!("nonce=\"{nonce}\"")));
        }
        assert!(!challenges.answer(&mut invite, &challenge(&["Digest realm=\"r\", nonce=\"9\", stale=true"]), &us()));
        let mut challenges = Challenges::default();
        assert!(challenges.answer(&mut invite, &challenge(&["Digest realm=\"r\", nonce=\"1\""]), &us()));
        assert!(!challenges.answer(&mut invite, &challenge(&["Digest realm=\"r\", nonce=\"2\""]), &us()));
    }

    #[test]
    fn what_cannot_be_answered_is_not_answered() {
        for value in [
            "Basic realm=\"r\"",
            "Digest realm=\"r\"",
            "Digest realm=\"r\", nonce=\"1\", algorithm=MD5-sess",
            "Digest realm=\"r\", nonce=\"1\", qop=\"auth-int\"",
            "Digest",
            "",
        ] {
            let mut invite = request(Method::Invite);
            assert!(!Challenges::default().answer(&mut invite, &challenge(&[value]), &us()), "{value}");
            assert!(invite.headers.is_empty());
        }
    }

    #[test]
    fn a_digest_is_over_the_uri_as_it_is_sent() {
        for read in ["sip:%2331%23030@trunk.example:5070;user=phone", "sip:hall%40house@[::1]:5080", "sip:+4930@trunk.example"] {
            assert_eq!(as_written(&Uri::try_from(read).unwrap()).to_string(), read);
        }
    }
}
