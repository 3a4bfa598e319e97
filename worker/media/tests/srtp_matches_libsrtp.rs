//! Our SRTP against libsrtp's: what either protects the other reads, across headers of every form, rollovers and losses; and what is
//! replayed, too old or damaged both refuse. The other side is `support/libsrtp_peer.c`, compiled here with `cc`; `scripts/setup.sh`
//! installs libsrtp.
#![allow(clippy::unwrap_used)]

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use offhook_media::srtp::{Keys, SrtpContext, SrtpError, Suite};
use rand::{RngExt, SeedableRng, rngs::SmallRng};

const SUITES: [Suite; 2] = [Suite::AesCm128HmacSha1_80, Suite::AesCm128HmacSha1_32];

/// libsrtp in a process of its own, with a context for each direction.
struct Libsrtp {
    process: Child,
    commands: ChildStdin,
    results: BufReader<ChildStdout>,
}

impl Libsrtp {
    fn start(keys: &Keys) -> Self {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/support");
        let program = tempfile("libsrtp_peer");
        let compiler = Command::new("cc")
            .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-o"])
            .arg(&program)
            .arg(folder.join("libsrtp_peer.c"))
            .arg("-lsrtp2")
            .output()
            .expect("cc starts");
        let said = String::from_utf8_lossy(&compiler.stderr);
        assert!(compiler.status.success(), "the peer does not compile (scripts/setup.sh installs libsrtp2-dev): {said}");
        let tag = match keys.suite {
            Suite::AesCm128HmacSha1_80 => "80",
            Suite::AesCm128HmacSha1_32 => "32",
        };
        let mut process = Command::new(&program)
            .args([tag, &hexadecimal(&keys.key_salt)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        std::fs::remove_file(program).unwrap();
        let (commands, results) = (process.stdin.take().unwrap(), BufReader::new(process.stdout.take().unwrap()));
        Libsrtp { process, commands, results }
    }

    /// The packet that libsrtp makes of this one, or the name of its error.
    fn transform(&mut self, command: &str, packet: &[u8]) -> Result<Vec<u8>, String> {
        writeln!(self.commands, "{command} {}", hexadecimal(packet)).unwrap();
        let mut line = String::new();
        self.results.read_line(&mut line).unwrap();
        let result = line.trim_end();
        assert!(!result.is_empty(), "the peer has ended");
        bytes(result).ok_or_else(|| result.to_owned())
    }

    fn protect(&mut self, packet: &[u8]) -> Vec<u8> {
        self.transform("protect", packet).unwrap()
    }

    fn unprotect(&mut self, packet: &[u8]) -> Result<Vec<u8>, String> {
        self.transform("unprotect", packet)
    }

    fn protect_rtcp(&mut self, packet: &[u8]) -> Vec<u8> {
        self.transform("protect_rtcp", packet).unwrap()
    }

    fn unprotect_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, String> {
        self.transform("unprotect_rtcp", packet)
    }
}

impl Drop for Libsrtp {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// We, with a context for each direction as in a call, and the same calls as libsrtp.
struct Ours {
    sending: SrtpContext,
    receiving: SrtpContext,
}

impl Ours {
    fn new(keys: &Keys) -> Self {
        Ours { sending: SrtpContext::new(keys), receiving: SrtpContext::new(keys) }
    }

    fn protect(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut packet = packet.to_vec();
        self.sending.protect(&mut packet).unwrap();
        packet
    }

    fn unprotect(&mut self, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
        let mut packet = packet.to_vec();
        self.receiving.unprotect(&mut packet).map(|()| packet)
    }

    fn protect_rtcp(&mut self, packet: &[u8]) -> Vec<u8> {
        let mut packet = packet.to_vec();
        self.sending.protect_rtcp(&mut packet).unwrap();
        packet
    }

    fn unprotect_rtcp(&mut self, packet: &[u8]) -> Result<Vec<u8>, SrtpError> {
        let mut packet = packet.to_vec();
        self.receiving.unprotect_rtcp(&mut packet).map(|()| packet)
    }
}

fn both(suite: Suite) -> (Ours, Libsrtp) {
    let mut key_salt = [0; 30];
    SmallRng::seed_from_u64(30).fill(&mut key_salt[..]);
    let keys = Keys { suite, key_salt };
    (Ours::new(&keys), Libsrtp::start(&keys))
}

/// A path that no other process and no other call has.
fn tempfile(name: &str) -> PathBuf {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static MADE: AtomicUsize = AtomicUsize::new(0);
    let number = MADE.fetch_add(1, Ordering::Relaxed);
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}-{number}", std::process::id()))
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn bytes(digits: &str) -> Option<Vec<u8>> {
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok()).collect()
}

/// An RTP packet of 160 bytes of sound.
fn sound(ssrc: u32, sequence: u16) -> Vec<u8> {
    [&[0x80, 8][..], &sequence.to_be_bytes(), &[0, 0, 1, 0x40], &ssrc.to_be_bytes(), &[sequence as u8; 160]].concat()
}

/// An RTP packet with contributing sources, an extension or neither, and sound of any length.
fn any_sound(random: &mut SmallRng, ssrc: u32, sequence: u16) -> Vec<u8> {
    let sources = random.random_range(0..16u8);
    let extension = random.random_bool(0.5).then(|| random.random_range(0..8u16));
    let first = 0x80 | sources | if extension.is_some() { 0x10 } else { 0 };
    let mut packet = [&[first, random.random()][..], &sequence.to_be_bytes(), &[0, 0, 1, 0x40], &ssrc.to_be_bytes()].concat();
    let mut behind = vec![0; 4 * usize::from(sources)];
    if let Some(words) = extension {
        behind.extend([0xbe, 0xde]);
        behind.extend(words.to_be_bytes());
        behind.extend(vec![0; 4 * usize::from(words)]);
    }
    let header = behind.len() - extension.map_or(0, |words| 4 * usize::from(words));
    behind.extend(vec![0; random.random_range(0..1200)]);
    random.fill(&mut behind[header..]);
    packet.append(&mut behind);
    packet
}

/// A compound RTCP packet: a receiver report of this many blocks.
fn control(random: &mut SmallRng, ssrc: u32, blocks: u8) -> Vec<u8> {
    let mut packet = [&[0x80 | blocks, 201, 0, 1 + 6 * blocks][..], &ssrc.to_be_bytes()].concat();
    let mut report = vec![0; 24 * usize::from(blocks)];
    random.fill(&mut report[..]);
    packet.append(&mut report);
    packet
}

#[test]
fn sound_is_read_both_ways_under_headers_of_every_form() {
    for suite in SUITES {
        let ((mut ours, mut theirs), mut random) = (both(suite), SmallRng::seed_from_u64(1));
        for sequence in 0..400 {
            for ssrc in [7, 0xcafe_babe, u32::MAX] {
                let plain = any_sound(&mut random, ssrc, sequence);
                let (by_us, by_them) = (ours.protect(&plain), theirs.protect(&plain));
                assert_eq!(by_us, by_them, "{suite:?}, packet {sequence}: the transform leaves no choice");
                assert_eq!(theirs.unprotect(&by_us).as_ref(), Ok(&plain), "{suite:?}, packet {sequence}");
                assert_eq!(ours.unprotect(&by_them).as_ref(), Ok(&plain), "{suite:?}, packet {sequence}");
            }
        }
    }
}

#[test]
fn control_packets_are_read_both_ways() {
    for suite in SUITES {
        let ((mut ours, mut theirs), mut random) = (both(suite), SmallRng::seed_from_u64(2));
        for number in 0..200 {
            let plain = control(&mut random, 7, number % 32);
            let (by_us, by_them) = (ours.protect_rtcp(&plain), theirs.protect_rtcp(&plain));
            assert!(number % 32 == 0 || by_us[8..plain.len()] != plain[8..], "it is encrypted");
            assert_eq!(theirs.unprotect_rtcp(&by_us).as_ref(), Ok(&plain), "{suite:?}, packet {number}");
            assert_eq!(ours.unprotect_rtcp(&by_them).as_ref(), Ok(&plain), "{suite:?}, packet {number}");
        }
    }
}

/// Every packet is 20,000 after the one before, so that a rollover comes with each third or fourth.
#[test]
fn the_rollover_counter_is_the_same_on_both_sides() {
    for suite in SUITES {
        let (mut ours, mut theirs) = both(suite);
        for number in 0..1000u32 {
            let plain = sound(7, (60_000 + 20_000 * number) as u16);
            let (by_us, by_them) = (ours.protect(&plain), theirs.protect(&plain));
            assert_eq!(theirs.unprotect(&by_us).as_ref(), Ok(&plain), "{suite:?}, packet {number}");
            assert_eq!(ours.unprotect(&by_them).as_ref(), Ok(&plain), "{suite:?}, packet {number}");
        }
    }
}

#[test]
fn packets_that_cross_a_rollover_out_of_order_are_read() {
    for suite in SUITES {
        let (mut ours, mut theirs) = both(suite);
        let plain: Vec<Vec<u8>> = (0..20).map(|number| sound(7, 65_526u16.wrapping_add(number))).collect();
        let sent: Vec<_> = plain.iter().map(|plain| (ours.protect(plain), theirs.protect(plain))).collect();
        // 65526, 0 (in front of all that are left of before the rollover), 65527, 1, and so on.
        for number in (0..10).flat_map(|number| [number, number + 10]) {
            assert_eq!(theirs.unprotect(&sent[number].0).as_ref(), Ok(&plain[number]), "{suite:?}, packet {number}");
            assert_eq!(ours.unprotect(&sent[number].1).as_ref(), Ok(&plain[number]), "{suite:?}, packet {number}");
        }
    }
}

/// All of libsrtp's packets before the rollover are lost.
#[test]
fn a_stream_is_joined_after_its_first_rollover() {
    for suite in SUITES {
        let (mut ours, mut theirs) = both(suite);
        for sequence in 65_530..=65_535 {
            theirs.protect(&sound(7, sequence));
        }
        for sequence in 0..10 {
            let plain = sound(7, sequence);
            let protected = theirs.protect(&plain);
            assert_eq!(ours.unprotect(&protected).as_ref(), Ok(&plain), "{suite:?}, packet {sequence}");
        }
    }
}

#[test]
fn replayed_and_old_packets_are_refused_by_both() {
    for suite in SUITES {
        let ((mut ours, mut theirs), mut random) = (both(suite), SmallRng::seed_from_u64(3));
        let sent: Vec<_> = (0..200).map(|number| sound(7, number)).map(|it| (ours.protect(&it), theirs.protect(&it))).collect();
        // The first is late, the second comes twice.
        for (by_us, by_them) in &sent[1..] {
            theirs.unprotect(by_us).unwrap();
            ours.unprotect(by_them).unwrap();
        }
        for (number, refused) in [(0, "replay_old"), (1, "replay_old"), (199, "replay_fail"), (150, "replay_fail")] {
            let (by_us, by_them) = &sent[number];
            assert_eq!(theirs.unprotect(by_us), Err(refused.into()), "{suite:?}, packet {number}");
            assert_eq!(ours.unprotect(by_them), Err(SrtpError::Replayed), "{suite:?}, packet {number}");
        }
        let plain = control(&mut random, 7, 1);
        let (by_us, by_them) = (ours.protect_rtcp(&plain), theirs.protect_rtcp(&plain));
        theirs.unprotect_rtcp(&by_us).unwrap();
        ours.unprotect_rtcp(&by_them).unwrap();
        assert_eq!(theirs.unprotect_rtcp(&by_us), Err("replay_fail".into()), "{suite:?}");
        assert_eq!(ours.unprotect_rtcp(&by_them), Err(SrtpError::Replayed), "{suite:?}");
    }
}

#[test]
fn a_packet_with_one_wrong_bit_is_refused_by_both() {
    for suite in SUITES {
        let ((mut ours, mut theirs), mut random) = (both(suite), SmallRng::seed_from_u64(4));
        let (plain, report) = (sound(7, 1), control(&mut random, 7, 1));
        let (protected, protected_report) = (ours.protect(&plain), ours.protect_rtcp(&report));
        for place in 0..protected.len() {
            let mut damaged = protected.clone();
            damaged[place] ^= 1 << (place % 8);
            assert!(theirs.unprotect(&damaged).is_err() && ours.unprotect(&damaged).is_err(), "{suite:?}, byte {place}");
        }
        for place in 0..protected_report.len() {
            let mut damaged = protected_report.clone();
            damaged[place] ^= 1 << (place % 8);
            let read = (theirs.unprotect_rtcp(&damaged), ours.unprotect_rtcp(&damaged));
            assert!(read.0.is_err() && read.1.is_err(), "{suite:?}, byte {place} of the report");
        }
        // Nothing of it was kept: the packets themselves are still new.
        assert_eq!(theirs.unprotect(&protected).as_ref(), Ok(&plain));
        assert_eq!(ours.unprotect(&protected).as_ref(), Ok(&plain));
        assert_eq!(theirs.unprotect_rtcp(&protected_report).as_ref(), Ok(&report));
        assert_eq!(ours.unprotect_rtcp(&protected_report).as_ref(), Ok(&report));
    }
}
