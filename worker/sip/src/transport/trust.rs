//! TLS: trusted authorities, and our own certificate (RFC 3261 section 26.3.1, RFC 5922).

use std::sync::Arc;

use offhook::attempt::TlsSpecification;
use rustls::{
    CertificateError, ClientConfig, RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};

use crate::error::SipError;

/// TLS configurations: as a client, and as a server where we have a certificate.
#[derive(Clone)]
pub(crate) struct Trust {
    pub(crate) client: Arc<ClientConfig>,
    pub(crate) server: Option<Arc<ServerConfig>>,
    server_name: Option<String>,
}

impl Trust {
    /// Reads the PEM texts.
    ///
    /// # Errors
    /// [`SipError::Trust`] where one of them cannot be read, or certificate and key do not belong together.
    pub(crate) fn prepare(specification: &TlsSpecification) -> Result<Trust, SipError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let unusable = |what: &'static str| move |why: String| SipError::Trust { what, why };
        let identity = match (&specification.certificate, &specification.key) {
            (None, None) => None,
            (Some(chain), Some(key)) => {
                let chain = certificates(chain).map_err(unusable("certificate"))?;
                let key = PrivateKeyDer::from_pem_slice(key.expose().as_bytes())
                    .map_err(|error| unusable("key")(format!("{error}; it has to be a PEM text with a PRIVATE KEY")))?;
                Some((chain, key))
            }
            _ => return Err(unusable("certificate")("certificate and key are only of use together".to_owned())),
        };
        let roots = match &specification.authorities {
            Some(authorities) => {
                let mut roots = RootCertStore::empty();
                for authority in certificates(authorities).map_err(unusable("authorities"))? {
                    roots.add(authority).map_err(|error| unusable("authorities")(error.to_string()))?;
                }
                roots
            }
            None => RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() },
        };

        let versions = |error: rustls::Error| unusable("versions")(error.to_string());
        let client = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(versions)?
            .with_root_certificates(roots);
        let refused = |error: rustls::Error| unusable("certificate")(error.to_string());
        let (client, server) = match identity {
            Some((chain, key)) => {
                let server = ServerConfig::builder_with_provider(provider)
                    .with_safe_default_protocol_versions()
                    .map_err(versions)?
                    .with_no_client_auth()
                    .with_single_cert(chain.clone(), key.clone_key())
                    .map_err(refused)?;
                (client.with_client_auth_cert(chain, key).map_err(refused)?, Some(Arc::new(server)))
            }
            None => (client.with_no_client_auth(), None),
        };
        Ok(Trust { client: Arc::new(client), server, server_name: specification.server_name.clone() })
    }

    /// Returns the name that has to be in the peer's certificate: the setting of the trunk, else the domain that was dialled, never a
    /// name from the DNS (RFC 5922 section 4).
    pub(crate) fn server_name(&self, dialled: &str) -> Result<ServerName<'static>, SipError> {
        let name = self.server_name.as_deref().unwrap_or(dialled).trim_matches(['[', ']']).trim_end_matches('.');
        ServerName::try_from(name.to_owned())
            .map_err(|_| SipError::Trust { what: "server name", why: format!("{name:?} is neither a host name nor an address") })
    }
}

fn certificates(pem: &str) -> Result<Vec<CertificateDer<'static>>, String> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        Ok(_) => Err("it has to be a PEM text with a CERTIFICATE".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Returns why a handshake failed, and what to do about it.
pub(crate) fn why_refused(error: &std::io::Error) -> String {
    let Some(tls) = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) else {
        return format!("{error}; check that the peer speaks TLS on this port");
    };
    match tls {
        rustls::Error::InvalidCertificate(fault) => match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the peer's certificate has expired; the trunk has to renew it, or this machine's clock is wrong".to_owned()
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "the peer's certificate is not valid yet; check this machine's clock".to_owned()
            }
            CertificateError::UnknownIssuer => {
                "the peer's certificate is of an unknown authority; give the trunk its authority's certificate".to_owned()
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                format!("{tls}; dial the name in the certificate, or set it as the trunk's server name")
            }
            _ => format!("the peer's certificate cannot be trusted: {tls}"),
        },
        rustls::Error::AlertReceived(alert) => format!("the peer refused us ({alert:?}); it may want a client certificate"),
        other => format!("{other}; check that the peer speaks TLS 1.2 or 1.3 on this port"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn public_authorities_are_trusted_where_none_is_named() {
        let trust = Trust::prepare(&TlsSpecification::default()).unwrap();
        assert!(trust.server.is_none());
        assert_eq!(trust.server_name("[::1]").unwrap(), ServerName::try_from("::1").unwrap());
        assert_eq!(trust.server_name("trunk.example.").unwrap(), ServerName::try_from("trunk.example").unwrap());
    }

    #[test]
    fn an_unusable_text_is_told_with_its_name() {
        let told = |specification| Trust::prepare(&specification).err().unwrap().to_string();
        let text = Some("no certificate at all".to_owned());
        assert!(told(TlsSpecification { authorities: text.clone(), ..Default::default() }).contains("authorities"));
        assert!(told(TlsSpecification { certificate: text, ..Default::default() }).contains("only of use together"));
    }
}
