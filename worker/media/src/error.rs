//! What can go wrong before sound flows.

use std::{io, net::SocketAddr, path::PathBuf};

use super::negotiation::connection::HostName;

/// Why there is no media session.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The RTP port is taken, or the address is not ours.
    #[error("cannot bind RTP to {address}: {source}; use an address of this host and a free port, or port 0")]
    Bind {
        /// What was asked for.
        address: SocketAddr,
        /// As the system says it.
        source: io::Error,
    },
    /// Bound to "any" without saying what to write into the SDP.
    #[error("RTP is bound to {0}, which nobody can send to; bind to one address or set `advertised`")]
    NothingToAdvertise(std::net::IpAddr),
    /// The public address is not known.
    #[error("the STUN server {server} did not tell our public address: {why}; the local one is used, or set `public_address`")]
    Stun {
        /// Host and port.
        server: String,
        /// What happened.
        why: String,
    },
    /// The folder of the recording is missing.
    #[error("the recording {path} cannot be written: its folder does not exist; create the folder first")]
    RecordingFolder {
        /// The recording.
        path: PathBuf,
    },
    /// Asked of a session that has ended.
    #[error("the media session is over; bind another one")]
    Over,
    /// Not SDP.
    #[error("the peer's SDP cannot be read ({0}); look at the SIP trace of the trunk")]
    Unreadable(String),
    /// SDP without an audio line.
    #[error("the peer's SDP has no audio; only audio calls can be made")]
    NoAudio,
    /// `m=audio 0`
    #[error("the peer refused the audio stream (port 0); check which codecs the trunk allows")]
    Refused,
    /// RTP/SAVP where SRTP is off, UDP/TLS/…
    #[error(
        "the peer wants {0} for audio; where that is SRTP, set the trunk's srtp to prefer or require, else let the trunk send RTP/AVP"
    )]
    UnknownTransport(String),
    /// The trunk's policy asks for encryption and the peer has no key.
    #[error("the peer's SDP has no key for SRTP; switch SRTP on at the trunk, or set the trunk's srtp to prefer or off")]
    NotEncrypted,
    /// Keys, but none we can use.
    #[error(
        "no key for SRTP in the peer's SDP can be used ({0}); we speak AES_CM_128_HMAC_SHA1_80 and _32, one key each, no MKI"
    )]
    NoUsableKey(String),
    /// No codec in common.
    #[error("no codec in common: the peer has {theirs}, we have {ours}; change `codecs` or the trunk's list")]
    NoCommonCodec {
        /// As in their SDP.
        theirs: String,
        /// As configured.
        ours: String,
    },
    /// No `c=` line, or one that leads nowhere: a multicast address, or what is neither an address nor a name.
    #[error("the peer's SDP has no IP address we can send to ({0}); the trunk must put an address into its c= line")]
    NoAddress(String),
    /// A name in the `c=` line that was not looked up.
    #[error("the peer's SDP names the host {} in its c= line, and it was not looked up; the trunk should put an address there", .0.name)]
    HostName(HostName),
    /// A name in the `c=` line that leads to no address.
    #[error(
        "the peer's SDP names the host {name} in its c= line, and it was not resolved: {why}; check this machine's name server, or let the \
         trunk put an address there"
    )]
    Unresolved {
        /// As in the SDP.
        name: String,
        /// What happened.
        why: String,
    },
    /// libopus did not come up.
    #[error("the codec cannot be set up: {0}; this is a fault of the build, not of the call")]
    Codec(#[from] super::codec::CodecError),
}
