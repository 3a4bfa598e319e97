//! Whether a zone is one of the country that a number is in: the rule of functions/country_zones.sql, where there is no database. Pure.

use chrono::{DateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::Tz;

use super::sip_uri::{SipUri, is_sip_uri};

/// A country (ISO 3166-1) and its zones a line.
const COUNTRIES: &str = include_str!("country_zones.txt");
/// Toll-free in North America: the number says nothing about which of its countries it rings in.
const TOLL_FREE: [&str; 8] = ["800", "822", "833", "844", "855", "866", "877", "888"];

/// A zone of another country: whoever is called by it is called at night.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "restaurant_zone \"{zone}\" is not a time zone of the country the number is in ({country}): it has {}; set restaurant_zone to the \
     zone the restaurant is in, or correct the number",
    .has.join(", ")
)]
pub struct WrongZone {
    /// The row's.
    pub zone: Tz,
    /// ISO 3166-1.
    pub country: String,
    /// Its zones.
    pub has: Vec<&'static str>,
}

/// Judges the zone of E.164 or a `sip:` URI. Numbers of no country, and addresses whose user part is not in E.164, take every zone.
///
/// # Errors
/// [`WrongZone`]: a sentence with what to do.
pub fn judge_zone(number: &str, zone: Tz, now: DateTime<Utc>) -> Result<(), WrongZone> {
    let Some(country) = country_of(number) else { return Ok(()) };
    let has = zones_of(&country);
    let same = |known: &&str| known.parse().is_ok_and(|known: Tz| known == zone || have_the_same_clock(known, zone, now));
    if has.is_empty() || has.iter().any(same) { Ok(()) } else { Err(WrongZone { zone, country, has }) }
}

/// None where the number may be anywhere.
fn country_of(number: &str) -> Option<String> {
    let user = match is_sip_uri(number) {
        true => SipUri::parse(number)?.user_unescaped()?.into_owned(),
        false => number.to_owned(),
    };
    let parsed = phonenumber::parse(None, user.starts_with('+').then_some(user)?).ok()?;
    let national = parsed.national().to_string();
    let toll_free = TOLL_FREE.iter().any(|area| national.starts_with(area));
    if parsed.country().code() == 1 && toll_free {
        return None;
    }
    Some(parsed.country().id()?.as_ref().to_owned())
}

fn zones_of(country: &str) -> Vec<&'static str> {
    let mut lines = COUNTRIES.lines().map(|line| line.split(' '));
    lines.find_map(|mut words| (words.next() == Some(country)).then(|| words.collect())).unwrap_or_default()
}

/// During the year to come, looked at once a week.
fn have_the_same_clock(one: Tz, other: Tz, now: DateTime<Utc>) -> bool {
    let ahead = |zone: Tz, moment: DateTime<Utc>| zone.offset_from_utc_datetime(&moment.naive_utc()).fix();
    (0..=52).map(|week| now + TimeDelta::weeks(week)).all(|moment| ahead(one, moment) == ahead(other, moment))
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America, Asia, Atlantic, Europe, UTC};

    use super::*;

    #[test]
    fn a_zone_is_judged_by_the_country_of_the_number() {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(57 * 365);
        let judge = |number, zone| judge_zone(number, zone, now);
        for (number, zone) in [
            ("+493023125198", Europe::Berlin),
            ("+493023125198", Europe::Paris),
            ("+3545551234", UTC),
            ("+12125550100", America::Los_Angeles),
            ("+14165550100", America::Vancouver),
            ("+18005550100", America::Halifax),
            ("+34922123456", Atlantic::Canary),
            ("+80012345678", Asia::Tokyo),
            ("sip:trattoria@example.org", Asia::Tokyo),
        ] {
            assert_eq!(judge(number, zone), Ok(()), "{number} {zone}");
        }
        for (number, zone) in [
            ("+493023125198", Asia::Tokyo),
            ("+493023125198", UTC),
            ("+442079460101", UTC),
            ("+12125550100", Europe::Berlin),
            ("sip:+493023125198@gateway.example.org", Asia::Tokyo),
        ] {
            assert!(judge(number, zone).is_err(), "{number} {zone}");
        }
    }
}
