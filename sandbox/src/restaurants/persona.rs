//! A restaurant as data: its number, its language and voice, how it takes calls, and what it says turn by turn.

use std::{collections::HashSet, fs, path::Path};

use chrono::NaiveTime;
use offhook::{attempt::CodecName, language::Language};
use serde::{Deserialize, Deserializer, de::Error as _};

use super::phrases::{Day, Intent, Phrases, Slots};

/// One restaurant. Text files of this shape are in `sandbox/personas`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Persona {
    /// One sentence for people.
    pub about: String,
    /// The user part of its SIP address: lower-case letters, digits and dashes.
    pub name: String,
    /// Its number, E.164; dialling it reaches the restaurant too.
    pub number: String,
    /// As its guests know it.
    pub restaurant: String,
    /// Who answers the telephone.
    pub host: String,
    /// What is spoken there.
    pub language: Language,
    /// espeak-ng's voice and variant, such as `de+f3`. Never one of the recogniser's template voices.
    pub voice: String,
    /// Codecs it takes, best first: `opus`, `g722`, `pcmu`, `pcma`.
    pub codecs: Vec<CodecName>,
    /// Which wording of each phrase it uses, from 0.
    #[serde(default)]
    pub wording: usize,
    /// A machine: after the first turn, a beep of 1 kHz this long in ms, then it records in silence.
    pub beep_ms: Option<u64>,
    /// How it takes a call.
    pub line: Line,
    /// How fast it answers.
    #[serde(default)]
    pub pace: Pace,
    /// What it says, in order; the first turn is the greeting.
    #[serde(default)]
    pub turns: Vec<Turn>,
}

/// What happens when the restaurant is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// What in the end.
    pub then: Pickup,
    /// After ringing for so many ms.
    pub rings_ms: u64,
}

/// How a call is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Pickup {
    /// 200, and the conversation begins.
    Answers,
    /// 486 Busy Here.
    Busy,
    /// Nobody ever comes.
    RingsOut,
    /// 603 Decline.
    Rejects,
}

/// Pauses in ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pace {
    /// From picking up to the greeting.
    pub before_greeting_ms: u64,
    /// From the caller's last word to the reply.
    pub before_reply_ms: u64,
    /// The same after the greeting: callers introduce themselves first, pause, and then say what they want.
    pub after_greeting_ms: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Pace { before_greeting_ms: 300, before_reply_ms: 700, after_greeting_ms: 2500 }
    }
}

/// One thing the restaurant says once the caller has spoken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// What other turns call this one.
    pub id: Option<String>,
    /// Its sentences, said in one breath.
    pub say: Vec<Intent>,
    /// The time offered, `HH:MM`.
    #[serde(default, deserialize_with = "clock")]
    pub time: Option<NaiveTime>,
    /// The day offered.
    pub day: Option<Day>,
    /// The turn to follow where the caller was understood to agree; without it, as `next`.
    pub yes: Option<String>,
    /// The turn to follow where the caller was understood to refuse; without it, as `next`.
    pub no: Option<String>,
    /// The turn to follow otherwise; without it, the one below.
    pub next: Option<String>,
    /// Said while the caller is still speaking, so many ms after it began.
    pub interrupts_after_ms: Option<u64>,
    /// Said after so many ms of silence although the caller said nothing.
    pub unasked_after_ms: Option<u64>,
    /// The restaurant hangs up so many ms after the last word of this turn, whatever the caller does.
    pub hangs_up_after_ms: Option<u64>,
    /// The last turn: the caller's goodbye ends the call.
    #[serde(default)]
    pub ends: bool,
}

impl Persona {
    /// What fills the gaps of its sentences, in this turn or outside any.
    pub fn slots(&self, turn: Option<&Turn>) -> Slots<'_> {
        let (time, day) = turn.map_or((None, None), |turn| (turn.time, turn.day));
        Slots { restaurant: &self.restaurant, name: &self.host, time, day }
    }

    /// What this turn sounds like.
    pub fn text_of(&self, turn: &Turn) -> String {
        let slots = self.slots(Some(turn));
        let phrases = Phrases::of(self.language);
        let sentences: Vec<_> = turn.say.iter().filter_map(|intent| phrases.render(*intent, self.wording, &slots)).collect();
        sentences.join(" ")
    }

    /// Whether a call to this user part of a SIP address is for this restaurant.
    pub fn answers_to(&self, user: &str) -> bool {
        user == self.name || user == self.number || user.strip_prefix("00") == self.number.strip_prefix('+')
    }

    /// Reads one persona from TOML; `origin` (a file name) goes into the error.
    ///
    /// # Errors
    /// A sentence saying which field of which file is wrong and what to write instead.
    pub fn parse(origin: &str, text: &str) -> Result<Persona, PersonaError> {
        let unreadable =
            |source: toml::de::Error| PersonaError::Unreadable { origin: origin.to_owned(), source: Box::new(source) };
        let persona: Persona = toml::from_str(text).map_err(unreadable)?;
        match persona.fault() {
            Some(fault) => Err(PersonaError::Wrong { origin: origin.to_owned(), fault }),
            None => Ok(persona),
        }
    }

    fn fault(&self) -> Option<String> {
        let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let digits = self.number.strip_prefix('+').unwrap_or_default();
        let known = |id: &Option<String>| id.is_none() || self.turns.iter().any(|turn| turn.id == *id);
        let variant = self.voice.split_once('+').map_or("", |(_, variant)| variant);
        if self.name.is_empty() || !self.name.chars().all(word) {
            return Some(format!("name \"{}\" is not a SIP user: use lower-case letters, digits and dashes", self.name));
        }
        if !(7..=15).contains(&digits.len()) || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Some(format!("number \"{}\" is not E.164: write + and 7 to 15 digits", self.number));
        }
        if ["", "m3", "f2"].contains(&variant) {
            return Some(format!(
                "voice \"{}\" is one the recogniser knows by heart: use another variant, such as +f3",
                self.voice
            ));
        }
        if self.codecs.is_empty() {
            return Some("codecs is empty: name at least one of opus, g722, pcmu and pcma".to_owned());
        }
        if self.line.then == Pickup::Answers && self.turns.is_empty() {
            return Some("it answers but has nothing to say: add [[turns]], or another [line] then".to_owned());
        }
        for (number, turn) in self.turns.iter().enumerate().map(|(index, turn)| (index + 1, turn)) {
            let slots = self.slots(Some(turn));
            let phrases = Phrases::of(self.language);
            if let Some(intent) = turn.say.iter().find(|intent| phrases.render(**intent, self.wording, &slots).is_none()) {
                return Some(format!("turn {number} says {intent:?} without what it needs: give the turn a time or a day"));
            }
            if turn.say.is_empty() {
                return Some(format!("turn {number} says nothing: name at least one intent of sandbox/phrases in say"));
            }
            if let Some(missing) = [&turn.yes, &turn.no, &turn.next].into_iter().find(|id| !known(id)) {
                let missing = missing.as_deref().unwrap_or_default();
                return Some(format!(
                    "turn {number} leads to \"{missing}\", which no turn has as id: add the id or correct the name"
                ));
            }
        }
        None
    }
}

fn clock<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<NaiveTime>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let wrong = |_| D::Error::custom(format!("time \"{text}\" is not a time of day: write it as \"19:30\""));
    NaiveTime::parse_from_str(&text, "%H:%M").map(Some).map_err(wrong)
}

/// Why personas could not be read.
#[derive(Debug, thiserror::Error)]
pub enum PersonaError {
    /// The folder or a file cannot be read.
    #[error("cannot read {path}: {source}; name a folder of persona files such as sandbox/personas")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// Not TOML, or not the fields of a persona.
    #[error("{origin}: {source}")]
    Unreadable {
        /// Which file.
        origin: String,
        /// With line, column and what was expected.
        source: Box<toml::de::Error>,
    },
    /// A field has a value that makes no sense.
    #[error("{origin}: {fault}")]
    Wrong {
        /// Which file.
        origin: String,
        /// What is wrong and what to write instead.
        fault: String,
    },
    /// Two personas share a name or a number.
    #[error("two personas answer to \"{0}\": give one of them another name or number")]
    Twice(String),
}

/// All personas of a folder, ordered by file name.
///
/// # Errors
/// The first file that cannot be read or is wrong; two that answer to the same name or number.
pub fn load(folder: &Path) -> Result<Vec<Persona>, PersonaError> {
    let unreadable = |path: &Path| {
        let path = path.display().to_string();
        move |source| PersonaError::File { path, source }
    };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    files.sort();
    let mut personas = Vec::with_capacity(files.len());
    for path in files {
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        personas.push(Persona::parse(&path.display().to_string(), &text)?);
    }
    distinct(personas)
}

/// The personas that are part of the program: those of `sandbox/personas`.
///
/// # Errors
/// None in a program whose tests have passed.
pub fn built_in() -> Result<Vec<Persona>, PersonaError> {
    distinct(BUILT_IN.iter().map(|(origin, text)| Persona::parse(origin, text)).collect::<Result<_, _>>()?)
}

fn distinct(personas: Vec<Persona>) -> Result<Vec<Persona>, PersonaError> {
    let mut seen = HashSet::new();
    let mut addresses = personas.iter().flat_map(|persona| [&persona.name, &persona.number]);
    let twice = addresses.find(|&address| !seen.insert(address)).cloned();
    drop(addresses);
    match twice {
        Some(address) => Err(PersonaError::Twice(address)),
        None => Ok(personas),
    }
}

macro_rules! personas {
    ($($name:literal),* $(,)?) => {
        [$((concat!("sandbox/personas/", $name, ".toml"), include_str!(concat!("../../personas/", $name, ".toml")))),*]
    };
}

const BUILT_IN: [(&str, &str); 31] = personas![
    "golden-lion",
    "blue-anchor",
    "harbour-lights",
    "old-mill",
    "corner-table",
    "chatty-kitchen",
    "night-owl",
    "busy-bee",
    "empty-house",
    "quiet-corner",
    "launderette",
    "slow-kettle",
    "closed-door",
    "goldener-loewe",
    "alte-post",
    "ratskeller",
    "waldschenke",
    "briefkasten",
    "feierabend",
    "plauderstube",
    "zur-ruhe",
    "zum-eiligen",
    "leon-dorado",
    "la-marea",
    "el-olivo",
    "casa-llena",
    "el-faro",
    "gouden-leeuw",
    "de-kade",
    "het-anker",
    "de-molen",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str = include_str!("../../personas/alte-post.toml");

    #[test]
    fn the_folder_and_the_program_hold_the_same_restaurants() {
        let mut built_in = built_in().unwrap();
        built_in.sort_by(|a, b| a.name.cmp(&b.name));
        let folder = load(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/personas"))).unwrap();
        assert_eq!(folder, built_in);
        for persona in built_in {
            assert_eq!(Language::of_number(&persona.number), Some(persona.language), "{}", persona.name);
        }
    }

    #[test]
    fn a_restaurant_is_reached_by_name_and_by_number() {
        let persona = Persona::parse("alte-post.toml", GOOD).unwrap();
        for user in ["alte-post", "+493023125102", "00493023125102"] {
            assert!(persona.answers_to(user), "{user}");
        }
        assert!(!persona.answers_to("493023125103"));
        let offer = "Um diese Zeit sind wir voll, aber ich könnte Ihnen 20:00 Uhr anbieten.";
        assert_eq!(persona.text_of(&persona.turns[1]), offer);
    }

    #[test]
    fn a_wrong_file_is_told_what_to_change() {
        for (from, to, sentence) in [
            ("\"20:00\"", "\"8 pm\"", "time \"8 pm\" is not a time of day: write it as \"19:30\""),
            ("time = \"20:00\"\n", "", "turn 2 says OfferOther without what it needs: give the turn a time or a day"),
            ("de+m5", "de+f2", "use another variant, such as +f3"),
            ("no = \"full\"", "no = \"fool\"", "turn 2 leads to \"fool\""),
            ("+4930", "030", "is not E.164"),
            ("\"opus\"", "\"g729\"", "unknown variant `g729`, expected one of `opus`, `g722`, `pcmu`, `pcma`"),
            ("\"answers\"", "\"sings\"", "expected one of `answers`, `busy`, `rings_out`, `rejects`"),
            ("[\"ask_name\"]", "[\"ask_shoe_size\"]", "unknown variant `ask_shoe_size`"),
        ] {
            let error = Persona::parse("x.toml", &GOOD.replace(from, to)).unwrap_err().to_string();
            assert!(error.starts_with("x.toml: ") && error.contains(sentence), "{error}");
        }
    }
}
