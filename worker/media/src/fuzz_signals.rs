//! What the fuzz targets `sdp` and `dtmf` call.

use offhook::attempt::{CodecName, SrtpPolicy};
use offhook_types::audio::{FRAME_SAMPLES, SILENCE};

use super::{
    dtmf::{
        DtmfReceiver, DtmfSender, info,
        keypad::{Keypad, Way},
        tones::ToneDetector,
    },
    negotiation::{Encryption, Negotiated, Negotiator, description::Description},
};

/// Bytes as a peer's SDP: as an answer to our offer, as an offer to us, and as an offer in the middle of a call, under every policy.
pub fn sdp(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for policy in [SrtpPolicy::Off, SrtpPolicy::Prefer, SrtpPolicy::Require] {
        let encryption = Encryption::new(policy, [[0x5a; 30], [0xa5; 30]]);
        let address = ([192, 0, 2, 1], 4000).into();
        let mut negotiator = Negotiator::new(address, CodecName::ALL.to_vec(), 1).with_encryption(encryption);
        if let Some(lookup) = negotiator.lookup(&text) {
            let resolved = lookup.written([192, 0, 2, 7].into());
            assert_eq!(negotiator.lookup(&resolved), None, "a host that was looked up is not looked up again");
        }
        if let Ok(agreed) = negotiator.accept_answer(&text) {
            check(&agreed, policy);
        }
        for keep in [None, Some(CodecName::Pcma)] {
            let Ok((answer, agreed)) = negotiator.answer(&text, keep) else { continue };
            check(&agreed, policy);
            let ours = Description::read(&answer, policy).expect("our answer is SDP that we could read");
            let theirs = Description::read(&text, policy).expect("it was read a moment ago");
            assert_eq!(ours.media_lines.len(), theirs.media_lines.len(), "an answer has the offer's lines");
            let again = negotiator.answer(&text, Some(agreed.codec)).expect("it was answered a moment ago");
            assert_eq!((answer, agreed), again, "the same offer gets the same answer");
        }
        let again = negotiator.offer_again();
        Description::read(&again, policy).expect("our offer is SDP that we could read");
    }
}

fn check(agreed: &Negotiated, policy: SrtpPolicy) {
    assert!([10, 20, 30, 40, 60].contains(&agreed.packet_ms));
    assert!(agreed.payload_type < 128 && agreed.receive.iter().any(|(_, codec)| *codec == agreed.codec));
    assert!(agreed.receive_events.iter().all(|event| agreed.receive.iter().all(|(number, _)| number != event)));
    assert!(policy != SrtpPolicy::Require || agreed.crypto.is_some(), "no sound in the clear");
    assert!(policy != SrtpPolicy::Off || agreed.crypto.is_none());
}

/// Bytes as everything that tells of keys: events in packets of four bytes and a timestamp, an INFO, and sound.
pub fn dtmf(bytes: &[u8]) {
    let (mut receiver, mut keypad) = (DtmfReceiver::default(), Keypad::default());
    let mut now = 0;
    for packet in bytes.chunks(9) {
        let (head, payload) = packet.split_at(packet.len().min(5));
        let timestamp = head.iter().skip(1).fold(0u32, |number, byte| number << 8 | u32::from(*byte));
        let ssrc = u32::from(head.first().is_some_and(|byte| byte & 1 == 1));
        now += u64::from(head.first().copied().unwrap_or(0));
        if let Some(digit) = receiver.receive(ssrc, timestamp, payload) {
            assert!(is_digit(digit));
            keypad.pressed(Way::Event, digit, now);
        }
    }
    let text = String::from_utf8_lossy(bytes);
    let (content_type, body) = text.split_once('\n').unwrap_or(("application/dtmf-relay", &text));
    assert!(info::key(content_type, body).is_none_or(is_digit));

    let mut detector = ToneDetector::default();
    for chunk in bytes.chunks(2 * FRAME_SAMPLES) {
        let mut frame = SILENCE;
        for (sample, pair) in frame.iter_mut().zip(chunk.chunks_exact(2)) {
            *sample = i16::from_le_bytes([pair[0], pair[1]]);
        }
        if let Some(digit) = detector.hear(&frame) {
            assert!(is_digit(digit) && detector.sounding());
            keypad.pressed(Way::Tones, digit, now);
        }
    }

    let mut sender = DtmfSender::default();
    sender.send(&text);
    let longest = 256 * 25;
    let ticks = std::iter::from_fn(|| sender.tick()).take(longest + 1).filter(|step| step.sound().len() == FRAME_SAMPLES).count();
    assert!(ticks <= longest, "what is to be sent is bounded");
}

fn is_digit(digit: char) -> bool {
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    /// The corpus, which fuzzing starts from, and what it found.
    #[test]
    fn nothing_in_the_corpus_breaks_a_reader() {
        for (name, target) in [("sdp", super::sdp as fn(&[u8])), ("dtmf", super::dtmf)] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
            let files = fs::read_dir(&folder).expect("the corpus is in the repository").flatten();
            let read = files.map(|file| target(&fs::read(file.path()).expect("a file of the corpus"))).count();
            assert!(read >= 5, "{name}: {read} files");
        }
    }
}
