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
mod attend;
mod authentication;
mod calls;
mod dial;
mod dialog;
mod dialog_state;
mod digest;
mod dispatch;
mod edge;
mod endpoint;
mod error;
mod exchange;
mod failure;
mod flow;
mod flows;
mod forks;
mod framing;
mod fuzzing;
mod glare;
mod hangup;
mod head;
mod identity;
mod invite;
mod keep_alive;
mod leg;
mod message;
mod offer;
mod options;
mod outbound_proxy;
mod path;
mod prack;
mod redirect;
mod refer;
mod refusal;
mod register;
mod registration;
mod reinvite;
mod reoffer;
mod resolve;
mod ringing;
mod route;
mod server_invite;
mod session_timer;
mod trust;
mod wire;

pub use answer::Incoming;
pub use dial::{Credentials, DialEvent, DialFailure, DialRequest, Dialing};
pub use dialog::{Dialog, DialogEvent};
pub use endpoint::{Endpoint, EndpointConfig, Timing};
pub use error::SipError;
#[doc(hidden)]
pub use fuzzing::fuzz_message;
pub use refer::TransferOutcome;
pub use register::{RegisterRequest, Registration};
pub use reoffer::Reply;
