//! Fuzz entries for what comes over the network beside SIP and SDP: RTP, RTCP, STUN. None may panic; a call goes on whatever comes.

use std::net::SocketAddr;

use offhook::attempt::CodecName;
use offhook_types::audio::FRAME_SAMPLES;

use super::{
    codec::{Encoder, EncoderSettings},
    dtmf::DtmfSender,
    line::Line,
    negotiation::Negotiated,
    playout::Playout,
    reception::Reception,
    rtcp::{Rtcp, Sent},
    rtp::Outgoing,
    srtp::{Keys, SrtpContext, Suite},
    stun,
};

/// A call to which these datagrams come, each after its length in one byte; a length of 0 is a tick. Every tick has to give a frame.
pub fn rtp(bytes: &[u8]) {
    let peer = SocketAddr::from(([192, 0, 2, 1], 4000));
    let negotiated = Negotiated {
        codec: CodecName::Pcma,
        payload_type: 8,
        remote: peer,
        telephone_event: Some(101),
        telephone_event_clock: 8000,
        can_send: true,
        can_receive: true,
        packet_ms: 20,
        receive: vec![(8, CodecName::Pcma), (0, CodecName::Pcmu), (9, CodecName::G722), (96, CodecName::Opus)],
        receive_events: vec![101],
        encoder: EncoderSettings::default(),
        crypto: None,
    };
    let Ok(encoder) = Encoder::new(negotiated.codec, negotiated.encoder) else { return };
    let mut line = Line::new(Outgoing::new(1, 1, 1), &negotiated, encoder, 0);
    let (mut playout, mut digits) = (Playout::default(), DtmfSender::default());
    let (mut rest, mut ticks) = (bytes, 0);
    while let Some((length, following)) = rest.split_first() {
        let mut events = Vec::new();
        if *length == 0 {
            let mut datagrams = Vec::new();
            let spoken = line.speak(&mut playout, &mut digits);
            let frame = line.tick(spoken, &mut events, &mut datagrams);
            assert_eq!((frame.len(), datagrams.len()), (FRAME_SAMPLES, 1), "a tick gives a frame and sends one");
            ticks += 1;
            line.upkeep(ticks * 20_000);
        }
        let (datagram, following) = following.split_at(usize::from(*length).min(following.len()));
        line.receive(peer, datagram, ticks * 20_000, &mut events);
        rest = following;
    }
    let report = line.report();
    assert!(report.mos.is_none_or(|mos| (1.0..=4.5).contains(&mos)), "{report:?}");
    let mut forged = bytes.to_vec();
    let keys = Keys { suite: Suite::AesCm128HmacSha1_32, key_salt: [7; 30] };
    assert!(SrtpContext::new(&keys).unprotect(&mut forged).is_err(), "32 bits are not guessed");
}

/// Reports from a peer; afterwards our own can still be written.
pub fn rtcp(bytes: &[u8]) {
    let mut ours = Rtcp::new(1, 0, 0);
    ours.receive(bytes, 1_000_000);
    let report = ours.report(2_000_000, Sent { packets: 1, octets: 160, timestamp: 160 }, &mut Reception::default());
    assert!(report.is_some_and(|report| Rtcp::new(2, 0, 0).receive(&report, 2_000_000)), "what we write is read");
    let mut forged = bytes.to_vec();
    let keys = Keys { suite: Suite::AesCm128HmacSha1_80, key_salt: [7; 30] };
    assert!(SrtpContext::new(&keys).unprotect_rtcp(&mut forged).is_err(), "80 bits are not guessed");
}

/// Answers of a STUN server, to the request with this transaction: the bytes 8 to 19.
pub fn stun(bytes: &[u8]) {
    let transaction = bytes.get(8..).and_then(|rest| rest.first_chunk::<12>()).copied().unwrap_or_default();
    if let Some(Ok(address)) = stun::answer(bytes, transaction) {
        assert!(address.port() != 0 && !address.ip().is_unspecified() && !address.ip().is_multicast(), "{address}");
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng, rngs::SmallRng};

    /// A short run without the fuzzer, so that the entries stay right.
    #[test]
    fn noise_does_no_harm() {
        let mut random = SmallRng::seed_from_u64(1);
        for _ in 0..2000 {
            let mut noise = vec![0u8; random.random_range(0..600)];
            random.fill(&mut noise[..]);
            [super::rtp, super::rtcp, super::stun].iter().for_each(|read| read(&noise));
        }
    }
}
