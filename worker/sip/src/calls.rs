//! The calls of an endpoint, by Call-ID and our tag: where a request within a dialog goes.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rsipstack::transaction::transaction::Transaction;
use tokio::sync::mpsc;

/// Requests of one call that wait to be read; a peer that sends more waits for its turn.
const WAITING_REQUESTS: usize = 32;

/// Every call under way.
#[derive(Clone, Default)]
pub(super) struct Calls(Arc<Mutex<HashMap<Key, mpsc::Sender<Transaction>>>>);

/// Call-ID and our tag. The peer's tag is the call's own to check: an INVITE that is forked has several peers.
type Key = (String, String);

impl Calls {
    /// Requests with this Call-ID and our tag come here from now on, until the seat is dropped.
    pub(super) fn take_seat(&self, call_id: &str, local_tag: &str) -> Seat {
        let key = (call_id.to_owned(), local_tag.to_owned());
        let (sender, requests) = mpsc::channel(WAITING_REQUESTS);
        self.lock().insert(key.clone(), sender);
        Seat { calls: self.clone(), key, requests }
    }

    /// Where the requests of a call go.
    pub(super) fn find(&self, call_id: &str, local_tag: &str) -> Option<mpsc::Sender<Transaction>> {
        self.lock().get(&(call_id.to_owned(), local_tag.to_owned())).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, mpsc::Sender<Transaction>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place among the others.
pub(super) struct Seat {
    calls: Calls,
    key: Key,
    /// The peer's requests, in the order in which they came.
    pub(super) requests: mpsc::Receiver<Transaction>,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.calls.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_over_is_not_found() {
        let calls = Calls::default();
        let seat = calls.take_seat("c1", "u");
        assert!(calls.find("c1", "u").is_some());
        assert!(calls.find("c1", "U").is_none() && calls.find("c2", "u").is_none());
        drop(seat);
        assert!(calls.find("c1", "u").is_none());
    }
}
