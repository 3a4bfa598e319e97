//! A peer's SDP, read for its one audio stream.

use std::net::SocketAddr;

use offhook::attempt::{CodecName, SrtpPolicy};
use sdp_types::{Attribute, Media, Session};

use super::{connection::address, crypto::PeerCrypto};
use crate::error::MediaError;

/// Which way sound flows, seen from the one who wrote the SDP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Both.
    SendReceive,
    /// He only sends.
    SendOnly,
    /// He only listens.
    ReceiveOnly,
    /// Neither.
    Inactive,
}

impl Direction {
    /// For one who sends and listens so.
    pub fn of(sends: bool, receives: bool) -> Self {
        match (sends, receives) {
            (true, true) => Direction::SendReceive,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::ReceiveOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// The attribute's name.
    pub fn name(self) -> &'static str {
        match self {
            Direction::SendReceive => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::ReceiveOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The writer sends.
    pub fn sends(self) -> bool {
        matches!(self, Direction::SendReceive | Direction::SendOnly)
    }

    /// The writer listens.
    pub fn receives(self) -> bool {
        matches!(self, Direction::SendReceive | Direction::ReceiveOnly)
    }

    fn among(attributes: &[Attribute]) -> Option<Self> {
        let all = [Direction::SendReceive, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive];
        let named = |attribute: &Attribute| all.into_iter().find(|known| attribute.attribute.eq_ignore_ascii_case(known.name()));
        attributes.iter().find_map(named)
    }
}

/// What a payload type is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Sound in a codec we know.
    Sound(CodecName),
    /// Digits (RFC 4733).
    Event {
        /// In Hz.
        clock_rate: u32,
    },
}

impl Purpose {
    /// By `a=rtpmap` (RFC 8866, section 6.6).
    fn mapped(encoding: &str, clock_rate: u32, channels: u32) -> Option<Self> {
        match (encoding.to_ascii_lowercase().as_str(), clock_rate) {
            ("opus", 48_000) => Some(Purpose::Sound(CodecName::Opus)),
            // Its clock says 8000; some write what it carries.
            ("g722", 8000 | 16_000) if channels == 1 => Some(Purpose::Sound(CodecName::G722)),
            ("pcmu", 8000) if channels == 1 => Some(Purpose::Sound(CodecName::Pcmu)),
            ("pcma", 8000) if channels == 1 => Some(Purpose::Sound(CodecName::Pcma)),
            ("telephone-event", 0) => Some(Purpose::Event { clock_rate: 8000 }),
            ("telephone-event", clock_rate) => Some(Purpose::Event { clock_rate }),
            _ => None,
        }
    }

    /// By number alone (RFC 3551, table 4).
    fn fixed(payload_type: u8) -> Option<Self> {
        match payload_type {
            0 => Some(Purpose::Sound(CodecName::Pcmu)),
            8 => Some(Purpose::Sound(CodecName::Pcma)),
            9 => Some(Purpose::Sound(CodecName::G722)),
            _ => None,
        }
    }
}

/// One payload type of the audio line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// 0 to 127.
    pub payload_type: u8,
    /// As in the SDP, for people.
    pub name: String,
    /// `None` for what we don't know, or where a dynamic number has no `a=rtpmap`.
    pub purpose: Option<Purpose>,
    /// There is an `a=rtpmap` for it.
    pub mapped: bool,
    /// `a=fmtp`, split.
    parameters: Vec<(String, String)>,
}

impl Format {
    /// A format parameter, by its lower-case name.
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// A media line of the peer; an answer has to have the same lines in the same order (RFC 3264, section 6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaLine {
    /// The line this description is about.
    pub chosen: bool,
    /// `audio`, `video`, `image`, …
    pub media: String,
    /// `RTP/AVP`, …
    pub protocol: String,
    /// Formats, as written.
    pub formats: String,
}

/// What we need of the peer's SDP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// Where it listens.
    pub remote: SocketAddr,
    /// In its order.
    pub formats: Vec<Format>,
    /// Seen from the peer.
    pub direction: Direction,
    /// `a=ptime`
    pub packet_ms: Option<u32>,
    /// `a=maxptime`
    pub max_packet_ms: Option<u32>,
    /// Its keys.
    pub crypto: PeerCrypto,
    /// All lines.
    pub media_lines: Vec<MediaLine>,
}

impl Description {
    /// Reads SDP; of the audio lines that are open, the one that fits the policy best counts, among equals the first.
    pub fn read(sdp: &str, policy: SrtpPolicy) -> Result<Self, MediaError> {
        let session = parse(sdp)?;
        let is_audio = |media: &&Media| media.media.eq_ignore_ascii_case("audio");
        let open: Vec<&Media> = session.medias.iter().filter(is_audio).filter(|media| media.port != 0).collect();
        let fitting = open.iter().filter_map(|media| Some((unfitness(media, policy)?, *media)));
        let Some((_, media)) = fitting.min_by_key(|(unfitness, _)| *unfitness) else {
            return Err(match (open.first(), session.medias.iter().find(is_audio)) {
                (Some(media), _) => MediaError::UnknownTransport(media.proto.clone()),
                (None, Some(_)) => MediaError::Refused,
                (None, None) => MediaError::NoAudio,
            });
        };
        let lines = session.medias.iter().map(|line| MediaLine {
            chosen: std::ptr::eq(line, media),
            media: line.media.clone(),
            protocol: line.proto.clone(),
            formats: line.fmt.clone(),
        });
        let number = |name: &str| value(&media.attributes, name).and_then(|text| text.trim().parse::<f64>().ok());
        Ok(Description {
            remote: SocketAddr::new(address(&session, media)?, media.port),
            formats: formats(media),
            direction: Direction::among(&media.attributes)
                .or_else(|| Direction::among(&session.attributes))
                .unwrap_or(Direction::SendReceive),
            packet_ms: number("ptime").map(|length| length as u32),
            max_packet_ms: number("maxptime").map(|length| length as u32),
            crypto: crypto(media),
            media_lines: lines.collect(),
        })
    }
}

/// Some gateways write an `o=` line that no number type holds. We don't need it, so it may be replaced.
fn parse(sdp: &str) -> Result<Session, MediaError> {
    let trimmed = sdp.trim_start();
    Session::parse(trimmed.as_bytes()).or_else(|error| {
        let without_origin: Vec<&str> = trimmed.lines().filter(|line| !line.starts_with("o=")).collect();
        Session::parse(without_origin.join("\r\n").as_bytes()).map_err(|_| MediaError::Unreadable(error.to_string()))
    })
}

/// How little a media line suits us, 0 for the best; `None` where it cannot be used at all.
fn unfitness(media: &Media, policy: SrtpPolicy) -> Option<u8> {
    let is = |names: [&str; 2]| names.iter().any(|known| media.proto.eq_ignore_ascii_case(known));
    let (plain, secure) = (is(["RTP/AVP", "RTP/AVPF"]), is(["RTP/SAVP", "RTP/SAVPF"]));
    let keys = crypto(media).is_usable();
    match policy {
        SrtpPolicy::Off if plain => Some(0),
        SrtpPolicy::Prefer | SrtpPolicy::Require if keys && (secure || plain) => Some(0),
        SrtpPolicy::Prefer if plain => Some(1),
        // No usable key; the errors that say so come from reading the keys.
        SrtpPolicy::Prefer | SrtpPolicy::Require if secure || plain => Some(2),
        _ => None,
    }
}

fn crypto(media: &Media) -> PeerCrypto {
    let named = media.attributes.iter().filter(|attribute| attribute.attribute.eq_ignore_ascii_case("crypto"));
    let secure = media.proto.to_ascii_uppercase().starts_with("RTP/SAVP");
    PeerCrypto::read(secure, named.filter_map(|attribute| attribute.value.as_deref()))
}

fn value<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    attributes.iter().find(|attribute| attribute.attribute.eq_ignore_ascii_case(name))?.value.as_deref()
}

fn formats(media: &Media) -> Vec<Format> {
    let numbers = media.fmt.split_ascii_whitespace().filter_map(|text| text.parse::<u8>().ok());
    numbers.filter(|number| *number < 128).map(|number| format(media, number)).collect()
}

fn format(media: &Media, payload_type: u8) -> Format {
    // `a=rtpmap:96 opus/48000/2` and `a=fmtp:96 useinbandfec=1;stereo=0`
    let about = |name: &str| {
        let named = media.attributes.iter().filter(|attribute| attribute.attribute.eq_ignore_ascii_case(name));
        named
            .filter_map(|attribute| attribute.value.as_deref()?.trim().split_once(' '))
            .find_map(|(number, rest)| (number.parse() == Ok(payload_type)).then_some(rest.trim()))
    };
    let map = about("rtpmap");
    let mut parts = map.unwrap_or_default().split('/');
    let encoding = parts.next().unwrap_or_default();
    let clock_rate = parts.next().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
    let channels = parts.next().and_then(|text| text.trim().parse().ok()).unwrap_or(1);
    let purpose = match map {
        Some(_) => Purpose::mapped(encoding, clock_rate, channels),
        None => Purpose::fixed(payload_type),
    };
    let pair = |text: &str| {
        let (name, value) = text.split_once('=')?;
        Some((name.trim().to_ascii_lowercase(), value.trim().to_owned()))
    };
    Format {
        payload_type,
        name: map.map_or_else(|| payload_type.to_string(), str::to_owned),
        purpose,
        mapped: map.is_some(),
        parameters: about("fmtp").unwrap_or_default().split(';').filter_map(pair).collect(),
    }
}
