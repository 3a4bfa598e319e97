//! SRTP with keys from SDP (RFC 3711, RFC 4568): packets are encrypted and signed at the socket's edge.
//!
//! A context serves one direction. State is kept only for streams that have shown an authentic packet, and for few of them, so
//! a flood of forged ones costs neither memory nor the window of the true one. Replays are refused.
//!
//! Our own, on the primitives of RustCrypto, because `rtc-srtp` 0.21 takes SRTCP packets whose encryption bit is off without
//! looking at their tag, and lets packets that were never authenticated make streams and set their windows.

mod derivation;
mod window;

use std::fmt;

use aes::cipher::{KeyIvInit, StreamCipher};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use self::{
    derivation::{Label, derive},
    window::Window,
};

type Counter = ctr::Ctr128BE<aes::Aes128>;

/// The tag of RTCP, and of RTP under `_80`.
const LONG_TAG: usize = 10;
const SHORT_TAG: usize = 4;
/// The smallest RTP header, and the part of RTCP that stays readable.
const RTP_HEADER: usize = 12;
const RTCP_HEADER: usize = 8;
/// "Encrypted", in front of the 31 bits of RTCP's index.
const ENCRYPTED: u32 = 1 << 31;
/// Streams one peer may begin in a call.
const MOST_STREAMS: usize = 64;

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

/// Why a packet is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SrtpError {
    /// Too short, or a header that is none.
    #[error("this is no SRTP packet; it is dropped")]
    Malformed,
    /// The tag is wrong: forged, damaged, or other keys.
    #[error("the packet is not authentic; it is dropped (if it is every packet: both sides must use the same keys)")]
    NotAuthentic,
    /// Seen before, or too old to tell.
    #[error("the packet was replayed, or is too old to tell; it is dropped")]
    Replayed,
    /// More streams than a call has, or 2³¹ control packets.
    #[error("these keys have been used up; the call needs new ones")]
    UsedUp,
}

/// Protects or unprotects one direction of a call.
pub struct SrtpContext {
    sound: Session,
    control: Session,
    /// Index of the last RTCP packet sent.
    control_index: u32,
}

/// The session keys of RTP or RTCP, and how far each stream has got.
struct Session {
    key: [u8; 16],
    salt: [u8; 14],
    signer: Hmac<Sha1>,
    tag: usize,
    streams: Vec<(u32, Window)>,
}

impl SrtpContext {
    /// From silence.
    pub fn new(keys: &Keys) -> Self {
        let tag = match keys.suite {
            Suite::AesCm128HmacSha1_80 => LONG_TAG,
            Suite::AesCm128HmacSha1_32 => SHORT_TAG,
        };
        let session = |labels: [Label; 3], tag| {
            let [encryption, authentication, salting] = labels;
            Session {
                key: derive(&keys.key_salt, encryption),
                salt: derive(&keys.key_salt, salting),
                signer: Hmac::new_from_slice(&derive::<20>(&keys.key_salt, authentication))
                    .expect("HMAC takes keys of any length"),
                tag,
                streams: Vec::new(),
            }
        };
        SrtpContext {
            sound: session([Label::RtpEncryption, Label::RtpAuthentication, Label::RtpSalt], tag),
            control: session([Label::RtcpEncryption, Label::RtcpAuthentication, Label::RtcpSalt], LONG_TAG),
            control_index: 0,
        }
    }

    /// Encrypts and signs an RTP packet of ours.
    pub fn protect(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let header = rtp_header(packet).ok_or(SrtpError::Malformed)?;
        let window = self.sound.window(header.ssrc);
        let mut window = window.unwrap_or_default();
        let index = window.estimate(header.sequence);
        window.note(index);
        self.sound.keep(header.ssrc, window)?;
        self.sound.crypt(header.ssrc, index, &mut packet[header.length..]);
        let tag = self.sound.tag(packet, rollovers(index));
        packet.extend_from_slice(&tag[..self.sound.tag]);
        Ok(())
    }

    /// Checks and decrypts an RTP packet of the peer; what fails is left as it came.
    pub fn unprotect(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let session = &mut self.sound;
        let signed = packet.len().checked_sub(session.tag).ok_or(SrtpError::Malformed)?;
        let header = rtp_header(&packet[..signed]).ok_or(SrtpError::Malformed)?;
        let known = session.window(header.ssrc);
        let authentic = |index: u64| session.verify(&packet[..signed], rollovers(index), &packet[signed..]);
        let (mut window, index) = match known {
            Some(window) => {
                let index = window.estimate(header.sequence);
                if !authentic(index) {
                    return Err(SrtpError::NotAuthentic);
                }
                if window.seen(index) {
                    return Err(SrtpError::Replayed);
                }
                (window, index)
            }
            // Whose first packets were lost may already have wrapped around.
            None => {
                let first = u64::from(header.sequence);
                let index = [first, first + (1 << 16)].into_iter().find(|index| authentic(*index));
                (Window::default(), index.ok_or(SrtpError::NotAuthentic)?)
            }
        };
        window.note(index);
        session.keep(header.ssrc, window)?;
        packet.truncate(signed);
        session.crypt(header.ssrc, index, &mut packet[header.length..]);
        Ok(())
    }

    /// Encrypts and signs a compound RTCP packet of ours.
    pub fn protect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let ssrc = rtcp_source(packet).ok_or(SrtpError::Malformed)?;
        self.control_index = self.control_index.checked_add(1).filter(|index| *index < ENCRYPTED).ok_or(SrtpError::UsedUp)?;
        self.control.crypt(ssrc, u64::from(self.control_index), &mut packet[RTCP_HEADER..]);
        packet.extend_from_slice(&(self.control_index | ENCRYPTED).to_be_bytes());
        let tag = self.control.tag(packet, None);
        packet.extend_from_slice(&tag[..LONG_TAG]);
        Ok(())
    }

    /// Checks and decrypts a compound RTCP packet of the peer; what fails is left as it came.
    pub fn unprotect_rtcp(&mut self, packet: &mut Vec<u8>) -> Result<(), SrtpError> {
        let session = &mut self.control;
        let signed =
            packet.len().checked_sub(LONG_TAG).filter(|signed| *signed >= RTCP_HEADER + 4).ok_or(SrtpError::Malformed)?;
        let ssrc = rtcp_source(packet).ok_or(SrtpError::Malformed)?;
        if !session.verify(&packet[..signed], None, &packet[signed..]) {
            return Err(SrtpError::NotAuthentic);
        }
        let trailer: [u8; 4] = packet[signed - 4..signed].try_into().expect("the range has four bytes");
        let trailer = u32::from_be_bytes(trailer);
        let index = u64::from(trailer & !ENCRYPTED);
        let mut window = session.window(ssrc).unwrap_or_default();
        if window.seen(index) {
            return Err(SrtpError::Replayed);
        }
        window.note(index);
        session.keep(ssrc, window)?;
        packet.truncate(signed - 4);
        if trailer & ENCRYPTED != 0 {
            session.crypt(ssrc, index, &mut packet[RTCP_HEADER..]);
        }
        Ok(())
    }
}

impl Session {
    fn window(&self, ssrc: u32) -> Option<Window> {
        self.streams.iter().find(|(known, _)| *known == ssrc).map(|(_, window)| *window)
    }

    fn keep(&mut self, ssrc: u32, window: Window) -> Result<(), SrtpError> {
        let full = self.streams.len() >= MOST_STREAMS;
        match self.streams.iter_mut().find(|(known, _)| *known == ssrc) {
            Some((_, known)) => *known = window,
            // A stream that was forgotten could be replayed.
            None if full => return Err(SrtpError::UsedUp),
            None => self.streams.push((ssrc, window)),
        }
        Ok(())
    }

    /// Encrypts or decrypts, which is the same (RFC 3711, section 4.1.1).
    fn crypt(&self, ssrc: u32, index: u64, payload: &mut [u8]) {
        let mut counter = [0; 16];
        counter[..14].copy_from_slice(&self.salt);
        let mask = (u128::from(ssrc) << 64) | (u128::from(index) << 16);
        let counter = (u128::from_be_bytes(counter) ^ mask).to_be_bytes();
        Counter::new(&self.key.into(), &counter.into()).apply_keystream(payload);
    }

    fn tag(&self, signed: &[u8], rollovers: Option<u32>) -> [u8; 20] {
        self.signed(signed, rollovers).finalize().into_bytes().into()
    }

    /// In constant time.
    fn verify(&self, signed: &[u8], rollovers: Option<u32>, tag: &[u8]) -> bool {
        self.signed(signed, rollovers).verify_truncated_left(tag).is_ok()
    }

    fn signed(&self, signed: &[u8], rollovers: Option<u32>) -> Hmac<Sha1> {
        let mut signer = self.signer.clone();
        signer.update(signed);
        if let Some(rollovers) = rollovers {
            signer.update(&rollovers.to_be_bytes());
        }
        signer
    }
}

/// The rollover counter in an index of RTP.
fn rollovers(index: u64) -> Option<u32> {
    Some((index >> 16) as u32)
}

struct RtpHeader {
    ssrc: u32,
    sequence: u16,
    /// With sources and extension (RFC 3550, sections 5.1 and 5.3.1), which stay readable.
    length: usize,
}

fn rtp_header(packet: &[u8]) -> Option<RtpHeader> {
    let fixed: &[u8; RTP_HEADER] = packet.first_chunk()?;
    if fixed[0] >> 6 != 2 {
        return None;
    }
    let mut length = RTP_HEADER + 4 * usize::from(fixed[0] & 0x0f);
    if fixed[0] & 0x10 != 0 {
        let extension: &[u8; 4] = packet.get(length..)?.first_chunk()?;
        length += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
    }
    (length <= packet.len()).then_some(RtpHeader {
        ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        sequence: u16::from_be_bytes([fixed[2], fixed[3]]),
        length,
    })
}

fn rtcp_source(packet: &[u8]) -> Option<u32> {
    let fixed: &[u8; RTCP_HEADER] = packet.first_chunk()?;
    (fixed[0] >> 6 == 2).then_some(u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]))
}

#[cfg(test)]
mod tests;
