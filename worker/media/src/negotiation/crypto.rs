//! Keys of SRTP in SDP: `a=crypto` (RFC 4568).

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use offhook::attempt::SrtpPolicy;

use crate::{
    error::MediaError,
    srtp::{Keys, Suite},
};

/// What we speak, in the order in which we offer it; its place is the tag, from 1.
const SUITES: [(Suite, &str); 2] =
    [(Suite::AesCm128HmacSha1_80, "AES_CM_128_HMAC_SHA1_80"), (Suite::AesCm128HmacSha1_32, "AES_CM_128_HMAC_SHA1_32")];
/// A key that dies sooner would have to be renewed in the middle of a call: 2^20 packets are nearly six hours.
const SHORTEST_LIFETIME: u64 = 1 << 20;

/// The keys of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Crypto {
    /// Of what we send. The same as before means: the same stream goes on with the same counters.
    pub local: Keys,
    /// Of what the peer sends.
    pub remote: Keys,
}

/// Our side of encryption: the policy, and one key for each suite, made once for the session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Encryption {
    policy: SrtpPolicy,
    keys: [Keys; 2],
}

/// A line as we write it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CryptoLine {
    /// Ties the answer to the offer.
    pub tag: u32,
    /// How and with what its writer sends.
    pub keys: Keys,
}

impl Encryption {
    /// No keys, no encryption.
    pub fn off() -> Self {
        let nothing = |suite| Keys { suite, key_salt: [0; 30] };
        Encryption { policy: SrtpPolicy::Off, keys: SUITES.map(|(suite, _)| nothing(suite)) }
    }

    /// This policy, with keys from `random`: bytes that nobody can guess.
    pub fn new(policy: SrtpPolicy, random: [[u8; 30]; 2]) -> Self {
        let [first, second] = random;
        let keys = [Keys { suite: SUITES[0].0, key_salt: first }, Keys { suite: SUITES[1].0, key_salt: second }];
        Encryption { policy, keys }
    }

    /// What was decided.
    pub fn policy(&self) -> SrtpPolicy {
        self.policy
    }

    /// `RTP/SAVP` promises encryption and may not be taken as anything else; phones that know none refuse it. So keys beside
    /// `RTP/AVP` are how encryption is preferred and not required.
    pub fn protocol(&self) -> &'static str {
        if self.policy == SrtpPolicy::Require { "RTP/SAVP" } else { "RTP/AVP" }
    }

    /// The lines of an offer.
    pub fn offered(&self) -> Vec<CryptoLine> {
        match self.policy {
            SrtpPolicy::Off => Vec::new(),
            SrtpPolicy::Prefer | SrtpPolicy::Require => {
                (1..).zip(self.keys).map(|(tag, keys)| CryptoLine { tag, keys }).collect()
            }
        }
    }

    /// Reads the answer to `offered`.
    pub fn accept(&self, theirs: &PeerCrypto) -> Result<Option<Crypto>, MediaError> {
        let offered = self.offered();
        if offered.is_empty() || (theirs.lines.is_empty() && !theirs.promised && self.policy == SrtpPolicy::Prefer) {
            return Ok(None);
        }
        let chosen = theirs.first_usable()?.ok_or(MediaError::NotEncrypted)?;
        let ours = offered.iter().find(|line| line.tag == chosen.tag && line.keys.suite == chosen.keys.suite);
        let ours = ours.ok_or_else(|| MediaError::NoUsableKey(format!("tag {} was not offered with that suite", chosen.tag)))?;
        Ok(Some(Crypto { local: ours.keys, remote: chosen.keys }))
    }

    /// Answers the peer's offer: the line for our answer, and the keys of both directions.
    pub fn answer(&self, theirs: &PeerCrypto) -> Result<Option<(CryptoLine, Crypto)>, MediaError> {
        let chosen = match self.policy {
            SrtpPolicy::Off => return Ok(None),
            SrtpPolicy::Prefer if !theirs.promised => theirs.first_usable().ok().flatten(),
            SrtpPolicy::Prefer | SrtpPolicy::Require => Some(theirs.first_usable()?.ok_or(MediaError::NotEncrypted)?),
        };
        let Some(chosen) = chosen else { return Ok(None) };
        let local = self.keys.into_iter().find(|keys| keys.suite == chosen.keys.suite).unwrap_or(self.keys[0]);
        Ok(Some((CryptoLine { tag: chosen.tag, keys: local }, Crypto { local, remote: chosen.keys })))
    }
}

/// Keys are never shown.
impl fmt::Debug for Encryption {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Encryption").field("policy", &self.policy).finish_non_exhaustive()
    }
}

impl CryptoLine {
    /// The attribute's value (RFC 4568, section 9.1).
    pub fn write(&self) -> String {
        let suite = SUITES.iter().find(|(suite, _)| *suite == self.keys.suite).map_or(SUITES[0].1, |(_, name)| name);
        format!("{} {suite} inline:{}", self.tag, STANDARD.encode(self.keys.key_salt))
    }

    /// Reads an attribute's value. An `Err` says why the line cannot be used, without the key.
    fn read(text: &str) -> Result<Self, &'static str> {
        let mut words = text.split_ascii_whitespace();
        let tag = words.next().and_then(|tag| tag.parse().ok()).ok_or("a tag that is no number")?;
        let suite = words.next().and_then(|name| SUITES.iter().find(|(_, known)| known.eq_ignore_ascii_case(name)));
        let (suite, _) = suite.ok_or("a suite we do not speak")?;
        let parameters = words.next().ok_or("no key")?;
        // Session parameters change the transform; only the window's size is a matter of the receiver alone (section 6.3).
        if words.any(|parameter| !parameter.to_ascii_uppercase().starts_with("WSH=") && !parameter.starts_with('-')) {
            return Err("session parameters we do not support");
        }
        let mut parts = parameters.strip_prefix("inline:").ok_or("a key that is not inline")?.split('|');
        if parameters.contains(';') {
            return Err("more than one key");
        }
        let key_salt = STANDARD.decode(parts.next().unwrap_or_default()).ok().and_then(|bytes| bytes.try_into().ok());
        let key_salt = key_salt.ok_or("a key of another length than 30 bytes")?;
        for part in parts {
            match part.split_once(':') {
                Some(_) => return Err("a master key identifier (MKI)"),
                None if lifetime(part).is_none_or(|packets| packets < SHORTEST_LIFETIME) => {
                    return Err("a lifetime too short for a call");
                }
                None => {}
            }
        }
        Ok(CryptoLine { tag, keys: Keys { suite: *suite, key_salt } })
    }
}

/// Keys are never shown.
impl fmt::Debug for CryptoLine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("CryptoLine").field("tag", &self.tag).field("keys", &self.keys).finish()
    }
}

/// `2^20` or a number of packets.
fn lifetime(text: &str) -> Option<u64> {
    match text.strip_prefix("2^") {
        Some(power) => 1u64.checked_shl(power.parse().ok()?),
        None => text.parse().ok(),
    }
}

/// The keys in a peer's SDP.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerCrypto {
    /// The media line is one of SRTP.
    pub promised: bool,
    lines: Vec<Result<CryptoLine, &'static str>>,
}

impl PeerCrypto {
    /// From the values of the `a=crypto` lines, in their order.
    pub fn read<'a>(promised: bool, values: impl Iterator<Item = &'a str>) -> Self {
        PeerCrypto { promised, lines: values.map(CryptoLine::read).collect() }
    }

    /// Whether there is a key we can use.
    pub fn is_usable(&self) -> bool {
        self.lines.iter().any(Result::is_ok)
    }

    /// The first line we can use; `None` where there is none at all.
    fn first_usable(&self) -> Result<Option<CryptoLine>, MediaError> {
        match (self.lines.iter().find_map(|line| line.as_ref().ok()), self.lines.first()) {
            (Some(line), _) => Ok(Some(*line)),
            (None, Some(Err(why))) => Err(MediaError::NoUsableKey((*why).to_owned())),
            (None, _) => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The example of RFC 4568, section 9.1 (section 4.1 there shows the same form).
    const EXAMPLE: &str = "1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj|2^20";

    #[test]
    fn a_line_is_read_and_written() {
        let line = CryptoLine::read(EXAMPLE).unwrap();
        assert_eq!((line.tag, line.keys.suite, &line.keys.key_salt[..4]), (1, Suite::AesCm128HmacSha1_80, &b"wDfv"[..]));
        assert_eq!(CryptoLine::read(&line.write()).unwrap(), line);
        let short =
            CryptoLine::read("7 aes_cm_128_hmac_sha1_32 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj WSH=1024").unwrap();
        assert_eq!((short.tag, short.keys.suite), (7, Suite::AesCm128HmacSha1_32));
    }

    #[test]
    fn what_we_cannot_do_is_refused_with_a_reason() {
        let reason = |from: &str, to: &str| CryptoLine::read(&EXAMPLE.replace(from, to)).unwrap_err();
        assert!(reason("2^20", "2^20|1:4").contains("MKI"));
        assert!(reason("2^20", "1:4").contains("MKI"));
        assert!(reason("2^20", "2^10").contains("lifetime"));
        assert!(reason("2^20", "2^99|x").contains("lifetime"));
        assert!(reason("|2^20", " UNENCRYPTED_SRTP").contains("session parameters"));
        assert!(reason("|2^20", ";inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj").contains("more than one"));
        assert!(reason("AES_CM_128", "AES_256_CM").contains("suite"));
        assert!(reason("fHAwJSoj", "").contains("30 bytes"));
        assert!(reason("1 AES", "x AES").contains("tag"));
    }

    #[test]
    fn keys_are_never_shown() {
        let line = CryptoLine::read(EXAMPLE).unwrap();
        let encryption = Encryption::new(SrtpPolicy::Prefer, [line.keys.key_salt, [7; 30]]);
        let crypto = Crypto { local: line.keys, remote: line.keys };
        let peer = PeerCrypto::read(true, [EXAMPLE].into_iter());
        for shown in [format!("{line:?}"), format!("{encryption:?}"), format!("{crypto:?}"), format!("{peer:?}")] {
            assert!(!shown.contains("d0Rmdm") && !shown.contains("119, 68") && !shown.contains("[7"), "{shown}");
        }
    }
}
