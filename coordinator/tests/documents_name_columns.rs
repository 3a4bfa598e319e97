//! Tables, columns and statements as documents name them are those of a migrated database; and every column of a trunk that people set
//! is documented.
#![allow(clippy::unwrap_used)]

#[path = "support/documents.rs"]
mod documents;

use std::collections::{BTreeMap, BTreeSet};

use documents::{Code, code, document, pages};
use offhook_test_database::TestDatabase;
use sqlx::{AssertSqlSafe, Executor};

/// Columns of `trunks` that offhook keeps for itself, or that a command sets.
const OFFHOOKS_OWN: &[&str] = &["name", "tokens", "refilled_at", "failures", "paused_until", "paused", "pause_reason"];

/// Words in docs/trunks.md that look like columns and are something of SIP, of this repository, or a column's value.
const NO_COLUMNS: &[&str] = &[
    "rport",
    "path",
    "auth",
    "stale",
    "baresip_signalling",
    "udp",
    "tcp",
    "tls",
    "off",
    "prefer",
    "require",
    "e164",
    "international",
    "digits",
    "national",
];

/// `events.jsonl` is a file.
const FILE_ENDINGS: &[&str] = &["jsonl", "json", "rs", "sql", "md"];

/// Columns by table and view.
async fn columns(database: &TestDatabase) -> BTreeMap<String, BTreeSet<String>> {
    let found: Vec<(String, String)> = sqlx::query_as(
        "select table_name::text, column_name::text from information_schema.columns where table_schema = current_schema",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    let mut columns: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (table, column) in found {
        columns.entry(table).or_default().insert(column);
    }
    columns
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[tokio::test]
async fn every_column_that_is_named_exists() {
    let columns = columns(&TestDatabase::new().await).await;
    let mut wrong = Vec::new();
    for page in &pages() {
        for piece in code(page).inline {
            let Some((table, column)) = piece.split_once('.') else { continue };
            let Some(known) = columns.get(table) else { continue };
            let (stem, star) = column.strip_suffix('*').map_or((column, false), |stem| (stem, true));
            let there = if star { known.iter().any(|name| name.starts_with(stem)) } else { known.contains(column) };
            if !there && (star || is_name(column)) && !FILE_ENDINGS.contains(&column) {
                wrong.push(format!("{}: {piece}", page.name));
            }
        }
    }
    let trunks = &columns["trunks"];
    for piece in code(&document("docs/trunks.md")).inline {
        if is_name(&piece) && !trunks.contains(&piece) && !columns.contains_key(&piece) && !NO_COLUMNS.contains(&piece.as_str()) {
            wrong.push(format!("docs/trunks.md: {piece}"));
        }
    }
    assert!(wrong.is_empty(), "no such columns: {wrong:#?}");
}

#[tokio::test]
async fn every_column_of_a_trunk_that_people_set_is_in_the_readme() {
    let columns = columns(&TestDatabase::new().await).await;
    let readme = document("README.md").text;
    let rows = readme.split("| column | what |").nth(1).expect("the table of the columns").trim_start();
    let rows =
        rows.lines().map(str::trim_start).take_while(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    let named: BTreeSet<String> =
        rows.flat_map(|row| row.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect();
    let set_by_people = columns["trunks"].iter().filter(|column| !OFFHOOKS_OWN.contains(&column.as_str()));
    assert_eq!(named, set_by_people.cloned().collect());
}

/// What stands for a value in a document, as a value.
fn runnable(statement: &str) -> String {
    let statement = statement.trim().trim_end_matches(';');
    // The values that are left out: those that are there.
    if let Some((insert, _)) = statement.split_once("values (…)")
        && let Some((table, columns)) = insert.trim_start_matches("insert into ").split_once('(')
    {
        return format!("{insert} select {} from {table}", columns.trim_end().trim_end_matches(')'));
    }
    statement.replace(" …", " null").replace("(…", "(null").replace("ID", "1")
}

#[tokio::test]
async fn every_statement_that_is_written_runs() {
    let database = TestDatabase::new().await;
    let mut wrong = Vec::new();
    let mut tried = 0;
    for page in &pages() {
        let Code { inline, blocks } = code(page);
        let in_blocks = blocks.into_iter().filter(|(kind, _)| kind == "sql").flat_map(|(_, text)| {
            let plain: Vec<&str> = text.lines().filter(|line| !line.starts_with('\\')).collect();
            plain.join("\n").split(';').map(str::to_owned).collect::<Vec<_>>()
        });
        let begins = ["select ", "insert into ", "update ", "delete from "];
        let statements =
            inline.into_iter().flat_map(|piece| piece.split("; ").map(str::to_owned).collect::<Vec<_>>()).chain(in_blocks);
        for statement in statements.map(|statement| statement.trim().to_owned()) {
            if !begins.iter().any(|begin| statement.starts_with(begin)) || statement.split_whitespace().count() < 3 {
                continue;
            }
            tried += 1;
            // Planned, not carried out: names, types and the number of values are looked at, and no row is there that it could be about.
            let plan = format!("explain {}", runnable(&statement));
            if let Err(error) = (&database.pool).execute(AssertSqlSafe(plan)).await {
                wrong.push(format!("{}: {statement}: {error}", page.name));
            }
        }
    }
    assert!(wrong.is_empty(), "these do not run: {wrong:#?}");
    assert!(tried >= 20, "only {tried} statements were found in the documents");
}
