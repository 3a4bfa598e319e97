//! A call as people see it in a list.

use std::fmt::Write;

use offhook::store::calls::CallResult;

/// One call in one line.
pub(super) fn line(call: &CallResult) -> String {
    let mut line = format!(
        "{:>6}  {:<9}  {:<18}  {} {} for {:>2}  {}",
        call.id,
        call.state.as_str(),
        call.outcome.map(|outcome| outcome.as_str()).or(call.disposition.map(|disposition| disposition.as_str())).unwrap_or("-"),
        call.wanted_date,
        call.wanted_time.format("%H:%M"),
        call.party_size,
        call.restaurant_name,
    );
    if let (Some(date), Some(time)) = (call.agreed_date, call.agreed_time) {
        let _ = write!(line, "  agreed: {date} {}", time.format("%H:%M"));
    }
    if let Some(why) = &call.why {
        let _ = write!(line, "  ({why})");
    }
    line
}
