//! SIP over UDP, TCP and TLS (RFC 3261): dials a callee, answers callers, ends calls. The only room that names the SIP crate.
//!
//! One [`Endpoint`] is one port. [`Endpoint::dial`] sends an INVITE and hands back a [`Dialing`], which reports ringing,
//! early media and the end; its last event carries a [`Dialog`] where the callee answered. [`Endpoint::incoming`] is the other
//! direction: every INVITE that arrives is an [`Incoming`].
//!
//! What is dropped is ended on the wire: a dropped `Dialing` sends CANCEL, a dropped `Dialog` BYE, a dropped `Incoming` 480.
//! One `dial` sends one INVITE (and, where the trunk asks for credentials, the same one again with them); whatever the callee
//! says to it is the end of the attempt.

mod admission;
mod answer;
mod attempt;
mod dial;
mod dialog;
mod digest;
mod dispatch;
mod edge;
mod endpoint;
mod error;
mod flow;
mod flows;
mod framing;
mod fuzzing;
mod hangup;
mod head;
mod keep_alive;
mod options;
mod outbound_proxy;
mod refusal;
mod register;
mod registration;
mod resolve;
mod route;
mod trust;
mod wire;

pub use answer::Incoming;
pub use dial::{Credentials, DialEvent, DialFailure, DialRequest, Dialing};
pub use dialog::{Dialog, DialogEvent, Reply};
pub use endpoint::{Endpoint, EndpointConfig, Timing};
pub use error::SipError;
#[doc(hidden)]
pub use fuzzing::fuzz_message;
pub use register::{RegisterRequest, Registration};
