//! Where a request leaves: an address, and the connection that reaches it.

use std::{sync::Arc, time::Duration};

use rsipstack::{
    sip::{Header, Param, Request, Uri},
    transaction::{
        endpoint::TargetLocator,
        key::{TransactionKey, TransactionRole},
        transaction::Transaction,
    },
    transport::{SipAddr, SipConnection},
};
use tokio::time::timeout;

use super::{
    error::SipError,
    shared::Shared,
    transport::{locator::Locator, resolve::Hop},
};

/// How long a connection may take to open.
const CONNECTED_WITHIN: Duration = Duration::from_secs(5);

/// An address and the connection to it.
#[derive(Clone)]
pub(super) struct Path {
    destination: SipAddr,
    connection: SipConnection,
}

impl Path {
    /// Opens a connection to a hop; over UDP there is nothing to open.
    pub(super) async fn open(shared: &Shared, hop: &Hop) -> Result<Path, SipError> {
        let destination = shared.flows.reach(hop).await?;
        Path::by_connection(shared, destination).await
    }

    async fn by_connection(shared: &Shared, destination: SipAddr) -> Result<Path, SipError> {
        let refused = |why: String| SipError::Stack { doing: "a connection", why };
        let (connection, destination) = timeout(CONNECTED_WITHIN, shared.stack.transport_layer.lookup(&destination, None))
            .await
            .map_err(|_| refused(format!("{destination} did not answer within {} s", CONNECTED_WITHIN.as_secs())))?
            .map_err(|error| refused(error.to_string()))?;
        Ok(Path { destination, connection })
    }

    /// Returns the path back to where a request came from.
    pub(super) fn back(request: &Transaction) -> Option<Path> {
        let connection = request.connection.clone()?;
        Some(Path { destination: connection.get_remote_addr()?.clone(), connection })
    }

    /// Returns the path of a dialog's next request to its next hop. A stream stays in use while it is open (RFC 5923); where the next
    /// hop cannot be resolved, the last path is used.
    pub(super) async fn towards(&self, shared: &Shared, next_hop: &Uri) -> Path {
        let open = !self.connection.cancel_token().is_some_and(|closed| closed.is_cancelled());
        if self.connection.is_reliable() && open {
            return self.clone();
        }
        let locator = Locator { routes: shared.routes.clone(), flows: shared.flows.clone() };
        let destination = match locator.locate(next_hop).await {
            Ok(destination) => destination,
            Err(error) => {
                tracing::debug!(%next_hop, %error, "a next hop without an address");
                self.destination.clone()
            }
        };
        match Path::by_connection(shared, destination).await {
            Ok(path) => path,
            Err(error) => {
                tracing::debug!(%next_hop, %error, "a next hop that cannot be reached");
                self.clone()
            }
        }
    }

    /// Returns a client transaction for a request, to which it adds the Via.
    pub(super) fn client(&self, shared: &Arc<Shared>, mut request: Request) -> Result<Transaction, SipError> {
        // `transport::repair` writes the transport that carries it.
        let mut via = shared.stack.get_via(None, None).map_err(|error| SipError::stack("a request", error))?;
        if self.connection.is_reliable() {
            // The peer's requests to our Contact come back on this stream (RFC 5923 section 4).
            via.params.push(Param::Other("alias".into(), None));
        }
        request.headers.retain(|header| !matches!(header, Header::Via(_)));
        request.headers.push_front(Header::Via(via.into()));
        self.client_as_it_is(shared, request)
    }

    /// Returns a client transaction for a request that has its Via: a CANCEL.
    pub(super) fn client_as_it_is(&self, shared: &Arc<Shared>, mut request: Request) -> Result<Transaction, SipError> {
        request.headers.unique_push(Header::UserAgent(shared.user_agent.clone().into()));
        let key = TransactionKey::from_request(&request, TransactionRole::Client)
            .map_err(|error| SipError::stack("a request", error))?;
        let mut transaction = Transaction::new_client(key, request, shared.stack.clone(), Some(self.connection.clone()));
        transaction.destination = Some(self.destination.clone());
        Ok(transaction)
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.destination.addr)
    }
}
