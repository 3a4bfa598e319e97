//! Names that are no setting, and the setting that was probably meant.

use std::ffi::OsString;

/// The most letters in which a misspelt name differs from the one that was meant.
const FAR: usize = 2;

/// The name that `name` was probably meant to be: it differs in few letters, in its underscores, or in upper and lower case.
pub fn nearest<'a>(name: &str, known: &'a [String]) -> Option<&'a str> {
    let name = name.to_ascii_uppercase();
    let plain = |text: &str| text.replace('_', "");
    let distance = |other: &str| distance(&plain(&name), &plain(other)).min(distance(&name, other));
    known.iter().map(|other| (distance(other), other)).filter(|(far, _)| *far <= FAR).min().map(|(_, other)| other.as_str())
}

/// Variables of the environment that were probably meant to be one of `known`, each with a sentence. Others that begin like ours may belong
/// to somebody else, as those that Kubernetes makes for a service.
pub fn misspelt(variables: impl IntoIterator<Item = (OsString, OsString)>, known: &[String]) -> Vec<String> {
    let mut sentences: Vec<String> = variables
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| name.to_ascii_uppercase().starts_with("OFFHOOK_") && !known.contains(name))
        .filter_map(|name| {
            let meant = nearest(&name, known)?;
            Some(format!("{name} in the environment is no setting and is ignored; did you mean {meant}?"))
        })
        .collect();
    sentences.sort();
    sentences
}

/// How many letters have to be put in, left out or changed (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (line, letter) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = line + 1;
        for (column, compared) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *compared);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::definitions::variables;

    #[test]
    fn a_misspelt_name_is_told_from_one_of_somebody_else() {
        let known = variables();
        for (name, meant) in [
            ("OFFHOOK_MAXCALLS", Some("OFFHOOK_MAX_CALLS")),
            ("OFFHOOK_MAX_CALL", Some("OFFHOOK_MAX_CALLS")),
            ("OFFHOOK_PROVIDER_URLS", Some("OFFHOOK_PROVIDER_URL")),
            ("offhook_lease", Some("OFFHOOK_LEASE")),
            ("OFFHOOK_DATABASEURLFILE", Some("OFFHOOK_DATABASE_URL_FILE")),
            ("OFFHOOK_SERVICE_HOST", None),
            ("OFFHOOK_TEST_DATABASE_URL", None),
        ] {
            assert_eq!(nearest(name, &known), meant, "{name}");
        }
        let given = |name: &str, value: &str| (OsString::from(name), OsString::from(value));
        let said = misspelt(
            [
                given("OFFHOOK_MAXCALLS", "3"),
                given("OFFHOOK_LEASE", "1s"),
                given("OFFHOOK_SERVICE_PORT", "1"),
                given("HOME", "/"),
            ],
            &known,
        );
        assert_eq!(said.len(), 1, "{said:?}");
        assert!(said[0].contains("OFFHOOK_MAXCALLS") && said[0].ends_with("did you mean OFFHOOK_MAX_CALLS?"), "{said:?}");
        assert!(known.iter().all(|name| nearest(name, &known) == Some(name)), "each is nearest to itself");
    }
}
