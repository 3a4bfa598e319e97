//! Repair of digest headers (RFC 7616, RFC 3261 section 22.4): the SIP crate computes the digest, but reads and writes some parameters
//! in a way the grammar does not allow. Both directions are rewritten here. How a challenge is answered is in `authentication.rs`.

/// Returns a challenge as the crate reads it: `algorithm=SHA-256` spelled `SHA256`, and of a list of qualities of protection the
/// one we use. `None` where nothing has to change.
pub(crate) fn readable_challenge(value: &str) -> Option<String> {
    let spelled = replace_ignoring_case(value, "algorithm=SHA-256", "algorithm=SHA256");
    let spelled = replace_ignoring_case(&spelled, "algorithm=\"SHA-256", "algorithm=\"SHA256");
    let chosen = choose_auth(&spelled).unwrap_or(spelled);
    (chosen != value).then_some(chosen)
}

/// Returns whether we support a challenge (RFC 7616 section 3.3).
pub(crate) fn is_usable_challenge(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    let Some((_, rest)) = lower.split_once("algorithm") else { return true };
    let name = rest.trim_start_matches([' ', '=', '"']);
    let name = name.split([',', '"', ' ']).next().unwrap_or_default();
    matches!(name, "md5" | "sha-256")
}

/// Returns credentials as the grammar requires: `qop` is a token, not a quoted string, and the algorithm is `SHA-256`. `None` where
/// nothing has to change.
pub(crate) fn grammatical_credentials(value: &str) -> Option<String> {
    let unquoted = value.replace("qop=\"auth\"", "qop=auth").replace("qop=\"auth-int\"", "qop=auth-int");
    let spelled = replace_ignoring_case(&unquoted, "algorithm=SHA256", "algorithm=SHA-256");
    (spelled != value).then_some(spelled)
}

/// Replaces `qop="auth,auth-int"` (in any order) by `qop="auth"`.
fn choose_auth(value: &str) -> Option<String> {
    let start = value.to_ascii_lowercase().find("qop=\"")? + "qop=\"".len();
    let length = value[start..].find('"')?;
    let list = &value[start..start + length];
    let offers_auth = list.split(',').any(|one| one.trim().eq_ignore_ascii_case("auth"));
    (list.contains(',') && offers_auth).then(|| format!("{}auth{}", &value[..start], &value[start + length..]))
}

fn replace_ignoring_case(text: &str, from: &str, to: &str) -> String {
    match text.to_ascii_lowercase().find(&from.to_ascii_lowercase()) {
        Some(at) => format!("{}{to}{}", &text[..at], &text[at + from.len()..]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_plain_md5_challenge_passes_untouched() {
        assert_eq!(readable_challenge(r#"Digest realm="t", nonce="n", algorithm=MD5, qop="auth""#), None);
    }

    #[test]
    fn a_list_of_qualities_is_reduced_to_auth() {
        let read = readable_challenge(r#"Digest realm="t", nonce="n", qop="auth-int, auth", opaque="o""#).unwrap();
        assert_eq!(read, r#"Digest realm="t", nonce="n", qop="auth", opaque="o""#);
        assert_eq!(readable_challenge(r#"Digest realm="t", nonce="n", qop="auth-int""#), None);
    }

    #[test]
    fn only_algorithms_we_compute_are_usable() {
        for (value, usable) in [
            (r#"Digest realm="t", nonce="n""#, true),
            (r#"Digest realm="t", algorithm=SHA-256, nonce="n""#, true),
            (r#"Digest realm="t", Algorithm = "md5""#, true),
            (r#"Digest realm="t", algorithm=SHA-512-256, nonce="n""#, false),
            (r#"Digest realm="t", algorithm=MD5-sess"#, false),
        ] {
            assert_eq!(is_usable_challenge(value), usable, "{value}");
        }
    }

    #[test]
    fn sha_256_travels_under_its_registered_name() {
        let read = readable_challenge(r#"Digest realm="t", nonce="n", algorithm=SHA-256"#).unwrap();
        assert_eq!(read, r#"Digest realm="t", nonce="n", algorithm=SHA256"#);
        let sent = grammatical_credentials(r#"Digest username="u", algorithm=SHA256, qop="auth", nc=00000001"#).unwrap();
        assert_eq!(sent, r#"Digest username="u", algorithm=SHA-256, qop=auth, nc=00000001"#);
    }
}
