//! Session keys from the master key (RFC 3711, section 4.3), without re-keying by rate.

use aes::cipher::{KeyIvInit, StreamCipher};

use super::Counter;

/// What a key is for (RFC 3711, section 4.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Label {
    RtpEncryption = 0,
    RtpAuthentication = 1,
    RtpSalt = 2,
    RtcpEncryption = 3,
    RtcpAuthentication = 4,
    RtcpSalt = 5,
}

/// The session key of this label, from the master key and salt.
pub(super) fn derive<const LENGTH: usize>(key_salt: &[u8; 30], label: Label) -> [u8; LENGTH] {
    let (key, salt) = key_salt.split_at(16);
    let mut counter = [0; 16];
    counter[..14].copy_from_slice(salt);
    counter[7] ^= label as u8;
    let key: [u8; 16] = key.try_into().expect("the first part has 16 bytes");
    let mut derived = [0; LENGTH];
    Counter::new(&key.into(), &counter.into()).apply_keystream(&mut derived);
    derived
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3711, appendix B.3.
    #[test]
    fn the_keys_of_the_rfc_are_derived() {
        let mut key_salt = [0; 30];
        key_salt[..16].copy_from_slice(&0xE1F97A0D3E018BE0D64FA32C06DE4139u128.to_be_bytes());
        key_salt[16..].copy_from_slice(&0x0EC675AD498AFEEBB6960B3AABE6u128.to_be_bytes()[2..]);
        assert_eq!(derive::<16>(&key_salt, Label::RtpEncryption), 0xC61E7A93744F39EE10734AFE3FF7A087u128.to_be_bytes());
        assert_eq!(derive::<14>(&key_salt, Label::RtpSalt), 0x30CBBC08863D8C85D49DB34A9AE1u128.to_be_bytes()[2..]);
        let authentication = derive::<20>(&key_salt, Label::RtpAuthentication);
        assert_eq!(authentication[..16], 0xCEBE321F6FF7716B6FD4AB49AF256A15u128.to_be_bytes());
        assert_eq!(authentication[16..], 0x6D38BAA4u32.to_be_bytes());
    }

    /// RFC 3711, appendix B.2.
    #[test]
    fn the_key_stream_of_the_rfc_is_made() {
        let key = 0x2B7E151628AED2A6ABF7158809CF4F3Cu128.to_be_bytes();
        let counter = 0xF0F1F2F3F4F5F6F7F8F9FAFBFCFD0000u128.to_be_bytes();
        let mut stream = [0; 48];
        Counter::new(&key.into(), &counter.into()).apply_keystream(&mut stream);
        let blocks =
            [0xE03EAD0935C95E80E166B16DD92B4EB4u128, 0xD23513162B02D0F72A43A2FE4A5F97AB, 0x41E95B3BB0A2E8DD477901E4FCA894C0];
        assert_eq!(stream.as_chunks::<16>().0.iter().map(|block| u128::from_be_bytes(*block)).collect::<Vec<_>>(), blocks);
    }
}
