//! The attempts this coordinator looks after right now: as many as it may, each once.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use offhook::store::leases::AttemptId;
use tokio::sync::Notify;

use crate::queue::wake::Wake;

/// The first pause in claiming after a launch that failed for reasons that apply to every call; doubled up to the longest (backoff).
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_secs(30);

/// What is under way.
#[derive(Debug)]
pub struct InFlight {
    most: usize,
    wake: Arc<Wake>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    attempts: HashMap<AttemptId, Arc<Notify>>,
    rest: Duration,
    rests_until: Option<Instant>,
    held_back: bool,
}

impl InFlight {
    /// Room for `most` attempts; `wake` is notified when there is room again.
    pub fn new(most: usize, wake: Arc<Wake>) -> Arc<Self> {
        Arc::new(InFlight { most, wake, state: Mutex::default() })
    }

    /// The most attempts that are claimed.
    pub fn most(&self) -> usize {
        self.most
    }

    /// How many more calls may be claimed at `now`.
    pub fn room(&self, now: Instant) -> usize {
        let state = self.state();
        if state.held_back || state.rests_until.is_some_and(|until| now < until) {
            return 0;
        }
        self.most.saturating_sub(state.attempts.len())
    }

    /// Takes an attempt in. `None` where it is looked after already. Adopted attempts may go beyond the room.
    pub fn enter(self: &Arc<Self>, attempt: AttemptId) -> Option<Slot> {
        let mut state = self.state();
        if state.attempts.contains_key(&attempt) {
            return None;
        }
        let told = Arc::new(Notify::new());
        state.attempts.insert(attempt, told.clone());
        Some(Slot { attempt, told, running: self.clone() })
    }

    /// What is looked after.
    pub fn attempts(&self) -> Vec<AttemptId> {
        self.state().attempts.keys().copied().collect()
    }

    /// The worker of an attempt has reported its end to the database.
    pub fn told_its_end(&self, attempt: AttemptId) {
        if let Some(told) = self.state().attempts.get(&attempt) {
            told.notify_one();
        }
    }

    /// No launch can work right now (no engine, no image, no room on the disk, no login for workers): claim nothing for a while. Returns how long. Launches
    /// that were under way when a rest began and fail during it are the same failure: they make it no longer.
    pub fn rest(&self, now: Instant) -> Duration {
        let mut state = self.state();
        if let Some(left) = state.rests_until.and_then(|until| until.checked_duration_since(now)).filter(|left| !left.is_zero()) {
            return left;
        }
        state.rest = (state.rest * 2).clamp(FIRST_REST, LONGEST_REST);
        state.rests_until = Some(now + state.rest);
        state.rest
    }

    /// Claims nothing from now on, or goes on claiming.
    pub fn hold_back(&self, hold: bool) {
        self.state().held_back = hold;
        self.wake.wake();
    }

    /// A worker has done its work.
    pub fn go_on(&self) {
        let mut state = self.state();
        state.rest = Duration::ZERO;
        state.rests_until = None;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt's place; given up when dropped.
#[derive(Debug)]
pub struct Slot {
    /// Whose.
    pub attempt: AttemptId,
    told: Arc<Notify>,
    running: Arc<InFlight>,
}

impl Slot {
    /// Waits until the worker has reported its end to the database.
    pub async fn told_its_end(&self) {
        self.told.notified().await;
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.running.state().attempts.remove(&self.attempt);
        self.running.wake.wake();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn attempt(call_id: i64) -> AttemptId {
        AttemptId { call_id, attempt: 1 }
    }

    #[test]
    fn an_attempt_is_looked_after_once_and_its_place_is_free_afterwards() {
        let running = InFlight::new(2, Arc::default());
        let now = Instant::now();
        let first = running.enter(attempt(1)).unwrap();
        assert!(running.enter(attempt(1)).is_none());
        assert_eq!(running.room(now), 1);
        let _second = running.enter(attempt(2));
        let _adopted = running.enter(attempt(3));
        assert_eq!(running.room(now), 0);
        drop(first);
        assert_eq!(running.attempts().len(), 2);
    }

    #[test]
    fn launches_that_cannot_work_make_us_rest_longer_and_longer() {
        let running = InFlight::new(2, Arc::default());
        let now = Instant::now();
        let mut rests = Vec::new();
        let mut at = now;
        for _ in 0..7 {
            let rest = running.rest(at);
            assert_eq!(running.room(at + rest - Duration::from_millis(1)), 0);
            at += rest;
            assert_eq!(running.room(at), 2);
            rests.push(rest.as_secs());
        }
        assert_eq!(rests, [1, 2, 4, 8, 16, 30, 30]);
        running.rest(at);
        running.go_on();
        assert_eq!(running.room(at), 2);
    }

    #[test]
    fn launches_that_fail_together_are_one_failure() {
        let running = InFlight::new(8, Arc::default());
        let now = Instant::now();
        let half = Duration::from_millis(500);
        assert_eq!(running.rest(now), 2 * half);
        // Those that were claimed before we rested.
        for _ in 0..7 {
            assert_eq!(running.rest(now + half), half, "what is left of it");
        }
        assert_eq!(running.room(now + 2 * half), 8);
    }
}
