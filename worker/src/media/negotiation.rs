//! SDP offer and answer (RFC 8866, RFC 3264) for one audio stream.

pub mod description;
pub mod writing;

use std::net::SocketAddr;

use offhook::attempt::CodecName;

use self::{
    description::{Description, Direction, Format, Purpose},
    writing::{Body, OfferedFormat},
};
use super::{codec, codec::EncoderSettings, error::MediaError};

/// Packet lengths we send if asked to; others get 20 ms.
const PACKET_LENGTHS: [u32; 5] = [10, 20, 30, 40, 60];

/// What both sides have agreed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Negotiated {
    /// What we send.
    pub codec: CodecName,
    /// The number we send it with.
    pub payload_type: u8,
    /// Where the peer's SDP says it listens; 0.0.0.0 while it holds the call in the old way.
    pub remote: SocketAddr,
    /// The number digits are sent with; `None`: as tones.
    pub telephone_event: Option<u8>,
    /// The peer listens.
    pub can_send: bool,
    /// The peer sends.
    pub can_receive: bool,
    /// Length of the packets we send in milliseconds.
    pub packet_ms: u32,
    /// Codec by payload type, for everything the peer may send.
    pub receive: Vec<(u8, CodecName)>,
    /// Payload types of digits the peer may send.
    pub receive_events: Vec<u8>,
    /// How to encode.
    pub encoder: EncoderSettings,
}

/// Our side of offer and answer: address, codecs, and the version of what we said last.
#[derive(Debug, Clone)]
pub struct Negotiator {
    address: SocketAddr,
    codecs: Vec<CodecName>,
    session: u64,
    version: u64,
}

impl Negotiator {
    /// `address` is written into the SDP; `session` is a random number that stays for the call (RFC 8866, section 5.2).
    pub fn new(address: SocketAddr, codecs: Vec<CodecName>, session: u64) -> Self {
        Negotiator { address, codecs, session, version: 1 }
    }

    /// Another address is written into the SDP from now on.
    pub fn advertise(&mut self, address: SocketAddr) {
        self.address = address;
    }

    /// Everything we can, in our order.
    pub fn offer(&self) -> String {
        self.body(self.offered(), Direction::SendReceive, &[]).write()
    }

    /// Reads the peer's answer to our `offer`: the first codec of ours in its order is the one we send.
    pub fn accept_answer(&self, sdp: &str) -> Result<Negotiated, MediaError> {
        let theirs = Description::read(sdp)?;
        let offered = self.offered();
        let purpose = |format: &Format| format.purpose.or_else(|| offered_purpose(&offered, format.payload_type));
        let ours = |format: &&Format| matches!(purpose(format), Some(Purpose::Sound(codec)) if self.codecs.contains(&codec));
        let chosen = theirs.formats.iter().find(ours).ok_or_else(|| self.nothing_in_common(&theirs))?;
        let Some(Purpose::Sound(codec)) = purpose(chosen) else { return Err(self.nothing_in_common(&theirs)) };

        // Usually both sides use the numbers of the offer, but they may differ: sound may come with either.
        let mut negotiated = self.agree(&theirs, codec, chosen);
        for format in &offered {
            match format.purpose {
                Purpose::Sound(codec) if negotiated.receive.iter().all(|(number, _)| *number != format.payload_type) => {
                    negotiated.receive.push((format.payload_type, codec));
                }
                Purpose::Event { .. } if !negotiated.receive_events.contains(&format.payload_type) => {
                    negotiated.receive_events.push(format.payload_type);
                }
                _ => {}
            }
        }
        let taken = negotiated.receive.clone();
        negotiated.receive_events.retain(|event| taken.iter().all(|(number, _)| number != event));
        Ok(negotiated)
    }

    /// Answers the peer's offer with one codec: the one of `keep` (in a re-offer: the codec in use) if it is offered, else the
    /// first of ours. Digits are answered if offered.
    pub fn answer(&mut self, sdp: &str, keep: Option<CodecName>) -> Result<(String, Negotiated), MediaError> {
        let theirs = Description::read(sdp)?;
        let offers = |codec: &CodecName| theirs.formats.iter().find(|format| format.purpose == Some(Purpose::Sound(*codec)));
        let wanted = keep.iter().chain(&self.codecs).filter(|codec| self.codecs.contains(codec));
        let (codec, chosen) = wanted
            .filter_map(|codec| offers(codec).map(|format| (*codec, format)))
            .next()
            .ok_or_else(|| self.nothing_in_common(&theirs))?;
        let mut negotiated = self.agree(&theirs, codec, chosen);
        negotiated.receive.retain(|(_, offered)| *offered == codec);
        negotiated.receive_events = negotiated.telephone_event.into_iter().collect();

        let mut formats = vec![OfferedFormat { payload_type: chosen.payload_type, purpose: Purpose::Sound(codec) }];
        let event = theirs.formats.iter().find(|format| Some(format.payload_type) == negotiated.telephone_event);
        formats.extend(event.and_then(|format| {
            let purpose = format.purpose?;
            Some(OfferedFormat { payload_type: format.payload_type, purpose })
        }));
        let direction = Direction::of(negotiated.can_send, negotiated.can_receive);
        let answer = self.body(formats, direction, &theirs.media_lines).write();
        self.version += 1;
        Ok((answer, negotiated))
    }

    /// What holds for both ways of agreeing.
    fn agree(&self, theirs: &Description, codec: CodecName, chosen: &Format) -> Negotiated {
        let clock = codec::clock_rate(codec);
        let is_event = |format: &&Format| matches!(format.purpose, Some(Purpose::Event { .. }));
        let fits = |format: &&Format| format.purpose == Some(Purpose::Event { clock_rate: clock });
        let event = theirs.formats.iter().find(fits).or_else(|| theirs.formats.iter().find(is_event));
        let receive = theirs.formats.iter().filter_map(|format| match format.purpose {
            Some(Purpose::Sound(codec)) if self.codecs.contains(&codec) => Some((format.payload_type, codec)),
            _ => None,
        });
        let mut receive: Vec<_> = receive.collect();
        if receive.iter().all(|(number, _)| *number != chosen.payload_type) {
            receive.push((chosen.payload_type, codec));
        }
        let longest = theirs.max_packet_ms.unwrap_or(60).max(10);
        let asked = theirs.packet_ms.filter(|length| PACKET_LENGTHS.contains(length)).unwrap_or(20);
        let packet_ms = PACKET_LENGTHS.into_iter().filter(|length| *length <= asked.min(longest)).max().unwrap_or(20);
        Negotiated {
            codec,
            payload_type: chosen.payload_type,
            remote: theirs.remote,
            telephone_event: event.map(|format| format.payload_type),
            can_send: theirs.direction.receives() && !theirs.remote.ip().is_unspecified(),
            can_receive: theirs.direction.sends(),
            packet_ms: if codec == CodecName::Opus { 20 } else { packet_ms },
            receive,
            receive_events: theirs.formats.iter().filter(is_event).map(|format| format.payload_type).collect(),
            encoder: EncoderSettings {
                forward_error_correction: chosen.parameter("useinbandfec") == Some("1"),
                max_bitrate: chosen.parameter("maxaveragebitrate").and_then(|value| value.parse().ok()),
            },
        }
    }

    fn offered(&self) -> Vec<OfferedFormat> {
        let sounds = self.codecs.iter().map(|codec| OfferedFormat {
            payload_type: match codec {
                CodecName::Opus => 96,
                CodecName::Pcmu => 0,
                CodecName::Pcma => 8,
            },
            purpose: Purpose::Sound(*codec),
        });
        // An event runs on the clock of the sound beside it (RFC 4733, section 2.1), so two clocks make two formats.
        let events = [(101, 8000), (102, 48_000)].into_iter().filter_map(|(payload_type, clock_rate)| {
            let used = self.codecs.iter().any(|codec| codec::clock_rate(*codec) == clock_rate);
            used.then_some(OfferedFormat { payload_type, purpose: Purpose::Event { clock_rate } })
        });
        sounds.chain(events).collect()
    }

    fn body<'a>(&self, formats: Vec<OfferedFormat>, direction: Direction, lines: &'a [description::MediaLine]) -> Body<'a> {
        Body { address: self.address, session: self.session, version: self.version, formats, direction, lines }
    }

    fn nothing_in_common(&self, theirs: &Description) -> MediaError {
        let names = |codecs: Vec<String>| if codecs.is_empty() { "none".to_owned() } else { codecs.join(", ") };
        MediaError::NoCommonCodec {
            theirs: names(theirs.formats.iter().map(|format| format.name.clone()).collect()),
            ours: names(self.codecs.iter().map(|codec| format!("{codec:?}")).collect()),
        }
    }
}

fn offered_purpose(offered: &[OfferedFormat], payload_type: u8) -> Option<Purpose> {
    offered.iter().find(|format| format.payload_type == payload_type).map(|format| format.purpose)
}

#[cfg(test)]
mod tests;
