//! A name server for one test: what it is told, and nothing else.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::UdpSocket;

/// An answer.
#[derive(Debug, Clone)]
pub enum Record {
    /// A or AAAA.
    Address(IpAddr),
    /// Priority, weight, port, target.
    Service(u16, u16, u16, &'static str),
    /// Order, preference, service, replacement; its flag is `s`.
    Pointer(u16, u16, &'static str, &'static str),
}

/// The server, as long as it lives.
pub struct NameServer {
    /// Where it listens.
    pub address: SocketAddr,
    asked: Arc<Mutex<Vec<(String, u16)>>>,
    task: tokio::task::JoinHandle<()>,
}

impl NameServer {
    /// Answers these names (without a dot at the end), and says that there are no others.
    pub async fn with(names: &[(&str, Record)]) -> NameServer {
        let mut zone: HashMap<String, Vec<Record>> = HashMap::new();
        for (name, record) in names {
            zone.entry((*name).to_owned()).or_default().push(record.clone());
        }
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = asked.clone();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                let (name, kind, end) = question(&buffer[..length]);
                log.lock().unwrap().push((name.clone(), kind));
                let records = zone.get(&name).cloned().unwrap_or_default();
                socket.send_to(&answer(&buffer[..end], kind, &records, zone.contains_key(&name)), from).await.ok();
            }
        });
        NameServer { address, asked, task }
    }

    /// A server that hears everything and says nothing.
    pub async fn silent() -> NameServer {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let task = tokio::spawn(async move {
            let mut buffer = [0; 1500];
            while socket.recv_from(&mut buffer).await.is_ok() {}
        });
        NameServer { address, asked: Arc::default(), task }
    }

    /// The names it was asked for.
    pub fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().iter().map(|(name, _)| name.clone()).collect()
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn question(query: &[u8]) -> (String, u16, usize) {
    let (mut at, mut labels) = (12, Vec::new());
    while query[at] != 0 {
        let length = usize::from(query[at]);
        labels.push(String::from_utf8_lossy(&query[at + 1..at + 1 + length]).to_lowercase());
        at += 1 + length;
    }
    (labels.join("."), u16::from_be_bytes([query[at + 1], query[at + 2]]), at + 5)
}

fn answer(query: &[u8], kind: u16, records: &[Record], known: bool) -> Vec<u8> {
    let matching: Vec<(u16, Vec<u8>)> = records.iter().map(encoded).filter(|(found, _)| *found == kind).collect();
    let mut message = query.to_vec();
    message[2] = 0x85;
    message[3] = if known { 0x80 } else { 0x83 };
    message[4..12].copy_from_slice(&[0, 1, 0, matching.len() as u8, 0, 0, 0, 0]);
    for (kind, data) in matching {
        message.extend_from_slice(&[0xc0, 12]);
        message.extend_from_slice(&kind.to_be_bytes());
        message.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
        message.extend_from_slice(&(data.len() as u16).to_be_bytes());
        message.extend_from_slice(&data);
    }
    message
}

fn encoded(record: &Record) -> (u16, Vec<u8>) {
    match record {
        Record::Address(IpAddr::V4(ip)) => (1, ip.octets().to_vec()),
        Record::Address(IpAddr::V6(ip)) => (28, ip.octets().to_vec()),
        Record::Service(priority, weight, port, target) => {
            let mut data: Vec<u8> = [priority, weight, port].iter().flat_map(|number| number.to_be_bytes()).collect();
            data.extend(name(target));
            (33, data)
        }
        Record::Pointer(order, preference, service, replacement) => {
            let mut data: Vec<u8> = [order, preference].iter().flat_map(|number| number.to_be_bytes()).collect();
            data.extend([1, b's', service.len() as u8]);
            data.extend(service.as_bytes());
            data.push(0);
            data.extend(name(replacement));
            (35, data)
        }
    }
}

fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> = labels.flat_map(|label| std::iter::once(label.len() as u8).chain(label.bytes())).collect();
    bytes.push(0);
    bytes
}
