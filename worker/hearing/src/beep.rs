//! The voicemail's tone: one steady sine between 300 and 2500 Hz, 150 ms to 2 s long, and then quiet.
//!
//! What tells it from the other tones of a telephone line (ITU-T E.180 supplement 2 lists them by country):
//! * DTMF, American and British ringback are two sines: one of them holds too little of the energy, or the level beats.
//! * Busy and ringback repeat. Where the frequency is one that exchanges use, the verdict waits until the longest cadence
//!   would have repeated.
//! * The special information tone (E.180 §5) and melodies are tones right after another: only the first counts, and only
//!   if quiet follows it.
//! * Speech holds no single sine for 150 ms.

use std::f32::consts::PI;

use offhook_types::{
    audio::{FRAME_MS, Frame, MediaTime, level_dbfs},
    tone::{goertzel, power},
};

/// The tone's frequency, Hz.
const FREQUENCIES: std::ops::RangeInclusive<f32> = 300.0..=2500.0;
/// Frames of tone: 150 ms is at least six whole frames, 2 s and the two frames at its ends at most 102.
const TONE_FRAMES: std::ops::RangeInclusive<u32> = 6..=102;
/// Share of a frame's energy that the sine must hold: 10 dB above everything else.
const PURITY: f32 = 0.9;
/// A tone below this is crosstalk, dBFS.
const TONE_DBFS: f32 = -42.0;
/// How far the frequency may be from the tone's mean, as a share of it.
const STEADY_FREQUENCY: f32 = 0.02;
/// How far a frame's level may be from the one before, dB.
const STEADY_DB: f32 = 5.0;
/// Frames in which the tone may fade, echo, or be cut off in mid-frame.
const FADING_FRAMES: u32 = 3;
/// Frames of quiet after it before the verdict.
const QUIET_FRAMES: u32 = 8;
/// Quiet is so far below the tone, dB…
const QUIET_BELOW_DB: f32 = 18.0;
/// …or below this, dBFS.
const QUIET_DBFS: f32 = -50.0;
/// After a tone, another one is not a voicemail's for so long; and so long the verdict waits at an exchange's frequency.
/// The longest pause of a ringback in E.180's list is 5 s (with 4 s the rule).
const CADENCE_MS: u64 = 5_200;
/// Frequencies exchanges use for ringback, busy and congestion, Hz.
const EXCHANGE_TONES: [(f32, f32); 2] = [(390.0, 490.0), (610.0, 630.0)];

/// Finds the tone, frame by frame.
#[derive(Debug, Default)]
pub struct BeepDetector {
    state: State,
    /// When the last tone of any kind ended.
    last_tone: Option<MediaTime>,
}

#[derive(Debug, Clone, Copy, Default)]
enum State {
    #[default]
    Listening,
    Tone(Tone),
    /// The tone is over; so many frames since, of which so many were quiet.
    After {
        tone: Tone,
        frames: u32,
        quiet: u32,
    },
}

#[derive(Debug, Clone, Copy)]
struct Tone {
    hz: f32,
    dbfs: f32,
    frames: u32,
    ended: MediaTime,
    /// Another tone was heard shortly before.
    follows_another: bool,
}

/// The strongest sine of a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sine {
    hz: f32,
    /// Its share of the frame's energy, 0 to 1.
    share: f32,
}

impl BeepDetector {
    /// Takes the frame that begins `at`. Returns when a voicemail's tone ended: 160 ms ago, or 5.2 s where the tone could
    /// have been an exchange's.
    pub fn hear(&mut self, at: MediaTime, frame: &Frame) -> Option<MediaTime> {
        let dbfs = level_dbfs(frame);
        let sine = (dbfs >= TONE_DBFS).then(|| strongest_sine(frame)).filter(|sine| sine.share >= PURITY);
        match (self.state, sine) {
            (State::Tone(tone), Some(sine)) if tone.goes_on(sine, dbfs) => self.state = State::Tone(tone.longer(at, sine, dbfs)),
            (State::Tone(tone), _) => self.tone_ended(tone, dbfs),
            (State::After { tone, frames, quiet }, _) => return self.after(at, tone, frames + 1, quiet, dbfs, sine),
            (State::Listening, Some(sine)) => self.state = State::Tone(self.tone_begins(at, sine, dbfs)),
            (State::Listening, None) => {}
        }
        None
    }

    fn tone_begins(&self, at: MediaTime, sine: Sine, dbfs: f32) -> Tone {
        let follows_another = self.last_tone.is_some_and(|last| at.since(last) < CADENCE_MS);
        Tone { hz: sine.hz, dbfs, frames: 1, ended: MediaTime(at.0 + FRAME_MS), follows_another }
    }

    fn tone_ended(&mut self, tone: Tone, dbfs: f32) {
        if tone.frames < *TONE_FRAMES.start() {
            self.state = State::Listening; // a moment of a vowel
            return;
        }
        self.last_tone = Some(tone.ended);
        self.state = State::After { tone, frames: 1, quiet: u32::from(is_quiet(tone, dbfs)) };
    }

    fn after(&mut self, at: MediaTime, tone: Tone, frames: u32, quiet: u32, dbfs: f32, sine: Option<Sine>) -> Option<MediaTime> {
        if !is_quiet(tone, dbfs) && (quiet > 0 || frames > FADING_FRAMES) {
            // Something follows: speech, music, or the next tone.
            self.state = sine.map_or(State::Listening, |sine| State::Tone(self.tone_begins(at, sine, dbfs)));
            return None;
        }
        let quiet = quiet + u32::from(is_quiet(tone, dbfs));
        self.state = State::After { tone, frames, quiet };
        if u64::from(quiet) * FRAME_MS < tone.patience_ms() {
            return None;
        }
        self.state = State::Listening;
        let fits = FREQUENCIES.contains(&tone.hz) && TONE_FRAMES.contains(&tone.frames) && !tone.follows_another;
        fits.then_some(tone.ended)
    }
}

impl Tone {
    fn goes_on(&self, sine: Sine, dbfs: f32) -> bool {
        (sine.hz - self.hz).abs() <= STEADY_FREQUENCY * self.hz && (dbfs - self.dbfs).abs() <= STEADY_DB
    }

    fn longer(self, at: MediaTime, sine: Sine, dbfs: f32) -> Tone {
        let frames = self.frames + 1;
        let hz = self.hz + (sine.hz - self.hz) / frames.min(8) as f32;
        Tone { hz, dbfs, frames, ended: MediaTime(at.0 + FRAME_MS), ..self }
    }

    /// How long quiet must last before the verdict.
    fn patience_ms(&self) -> u64 {
        let exchange = EXCHANGE_TONES.iter().any(|(from, to)| (*from..=*to).contains(&self.hz));
        if exchange { CADENCE_MS } else { u64::from(QUIET_FRAMES) * FRAME_MS }
    }
}

fn is_quiet(tone: Tone, dbfs: f32) -> bool {
    dbfs <= (tone.dbfs - QUIET_BELOW_DB).max(QUIET_DBFS)
}

/// A bank of Goertzel filters at 8 kHz, 50 Hz apart, finds the strongest; the phase between the frame's halves tells its
/// frequency to a few Hz; one more filter there tells its energy.
fn strongest_sine(frame: &Frame) -> Sine {
    const HALF: usize = 80;
    const STEP_HZ: f32 = 50.0;
    // The mean of neighbours is low-pass enough: nothing above 5.5 kHz is loud on a telephone.
    let mut narrow = [0f32; 2 * HALF];
    for (place, pair) in narrow.iter_mut().zip(frame.chunks_exact(2)) {
        *place = (f32::from(pair[0]) + f32::from(pair[1])) / 2.0;
    }
    let energy: f32 = narrow.iter().map(|x| x * x).sum();
    let bank = (5..=52).map(|step| step as f32 * STEP_HZ);
    let (coarse, _) = bank
        .map(|hz| (hz, power(goertzel(&narrow, hz, 8_000.0))))
        .fold((0.0, 0.0), |best, next| if next.1 > best.1 { next } else { best });
    if coarse == 0.0 || energy == 0.0 {
        return Sine { hz: 0.0, share: 0.0 };
    }
    let (first, second) = (goertzel(&narrow[..HALF], coarse, 8_000.0), goertzel(&narrow[HALF..], coarse, 8_000.0));
    // A filter that starts 10 ms later sees the phase of the difference to its own frequency (a multiple of 50 Hz turns by
    // a multiple of half a turn in 10 ms).
    let turned = PI * (coarse / STEP_HZ).rem_euclid(2.0);
    let phase = (second.1.atan2(second.0) - first.1.atan2(first.0) - turned + 3.0 * PI).rem_euclid(2.0 * PI) - PI;
    let hz = coarse + phase / (2.0 * PI * 0.01);
    let share = 2.0 * power(goertzel(&narrow, hz, 8_000.0)) / (energy * narrow.len() as f32);
    Sine { hz, share: share.min(1.0) }
}

#[cfg(test)]
mod tests {
    use offhook_test_sounds::{at_level, mix, music, pad, repeat, silence, speech, telephone, tones, white_noise};
    use offhook_types::audio::FRAME_SAMPLES;

    use super::*;

    /// The moments at which tones ended, and when that was known.
    fn beeps(sound: &[i16]) -> Vec<(u64, u64)> {
        let mut detector = BeepDetector::default();
        let frames = sound.as_chunks::<FRAME_SAMPLES>().0.iter().enumerate().map(|(i, frame)| (i as u64 * FRAME_MS, frame));
        frames.filter_map(|(at, frame)| detector.hear(MediaTime(at), frame).map(|end| (end.0, at + FRAME_MS))).collect()
    }

    fn on_the_line(sound: &[i16]) -> Vec<i16> {
        telephone(&mix(sound, &white_noise(sound.len(), -55.0, 1)))
    }

    #[test]
    fn the_frequency_is_measured_to_a_few_hertz() {
        for hz in [310.0f32, 333.0, 437.0, 800.0, 987.0, 1000.0, 1024.0, 1411.0, 2020.0, 2475.0] {
            let sound = tones(&[hz], 20, -20.0);
            let sine = strongest_sine(sound.as_chunks::<FRAME_SAMPLES>().0.first().expect("one frame"));
            assert!((sine.hz - hz).abs() < 8.0, "{hz}: {sine:?}");
            assert!(sine.share > 0.95, "{hz}: {sine:?}");
        }
    }

    #[test]
    fn a_tone_and_then_quiet_is_a_beep() {
        for hz in [330.0, 520.0, 800.0, 1000.0, 1400.0, 2000.0, 2450.0] {
            for (ms, shift) in [(160, 0), (160, 7), (400, 3), (1000, 13), (1900, 11)] {
                let sound = on_the_line(&[silence(500 + shift), tones(&[hz], ms, -20.0), silence(1000)].concat());
                let found = beeps(&sound);
                let end = (500 + shift + ms) as u64;
                assert_eq!(found.len(), 1, "{hz} Hz, {ms} ms");
                assert!(found[0].0.abs_diff(end) <= 30 && found[0].1 <= end + 260, "{hz} Hz, {ms} ms: {found:?}, not {end}");
            }
        }
    }

    #[test]
    fn a_tone_at_a_ringback_frequency_is_a_beep_once_it_did_not_repeat() {
        let found = beeps(&on_the_line(&[silence(500), tones(&[440.0], 600, -20.0), silence(6000)].concat()));
        assert_eq!(found.len(), 1);
        assert!(found[0].0.abs_diff(1100) <= 30 && found[0].1 < 6500);
    }

    #[test]
    fn tones_of_another_kind_are_not_beeps() {
        let cadence = |hz: &[f32], on, off| repeat(&[silence(300), tones(hz, on, -15.0), silence(off)].concat(), 30 * 16_000);
        let sit =
            [tones(&[950.0], 330, -15.0), tones(&[1400.0], 330, -15.0), tones(&[1800.0], 330, -15.0), silence(1000)].concat();
        let digits: Vec<i16> = [(697.0, 1209.0), (770.0, 1477.0), (941.0, 1336.0)]
            .iter()
            .flat_map(|(low, high)| [tones(&[*low, *high], 200, -12.0), silence(400)].concat())
            .collect();
        let cases: [(&str, Vec<i16>); 11] = [
            ("European ringback", cadence(&[425.0], 1000, 3700)),
            ("French ringback", cadence(&[440.0], 1500, 3200)),
            ("Swedish ringback", cadence(&[425.0], 1000, 4700)),
            ("American ringback", cadence(&[440.0, 480.0], 2000, 3700)),
            ("British ringback", cadence(&[400.0, 450.0], 400, 100)),
            ("busy", cadence(&[425.0], 480, 180)),
            ("American busy", cadence(&[480.0, 620.0], 500, 200)),
            ("DTMF", digits),
            ("special information tone", sit),
            ("a tone that is too long", [tones(&[1000.0], 4000, -15.0), silence(1000)].concat()),
            ("a tone that speech follows", [tones(&[1000.0], 400, -20.0), at_level(&speech("en", "Hello?"), -22.0)].concat()),
        ];
        for (name, sound) in cases {
            // The last tone of a cadence that is cut off is followed by nothing; the line goes on with it in reality.
            assert_eq!(beeps(&on_the_line(&sound)), [], "{name}");
        }
    }

    #[test]
    fn speech_music_and_noise_hold_no_beep() {
        let phrases = [
            ("en+f2", "Good evening, you are speaking with Anna, how can I help you? Mmm. Ooh, no. Hmm, one moment. Ah!"),
            ("en+m3", "Good evening, you are speaking with Tom, how can I help you? Mmm. Ooh, no. Hmm, one moment. Ah!"),
            (
                "de+f5",
                "Guten Tag, Restaurant zum goldenen Löwen, Sie sprechen mit Frau Müller. Hm. Oh. Ja, um sieben Uhr. Tut mir leid.",
            ),
            ("es+m1", "Buenas noches, restaurante el puerto, dígame. Uy, no. Mmm. A ver, un momento. Sí, a las nueve."),
            ("nl+f3", "Goedenavond, met restaurant de gouden leeuw. Oh. Nee hoor. Mmm. Even kijken. Ja, dat kan wel."),
        ];
        for (voice, text) in phrases {
            let clean = pad(&at_level(&speech(voice, text), -20.0), 300, 800);
            assert_eq!(beeps(&clean), [], "{voice} wideband");
            assert_eq!(beeps(&on_the_line(&clean)), [], "{voice} telephone");
        }
        assert_eq!(beeps(&music(20, 1)), []);
        assert_eq!(beeps(&white_noise(20 * 16_000, -20.0, 9)), []);
    }
}
