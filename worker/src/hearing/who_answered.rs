//! who
/// x
pub enum WhoAnswered { /// p
 Person }
/// x
pub fn judge() {}
