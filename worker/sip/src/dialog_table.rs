//! The dialogs of an endpoint, by Call-ID and our tag: requests within a dialog are routed by this table.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rsipstack::transaction::transaction::Transaction;
use tokio::sync::mpsc;

/// Capacity of a dialog's request channel; further requests wait in [`super::dispatch`].
const WAITING_REQUESTS: usize = 32;

/// The table of dialogs.
#[derive(Clone, Default)]
pub(super) struct DialogTable(Arc<Mutex<HashMap<Key, mpsc::Sender<Transaction>>>>);

/// Call-ID and our tag. The dialog checks the peer's tag itself: a forked INVITE has several peers.
type Key = (String, String);

impl DialogTable {
    /// Adds an entry: requests with this Call-ID and our tag are routed to it until it is dropped.
    pub(super) fn enter(&self, call_id: &str, local_tag: &str) -> DialogEntry {
        let key = (call_id.to_owned(), local_tag.to_owned());
        let (sender, requests) = mpsc::channel(WAITING_REQUESTS);
        self.lock().insert(key.clone(), sender);
        DialogEntry { table: self.clone(), key, requests }
    }

    /// Returns where the requests of a dialog are sent; `None` where there is no such dialog.
    pub(super) fn find(&self, call_id: &str, local_tag: &str) -> Option<mpsc::Sender<Transaction>> {
        self.lock().get(&(call_id.to_owned(), local_tag.to_owned())).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, mpsc::Sender<Transaction>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A dialog's entry in the table; dropping it removes it.
pub(super) struct DialogEntry {
    table: DialogTable,
    key: Key,
    /// The peer's requests, in order of arrival.
    pub(super) requests: mpsc::Receiver<Transaction>,
}

impl Drop for DialogEntry {
    fn drop(&mut self) {
        self.table.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_over_is_not_found() {
        let dialogs = DialogTable::default();
        let entry = dialogs.enter("c1", "u");
        assert!(dialogs.find("c1", "u").is_some());
        assert!(dialogs.find("c1", "U").is_none() && dialogs.find("c2", "u").is_none());
        drop(entry);
        assert!(dialogs.find("c1", "u").is_none());
    }
}
