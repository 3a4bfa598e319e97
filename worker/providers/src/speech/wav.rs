//! Bytes of a voice to samples of the worker, cut anywhere: raw samples, or WAV files, one or several after another.

use super::{
    coding::{Coding, byte_order},
    formats::{Start, start},
    noise::NoiseDetector,
    wav_header::{Header, header},
};
use crate::resampling::{OddRate, Resampling, VOICE_RATE};

/// A WAV header longer than this is none.
const LONGEST_HEADER: usize = 64 * 1024;
/// Bytes of raw samples, none of them silent, that tell their byte order.
const TELLING: usize = 512;

/// What cannot be played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoSound {
    /// Neither raw samples nor WAV.
    #[error(
        "the voice is {0}, not pcm or wav: the server ignores response_format, use one that knows it, or set its default to wav"
    )]
    OtherFormat(&'static str),
    /// A WAV file of samples that are not decoded here.
    #[error("the voice is a WAV file with {0}: let the server write PCM of 8 to 32 bits, floats, or G.711")]
    OtherWav(&'static str),
    /// A WAV file whose samples come before their description, or not at all.
    #[error("the voice is a WAV file without a description of its samples: the server's writer is broken")]
    NoFormat,
    /// A rate no voice has.
    #[error(transparent)]
    OddRate(#[from] OddRate),
    /// Compressed or misread bytes, played as samples.
    #[error(
        "the voice is noise: its bytes are no samples of this kind; check the server's format and OFFHOOK_TTS_RATE, or let it send wav"
    )]
    Noise,
}

/// What a server says of raw samples, or we know of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw {
    /// Hz.
    pub rate: u32,
    /// Samples of one moment.
    pub channels: usize,
    /// How they are written. 16 bit ones are looked at: `audio/L16` is big-endian for some servers and not for others.
    pub coding: Coding,
}

impl Raw {
    /// 16 bit, little-endian, mono.
    pub fn pcm(rate: u32) -> Self {
        Raw { rate, channels: 1, coding: Coding::Signed16 }
    }
}

/// Takes a voice in pieces.
pub struct VoiceDecoder {
    raw: Raw,
    state: State,
    /// Bytes that cannot be told yet: the start, a header, half a sample.
    pending: Vec<u8>,
    noise: NoiseDetector,
    /// Sound that may still turn out to be noise.
    held: Vec<i16>,
    over: bool,
}

enum State {
    /// Nothing is known.
    Start,
    /// Raw samples, whose byte order is not known yet.
    Order(Box<Samples>),
    Samples(Box<Samples>),
    /// Behind as many samples as the header promised.
    Behind(Box<Samples>),
    /// Chunks that are no sound, until another file begins.
    Trailer(Box<Samples>),
}

struct Samples {
    resampling: Resampling,
    rate: u32,
    channels: usize,
    coding: Coding,
    /// Bytes of samples still to come. `None`: up to the next header, or the end.
    left: Option<usize>,
}

impl VoiceDecoder {
    /// Returns a reader for a stream whose samples, if it has no header, are these.
    pub fn new(raw: Raw) -> Self {
        VoiceDecoder {
            raw,
            state: State::Start,
            pending: Vec::new(),
            noise: NoiseDetector::new(raw.rate),
            held: Vec::new(),
            over: false,
        }
    }

    /// Takes the next bytes; returns what they hold at 16 kHz, possibly nothing yet.
    ///
    /// # Errors
    /// Where it shows that this cannot be played.
    pub fn push(&mut self, bytes: &[u8]) -> Result<Vec<i16>, NoSound> {
        self.pending.extend_from_slice(bytes);
        let mut sound = std::mem::take(&mut self.held);
        while self.step(&mut sound)? {}
        match self.noise.begins_loud() {
            Some(true) => Err(NoSound::Noise),
            Some(false) => Ok(sound),
            None => {
                self.held = sound;
                Ok(Vec::new())
            }
        }
    }

    /// Ends the stream; returns the rest.
    ///
    /// # Errors
    /// Where there was less than could be told apart and it cannot be played.
    pub fn finish(mut self) -> Result<Vec<i16>, NoSound> {
        self.over = true;
        let mut sound = std::mem::take(&mut self.held);
        while self.step(&mut sound)? {}
        if let State::Order(samples) | State::Samples(samples) | State::Behind(samples) | State::Trailer(samples) = self.state {
            sound.extend(samples.resampling.finish());
        }
        if self.noise.begins_loud() == Some(true) || self.noise.is_noise() { Err(NoSound::Noise) } else { Ok(sound) }
    }

    /// Reads the next stretch; returns whether there may be more to read.
    fn step(&mut self, sound: &mut Vec<i16>) -> Result<bool, NoSound> {
        match std::mem::replace(&mut self.state, State::Start) {
            State::Start => {
                if self.pending.is_empty() {
                    return Ok(false);
                }
                match start(&self.pending, self.over) {
                    Start::Unknown => return Ok(false),
                    Start::Wav => return self.file(None, sound),
                    Start::Other(name) => return Err(NoSound::OtherFormat(name)),
                    Start::Raw => {
                        let samples = Box::new(Samples::raw(self.raw)?);
                        let told = self.raw.coding.bytes() != 2 || self.raw.channels > 1;
                        self.state = if told { State::Samples(samples) } else { State::Order(samples) };
                    }
                }
                Ok(true)
            }
            State::Order(mut samples) => {
                // Silence is the same either way round, and is not waited for.
                let silent = self.pending.iter().take_while(|byte| **byte == 0).count() / 2 * 2;
                samples.take(&self.pending[..silent], &mut self.noise, sound);
                self.pending.drain(..silent);
                if self.pending.len() < TELLING && !self.over {
                    self.state = State::Order(samples);
                    return Ok(false);
                }
                // Where it cannot be told: most servers that say L16 mean their own processor's order.
                let told = byte_order(&self.pending[..self.pending.len().min(TELLING)]);
                samples.coding = told.unwrap_or(Coding::Signed16);
                self.state = State::Samples(samples);
                Ok(true)
            }
            State::Samples(mut samples) => {
                let next = next_file(&self.pending).filter(|(_, whole)| *whole || !self.over);
                let (end, file_follows) = next.unwrap_or((self.pending.len(), false));
                let taken = samples.take(&self.pending[..end], &mut self.noise, sound);
                self.pending.drain(..taken);
                if samples.left.is_some_and(|left| left < samples.frame()) {
                    self.state = State::Behind(samples);
                    return Ok(!self.pending.is_empty());
                }
                if file_follows {
                    // What is left before the header is half a sample.
                    self.pending.drain(..end - taken);
                    return self.file(Some(samples), sound);
                }
                self.state = State::Samples(samples);
                Ok(false)
            }
            State::Behind(mut samples) => {
                // A pad byte may follow, and half a sample that the length had room for.
                let half = samples.left.unwrap_or(0);
                if self.pending.len() < half + 1 + MARK.len() && !self.over {
                    self.state = State::Behind(samples);
                    return Ok(false);
                }
                self.pending.drain(..half.min(self.pending.len()));
                let padded = self.pending.first() == Some(&0);
                let next = &self.pending[usize::from(padded)..];
                if next_file(next) == Some((0, true)) || is_chunk(next) || is_chunk(&self.pending) || next.len() < 4 {
                    self.state = State::Trailer(samples);
                } else {
                    // Not what a file ends with: the length in the header was that of the first packet.
                    samples.left = None;
                    self.state = State::Samples(samples);
                }
                Ok(true)
            }
            State::Trailer(samples) => {
                if let Some((at, true)) = next_file(&self.pending) {
                    self.pending.drain(..at);
                    return self.file(Some(samples), sound);
                }
                // Up to what may be the start of another file.
                let keep = next_file(&self.pending).map_or(self.pending.len(), |(at, _)| at);
                self.pending.drain(..keep);
                self.state = State::Trailer(samples);
                Ok(false)
            }
        }
    }

    /// Takes a header off; the samples behind it go on as those before it, where they are of the same kind.
    fn file(&mut self, before: Option<Box<Samples>>, sound: &mut Vec<i16>) -> Result<bool, NoSound> {
        let Some((header, length)) = header(&self.pending)? else {
            if self.over && before.is_some() {
                // The stream broke off within a header.
                self.pending.clear();
                self.state = before.map_or(State::Start, State::Trailer);
                return Ok(false);
            }
            if self.over || self.pending.len() > LONGEST_HEADER {
                return Err(NoSound::NoFormat);
            }
            self.state = match before {
                Some(samples) => State::Samples(Box::new(Samples { left: None, ..*samples })),
                None => State::Start,
            };
            return Ok(false);
        };
        self.pending.drain(..length);
        let Header { rate, channels, coding, bytes } = header;
        let resampling = match before {
            Some(before) if before.rate == rate => before.resampling,
            before => {
                sound.extend(before.map(|before| before.resampling.finish()).unwrap_or_default());
                self.noise.at_rate(rate);
                Resampling::new(rate, VOICE_RATE)?
            }
        };
        self.state = State::Samples(Box::new(Samples { resampling, rate, channels, coding, left: bytes }));
        Ok(true)
    }
}

impl Samples {
    fn raw(raw: Raw) -> Result<Self, NoSound> {
        let Raw { rate, channels, coding } = raw;
        Ok(Samples { resampling: Resampling::new(rate, VOICE_RATE)?, rate, channels: channels.max(1), coding, left: None })
    }

    /// Bytes of one sample of all channels.
    fn frame(&self) -> usize {
        self.coding.bytes() * self.channels
    }

    /// Decodes whole samples of all channels; returns how many bytes that were.
    fn take(&mut self, bytes: &[u8], noise: &mut NoiseDetector, sound: &mut Vec<i16>) -> usize {
        let frame = self.frame();
        let most = self.left.map_or(bytes.len(), |left| left.min(bytes.len()));
        let whole = most - most % frame;
        let mixed: Vec<i16> = bytes[..whole]
            .chunks_exact(frame)
            .map(|group| {
                let sum: i32 = group.chunks_exact(self.coding.bytes()).map(|bytes| i32::from(self.coding.sample(bytes))).sum();
                (sum / self.channels as i32) as i16
            })
            .collect();
        noise.listen(&mixed);
        sound.extend(self.resampling.push(&mixed));
        if let Some(left) = &mut self.left {
            *left -= whole;
        }
        whole
    }
}

/// What a file begins with; the full stops are its length.
const MARK: &[u8] = b"RIFF....WAVE";

/// Where another file begins among samples, and whether all of what marks it has come.
fn next_file(bytes: &[u8]) -> Option<(usize, bool)> {
    let fits = |at: usize| {
        let rest = &bytes[at..bytes.len().min(at + MARK.len())];
        rest.iter().zip(MARK).all(|(byte, mark)| *mark == b'.' || byte == mark)
    };
    let at = (0..bytes.len()).find(|at| bytes[*at] == b'R' && fits(*at))?;
    Some((at, bytes.len() - at >= MARK.len()))
}

/// Whether this is the name of a chunk that stands behind samples.
fn is_chunk(bytes: &[u8]) -> bool {
    let Some(name) = bytes.get(..4) else { return false };
    let known: [&[u8]; 16] = [
        b"LIST", b"INFO", b"fact", b"cue ", b"smpl", b"bext", b"PEAK", b"JUNK", b"junk", b"PAD ", b"id3 ", b"ID3 ", b"iXML",
        b"_PMX", b"fmt ", b"data",
    ];
    known.contains(&name)
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
mod tests;
