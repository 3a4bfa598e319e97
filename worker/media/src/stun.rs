//! STUN, as far as it takes to learn our public address (RFC 8489): a binding request, its answer, and the indication that keeps a
//! way through NAT open. Pure; `session` has the socket.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// In every message (RFC 8489, section 5).
const COOKIE: u32 = 0x2112_A442;
const HEADER: usize = 20;
const BINDING_REQUEST: u16 = 0x0001;
const BINDING_INDICATION: u16 = 0x0011;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;
/// Attributes (RFC 8489, section 18.3).
const MAPPED_ADDRESS: u16 = 0x0001;
const ERROR_CODE: u16 = 0x0009;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const XOR_MAPPED_ADDRESS_OF_OLD: u16 = 0x8020;

/// Tells an answer from others: 96 random bits.
pub type Transaction = [u8; 12];

/// Why a server did not tell our address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StunError {
    /// It refused.
    #[error("the STUN server refused with {0}; use one that answers binding requests from anybody")]
    Refused(u16),
    /// It answered without an address.
    #[error("the STUN server's answer names no address; use another server")]
    NoAddress,
}

/// "Where do you see me?"
pub fn request(transaction: Transaction) -> Vec<u8> {
    message(BINDING_REQUEST, transaction)
}

/// Says nothing and wants no answer; RTP receivers pass it over.
pub fn indication(transaction: Transaction) -> Vec<u8> {
    message(BINDING_INDICATION, transaction)
}

/// Reads a datagram; `None` where it is no answer to this request.
pub fn answer(datagram: &[u8], transaction: Transaction) -> Option<Result<SocketAddr, StunError>> {
    let (header, body) = datagram.split_at_checked(HEADER)?;
    let kind = u16::from_be_bytes([header[0], header[1]]);
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    if header[4..8] != COOKIE.to_be_bytes() || header[8..] != transaction || length > body.len() {
        return None;
    }
    let body = &body[..length];
    match kind {
        BINDING_SUCCESS => Some(mapped(body, transaction).ok_or(StunError::NoAddress)),
        BINDING_ERROR => Some(Err(StunError::Refused(refusal(body)))),
        _ => None,
    }
}

fn message(kind: u16, transaction: Transaction) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &[0, 0], &COOKIE.to_be_bytes(), &transaction].concat()
}

/// The address, preferably the one that no helpful router has rewritten.
fn mapped(body: &[u8], transaction: Transaction) -> Option<SocketAddr> {
    let mut plain = None;
    for (kind, value) in attributes(body) {
        match kind {
            XOR_MAPPED_ADDRESS | XOR_MAPPED_ADDRESS_OF_OLD => return address(value, Some(transaction)),
            MAPPED_ADDRESS => plain = plain.or(address(value, None)),
            _ => {}
        }
    }
    plain
}

/// RFC 8489, sections 14.1 and 14.2.
fn address(value: &[u8], hidden_by: Option<Transaction>) -> Option<SocketAddr> {
    let mut mask = [0; 16];
    if let Some(transaction) = hidden_by {
        mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
        mask[4..].copy_from_slice(&transaction);
    }
    let (head, bytes) = value.split_at_checked(4)?;
    let port = u16::from_be_bytes([head[2] ^ mask[0], head[3] ^ mask[1]]);
    let bytes: Vec<u8> = bytes.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect();
    let ip: IpAddr = match head[1] {
        1 => Ipv4Addr::from(*bytes.first_chunk::<4>()?).into(),
        2 => Ipv6Addr::from(*bytes.first_chunk::<16>()?).into(),
        _ => return None,
    };
    (port != 0 && !ip.is_unspecified() && !ip.is_multicast()).then_some(SocketAddr::new(ip, port))
}

/// RFC 8489, section 14.8; 0 where none is given.
fn refusal(body: &[u8]) -> u16 {
    let code = attributes(body).find(|(kind, _)| *kind == ERROR_CODE);
    code.and_then(|(_, value)| value.first_chunk::<4>()).map_or(0, |value| u16::from(value[2] & 7) * 100 + u16::from(value[3]))
}

/// Kind and value of each attribute, up to the first that is cut off.
fn attributes(mut body: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = body.split_at_checked(4)?;
        let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let value = rest.get(..length)?;
        // Attributes are padded to four bytes; the last one's padding may be missing.
        body = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_be_bytes([head[0], head[1]]), value))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::{RngExt, SeedableRng, rngs::SmallRng};

    use super::*;

    const TRANSACTION: Transaction = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    fn reply(kind: u16, attributes: &[u8]) -> Vec<u8> {
        let mut message = message(kind, TRANSACTION);
        message[2..4].copy_from_slice(&(attributes.len() as u16).to_be_bytes());
        [message, attributes.to_vec()].concat()
    }

    /// The addresses of RFC 5769, sections 2.2 and 2.3, after its SOFTWARE attribute.
    #[test]
    fn the_addresses_of_the_rfc_are_read() {
        let software = b"\x80\x22\x00\x0btest vector ";
        let v4 = b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43";
        let answered = answer(&reply(BINDING_SUCCESS, &[&software[..], v4].concat()), TRANSACTION);
        assert_eq!(answered, Some(Ok("192.0.2.1:32853".parse().unwrap())));
        let v6 = b"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9";
        let answered = answer(&reply(BINDING_SUCCESS, v6), TRANSACTION);
        assert_eq!(answered, Some(Ok("[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap())));
    }

    #[test]
    fn old_servers_and_refusals_are_understood() {
        let plain = b"\x00\x01\x00\x08\x00\x01\x80\x55\xc0\x00\x02\x01";
        assert_eq!(answer(&reply(BINDING_SUCCESS, plain), TRANSACTION), Some(Ok("192.0.2.1:32853".parse().unwrap())));
        assert_eq!(answer(&reply(BINDING_SUCCESS, &[]), TRANSACTION), Some(Err(StunError::NoAddress)));
        let code = b"\x00\x09\x00\x04\x00\x00\x04\x01";
        assert_eq!(answer(&reply(BINDING_ERROR, code), TRANSACTION), Some(Err(StunError::Refused(401))));
    }

    #[test]
    fn what_answers_another_request_is_nothing() {
        let good = reply(BINDING_SUCCESS, b"\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43");
        assert!(answer(&good, TRANSACTION).is_some());
        assert_eq!(answer(&good, [0; 12]), None);
        assert_eq!(answer(&request(TRANSACTION), TRANSACTION), None);
        assert_eq!(answer(&good[..good.len() - 1], TRANSACTION), None);
        assert_eq!(request(TRANSACTION)[..8], [0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42]);
        assert_eq!(indication(TRANSACTION)[0] >> 6, 0, "RTP has version 2 there");
    }

    #[test]
    fn noise_is_no_address_and_no_panic() {
        let mut random = SmallRng::seed_from_u64(1);
        for _ in 0..100_000 {
            let mut attributes = vec![0u8; random.random_range(0..48)];
            random.fill(&mut attributes[..]);
            if let Some(first) = attributes.first_mut() {
                *first = 0;
            }
            if let Some(Ok(address)) = answer(&reply(BINDING_SUCCESS, &attributes), TRANSACTION) {
                assert!(address.port() != 0 && !address.ip().is_unspecified());
            }
            let _ = answer(&attributes, TRANSACTION);
        }
    }
}
