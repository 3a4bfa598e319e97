//! Settings and commands as documents, scripts, unit and compose file name them are those of the program, with their defaults; and
//! every setting of the program is documented.
#![allow(clippy::unwrap_used)]

#[path = "support/documents.rs"]
mod documents;

use clap::CommandFactory;
use documents::{Code, Document, all_in, code, document, pages, words_with};
use offhook::span::duration;
use offhook_coordinator::{
    command::CommandLine,
    settings::{
        definitions::{Setting, settings, variables},
        reference::markdown,
    },
};

/// What is not the coordinator's: of scripts and tests.
const OF_SCRIPTS_AND_TESTS: &[&str] = &[
    "OFFHOOK_SERVICES",
    "OFFHOOK_TEST_DATABASE_URL",
    "OFFHOOK_TEST_DOCKER_HOST",
    "OFFHOOK_TEST_IMAGE",
    "OFFHOOK_ADVISORIES",
    "OFFHOOK_DEMO_SPOOL",
    "OFFHOOK_FUZZ_SEED",
    "OFFHOOK_FUZZ_SECONDS",
    "OFFHOOK_VOICE_FILES",
    "OFFHOOK_MUSIC_FILES",
];

fn setting<'a>(all: &'a [Setting], name: &str) -> &'a Setting {
    all.iter().find(|setting| setting.name == name).unwrap_or_else(|| panic!("{name} is no setting"))
}

#[test]
fn every_setting_that_is_named_exists() {
    let known = variables();
    let mut wrong = Vec::new();
    let files =
        all_in(&[".", "docs", "docker", "systemd", "scripts"], &[".md", ".yaml", ".Dockerfile", ".service", ".sh", "Makefile"]);
    for page in &files {
        for word in words_with("OFFHOOK_", &page.text) {
            let is_known = match word.strip_suffix('*') {
                Some(prefix) => known.iter().any(|name| name.starts_with(prefix)),
                None => known.contains(&word) || OF_SCRIPTS_AND_TESTS.contains(&word.as_str()),
            };
            // A prefix that a script or a sentence completes.
            if !is_known && word != "OFFHOOK_" {
                wrong.push(format!("{}: {word}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "no such settings: {wrong:#?}");
}

#[test]
fn every_setting_is_on_the_page_of_the_settings() {
    let page = document("docs/settings.md").text;
    assert_eq!(page, markdown(&settings()), "renew it with: offhook settings --markdown > docs/settings.md");
}

/// `30 s`, `5 min`, `8 minutes` as a span.
fn span(text: &str) -> Option<std::time::Duration> {
    let (number, unit) = text.trim().split_once(' ')?;
    let unit = match unit.trim_end_matches('s') {
        "" | "second" => "s",
        "min" | "minute" => "m",
        "m" => "ms",
        "hour" | "h" => "h",
        _ => return None,
    };
    duration(&format!("{number}{unit}")).ok()
}

/// The last two words before, the first two after.
fn around(text: &str, at: usize, length: usize) -> (String, String) {
    let before: Vec<&str> = text[..at].split_whitespace().rev().take(2).collect();
    let after: Vec<&str> = text[at + length..].split_whitespace().take(2).collect();
    (before.into_iter().rev().collect::<Vec<_>>().join(" "), after.join(" "))
}

#[test]
fn a_default_that_is_written_is_the_default() {
    let all = settings();
    let mut compared = 0;
    for page in pages().iter().filter(|page| page.name != "docs/settings.md") {
        for name in all.iter().map(|setting| &setting.name) {
            let default = setting(&all, name).default.as_deref().and_then(|default| duration(default).ok());
            let Some(default) = default else { continue };
            let quoted = format!("`{name}`");
            for (at, _) in page.text.match_indices(&quoted) {
                let text = &page.text;
                let (mut written, mut more) = (None, None);
                let rest = &text[at + quoted.len()..];
                // `NAME` (30 s), `NAME` is 8 minutes
                if let Some(inside) = rest.strip_prefix(" (").and_then(|inside| inside.split_once(')')) {
                    written = span(inside.0);
                } else if let Some(is) = rest.strip_prefix(" is ") {
                    written =
                        span(&is.split_whitespace().take(2).collect::<Vec<_>>().join(" ").replace(['.', ',', ')', ';'], ""));
                } else if text[..at].ends_with('(') {
                    // 9 s (`NAME` and 1 s)
                    written = span(&around(text, at - 1, 0).0);
                    more = rest.strip_prefix(" and ").and_then(|more| more.split_once(')')).and_then(|(more, _)| span(more));
                }
                if let Some(written) = written {
                    compared += 1;
                    assert_eq!(written, default + more.unwrap_or_default(), "{}: the default of {name}", page.name);
                }
            }
        }
    }
    assert!(compared >= 6, "only {compared} defaults were found in the documents");
}

#[test]
fn the_compose_file_has_the_defaults_of_the_program() {
    let (all, compose) = (settings(), document("docker/compose.yaml").text);
    let mut compared = 0;
    for line in compose.lines().map(str::trim) {
        let Some((name, value)) = line.split_once(": ").filter(|(name, _)| name.starts_with("OFFHOOK_")) else { continue };
        if let Some(default) = value.strip_prefix(&format!("${{{name}:-")).and_then(|rest| rest.split_once('}')) {
            assert_eq!(Some(default.0), setting(&all, name).default.as_deref(), "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 5, "base URL, three models and the voices are in it");
}

#[test]
fn the_unit_waits_longer_for_calls_than_the_program_does() {
    let unit = document("systemd/offhook.service").text;
    let patience =
        unit.lines().find_map(|line| line.strip_prefix("TimeoutStopSec=")).and_then(|text| duration(text).ok()).unwrap();
    let drain = duration(setting(&settings(), "OFFHOOK_DRAIN").default.as_deref().unwrap()).unwrap();
    assert!(patience > drain);
    let compose = document("docker/compose.yaml").text;
    let patience = compose.lines().find_map(|line| line.trim().strip_prefix("stop_grace_period: ")).unwrap();
    assert!(duration(patience.split(' ').next().unwrap()).unwrap() > drain);
}

/// Command lines of `program` in a page: in blocks of the shell, and between backquotes.
fn command_lines(page: &Document, program: &str) -> Vec<Vec<String>> {
    let Code { inline, blocks } = code(page);
    let lines = blocks.into_iter().filter(|(kind, _)| kind == "sh").flat_map(|(_, text)| {
        text.replace("\\\n", " ").lines().map(|line| line.split(" #").next().unwrap_or_default().to_owned()).collect::<Vec<_>>()
    });
    let parts = lines.chain(inline).flat_map(|line| line.split([';', '|', '&']).map(str::to_owned).collect::<Vec<_>>());
    let words = parts.map(|part| part.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    words.filter_map(|words| words.iter().position(|word| word == program).map(|at| words[at + 1..].to_vec())).collect()
}

#[test]
fn commands_and_flags_that_are_named_exist() {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for page in &pages() {
        for words in command_lines(page, "offhook") {
            let mut command = &CommandLine::command();
            let mut flags = vec!["--help".to_owned(), "--version".to_owned()];
            let mut collect = |command: &clap::Command| {
                flags.extend(command.get_arguments().filter_map(|argument| argument.get_long()).map(|long| format!("--{long}")));
            };
            collect(command);
            let mut words = words.iter().peekable();
            while let Some(inner) = words.peek().and_then(|word| command.find_subcommand(word)) {
                command = inner;
                words.next();
                collect(command);
            }
            let named_one = command.get_name() != "offhook";
            let verb = words.peek().filter(|word| {
                !word.starts_with('-') && command.has_subcommands() && word.chars().all(|c| c.is_ascii_lowercase())
            });
            if let Some(verb) = verb {
                wrong.push(format!("{}: offhook … {verb}", page.name));
            }
            for word in words.filter(|word| word.starts_with("--")) {
                let flag = word.split('=').next().unwrap_or_default().trim_end_matches([',', ')', '.']);
                if named_one && !flags.contains(&flag.to_owned()) {
                    wrong.push(format!("{}: offhook {} … {flag}", page.name, command.get_name()));
                }
                compared += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "no such commands: {wrong:#?}");
    assert!(compared >= 10, "only {compared} flags were found in the documents");
}

#[test]
fn targets_of_make_that_are_named_exist() {
    let makefile = document("Makefile").text;
    let targets: Vec<&str> = makefile.lines().filter_map(|line| line.split_once(':').map(|(target, _)| target)).collect();
    for page in &pages() {
        for words in command_lines(page, "make") {
            for target in words.iter().take_while(|word| !word.contains('=')) {
                assert!(targets.contains(&target.as_str()), "{}: make {target}", page.name);
            }
        }
    }
}
