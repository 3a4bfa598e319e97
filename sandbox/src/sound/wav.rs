//! WAV files: reading what clients upload, writing what they ask for.
//!
//! Source: "Multimedia Programming Interface and Data Specifications 1.0" (IBM, Microsoft 1991) and `WAVEFORMATEXTENSIBLE`.

use super::{Sound, resample::RATES, to_bytes};

/// Format tag of integer PCM.
const PCM: u16 = 1;
/// Format tag of an extended header, whose first GUID bytes hold the real tag.
const EXTENSIBLE: u16 = 0xFFFE;

/// What is wrong with an uploaded file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WavError {
    /// No RIFF/WAVE header.
    #[error("this is not a WAV file: upload a RIFF/WAVE file with 16 bit PCM")]
    NotWav,
    /// The header ends before `fmt ` and `data`.
    #[error("the WAV file has no {0:?} chunk: write the whole header before uploading")]
    MissingChunk(&'static str),
    /// A coding other than 16 bit PCM.
    #[error("WAV format {tag} with {bits} bits is not decoded here: upload 16 bit integer PCM (format 1)")]
    Coding {
        /// The format tag.
        tag: u16,
        /// Bits a sample.
        bits: u16,
    },
    /// A rate or channel count nobody uses for speech.
    #[error("{rate} Hz with {channels} channels is not taken: use 4000–192000 Hz and 1–8 channels")]
    Shape {
        /// Hz.
        rate: u32,
        /// Channels.
        channels: u16,
    },
}

/// Reads a WAV file of 16 bit PCM; several channels are mixed to one. Lengths that lie (streams write 0 or 0xFFFFFFFF) are
/// cut to what is there.
///
/// # Errors
/// [`WavError`], for anything that is not such a file.
pub fn read(bytes: &[u8]) -> Result<Sound, WavError> {
    if bytes.len() < 12 || &bytes[0..4] != b"RIFF" || &bytes[8..12] != b"WAVE" {
        return Err(WavError::NotWav);
    }
    let mut format: Option<(u16, u32)> = None;
    let mut rest = &bytes[12..];
    while rest.len() >= 8 {
        let (name, body) = (&rest[0..4], &rest[8..]);
        let claimed = u32::from_le_bytes([rest[4], rest[5], rest[6], rest[7]]) as usize;
        let length = if name == b"data" && claimed == 0 { body.len() } else { claimed.min(body.len()) };
        match name {
            b"fmt " => format = Some(shape(&body[..length])?),
            b"data" => {
                let (channels, rate) = format.ok_or(WavError::MissingChunk("fmt "))?;
                return Ok(Sound { samples: mix(&body[..length], usize::from(channels)), rate });
            }
            _ => {}
        }
        // Chunks are padded to an even length.
        rest = body.get(length + (length & 1)..).unwrap_or_default();
    }
    Err(WavError::MissingChunk(if format.is_none() { "fmt " } else { "data" }))
}

/// Writes a mono WAV file of 16 bit PCM.
pub fn write(sound: &Sound) -> Vec<u8> {
    let mut file = header(sound.samples.len(), sound.rate);
    file.extend(to_bytes(&sound.samples));
    file
}

/// The 44 bytes before `samples` mono samples of 16 bit PCM.
pub fn header(samples: usize, rate: u32) -> Vec<u8> {
    let data = u32::try_from(samples * 2).unwrap_or(u32::MAX);
    let mut header = Vec::with_capacity(44);
    header.extend(b"RIFF");
    header.extend(data.saturating_add(36).to_le_bytes());
    header.extend(b"WAVEfmt ");
    header.extend(16u32.to_le_bytes());
    header.extend(PCM.to_le_bytes());
    header.extend(1u16.to_le_bytes());
    header.extend(rate.to_le_bytes());
    header.extend((rate * 2).to_le_bytes());
    header.extend(2u16.to_le_bytes());
    header.extend(16u16.to_le_bytes());
    header.extend(b"data");
    header.extend(data.to_le_bytes());
    header
}

/// Channels and rate of a `fmt ` chunk, where we can decode it.
fn shape(chunk: &[u8]) -> Result<(u16, u32), WavError> {
    let word = |at: usize| chunk.get(at..at + 2).map(|b| u16::from_le_bytes([b[0], b[1]]));
    let (Some(tag), Some(channels), Some(low), Some(high), Some(bits)) = (word(0), word(2), word(4), word(6), word(14)) else {
        return Err(WavError::MissingChunk("fmt "));
    };
    let tag = if tag == EXTENSIBLE { word(24).unwrap_or(tag) } else { tag };
    let rate = u32::from(low) | u32::from(high) << 16;
    if tag != PCM || bits != 16 {
        return Err(WavError::Coding { tag, bits });
    }
    if !RATES.contains(&rate) || !(1..=8).contains(&channels) {
        return Err(WavError::Shape { rate, channels });
    }
    Ok((channels, rate))
}

/// Interleaved little-endian samples mixed to one channel.
fn mix(data: &[u8], channels: usize) -> Vec<i16> {
    data.chunks_exact(2 * channels)
        .map(|frame| {
            let sum: i32 = frame.chunks_exact(2).map(|b| i32::from(i16::from_le_bytes([b[0], b[1]]))).sum();
            (sum / channels as i32) as i16
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let sound = Sound { samples: vec![0, 1, -1, i16::MAX, i16::MIN], rate: 24_000 };
        assert_eq!(read(&write(&sound)).unwrap(), sound);
    }

    #[test]
    fn a_streamed_header_with_a_false_length_is_taken_as_far_as_it_goes() {
        for claimed in [0u32, u32::MAX] {
            let mut file = write(&Sound { samples: vec![7; 10], rate: 8_000 });
            file[40..44].copy_from_slice(&claimed.to_le_bytes());
            assert_eq!(read(&file).unwrap().samples, [7; 10]);
        }
    }

    #[test]
    fn chunks_in_between_are_skipped_and_stereo_is_mixed() {
        let mut file = write(&Sound { samples: vec![100, 200, 300, 500], rate: 16_000 });
        file[22] = 2;
        file.splice(36..36, *b"LIST\x03\0\0\0abc\0");
        assert_eq!(read(&file).unwrap().samples, [150, 400]);
    }

    #[test]
    fn other_files_are_refused_with_what_to_do() {
        assert_eq!(read(b"ID3\x04 not a wave file"), Err(WavError::NotWav));
        assert_eq!(read(&header(0, 16_000)[..12]), Err(WavError::MissingChunk("fmt ")));
        assert_eq!(read(&header(0, 16_000)[..36]), Err(WavError::MissingChunk("data")));
        let mut mulaw = header(0, 8_000);
        mulaw[20] = 7;
        assert_eq!(read(&mulaw), Err(WavError::Coding { tag: 7, bits: 16 }));
        assert!(matches!(read(&header(0, 1)), Err(WavError::Shape { rate: 1, channels: 1 })));
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let file = write(&Sound { samples: vec![1; 4], rate: 8_000 });
        for cut in 0..file.len() {
            let _ = read(&file[..cut]);
            for value in [0u8, 0x7F, 0xFF] {
                let mut broken = file.clone();
                broken[cut] = value;
                let _ = read(&broken);
            }
        }
    }
}
