//! Reading the file of the settings, and writing it anew around what an administrator wrote.
#![allow(clippy::unwrap_used)]

use super::*;
use crate::settings::definitions::settings;

fn parse(text: &str) -> Result<SettingsFile, SettingsError> {
    SettingsFile::parse(Path::new("offhook.env"), text.to_owned())
}

fn fresh(values: &[(&str, &str)]) -> String {
    let values = values.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    render(&settings(), &SettingsFile::default(), &values)
}

#[test]
fn a_fresh_file_names_every_setting_with_its_default_and_sets_none() {
    let text = fresh(&[]);
    assert!(parse(&text).unwrap().values.is_empty());
    for setting in settings() {
        let line = format!("\n#{}={}\n", setting.name, setting.default.clone().unwrap_or_default());
        assert_eq!(text.matches(&line).count(), 1, "{line}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 140), "it can be read in a terminal");
}

#[test]
fn values_are_read_without_their_quotes_and_empty_ones_are_not_set() {
    let file = parse("A=1\n B = two words \nC=\"x y\"\nD='#5'\nE=\n# F=6\n\nG=a=b\n").unwrap();
    let values: Vec<(&str, &str)> = file.values.iter().map(|(name, (value, _))| (name.as_str(), value.as_str())).collect();
    assert_eq!(values, [("A", "1"), ("B", "two words"), ("C", "x y"), ("D", "#5"), ("G", "a=b")]);
}

#[test]
fn a_line_that_is_no_setting_and_a_setting_twice_are_refused_with_their_lines() {
    let said = parse("A=1\nexport B=2\n").unwrap_err().to_string();
    assert!(said.contains("line 2 of offhook.env") && said.contains("NAME=value"), "{said}");
    assert!(parse("just words").is_err());
    let said = parse("A=1\n\nA=2\n").unwrap_err().to_string();
    assert!(said.contains("line 1 and in line 3"), "{said}");
}

#[test]
fn writing_it_anew_keeps_values_and_comments_and_changes_nothing_the_second_time() {
    let mine = fresh(&[]).replace("#OFFHOOK_LEASE=15s\n", "# our network is slow, says Ada\nOFFHOOK_LEASE = '40s'\n")
        + "# at the very end\nOFFHOOK_FROM_THE_FUTURE=1\n# and this\n";
    let again = render(&settings(), &parse(&mine).unwrap(), &BTreeMap::new());
    assert!(again.contains("# our network is slow, says Ada\nOFFHOOK_LEASE = '40s'\n"), "{again}");
    assert!(again.contains("# at the very end\nOFFHOOK_FROM_THE_FUTURE=1\n") && again.contains("\n# and this\n"), "{again}");
    assert!(!again.contains("#OFFHOOK_LEASE="));
    assert_eq!(render(&settings(), &parse(&again).unwrap(), &BTreeMap::new()), again);
}

#[test]
fn an_upgrade_brings_new_settings_and_new_defaults_and_leaves_values_alone() {
    let mut old = settings();
    old.retain(|setting| setting.name != "OFFHOOK_STUN");
    old.iter_mut().filter(|setting| setting.name == "OFFHOOK_POLL").for_each(|setting| setting.default = Some("3s".into()));
    let values = BTreeMap::from([("OFFHOOK_DRAIN".to_owned(), "1m".to_owned())]);
    let before = render(&old, &SettingsFile::default(), &values);
    assert!(before.contains("#OFFHOOK_POLL=3s") && !before.contains("OFFHOOK_STUN="));
    let after = render(&settings(), &parse(&before).unwrap(), &BTreeMap::new());
    assert_eq!(after, fresh(&[("OFFHOOK_DRAIN", "1m")]));
}

#[test]
fn a_new_value_replaces_the_old_one_in_its_place_and_an_empty_one_takes_it_back() {
    let before = fresh(&[("OFFHOOK_LEASE", "20s"), ("OFFHOOK_STUN", "stun.example.org")]);
    let values = BTreeMap::from([("OFFHOOK_LEASE".to_owned(), "30s".to_owned()), ("OFFHOOK_STUN".to_owned(), String::new())]);
    let after = render(&settings(), &parse(&before).unwrap(), &values);
    assert_eq!(after, fresh(&[("OFFHOOK_LEASE", "30s")]));
}

#[test]
fn what_is_no_setting_is_named_with_its_line() {
    let unknown = parse("OFFHOOK_LIMIT_PROVIDER=1s\nOFFHOOK_LEASE=1s\n").unwrap().unknown(&settings());
    assert_eq!(unknown.len(), 1);
    assert!(unknown[0].contains("OFFHOOK_LIMIT_PROVIDER in line 1"), "{unknown:?}");
    let unknown = parse("OFFHOOK_MAXCALLS=3\n").unwrap().unknown(&settings());
    assert!(unknown[0].ends_with("did you mean OFFHOOK_MAX_CALLS?"), "{unknown:?}");
}

#[test]
fn a_value_is_read_as_it_was_set_whatever_is_in_it() {
    for value in ["a b", " a ", "\"a\"", "'a'", "\"a", "#a", "a=b", "\"", "''", "a\u{a0}"] {
        let text = fresh(&[("OFFHOOK_HOST", value)]);
        assert_eq!(parse(&text).unwrap().value("OFFHOOK_HOST"), Some(value), "{text}");
    }
    assert!(fits("OFFHOOK_HOST", "a\nOFFHOOK_LEASE=1s").is_err_and(|said| said.contains("OFFHOOK_HOST")));
}

#[test]
fn whatever_an_administrator_wrote_keeps_its_values_and_its_comments() {
    use rand::{RngExt, SeedableRng};
    let mut rng = rand::rngs::StdRng::seed_from_u64(7);
    let names: Vec<String> = settings().into_iter().map(|setting| setting.name).collect();
    let mut read = 0;
    for _ in 0..800 {
        let mut text = String::new();
        for _ in 0..rng.random_range(0..12) {
            let name = &names[rng.random_range(0..names.len())];
            text += &match rng.random_range(0..9) {
                0 => "\n".to_owned(),
                1 => format!("# {name}, says Ada\n"),
                2 => format!("#{name}=old\n"),
                3 => format!("## {name}\n"),
                4 => format!("  {name} = \"v {}\"\r\n", rng.random_range(0..9)),
                5 => format!("{name}=\n"),
                6 => format!("X_{}=1\n", rng.random_range(0..3)),
                7 => "#\n".to_owned(),
                _ => format!("{name}=\u{e4}={}\n", rng.random_range(0..9)),
            };
        }
        let Ok(before) = parse(&text) else { continue };
        read += 1;
        let after = parse(&render(&settings(), &before, &BTreeMap::new())).unwrap();
        let values = |file: &SettingsFile| -> Vec<(String, String)> {
            file.values.iter().map(|(name, (value, _))| (name.clone(), value.clone())).collect()
        };
        assert_eq!(values(&after), values(&before), "{text}");
        let comments = |text: &str| text.matches(", says Ada").count();
        assert_eq!(comments(&after.text), comments(&text), "{text}");
        assert_eq!(render(&settings(), &after, &BTreeMap::new()), after.text, "the second time nothing changes: {text}");
    }
    assert!(read > 200, "most are files, only {read} were");
}
