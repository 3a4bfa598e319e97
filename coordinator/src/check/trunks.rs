//! Trunks: what their rows and files lack, and whether they answer OPTIONS (RFC 3261, section 11) by their own transport.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
    time::Duration,
};

use offhook::{
    attempt::{SipTransport, SrtpPolicy, TrunkSpecification, WayOut},
    destination::sip_uri::{DEFAULT_PORT, SipUri},
    store::trunks::{self, TrunkRow, TrunkStatus},
};
use offhook_sip::{Endpoint, EndpointConfig, SipError};
use sqlx::PgPool;

use super::Finding;
use crate::{
    config::Config,
    specification::{address_towards, trunk::specify_trunk},
};

/// A number for looking at a row: nobody is called.
const NOBODY: &str = "sip:nobody@localhost";

/// A trunk that is not there.
#[derive(Debug, thiserror::Error)]
enum NotThere {
    #[error("{0} cannot be found or reached from here: {1}; check the trunk's host, and the DNS and routes of this machine")]
    NoRoute(String, std::io::Error),
    #[error(transparent)]
    Sip(#[from] SipError),
}

/// A line or more per enabled trunk.
pub(super) async fn trunks(config: &Config, pool: &PgPool, patience: Duration) -> Vec<Finding> {
    let found = async { Ok::<_, offhook::store::error::StoreError>((trunks::enabled(pool).await?, trunks::status(pool).await?)) };
    let (rows, status) = match found.await {
        Ok(found) => found,
        Err(error) => return vec![Finding::new("trunks", Err::<String, _>(error))],
    };
    let mut findings = Vec::new();
    if !rows.iter().any(|row| row.host.is_some()) {
        let note = "none has a host, so only sip: URIs can be called; for telephone numbers, insert into trunks (name, host)";
        findings.push(Finding::new("trunks", Ok::<_, String>(note)));
    }
    for row in rows.iter().filter(|row| row.host.is_some()) {
        let subject = format!("trunk {}", row.name);
        let trunk = match specify_trunk(row, NOBODY, &config.launcher.secrets) {
            Ok(trunk) => trunk,
            Err(error) => {
                findings.push(Finding::new(subject, Err::<String, _>(error)));
                continue;
            }
        };
        let there = answers(&trunk, config.media.media_address, patience).await;
        let place = goes_to(row);
        let there = there.map(|code| format!("{place} answered {code}")).map_err(|error| format!("{place}: {error}"));
        findings.push(Finding::new(&subject, there));
        if let Some(files) = files_of(row, &config.launcher.secrets) {
            findings.push(Finding::new(format!("{subject}'s files"), Ok::<_, String>(files)));
        }
        let remarks = remarks(row, &trunk, &status);
        if !remarks.is_empty() {
            findings.push(Finding::new(format!("{subject}'s row"), Ok::<_, String>(remarks.join("; "))));
        }
    }
    findings
}

/// Asks the trunk, or the proxy before it, as a call would. Any answer will do: a trunk that says 401 is there.
async fn answers(trunk: &TrunkSpecification, local: Option<IpAddr>, patience: Duration) -> Result<u16, NotThere> {
    let Some(hop) = trunk.outbound_proxy.as_ref().or(trunk.way_out.as_ref()) else {
        return Err(NotThere::Sip(SipError::Closed));
    };
    let local = match local {
        Some(local) => local,
        None => address_towards(&hop.host, hop.port.unwrap_or(DEFAULT_PORT))
            .await
            .or_else(|error| if hop.port.is_none() { Ok(IpAddr::from([0, 0, 0, 0])) } else { Err(error) })
            .map_err(|error| NotThere::NoRoute(hop.host.clone(), error))?,
    };
    let endpoint = Endpoint::bind(EndpointConfig {
        tls: trunk.tls.clone(),
        ..EndpointConfig::new(SocketAddr::new(local, 0), concat!("offhook/", env!("CARGO_PKG_VERSION")))
    })
    .await?;
    let answer = endpoint.options(&uri_of(hop), None, patience).await;
    endpoint.shutdown().await;
    Ok(answer?)
}

/// As RFC 3263 finds its way from a URI.
fn uri_of(hop: &WayOut) -> String {
    let uri = SipUri { secure: false, user: None, host: &hop.host, port: hop.port };
    let transport = match hop.transport {
        None => "",
        Some(SipTransport::Udp) => ";transport=udp",
        Some(SipTransport::Tcp) => ";transport=tcp",
        Some(SipTransport::Tls) => ";transport=tls",
    };
    format!("{uri}{transport}")
}

/// For people.
fn goes_to(row: &TrunkRow) -> String {
    let (host, port) = match (&row.outbound_proxy, &row.host) {
        (Some(proxy), _) => (proxy.as_str(), row.outbound_proxy_port),
        (None, Some(host)) => (host.as_str(), row.port),
        (None, None) => ("", None),
    };
    let port = port.map(|port| format!(" port {port}")).unwrap_or_default();
    let transport = row.transport.as_ref().map(|transport| format!(" over {transport}")).unwrap_or_default();
    format!("{host}{port}{transport}")
}

fn files_of(row: &TrunkRow, secrets: &Path) -> Option<String> {
    let named = [&row.secret, &row.tls_authorities, &row.tls_certificate, &row.tls_key];
    let named: Vec<&str> = named.into_iter().flatten().map(String::as_str).collect();
    (!named.is_empty()).then(|| format!("{} in {} can be read", named.join(", "), secrets.display()))
}

/// What a call may stumble over, though it may be meant so.
fn remarks(row: &TrunkRow, trunk: &TrunkSpecification, status: &[TrunkStatus]) -> Vec<String> {
    let mut remarks = Vec::new();
    if row.caller_id == "offhook" && row.username.is_some() {
        remarks.push("caller_id is \"offhook\"; most carriers want a number of yours".to_owned());
    }
    if row.username.is_some() && row.secret.is_none() {
        remarks.push("it has a username and no secret, so no challenge can be answered".to_owned());
    }
    if trunk.srtp != SrtpPolicy::Off && row.transport.as_deref() != Some("tls") {
        remarks.push("the keys of its sound travel in the clear; set transport = 'tls'".to_owned());
    }
    for fallback in &row.fallback {
        match status.iter().find(|other| other.name == *fallback).map(|other| other.state.as_str()) {
            Some("disabled") => remarks.push(format!("its fallback {fallback} is not enabled")),
            Some("resting") => remarks.push(format!("its fallback {fallback} rests after failures")),
            _ => {}
        }
    }
    if let Some(own) = status.iter().find(|own| own.name == row.name && own.state != "ready") {
        let until = own.paused_until.map(|until| format!(" until {}", until.format("%T UTC"))).unwrap_or_default();
        match own.state.as_str() {
            "resting" => remarks.push(format!("it rests{until} after {} failures or at its own wish", own.failures)),
            _ => remarks.push("it has rested; the next call finds out whether it works".to_owned()),
        }
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_out_is_asked_as_a_call_would_go_it() {
        let hop = |host: &str, port, transport| WayOut { host: host.into(), port, transport };
        for (hop, uri) in [
            (hop("sip.example.org", None, None), "sip:sip.example.org"),
            (hop("sip.example.org", Some(5061), Some(SipTransport::Tls)), "sip:sip.example.org:5061;transport=tls"),
            (hop("2001:db8::1", Some(5060), Some(SipTransport::Tcp)), "sip:[2001:db8::1]:5060;transport=tcp"),
        ] {
            assert_eq!(uri_of(&hop), uri);
        }
    }
}
