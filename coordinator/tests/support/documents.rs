//! The documents of the repository, taken apart: prose, code in it, SQL, names.
#![allow(dead_code)] // every test file uses its part

use std::{
    fs,
    path::{Path, PathBuf},
};

/// A document.
pub struct Document {
    /// Its path in the repository.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// The repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is in the repository").to_owned()
}

/// One file.
pub fn document(name: &str) -> Document {
    let text = fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Document { name: name.to_owned(), text }
}

/// Every file in these folders with one of these endings.
pub fn all_in(folders: &[&str], endings: &[&str]) -> Vec<Document> {
    let mut names = Vec::new();
    for folder in folders {
        let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
        for name in entries.map(|entry| entry.expect("it can be read").file_name().to_string_lossy().into_owned()) {
            if endings.iter().any(|ending| name.ends_with(ending)) {
                names.push(if *folder == "." { name } else { format!("{folder}/{name}") });
            }
        }
    }
    names.sort();
    names.iter().map(|name| document(name)).collect()
}

/// README, CONTRIBUTING and docs/.
pub fn pages() -> Vec<Document> {
    all_in(&[".", "docs"], &[".md"])
}

/// The code in a page: what is between backquotes, and each block between ``` with its kind.
pub struct Code {
    /// One piece per pair of backquotes.
    pub inline: Vec<String>,
    /// Kind (`sh`, `sql`, `text`, …) and lines.
    pub blocks: Vec<(String, String)>,
}

/// Takes a page apart.
pub fn code(page: &Document) -> Code {
    let mut code = Code { inline: Vec::new(), blocks: Vec::new() };
    let mut prose = String::new();
    let mut block: Option<(String, String)> = None;
    for line in page.text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut block) {
            (Some(_), Some(_)) => code.blocks.extend(block.take()),
            (Some(kind), None) => block = Some((kind.trim().to_owned(), String::new())),
            (None, Some((_, lines))) => *lines += &format!("{}\n", line.trim_start()),
            (None, None) => prose += &format!("{line}\n"),
        }
    }
    assert!(block.is_none(), "{} ends within a block", page.name);
    code.inline.extend(prose.split('`').skip(1).step_by(2).map(|piece| piece.replace('\n', " ")));
    code
}

/// Names that begin with `prefix`, as words; a `*` after one is kept.
pub fn words_with(prefix: &str, text: &str) -> Vec<String> {
    let part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let mut words = Vec::new();
    for (at, _) in text.match_indices(prefix) {
        if text[..at].ends_with(part) {
            continue;
        }
        let rest = &text[at..];
        let end = rest.find(|c| !part(c)).unwrap_or(rest.len());
        let star = if rest[end..].starts_with('*') { "*" } else { "" };
        words.push(format!("{}{star}", &rest[..end]));
    }
    words
}
