//! RTP headers in and out (RFC 3550, section 5.1).

use rtp_rs::{RtpPacketBuilder, RtpReader, Seq};

/// What a datagram held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrived<'a> {
    /// 0 to 127.
    pub payload_type: u8,
    /// First packet after a pause.
    pub marker: bool,
    /// Wraps.
    pub sequence: u16,
    /// In the clock of the payload type; wraps.
    pub timestamp: u32,
    /// Who sends.
    pub ssrc: u32,
    /// Without padding and extension.
    pub payload: &'a [u8],
}

/// Reads a datagram; `None` for what is not RTP. RTCP on the same port (RFC 5761, section 4) is none either.
pub fn read(datagram: &[u8]) -> Option<Arrived<'_>> {
    let packet = RtpReader::new(datagram).ok()?;
    if (64..96).contains(&packet.payload_type()) {
        return None;
    }
    Some(Arrived {
        payload_type: packet.payload_type(),
        marker: packet.mark(),
        sequence: packet.sequence_number().into(),
        timestamp: packet.timestamp(),
        ssrc: packet.ssrc(),
        payload: packet.payload(),
    })
}

/// One stream that we send: numbers and times without a break, whatever is in the packets.
#[derive(Debug)]
pub struct Outgoing {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
}

impl Outgoing {
    /// A stream with a source, a first sequence number and a first timestamp; random in real life (RFC 3550, section 5.1).
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Outgoing { ssrc, sequence, timestamp }
    }

    /// Who sends.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// The time of the tick now, in the clock of the codec.
    pub fn timestamp(&self) -> u32 {
        self.timestamp
    }

    /// Moves on by this many units of the codec's clock, whether or not anything was sent.
    pub fn advance(&mut self, units: u32) {
        self.timestamp = self.timestamp.wrapping_add(units);
    }

    /// The next packet, as a datagram. `payload_type` is below 128: negotiation refuses others.
    pub fn packet(&mut self, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) -> Vec<u8> {
        let packet = RtpPacketBuilder::new()
            .payload_type(payload_type & 0x7f)
            .marked(marker)
            .sequence(Seq::from(self.sequence))
            .timestamp(timestamp)
            .ssrc(self.ssrc)
            .payload(payload)
            .build()
            .expect("a payload type below 128 without padding and extension always builds");
        self.sequence = self.sequence.wrapping_add(1);
        packet
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use rand::{RngExt, SeedableRng, rngs::SmallRng};

    use super::*;

    #[test]
    fn what_we_send_is_read_back() {
        let mut stream = Outgoing::new(7, u16::MAX, u32::MAX - 100);
        let first = stream.packet(8, true, stream.timestamp(), &[1, 2, 3]);
        stream.advance(160);
        let second = stream.packet(8, false, stream.timestamp(), &[4]);
        let (first, second) = (read(&first).unwrap(), read(&second).unwrap());
        assert_eq!((first.sequence, second.sequence), (u16::MAX, 0));
        assert_eq!(second.timestamp.wrapping_sub(first.timestamp), 160);
        assert_eq!((first.payload, first.marker, first.payload_type, first.ssrc), (&[1, 2, 3][..], true, 8, 7));
    }

    #[test]
    fn rtcp_and_noise_are_not_rtp() {
        assert_eq!(read(&[0x80, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]), None);
        let mut random = SmallRng::seed_from_u64(1);
        for _ in 0..100_000 {
            let mut datagram = vec![0u8; random.random_range(0..64)];
            random.fill(&mut datagram[..]);
            if let Some(first) = datagram.first_mut() {
                *first = *first & 0x3f | 0x80;
            }
            let _ = read(&datagram);
        }
    }
}
