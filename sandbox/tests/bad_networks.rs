//! Words that a restaurant says, over networks from good to bad, in every codec: how many survive, and what concealment is worth.
//! The levels asserted here are those of the table in docs/media.md. `cargo nextest run --test bad_networks --no-capture` prints
//! what was measured.
#![allow(clippy::unwrap_used)]

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{LazyLock, Mutex},
    time::Duration,
};

use offhook::{language::Language, report::MediaReport};
use offhook_media::{
    CodecName, MediaEvent, Negotiated,
    codec::{Encoder, EncoderSettings},
    dtmf::DtmfSender,
    line::{Line, Port},
    playout::Playout,
    rtp::Outgoing,
};
use offhook_sandbox::{
    network::{Link, UnderWay, Weather},
    recogniser::{
        Recogniser,
        vocabulary::{Phrase, Vocabulary},
    },
    sound::resample::resample_i16,
    voice::{
        cast::CastVoice,
        espeak::{Manner, speak_each},
    },
};
use offhook_types::{
    audio::{FRAME_SAMPLES, level_dbfs},
    ids::SentenceId,
};

/// A network and what is promised over it: words understood at least, per cent (G.711, G.722, Opus), sound concealed at most,
/// per cent, and the delay that the jitter buffer adds at most, ms.
struct Level {
    network: &'static str,
    weather: Weather,
    words: [u32; 3],
    concealed: u32,
    added_ms: u32,
}

const CODECS: [CodecName; 3] = [CodecName::Pcma, CodecName::G722, CodecName::Opus];

const LEVELS: [Level; 10] = [
    level("good", Weather::FAIR, [99, 99, 99], 1, 40),
    level("1 % lost", Weather { loss: 0.01, ..Weather::FAIR }, [99, 99, 99], 3, 40),
    level("5 % lost", Weather { loss: 0.05, ..Weather::FAIR }, [97, 97, 97], 8, 40),
    level("10 % lost", Weather { loss: 0.1, ..Weather::FAIR }, [95, 95, 95], 14, 40),
    level("5 % lost in bursts of 3", Weather { loss: 0.05, burst: 3.0, ..Weather::FAIR }, [95, 95, 95], 9, 40),
    level("20 % lost in bursts of 3", Weather { loss: 0.2, burst: 3.0, ..Weather::FAIR }, [90, 90, 90], 26, 40),
    level("60 ms jitter", Weather { jitter_ms: 60, ..Weather::FAIR }, [97, 97, 97], 3, 70),
    level("5 % out of order", Weather { disorder: 0.05, ..Weather::FAIR }, [97, 97, 97], 4, 80),
    level("5 % doubled", Weather { doubled: 0.05, ..Weather::FAIR }, [99, 99, 99], 1, 40),
    level(
        "all of it",
        Weather { loss: 0.05, burst: 2.0, delay_ms: 80, jitter_ms: 60, disorder: 0.02, doubled: 0.02 },
        [90, 90, 90],
        12,
        110,
    ),
];

const fn level(network: &'static str, weather: Weather, words: [u32; 3], concealed: u32, added_ms: u32) -> Level {
    Level { network, weather, words, concealed, added_ms }
}

/// Phrases of each language.
const PHRASES: usize = 6;
/// Silence around a phrase, in samples of 16 kHz.
const GAP: usize = 12_800;
/// The level speech has on the line.
const SPEECH_DBFS: f32 = -23.0;

static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
    Vocabulary::from_file(&PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/restaurant_phrases.toml")).unwrap()
});

static RECOGNISER: LazyLock<Recogniser> = LazyLock::new(|| {
    let cache = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("templates");
    Recogniser::build(VOCABULARY.clone(), &cache).unwrap()
});

/// What the restaurant says, and where each phrase begins and ends.
struct Speech {
    samples: Vec<i16>,
    phrases: Vec<(&'static Phrase, std::ops::Range<usize>)>,
}

static SPEECH: LazyLock<Speech> = LazyLock::new(|| {
    let mut speech = Speech { samples: vec![0; GAP], phrases: vec![] };
    for (voice, language) in Language::ALL.into_iter().enumerate() {
        let known = VOCABULARY.phrases.iter().filter(|phrase| phrase.language == language);
        let phrases: Vec<&Phrase> = known.step_by(40 / PHRASES).take(PHRASES).collect();
        let voice = CastVoice::restaurant(language, voice + 1);
        let manner = Manner { voice: voice.espeak_name(), words_a_minute: voice.timbre.speed, pitch: voice.timbre.pitch };
        let words: Vec<&str> = phrases.iter().map(|phrase| phrase.spoken.as_str()).collect();
        for (phrase, sound) in phrases.iter().zip(speak_each(&manner, &words, Duration::from_secs(60)).unwrap()) {
            let sound = resample_i16(&sound.samples, sound.rate, 16_000);
            let gain = 10f32.powf((SPEECH_DBFS - level_dbfs(&sound)) / 20.0);
            let begin = speech.samples.len();
            speech.samples.extend(sound.iter().map(|sample| (f32::from(*sample) * gain) as i16));
            speech.phrases.push((phrase, begin..speech.samples.len()));
            speech.samples.extend([0; GAP]);
        }
    }
    speech
});

type Network = UnderWay<(Port, Vec<u8>)>;

struct End {
    line: Line,
    playout: Playout,
    heard: Vec<i16>,
}

impl End {
    fn new(codec: CodecName, remote: SocketAddr) -> Self {
        let encoder = EncoderSettings { forward_error_correction: true, ..EncoderSettings::default() };
        let negotiated = Negotiated {
            codec,
            payload_type: 96,
            remote,
            telephone_event: None,
            telephone_event_clock: 8000,
            can_send: true,
            can_receive: true,
            packet_ms: 20,
            receive: vec![(96, codec)],
            receive_events: vec![],
            encoder,
            crypto: None,
        };
        let line = Line::new(Outgoing::new(7, 1, 1), &negotiated, Encoder::new(codec, encoder).unwrap(), 0);
        End { line, playout: Playout::default(), heard: vec![] }
    }

    fn tick(&mut self, now_us: u64, network: &mut Network) {
        let spoken = self.line.speak(&mut self.playout, &mut DtmfSender::default());
        let (mut events, mut datagrams): (Vec<MediaEvent>, _) = (vec![], vec![]);
        let heard = self.line.tick(spoken, &mut events, &mut datagrams);
        self.heard.extend_from_slice(&heard);
        datagrams.into_iter().for_each(|datagram| network.send(now_us, (Port::Sound, datagram)));
        self.line.upkeep(now_us).into_iter().for_each(|sent| network.send(now_us, (sent.port, sent.datagram)));
    }
}

/// What came out at the other end.
struct Measured {
    report: MediaReport,
    frames: u64,
    heard: Vec<i16>,
}

/// The restaurant speaks through the network to us; reports go both ways.
fn carry(codec: CodecName, weather: Weather, concealment: bool) -> Measured {
    let (here, there) = (SocketAddr::from(([127, 0, 0, 1], 4000)), SocketAddr::from(([127, 0, 0, 1], 5000)));
    let (mut us, mut restaurant) = (End::new(codec, there), End::new(codec, here));
    if !concealment {
        us.line.leave_holes();
    }
    restaurant.playout.play(SentenceId { generation: 1, index: 0 }, SPEECH.samples.clone(), true).unwrap();
    let (mut to_us, mut from_us): (Network, Network) =
        (UnderWay::new(Link::new(weather, 11)), UnderWay::new(Link::new(weather, 12)));
    let ticks = (SPEECH.samples.len() / FRAME_SAMPLES) as u64 + 40;
    let mut events = vec![];
    for now_us in (0..ticks).map(|tick| tick * 20_000) {
        for (end, network, from) in [(&mut us, &mut to_us, there), (&mut restaurant, &mut from_us, here)] {
            for (at, (port, datagram)) in network.arrived(now_us) {
                match port {
                    Port::Sound => end.line.receive(from, &datagram, at, &mut events),
                    Port::Control => end.line.receive_control(SocketAddr::new(from.ip(), from.port() + 1), &datagram, at),
                }
            }
        }
        restaurant.tick(now_us, &mut to_us);
        us.tick(now_us, &mut from_us);
    }
    Measured { report: us.line.report(), frames: ticks, heard: us.heard }
}

/// The share of words that were understood, in per cent.
fn words_understood(heard: &[i16]) -> f32 {
    let (mut all, mut understood) = (0, 0);
    for (phrase, place) in &SPEECH.phrases {
        // It comes later than it was said, by what network and buffer take.
        let cut = place.start.saturating_sub(GAP / 4)..(place.end + GAP * 3 / 4).min(heard.len());
        let recognised = RECOGNISER.recognise(&heard[cut], 16_000, None).text;
        all += phrase.text.split_whitespace().count();
        understood += in_order(&phrase.text, &recognised);
    }
    understood as f32 * 100.0 / all as f32
}

/// Words of the one that are in the other, in the same order.
fn in_order(said: &str, heard: &str) -> usize {
    let (said, heard): (Vec<&str>, Vec<&str>) = (said.split_whitespace().collect(), heard.split_whitespace().collect());
    let mut longest = vec![0; heard.len() + 1];
    for word in said {
        let mut diagonal = 0;
        for (index, other) in heard.iter().enumerate() {
            let above = longest[index + 1];
            longest[index + 1] = if word == *other { diagonal + 1 } else { above.max(longest[index]) };
            diagonal = above;
        }
    }
    longest[heard.len()]
}

/// The share of frames with speech in them that are more than 6 dB louder or softer than over the good network, in per cent.
fn damaged(clean: &[i16], heard: &[i16]) -> f32 {
    let levels = |sound: &[i16]| -> Vec<f32> { sound.chunks(FRAME_SAMPLES).map(level_dbfs).collect() };
    let (clean, heard) = (levels(clean), levels(heard));
    let (mut all, mut wrong) = (0, 0);
    for (_, place) in &SPEECH.phrases {
        let frames = (place.start / FRAME_SAMPLES)..(place.end / FRAME_SAMPLES + 6).min(clean.len());
        let speech: Vec<usize> = frames.filter(|frame| clean[*frame] > -45.0).collect();
        // The delay is another in every phrase: the one at which most frames fit.
        let wrong_by = |shift: usize| {
            let differs = |frame: &&usize| heard.get(**frame + shift).is_none_or(|level| (level - clean[**frame]).abs() > 6.0);
            speech.iter().filter(differs).count()
        };
        all += speech.len();
        wrong += (0..16).map(wrong_by).min().unwrap();
    }
    wrong as f32 * 100.0 / all as f32
}

/// Prints rows one at a time.
static PRINTING: Mutex<()> = Mutex::new(());

fn words_survive_in(place: usize) {
    let codec = CODECS[place];
    let clean = carry(codec, Weather::FAIR, true).heard;
    let mut broken = vec![];
    for Level { network, weather, words, concealed, added_ms } in &LEVELS {
        let Measured { report, frames, heard } = carry(codec, *weather, true);
        let understood = words_understood(&heard);
        let holes = carry(codec, *weather, false).heard;
        let without = words_understood(&holes);
        let (damage, damage_without) = (damaged(&clean, &heard), damaged(&clean, &holes));
        let made_up = report.frames_concealed as f32 * 100.0 / frames as f32;
        let (buffer, mos) = (report.buffer_ms.unwrap(), report.mos.unwrap());
        let row = format!(
            "| {network} | {codec:?} | {made_up:.1} | {buffer:.0} | {mos:.1} | {damage:.1} / {damage_without:.1} | {understood:.0} / {without:.0} |"
        );
        {
            let _one = PRINTING.lock().unwrap();
            println!("{row}");
        }
        let kept = understood >= words[place] as f32 && made_up <= *concealed as f32 && buffer <= *added_ms as f32;
        // What concealment buys, where much is lost: most of a single frame, less of a burst, which it lets fade.
        let share = if weather.burst > 1.0 { 0.8 } else { 0.6 };
        let kept = kept && (weather.loss < 0.05 || damage <= damage_without * share);
        if !kept {
            broken.push(row);
        }
        assert_eq!(report.packets_refused, 0);
    }
    assert!(broken.is_empty(), "not as promised: {broken:#?}");
}

#[test]
fn words_survive_bad_networks_in_g711() {
    words_survive_in(0);
}

#[test]
fn words_survive_bad_networks_in_g722() {
    words_survive_in(1);
}

#[test]
fn words_survive_bad_networks_in_opus() {
    words_survive_in(2);
}

#[test]
fn the_levels_are_those_of_the_documentation() {
    let text = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/media.md")).unwrap();
    for Level { network, words: [g711, g722, opus], concealed, added_ms, .. } in &LEVELS {
        let row = format!("| {network} | {g711} / {g722} / {opus} | {concealed} | {added_ms} |");
        assert!(text.contains(&row), "docs/media.md lacks {row}");
    }
}
