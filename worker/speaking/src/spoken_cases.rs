//! What a language model writes in calls to restaurants, written down before anybody looked at the code: `written => said | said`, one a
//! line. Any of the words behind the arrow may be said, in any case and punctuation. What is not said well yet stands behind `open: `.

use offhook::language::Language::{self, De, En, Es, Nl};

use super::spoken;

const CASES: [(Language, &str); 4] = [
    (En, include_str!("spoken_cases/en.txt")),
    (De, include_str!("spoken_cases/de.txt")),
    (Es, include_str!("spoken_cases/es.txt")),
    (Nl, include_str!("spoken_cases/nl.txt")),
];

/// As it sounds: no case, no punctuation.
fn sound(text: &str) -> String {
    let text = text.to_lowercase().replace("p. m.", "pm").replace("p.m.", "pm").replace("a.m.", "am").replace(['\'', '’'], "");
    let words: String = text.chars().map(|c| if c.is_alphanumeric() || "+%/€$£&#½¼¾".contains(c) { c } else { ' ' }).collect();
    words.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn what_models_write_is_said_as_people_say_it() {
    let mut wrong = Vec::new();
    for (language, file) in CASES {
        let cases: Vec<_> =
            file.lines().filter(|line| !line.starts_with("open: ")).filter_map(|line| line.split_once(" => ")).collect();
        assert!(cases.len() >= 40, "{language}");
        let before = wrong.len();
        for (written, expected) in &cases {
            let said = spoken(written, language);
            if !expected.split(" | ").any(|expected| sound(expected) == sound(&said)) {
                wrong.push(format!("{language}: {written:?} is said as {said:?}, not as {expected:?}"));
            }
        }
        println!("{language}: {} of {} wrong", wrong.len() - before, cases.len());
    }
    assert!(wrong.is_empty(), "{} wrong: {wrong:#?}", wrong.len());
}
