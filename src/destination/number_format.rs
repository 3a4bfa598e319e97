//! How a telephone number is written to a trunk: the user part of Request-URI and To (RFC 3261 section 19.1.6, RFC 3966). Pure.
//!
//! A number is E.164 everywhere else. Only what leaves towards a trunk has the trunk's format.

use serde::{Deserialize, Serialize};

/// What a number begins with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NumberStyle {
    /// `+4930123456`
    #[default]
    E164,
    /// The international prefix, country code and number: `004930123456`.
    International,
    /// Country code and number: `4930123456`.
    Digits,
    /// Within the trunk's country as people there dial it, `030123456`; to others as `International`.
    National,
}

/// How a trunk wants numbers written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NumberFormat {
    /// What a number begins with.
    pub style: NumberStyle,
    /// What is dialled before a country code: `00`, `011`, `+`.
    pub international_prefix: String,
    /// The calling code of the trunk's country, without `+`.
    pub country_code: Option<String>,
    /// What is dialled before a number within the country: `0`, or nothing.
    pub national_prefix: String,
    /// What goes before every number: digits, `*` and `#`.
    pub dial_prefix: String,
    /// `;user=phone` says that the user part is a telephone number.
    pub user_phone: bool,
}

impl NumberFormat {
    /// The user part of a SIP URI for a number in E.164, escaped.
    pub fn user(&self, number: &str) -> String {
        let digits = number.trim_start_matches('+');
        let written = match self.style {
            NumberStyle::E164 => format!("+{digits}"),
            NumberStyle::International => self.international(digits),
            NumberStyle::Digits => digits.to_owned(),
            NumberStyle::National => self.national(digits).unwrap_or_else(|| self.international(digits)),
        };
        // `*` may stand in a user part, `#` may not (RFC 3261 section 25.1).
        format!("{}{written}", self.dial_prefix.replace('#', "%23"))
    }

    /// Other user parts by which this trunk may name the same number, as in a redirect: in E.164, with the international prefix, and
    /// within its country. Digits alone are none of them, unless that is how it wants them: they may be a number within the country.
    pub fn other_users(&self, number: &str) -> Vec<String> {
        let digits = number.trim_start_matches('+');
        let mut users = vec![format!("+{digits}")];
        if !self.international_prefix.is_empty() {
            users.push(self.international(digits));
        }
        if self.style == NumberStyle::National {
            users.extend(self.national(digits));
        }
        // The prefix is for the trunk; what it redirects to may be without.
        let without_prefix = NumberFormat { dial_prefix: String::new(), ..self.clone() }.user(number);
        users.push(without_prefix);
        let own = self.user(number);
        users.retain(|user| *user != own);
        users.sort_unstable();
        users.dedup();
        users
    }

    /// The parameters of a SIP URI whose user part is a number.
    pub fn uri_parameters(&self) -> &'static str {
        if self.user_phone { ";user=phone" } else { "" }
    }

    fn international(&self, digits: &str) -> String {
        format!("{}{digits}", self.international_prefix)
    }

    /// `None` where the number is in another country: no calling code begins with another.
    fn national(&self, digits: &str) -> Option<String> {
        let within = digits.strip_prefix(self.country_code.as_deref().filter(|code| !code.is_empty())?)?;
        Some(format!("{}{within}", self.national_prefix))
    }
}

/// Whether a user part is a telephone number: digits, with or without a plus.
pub fn is_number(user: &str) -> bool {
    let digits = user.strip_prefix('+').unwrap_or(user);
    !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn german(style: NumberStyle) -> NumberFormat {
        NumberFormat {
            style,
            international_prefix: "00".into(),
            country_code: Some("49".into()),
            national_prefix: "0".into(),
            ..NumberFormat::default()
        }
    }

    #[test]
    fn a_number_is_written_as_the_trunk_wants_it() {
        let american = NumberFormat {
            international_prefix: "011".into(),
            country_code: Some("1".into()),
            national_prefix: "1".into(),
            ..german(NumberStyle::National)
        };
        let italian =
            NumberFormat { country_code: Some("39".into()), national_prefix: String::new(), ..german(NumberStyle::National) };
        let with = |dial_prefix: &str, style| NumberFormat { dial_prefix: dial_prefix.into(), ..german(style) };
        for (format, number, user) in [
            (NumberFormat::default(), "+4930123456", "+4930123456"),
            (german(NumberStyle::E164), "+4930123456", "+4930123456"),
            (german(NumberStyle::International), "+4930123456", "004930123456"),
            (
                NumberFormat { international_prefix: "011".into(), ..german(NumberStyle::International) },
                "+4930123456",
                "0114930123456",
            ),
            (german(NumberStyle::Digits), "+4930123456", "4930123456"),
            (german(NumberStyle::National), "+4930123456", "030123456"),
            (german(NumberStyle::National), "+442079460101", "00442079460101"),
            (german(NumberStyle::National), "+12125550100", "0012125550100"),
            (
                NumberFormat { international_prefix: "+".into(), ..german(NumberStyle::National) },
                "+442079460101",
                "+442079460101",
            ),
            (american.clone(), "+12125550100", "12125550100"),
            (NumberFormat { national_prefix: String::new(), ..american.clone() }, "+12125550100", "2125550100"),
            (american, "+4930123456", "0114930123456"),
            // The zero of an Italian landline belongs to the number.
            (italian, "+390612345678", "0612345678"),
            (with("9", NumberStyle::National), "+4930123456", "9030123456"),
            (with("#31#", NumberStyle::International), "+4930123456", "%2331%23004930123456"),
            (with("*67", NumberStyle::E164), "+4930123456", "*67+4930123456"),
        ] {
            assert_eq!(format.user(number), user, "{format:?}");
        }
    }

    #[test]
    fn a_trunk_may_name_the_number_in_other_ways() {
        let national = NumberFormat { dial_prefix: "9".into(), ..german(NumberStyle::National) };
        assert_eq!(national.other_users("+4930123456"), ["+4930123456", "004930123456", "030123456"]);
        assert_eq!(german(NumberStyle::National).other_users("+442079460101"), ["+442079460101"]);
        assert_eq!(german(NumberStyle::Digits).other_users("+4930123456"), ["+4930123456", "004930123456"]);
        assert_eq!(german(NumberStyle::E164).other_users("+4930123456"), ["004930123456"]);
        assert_eq!(NumberFormat::default().other_users("+4930123456"), [""; 0]);
    }

    #[test]
    fn the_format_of_another_version_is_read() {
        let read = serde_json::from_str::<NumberFormat>(r#"{"style":"national","country_code":"49","new":1}"#);
        assert_eq!(read.map(|format| format.user("+4930123456")).ok(), Some("30123456".to_owned()));
    }

    #[test]
    fn a_number_is_told_from_a_name() {
        assert!(["+4930123456", "030123456", "4930"].iter().all(|user| is_number(user)));
        assert!(["offhook", "", "+", "4930-1", "+49a"].iter().all(|user| !is_number(user)));
    }
}
