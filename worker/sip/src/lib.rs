//! SIP over UDP, TCP and TLS (RFC 3261): places calls, answers calls, ends calls. The only crate of ours that names the SIP crate.
//!
//! An [`Endpoint`] is one port. [`Endpoint::dial`] sends an INVITE and returns a [`Dialing`], which reports ringing, early media and
//! the result; its last event carries a [`Dialog`] where the callee answered. [`Endpoint::incoming`] returns the other direction:
//! every INVITE that arrives is an [`Incoming`].
//!
//! Dropping a value ends its call: a dropped `Dialing` sends CANCEL, a dropped `Dialog` BYE, a dropped `Incoming` 480.
//! One `dial` rings one callee. Its INVITE is sent again with credentials, to the next address of a trunk that is down, or where a
//! redirect says the same number is; never once somebody was reached.

mod authentication;
mod body;
mod capabilities;
mod client_transaction;
mod credentials;
mod dial;
mod dial_event;
mod dial_request;
mod dialog;
mod dialog_event;
mod dialog_state;
mod dialog_table;
mod dispatch;
mod endpoint;
mod error;
mod failure;
mod forks;
mod glare;
mod hangup;
mod identity;
mod in_dialog;
mod incoming;
mod invite;
mod keep_alive;
mod leg;
mod message;
mod offer_reply;
mod options;
mod outgoing;
mod path;
mod prack;
mod reason;
mod redirect;
mod refer;
mod register;
mod registration_schedule;
mod reinvite_by_peer;
mod reinvite_by_us;
mod ringing;
mod server_invite;
mod server_transaction;
mod session_descriptions;
mod session_timer;
mod shared;
mod timing;
mod transport;

pub use credentials::Credentials;
pub use dial::Dialing;
pub use dial_event::DialEvent;
pub use dial_request::DialRequest;
pub use dialog::Dialog;
pub use dialog_event::DialogEvent;
pub use endpoint::{Endpoint, EndpointConfig};
pub use error::SipError;
pub use failure::DialFailure;
pub use incoming::Incoming;
pub use offer_reply::Reply;
pub use refer::TransferOutcome;
pub use register::{RegisterRequest, Registration};
pub use timing::Timing;

/// The entry points of the fuzz targets. They panic only where a property is broken.
#[doc(hidden)]
pub mod fuzzing {
    pub use crate::transport::fuzzing::fuzz_message as sip_message;
}
