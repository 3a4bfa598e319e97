//! Our SDP, offer or answer.

use std::net::SocketAddr;

use offhook::attempt::CodecName;
use sdp_types::{Attribute, Connection, Media, MediaType, Origin, Session, Time, TransportProto};

use super::{
    crypto::CryptoLine,
    description::{Direction, MediaLine, Purpose},
};

/// A payload type as we write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferedFormat {
    /// 0 to 127.
    pub payload_type: u8,
    /// For what.
    pub purpose: Purpose,
}

/// Everything a body is written from.
#[derive(Debug)]
pub struct Body<'a> {
    /// Where we listen.
    pub address: SocketAddr,
    /// The session's number.
    pub session: u64,
    /// Of the description, growing.
    pub version: u64,
    /// In order.
    pub formats: Vec<OfferedFormat>,
    /// Seen from us.
    pub direction: Direction,
    /// `RTP/AVP` or `RTP/SAVP`, in an offer; an answer takes the peer's.
    pub protocol: &'static str,
    /// Our keys.
    pub crypto: Vec<CryptoLine>,
    /// The peer's lines, in an answer; none in an offer.
    pub lines: &'a [MediaLine],
}

impl Body<'_> {
    /// As text.
    pub fn write(&self) -> String {
        let origin = Origin::with_ip_addr(self.session, self.version, self.address.ip());
        let mut session = Session::new(origin, "-");
        session.connection = Some(Connection::from_ip_addr(self.address.ip()));
        session.times.push(Time::new(0, 0));
        if self.lines.is_empty() {
            session.medias.push(self.audio(self.protocol));
        }
        for line in self.lines {
            session.medias.push(if line.chosen { self.audio(&line.protocol) } else { refusal(line) });
        }
        let mut bytes = Vec::with_capacity(512);
        session.write(&mut bytes).expect("writing to memory does not fail");
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn audio(&self, protocol: &str) -> Media {
        let numbers: Vec<String> = self.formats.iter().map(|format| format.payload_type.to_string()).collect();
        let mut media = Media::new(MediaType::Audio, self.address.port(), TransportProto::from(protocol), numbers.join(" "));
        for format in &self.formats {
            let number = format.payload_type;
            let (map, parameters) = match format.purpose {
                // RFC 7587, section 6.1: wideband is all we play and send.
                Purpose::Sound(CodecName::Opus) => {
                    let parameters = "maxplaybackrate=16000;sprop-maxcapturerate=16000;stereo=0;useinbandfec=1";
                    ("opus/48000/2".to_owned(), Some(parameters))
                }
                Purpose::Sound(codec) => (format!("{}/8000", codec.in_sdp()), None),
                Purpose::Event { clock_rate } => (format!("telephone-event/{clock_rate}"), Some("0-15")),
            };
            media.attributes.push(Attribute::with_value("rtpmap", format!("{number} {map}")));
            media.attributes.extend(parameters.map(|text| Attribute::with_value("fmtp", format!("{number} {text}"))));
        }
        media.attributes.extend(self.crypto.iter().map(|line| Attribute::with_value("crypto", line.write())));
        media.attributes.push(Attribute::with_value("ptime", 20));
        media.attributes.push(Attribute::new(self.direction.name()));
        media
    }
}

/// A line we don't want: the same with port 0.
fn refusal(line: &MediaLine) -> Media {
    let mut media = Media::new(MediaType::Audio, 0, TransportProto::from(line.protocol.as_str()), &line.formats);
    media.media.clone_from(&line.media);
    media
}
