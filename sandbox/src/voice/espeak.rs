//! espeak-ng as a child process. It is GPL-3: called as a program, never linked.
//!
//! Text goes in through standard input, so that no words can be taken for options. One process says many phrases: starting it
//! costs 10 ms, a phrase 2 ms.

use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use crate::sound::{Sound, wav};

/// The program.
const PROGRAM: &str = "espeak-ng";
/// The silence asked for between two phrases of one process, ms: longer than any within a phrase.
const BREAK_MS: u32 = 2_000;
/// espeak-ng reads lines of at most 999 bytes; the break is part of the line.
const LONGEST_PHRASE: usize = 900;

/// How something is said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// espeak-ng's name, e.g. `de+f4`.
    pub voice: String,
    /// Words a minute, 80–450.
    pub words_a_minute: u32,
    /// 0–99.
    pub pitch: u32,
}

/// Why nothing was said.
#[derive(Debug, thiserror::Error)]
pub enum EspeakError {
    /// The program could not be started.
    #[error("cannot start espeak-ng: {0}; install the package espeak-ng and have it in PATH")]
    Start(#[source] std::io::Error),
    /// It was still busy at the deadline.
    #[error("espeak-ng was not done after {} s and was ended; send shorter text or raise the deadline", .0.as_secs_f32())]
    Deadline(Duration),
    /// It ended badly or said something that is no sound.
    #[error("espeak-ng said no sound with voice {voice:?}: {reason}; check `espeak-ng --voices` and the text")]
    NoSound {
        /// The voice asked for.
        voice: String,
        /// What came instead.
        reason: String,
    },
    /// A phrase that does not fit one line of its input.
    #[error("a phrase of {0} bytes is too long to be made a template: keep phrases under 900 bytes")]
    TooLong(usize),
    /// The task was stopped with the program.
    #[error("the synthesis was stopped because the sandbox is shutting down")]
    Stopped,
}

/// The program's version, e.g. `1.51`, as part of what identifies a template.
///
/// # Errors
/// [`EspeakError`], where the program is missing or hangs.
pub fn version() -> Result<String, EspeakError> {
    let output = run(Command::new(PROGRAM).arg("--version"), Vec::new(), Duration::from_secs(5))?;
    let text = String::from_utf8_lossy(&output);
    let number = text.split_once("text-to-speech: ").map_or(&*text, |(_, rest)| rest);
    Ok(number.split_whitespace().next().unwrap_or("unknown").to_owned())
}

/// Says one text, whatever its length.
///
/// # Errors
/// [`EspeakError`], where the program is missing, fails, or is not done by the deadline.
pub fn speak(manner: &Manner, text: &str, deadline: Duration) -> Result<Sound, EspeakError> {
    let output = run(command(manner).arg("--stdin"), text.as_bytes().to_vec(), deadline)?;
    sound(manner, &output)
}

/// Says each phrase, one process for all of them; the answers are in the order of the phrases.
///
/// # Errors
/// [`EspeakError`], also where a phrase is silent or too long.
pub fn speak_each(manner: &Manner, phrases: &[&str], deadline: Duration) -> Result<Vec<Sound>, EspeakError> {
    if let Some(phrase) = phrases.iter().find(|phrase| escaped(phrase).len() > LONGEST_PHRASE) {
        return Err(EspeakError::TooLong(phrase.len()));
    }
    // Without the paragraph the break would be part of the sentence and spoil its ending.
    let input: String =
        phrases.iter().map(|phrase| format!("<p>{}</p> <break time=\"{BREAK_MS}ms\"/>\n", escaped(phrase))).collect();
    let all = sound(manner, &run(command(manner).arg("-m"), input.into_bytes(), deadline)?)?;
    let parts = at_breaks(&all);
    if parts.len() == phrases.len() {
        return Ok(parts);
    }
    // A phrase without a sound leaves no trace in the stream: ask for each alone, to learn which it is.
    phrases.iter().map(|phrase| speak(manner, phrase, deadline)).collect()
}

fn command(manner: &Manner) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(["--stdout", "-v", &manner.voice]);
    command.args(["-s", &manner.words_a_minute.clamp(80, 450).to_string(), "-p", &manner.pitch.min(99).to_string()]);
    command
}

/// One line of SSML text.
fn escaped(phrase: &str) -> String {
    phrase.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace(['\n', '\r'], " ")
}

fn sound(manner: &Manner, output: &[u8]) -> Result<Sound, EspeakError> {
    let no_sound = |reason: String| EspeakError::NoSound { voice: manner.voice.clone(), reason };
    let sound = wav::read(output).map_err(|error| no_sound(error.to_string()))?;
    if sound.samples.is_empty() { Err(no_sound("an empty file".into())) } else { Ok(sound) }
}

/// The sounds between silences of nearly [`BREAK_MS`]: digital silence, which no voice makes that long on its own.
fn at_breaks(sound: &Sound) -> Vec<Sound> {
    let shortest = (sound.rate * (BREAK_MS - 200) / 1000) as usize;
    let mut parts = Vec::new();
    let (mut start, mut end) = (0, 0);
    for (at, sample) in sound.samples.iter().enumerate() {
        if *sample != 0 {
            if end > start && at - end >= shortest {
                parts.push(start..end);
                start = at;
            } else if end == start {
                start = at;
            }
            end = at + 1;
        }
    }
    if end > start {
        parts.push(start..end);
    }
    parts.into_iter().map(|part| Sound { samples: sound.samples[part].to_vec(), rate: sound.rate }).collect()
}

/// Runs the program on this input and gives what it wrote, or ends it at the deadline.
fn run(command: &mut Command, input: Vec<u8>, deadline: Duration) -> Result<Vec<u8>, EspeakError> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(EspeakError::Start)?;
    let mut stdin = child.stdin.take().expect("standard input is piped two lines above");
    let mut stdout = child.stdout.take().expect("standard output is piped three lines above");
    // Both threads end with the child: its pipes close when it is gone.
    std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let (done, output) = mpsc::sync_channel(1);
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = stdout.read_to_end(&mut bytes);
        let _ = done.send(bytes);
    });
    match output.recv_timeout(deadline) {
        Ok(bytes) => {
            end(&mut child, false);
            Ok(bytes)
        }
        Err(_) => {
            end(&mut child, true);
            Err(EspeakError::Deadline(deadline))
        }
    }
}

/// Collects the child, so that no zombie stays.
fn end(child: &mut Child, kill: bool) {
    if kill {
        let _ = child.kill();
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn plain() -> Manner {
        Manner { voice: "en-us".into(), words_a_minute: 160, pitch: 50 }
    }

    #[test]
    fn many_phrases_of_one_process_sound_like_each_of_its_own() {
        let phrases = ["Yes, that is fine.", "We are closed. Sorry & goodbye.", "e-mail", "<No>"];
        let together = speak_each(&plain(), &phrases, Duration::from_secs(10)).unwrap();
        assert_eq!(together.len(), phrases.len());
        for (phrase, sound) in phrases.iter().zip(&together).take(3) {
            let alone = at_breaks(&speak(&plain(), phrase, Duration::from_secs(10)).unwrap());
            assert_eq!(alone.len(), 1);
            let difference = alone[0].samples.len().abs_diff(sound.samples.len());
            assert!(difference < 22_050 / 20, "{phrase:?} differs by {difference} samples");
        }
    }

    #[test]
    fn what_goes_wrong_says_what_to_do() {
        let unknown = Manner { voice: "klingon-9".into(), ..plain() };
        assert!(matches!(speak(&unknown, "hello", Duration::from_secs(5)), Err(EspeakError::NoSound { .. })));
        let long = "word ".repeat(300);
        assert!(matches!(speak_each(&plain(), &[&long], Duration::from_secs(5)), Err(EspeakError::TooLong(1500))));
        let error = speak(&plain(), &long.repeat(40), Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("deadline"), "{error}");
    }

    #[test]
    fn the_version_is_a_number() {
        assert!(version().unwrap().starts_with(|c: char| c.is_ascii_digit()));
    }
}
