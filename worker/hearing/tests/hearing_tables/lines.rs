//! Filters between the callee and us, and the codecs of [`offhook_media`] there and back.

use offhook_media::{
    CodecName,
    codec::{Decoder, Encoder, EncoderSettings},
};
use offhook_test_sounds::{brick_wall, handset, high_pass, low_pass};
use offhook_types::audio::FRAME_SAMPLES;

type Filter = fn(&[i16]) -> Vec<i16>;

pub const FILTERS: [(&str, Filter); 9] = [
    ("none", <[i16]>::to_vec),
    ("200 Hz, 4th order", |sound| high_pass(sound, 200.0, 4)),
    ("200 Hz, 20th order", |sound| high_pass(sound, 200.0, 20)),
    ("300 Hz, 4th order", |sound| high_pass(sound, 300.0, 4)),
    ("300 Hz, 8th order", |sound| high_pass(sound, 300.0, 8)),
    ("300 Hz, 20th order", |sound| high_pass(sound, 300.0, 20)),
    ("300 Hz, 20th order, and 3400 Hz, 8th order", |sound| low_pass(&high_pass(sound, 300.0, 20), 3_400.0, 8)),
    ("brick wall, 300–3400 Hz", brick_wall),
    ("handset (ITU-T P.48)", handset),
];

/// What a codec makes of the sound, at 8 kHz also for Opus; as long as before.
pub fn through(codec: CodecName, sound: &[i16]) -> Vec<i16> {
    let settings = EncoderSettings { max_playback_rate: Some(8_000), ..EncoderSettings::default() };
    let (mut encoder, mut decoder) = (Encoder::new(codec, settings).unwrap(), Decoder::new(codec).unwrap());
    let (mut payloads, mut decoded) = (Vec::new(), Vec::new());
    for frame in sound.as_chunks::<FRAME_SAMPLES>().0 {
        encoder.encode(frame, 20, &mut payloads).unwrap();
        for payload in payloads.drain(..) {
            decoder.decode(&payload, &mut decoded).unwrap();
        }
    }
    decoded
}
