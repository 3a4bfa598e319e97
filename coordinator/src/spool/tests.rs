#![allow(clippy::unwrap_used)]
use std::os::unix::fs::symlink;

use super::*;

const ATTEMPT: AttemptId = AttemptId { call_id: 12, attempt: 3 };

/// A spool that goes when it is dropped.
struct TestSpool(Spool);

impl TestSpool {
    fn new(test: &str) -> TestSpool {
        let root = std::env::temp_dir().join(format!("offhook-spool-{test}-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        TestSpool(Spool::new(fs::canonicalize(root).unwrap()))
    }

    fn write(&self, attempt: AttemptId, files: &[(&str, &[u8])]) {
        fs::create_dir_all(self.0.folder(attempt)).unwrap();
        for (name, content) in files {
            fs::write(self.0.folder(attempt).join(name), content).unwrap();
        }
    }

    fn uri(&self, attempt: AttemptId, name: &str) -> String {
        format!("file://{}", self.0.folder(attempt).join(name).display())
    }

    fn left(&self, attempt: AttemptId) -> Vec<String> {
        let entries = fs::read_dir(self.0.folder(attempt)).into_iter().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for TestSpool {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0.root);
    }
}

/// A second of a recording whose writer was killed in the middle of the next page.
fn cut_recording() -> Vec<u8> {
    let mut writer = offhook_recording::OggOpusWriter::new(1, 2, 16_000, 312);
    let head = writer.head("test", "DESCRIPTION=test");
    let (first, next) = (writer.end_page(vec![7; 100], 48_312), writer.end_page(vec![7; 100], 96_312));
    [&head, &first, &next[..50]].concat()
}

#[test]
fn a_recording_is_deleted_with_its_folder_and_nothing_elsewhere_is() {
    let test = TestSpool::new("deleting");
    let spool = &test.0;
    test.write(ATTEMPT, &[(RECORDING_FILE, b"sound"), (REPORT_FILE, b"words")]);
    let other = spool.root.join("somebody's");
    fs::write(&other, b"not ours").unwrap();

    assert!(spool.delete(ATTEMPT, KeptFile::Recording, &format!("file://{}", other.display())).is_err());
    assert!(spool.delete(ATTEMPT, KeptFile::Recording, "s3://somewhere/12-3").is_err());
    assert!(other.exists() && test.left(ATTEMPT).contains(&RECORDING_FILE.to_owned()));

    let uri = test.uri(ATTEMPT, RECORDING_FILE);
    assert!(spool.delete(ATTEMPT, KeptFile::Recording, &uri).is_ok());
    assert!(!spool.folder(ATTEMPT).exists());
    assert!(spool.delete(ATTEMPT, KeptFile::Recording, &uri).is_ok(), "deleted twice is deleted");
}

#[test]
fn the_folder_goes_with_the_last_file_that_was_kept() {
    for files in [[KeptFile::Recording, KeptFile::EventLog], [KeptFile::EventLog, KeptFile::Recording]] {
        let test = TestSpool::new("last");
        test.write(ATTEMPT, &[(RECORDING_FILE, b"sound"), (EVENT_LOG_FILE, b"{}\n"), (REPORT_FILE, b"words")]);
        let [first, last] = files.map(|file| (file, test.uri(ATTEMPT, file.name())));
        test.0.delete(ATTEMPT, first.0, &first.1).unwrap();
        assert!(
            !test.left(ATTEMPT).contains(&first.0.name().to_owned()) && test.left(ATTEMPT).contains(&last.0.name().to_owned())
        );
        let elsewhere = test.0.delete(ATTEMPT, last.0, "s3://somewhere/12-3").unwrap_err().to_string();
        assert!(elsewhere.contains(&format!("select {}(12, 3)", last.0.deleted_function())), "{elsewhere}");
        test.0.delete(ATTEMPT, last.0, &last.1).unwrap();
        assert!(!test.0.folder(ATTEMPT).exists());
    }
}

#[test]
fn of_a_settled_attempt_only_sound_and_event_log_are_kept() {
    let test = TestSpool::new("tidying");
    let spool = &test.0;
    let [sounding, silent, logged, both, nothing] = [1, 2, 3, 4, 5].map(|call_id| AttemptId { call_id, attempt: 1 });
    // The worker was killed in the middle of a line.
    let cut_log = b"{\"line\":\"setup\"}\n{\"line\":\"ev";
    for (attempt, recording, log) in [
        (sounding, Some(cut_recording()), None),
        (silent, Some(b"OggS".to_vec()), None),
        (logged, None, Some(&cut_log[..])),
        (both, Some(cut_recording()), Some(&cut_log[..])),
        (nothing, Some(b"OggS".to_vec()), Some(&b""[..])),
    ] {
        test.write(attempt, &[(SPECIFICATION_FILE, b"{}"), ("worker.log", b"{}")]);
        recording.iter().for_each(|recording| test.write(attempt, &[(RECORDING_FILE, recording)]));
        log.iter().for_each(|log| test.write(attempt, &[(EVENT_LOG_FILE, log)]));
    }

    let rescued = spool.contents(sounding).files.rescued.unwrap();
    assert_eq!((rescued.duration_ms, rescued.complete, rescued.sha256.len()), (1_000, false, 64));
    assert_eq!(spool.contents(sounding).files.event_log, None);
    assert_eq!(spool.contents(silent).files, KeptFiles::default());
    let told = EventLogFile { uri: test.uri(logged, EVENT_LOG_FILE), bytes: cut_log.len() as u64 };
    assert_eq!(spool.contents(logged).files, KeptFiles { event_log: Some(told), ..KeptFiles::default() });
    assert!(spool.contents(both).files.event_log.is_some() && spool.contents(both).files.rescued.is_some());
    assert_eq!(spool.contents(nothing).files, KeptFiles::default());

    let mut untidy = spool.attempts().unwrap();
    untidy.sort();
    assert_eq!(untidy, [sounding, silent, logged, both, nothing]);
    for attempt in untidy {
        spool.tidy(attempt).unwrap();
    }
    assert_eq!(spool.attempts().unwrap(), []);
    assert_eq!(test.left(sounding), [RECORDING_FILE]);
    assert_eq!(test.left(logged), [EVENT_LOG_FILE]);
    assert_eq!(test.left(both), [EVENT_LOG_FILE, RECORDING_FILE]);
    for attempt in [silent, nothing] {
        assert!(!spool.folder(attempt).exists(), "neither sound nor log, no folder");
    }
    spool.remove(both).unwrap();
    spool.remove(both).unwrap();
    assert!(!spool.folder(both).exists());
}

#[test]
fn a_folder_without_secrets_is_untidy_until_it_is_tidied() {
    let test = TestSpool::new("scrubbing");
    test.write(ATTEMPT, &[(SPECIFICATION_FILE, b"{}"), (EVENT_LOG_FILE, b"{}\n")]);
    test.0.scrub(ATTEMPT).unwrap();
    assert!(!test.left(ATTEMPT).contains(&SPECIFICATION_FILE.to_owned()));
    assert_eq!(test.0.attempts().unwrap(), [ATTEMPT]);
    test.0.tidy(ATTEMPT).unwrap();
    assert_eq!((test.left(ATTEMPT), test.0.attempts().unwrap()), (vec![EVENT_LOG_FILE.to_owned()], vec![]));
    let unknown = AttemptId { call_id: 13, attempt: 1 };
    test.0.scrub(unknown).unwrap();
    assert!(!test.0.folder(unknown).exists(), "where there was no folder, none is made");
}

#[test]
fn a_link_is_no_event_log() {
    let test = TestSpool::new("link");
    test.write(ATTEMPT, &[(REPORT_FILE, b"{}")]);
    let elsewhere = test.0.root.join("somebody's");
    fs::write(&elsewhere, b"not ours").unwrap();
    symlink(&elsewhere, test.0.folder(ATTEMPT).join(EVENT_LOG_FILE)).unwrap();
    assert_eq!(test.0.contents(ATTEMPT).files.event_log, None);
    assert_eq!(test.left(ATTEMPT), [REPORT_FILE]);
    assert!(elsewhere.exists());
}

#[test]
fn folders_are_named_for_call_and_attempt() {
    assert_eq!(Spool::new("/spool").folder(ATTEMPT), PathBuf::from("/spool/12-3"));
    assert_eq!(attempt_of("12-3"), Some(ATTEMPT));
    assert_eq!(attempt_of("lost+found"), None);
}
