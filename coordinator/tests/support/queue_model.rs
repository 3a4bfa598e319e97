//! What the queue has to do, in memory and without a clock: the reference that random histories are held against.
//!
//! Time is in microseconds. Every step takes one, so that what happened first in the database happened first here.

use offhook::{call::CallState, disposition::Disposition};

pub const SECOND: i64 = 1_000_000;
pub const LEASE: i64 = 15 * SECOND;
pub const ABANDONED_AFTER: i64 = 30 * SECOND;
pub const QUIET: i64 = 60 * SECOND;
pub const RETRY: i64 = 60 * SECOND;
pub const TRUNK_RETRY: i64 = 40 * SECOND;
pub const PER_DAY: u32 = 3;
pub const MAX_ATTEMPTS: u32 = 2;
pub const LOST_RETRIES: usize = 1;
pub const NUMBERS: usize = 3;
/// By trunk, the preferred one first: the most calls at the same time.
pub const TRUNKS: [(&str, usize); 2] = [("a", 2), ("b", 3)];
pub const IN_ALL: usize = 4;
/// The machines the coordinators are on.
pub const HOSTS: [&str; 3] = ["one", "one", "two"];

/// A coordinator: its place in [`HOSTS`], and how many there have been in that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Coordinator {
    pub place: usize,
    pub generation: u32,
}

impl Coordinator {
    pub fn name(self) -> String {
        format!("c{}-{}", self.place, self.generation)
    }
}

/// An attempt as the model knows it.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub trunk: usize,
    pub place: usize,
    pub seen: i64,
    pub dialing: bool,
    pub ringing: bool,
    pub talking: bool,
    pub ended: Option<Disposition>,
    pub settled: bool,
}

#[derive(Debug, Clone)]
pub struct Call {
    pub number: usize,
    pub trunk: Option<usize>,
    pub state: CallState,
    pub due: i64,
    pub turn: i64,
    pub priority: i64,
    pub counted: u32,
    pub cancel_requested: bool,
    /// `not_after` has passed. Where it is queued, whoever looks at it may end it.
    pub too_late: bool,
    pub holder: Option<Coordinator>,
    pub lease_until: i64,
    pub attempts: Vec<Attempt>,
}

#[derive(Debug, Clone)]
pub struct Model {
    pub now: i64,
    pub calls: Vec<Call>,
    pub paused: bool,
    pub paused_trunks: [bool; TRUNKS.len()],
    /// By number: when it was last rung, and how often.
    pub rung: [Option<(i64, u32)>; NUMBERS],
    pub generations: [u32; HOSTS.len()],
}

impl Model {
    pub fn new() -> Model {
        Model {
            now: 0,
            calls: Vec::new(),
            paused: false,
            paused_trunks: [false; TRUNKS.len()],
            rung: [None; NUMBERS],
            generations: [0; HOSTS.len()],
        }
    }

    pub fn coordinator(&self, place: usize) -> Coordinator {
        Coordinator { place, generation: self.generations[place] }
    }

    pub fn insert(&mut self, number: usize, priority: i64, trunk: Option<usize>, later: i64) {
        let due = self.now + later;
        self.calls.push(Call {
            number,
            trunk,
            state: CallState::Queued,
            due,
            turn: due - priority * 60 * SECOND,
            priority,
            counted: 0,
            cancel_requested: false,
            too_late: false,
            holder: None,
            lease_until: 0,
            attempts: Vec::new(),
        });
    }

    pub fn live(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.calls.len()).filter(|call| self.calls[*call].state.is_live())
    }

    /// Which calls a claim with room for `room` takes, in this order, each with its trunk.
    pub fn to_be_claimed(&self, room: usize) -> Vec<(usize, usize)> {
        if self.paused {
            return Vec::new();
        }
        let mut on_trunk = [0; TRUNKS.len()];
        let mut busy = [false; NUMBERS];
        for call in self.live() {
            on_trunk[self.attempt(call).trunk] += 1;
            busy[self.calls[call].number] = true;
        }
        let room = room.min(IN_ALL.saturating_sub(on_trunk.iter().sum()));
        let preferred = (0..TRUNKS.len()).find(|trunk| !self.paused_trunks[*trunk]);
        let mut line: Vec<usize> = (0..self.calls.len())
            .filter(|call| {
                let call = &self.calls[*call];
                call.state == CallState::Queued && call.due <= self.now && !call.too_late
            })
            .collect();
        line.sort_by_key(|call| (self.calls[*call].turn, *call));
        let mut taken = Vec::new();
        for call in line {
            let number = self.calls[call].number;
            let Some(trunk) = self.calls[call].trunk.or(preferred) else { continue };
            let has_room = taken.len() < room && on_trunk[trunk] < TRUNKS[trunk].1 && !self.paused_trunks[trunk];
            if has_room && !busy[number] && !self.left_alone(number) {
                on_trunk[trunk] += 1;
                busy[number] = true;
                taken.push((call, trunk));
            }
        }
        taken
    }

    /// Whether a number has its quiet time, or had its calls for today.
    pub fn left_alone(&self, number: usize) -> bool {
        self.rung[number].is_some_and(|(last, times)| last + QUIET > self.now || times >= PER_DAY)
    }

    pub fn claimed(&mut self, call: usize, trunk: usize, by: Coordinator) {
        let now = self.now;
        let call = &mut self.calls[call];
        call.state = CallState::Claimed;
        call.holder = Some(by);
        call.lease_until = now + LEASE;
        call.attempts.push(Attempt {
            trunk,
            place: by.place,
            seen: now,
            dialing: false,
            ringing: false,
            talking: false,
            ended: None,
            settled: false,
        });
    }

    pub fn attempt(&self, call: usize) -> &Attempt {
        self.calls[call].attempts.last().expect("a live call has an attempt")
    }

    /// The worker takes the next step. Returns which, and whether it may go on.
    pub fn progress(&mut self, call: usize) -> Option<(&'static str, bool)> {
        let (now, cancelled) = (self.now, self.calls[call].cancel_requested);
        let attempt = self.calls[call].attempts.last_mut().expect("a live call has an attempt");
        let step = match (attempt.dialing, attempt.ringing, attempt.talking) {
            (false, ..) => "dialing",
            (true, false, false) => "ringing",
            (true, true, false) => "talking",
            _ => return None,
        };
        if step == "dialing" && cancelled {
            return Some((step, false));
        }
        attempt.seen = now;
        match step {
            "dialing" => {
                attempt.dialing = true;
                self.calls[call].state = CallState::Dialing;
            }
            "ringing" => attempt.ringing = true,
            _ => {
                attempt.talking = true;
                self.calls[call].state = CallState::Talking;
            }
        }
        Some((step, !cancelled))
    }

    /// The end of the telephone call. Told twice, the first telling stands.
    pub fn ended(&mut self, call: usize, how: Disposition) {
        let (now, number) = (self.now, self.calls[call].number);
        let attempt = self.calls[call].attempts.last_mut().expect("a live call has an attempt");
        if attempt.ended.is_some() {
            return;
        }
        attempt.ended = Some(how);
        let rung =
            attempt.ringing || attempt.talking || how == Disposition::NoAnswer || (how == Disposition::Lost && attempt.dialing);
        if rung {
            let times = self.rung[number].map_or(0, |(_, times)| times);
            self.rung[number] = Some((now, times + 1));
        }
    }

    /// The coordinator settles the attempt.
    pub fn settled(&mut self, call: usize, otherwise: Disposition) {
        // Whoever believes that it was not launched is wrong where it has dialled.
        let not_launched = otherwise == Disposition::TrunkFailure;
        let otherwise = if not_launched && self.attempt(call).dialing { Disposition::Lost } else { otherwise };
        self.ended(call, otherwise);
        let now = self.now;
        let call = &mut self.calls[call];
        let before = call.attempts.iter().rev().skip(1);
        let lost_in_a_row = before.take_while(|earlier| earlier.ended == Some(Disposition::Lost)).count();
        let attempt = call.attempts.last_mut().expect("a live call has an attempt");
        attempt.settled = true;
        let retry = match attempt.ended.expect("it has just ended") {
            // Somebody answered: the line dropped, and no history makes such a call again.
            Disposition::Busy | Disposition::NoAnswer | Disposition::TrunkFailure if attempt.talking => None,
            Disposition::Busy | Disposition::NoAnswer => Some((RETRY, true)),
            Disposition::TrunkFailure => Some((TRUNK_RETRY, false)),
            Disposition::Lost if !attempt.dialing && lost_in_a_row < LOST_RETRIES => Some((TRUNK_RETRY, false)),
            _ => None,
        };
        let held = attempt.ended == Some(Disposition::Lost);
        call.holder = None;
        call.state = match retry {
            None if held => CallState::Held,
            None => CallState::Finished,
            Some(_) if call.cancel_requested => CallState::Cancelled,
            Some((_, true)) if call.counted + 1 >= MAX_ATTEMPTS => CallState::Finished,
            Some(_) if call.too_late => CallState::Expired,
            Some((after, counted)) => {
                call.counted += u32::from(counted);
                call.due = now + after;
                call.turn = call.due - call.priority * 60 * SECOND;
                CallState::Queued
            }
        };
    }

    pub fn cancel(&mut self, call: usize) {
        let call = &mut self.calls[call];
        call.cancel_requested = true;
        if matches!(call.state, CallState::Queued | CallState::Held) {
            call.state = CallState::Cancelled;
        }
    }

    /// Live calls of `by`'s machine that nobody looks after.
    pub fn abandoned_here(&self, by: Coordinator) -> Vec<usize> {
        let here = |call: &usize| HOSTS[self.attempt(*call).place] == HOSTS[by.place];
        self.live()
            .filter(here)
            .filter(|call| self.calls[*call].lease_until < self.now && self.calls[*call].holder != Some(by))
            .collect()
    }

    /// Live calls of other machines that nobody has heard of for long.
    pub fn abandoned_elsewhere(&self, by: Coordinator) -> Vec<usize> {
        let long_ago = self.now - ABANDONED_AFTER;
        let elsewhere = |call: &usize| HOSTS[self.attempt(*call).place] != HOSTS[by.place];
        let silent = |call: &usize| self.attempt(*call).ended.is_some() || self.attempt(*call).seen < long_ago;
        self.live().filter(elsewhere).filter(|call| self.calls[*call].lease_until < long_ago).filter(silent).collect()
    }

    pub fn taken_over(&mut self, calls: &[usize], by: Coordinator) {
        for call in calls {
            self.calls[*call].holder = Some(by);
            self.calls[*call].lease_until = self.now + LEASE;
        }
    }

    /// Those who are there renew their leases.
    pub fn renewed(&mut self) {
        let there: Vec<Coordinator> = (0..HOSTS.len()).map(|place| self.coordinator(place)).collect();
        for call in self.calls.iter_mut().filter(|call| call.state.is_live()) {
            if call.holder.is_some_and(|holder| there.contains(&holder)) {
                call.lease_until = self.now + LEASE;
            }
        }
    }

    pub fn swept(&mut self) {
        for call in self.calls.iter_mut().filter(|call| call.state == CallState::Queued && call.too_late) {
            call.state = CallState::Expired;
        }
    }
}
