//! What a worker wrote before it ended without a report, as a sentence for people: bounded, and without the secrets it was given.

use serde_json::Value;

/// How much of a worker's standard error is read, from its end, bytes.
pub const MOST_BYTES: usize = 16 * 1024;
/// How many of its lines are repeated.
const MOST_LINES: usize = 3;
/// Most characters of the sentence.
const MOST_CHARACTERS: usize = 400;
/// A shorter secret is a word that may be part of any sentence.
const SHORTEST_SECRET: usize = 4;

/// Returns the last errors that `written` (the end of a worker's standard error) has, without `secrets`; `None` where it has none.
pub fn last_words(written: &[u8], secrets: &[String]) -> Option<String> {
    let text = String::from_utf8_lossy(&written[written.len().saturating_sub(MOST_BYTES)..]).into_owned();
    let mut lines: Vec<String> = text.lines().rev().filter_map(error_of).take(MOST_LINES).collect();
    lines.reverse();
    lines.dedup();
    let mut said = lines.join("; ");
    // The longest first: a secret may be part of another one.
    let mut secrets: Vec<&String> = secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET).collect();
    secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    for secret in secrets {
        said = said.replace(secret.as_str(), "…");
    }
    let said: String = said.chars().take(MOST_CHARACTERS).collect();
    (!said.is_empty()).then_some(said)
}

/// The message of a line of the worker's log that is an error; a line that is not of its log as it is (a panic, the words of a linker).
fn error_of(line: &str) -> Option<String> {
    let plain = |text: &str| {
        let visible: String = text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect();
        visible.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let said = match serde_json::from_str::<Value>(line) {
        Ok(Value::Object(log)) => {
            if log.get("level").and_then(Value::as_str) != Some("ERROR") {
                return None;
            }
            let field = |name: &str| log.get("fields").and_then(|fields| fields.get(name)).and_then(Value::as_str);
            [field("message"), field("error")].into_iter().flatten().collect::<Vec<_>>().join(": ")
        }
        _ if line.trim_start().starts_with("note: ") => return None,
        _ => line.to_owned(),
    };
    let said = plain(&said);
    (!said.is_empty()).then_some(said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(written: &str, secrets: &[&str]) -> Option<String> {
        last_words(written.as_bytes(), &secrets.iter().map(ToString::to_string).collect::<Vec<_>>())
    }

    #[test]
    fn errors_of_the_log_and_what_is_no_log_are_repeated_and_nothing_else() {
        let log = concat!(
            r#"{"level":"INFO","fields":{"message":"hello"}}"#,
            "\n",
            r#"{"level":"ERROR","fields":{"message":"nothing was dialled","error":"the database: no"},"target":"offhook_worker"}"#,
            "\n"
        );
        assert_eq!(said(log, &[]).as_deref(), Some("nothing was dialled: the database: no"));
        let panic = "\nthread 'main' panicked at worker/src/main.rs:1:2:\nboom\u{1b}[0m\nnote: run with RUST_BACKTRACE=1\n";
        assert_eq!(said(panic, &[]).as_deref(), Some("thread 'main' panicked at worker/src/main.rs:1:2:; boom [0m"));
        for nothing in ["", "\n\n", r#"{"level":"WARN","fields":{"message":"x"}}"#] {
            assert_eq!(said(nothing, &[]), None);
        }
    }

    #[test]
    fn no_secret_is_repeated() {
        let url = "postgres://w:hunter2@db/x";
        assert_eq!(
            said("cannot use postgres://w:hunter2@db/x or hunter2 as a", &[url, "hunter2", "a"]).as_deref(),
            Some("cannot use … or … as a")
        );
    }

    #[test]
    fn whatever_was_written_the_sentence_is_short_and_on_one_line() {
        use rand::{RngExt, SeedableRng};
        let mut rng = rand::rngs::StdRng::seed_from_u64(5);
        let pieces: [&[u8]; 7] =
            [b"{", b"\"level\":\"ERROR\"", b"\n", b"\xff\xfe", b"\0", b"\"fields\":{\"message\":\"x\"}}", "ä".as_bytes()];
        for _ in 0..2_000 {
            let length = rng.random_range(0..300);
            let written: Vec<u8> = (0..length).flat_map(|_| pieces[rng.random_range(0..pieces.len())]).copied().collect();
            if let Some(said) = last_words(&written, &[]) {
                assert!(said.chars().count() <= MOST_CHARACTERS && !said.contains(char::is_control), "{said:?}");
            }
        }
        assert_eq!(said(&"x".repeat(1 << 20), &[]).map(|said| said.len()), Some(MOST_CHARACTERS));
    }
}
