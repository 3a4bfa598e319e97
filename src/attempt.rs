//! What a worker is handed: everything about one attempt, as one JSON file that only it can read.

use std::{net::IpAddr, path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    destination::number_format::NumberFormat, language::Language, recording::RecordingPolicy, request::Request, secret::Secret,
};

/// The name of the specification inside the attempt's spool folder.
pub const SPECIFICATION_FILE: &str = "attempt.json";
/// The name of the report the worker leaves in the spool folder before it tells the database.
pub const REPORT_FILE: &str = "report.json";
/// The journal of tool calls, one JSON object a line, written only where the database was unreachable when one was about to run.
pub const TOOLS_FILE: &str = "tools.jsonl";
/// What the database had not taken when the call was over, an array of [`crate::store::worker::Note`]s.
pub const NOTES_FILE: &str = "notes.json";
/// The log of the conversation beside the recording: its events, and what followed from each (`offhook-worker replay`).
pub const EVENT_LOG_FILE: &str = "events.jsonl";
/// The name of the recording in the spool folder.
pub const RECORDING_FILE: &str = "recording.opus";

/// One attempt, in full. Written by the coordinator with mode 0400, read by the worker at start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AttemptSpecification {
    /// Which call.
    pub call_id: i64,
    /// Which attempt of it, from 1.
    pub attempt: u32,
    /// Opens the worker's functions in the database, for this attempt only.
    pub token: Secret,
    /// The database the worker writes to, credentials included.
    pub database_url: Secret,
    /// The folder this file lies in, as the worker sees it; report and recording go there.
    pub spool: PathBuf,
    /// What is to be negotiated.
    pub request: Request,
    /// Whom to dial and how.
    pub dial: DialSpecification,
    /// Sockets and codecs.
    pub media: MediaSpecification,
    /// Where hearing, thinking and speaking happen.
    pub providers: ProviderSpecification,
    /// How long anything may take.
    pub limits: CallLimits,
}

impl AttemptSpecification {
    /// Every secret in it, and the password within the database's URL: what must not be repeated where others read it.
    pub fn secrets(&self) -> Vec<String> {
        let url = self.database_url.expose();
        let credentials = url.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@')).map(|(credentials, _)| credentials);
        let password = credentials.and_then(|credentials| credentials.split_once(':')).map(|(_, password)| password);
        let providers = [&self.providers.speech_to_text, &self.providers.chat, &self.providers.text_to_speech];
        let keys = providers.into_iter().filter_map(|endpoint| endpoint.key.as_ref());
        let trunks = self.dial.trunks.iter().flat_map(|trunk| trunk.password.iter().chain(&trunk.tls.key));
        let secrets = [&self.token, &self.database_url].into_iter().chain(keys).chain(trunks);
        secrets
            .map(|secret| secret.expose().to_owned())
            .chain(password.map(str::to_owned))
            .filter(|secret| !secret.is_empty())
            .collect()
    }
}

/// Whom to dial, and the ways out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DialSpecification {
    /// E.164 or `sip:` URI, as in the row.
    pub number: String,
    /// Derived from call and attempt, so that a second INVITE of the same attempt can be recognised.
    pub sip_call_id: String,
    /// The attempt's trunk first, then those it may fail over to, in that order.
    pub trunks: Vec<TrunkSpecification>,
}

/// One way out: a trunk as its row in `trunks` describes it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TrunkSpecification {
    /// The row's name.
    pub name: String,
    /// Where requests are sent; `None` dials a `sip:` URI where it points.
    pub way_out: Option<WayOut>,
    /// Requests go there instead, with a Route header that says so (RFC 3261 section 8.1.2).
    #[serde(default)]
    pub outbound_proxy: Option<WayOut>,
    /// How the TLS peer is trusted, and how we show who we are.
    #[serde(default)]
    pub tls: TlsSpecification,
    /// Digest user, where the trunk wants one.
    pub username: Option<String>,
    /// Digest password.
    pub password: Option<Secret>,
    /// User part of From and Contact.
    pub caller_id: String,
    /// Host part of From; the local address where absent.
    pub from_domain: Option<String>,
    /// P-Asserted-Identity (RFC 3325), a `sip:` or `tel:` URI.
    #[serde(default)]
    pub asserted_identity: Option<String>,
    /// Our number is not to be shown: From is anonymous, `Privacy: id` is sent (RFC 3323).
    #[serde(default)]
    pub anonymous: bool,
    /// More headers for the INVITE, name and value.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
    /// REGISTER before the call and refresh during it, for so long a time; `None` where the trunk does not want it.
    #[serde(default, with = "optional_milliseconds")]
    pub register: Option<Duration>,
    /// Session-Expires we ask for (RFC 4028); `None` asks for nothing, and does what the peer asks.
    #[serde(default, with = "optional_milliseconds")]
    pub session_expires: Option<Duration>,
    /// Whether sound is encrypted.
    #[serde(default)]
    pub srtp: SrtpPolicy,
    /// In the order of preference.
    pub codecs: Vec<CodecName>,
    /// How it wants numbers written.
    #[serde(default)]
    pub number_format: NumberFormat,
}

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WayOut {
    /// Name or IP address.
    pub host: String,
    /// `None` asks the DNS (RFC 3263: NAPTR and SRV), and takes 5060 (TLS: 5061) where it knows nothing.
    pub port: Option<u16>,
    /// `None` lets NAPTR choose, and takes UDP where it says nothing.
    pub transport: Option<SipTransport>,
}

impl WayOut {
    /// This port of this host, over UDP.
    pub fn udp(host: impl Into<String>, port: u16) -> WayOut {
        WayOut { host: host.into(), port: Some(port), transport: Some(SipTransport::Udp) }
    }
}

/// What carries SIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SipTransport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream under TLS 1.2 or 1.3.
    Tls,
}

/// Trust under TLS. PEM texts, not paths: a worker sees no folder but its own.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct TlsSpecification {
    /// Certificates of our own authorities, instead of the public ones.
    pub authorities: Option<String>,
    /// Our certificate chain, where the trunk asks for one.
    pub certificate: Option<String>,
    /// Its private key.
    pub key: Option<Secret>,
    /// The name in the trunk's certificate, where it is not the host we dial.
    pub server_name: Option<String>,
}

/// Whether sound is encrypted by SRTP with keys in SDP (RFC 4568).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SrtpPolicy {
    /// Never offered, refused where offered.
    #[default]
    Off,
    /// Offered as RTP/AVP with `a=crypto`; plain sound is taken all the same.
    Prefer,
    /// Offered as RTP/SAVP; no call without it.
    Require,
}

/// UDP ports leased to an attempt, in a row from `attempts.port_base`; `offhook_free_ports` (migrations/functions/claim.sql) hands out
/// as many.
pub const PORTS_PER_ATTEMPT: u16 = 4;
/// Where SIP is among them.
const SIP_PORT_OFFSET: u16 = 0;
/// Where RTP is among them: on an even port, with RTCP on the one after it (RFC 3550 section 11).
const RTP_PORT_OFFSET: u16 = 2;

/// Sockets of the attempt.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MediaSpecification {
    /// The local address SIP and RTP are bound to, and advertised with where nothing else is said.
    pub address: IpAddr,
    /// The address peers reach us at, where it is not the local one (NAT).
    #[serde(default)]
    pub public_address: Option<IpAddr>,
    /// A STUN server (RFC 8489) that is asked for our public address, host and port; `public_address` counts for more.
    #[serde(default)]
    pub stun: Option<(String, u16)>,
    /// The first of the UDP ports leased to this attempt, even. 0: whatever is free.
    pub port_base: u16,
    /// Whether to record.
    pub record: bool,
    /// How, where it is recorded.
    #[serde(default)]
    pub recording: RecordingPolicy,
}

impl MediaSpecification {
    /// The port SIP is bound to; 0 takes a free one.
    pub fn sip_port(&self) -> u16 {
        self.leased(SIP_PORT_OFFSET)
    }

    /// The port RTP is bound to, RTCP on the next; 0 takes free ones.
    pub fn rtp_port(&self) -> u16 {
        self.leased(RTP_PORT_OFFSET)
    }

    fn leased(&self, offset: u16) -> u16 {
        if self.port_base == 0 { 0 } else { self.port_base.saturating_add(offset) }
    }
}

/// A codec we offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CodecName {
    /// RFC 7587, 48 kHz clock.
    Opus,
    /// G.722 at 64 kbit/s, payload type 9: 16 kHz of sound on a clock that says 8 (RFC 3551 section 4.5.2).
    G722,
    /// G.711 µ-law, payload type 0.
    Pcmu,
    /// G.711 A-law, payload type 8.
    Pcma,
}

impl CodecName {
    /// All of them, in the order we would choose: wide before narrow, and of the wide ones first the one that survives loss.
    pub const ALL: [CodecName; 4] = [CodecName::Opus, CodecName::G722, CodecName::Pcmu, CodecName::Pcma];

    /// As a trunk's row has it.
    pub fn of_row(name: &str) -> Option<CodecName> {
        CodecName::ALL.into_iter().find(|codec| codec.in_sdp().eq_ignore_ascii_case(name))
    }

    /// The encoding name in SDP (RFC 3551, RFC 7587).
    pub const fn in_sdp(self) -> &'static str {
        match self {
            CodecName::Opus => "opus",
            CodecName::G722 => "G722",
            CodecName::Pcmu => "PCMU",
            CodecName::Pcma => "PCMA",
        }
    }
}

/// One HTTP endpoint that speaks the OpenAI-compatible wire.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Endpoint {
    /// Up to and without `/chat/completions` and the like, e.g. `https://api.openai.com/v1`.
    pub base_url: String,
    /// Sent as bearer token, where given.
    pub key: Option<Secret>,
    /// The model's name on that server.
    pub model: String,
}

/// Where hearing, thinking and speaking happen.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ProviderSpecification {
    /// `POST {base}/audio/transcriptions`
    pub speech_to_text: Endpoint,
    /// `POST {base}/chat/completions`
    pub chat: Endpoint,
    /// `POST {base}/audio/speech`
    pub text_to_speech: Endpoint,
    /// The voice for each language.
    pub voices: Vec<(Language, String)>,
    /// The rate of a voice that comes as raw samples and does not say its rate, Hz; [`RAW_VOICE_RATE`] where absent.
    #[serde(default)]
    pub raw_voice_rate: Option<u32>,
    /// The same for the voice of one language, where it has another one.
    #[serde(default)]
    pub raw_voice_rates: Vec<(Language, u32)>,
    /// What their servers have shown of themselves, by the name of the provider: what the crate `offhook_providers` has written, for it
    /// to read again in another process. Null: nothing is known.
    #[serde(default)]
    pub learned: serde_json::Value,
}

/// What `pcm` means on this wire, Hz, unless a server says otherwise.
pub const RAW_VOICE_RATE: u32 = 24_000;

/// Wall clocks of one attempt. Serialised in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct CallLimits {
    /// From the first ringing answer (or the INVITE) to our CANCEL.
    #[serde(with = "milliseconds")]
    pub ring: Duration,
    /// From the answer to our polite end.
    #[serde(with = "milliseconds")]
    pub call: Duration,
    /// Without a word from the callee, before we ask whether somebody is there; twice that ends the call.
    #[serde(with = "milliseconds")]
    pub silence: Duration,
    /// From the request to the first token, the first sound, or the transcript.
    #[serde(with = "milliseconds")]
    pub provider_first: Duration,
    /// Between two tokens or two chunks of sound.
    #[serde(with = "milliseconds")]
    pub provider_stall: Duration,
    /// From the answer to the first packet of sound, before the call counts as one without media. (Later, ten seconds without a packet are
    /// a line that went down.)
    #[serde(with = "milliseconds")]
    pub media: Duration,
}

impl Default for CallLimits {
    fn default() -> Self {
        CallLimits {
            ring: Duration::from_secs(45),
            call: Duration::from_secs(300),
            silence: Duration::from_secs(10),
            provider_first: Duration::from_secs(8),
            provider_stall: Duration::from_secs(5),
            media: Duration::from_secs(10),
        }
    }
}

/// `Duration` as a whole number of milliseconds.
pub mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes milliseconds; what is below is dropped.
    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    /// Reads milliseconds.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

/// `Option<Duration>` as a whole number of milliseconds, or null.
pub mod optional_milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes milliseconds; what is below is dropped.
    pub fn serialize<S: Serializer>(duration: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
        duration.map(|duration| u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)).serialize(serializer)
    }

    /// Reads milliseconds.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_millis))
    }
}

/// The container's name, from call and attempt: a second create of the same attempt is refused by the engine.
pub fn container_name(call_id: i64, attempt: u32) -> String {
    format!("offhook-{call_id}-{attempt}")
}
