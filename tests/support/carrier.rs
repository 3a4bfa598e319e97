//! A carrier that answers every INVITE as configured, and remembers it. It speaks just enough SIP over UDP to fail.
#![allow(dead_code)] // every test file uses its part

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{net::UdpSocket, task::JoinHandle};

/// Gone when it is dropped.
pub struct Carrier {
    pub address: SocketAddr,
    script: Arc<Mutex<Vec<String>>>,
    invites: Arc<Mutex<Vec<String>>>,
    registrations: Arc<Mutex<Registrations>>,
    task: JoinHandle<()>,
}

/// What a registrar has received, and what it answers.
#[derive(Default)]
struct Registrations {
    heard: Vec<String>,
    refusal: Option<String>,
}

impl Carrier {
    /// Answers every INVITE with these, each a status and maybe more headers: `503 Busy\r\nRetry-After: 30`. None: it is silent.
    pub async fn answering(script: &[&str]) -> Carrier {
        let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = socket.local_addr().unwrap();
        let script: Arc<Mutex<Vec<String>>> = Arc::new(Mutex::new(script.iter().map(|line| (*line).to_owned()).collect()));
        let invites = Arc::new(Mutex::new(Vec::new()));
        let registrations = Arc::default();
        let task = tokio::spawn(serve(socket, Arc::clone(&script), Arc::clone(&invites), Arc::clone(&registrations)));
        Carrier { address, script, invites, registrations, task }
    }

    /// From now on it lets nobody register.
    pub fn refuse_registration(&self, answer: &str) {
        self.registrations.lock().unwrap_or_else(PoisonError::into_inner).refusal = Some(answer.to_owned());
    }

    /// The REGISTERs so far, whole.
    pub fn registrations(&self) -> Vec<String> {
        self.registrations.lock().unwrap_or_else(PoisonError::into_inner).heard.clone()
    }

    /// From now on it answers so.
    pub fn answer(&self, script: &[&str]) {
        *self.script.lock().unwrap_or_else(PoisonError::into_inner) = script.iter().map(|line| (*line).to_owned()).collect();
    }

    /// The INVITEs so far, whole; one that came again is one.
    pub fn invites(&self) -> Vec<String> {
        self.invites.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The Call-IDs of the INVITEs so far.
    pub fn call_ids(&self) -> Vec<String> {
        self.invites().iter().map(|invite| header(invite, "Call-ID").to_owned()).collect()
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The first value of a header.
pub fn header<'a>(message: &'a str, name: &str) -> &'a str {
    let of_name = |line: &&'a str| line.split(':').next().is_some_and(|found| found.trim().eq_ignore_ascii_case(name));
    message.lines().find(of_name).and_then(|line| line.split_once(':')).map_or("", |(_, value)| value.trim())
}

async fn serve(
    socket: UdpSocket,
    script: Arc<Mutex<Vec<String>>>,
    invites: Arc<Mutex<Vec<String>>>,
    registrations: Arc<Mutex<Registrations>>,
) {
    let mut buffer = vec![0; 65_536];
    while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
        let request = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let answers = match request.split(' ').next() {
            Some("INVITE") => {
                let mut invites = invites.lock().unwrap_or_else(PoisonError::into_inner);
                if !invites.iter().any(|known| header(known, "Via") == header(&request, "Via")) {
                    invites.push(request.clone());
                }
                script.lock().unwrap_or_else(PoisonError::into_inner).clone()
            }
            Some("ACK") => vec![],
            Some("REGISTER") => {
                let mut registrations = registrations.lock().unwrap_or_else(PoisonError::into_inner);
                registrations.heard.push(request.clone());
                let granted = || format!("200 OK\r\nContact: {};expires=600", header(&request, "Contact"));
                vec![registrations.refusal.clone().unwrap_or_else(granted)]
            }
            _ => vec!["200 OK".to_owned()],
        };
        for answer in answers {
            let _ = socket.send_to(response(&request, &answer).as_bytes(), from).await;
        }
    }
}

fn response(request: &str, answer: &str) -> String {
    let mut response = format!("SIP/2.0 {answer}\r\n");
    for line in request.lines().take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
        if matches!(name.as_str(), "via" | "from" | "call-id" | "cseq") {
            response += &format!("{line}\r\n");
        } else if name == "to" {
            response += &format!("{line};tag=carrier\r\n");
        }
    }
    response + "Content-Length: 0\r\n\r\n"
}
