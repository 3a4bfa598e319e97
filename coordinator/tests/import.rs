//! Many calls from a file: the right rows go in, each wrong one is told with its line, and the file can be imported again.

#![allow(clippy::unwrap_used)]

#[path = "support/command.rs"]
mod command;

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

use command::command;
use offhook_test_database::{TestDatabase, until};

const HEADER: &str =
    "request_key,number,restaurant_name,restaurant_zone,guest_name,guest_phone,party_size,wanted_date,wanted_time";

/// A folder that goes when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = std::env::temp_dir().join(format!("offhook-import-{}", uuid::Uuid::new_v4().simple()));
        std::fs::create_dir(&path).unwrap();
        Folder(path)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn import(database: &TestDatabase, file: &Path, flags: &[&str]) -> Output {
    command(database).args(["call", "import"]).arg(file).args(flags).stdin(Stdio::null()).output().unwrap()
}

fn summary(output: &Output) -> serde_json::Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{}", told(output)))
}

/// Rows, new, known, refused.
fn counts(output: &Output) -> [u64; 4] {
    let summary = summary(output);
    ["rows", "inserted", "known", "refused"].map(|name| summary[name].as_u64().unwrap())
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn day() -> String {
    (chrono::Utc::now().date_naive() + chrono::Days::new(30)).to_string()
}

fn row(nth: usize) -> String {
    format!("order-{nth},+4930{:07},\"Löwen, Zum\",Europe/Berlin,Ada,+4915112345678,2,{},19:30", 1_000_000 + nth, day())
}

fn file_of(rows: impl IntoIterator<Item = String>) -> String {
    rows.into_iter().fold(HEADER.to_owned() + "\n", |file, row| file + &row + "\n")
}

#[tokio::test]
async fn good_rows_go_in_and_wrong_ones_are_told_and_kept_to_be_corrected() {
    let (database, folder) = (TestDatabase::new().await, Folder::new());
    let mut rows: Vec<String> = (0..2500).map(row).collect();
    rows[3] = row(3).replace(",2,", ",51,");
    rows[1200] = row(1200).replace(",2,", ",two,");
    rows[1201] = row(1201).replace("+4930", "030 ");
    rows[2000] = "order-2000,only three,fields".to_owned();
    rows[2001] = row(2001).replace("19:30", "half past seven");
    rows[2002] = row(2002).replace(&day(), "24.12.2030");
    let file = folder.file("calls.csv", file_of(rows));
    let errors = folder.0.join("refused.csv");
    let output = import(&database, &file, &["--json", "--errors", errors.to_str().unwrap()]);
    assert_eq!((output.status.code(), counts(&output)), (Some(1), [2500, 2494, 0, 6]));
    let lines: Vec<serde_json::Value> = told(&output).lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    for (line, sentence, hint) in [
        (5, "party_size is 51", "from 1 to 50"),
        (1202, "party_size \"two\" is not a whole number", "digits only"),
        (1203, "neither a telephone number", "country code"),
        (2002, "the line has 3 fields, and the first line names 9", "double quotes"),
        (2003, "wanted_time \"half past seven\" is not a time of day", "19:30"),
        (2004, "wanted_date \"24.12.2030\" is not a day", "2030-12-04"),
    ] {
        let found = lines.iter().find(|told| told["line"] == line).unwrap_or_else(|| panic!("line {line}: {lines:?}"));
        assert!(found["sentence"].as_str().unwrap().contains(sentence), "{found}");
        assert!(found["hint"].as_str().unwrap().contains(hint), "{found}");
    }
    assert_eq!(lines.len(), 6);
    assert_eq!(database.one::<i64>("select count(*) from calls where restaurant_name = 'Löwen, Zum'").await, 2494);

    let corrected =
        std::fs::read_to_string(&errors).unwrap().replace(",51,", ",5,").replace(",two,", ",2,").replace("030 ", "+4930");
    let corrected = corrected
        .replace("half past seven", "19:30")
        .replace("24.12.2030", &day())
        .replace("order-2000,only three,fields", &row(2000));
    let again = import(&database, &folder.file("corrected.csv", corrected), &["--json"]);
    assert_eq!((again.status.code(), counts(&again)), (Some(0), [6, 6, 0, 0]), "{}", told(&again));
    let whole = import(&database, &folder.file("whole.csv", file_of((0..2500).map(row))), &["--json"]);
    assert_eq!((whole.status.code(), counts(&whole)), (Some(0), [2500, 0, 2500, 0]), "nothing is inserted twice");
    assert_eq!(database.one::<i64>("select count(*) from calls").await, 2500);
}

#[tokio::test]
async fn numbers_of_a_phone_book_go_in_as_they_are_shown() {
    let (database, folder) = (TestDatabase::new().await, Folder::new());
    let numbers =
        ["\u{ff0b}\u{ff14}\u{ff19}301000000", "0049\u{202f}(0)30/1000001", "\u{feff}tel:+49-30-1000002", "+49 30 1000003 ext. 4"];
    let rows = numbers.iter().enumerate().map(|(nth, number)| row(nth).replace(&format!("+4930{:07}", 1_000_000 + nth), number));
    let output = import(&database, &folder.file("calls.csv", file_of(rows)), &["--json"]);
    assert_eq!((output.status.code(), counts(&output)), (Some(1), [4, 3, 0, 1]), "{}", told(&output));
    assert!(told(&output).contains("it has U+0065 \\\"e\\\", which belongs in no telephone number"), "{}", told(&output));
    let stored = database.one::<String>("select string_agg(number, ' ' order by request_key) from calls").await;
    assert_eq!(stored, "+49301000000 +49301000001 +49301000002");
}

#[tokio::test]
async fn json_lines_say_the_same_and_may_leave_out_what_has_a_default() {
    let (database, folder) = (TestDatabase::new().await, Folder::new());
    let right = |key: &str, more: &str| {
        format!(
            r#"{{"request_key": "{key}", "number": "+493012345678", "restaurant_name": "Löwen", "restaurant_zone": "Europe/Berlin", "guest_name": "Ada", "guest_phone": "+4915112345678", "party_size": 2, "wanted_date": "{}", "wanted_time": "19:30"{more}}}"#,
            day()
        )
    };
    let lines = [
        right("a", ""),
        right("b", &format!(r#", "other_dates": ["{}"], "record": false, "priority": 7, "kind": null"#, day())),
        right("c", r#", "record": "perhaps""#),
        right("d", r#", "special_requests": {"menu": "vegan"}"#),
        right("e", r#", "colour": "blue""#),
        right("f", r#", "kind": "reserve""#),
        r#"{"request_key": "g""#.to_owned(),
        String::new(),
        right("h", r#", "notes_not_closed": "#),
        right("a", ""),
        right("i", r#", "guest_name": "A\u0000da""#),
    ];
    let output = import(&database, &folder.file("calls.jsonl", lines.join("\n")), &[]);
    let (said, told) = (String::from_utf8(output.stdout.clone()).unwrap(), told(&output));
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert!(said.starts_with("10 rows: 2 new, 1 known already, 7 refused"), "{said}");
    for part in [
        "line 3: record \"perhaps\" is neither true nor false (Write true or false.)",
        "line 4: special_requests cannot be an object",
        "line 5: there is no column \"colour\" (The columns are request_key, kind, number",
        "line 6: kind \"reserve\" is not known (Use book, change, cancel, confirm.)",
        "line 7: the line is no JSON",
        "line 9: the line is no JSON",
        "line 11: the line holds a zero byte",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let row: String = database
        .one("select concat_ws(' ', kind, record, priority, cardinality(other_dates), max_attempts) from calls where request_key = 'b'")
        .await;
    assert_eq!(row, "book f 7 1 3");
}

#[tokio::test]
async fn a_file_that_cannot_be_understood_is_refused_at_its_first_line() {
    let (database, folder) = (TestDatabase::new().await, Folder::new());
    for (text, sentence, hint) in [
        (&b"number,phone\n"[..], "there is no column \"phone\"", "The columns are request_key"),
        (b"Number,Restaurant Name\n", "there is no column \"Number\"", "Write it as number."),
        (b"number;restaurant_name\n", "the first line is one column", "--delimiter ';'"),
        (b"number,number\n", "stands twice", "once"),
        (b"\xff\xfen\0u\0", "UTF-16", "Save it as UTF-8"),
        (b"n\xfcmber,x\n", "not UTF-8", "Save the file as UTF-8"),
        (b"number,\"restaurant\n", "a quote is not closed", "Close it"),
        // The insides of the table are nobody's to fill in.
        (b"number,state,attempt\n", "there is no column \"state\"", "The columns are"),
    ] {
        let output = import(&database, &folder.file("calls.csv", text), &[]);
        let told = told(&output);
        assert_eq!(output.status.code(), Some(1));
        assert!(told.contains("line 1") && told.contains(sentence) && told.contains(hint), "{told}");
    }
    let nameless = import(&database, &folder.file("calls.txt", HEADER), &[]);
    assert!(told(&nameless).contains("add --format csv or --format jsonl"), "{}", told(&nameless));
    assert!(told(&import(&database, &folder.0.join("none.csv"), &[])).contains("none.csv cannot be read"));
    let file = folder.file("calls.csv", file_of([row(1)]));
    let same = import(&database, &file, &["--errors", file.to_str().unwrap()]);
    assert!(told(&same).contains("name another one"), "{}", told(&same));
    assert!(std::fs::read_to_string(&file).unwrap().contains("order-1,"), "it is not overwritten");
    let array = import(&database, &folder.file("calls.json", "[{}]"), &[]);
    assert!(told(&array).contains("jq -c '.[]'"), "{}", told(&array));
}

#[tokio::test]
async fn a_line_of_nonsense_spoils_itself_only() {
    let (database, folder) = (TestDatabase::new().await, Folder::new());
    let mut file = b"\xef\xbb\xbf".to_vec();
    file.extend(file_of([row(1)]).into_bytes());
    file.extend(b"order-x,\"never closed,+49\n");
    file.extend(row(2).into_bytes());
    file.extend(b"\r\norder-\xff\xfe,b,c,d,e,f,g,h,i\n\n");
    file.extend(row(3).replace("\"Löwen, Zum\"", "\"Löwen\n\"\"Zum\"\"\"").into_bytes());
    file.extend(b"\n");
    file.extend(vec![b'x'; 3 << 20]);
    file.extend(b"\n");
    file.extend(row(4).into_bytes());
    let file = folder.file("calls.csv", file);
    let output = import(&database, &file, &["--json"]);
    assert_eq!(counts(&output), [7, 4, 0, 3], "{}", told(&output));
    let told = told(&output);
    for (line, sentence) in [(3, "a quote is not closed"), (5, "the line is not UTF-8"), (9, "the line is longer")] {
        let found =
            told.lines().find(|told| told.contains(&format!("\"line\":{line},"))).unwrap_or_else(|| panic!("{line}: {told}"));
        assert!(found.contains(sentence), "{found}");
    }
    assert_eq!(database.one::<String>("select restaurant_name from calls where request_key = 'order-3'").await, "Löwen\n\"Zum\"");
}

#[tokio::test]
async fn a_dry_run_looks_at_every_row_and_keeps_none() {
    let (database, folder) = (TestDatabase::new().await, Folder::new());
    let file = folder.file("calls.csv", file_of([row(1), row(2).replace(",2,", ",0,"), row(3)]));
    let output = import(&database, &file, &["--dry-run", "--json"]);
    assert_eq!((output.status.code(), counts(&output)), (Some(1), [3, 2, 0, 1]));
    assert_eq!(summary(&output)["dry_run"], true);
    assert!(told(&output).contains("party_size is 0"));
    assert_eq!(database.one::<i64>("select count(*) from calls").await, 0);
}

#[tokio::test]
async fn rows_come_from_standard_input_too_and_a_file_without_keys_is_warned_of() {
    let database = TestDatabase::new().await;
    let mut child = command(&database)
        .args(["call", "import", "-", "--format", "csv", "--delimiter", ";"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let text = file_of([row(1), row(2)]).replace("\"Löwen, Zum\"", "Löwen").replace("request_key,", "").replace(',', ";");
    let text = text.replace("order-1;", "").replace("order-2;", "");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    assert!(told(&output).contains("2 rows have no request_key: importing the file again would insert them once more"));
    assert_eq!(database.one::<i64>("select count(*) from calls").await, 2);
}

#[tokio::test]
async fn an_import_that_loses_its_database_says_where_it_stopped_and_can_be_repeated() {
    let (database, folder) = (TestDatabase::new().await, Folder::new());
    let rows = file_of((0..1000).map(row));
    let more = (1000..2000).map(row).fold(String::new(), |file, row| file + &row + "\n");
    let mut child = command(&database)
        .args(["call", "import", "-", "--format", "csv"])
        .env("OFFHOOK_DATABASE_TIMEOUT", "1s")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(rows.as_bytes()).unwrap();
    // The first chunk goes when it is full, without the end of the file.
    until("the first rows are in", || async { database.one::<i64>("select count(*) from calls").await == 1000 }).await;
    let url = database.url();
    let (base, name) = url.expose().rsplit_once('/').unwrap();
    let elsewhere = sqlx::PgPool::connect(&format!("{base}/postgres")).await.unwrap();
    let connections = async |allowed: bool| {
        let closed = format!(
            "alter database {name} allow_connections {allowed}; select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(closed)).execute(&elsewhere).await.unwrap();
    };
    connections(false).await;
    input.write_all(more.as_bytes()).unwrap();
    drop(input);
    let output = child.wait_with_output().unwrap();
    let said = told(&output);
    assert_eq!(output.status.code(), Some(1));
    assert!(said.contains("stopped at line 1002") && said.contains("1000 rows are in; import the file again"), "{said}");
    connections(true).await;
    let again = import(&database, &folder.file("calls.csv", rows + &more), &["--json"]);
    assert_eq!(counts(&again), [2000, 1000, 1000, 0], "{}", told(&again));
}

#[tokio::test]
async fn a_role_that_may_only_insert_calls_may_import_them() {
    let (database, folder) = (TestDatabase::new().await, Folder::new());
    let role = format!("importer_{}", uuid::Uuid::new_v4().simple());
    database.run(format!("create role {role} login password 'p' in role offhook_user")).await;
    let file = folder.file("calls.csv", file_of([row(1)]));
    let url = database.url();
    let (_, rest) = url.expose().split_once('@').unwrap();
    let output = command(&database)
        .args(["call", "import", file.to_str().unwrap(), "--json"])
        .env("OFFHOOK_DATABASE_URL", format!("postgres://{role}:p@{rest}"))
        .output()
        .unwrap();
    let counted = counts(&output);
    database.run(format!("drop role {role}")).await;
    assert_eq!(counted, [1, 1, 0, 0], "{}", told(&output));
}

#[tokio::test]
async fn copy_takes_calls_as_well_all_or_none() {
    let database = TestDatabase::new().await;
    let mut connection = database.pool.acquire().await.unwrap();
    let statement = format!("copy calls ({HEADER}) from stdin with (format csv, header)");
    let mut copy = connection.copy_in_raw(&statement).await.unwrap();
    copy.send(file_of((0..100).map(row)).as_bytes()).await.unwrap();
    assert_eq!(copy.finish().await.unwrap(), 100);
    assert_eq!(database.one::<i64>("select count(*) from calls where state = 'queued' and due_at is not null").await, 100);
    let mut copy = connection.copy_in_raw(&statement).await.unwrap();
    copy.send(file_of([row(200), row(201).replace(",2,", ",0,")]).as_bytes()).await.unwrap();
    let refused = copy.finish().await.unwrap_err().to_string();
    assert!(refused.contains("party_size is 0"), "{refused}");
    assert_eq!(database.one::<i64>("select count(*) from calls").await, 100);
}
