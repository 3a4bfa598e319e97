//! The end of an attempt as the worker reports it, and as `worker_finish` (migrations/functions/finish.sql) stores it.

use serde::{Deserialize, Serialize};

use crate::{disposition::Disposition, end_cause::EndCause, outcome::OutcomeReport, provider::Provider};

/// What the worker leaves of an attempt: telephony and outcome apart. Also written to the spool as `report.json`, so that it
/// survives an outage of the database.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// How the telephone call ended.
    pub disposition: Disposition,
    /// The final SIP code, where there was one.
    pub sip_code: Option<u16>,
    /// Its reason phrase, or ours.
    pub sip_reason: Option<String>,
    /// The Q.850 cause of its Reason header (RFC 3326), e.g. 17 for a busy line.
    #[serde(default)]
    pub cause: Option<u16>,
    /// What ended the call once it was answered; `None` where nobody answered, or it is not known.
    #[serde(default)]
    pub ended: Option<EndCause>,
    /// The far end's Retry-After, in seconds.
    #[serde(default)]
    pub retry_after: Option<u32>,
    /// One sentence for people.
    pub detail: Option<String>,
    /// The provider that spoiled the call, whatever had been agreed before; `None` where none did.
    #[serde(default)]
    pub failed_provider: Option<Provider>,
    /// The codec of the media, as in SDP: `opus`, `G722`, `PCMU`, `PCMA`.
    pub codec: Option<String>,
    /// Counters of the media.
    pub media: Option<MediaReport>,
    /// The outcome; absent where nobody was talked to.
    #[serde(flatten)]
    pub outcome: Option<OutcomeReport>,
    /// The recording, where there is one.
    pub recording: Option<RecordingReport>,
    /// The callee does not want to be called again.
    #[serde(default)]
    pub do_not_call: bool,
}

impl Report {
    /// A report that says how the telephone call ended, and nothing more; what else is known is set beside it.
    pub fn new(disposition: Disposition) -> Self {
        Report {
            disposition,
            sip_code: None,
            sip_reason: None,
            cause: None,
            ended: None,
            retry_after: None,
            detail: None,
            failed_provider: None,
            codec: None,
            media: None,
            outcome: None,
            recording: None,
            do_not_call: false,
        }
    }
}

/// What one media session was like. Absent figures were never measured, e.g. where the peer sends no RTCP.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MediaReport {
    /// RTP packets received that carried sound.
    pub packets_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// Packets of the peer that never came (RFC 3550 section 6.4.1).
    pub packets_lost: u64,
    /// Frames of 20 ms that had to be concealed while the callee was sending.
    pub frames_concealed: u64,
    /// Packets that came too late to be played.
    pub packets_late: u64,
    /// Packets that came twice.
    pub packets_duplicate: u64,
    /// Packets that were none, not from the peer, or (SRTP) not authentic or replayed.
    pub packets_refused: u64,
    /// Interarrival jitter of what we received (RFC 3550 section 6.4.1), ms.
    pub jitter_ms: Option<f32>,
    /// Mean delay that the jitter buffer added, ms.
    pub buffer_ms: Option<f32>,
    /// Loss of what we sent, as the peer's last RTCP report says, 0 to 100.
    pub remote_loss_percent: Option<f32>,
    /// Jitter of what we sent, as the peer's last RTCP report says, ms.
    pub remote_jitter_ms: Option<f32>,
    /// From RTCP's LSR and DLSR, ms.
    pub round_trip_ms: Option<f32>,
    /// How a listener would rate what we heard, 1 to 4.5 (ITU-T G.107, simplified: an estimate).
    pub mos: Option<f32>,
    /// Whether the sound was encrypted both ways.
    pub encrypted: bool,
}

/// Where the recording lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordingReport {
    /// `file://` URI; the coordinator rewrites the worker's path to the host's.
    pub uri: String,
    /// Of the file, lower-case hex.
    pub sha256: String,
    /// Size of the file.
    pub bytes: u64,
    /// Length of the sound.
    pub duration_ms: u64,
    /// False where a page or the end is missing, as where its worker died.
    pub complete: bool,
}
