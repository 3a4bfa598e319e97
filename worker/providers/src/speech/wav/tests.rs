#![allow(clippy::unwrap_used)]

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::*;

fn decoded(rate: u32, bytes: &[u8]) -> Result<Vec<i16>, NoSound> {
    let mut decoder = VoiceDecoder::new(Raw::pcm(rate));
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
            let mut decoder = VoiceDecoder::new(Raw::pcm(24_000));
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
    assert_eq!(decoded(24_000, &float), Err(NoSound::OtherWav("samples of another width")));
    assert_eq!(decoded(24_000, &wav_file(&sound(), 1)), Err(NoSound::OddRate(OddRate(1))));
    assert_eq!(decoded(24_000, &wav_file(&sound(), 16_000)[..30]), Err(NoSound::NoFormat));
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

/// A WAV file of other samples: tag and bits of the format, and the samples' bytes.
fn other_wav(tag: u16, bits: u16, channels: u16, samples: &[u8]) -> Vec<u8> {
    let mut file = wav_file(&[], 16_000);
    file[20..22].copy_from_slice(&tag.to_le_bytes());
    file[22..24].copy_from_slice(&channels.to_le_bytes());
    file[32..34].copy_from_slice(&(channels * bits / 8).to_le_bytes());
    file[34..36].copy_from_slice(&bits.to_le_bytes());
    file[40..44].copy_from_slice(&(samples.len() as u32).to_le_bytes());
    file.extend_from_slice(samples);
    file
}

/// Cut in three ways, with the same result.
fn decoded_in_pieces(bytes: &[u8]) -> Result<Vec<i16>, NoSound> {
    let whole = decoded(24_000, bytes);
    for piece in [1, 7, 1000] {
        let mut decoder = VoiceDecoder::new(Raw::pcm(24_000));
        let mut sound = Vec::new();
        let found = bytes.chunks(piece).try_for_each(|piece| decoder.push(piece).map(|more| sound.extend(more)));
        let found = found.and_then(|()| decoder.finish()).map(|rest| [sound.clone(), rest].concat());
        assert!(found == whole, "in pieces of {piece}");
    }
    whole
}

#[test]
fn a_header_before_every_half_second_is_not_played() {
    let parts: Vec<&[i16]> = vec![&[100; 8_000], &[200; 8_000], &[300; 1_000]];
    let expected = parts.concat();
    for (size, odd) in [(None, false), (Some(0u32), false), (Some(u32::MAX), false), (Some(0x7fff_ffff), true), (None, true)] {
        let mut stream = Vec::new();
        for part in &parts {
            let mut file = wav_file(part, 16_000);
            if let Some(size) = size {
                file[40..44].copy_from_slice(&size.to_le_bytes());
            }
            stream.extend(file);
            if odd {
                stream.push(0);
            }
        }
        assert!(decoded_in_pieces(&stream).unwrap() == expected, "{size:?} {odd}");
    }
    // Raw samples at first, and chunks between the files.
    let mut stream = raw(&sound());
    stream.extend(wav_file(&sound(), 24_000));
    assert_eq!(decoded_in_pieces(&stream).unwrap().len(), 32_000);
    let mut stream = wav_file(parts[0], 16_000);
    stream.extend_from_slice(b"LIST\x04\0\0\0INFO");
    stream.extend(wav_file(parts[1], 16_000));
    stream.extend_from_slice(b"LIST\x04\0\0\0INFO");
    assert!(decoded_in_pieces(&stream).unwrap() == parts[..2].concat());
    // Files of another rate, one after another.
    let mut stream = wav_file(&sound(), 24_000);
    stream.extend(wav_file(&sound()[..16_000], 16_000));
    assert_eq!(decoded_in_pieces(&stream).unwrap().len(), 32_000);
}

#[test]
fn a_length_that_is_that_of_the_first_packet_loses_nothing() {
    let mut file = wav_file(&sound(), 16_000);
    file[40..44].copy_from_slice(&4_096u32.to_le_bytes());
    assert!(decoded_in_pieces(&file).unwrap() == sound());
    // An odd one: the writer counted something else.
    let mut file = wav_file(&sound(), 16_000);
    file[40..44].copy_from_slice(&48_001u32.to_le_bytes());
    assert!(decoded_in_pieces(&file).unwrap() == sound());
}

#[test]
fn samples_of_other_kinds_are_the_same_sound() {
    let sound = sound();
    let wide = |bytes: fn(i16) -> Vec<u8>| sound.iter().flat_map(|sample| bytes(*sample)).collect::<Vec<u8>>();
    let exact = [
        (1, 16, wide(|sample| sample.to_le_bytes().to_vec())),
        (1, 24, wide(|sample| (i32::from(sample) << 8).to_le_bytes()[..3].to_vec())),
        (1, 32, wide(|sample| (i32::from(sample) << 16).to_le_bytes().to_vec())),
        (3, 32, wide(|sample| (f32::from(sample) / 32_768.0).to_le_bytes().to_vec())),
        (3, 64, wide(|sample| (f64::from(sample) / 32_768.0).to_le_bytes().to_vec())),
    ];
    for (tag, bits, bytes) in &exact {
        assert!(decoded_in_pieces(&other_wav(*tag, *bits, 1, bytes)).unwrap() == sound, "{tag} {bits}");
        // The same in an extended header, whose format is in its GUID.
        let mut extended = other_wav(0xfffe, *bits, 1, bytes);
        let mut more = vec![22, 0, *bits as u8, 0, 4, 0, 0, 0];
        more.extend(tag.to_le_bytes());
        more.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        extended.splice(36..36, more);
        extended[16..20].copy_from_slice(&40u32.to_le_bytes());
        assert!(decoded_in_pieces(&extended).unwrap() == sound, "extended {tag} {bits}");
    }
    let close =
        |found: &[i16], within: i16| found.len() == sound.len() && found.iter().zip(&sound).all(|(a, b)| (a - b).abs() <= within);
    assert!(close(&decoded_in_pieces(&other_wav(1, 8, 1, &wide(|sample| vec![((sample >> 8) + 128) as u8]))).unwrap(), 256));
    let nearest = |coding: crate::speech::coding::Coding| {
        let table: Vec<i16> = (0..=255u8).map(|byte| coding.sample(&[byte])).collect();
        sound
            .iter()
            .map(|sample| (0..256).min_by_key(|at| (i32::from(table[*at]) - i32::from(*sample)).abs()).unwrap() as u8)
            .collect::<Vec<u8>>()
    };
    assert!(close(&decoded_in_pieces(&other_wav(7, 8, 1, &nearest(Coding::MuLaw))).unwrap(), 300));
    assert!(close(&decoded_in_pieces(&other_wav(6, 8, 1, &nearest(Coding::ALaw))).unwrap(), 300));
    for (tag, bits, named) in [(2, 4, "ADPCM"), (0x55, 0, "MPEG"), (1, 12, "width"), (0x7777, 16, "unknown")] {
        let error = decoded(24_000, &other_wav(tag, bits, 1, &[0; 64])).unwrap_err();
        assert!(error.to_string().contains(named), "{error}");
    }
}

/// An MPEG 2 frame of layer 3, 32 kbit/s at 24 kHz: 96 bytes; an AAC frame of 64 bytes.
fn frames(count: usize, aac: bool) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(9);
    let mut stream = Vec::new();
    for _ in 0..count {
        let head: &[u8] = if aac { &[0xff, 0xf1, 0x50, 0x80, 0x08, 0x1f, 0xfc] } else { &[0xff, 0xf3, 0x44, 0xc4] };
        stream.extend_from_slice(head);
        stream.extend((head.len()..if aac { 64 } else { 96 }).map(|_| random.random_range(0..250u8)));
    }
    stream
}

#[test]
fn compressed_sound_is_named_whatever_it_is_announced_as() {
    for (bytes, name) in [
        (frames(40, false), "mp3"),
        (frames(2, false), "mp3"),
        (frames(40, true), "aac"),
        ([b"ID3\x04\0\0\0\0\0\0".to_vec(), frames(3, false)].concat(), "mp3"),
        ([b"fLaC".to_vec(), vec![0; 64]].concat(), "flac"),
        ([vec![0, 0, 0, 0x20], b"ftypM4A ".to_vec(), vec![0; 64]].concat(), "mp4"),
        ([vec![0x1a, 0x45, 0xdf, 0xa3], vec![0; 64]].concat(), "webm"),
        (b"<!DOCTYPE html><html><body>502</body></html>".to_vec(), "a page"),
        (b"  {\"detail\": \"no such voice\", \"x\": 1}".to_vec(), "JSON"),
        (b"Internal Server Error: no such voice".to_vec(), "text"),
        (b"data: {\"type\":\"speech.audio.delta\"}\n\n".to_vec(), "a stream of events"),
    ] {
        assert_eq!(decoded_in_pieces(&bytes), Err(NoSound::OtherFormat(name)));
    }
    // Samples that begin as a frame would are samples.
    let samples: Vec<i16> = [-3073, -15_292].into_iter().chain(sound()).collect();
    assert_eq!(decoded(16_000, &raw(&samples)).unwrap().len(), samples.len());
}
