//! Prints how well the recogniser hears: `cargo run --release -p offhook-sandbox --example recognition_table [EVERY]`.
//!
//! The voices are those of the restaurants and of the agent, none of them a template's; the line is G.711 with and without noise.
//! With EVERY, only every so many phrases are said.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use offhook::language::Language;
use offhook_sandbox::{
    recogniser::{
        Recogniser,
        vocabulary::{Phrase, Vocabulary},
    },
    sound::{
        Sound,
        line::{Noise, telephone},
        to_i16,
    },
    voice::{
        cast::{CAST, CastVoice, Role},
        espeak::{Manner, speak_each},
    },
};

const LINES: [(&str, Option<f32>); 3] = [("quiet", None), ("15 dB", Some(15.0)), ("10 dB", Some(10.0))];

fn main() {
    let every = std::env::args().nth(1).and_then(|every| every.parse().ok()).unwrap_or(1);
    let known = fixture("restaurant_phrases");
    let strange = said(&fixture("other_sentences"), 1);
    let times = Vocabulary::new(known.phrases.iter().chain(&fixture("times_of_day").phrases).cloned());
    let thousand = repeated(&times, 1_000);
    for (name, vocabulary) in [("restaurant phrases", known), ("and times of day", times), ("and courtesies", thousand)] {
        println!("\n{name}: {} phrases", vocabulary.phrases.len());
        // As many sayings for each vocabulary.
        let every = every * vocabulary.phrases.len().div_ceil(160);
        table(vocabulary, &strange, every);
    }
}

fn fixture(name: &str) -> Vocabulary {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/fixtures/{name}.toml"));
    Vocabulary::from_file(&path).expect("the fixture is part of the source")
}

/// So many phrases: these, and these again with a courtesy before them, for the cost of a large vocabulary.
fn repeated(vocabulary: &Vocabulary, count: usize) -> Vocabulary {
    let courtesy = |language: Language, round: usize| match language {
        Language::En => ["well then", "thank you for waiting"][round],
        Language::De => ["also gut", "danke fürs warten"][round],
        Language::Es => ["pues bien", "gracias por esperar"][round],
        Language::Nl => ["nou goed", "bedankt voor het wachten"][round],
    };
    let more = (0..2).flat_map(|round| {
        vocabulary.phrases.iter().map(move |phrase| {
            let text = format!("{} {}", courtesy(phrase.language, round), phrase.text);
            Phrase { language: phrase.language, spoken: text.clone(), text }
        })
    });
    Vocabulary::new(vocabulary.phrases.iter().cloned().chain(more).take(count))
}

/// A phrase said by a voice.
struct Saying {
    voice: &'static str,
    language: Language,
    text: String,
    sound: Sound,
}

/// Every so many of the phrases, in every voice that is not a template's.
fn said(vocabulary: &Vocabulary, every: usize) -> Vec<Saying> {
    let mut sayings = Vec::new();
    for timbre in CAST.iter().filter(|timbre| timbre.role != Role::Template) {
        for language in Language::ALL {
            let phrases: Vec<_> = vocabulary.phrases.iter().step_by(every).filter(|phrase| phrase.language == language).collect();
            let voice = CastVoice { language, timbre };
            let manner = Manner { voice: voice.espeak_name(), words_a_minute: timbre.speed, pitch: timbre.pitch };
            for batch in phrases.chunks(40) {
                let words: Vec<&str> = batch.iter().map(|phrase| phrase.spoken.as_str()).collect();
                let sounds = speak_each(&manner, &words, Duration::from_secs(60)).expect("espeak-ng is installed");
                sayings.extend(batch.iter().zip(sounds).map(|(phrase, sound)| Saying {
                    voice: timbre.variant,
                    language,
                    text: phrase.text.clone(),
                    sound,
                }));
            }
        }
    }
    sayings
}

#[derive(Default)]
struct Tally {
    all: usize,
    nearest: usize,
    phrase: usize,
    language: usize,
    rejected: usize,
    strangeness: Vec<f32>,
    distance: Vec<f32>,
}

impl Tally {
    fn print(&mut self, name: &str, line: &str) {
        let share = |count: usize| 100.0 * count as f64 / self.all.max(1) as f64;
        println!(
            "  {name:<14} {line:<6} {:>5} said: nearest {:6.2} %, phrase {:6.2} %, language {:6.2} %, rejected {:6.2} % | strangeness {} | distance {}",
            self.all,
            share(self.nearest),
            share(self.phrase),
            share(self.language),
            share(self.rejected),
            quantiles(&mut self.strangeness),
            quantiles(&mut self.distance),
        );
    }
}

fn quantiles(values: &mut [f32]) -> String {
    values.sort_by(f32::total_cmp);
    let at = |share: f64| values.get((values.len().saturating_sub(1) as f64 * share).round() as usize).copied().unwrap_or(0.0);
    [0.0, 0.01, 0.5, 0.99, 1.0].map(|share| format!("{:.3}", at(share))).join(" ")
}

fn table(vocabulary: Vocabulary, strange: &[Saying], every: usize) {
    let begun = std::time::Instant::now();
    let recogniser =
        Recogniser::build(vocabulary, &std::env::temp_dir().join("offhook-sandbox")).expect("espeak-ng is installed");
    println!("  built in {:.1} s", begun.elapsed().as_secs_f32());
    let (mut spent, mut heard) = (0.0, 0u32);
    let mut tallies: BTreeMap<(String, &str), Tally> = BTreeMap::new();
    let mut tell = |name: String, line: &'static str, language: Language, text: Option<&str>, sound: &Sound| {
        let tally = tallies.entry((name, line)).or_default();
        let begun = cpu();
        let found = recogniser.recognise(&sound.samples, sound.rate, None);
        spent += cpu() - begun;
        heard += 1;
        let nearest = recogniser.nearest_phrase(&sound.samples, sound.rate, None);
        tally.all += 1;
        let text_of = |phrase: usize| recogniser.vocabulary().phrases[phrase].text.as_str();
        tally.nearest += usize::from(text.is_some() && text == nearest.map(|nearest| text_of(nearest.phrase)));
        tally.phrase += usize::from(text.is_some_and(|text| text == found.text));
        tally.language += usize::from(found.language == language);
        tally.rejected += usize::from(found.text.is_empty());
        if std::env::var_os("VERBOSE").is_some() && found.text != text.unwrap_or_default() {
            println!("  said {:?} heard {:?} {:?}", text.unwrap_or("something else"), found.text, nearest);
        }
        tally.strangeness.extend(nearest.map(|nearest| nearest.evidence.strangeness()));
        tally.distance.extend(nearest.map(|nearest| nearest.evidence.best));
    };
    for (seed, saying) in (0u64..).zip(&said(recogniser.vocabulary(), every)) {
        for (line, snr) in LINES {
            let sound = telephone(&saying.sound, snr, seed);
            tell(format!("phrase {}", saying.voice), line, saying.language, Some(&saying.text), &sound);
        }
    }
    for (seed, saying) in (0u64..).zip(strange) {
        for (line, snr) in LINES {
            tell("unknown".into(), line, saying.language, None, &telephone(&saying.sound, snr, seed));
        }
    }
    for (name, sound) in noises() {
        tell(name.into(), "", Language::En, None, &sound);
    }
    for ((name, line), tally) in &mut tallies {
        tally.print(name, line);
    }
    println!("  {:.1} ms of CPU an utterance", 1000.0 * spent / f64::from(heard.max(1)));
}

/// What a line carries besides speech, at 8 kHz.
fn noises() -> Vec<(&'static str, Sound)> {
    let mut noises = Vec::new();
    let mut add = |name: &'static str, length: usize, sample: &mut dyn FnMut(usize) -> f32| {
        let samples: Vec<f32> = (0..length).map(sample).collect();
        noises.push((name, Sound { samples: to_i16(&samples), rate: 8_000 }));
    };
    let tone = |i: usize, hz: f32| (i as f32 * hz * std::f32::consts::TAU / 8_000.0).sin() * 0.1;
    for length in [4_000, 8_000, 16_000, 24_000] {
        for seed in 0..8 {
            let mut noise = Noise::new(seed);
            add("white noise", length, &mut |_| noise.white() * 0.05);
            let mut noise = Noise::new(seed);
            add("pink noise", length, &mut |_| noise.pink() * 0.05);
            let mut noise = Noise::new(seed);
            let burst = 600 + seed as usize * 150;
            add("noise bursts", length, &mut |i| noise.pink() * if (i / burst).is_multiple_of(3) { 0.1 } else { 0.001 });
        }
        for hz in [350.0, 425.0, 440.0, 1_000.0, 1_400.0, 2_100.0] {
            add("tone", length, &mut |i| tone(i, hz));
            add("busy tone", length, &mut |i| if (i / 4_000) % 2 == 0 { tone(i, hz) } else { 0.0 });
            add("dtmf", length, &mut |i| {
                let digit = i / 1_600;
                let (low, high) =
                    ([697.0, 770.0, 852.0, 941.0][digit % 4], [1_209.0, 1_336.0, 1_477.0][(digit + hz as usize) % 3]);
                if (i / 800) % 2 == 0 { tone(i, low) + tone(i, high) } else { 0.0 }
            });
        }
    }
    noises
}

/// Seconds this thread has run on a CPU, by the kernel's count in ticks of some milliseconds: only means say something.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split_whitespace().next().and_then(|nanoseconds| nanoseconds.parse::<f64>().ok()).unwrap_or(0.0) / 1e9
}
