//! Writing down everything a worker needs for one attempt.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use offhook::{
    attempt::{
        AttemptSpecification, CallLimits, DialSpecification, MediaSpecification, SrtpPolicy, TlsSpecification,
        TrunkSpecification, WayOut,
    },
    secret::{Secret, SecretFileError},
    store::{
        claim::FreshClaim,
        claimed::{ClaimedCall, UnusableRow},
    },
};
use tokio::net::{UdpSocket, lookup_host};

use crate::config::{ConfigError, providers::ProvidersConfig};

/// How long a trunk's name may take to resolve.
const RESOLVE: Duration = Duration::from_secs(3);

/// What all attempts have in common.
#[derive(Debug, Clone)]
pub struct Specifier {
    /// What workers connect to.
    pub database_url: Secret,
    /// Read again for every attempt, so that a new key in a file counts from then on.
    pub providers: ProvidersConfig,
    /// Wall clocks.
    pub limits: CallLimits,
    /// The folder with the trunks' passwords.
    pub secrets: PathBuf,
    /// The local address; where `None`, the one that reaches the trunk.
    pub media_address: Option<IpAddr>,
}

/// An attempt that cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum SpecificationError {
    /// The row.
    #[error(transparent)]
    Row(#[from] UnusableRow),
    /// The trunk's password.
    #[error(transparent)]
    Secret(#[from] SecretFileError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No address to speak from.
    #[error("{0} cannot be reached from here: {1}; check the host's name, or set OFFHOOK_MEDIA_ADDRESS")]
    NoRoute(String, String),
}

impl Specifier {
    /// Describes an attempt to its worker, which sees its folder as `spool`.
    ///
    /// # Errors
    /// [`SpecificationError`]: a sentence with what to change; it goes into `calls.why`.
    pub async fn specify(&self, claim: &FreshClaim, spool: PathBuf) -> Result<AttemptSpecification, SpecificationError> {
        let call = &claim.call;
        let way_out = call.way_out()?;
        Ok(AttemptSpecification {
            call_id: call.id,
            attempt: call.attempt.unsigned_abs(),
            token: claim.token.clone(),
            database_url: self.database_url.clone(),
            spool,
            request: call.request()?,
            media: MediaSpecification {
                address: self.local_address(call, way_out.as_ref()).await?,
                public_address: None,
                stun: None,
                port_base: call.port_base.and_then(|base| u16::try_from(base).ok()).unwrap_or(0),
                record: call.record,
            },
            dial: DialSpecification {
                number: call.number.clone(),
                sip_call_id: call.sip_call_id.clone(),
                trunks: vec![TrunkSpecification {
                    name: call.trunk.clone(),
                    way_out: way_out.map(|(host, port)| WayOut { host, port: Some(port), transport: None }),
                    outbound_proxy: None,
                    tls: TlsSpecification::default(),
                    username: call.trunk_username.clone(),
                    password: self.password(call)?,
                    caller_id: call.caller_id.clone(),
                    from_domain: call.from_domain.clone(),
                    asserted_identity: None,
                    anonymous: false,
                    headers: vec![],
                    register: None,
                    session_expires: None,
                    srtp: SrtpPolicy::Off,
                    codecs: call.codec_names()?,
                }],
            },
            providers: self.providers.specification()?,
            limits: self.limits,
        })
    }

    fn password(&self, call: &ClaimedCall) -> Result<Option<Secret>, SecretFileError> {
        // The name has no slash and does not begin with a dot, by the constraint trunk_secret_is_a_file_name.
        call.trunk_secret.as_ref().map(|name| Secret::from_file(&self.secrets.join(name))).transpose()
    }

    async fn local_address(&self, call: &ClaimedCall, way_out: Option<&(String, u16)>) -> Result<IpAddr, SpecificationError> {
        if let Some(address) = self.media_address {
            return Ok(address);
        }
        let (host, port) = way_out.cloned().unwrap_or_else(|| sip_host(&call.number));
        address_towards(&host, port).await.map_err(|error| SpecificationError::NoRoute(host, error.to_string()))
    }
}

/// The local address the kernel would send from, towards `host`. Nothing is sent.
///
/// # Errors
/// Where the name does not resolve within 3 s, or there is no route.
pub async fn address_towards(host: &str, port: u16) -> std::io::Result<IpAddr> {
    let found = tokio::time::timeout(RESOLVE, lookup_host((host, port))).await.map_err(|_| std::io::ErrorKind::TimedOut)??;
    let remote = found.into_iter().next().ok_or(std::io::ErrorKind::NotFound)?;
    let any: SocketAddr = if remote.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let socket = UdpSocket::bind(any).await?;
    socket.connect(remote).await?;
    Ok(socket.local_addr()?.ip())
}

/// Host and port of a `sip:` URI; the default port of RFC 3261, section 19.1.2, where it names none.
pub fn sip_host(uri: &str) -> (String, u16) {
    let after_user = uri.rsplit_once('@').map_or(uri, |(_, rest)| rest);
    let authority = after_user.split([';', '?', '>']).next().unwrap_or_default();
    let default = if uri.starts_with("sips:") { 5061 } else { 5060 };
    let (host, port) = match authority.rsplit_once(':') {
        // A colon inside the brackets of an IPv6 address is none before a port.
        Some((host, port)) if !port.contains(']') => (host, port.parse().unwrap_or(default)),
        _ => (authority, default),
    };
    (host.trim_matches(['[', ']']).to_owned(), port)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_sip_uri_says_where_to_go() {
        for (uri, host, port) in [
            ("sip:trattoria@127.0.0.1:5070", "127.0.0.1", 5070),
            ("sip:trattoria@example.org;transport=udp", "example.org", 5060),
            ("sips:trattoria@example.org", "example.org", 5061),
            ("sip:trattoria@[::1]:5080?x=y", "::1", 5080),
            ("sip:trattoria@[::1]", "::1", 5060),
        ] {
            assert_eq!(sip_host(uri), (host.to_owned(), port), "{uri}");
        }
    }

    #[tokio::test]
    async fn the_address_is_the_one_that_reaches_the_trunk() {
        assert_eq!(address_towards("127.0.0.1", 5060).await.unwrap(), IpAddr::from([127, 0, 0, 1]));
    }
}
