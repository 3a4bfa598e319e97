//! Whether a number can be dialled at all: the last look before a worker is started.
//!
//! Whom we may call is data (`countries`, `number_ranges`; functions/destinations.sql). This looks at the number alone, with the
//! numbering plans of libphonenumber (the crate `phonenumber`), which know how long a number has to be. No setting
//! changes what is decided here. Pure.

pub mod country_zones;
pub mod number_format;
pub mod sip_uri;

use phonenumber::{PhoneNumber, Type, metadata::DATABASE};
use sip_uri::{SipUri, has_headers, is_sip_uri};

/// A number that is not dialled. The number is not repeated: the sentence goes into logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undiallable {
    /// No telephone has it.
    #[error("not dialled: no telephone can have this number; check it, and insert a new call")]
    Invalid,
    /// Who calls it pays for more than a call.
    #[error("not dialled: it is a premium-rate number; insert a new call to an ordinary number of the restaurant")]
    Premium,
    /// It leads nowhere.
    #[error(
        "not dialled: it is no SIP address such as sip:trattoria@example.org:5060; check its host and port, and insert a new call"
    )]
    NoSipUri,
    /// Headers behind a question mark (RFC 3261 section 19.1.1).
    #[error(
        "not dialled: its address has headers behind a question mark, which no call may have; insert a new call without them"
    )]
    Headers,
}

/// Judges E.164 or a `sip:` URI. Of a URI only a user part in E.164 is looked at, and only for its price: what else is a number behind
/// somebody's exchange is theirs to say.
///
/// # Errors
/// [`Undiallable`]: a sentence with what to do.
pub fn judge(number: &str) -> Result<(), Undiallable> {
    if is_sip_uri(number) {
        if has_headers(number) {
            return Err(Undiallable::Headers);
        }
        let user = SipUri::parse(number).ok_or(Undiallable::NoSipUri)?.user_unescaped().unwrap_or_default();
        let parsed = user.starts_with('+').then(|| phonenumber::parse(None, user).ok()).flatten();
        return match parsed {
            Some(parsed) if is_premium(&parsed) => Err(Undiallable::Premium),
            _ => Ok(()),
        };
    }
    let parsed = phonenumber::parse(None, number).map_err(|_| Undiallable::Invalid)?;
    if is_premium(&parsed) {
        return Err(Undiallable::Premium);
    }
    // What the parser has left out (a national prefix after the country code, say) would be dialled all the same.
    let as_written = number.trim_start_matches('+') == format!("{}{}", parsed.country().code(), parsed.national());
    if as_written && parsed.is_valid() { Ok(()) } else { Err(Undiallable::Invalid) }
}

fn is_premium(number: &PhoneNumber) -> bool {
    number.number_type(&DATABASE) == Type::PremiumRate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_with_headers_is_not_dialled() {
        assert_eq!(judge("sip:trattoria@example.org?X-Evil=1&Replaces=abc"), Err(Undiallable::Headers));
        assert_eq!(judge("sip:a?b@example.org"), Ok(()));
    }

    #[test]
    fn ordinary_numbers_are_dialled() {
        for number in [
            "+4930123456",
            "+4930123",
            "+4930999",
            "+4930987654",
            "+493012345675",
            "+493023125777",
            "+493011000001",
            "+4915112345678",
            "+34600000123",
            "+442079460101",
            "+34910000101",
            "+31200000101",
            "+35312345678",
            "+390612345678",
            "+12125550100",
            "sip:trattoria@127.0.0.1:5070",
            "sip:+4930123456@sip.example.org;user=phone",
            "sip:112@pbx.example.org",
        ] {
            assert_eq!(judge(number), Ok(()), "{number}");
        }
    }

    #[test]
    fn what_no_telephone_has_is_not_dialled() {
        for number in
            ["+4930", "+44201234567", "+49110", "+49030123456", "+1911234", "+12125550", "+999123456789", "+49", "", "+", "x"]
        {
            assert_eq!(judge(number), Err(Undiallable::Invalid), "{number}");
        }
    }

    #[test]
    fn premium_rate_numbers_are_not_dialled_whoever_carries_them() {
        for number in [
            "+499001234567",
            "+19002345678",
            "+449012345678",
            "+979112345678",
            "sip:+499001234567@gateway.example.org",
            "sip:%2B499001234567@gateway.example.org",
        ] {
            assert_eq!(judge(number), Err(Undiallable::Premium), "{number}");
        }
    }

    #[test]
    fn a_sip_address_that_leads_nowhere_is_not_dialled() {
        for number in ["sip:trattoria@example.org:70000", "sip:trattoria@[::1", "sip:trattoria@:5060"] {
            assert_eq!(judge(number), Err(Undiallable::NoSipUri), "{number}");
        }
    }

    #[test]
    fn nothing_from_outside_makes_it_panic() {
        for number in ["sip:", "sip:@", "sips:+@x", "+\u{0660}\u{0661}", "sip:+49;x=y:z@[::1]:5060", "\0", "+4930123456;ext=5"] {
            let _ = judge(number);
        }
    }
}
