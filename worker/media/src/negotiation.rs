//! SDP offer and answer (RFC 8866, RFC 3264) for one audio stream.

pub mod connection;
pub mod crypto;
pub mod description;
pub mod writing;

use std::net::SocketAddr;

use offhook::attempt::CodecName;

pub use self::{
    connection::Lookup,
    crypto::{Crypto, Encryption},
};
use self::{
    description::{Description, Direction, Format, MediaLine, Purpose},
    writing::{Body, OfferedFormat},
};
use super::{
    codec::{self, EncoderSettings},
    error::MediaError,
};

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
    /// The clock that digits' durations are counted in, Hz.
    pub telephone_event_clock: u32,
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
    /// The keys, where sound is encrypted.
    pub crypto: Option<Crypto>,
}

/// Our side of offer and answer: address, codecs, keys, and what we said last.
#[derive(Debug, Clone)]
pub struct Negotiator {
    address: SocketAddr,
    codecs: Vec<CodecName>,
    encryption: Encryption,
    session: u64,
    version: u64,
    /// The last body, but for its version: a body that says the same keeps the version (RFC 3264, section 8).
    last: Option<String>,
    /// Numbers that the peer gave to formats: once given they stay (RFC 3264, section 8.3.2).
    given: Vec<OfferedFormat>,
}

impl Negotiator {
    /// `address` is written into the SDP; `session` is a random number that stays for the call (RFC 8866, section 5.2).
    pub fn new(address: SocketAddr, codecs: Vec<CodecName>, session: u64) -> Self {
        Negotiator { address, codecs, encryption: Encryption::off(), session, version: 1, last: None, given: Vec::new() }
    }

    /// Another address is written into the SDP from now on.
    pub fn advertise(&mut self, address: SocketAddr) {
        self.address = address;
    }

    /// The same with keys.
    pub fn with_encryption(self, encryption: Encryption) -> Self {
        Negotiator { encryption, ..self }
    }

    /// What has to be looked up before this description of the peer can be read; `None` where nothing has.
    pub fn lookup(&self, sdp: &str) -> Option<Lookup> {
        match Description::read(sdp, self.encryption.policy()) {
            Err(MediaError::HostName(host)) => Some(Lookup::new(host, sdp)),
            _ => None,
        }
    }

    /// Everything we can, in our order. The same each time, until something else is said.
    pub fn offer(&self) -> String {
        self.clone().offer_again()
    }

    /// An offer in the middle of a call: everything we can, with the numbers that are in use.
    pub fn offer_again(&mut self) -> String {
        let body = self.body(self.offered(), Direction::SendReceive, self.encryption.offered(), &[]);
        self.say(body)
    }

    /// Reads the peer's answer to our `offer`: the first codec of ours in its order is the one we send.
    pub fn accept_answer(&self, sdp: &str) -> Result<Negotiated, MediaError> {
        let theirs = Description::read(sdp, self.encryption.policy())?;
        let offered = self.offered();
        let purpose = |format: &Format| match format.mapped {
            true => format.purpose,
            false => format.purpose.or_else(|| offered_purpose(&offered, format.payload_type)),
        };
        let ours = |format: &&Format| matches!(purpose(format), Some(Purpose::Sound(codec)) if self.codecs.contains(&codec));
        let chosen = theirs.formats.iter().find(ours).ok_or_else(|| self.nothing_in_common(&theirs))?;
        let Some(Purpose::Sound(codec)) = purpose(chosen) else { return Err(self.nothing_in_common(&theirs)) };
        let crypto = self.encryption.accept(&theirs.crypto)?;

        // The peer sends with the numbers of our offer (RFC 3264, section 6.1); some use their own, where those are free.
        let mut negotiated = self.agree(&theirs, codec, chosen, crypto);
        let theirs = (std::mem::take(&mut negotiated.receive), std::mem::take(&mut negotiated.receive_events));
        for format in &offered {
            match format.purpose {
                Purpose::Sound(codec) => negotiated.receive.push((format.payload_type, codec)),
                Purpose::Event { .. } => negotiated.receive_events.push(format.payload_type),
            }
        }
        let free = |number: u8| offered_purpose(&offered, number).is_none();
        negotiated.receive.extend(theirs.0.into_iter().filter(|(number, _)| free(*number)));
        negotiated.receive_events.extend(theirs.1.into_iter().filter(|number| free(*number)));
        Ok(negotiated)
    }

    /// Answers the peer's offer with one codec: the one of `keep` (in a re-offer: the codec in use) if it is offered, else the
    /// first of ours. Digits are answered if offered.
    pub fn answer(&mut self, sdp: &str, keep: Option<CodecName>) -> Result<(String, Negotiated), MediaError> {
        let theirs = Description::read(sdp, self.encryption.policy())?;
        let offers = |codec: &CodecName| theirs.formats.iter().find(|format| format.purpose == Some(Purpose::Sound(*codec)));
        let wanted = keep.iter().chain(&self.codecs).filter(|codec| self.codecs.contains(codec));
        let (codec, chosen) = wanted
            .filter_map(|codec| offers(codec).map(|format| (*codec, format)))
            .next()
            .ok_or_else(|| self.nothing_in_common(&theirs))?;
        let crypto = self.encryption.answer(&theirs.crypto)?;
        let mut negotiated = self.agree(&theirs, codec, chosen, crypto.map(|(_, crypto)| crypto));
        negotiated.receive.retain(|(_, offered)| *offered == codec);
        negotiated.receive_events = negotiated.telephone_event.into_iter().collect();

        let mut formats = vec![OfferedFormat { payload_type: chosen.payload_type, purpose: Purpose::Sound(codec) }];
        formats.extend(negotiated.telephone_event.map(|payload_type| {
            let clock_rate = negotiated.telephone_event_clock;
            OfferedFormat { payload_type, purpose: Purpose::Event { clock_rate } }
        }));
        for format in &formats {
            self.given.retain(|given| given.purpose != format.purpose && given.payload_type != format.payload_type);
            self.given.push(*format);
        }
        let direction = Direction::of(negotiated.can_send, negotiated.can_receive);
        let lines = crypto.into_iter().map(|(line, _)| line).collect();
        let body = self.body(formats, direction, lines, &theirs.media_lines);
        Ok((self.say(body), negotiated))
    }

    /// What holds for both ways of agreeing.
    fn agree(&self, theirs: &Description, codec: CodecName, chosen: &Format, crypto: Option<Crypto>) -> Negotiated {
        let clock = codec::clock_rate(codec);
        let events = theirs.formats.iter().filter_map(|format| match format.purpose {
            Some(Purpose::Event { clock_rate }) => Some((format.payload_type, clock_rate)),
            _ => None,
        });
        let events: Vec<(u8, u32)> = events.collect();
        let event = events.iter().find(|(_, rate)| *rate == clock).or_else(|| events.first());
        let receive = theirs.formats.iter().filter_map(|format| match format.purpose {
            Some(Purpose::Sound(codec)) if self.codecs.contains(&codec) => Some((format.payload_type, codec)),
            _ => None,
        });
        let mut receive: Vec<_> = receive.collect();
        if receive.iter().all(|(number, _)| *number != chosen.payload_type) {
            receive.push((chosen.payload_type, codec));
        }
        Negotiated {
            codec,
            payload_type: chosen.payload_type,
            remote: theirs.remote,
            telephone_event: event.map(|(number, _)| *number),
            telephone_event_clock: event.map_or(clock, |(_, rate)| *rate),
            can_send: theirs.direction.receives() && !theirs.remote.ip().is_unspecified(),
            can_receive: theirs.direction.sends(),
            packet_ms: packet_ms(codec, theirs.packet_ms, theirs.max_packet_ms),
            receive,
            receive_events: events.iter().map(|(number, _)| *number).collect(),
            encoder: EncoderSettings {
                forward_error_correction: chosen.parameter("useinbandfec") == Some("1"),
                max_bitrate: chosen.parameter("maxaveragebitrate").and_then(|value| value.parse().ok()),
                constant_bitrate: chosen.parameter("cbr") == Some("1"),
                max_playback_rate: chosen.parameter("maxplaybackrate").and_then(|value| value.parse().ok()),
            },
            crypto,
        }
    }

    fn offered(&self) -> Vec<OfferedFormat> {
        let sounds = self.codecs.iter().map(|codec| {
            let payload_type = match codec {
                CodecName::Opus => 96,
                CodecName::G722 => 9,
                CodecName::Pcmu => 0,
                CodecName::Pcma => 8,
            };
            OfferedFormat { payload_type, purpose: Purpose::Sound(*codec) }
        });
        // An event runs on the clock of the sound beside it (RFC 4733, section 2.1), so two clocks make two formats.
        let events = [(101, 8000), (102, 48_000)].into_iter().filter_map(|(payload_type, clock_rate)| {
            let used = self.codecs.iter().any(|codec| codec::clock_rate(*codec) == clock_rate);
            used.then_some(OfferedFormat { payload_type, purpose: Purpose::Event { clock_rate } })
        });
        let mut formats: Vec<OfferedFormat> = sounds.chain(events).collect();
        for given in &self.given {
            if let Some(format) = formats.iter_mut().find(|format| format.purpose == given.purpose) {
                format.payload_type = given.payload_type;
            }
        }
        self.without_collisions(formats)
    }

    /// A number that the peer gave to one format may be the one we would give to another: that one moves.
    fn without_collisions(&self, mut formats: Vec<OfferedFormat>) -> Vec<OfferedFormat> {
        for index in 0..formats.len() {
            let OfferedFormat { payload_type: number, purpose } = formats[index];
            let given = self.given.iter().any(|given| given.purpose == purpose);
            let taken = |number: u8| formats.iter().any(|other| other.payload_type == number && other.purpose != purpose);
            if !given && taken(number) {
                formats[index].payload_type = (96..=127).find(|free| !taken(*free)).unwrap_or(number);
            }
        }
        formats
    }

    fn body<'a>(
        &self,
        formats: Vec<OfferedFormat>,
        direction: Direction,
        crypto: Vec<crypto::CryptoLine>,
        lines: &'a [MediaLine],
    ) -> Body<'a> {
        let protocol = self.encryption.protocol();
        Body { address: self.address, session: self.session, version: 0, formats, direction, protocol, crypto, lines }
    }

    /// Writes a body with the version that is right for it: one more than the last where it says something else.
    fn say(&mut self, mut body: Body<'_>) -> String {
        let said = body.write();
        if self.last.as_ref().is_some_and(|last| *last != said) {
            self.version += 1;
        }
        self.last = Some(said);
        body.version = self.version;
        body.write()
    }

    fn nothing_in_common(&self, theirs: &Description) -> MediaError {
        let names = |codecs: Vec<String>| if codecs.is_empty() { "none".to_owned() } else { codecs.join(", ") };
        MediaError::NoCommonCodec {
            theirs: names(theirs.formats.iter().map(|format| format.name.clone()).collect()),
            ours: names(self.codecs.iter().map(|codec| codec.in_sdp().to_owned()).collect()),
        }
    }
}

/// The length of our packets: what the peer asks for, but not more than it takes (RFC 8866, section 6.4).
fn packet_ms(codec: CodecName, asked: Option<u32>, longest: Option<u32>) -> u32 {
    let possible = |length: &u32| codec != CodecName::Opus || *length != 30;
    let asked = asked.filter(|length| PACKET_LENGTHS.contains(length)).unwrap_or(20);
    let longest = longest.unwrap_or(60).max(10);
    PACKET_LENGTHS.into_iter().filter(possible).filter(|length| *length <= asked.min(longest)).max().unwrap_or(20)
}

fn offered_purpose(offered: &[OfferedFormat], payload_type: u8) -> Option<Purpose> {
    offered.iter().find(|format| format.payload_type == payload_type).map(|format| format.purpose)
}

#[cfg(test)]
mod encryption_tests;
#[cfg(test)]
mod tests;
