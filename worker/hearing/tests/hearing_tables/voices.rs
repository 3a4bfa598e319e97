//! Whose voice, and what is none.

use std::{fs, path::PathBuf, process::Command};

use offhook_hearing::silero::WINDOW;
use offhook_test_sounds::{
    at_level, breathing, clatter, hum, music, pad, pink_noise, repeat, silence, speech_at_pitch, tones, white_noise,
};
use offhook_types::audio::level_dbfs;

/// Somebody who speaks.
pub struct Voice {
    pub name: String,
    /// At −20 dBFS, silence around it.
    pub sound: Vec<i16>,
    /// Of each window, whether there is speech in it: it is louder than 25 dB below the loudest.
    pub speech: Vec<bool>,
}

impl Voice {
    fn new(name: String, sound: &[i16]) -> Self {
        let sound = at_level(&pad(sound, 320, 640), -20.0);
        let levels: Vec<f32> = sound.as_chunks::<WINDOW>().0.iter().map(|window| level_dbfs(window)).collect();
        let loudest = levels.iter().copied().fold(f32::MIN, f32::max);
        Voice { name, sound, speech: levels.iter().map(|level| *level > loudest - 25.0).collect() }
    }
}

/// Four languages by espeak-ng, each low and high, and the WAV files of the folder `HEARING_VOICES`.
pub fn voices() -> Vec<Voice> {
    let texts = [
        ("en-us", "Good evening, Golden Lion, how may I help you? Yes, we have a table for four at half past seven."),
        ("de", "Guten Abend, Gasthaus zum goldenen Löwen. Ja, um halb acht haben wir noch einen Tisch für vier Personen."),
        ("es", "Buenas noches, restaurante El León. Sí, tenemos una mesa para cuatro personas a las siete y media."),
        ("nl", "Goedenavond, restaurant De Gouden Leeuw. Ja, we hebben om half acht nog een tafel voor vier personen."),
    ];
    let kinds = [("m1", 0), ("m7", 15), ("m3", 30), ("f2", 50)];
    let spoken = texts.iter().flat_map(|(language, text)| {
        kinds.map(|(variant, pitch)| {
            let voice = format!("{language}+{variant}");
            Voice::new(format!("espeak-ng {voice}, pitch {pitch}"), &speech_at_pitch(&voice, pitch, text))
        })
    });
    spoken.chain(files("HEARING_VOICES").iter().map(|(name, sound)| Voice::new(name.clone(), sound))).collect()
}

/// Sounds of a line and of a room without a voice, 20 s each; and the music of the folder `HEARING_MUSIC`.
pub fn no_voices() -> Vec<(String, Vec<i16>)> {
    let samples = 20 * 16_000;
    let cadence = |hz: &[f32], on: usize, off: usize| repeat(&[tones(hz, on, -15.0), silence(off)].concat(), samples);
    let keys = [[697.0, 1209.0], [770.0, 1336.0], [852.0, 1477.0], [941.0, 1336.0]];
    let keys: Vec<i16> = keys.iter().flat_map(|key| [tones(key, 100, -12.0), silence(100)].concat()).collect();
    let mut all: Vec<(String, Vec<i16>)> = vec![
        ("silence".into(), silence(20_000)),
        ("comfort noise, pink, −60 dBFS".into(), pink_noise(samples, -60.0, 2)),
        ("ringback, European".into(), cadence(&[425.0], 1000, 4000)),
        ("ringback, American".into(), cadence(&[440.0, 480.0], 2000, 4000)),
        ("ringback, British".into(), cadence(&[400.0, 450.0], 400, 200)),
        ("busy, European".into(), cadence(&[425.0], 480, 480)),
        ("busy, American".into(), cadence(&[480.0, 620.0], 500, 500)),
        ("keys (DTMF), −12 dBFS".into(), repeat(&keys, samples)),
        ("music, made".into(), music(20, 3)),
        ("breath, −30 dBFS".into(), breathing(samples, -30.0, 4)),
        ("breath, −20 dBFS".into(), breathing(samples, -20.0, 4)),
        ("plates, −30 dBFS".into(), clatter(samples, -30.0, 4)),
        ("plates, −12 dBFS".into(), clatter(samples, -12.0, 4)),
    ];
    for hz in [50.0, 100.0] {
        all.extend([-45.0, -25.0].map(|level| (format!("hum, {hz} Hz, {level} dBFS"), hum(hz, 20_000, level))));
    }
    for level in [-50.0, -40.0, -30.0, -25.0, -12.0] {
        all.push((format!("white noise, {level} dBFS"), white_noise(samples, level, 5)));
        all.push((format!("pink noise, {level} dBFS"), pink_noise(samples, level, 6)));
    }
    all.extend(files("HEARING_MUSIC"));
    all
}

/// The WAV files of the folder that this variable names, at 16 kHz; none where it names none.
fn files(variable: &str) -> Vec<(String, Vec<i16>)> {
    let Ok(folder) = std::env::var(variable) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let mut sox = Command::new("sox");
        sox.arg("-G").arg(&path).args(["-t", "raw", "-r", "16000", "-e", "signed", "-b", "16", "-c", "1", "-"]);
        let sound = sox.output().expect("files need sox: apt-get install sox").stdout;
        let samples = sound.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
        (path.file_stem().unwrap().to_string_lossy().into_owned(), samples.take(60 * 16_000).collect())
    };
    paths.into_iter().map(read).collect()
}
