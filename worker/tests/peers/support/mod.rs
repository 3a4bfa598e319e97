//! What the tests share: peers that are started, and ends of streams and names that are played.

pub mod baresip;
pub mod certificates;
pub mod kamailio;
pub mod linphone;
pub mod name_server;
pub mod sipp;
pub mod sounds;
pub mod stream_peer;
