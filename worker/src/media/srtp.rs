//! SRTP with keys from SDP (RFC 3711, RFC 4568).

use std::fmt;

/// A crypto suite (RFC 4568, section 6.2): AES in counter mode with 128 bits, HMAC-SHA1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Suite {
    /// `AES_CM_128_HMAC_SHA1_80`: tags of 80 bits.
    AesCm128HmacSha1_80,
    /// `AES_CM_128_HMAC_SHA1_32`: tags of 32 bits on RTP, of 80 on RTCP.
    AesCm128HmacSha1_32,
}

/// The keys of one direction.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Keys {
    /// How they are used.
    pub suite: Suite,
    /// The master key of 16 bytes, then the master salt of 14.
    pub key_salt: [u8; 30],
}

/// Keys are never shown.
impl fmt::Debug for Keys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keys").field("suite", &self.suite).finish_non_exhaustive()
    }
}
