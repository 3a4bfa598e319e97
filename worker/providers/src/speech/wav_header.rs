//! The header of a WAV file (RIFF, Microsoft/IBM 1991; WAVEFORMATEXTENSIBLE, Microsoft 2001). Pure.

use super::{coding::Coding, wav::NoSound};

/// Most channels of a voice.
const MOST_CHANNELS: u16 = 8;

/// What a header says of the samples behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Hz.
    pub(super) rate: u32,
    /// Samples of one moment.
    pub(super) channels: usize,
    pub(super) coding: Coding,
    /// Bytes of samples; `None` where the writer did not know.
    pub(super) bytes: Option<usize>,
}

/// Reads chunks up to the samples. Returns the header and its length; `None` where its end has not come yet.
pub(super) fn header(file: &[u8]) -> Result<Option<(Header, usize)>, NoSound> {
    let mut place = 12usize;
    let mut format = None;
    while let Some(chunk) = file.get(place..place.saturating_add(8)) {
        let size = u32::from_le_bytes([chunk[4], chunk[5], chunk[6], chunk[7]]) as usize;
        let body = place + 8;
        match &chunk[..4] {
            b"fmt " => {
                let Some(fields) = file.get(body..body.saturating_add(size.clamp(16, 40))) else { return Ok(None) };
                format = Some(shape(fields)?);
            }
            b"data" => {
                let (rate, channels, coding) = format.ok_or(NoSound::NoFormat)?;
                // A server that streams does not know the size and writes 0 or the largest number.
                let bytes = (size != 0 && size < 0x7fff_0000).then_some(size);
                return Ok(Some((Header { rate, channels, coding, bytes }, body)));
            }
            _ => {}
        }
        place = body.saturating_add(size).saturating_add(size % 2);
    }
    Ok(None)
}

fn shape(fields: &[u8]) -> Result<(u32, usize, Coding), NoSound> {
    let short = |at: usize| u16::from_le_bytes([fields[at], fields[at + 1]]);
    let rate = u32::from_le_bytes([fields[4], fields[5], fields[6], fields[7]]);
    let (tag, channels, block, bits) = (short(0), short(2), short(12), short(14));
    if !(1..=MOST_CHANNELS).contains(&channels) {
        return Err(NoSound::OtherWav("as many channels"));
    }
    // An extended header has the real tag at the start of its GUID; some writers leave the GUID out.
    let tag = match tag {
        0xfffe if fields.len() >= 26 => short(24),
        0xfffe => 1,
        tag => tag,
    };
    // Samples of 20 or 24 bits may lie in 32.
    let container = if block.is_multiple_of(channels) { (block / channels).saturating_mul(8) } else { 0 };
    let width = if container > bits && container <= 32 { container } else { bits };
    let coding = match (tag, width) {
        (1, 8) => Coding::Unsigned8,
        (1, 16) => Coding::Signed16,
        (1, 24) => Coding::Signed24,
        (1, 32) => Coding::Signed32,
        (3, 32) => Coding::Float32,
        (3, 64) => Coding::Float64,
        (6, _) => Coding::ALaw,
        (7, _) => Coding::MuLaw,
        (1 | 3, _) => return Err(NoSound::OtherWav("samples of another width")),
        (2 | 0x11, _) => return Err(NoSound::OtherWav("ADPCM")),
        (0x50 | 0x55, _) => return Err(NoSound::OtherWav("MPEG")),
        (0x31, _) => return Err(NoSound::OtherWav("GSM")),
        (0xff | 0x1610, _) => return Err(NoSound::OtherWav("AAC")),
        _ => return Err(NoSound::OtherWav("an unknown coding")),
    };
    Ok((rate, usize::from(channels), coding))
}
