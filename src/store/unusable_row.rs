//! A row that the table's rules let through and that cannot be made into a call all the same.

use super::trunks::UnusableTrunk;

/// A row that cannot be made into a call.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UnusableRow {
    /// Postgres knows the zone, we do not.
    #[error("restaurant_zone \"{0}\" is not known to offhook; use the IANA name of a city, such as Europe/Berlin")]
    Zone(String),
    /// The trunk cannot carry the call.
    #[error(transparent)]
    Trunk(#[from] UnusableTrunk),
    /// The trunk's row has gone since.
    #[error("trunk \"{0}\" is not in the table trunks any more; name another trunk in the call, or leave it out")]
    NoTrunk(String),
}
