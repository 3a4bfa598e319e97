//! Trunks as their rows have them, and what a row says about the ways out. Secrets are not here: a row only names files.

use std::{collections::BTreeMap, time::Duration};

use serde::Serialize;
use sqlx::{PgConnection, PgPool, types::Json};

use super::error::StoreError;
use crate::{
    attempt::{CodecName, SipTransport, SrtpPolicy, WayOut},
    destination::{
        number_format::{NumberFormat, NumberStyle},
        sip_uri::is_sip_uri,
    },
};

/// A row of `trunks`, as far as a call needs it.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct TrunkRow {
    /// Its name.
    pub name: String,
    /// `None`: a `sip:` URI is dialled where it points.
    pub host: Option<String>,
    /// `None`: as the DNS says.
    pub port: Option<i32>,
    /// `udp`, `tcp`, `tls`; `None`: as the DNS says.
    pub transport: Option<String>,
    /// Where requests go first.
    pub outbound_proxy: Option<String>,
    /// `None`: as the DNS says.
    pub outbound_proxy_port: Option<i32>,
    /// Digest user.
    pub username: Option<String>,
    /// The name of the file with the digest password.
    pub secret: Option<String>,
    /// The name of a file with certificates, PEM.
    pub tls_authorities: Option<String>,
    /// The name of a file with our certificate chain, PEM.
    pub tls_certificate: Option<String>,
    /// The name of a file with its private key, PEM.
    pub tls_key: Option<String>,
    /// The name in the trunk's certificate.
    pub tls_server_name: Option<String>,
    /// User part of From.
    pub caller_id: String,
    /// Host part of From.
    pub from_domain: Option<String>,
    /// P-Asserted-Identity.
    pub asserted_identity: Option<String>,
    /// Our number is not to be shown.
    pub anonymous: bool,
    /// More headers for the INVITE.
    pub headers: Json<BTreeMap<String, String>>,
    /// How long a registration lasts, ms; `None`: not wanted.
    pub register_ms: Option<i64>,
    /// Session-Expires asked for, ms.
    pub session_expires_ms: Option<i64>,
    /// `off`, `prefer`, `require`.
    pub srtp: String,
    /// In the order of preference.
    pub codecs: Vec<String>,
    /// Trunks that take over, in that order.
    pub fallback: Vec<String>,
    /// `e164`, `international`, `digits`, `national`.
    pub number_format: String,
    /// Before a country code: `00`.
    pub international_prefix: String,
    /// Of the trunk's country: `49`.
    pub country_code: Option<String>,
    /// Before a number within the country: `0`.
    pub national_prefix: Option<String>,
    /// Before every number.
    pub dial_prefix: String,
    /// `;user=phone`
    pub user_phone: bool,
}

/// The columns of [`TrunkRow`], of a table or alias `t`.
pub(super) const TRUNK_COLUMNS: &str = "t.name, t.host, t.port, t.transport, t.outbound_proxy, t.outbound_proxy_port, t.username, \
    t.secret, t.tls_authorities, t.tls_certificate, t.tls_key, t.tls_server_name, t.caller_id, t.from_domain, t.asserted_identity, \
    t.anonymous, t.headers, (extract(epoch from t.register) * 1000)::bigint as register_ms, \
    (extract(epoch from t.session_expires) * 1000)::bigint as session_expires_ms, t.srtp, t.codecs, t.fallback, t.number_format, \
    t.international_prefix, t.country_code, t.national_prefix, t.dial_prefix, t.user_phone";

/// A trunk that cannot carry a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableTrunk {
    /// The trunk cannot carry this number.
    #[error("trunk \"{trunk}\" has no host and {number} is not a sip: URI; set the host of the trunk, or another trunk")]
    NoWayOut {
        /// The trunk.
        trunk: String,
        /// The number.
        number: String,
    },
    /// Nothing we can offer.
    #[error("trunk \"{0}\" allows no codec that offhook speaks; put opus, g722, pcmu or pcma into its codecs")]
    NoCodec(String),
    /// A word that this version does not know, in a schema of another one.
    #[error(
        "trunk \"{trunk}\" has {column} \"{value}\", which this version of offhook does not know; run the version the schema is of"
    )]
    Unknown {
        /// The trunk.
        trunk: String,
        /// The column.
        column: &'static str,
        /// What is in it.
        value: String,
    },
}

impl TrunkRow {
    /// Where its requests go; `None` dials a `sip:` URI where it points.
    ///
    /// # Errors
    /// Where neither the trunk nor the number says where to send the INVITE.
    pub fn way_out(&self, number: &str) -> Result<Option<WayOut>, UnusableTrunk> {
        match &self.host {
            Some(host) => Ok(Some(self.way_to(host, self.port)?)),
            None if is_sip_uri(number) => Ok(None),
            None => Err(UnusableTrunk::NoWayOut { trunk: self.name.clone(), number: number.to_owned() }),
        }
    }

    /// Where its requests go first, where that is not the trunk itself.
    ///
    /// # Errors
    /// Where the transport is not known.
    pub fn outbound_proxy(&self) -> Result<Option<WayOut>, UnusableTrunk> {
        self.outbound_proxy.as_ref().map(|host| self.way_to(host, self.outbound_proxy_port)).transpose()
    }

    fn way_to(&self, host: &str, port: Option<i32>) -> Result<WayOut, UnusableTrunk> {
        let transport = match self.transport.as_deref() {
            None => None,
            Some("udp") => Some(SipTransport::Udp),
            Some("tcp") => Some(SipTransport::Tcp),
            Some("tls") => Some(SipTransport::Tls),
            Some(other) => return Err(self.unknown("transport", other)),
        };
        // The port is one by the constraints trunk_port_is_a_port and trunk_outbound_proxy_port_is_a_port.
        let port = port.and_then(|port| u16::try_from(port).ok());
        Ok(WayOut { host: host.to_owned(), port, transport })
    }

    /// Whether its sound is encrypted.
    ///
    /// # Errors
    /// Where the word is not known.
    pub fn srtp(&self) -> Result<SrtpPolicy, UnusableTrunk> {
        match self.srtp.as_str() {
            "off" => Ok(SrtpPolicy::Off),
            "prefer" => Ok(SrtpPolicy::Prefer),
            "require" => Ok(SrtpPolicy::Require),
            other => Err(self.unknown("srtp", other)),
        }
    }

    /// How numbers are written to it.
    ///
    /// # Errors
    /// Where the word is not known.
    pub fn number_format(&self) -> Result<NumberFormat, UnusableTrunk> {
        let style = match self.number_format.as_str() {
            "e164" => NumberStyle::E164,
            "international" => NumberStyle::International,
            "digits" => NumberStyle::Digits,
            "national" => NumberStyle::National,
            other => return Err(self.unknown("number_format", other)),
        };
        Ok(NumberFormat {
            style,
            international_prefix: self.international_prefix.clone(),
            country_code: self.country_code.clone(),
            national_prefix: self.national_prefix.clone().unwrap_or_default(),
            dial_prefix: self.dial_prefix.clone(),
            user_phone: self.user_phone,
        })
    }

    /// Its codecs that we speak, in its order.
    ///
    /// # Errors
    /// Where there is none.
    pub fn codec_names(&self) -> Result<Vec<CodecName>, UnusableTrunk> {
        let codecs: Vec<_> = self.codecs.iter().filter_map(|name| CodecName::of_row(name)).collect();
        if codecs.is_empty() { Err(UnusableTrunk::NoCodec(self.name.clone())) } else { Ok(codecs) }
    }

    /// How long a registration lasts, where one is wanted.
    pub fn register(&self) -> Option<Duration> {
        self.register_ms.map(|ms| Duration::from_millis(ms.max(0).unsigned_abs()))
    }

    /// Session-Expires asked for.
    pub fn session_expires(&self) -> Option<Duration> {
        self.session_expires_ms.map(|ms| Duration::from_millis(ms.max(0).unsigned_abs()))
    }

    fn unknown(&self, column: &'static str, value: &str) -> UnusableTrunk {
        UnusableTrunk::Unknown { trunk: self.name.clone(), column, value: value.to_owned() }
    }
}

/// A row of `trunk_status`: the breaker, and the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, sqlx::FromRow)]
pub struct TrunkStatus {
    /// Its name.
    pub name: String,
    /// `None`: a `sip:` URI is dialled where it points.
    pub host: Option<String>,
    /// `None`: as the DNS says.
    pub port: Option<i32>,
    /// `None`: as the DNS says.
    pub transport: Option<String>,
    /// `ready`, `resting` (after failures, or as the trunk wished), `probing` (one call finds out), `paused` (by a person), `disabled`.
    pub state: String,
    /// Why it is paused, if somebody said so.
    pub pause_reason: Option<String>,
    /// Until when its circuit breaker is open.
    pub paused_until: Option<chrono::DateTime<chrono::Utc>>,
    /// Failures in a row.
    pub failures: i32,
    /// Calls under way.
    pub live: i32,
    /// The most at a time.
    pub max_concurrent: i32,
    /// Trunks that take over.
    pub fallback: Vec<String>,
}

/// The enabled trunks, the preferred one first.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn enabled(pool: &PgPool) -> Result<Vec<TrunkRow>, StoreError> {
    let query = format!("select {TRUNK_COLUMNS} from trunks t where t.enabled order by t.preference, t.name");
    Ok(sqlx::query_as(sqlx::AssertSqlSafe(query)).fetch_all(pool).await?)
}

/// How all trunks are, the preferred one first.
///
/// # Errors
/// [`StoreError`] as the database gives it.
pub async fn status(pool: &PgPool) -> Result<Vec<TrunkStatus>, StoreError> {
    Ok(sqlx::query_as("select * from trunk_status order by preference, name").fetch_all(pool).await?)
}

/// The trunks of claimed calls: each call's own first, then those of its fallbacks that are enabled, whose circuit breaker is not open,
/// and that can carry the number. The call comes with each.
pub(super) async fn of_calls(connection: &mut PgConnection, ids: &[i64]) -> Result<Vec<(i64, TrunkRow)>, StoreError> {
    #[derive(sqlx::FromRow)]
    struct Row {
        call_id: i64,
        #[sqlx(flatten)]
        trunk: TrunkRow,
    }
    let query = format!(
        "select c.id as call_id, {TRUNK_COLUMNS} \
         from calls c join attempts a on a.call_id = c.id and a.number = c.attempt join trunks f on f.name = a.trunk \
         cross join lateral (select f.name, 0::bigint as nth union all select b.name, b.nth from unnest(f.fallback) with ordinality b (name, nth)) n \
         join trunks t on t.name = n.name \
         where c.id = any($1) \
           and (n.nth = 0 or t.enabled and not t.paused and (t.paused_until is null or t.paused_until <= clock_timestamp()) \
                             and (t.host is not null or c.number like 'sip%')) \
         order by c.id, n.nth"
    );
    let rows: Vec<Row> = sqlx::query_as(sqlx::AssertSqlSafe(query)).bind(ids).fetch_all(connection).await?;
    Ok(rows.into_iter().map(|row| (row.call_id, row.trunk)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row() -> TrunkRow {
        TrunkRow {
            name: "berlin-1".into(),
            host: Some("sip.example.org".into()),
            port: None,
            transport: Some("tls".into()),
            outbound_proxy: Some("proxy.example.org".into()),
            outbound_proxy_port: Some(5071),
            username: None,
            secret: None,
            tls_authorities: None,
            tls_certificate: None,
            tls_key: None,
            tls_server_name: None,
            caller_id: "offhook".into(),
            from_domain: None,
            asserted_identity: None,
            anonymous: false,
            headers: Json::default(),
            register_ms: Some(600_000),
            session_expires_ms: None,
            srtp: "prefer".into(),
            codecs: vec!["g729".into(), "pcma".into()],
            fallback: vec![],
            number_format: "national".into(),
            international_prefix: "00".into(),
            country_code: Some("49".into()),
            national_prefix: Some("0".into()),
            dial_prefix: String::new(),
            user_phone: true,
        }
    }

    #[test]
    fn a_row_says_where_requests_go_and_how() {
        let way = WayOut { host: "sip.example.org".into(), port: None, transport: Some(SipTransport::Tls) };
        assert_eq!(row().way_out("+4930123456"), Ok(Some(way.clone())));
        assert_eq!(row().outbound_proxy(), Ok(Some(WayOut { host: "proxy.example.org".into(), port: Some(5071), ..way })));
        assert_eq!((row().srtp(), row().codec_names()), (Ok(SrtpPolicy::Prefer), Ok(vec![CodecName::Pcma])));
        assert_eq!(row().number_format().unwrap().user("+4930123456"), "030123456");
        assert_eq!((row().register(), row().session_expires()), (Some(Duration::from_secs(600)), None));
    }

    #[test]
    fn a_trunk_without_a_host_carries_sip_addresses_only() {
        let direct = TrunkRow { host: None, name: "direct".into(), ..row() };
        assert_eq!(direct.way_out("sip:trattoria@example.org"), Ok(None));
        let sentence = direct.way_out("+4930123456").unwrap_err().to_string();
        assert!(sentence.contains("set the host"), "{sentence}");
    }

    #[test]
    fn words_of_another_version_are_told() {
        let newer = TrunkRow { srtp: "dtls".into(), number_format: "local".into(), transport: Some("ws".into()), ..row() };
        assert!(newer.number_format().unwrap_err().to_string().contains("number_format \"local\""));
        assert!(newer.srtp().unwrap_err().to_string().contains("srtp \"dtls\""));
        assert!(newer.way_out("+4930123456").unwrap_err().to_string().contains("transport \"ws\""));
    }
}
