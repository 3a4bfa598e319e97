//! The preloaded Route set: an outbound proxy (RFC 3261 section 8.1.2) and the Service-Route of a registrar (RFC 3608).

use std::sync::{Mutex, MutexGuard, PoisonError};

use offhook::attempt::{SipTransport, WayOut};
use rsipstack::sip::{HostWithPort, Param, Scheme, Transport, Uri, typed};

use crate::error::SipError;

/// Returns the Route of a proxy, e.g. `<sip:proxy.example:5070;transport=tcp;lr>`.
///
/// # Errors
/// [`SipError::Field`] where the host is neither a name nor an address.
pub(crate) fn route(proxy: &WayOut) -> Result<typed::Route, SipError> {
    let host = proxy.host.trim_matches(['[', ']']);
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let port = proxy.port.map(|port| format!(":{port}")).unwrap_or_default();
    let host_with_port = HostWithPort::try_from(format!("{host}{port}").as_str()).map_err(|_| SipError::Field {
        field: "outbound_proxy",
        value: proxy.host.clone(),
        expected: "a host name or an IP address",
    })?;
    let transport = match proxy.transport {
        Some(SipTransport::Tcp) => Some(Param::Transport(Transport::Tcp)),
        Some(SipTransport::Tls) => Some(Param::Transport(Transport::Tls)),
        Some(SipTransport::Udp) | None => None,
    };
    let params = transport.into_iter().chain([Param::Lr]).collect();
    let uri = Uri { scheme: Some(Scheme::Sip), host_with_port, params, ..Uri::default() };
    Ok(typed::Route { display_name: None, uri, params: vec![] })
}

/// The Service-Route the registrar named last (RFC 3608).
#[derive(Debug, Default)]
pub(crate) struct ServiceRoute(Mutex<Vec<typed::Route>>);

impl ServiceRoute {
    /// Replaces it.
    pub(crate) fn set(&self, routes: Vec<typed::Route>) {
        *self.lock() = routes;
    }

    /// Returns the Route set of a request outside a dialog: the proxy, then the Service-Route.
    ///
    /// # Errors
    /// [`SipError::Field`] where the proxy's host is neither a name nor an address.
    pub(crate) fn preloaded(&self, proxy: Option<&WayOut>) -> Result<Vec<typed::Route>, SipError> {
        let mut routes: Vec<_> = proxy.map(route).transpose()?.into_iter().collect();
        for asked in self.lock().iter() {
            // A registrar behind the proxy may name the proxy too.
            if !routes.iter().any(|known| known.uri.host_with_port == asked.uri.host_with_port) {
                routes.push(asked.clone());
            }
        }
        Ok(routes)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<typed::Route>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_proxy_is_a_loose_route() {
        let written = |host: &str, port, transport| {
            route(&WayOut { host: host.to_owned(), port, transport }).unwrap().to_string().to_ascii_lowercase()
        };
        assert_eq!(written("proxy.example", None, None), "<sip:proxy.example;lr>");
        assert_eq!(written("2001:db8::1", Some(5070), Some(SipTransport::Tls)), "<sip:[2001:db8::1]:5070;transport=tls;lr>");
    }
}
