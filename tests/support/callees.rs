//! Many callees behind one SIP address, cheap enough for fifty calls at once, that count: every INVITE with a new Call-ID, every
//! CANCEL and every BYE. What a callee does is in its name: `sip:rings-for-ever-7@127.0.0.1:5070`; or a test tells it.
//!
//! They speak SIP over UDP as far as whole calls on a wire without loss need it, and send no sound.
#![allow(dead_code)] // every test file uses its part

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{
    net::UdpSocket,
    sync::{Notify, mpsc},
    task::JoinHandle,
};

use super::carrier::header;

/// How long one who answers late lets it ring.
const LATE: Duration = Duration::from_secs(2);
/// How long one who hangs up stays.
const SHORT: Duration = Duration::from_secs(1);
/// The first pause before a 200 is sent again (RFC 3261 section 13.3.1.4), then doubled.
const T1: Duration = Duration::from_millis(500);
/// How often a message nobody confirms is sent.
const TRIES: u32 = 7;

/// What a callee does with an INVITE, as the beginning of its name says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// The network says 100; nothing rings.
    OnlyTrying,
    /// 180, and nobody comes.
    RingsForEver,
    /// 180, 200, and stays until somebody hangs up.
    AnswersAndWaits,
    /// The same after two seconds.
    AnswersLate,
    /// Answers, and hangs up after a second.
    AnswersAndHangsUp,
    /// 486.
    Busy,
}

impl Manner {
    const ALL: [Manner; 6] = [
        Manner::OnlyTrying,
        Manner::RingsForEver,
        Manner::AnswersAndWaits,
        Manner::AnswersLate,
        Manner::AnswersAndHangsUp,
        Manner::Busy,
    ];

    /// The beginning of a callee's name.
    pub const fn name(self) -> &'static str {
        match self {
            Manner::OnlyTrying => "only-trying",
            Manner::RingsForEver => "rings-for-ever",
            Manner::AnswersAndWaits => "answers-and-waits",
            Manner::AnswersLate => "answers-late",
            Manner::AnswersAndHangsUp => "answers-and-hangs-up",
            Manner::Busy => "busy",
        }
    }

    fn of(callee: &str) -> Manner {
        let known = Manner::ALL.into_iter().find(|manner| callee.starts_with(manner.name()));
        known.unwrap_or_else(|| panic!("no callee is called {callee}"))
    }
}

/// What a test tells a callee to do, in the call it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    Ring,
    Answer,
    /// And hangs up a second later.
    AnswerAndHangUp,
    /// 486.
    RefuseBusy,
    HangUp,
}

/// What one callee has seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The Call-ID of every INVITE, each once.
    pub invites: Vec<String>,
    pub ringing: bool,
    /// Our 200 was acknowledged.
    pub talking: bool,
    /// CANCELs of the caller.
    pub cancelled: usize,
    /// BYEs of the caller.
    pub hung_up_on: usize,
    /// When the caller's last BYE came.
    pub hung_up_at: Option<Instant>,
}

/// Gone when it is dropped.
pub struct Callees {
    pub address: SocketAddr,
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
    changed: Arc<Notify>,
    orders: mpsc::UnboundedSender<Order>,
    task: JoinHandle<()>,
}

impl Callees {
    /// They listen on a free port of this machine.
    pub async fn listen() -> Callees {
        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        let address = socket.local_addr().unwrap();
        // Where sound is sent to, so that it meets a socket; nobody listens to it.
        let sound = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let (seen, changed): (Arc<Mutex<BTreeMap<String, Seen>>>, Arc<Notify>) = Default::default();
        let (orders, received) = mpsc::unbounded_channel();
        let exchange = Exchange {
            socket,
            address,
            sound_port: sound.local_addr().unwrap().port(),
            _sound: sound,
            legs: HashMap::new(),
            seen: seen.clone(),
            changed: changed.clone(),
            orders: orders.clone(),
        };
        let task = tokio::spawn(exchange.serve(received));
        Callees { address, seen, changed, orders, task }
    }

    /// The number of a callee of this manner.
    pub fn number(&self, manner: Manner, nth: usize) -> String {
        format!("sip:{}-{nth}@{}", manner.name(), self.address)
    }

    /// The callee does this in the newest call it is in.
    pub fn tell(&self, number: &str, act: Act) {
        let _ = self.orders.send(Order::Act(user_of(number).to_owned(), act));
    }

    /// What this callee has seen so far.
    pub fn seen(&self, number: &str) -> Seen {
        lock(&self.seen).get(user_of(number)).cloned().unwrap_or_default()
    }

    /// Waits until the callee has seen what is asked for.
    pub async fn until(&self, number: &str, within: Duration, what: &str, met: impl Fn(&Seen) -> bool) {
        let deadline = tokio::time::Instant::now() + within;
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let seen = self.seen(number);
            if met(&seen) {
                return;
            }
            let waited = tokio::time::timeout_at(deadline, changed).await;
            assert!(waited.is_ok(), "{number}: not {what} within {within:?}: {seen:?}");
        }
    }

    /// Everybody who was sent more than one call.
    pub fn rung_twice(&self) -> Vec<(String, Vec<String>)> {
        let seen = lock(&self.seen);
        seen.iter().filter(|(_, seen)| seen.invites.len() > 1).map(|(user, seen)| (user.clone(), seen.invites.clone())).collect()
    }

    /// How many calls all of them were sent.
    pub fn invites(&self) -> usize {
        lock(&self.seen).values().map(|seen| seen.invites.len()).sum()
    }
}

impl Drop for Callees {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `sip:busy-1@127.0.0.1:5070` → `busy-1`
fn user_of(number: &str) -> &str {
    let number = number.strip_prefix("sip:").unwrap_or(number);
    number.split('@').next().unwrap_or(number)
}

enum Order {
    Act(String, Act),
    InCall(String, Act),
    /// The message goes out again where the leg is still in that state.
    Again {
        call_id: String,
        message: String,
        state: State,
        tries: u32,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Early,
    /// 200 sent, no ACK yet.
    Answered,
    Talking,
    /// Our BYE is out.
    Leaving,
    Over,
}

struct Leg {
    user: String,
    caller: SocketAddr,
    invite: String,
    state: State,
    /// It will not stay.
    short: bool,
    last_response: String,
}

struct Exchange {
    socket: Arc<UdpSocket>,
    address: SocketAddr,
    sound_port: u16,
    _sound: std::net::UdpSocket,
    legs: HashMap<String, Leg>,
    seen: Arc<Mutex<BTreeMap<String, Seen>>>,
    changed: Arc<Notify>,
    orders: mpsc::UnboundedSender<Order>,
}

impl Exchange {
    async fn serve(mut self, mut orders: mpsc::UnboundedReceiver<Order>) {
        let socket = self.socket.clone();
        let mut buffer = vec![0; 65_536];
        loop {
            tokio::select! {
                received = socket.recv_from(&mut buffer) => {
                    // On Linux a datagram to a port that was closed comes back as an error of the next call.
                    let Ok((length, from)) = received else { continue };
                    let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                    self.receive(&message, from).await;
                }
                order = orders.recv() => match order {
                    Some(order) => self.obey(order).await,
                    None => return,
                },
            }
            self.changed.notify_waiters();
        }
    }

    async fn receive(&mut self, message: &str, from: SocketAddr) {
        let call_id = header(message, "Call-ID").to_owned();
        let method = message.split(' ').next().unwrap_or_default();
        match method {
            "INVITE" if !header(message, "To").contains(";tag=") => self.invited(message, call_id, from).await,
            "INVITE" => {
                let answer = self.response(message, "200 OK", true);
                self.send(&answer, from).await;
            }
            "ACK" => {
                if let Some(leg) = self.legs.get_mut(&call_id)
                    && leg.state == State::Answered
                {
                    leg.state = State::Talking;
                    let (user, short) = (leg.user.clone(), leg.short);
                    self.note(&user, |seen| seen.talking = true);
                    if short {
                        self.later(SHORT, Order::InCall(call_id, Act::HangUp));
                    }
                }
            }
            "CANCEL" => {
                self.send(&self.response(message, "200 OK", false), from).await;
                if let Some(leg) = self.legs.get_mut(&call_id)
                    && leg.state == State::Early
                {
                    leg.state = State::Over;
                    let (user, invite) = (leg.user.clone(), leg.invite.clone());
                    self.note(&user, |seen| seen.cancelled += 1);
                    self.respond(&call_id, &invite, "487 Request Terminated", false).await;
                }
            }
            "BYE" => {
                self.send(&self.response(message, "200 OK", false), from).await;
                if let Some(leg) = self.legs.get_mut(&call_id) {
                    let before = std::mem::replace(&mut leg.state, State::Over);
                    let user = leg.user.clone();
                    if before != State::Over {
                        self.note(&user, |seen| {
                            seen.hung_up_on += 1;
                            seen.hung_up_at = Some(Instant::now());
                        });
                    }
                }
            }
            "SIP/2.0" => {
                // The answer to our BYE.
                if let Some(leg) = self.legs.get_mut(&call_id) {
                    leg.state = State::Over;
                }
            }
            _ => self.send(&self.response(message, "200 OK", false), from).await,
        }
    }

    async fn invited(&mut self, invite: &str, call_id: String, from: SocketAddr) {
        if let Some(leg) = self.legs.get(&call_id) {
            // Sent again, because our answer was not there yet.
            let last = leg.last_response.clone();
            self.send(&last, from).await;
            return;
        }
        let uri = invite.split(' ').nth(1).unwrap_or_default();
        let user = user_of(uri).to_owned();
        self.note(&user, |seen| {
            seen.invites.push(call_id.clone());
            seen.ringing = false;
            seen.talking = false;
        });
        let leg = Leg {
            user: user.clone(),
            caller: from,
            invite: invite.to_owned(),
            state: State::Early,
            short: Manner::of(&user) == Manner::AnswersAndHangsUp,
            last_response: String::new(),
        };
        self.legs.insert(call_id.clone(), leg);
        self.respond(&call_id, invite, "100 Trying", false).await;
        match Manner::of(&user) {
            Manner::OnlyTrying => {}
            Manner::RingsForEver => self.act(&call_id, Act::Ring).await,
            Manner::AnswersAndWaits | Manner::AnswersAndHangsUp => {
                self.act(&call_id, Act::Ring).await;
                self.act(&call_id, Act::Answer).await;
            }
            Manner::AnswersLate => {
                self.act(&call_id, Act::Ring).await;
                self.later(LATE, Order::InCall(call_id, Act::Answer));
            }
            Manner::Busy => self.act(&call_id, Act::RefuseBusy).await,
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Act(user, act) => {
                let newest = lock(&self.seen).get(&user).and_then(|seen| seen.invites.last().cloned());
                if let Some(call_id) = newest {
                    self.act(&call_id, act).await;
                }
            }
            Order::InCall(call_id, act) => self.act(&call_id, act).await,
            Order::Again { call_id, message, state, tries } => {
                let Some(leg) = self.legs.get(&call_id).filter(|leg| leg.state == state) else { return };
                let caller = leg.caller;
                self.send(&message, caller).await;
                self.again(call_id, message, state, tries + 1);
            }
        }
    }

    async fn act(&mut self, call_id: &str, act: Act) {
        let Some(leg) = self.legs.get_mut(call_id) else { return };
        let (user, invite, caller) = (leg.user.clone(), leg.invite.clone(), leg.caller);
        match (act, leg.state) {
            (Act::Ring, State::Early) => {
                self.note(&user, |seen| seen.ringing = true);
                self.respond(call_id, &invite, "180 Ringing", false).await;
            }
            (Act::Answer | Act::AnswerAndHangUp, State::Early) => {
                leg.state = State::Answered;
                leg.short |= act == Act::AnswerAndHangUp;
                let answer = self.respond(call_id, &invite, "200 OK", true).await;
                self.again(call_id.to_owned(), answer, State::Answered, 0);
            }
            (Act::RefuseBusy, State::Early) => {
                leg.state = State::Over;
                self.respond(call_id, &invite, "486 Busy Here", false).await;
            }
            (Act::HangUp, State::Answered | State::Talking) => {
                leg.state = State::Leaving;
                let bye = self.bye(&invite);
                self.send(&bye, caller).await;
                self.again(call_id.to_owned(), bye, State::Leaving, 0);
            }
            _ => {}
        }
    }

    async fn respond(&mut self, call_id: &str, invite: &str, status: &str, sdp: bool) -> String {
        let response = self.response(invite, status, sdp);
        if let Some(leg) = self.legs.get_mut(call_id) {
            leg.last_response = response.clone();
            let caller = leg.caller;
            self.send(&response, caller).await;
        }
        response
    }

    fn again(&self, call_id: String, message: String, state: State, tries: u32) {
        if tries < TRIES {
            self.later(T1 * 2u32.pow(tries), Order::Again { call_id, message, state, tries });
        }
    }

    fn later(&self, after: Duration, order: Order) {
        let orders = self.orders.clone();
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            let _ = orders.send(order);
        });
    }

    async fn send(&self, message: &str, to: SocketAddr) {
        let _ = self.socket.send_to(message.as_bytes(), to).await;
    }

    fn note(&self, user: &str, change: impl FnOnce(&mut Seen)) {
        change(lock(&self.seen).entry(user.to_owned()).or_default());
    }

    fn response(&self, request: &str, status: &str, sdp: bool) -> String {
        let mut response = format!("SIP/2.0 {status}\r\n");
        for line in request.lines().take_while(|line| !line.is_empty()) {
            let name = line.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
            match name.as_str() {
                "via" | "from" | "call-id" | "cseq" | "record-route" => response += &format!("{line}\r\n"),
                "to" if line.contains(";tag=") => response += &format!("{line}\r\n"),
                "to" if status.starts_with("100") => response += &format!("{line}\r\n"),
                "to" => response += &format!("{line};tag=callee\r\n"),
                _ => {}
            }
        }
        response += &format!("Contact: <sip:callee@{}>\r\n", self.address);
        let body = if sdp {
            format!(
                "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n",
                self.sound_port
            )
        } else {
            String::new()
        };
        if sdp {
            response += "Content-Type: application/sdp\r\n";
        }
        response + &format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    fn bye(&self, invite: &str) -> String {
        let contact = header(invite, "Contact");
        let target = contact.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(contact, |(uri, _)| uri);
        format!(
            "BYE {target} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{}\r\nMax-Forwards: 70\r\nFrom: {};tag=callee\r\nTo: {}\r\n\
             Call-ID: {}\r\nCSeq: 1 BYE\r\nContent-Length: 0\r\n\r\n",
            self.address,
            uuid::Uuid::new_v4().simple(),
            header(invite, "To"),
            header(invite, "From"),
            header(invite, "Call-ID"),
        )
    }
}
