//! UDP ports that no other test uses, for a coordinator to lease: tests run side by side, each with a database that knows nothing of
//! the others'.

use std::net::{TcpListener, UdpSocket};

/// Below the range the system hands out by itself (32768 and up), and below the ports baresip is told to use.
const FIRST: u16 = 10_000;
const LAST: u16 = 29_999;

/// Ports from `first` on. A TCP socket on the first of them says so to other tests, until this is dropped or its process ends.
#[derive(Debug)]
pub struct Ports {
    pub first: u16,
    count: u16,
    _held: TcpListener,
}

impl Ports {
    /// `count` ports in a row that nobody else has or uses.
    pub fn take(count: u16) -> Ports {
        let blocks = (LAST - FIRST + 1) / count;
        // Not all begin to look at the same place.
        let begin = (std::process::id() % u32::from(blocks)) as u16;
        (0..blocks)
            .find_map(|nth| Ports::at(FIRST + (begin + nth) % blocks * count, count))
            .expect("free UDP ports on this machine")
    }

    fn at(first: u16, count: u16) -> Option<Ports> {
        let held = TcpListener::bind(("127.0.0.1", first)).ok()?;
        let free = (first..first + count).all(|port| UdpSocket::bind(("127.0.0.1", port)).is_ok());
        free.then_some(Ports { first, count, _held: held })
    }

    pub fn last(&self) -> u16 {
        self.first + self.count - 1
    }
}
