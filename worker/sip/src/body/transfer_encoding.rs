//! Content-Transfer-Encoding (RFC 2045 section 6): what gateways for mail write into parts.

use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
};

use super::BodyError;

/// Padding is left out by some.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent).with_decode_allow_trailing_bits(true),
);

/// Returns the content without its transfer encoding.
///
/// # Errors
/// [`BodyError`] where the encoding is not known, or is broken.
pub(super) fn decoded(encoding: Option<&str>, body: &[u8]) -> Result<Vec<u8>, BodyError> {
    let encoding = encoding.unwrap_or("binary").split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match encoding.as_str() {
        "7bit" | "8bit" | "binary" => Ok(body.to_vec()),
        "base64" => {
            let compact: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
            BASE64.decode(compact).map_err(|_| BodyError::Malformed("a part that is no base64"))
        }
        "quoted-printable" => Ok(quoted_printable(body)),
        other => Err(BodyError::Type(format!("in the transfer encoding {other}"))),
    }
}

/// What is no escape stays as it is (RFC 2045 section 6.7).
fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, after)) = rest.split_first() {
        let escaped = || {
            let ([high, low], behind) = after.split_first_chunk::<2>()?;
            Some((hexadecimal(*high)? << 4 | hexadecimal(*low)?, behind))
        };
        match (first, after) {
            (b'=', [b'\r', b'\n', behind @ ..] | [b'\n', behind @ ..]) => rest = behind,
            (b'=', _) => {
                let (byte, behind) = escaped().unwrap_or((b'=', after));
                plain.push(byte);
                rest = behind;
            }
            _ => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    plain
}

fn hexadecimal(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn each_encoding_is_undone() {
        for (encoding, body, plain) in [
            (None, "v=0\r\n", "v=0\r\n"),
            (Some("BINARY"), "v=0\r\n", "v=0\r\n"),
            (Some("8bit"), "=0D", "=0D"),
            (Some("base64"), "dj0w\r\nDQo=\r\n", "v=0\r\n"),
            (Some(" Base64 ; x=y"), "dj0wDQo", "v=0\r\n"),
            (Some("quoted-printable"), "v=3D0=0d=0As=3D=\r\n-=\n=", "v=0\r\ns=-="),
            (Some("quoted-printable"), "=zz=4", "=zz=4"),
        ] {
            assert_eq!(decoded(encoding, body.as_bytes()).unwrap(), plain.as_bytes(), "{encoding:?} {body:?}");
        }
        assert!(matches!(decoded(Some("base64"), b"v=0\r\n"), Err(BodyError::Malformed(_))));
        assert!(matches!(decoded(Some("uuencode"), b"x"), Err(BodyError::Type(_))));
    }
}
