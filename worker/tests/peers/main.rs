//! The worker against peers on the wire: SIPp, Kamailio, baresip, linphone, and peers of our own with bad manners. One program, because
//! each links the whole worker; a file for each behaviour all the same.
#![allow(clippy::unwrap_used)]

mod support;

mod baresip_signalling;
mod baresip_sounds;
mod linphone_sounds;
mod sip_behind_kamailio;
mod sip_call_under_attack;
mod sip_dead_places;
mod sip_endpoints;
mod sip_floods;
mod sip_odd_peers;
mod sip_registration;
mod sip_resolving;
mod sip_streams;
mod sip_torture;
mod sipp_authentication;
mod sipp_bodies;
mod sipp_calls;
mod sipp_forks;
mod sipp_holds;
mod sipp_named_media;
mod sipp_races;
mod sipp_redirects;
mod sipp_refusals;
mod sipp_session_timers;
mod sipp_transfer;
