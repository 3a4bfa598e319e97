//! SIP over UDP, TCP and TLS (RFC 3261): dials a callee, answers callers, ends calls. The only room that names the SIP crate.
//!
//! One [`Endpoint`] is one port. [`Endpoint::dial`] sends an INVITE and hands back a [`Dialing`], which reports ringing,
//! early media and the end; its last event carries a [`Dialog`] where the callee answered. [`Endpoint::incoming`] is the other
//! direction: every INVITE that arrives is an [`Incoming`].
//!
//! What is dropped is ended on the wire: a dropped `Dialing` sends CANCEL, a dropped `Dialog` BYE, a dropped `Incoming` 480.
//! One `dial` rings one callee: its INVITE is sent again with credentials, to the next place of a trunk that is dead, or where a redirect
//! says the same number is; never once somebody was reached.

mod answer;
mod attempt;
mod attend;
mod authentication;
mod calls;
mod capabilities;
mod credentials;
mod dial;
mod dial_event;
mod dial_request;
mod dialog;
mod dialog_event;
mod dialog_state;
mod dispatch;
mod endpoint;
mod error;
mod exchange;
mod failure;
mod forks;
mod glare;
mod hangup;
mod identity;
mod invite;
mod keep_alive;
mod leg;
mod message;
mod offer;
mod offer_reply;
mod options;
mod path;
mod prack;
mod reason;
mod redirect;
mod refer;
mod register;
mod registration;
mod reinvite;
mod reoffer;
mod ringing;
mod server_invite;
mod server_transaction;
mod session_timer;
mod shared;
mod timing;
mod transport;

pub use answer::Incoming;
pub use credentials::Credentials;
pub use dial::Dialing;
pub use dial_event::DialEvent;
pub use dial_request::DialRequest;
pub use dialog::Dialog;
pub use dialog_event::DialogEvent;
pub use endpoint::{Endpoint, EndpointConfig};
pub use error::SipError;
pub use failure::DialFailure;
pub use offer_reply::Reply;
pub use refer::TransferOutcome;
pub use register::{RegisterRequest, Registration};
pub use timing::Timing;

/// What the fuzz targets call. Nothing here may panic for any input, but where a property is broken.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::transport::fuzzing::fuzz_message as sip_message;
}
