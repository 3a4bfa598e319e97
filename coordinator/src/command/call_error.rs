//! Why a command about calls could not be carried out.

use offhook::store::error::StoreError;

use super::import::ImportError;
use crate::config::database::ConnectError;

/// A command that could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// No database.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The database refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Wrong number.
    #[error("there is no call {0}; `offhook call list` shows those there are")]
    Unknown(i64),
    /// An import that did not get to its end.
    #[error(transparent)]
    Import(#[from] ImportError),
}
