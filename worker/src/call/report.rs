//! What an attempt leaves behind: its report, on disk first and then in the database.

use std::path::Path;

use offhook::{
    attempt::{CodecName, NOTES_FILE, REPORT_FILE},
    report::{RecordingReport, Report},
    store::worker::Note,
};
use offhook_media::{EarlyMedia, MediaOutcome, Recording};
use offhook_mind::action::Conclusion;
use serde::Serialize;

/// The report of an attempt in which nobody answered, with what was heard before: an announcement is worth keeping.
pub fn with_early_media(report: Report, early: EarlyMedia) -> Report {
    let EarlyMedia { outcome, .. } = early;
    Report {
        codec: outcome.codec.map(|codec| codec.in_sdp().to_owned()),
        media: Some(outcome.report),
        recording: outcome.recording.map(recording_report),
        ..report
    }
}

/// The report of a conversation.
pub fn of_conversation(conclusion: Conclusion, codec: CodecName, media: MediaOutcome) -> Report {
    Report {
        sip_code: Some(200),
        detail: conclusion.detail,
        failed_provider: conclusion.failed_provider,
        codec: Some(media.codec.unwrap_or(codec).in_sdp().to_owned()),
        media: Some(media.report),
        outcome: conclusion.outcome,
        recording: media.recording.map(recording_report),
        do_not_call: conclusion.do_not_call,
        ended: conclusion.ended,
        ..Report::new(conclusion.disposition)
    }
}

fn recording_report(recording: Recording) -> RecordingReport {
    RecordingReport {
        uri: format!("file://{}", recording.path.display()),
        sha256: recording.sha256,
        bytes: recording.bytes,
        duration_ms: recording.duration_ms,
        complete: recording.complete,
    }
}

/// Writes the report beside the recording, whole or not at all: the coordinator delivers it when the database could not be
/// told.
///
/// # Errors
/// Where the spool folder cannot be written.
pub fn write(spool: &Path, report: &Report) -> std::io::Result<()> {
    write_whole(spool, REPORT_FILE, report)
}

/// Writes what the database has not taken yet beside the report, for the same reason.
///
/// # Errors
/// Where the spool folder cannot be written.
pub fn write_notes(spool: &Path, notes: &[Note]) -> std::io::Result<()> {
    if notes.is_empty() { Ok(()) } else { write_whole(spool, NOTES_FILE, notes) }
}

fn write_whole(spool: &Path, name: &str, content: &(impl Serialize + ?Sized)) -> std::io::Result<()> {
    let unfinished = spool.join(format!("{name}.part"));
    let json = serde_json::to_vec_pretty(content).map_err(std::io::Error::other)?;
    std::fs::write(&unfinished, json)?;
    std::fs::File::open(&unfinished)?.sync_all()?;
    std::fs::rename(unfinished, spool.join(name))
}

#[cfg(test)]
mod tests {
    use offhook::disposition::Disposition;

    use super::*;

    #[test]
    fn a_report_on_disk_is_read_back_as_it_was() {
        let spool = std::env::temp_dir().join(format!("offhook-report-{}", std::process::id()));
        std::fs::create_dir_all(&spool).unwrap();
        let report = Report { sip_code: Some(486), sip_reason: Some("Busy Here".into()), ..Report::new(Disposition::Busy) };
        write(&spool, &report).unwrap();
        let read: Report = serde_json::from_slice(&std::fs::read(spool.join(REPORT_FILE)).unwrap()).unwrap();
        assert_eq!(read, report);
        std::fs::remove_dir_all(spool).unwrap();
    }
}
