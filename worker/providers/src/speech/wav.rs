//! Bytes of a voice to samples of the worker, cut anywhere: raw s16le, or a WAV file (RIFF, Microsoft/IBM 1991).

use crate::resampling::{OddRate, Resampling, VOICE_RATE};

/// A WAV header longer than this is none.
const LONGEST_HEADER: usize = 64 * 1024;
/// Format tags: PCM, and the extensible form of it.
const PCM_TAGS: [u16; 2] = [1, 0xfffe];

/// What cannot be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSound {
    /// Neither raw samples nor WAV.
    #[error("the voice is {0}, not pcm: the server ignores response_format, use one that knows it")]
    OtherFormat(&'static str),
    /// A WAV file that is not 16 bit PCM.
    #[error("the voice is WAV of another kind than 16 bit PCM")]
    OtherWav,
    /// A rate no voice has.
    #[error(transparent)]
    OddRate(#[from] OddRate),
}

/// Takes a voice in pieces.
pub struct VoiceDecoder {
    state: State,
    /// Bytes that cannot be told yet: the start, or half a sample.
    pending: Vec<u8>,
}

enum State {
    /// Nothing is known but the rate of raw samples.
    Start {
        rate: u32,
    },
    Samples(Box<Samples>),
}

struct Samples {
    resampling: Resampling,
    channels: usize,
    /// Bytes of samples still to come; what follows them in the file is no sound. `None`: up to the end.
    left: Option<usize>,
}

impl VoiceDecoder {
    /// Returns a reader for a stream whose raw samples, if it has no header, have this rate in Hz.
    pub fn new(rate: u32) -> Self {
        VoiceDecoder { state: State::Start { rate }, pending: Vec::new() }
    }

    /// Takes the next bytes; returns what they hold at 16 kHz, possibly nothing yet.
    ///
    /// # Errors
    /// Where the start shows that this cannot be played.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<i16>, NoSound> {
        self.pending.extend_from_slice(bytes);
        if let State::Start { rate } = self.state {
            let Some(samples) = begin(&mut self.pending, rate, false)? else { return Ok(Vec::new()) };
            self.state = State::Samples(Box::new(samples));
        }
        match &mut self.state {
            State::Samples(samples) => Ok(samples.take(&mut self.pending)),
            State::Start { .. } => Ok(Vec::new()),
        }
    }

    /// Ends the stream; returns what the resampler still held.
    ///
    /// # Errors
    /// Where there was less than could be told apart and it cannot be played.
    pub fn finish(mut self) -> Result<Vec<i16>, NoSound> {
        let mut samples = match self.state {
            State::Samples(samples) => *samples,
            State::Start { rate } => match begin(&mut self.pending, rate, true)? {
                Some(samples) => samples,
                None => return Ok(Vec::new()),
            },
        };
        let mut sound = samples.take(&mut self.pending);
        sound.extend(samples.resampling.finish());
        Ok(sound)
    }
}

impl Samples {
    /// Whole samples of all channels out of the bytes; leaves the rest.
    fn take(&mut self, pending: &mut Vec<u8>) -> Vec<i16> {
        let bytes = self.left.map_or(pending.len(), |left| left.min(pending.len()));
        let whole = bytes - bytes % (2 * self.channels);
        let mixed = pending[..whole].chunks_exact(2 * self.channels).map(|group| {
            let sum: i32 = group.chunks_exact(2).map(|pair| i32::from(i16::from_le_bytes([pair[0], pair[1]]))).sum();
            (sum / self.channels as i32) as i16
        });
        let sound = self.resampling.push(&mixed.collect::<Vec<_>>());
        pending.drain(..whole);
        if let Some(left) = &mut self.left {
            *left -= whole;
            if *left < 2 * self.channels {
                pending.clear();
            }
        }
        sound
    }
}

/// Finds out what the stream is, and takes the header off. `None`: more bytes are needed (never where `whole`).
fn begin(pending: &mut Vec<u8>, rate: u32, whole: bool) -> Result<Option<Samples>, NoSound> {
    let raw = |rate| -> Result<_, NoSound> {
        Ok(Some(Samples { resampling: Resampling::new(rate, VOICE_RATE)?, channels: 1, left: None }))
    };
    if pending.len() < 12 {
        return if whole { raw(rate) } else { Ok(None) };
    }
    match &pending[..] {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => match header(pending)? {
            Some((header, length)) => {
                pending.drain(..length);
                let resampling = Resampling::new(header.rate, VOICE_RATE)?;
                Ok(Some(Samples { resampling, channels: header.channels, left: header.bytes }))
            }
            None if whole || pending.len() > LONGEST_HEADER => Err(NoSound::OtherWav),
            None => Ok(None),
        },
        [b'I', b'D', b'3', ..] => Err(NoSound::OtherFormat("mp3")),
        [b'O', b'g', b'g', b'S', ..] => Err(NoSound::OtherFormat("ogg")),
        [b'f', b'L', b'a', b'C', ..] => Err(NoSound::OtherFormat("flac")),
        [b'<', b'!' | b'h', ..] => Err(NoSound::OtherFormat("a page")),
        [b'{', b'"', ..] => Err(NoSound::OtherFormat("JSON")),
        _ => raw(rate),
    }
}

struct Header {
    rate: u32,
    channels: usize,
    bytes: Option<usize>,
}

/// Reads chunks up to the samples; `None` where they have not come yet.
fn header(file: &[u8]) -> Result<Option<(Header, usize)>, NoSound> {
    let mut place = 12;
    let mut format = None;
    while let Some(chunk) = file.get(place..place + 8) {
        let size = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]) as usize;
        let body = place + 8;
        match &chunk[..4] {
            b"fmt " => {
                let Some(fields) = file.get(body..body + 16) else { return Ok(None) };
                let short = |at: usize| u16::from_le_bytes([fields[at], fields[at + 1]]);
                let rate = u32::from_le_bytes([fields[4], fields[5], fields[6], fields[7]]);
                let channels = usize::from(short(2));
                if !PCM_TAGS.contains(&short(0)) || short(14) != 16 || !(1..=8).contains(&channels) {
                    return Err(NoSound::OtherWav);
                }
                format = Some((rate, channels));
            }
            b"data" => {
                let (rate, channels) = format.ok_or(NoSound::OtherWav)?;
                // A server that streams does not know the size and writes 0 or the largest number.
                let bytes = (size != 0 && size < 0x7fff_0000).then_some(size);
                return Ok(Some((Header { rate, channels, bytes }, body)));
            }
            _ => {}
        }
        place = body.saturating_add(size).saturating_add(size % 2);
    }
    Ok(None)
}

/// Returns a whole WAV file, mono 16 bit.
pub fn wav_file(samples: &[i16], rate: u32) -> Vec<u8> {
    let bytes = samples.len() as u32 * 2;
    let mut file = Vec::with_capacity(44 + bytes as usize);
    file.extend_from_slice(b"RIFF");
    file.extend_from_slice(&(36 + bytes).to_le_bytes());
    file.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend_from_slice(&rate.to_le_bytes());
    file.extend_from_slice(&(rate * 2).to_le_bytes());
    file.extend_from_slice(b"\x02\0\x10\0data");
    file.extend_from_slice(&bytes.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::{RngExt, SeedableRng, rngs::StdRng};

    use super::*;

    fn decoded(rate: u32, bytes: &[u8]) -> Result<Vec<i16>, NoSound> {
        let mut decoder = VoiceDecoder::new(rate);
        let mut sound = decoder.push(bytes)?;
        sound.extend(decoder.finish()?);
        Ok(sound)
    }

    fn sound() -> Vec<i16> {
        (0..24_000).map(|i| ((f64::from(i) * 0.11).sin() * 9000.0) as i16).collect()
    }

    fn raw(samples: &[i16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    #[test]
    fn splits_anywhere_give_the_same_sound() {
        for bytes in [raw(&sound()), wav_file(&sound(), 24_000), wav_file(&sound(), 22_050)] {
            let whole = decoded(24_000, &bytes).unwrap();
            let mut random = StdRng::seed_from_u64(5);
            for _ in 0..30 {
                let mut decoder = VoiceDecoder::new(24_000);
                let (mut rest, mut found) = (bytes.as_slice(), Vec::new());
                while !rest.is_empty() {
                    let most = rest.len().min(if random.random() { 3 } else { 3001 });
                    let (piece, left) = rest.split_at(random.random_range(1..=most));
                    found.extend(decoder.push(piece).unwrap());
                    rest = left;
                }
                found.extend(decoder.finish().unwrap());
                assert!(found == whole);
            }
        }
    }

    #[test]
    fn a_header_is_believed_and_not_played() {
        assert_eq!(decoded(24_000, &wav_file(&sound(), 24_000)).unwrap(), decoded(24_000, &raw(&sound())).unwrap());
        assert_eq!(decoded(24_000, &wav_file(&sound(), 16_000)).unwrap(), sound(), "16 kHz passes unchanged");
        assert_eq!(decoded(24_000, &wav_file(&sound(), 48_000)).unwrap().len(), 8_000);
    }

    #[test]
    fn what_streaming_servers_write_is_understood() {
        for size in [0u32, u32::MAX, 0x7fff_ffff] {
            let mut file = wav_file(&sound(), 16_000);
            file[40..44].copy_from_slice(&size.to_le_bytes());
            assert_eq!(decoded(24_000, &file).unwrap(), sound());
        }
        // A chunk before the samples and one after them, as ffmpeg and sox write them.
        let mut file = wav_file(&sound(), 16_000);
        file.splice(36..36, *b"LIST\x05\0\0\0INFOx\0");
        file.extend_from_slice(b"LIST\x04\0\0\0INFO");
        assert_eq!(decoded(24_000, &file).unwrap(), sound());
    }

    #[test]
    fn two_channels_are_mixed() {
        let stereo: Vec<i16> = sound().iter().flat_map(|sample| [*sample, 0]).collect();
        let mut file = wav_file(&stereo, 16_000);
        file[22] = 2;
        let half: Vec<i16> = sound().iter().map(|sample| sample / 2).collect();
        assert_eq!(decoded(24_000, &file).unwrap(), half);
    }

    #[test]
    fn other_formats_are_named_rather_than_played() {
        assert_eq!(decoded(24_000, b"ID3\x04\0\0\0\0\0\0\0\0\0\0"), Err(NoSound::OtherFormat("mp3")));
        assert_eq!(decoded(24_000, b"OggS\0\0\0\0\0\0\0\0\0\0"), Err(NoSound::OtherFormat("ogg")));
        assert_eq!(decoded(24_000, b"{\"error\":\"no voice\"}"), Err(NoSound::OtherFormat("JSON")));
        let mut float = wav_file(&sound(), 16_000);
        float[20] = 3;
        assert_eq!(decoded(24_000, &float), Err(NoSound::OtherWav));
        assert_eq!(decoded(24_000, &wav_file(&sound(), 1)), Err(NoSound::OddRate(OddRate(1))));
        assert_eq!(decoded(24_000, &wav_file(&sound(), 16_000)[..30]), Err(NoSound::OtherWav));
    }

    #[test]
    fn any_bytes_are_survived() {
        let mut random = StdRng::seed_from_u64(6);
        for _ in 0..500 {
            let mut file = wav_file(&sound()[..200], 24_000);
            for _ in 0..random.random_range(1..12) {
                let place = random.random_range(8..file.len());
                file[place] = random.random();
            }
            let _ = decoded(24_000, &file[..random.random_range(0..file.len())]);
        }
        assert!(decoded(24_000, b"").unwrap().is_empty());
        assert!(decoded(24_000, b"\x01").unwrap().is_empty());
    }
}
