//! Samples as bytes carry them, to 16 bit. Pure.

/// How a sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Coding {
    /// Unsigned 8 bit, as WAV has it.
    Unsigned8,
    /// Signed 16 bit, little-endian.
    Signed16,
    /// Signed 16 bit, big-endian: what `audio/L16` should be (RFC 2586).
    Signed16BigEndian,
    /// Signed 24 bit, little-endian.
    Signed24,
    /// Signed 32 bit, little-endian.
    Signed32,
    /// 32 bit floating point, ±1 is full scale.
    Float32,
    /// 64 bit floating point.
    Float64,
    /// G.711 µ-law.
    MuLaw,
    /// G.711 A-law.
    ALaw,
}

impl Coding {
    /// Bytes of a sample.
    pub fn bytes(self) -> usize {
        match self {
            Coding::Unsigned8 | Coding::MuLaw | Coding::ALaw => 1,
            Coding::Signed16 | Coding::Signed16BigEndian => 2,
            Coding::Signed24 => 3,
            Coding::Signed32 | Coding::Float32 => 4,
            Coding::Float64 => 8,
        }
    }

    /// The sample in exactly as many bytes as it has.
    pub fn sample(self, bytes: &[u8]) -> i16 {
        match (self, bytes) {
            (Coding::Unsigned8, [byte]) => (i16::from(*byte) - 128) << 8,
            (Coding::Signed16, [low, high]) => i16::from_le_bytes([*low, *high]),
            (Coding::Signed16BigEndian, [high, low]) => i16::from_be_bytes([*high, *low]),
            (Coding::Signed24, [_, low, high]) | (Coding::Signed32, [_, _, low, high]) => i16::from_le_bytes([*low, *high]),
            (Coding::Float32, [a, b, c, d]) => full_scale(f64::from(f32::from_le_bytes([*a, *b, *c, *d]))),
            (Coding::Float64, [a, b, c, d, e, f, g, h]) => full_scale(f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
            (Coding::MuLaw, [byte]) => mu_law(*byte),
            (Coding::ALaw, [byte]) => a_law(*byte),
            _ => 0,
        }
    }
}

fn full_scale(value: f64) -> i16 {
    // Not a number is silence: a cast makes it 0.
    (value * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

/// ITU-T G.711, table 2a.
fn mu_law(byte: u8) -> i16 {
    let code = !byte;
    let magnitude = ((i32::from(code & 0x0f) << 3) + 0x84) << ((code >> 4) & 0x07);
    let value = magnitude - 0x84;
    (if code & 0x80 == 0 { value } else { -value }) as i16
}

/// ITU-T G.711, table 1a.
fn a_law(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let (exponent, mantissa) = ((code >> 4) & 0x07, i32::from(code & 0x0f));
    let value = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    (if code & 0x80 == 0 { -value } else { value }) as i16
}

/// Which way round 16 bit samples are written: speech changes little from one sample to the next only the right way. `None` where
/// nothing can be told: silence, or noise either way.
pub fn byte_order(bytes: &[u8]) -> Option<Coding> {
    let rough = |coding: Coding| {
        let samples: Vec<i64> = bytes.chunks_exact(2).map(|pair| i64::from(coding.sample(pair))).collect();
        samples.windows(2).map(|pair| (pair[1] - pair[0]).abs()).sum::<i64>()
    };
    let (little, big) = (rough(Coding::Signed16), rough(Coding::Signed16BigEndian));
    if little * 2 < big {
        Some(Coding::Signed16)
    } else if big * 2 < little {
        Some(Coding::Signed16BigEndian)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_coding_has_the_same_silence_and_full_scale() {
        let codings = [
            (Coding::Unsigned8, vec![128], vec![255], vec![0]),
            (Coding::Signed16, vec![0, 0], vec![0xff, 0x7f], vec![0, 0x80]),
            (Coding::Signed16BigEndian, vec![0, 0], vec![0x7f, 0xff], vec![0x80, 0]),
            (Coding::Signed24, vec![0, 0, 0], vec![0xff, 0xff, 0x7f], vec![0, 0, 0x80]),
            (Coding::Signed32, vec![0; 4], vec![0xff, 0xff, 0xff, 0x7f], vec![0, 0, 0, 0x80]),
            (Coding::Float32, vec![0; 4], 1f32.to_le_bytes().to_vec(), (-1f32).to_le_bytes().to_vec()),
            (Coding::Float64, vec![0; 8], 1f64.to_le_bytes().to_vec(), (-1f64).to_le_bytes().to_vec()),
            (Coding::MuLaw, vec![0xff], vec![0x80], vec![0x00]),
            (Coding::ALaw, vec![0xd5], vec![0xaa], vec![0x2a]),
        ];
        for (coding, silence, most, least) in codings {
            assert_eq!(silence.len(), coding.bytes());
            assert!(coding.sample(&silence).abs() <= 8, "{coding:?}");
            assert!(coding.sample(&most) > 32_000 && coding.sample(&least) < -32_000, "{coding:?}");
        }
        assert_eq!(Coding::Float32.sample(&f32::NAN.to_le_bytes()), 0);
        assert_eq!(Coding::Float32.sample(&9f32.to_le_bytes()), i16::MAX);
    }

    #[test]
    fn the_byte_order_of_a_tone_is_told_and_that_of_silence_is_not() {
        let tone: Vec<i16> = (0..512).map(|i| ((f64::from(i) * 0.2).sin() * 8000.0) as i16).collect();
        let bytes = |order: fn(i16) -> [u8; 2]| tone.iter().flat_map(|sample| order(*sample)).collect::<Vec<u8>>();
        assert_eq!(byte_order(&bytes(i16::to_le_bytes)), Some(Coding::Signed16));
        assert_eq!(byte_order(&bytes(i16::to_be_bytes)), Some(Coding::Signed16BigEndian));
        assert_eq!(byte_order(&[0; 512]), None);
    }
}
