//! The errors of SIP requests; a call that is not set up is a `DialFailure` instead.

use std::{net::SocketAddr, time::Duration};

/// A request that could not be sent, or was not answered as it should be.
#[derive(Debug, thiserror::Error)]
pub enum SipError {
    /// The port could not be bound.
    #[error("cannot listen for SIP on {address}: {source}; choose a free port and an address of this machine")]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A field of a request is not what SIP takes there.
    #[error("{field} {value:?} cannot be sent in SIP: {expected}")]
    Field {
        /// The field's name.
        field: &'static str,
        /// What it held.
        value: String,
        /// What it should hold.
        expected: &'static str,
    },
    /// The trunk's name has no address.
    #[error("cannot resolve {host}:{port}: {why}; check the trunk's host name and the DNS of this machine")]
    Resolve {
        /// The name.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        why: String,
    },
    /// A TLS setting cannot be used.
    #[error("the TLS {what} cannot be used: {why}")]
    Trust {
        /// Which setting.
        what: &'static str,
        /// Why.
        why: String,
    },
    /// No stream to the peer could be opened.
    #[error("cannot connect to {transport} {peer}: {why}; check the trunk's address, port and transport, and the firewall")]
    Connect {
        /// `tcp` or `tls`.
        transport: &'static str,
        /// The peer.
        peer: SocketAddr,
        /// Why.
        why: String,
    },
    /// The peer cannot be trusted, or does not trust us.
    #[error("no TLS with {peer}: {why}")]
    Tls {
        /// The peer.
        peer: SocketAddr,
        /// Why, and what to do.
        why: String,
    },
    /// The trunk does not let us register.
    #[error("the trunk refused our registration with {code} {phrase}; check the trunk's user name, password and domain")]
    Refused {
        /// The code.
        code: u16,
        /// The phrase.
        phrase: String,
        /// When it may be tried again.
        retry_after: Option<Duration>,
    },
    /// Nobody answered a request in time.
    #[error("{method} was not answered within {ms} ms; check that the peer is up and that its replies reach this port")]
    Unanswered {
        /// The request's method.
        method: &'static str,
        /// The bound.
        ms: u64,
    },
    /// The peer of a call refused a request of ours.
    #[error("the peer refused {method}: {code} {reason}; the call goes on as it was")]
    Declined {
        /// The request's method.
        method: &'static str,
        /// The code of its answer.
        code: u16,
        /// The phrase of its answer.
        reason: String,
    },
    /// The call was over before the request could be sent.
    #[error("the call is over; there is nobody left to ask")]
    CallOver,
    /// The caller cancelled, or never acknowledged the answer.
    #[error("the caller had gone before the call was set up; there is no call to go on with")]
    CallerGone,
    /// The endpoint has been shut down.
    #[error("the SIP endpoint is shut down; bind a new one")]
    Closed,
    /// The SIP stack refused.
    #[error("the SIP stack refused {doing}: {why}; the log at debug level shows the messages")]
    Stack {
        /// What was asked of it.
        doing: &'static str,
        /// Its words.
        why: String,
    },
}

impl SipError {
    /// Wraps an error of the SIP crate.
    pub(super) fn stack(doing: &'static str, error: impl std::fmt::Display) -> Self {
        SipError::Stack { doing, why: error.to_string() }
    }
}
