//! An attempt that this coordinator looks after, on its way from the queue to whoever attends to it.

use offhook::store::claim::FreshClaim;

use crate::in_flight::Slot;

/// An attempt to be looked after, and how it came to us.
#[derive(Debug)]
pub struct Assignment {
    /// Its place.
    pub slot: Slot,
    /// How it came to us.
    pub origin: Origin,
}

/// How an attempt came to us.
#[derive(Debug)]
pub enum Origin {
    /// Just claimed: to be launched.
    Fresh(Box<FreshClaim>),
    /// Launched by a coordinator that is gone, on this machine.
    Adopted,
    /// Launched on a machine that nobody has heard of for long.
    Elsewhere,
}
