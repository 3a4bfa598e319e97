//! Writing down everything a worker needs for one attempt.

pub mod trunk;

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

use offhook::{
    attempt::{
        AttemptSpecification, CallLimits, DialSpecification, MediaSpecification, ProviderSpecification, TrunkSpecification,
        WayOut,
    },
    destination::{
        Undiallable, judge,
        sip_uri::{DEFAULT_PORT, SipUri},
    },
    recording::RecordingPolicy,
    secret::Secret,
    store::{claim::FreshClaim, claimed::ClaimedCall, unusable_row::UnusableRow},
};
use tokio::net::{UdpSocket, lookup_host};

use crate::{
    config::{ConfigError, media::StunServer, providers::ProvidersConfig},
    learned::LearnedServers,
};
use trunk::{TrunkError, specify_trunk};

/// How long a trunk's name may take to resolve.
const RESOLVE: Duration = Duration::from_secs(3);

/// An address out in the Internet (RFC 5737): nothing is sent there, it only shows which way the default route goes.
const ANYWHERE: &str = "192.0.2.1";

/// What all attempts have in common.
#[derive(Debug, Clone)]
pub struct Specifier {
    /// What workers connect to.
    pub database_url: Secret,
    /// Read again for every attempt, so that a new key in a file counts from then on.
    pub providers: ProvidersConfig,
    /// What their servers have shown of themselves.
    pub learned: LearnedServers,
    /// Wall clocks.
    pub limits: CallLimits,
    /// The folder with the trunks' passwords, certificates and keys.
    pub secrets: PathBuf,
    /// The local address; where `None`, the one that reaches the trunk.
    pub media_address: Option<IpAddr>,
    /// The address peers reach us at, where it is another one.
    pub public_address: Option<IpAddr>,
    /// Who is asked for that address.
    pub stun: Option<StunServer>,
}

/// An attempt that cannot be described.
#[derive(Debug, thiserror::Error)]
pub enum SpecificationError {
    /// The row.
    #[error(transparent)]
    Row(#[from] UnusableRow),
    /// The trunk's row or files.
    #[error(transparent)]
    Trunk(#[from] TrunkError),
    /// The settings.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The number can be nobody's.
    #[error(transparent)]
    Undiallable(#[from] Undiallable),
    /// The policy does not want the number to be called any more.
    #[error("{0}")]
    NotAllowed(String),
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
        allowed(call)?;
        let trunks = self.trunks(call)?;
        let first_hop = trunks.first().and_then(|trunk| trunk.outbound_proxy.as_ref().or(trunk.way_out.as_ref()));
        Ok(AttemptSpecification {
            call_id: call.id,
            attempt: call.attempt.unsigned_abs(),
            token: claim.token.clone(),
            database_url: self.database_url.clone(),
            spool,
            request: call.to_request()?,
            media: MediaSpecification {
                address: self.local_address(call, first_hop).await?,
                public_address: self.public_address,
                stun: self.stun.clone().map(|StunServer { host, port }| (host, port)),
                port_base: call.port_base.and_then(|base| u16::try_from(base).ok()).unwrap_or(0),
                record: call.recording != RecordingPolicy::Off,
                recording: call.recording,
            },
            dial: DialSpecification { number: call.request.number.clone(), sip_call_id: call.sip_call_id.clone(), trunks },
            providers: ProviderSpecification { learned: self.learned.all(), ..self.providers.specification()? },
            limits: self.limits,
        })
    }

    /// The attempt's trunk, and those of its fallbacks that can be described: a broken fallback is no reason not to call.
    fn trunks(&self, call: &ClaimedCall) -> Result<Vec<TrunkSpecification>, SpecificationError> {
        let (first, fallbacks) = call.trunks.split_first().ok_or_else(|| UnusableRow::NoTrunk(call.trunk.clone()))?;
        let mut trunks = vec![specify_trunk(first, &call.request.number, &self.secrets)?];
        for fallback in fallbacks {
            match specify_trunk(fallback, &call.request.number, &self.secrets) {
                Ok(trunk) => trunks.push(trunk),
                Err(error) => tracing::warn!(call = call.id, trunk = fallback.name, %error, "left out of the fallbacks"),
            }
        }
        Ok(trunks)
    }

    async fn local_address(&self, call: &ClaimedCall, first_hop: Option<&WayOut>) -> Result<IpAddr, SpecificationError> {
        if let Some(address) = self.media_address {
            return Ok(address);
        }
        let (host, port) = match first_hop {
            Some(WayOut { host, port, .. }) => (host.clone(), port.unwrap_or(DEFAULT_PORT)),
            None => {
                let uri = SipUri::parse(&call.request.number).ok_or(Undiallable::NoSipUri)?;
                (uri.host.to_owned(), uri.port_or_default())
            }
        };
        match address_towards(&host, port).await {
            Ok(address) => Ok(address),
            // A domain may have no address of its own, only a service record that names its servers.
            Err(_) if first_hop.is_some_and(|hop| hop.port.is_none()) => {
                address_towards(ANYWHERE, port).await.map_err(|error| SpecificationError::NoRoute(host, error.to_string()))
            }
            Err(error) => Err(SpecificationError::NoRoute(host, error.to_string())),
        }
    }
}

/// The same question as when the row came in: policy and numbering plans may have changed since.
fn allowed(call: &ClaimedCall) -> Result<(), SpecificationError> {
    if let Some(refusal) = &call.refusal {
        let sentences: Vec<&str> = refusal.iter().take(2).map(String::as_str).collect();
        return Err(SpecificationError::NotAllowed(sentences.join("; ")));
    }
    Ok(judge(&call.request.number)?)
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn the_address_is_the_one_that_reaches_the_trunk() {
        assert_eq!(address_towards("127.0.0.1", 5060).await.unwrap(), IpAddr::from([127, 0, 0, 1]));
    }
}
