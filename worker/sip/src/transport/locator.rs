//! Finds the hop for a request that the SIP crate sends, and opens a stream to it.

use std::sync::Arc;

use async_trait::async_trait;
use rsipstack::{
    sip::{Param, Uri},
    transaction::endpoint::TargetLocator,
    transport::{SipAddr, transport_layer::DomainResolver},
};

use super::{flows::Flows, route::Routes};

/// Resolves for the crate. It opens the stream itself where one is needed: the crate would open one that bypasses the gate.
#[derive(Clone)]
pub(crate) struct Locator {
    pub(crate) routes: Routes,
    pub(crate) flows: Arc<Flows>,
}

#[async_trait]
impl TargetLocator for Locator {
    async fn locate(&self, uri: &Uri) -> rsipstack::Result<SipAddr> {
        let reached = async { self.flows.reach(&self.routes.hop_to(uri).await?).await };
        reached.await.map_err(|error| rsipstack::Error::DnsResolutionError(error.to_string()))
    }
}

#[async_trait]
impl DomainResolver for Locator {
    async fn resolve(&self, target: &SipAddr) -> rsipstack::Result<SipAddr> {
        let uri = Uri {
            host_with_port: target.addr.clone(),
            params: target.r#type.map(Param::Transport).into_iter().collect(),
            ..Uri::default()
        };
        self.locate(&uri).await
    }
}
