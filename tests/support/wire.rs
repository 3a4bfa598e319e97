//! A wire to Postgres that a test can cut, stall, or let swallow the answers.
#![allow(dead_code)] // every test file uses its part

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf, tcp::OwnedWriteHalf},
    sync::watch,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Everything passes.
    Whole,
    /// What the near side says arrives, what Postgres answers does not.
    AnswersLost,
    /// Connections stay open and carry nothing; what was on its way arrives later.
    Stalled,
    /// Nothing passes; connections break, new ones are closed at once.
    Cut,
}

/// Listens on a port of this machine until it is dropped.
pub struct Proxy {
    pub port: u16,
    state: watch::Sender<Wire>,
    /// How often connections were forgotten.
    forgotten: watch::Sender<u32>,
    task: tokio::task::JoinHandle<()>,
}

impl Proxy {
    pub async fn to(host: String, port: u16) -> Proxy {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap();
        let own = listener.local_addr().unwrap().port();
        let state = watch::Sender::new(Wire::Whole);
        let forgotten = watch::Sender::new(0);
        let (watched, remembered) = (state.clone(), forgotten.clone());
        let task = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if *watched.borrow() == Wire::Cut {
                    continue;
                }
                let Ok(far) = TcpStream::connect((host.as_str(), port)).await else { continue };
                let (near_in, near_out) = near.into_split();
                let (far_in, far_out) = far.into_split();
                tokio::spawn(carry(near_in, far_out, watched.subscribe(), remembered.subscribe(), false));
                tokio::spawn(carry(far_in, near_out, watched.subscribe(), remembered.subscribe(), true));
            }
        });
        Proxy { port: own, state, forgotten, task }
    }

    /// Open connections carry nothing any more, without an error: as behind a firewall that has lost its state.
    pub fn forget(&self) {
        self.forgotten.send_modify(|times| *times += 1);
    }

    pub fn set(&self, wire: Wire) {
        self.state.send_replace(wire);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut state: watch::Receiver<Wire>,
    mut forgotten: watch::Receiver<u32>,
    answers: bool,
) {
    let mut buffer = [0; 8192];
    loop {
        let read = tokio::select! {
            biased;
            Ok(()) = forgotten.changed() => None,
            changed = state.wait_for(|wire| *wire == Wire::Cut) => { drop(changed); return }
            read = from.read(&mut buffer) => Some(read),
        };
        let Some(read) = read else { std::future::pending().await };
        let Ok(length @ 1..) = read else { return };
        if state.wait_for(|wire| *wire != Wire::Stalled).await.is_err() {
            return;
        }
        if answers && *state.borrow() == Wire::AnswersLost {
            continue;
        }
        if to.write_all(&buffer[..length]).await.is_err() {
            return;
        }
    }
}
