//! The fixed sentences in English.

use crate::tables::Phrases;

pub(super) const PHRASES: Phrases = Phrases {
    introduction: "Hello, this is an automated assistant calling on behalf of {guest}.",
    recorded: "This call is recorded.",
    recording_deleted: "All right, the recording is stopped and deleted.",
    cut_off_before: "We were cut off a moment ago.",
    repeat: "I'm sorry, I didn't catch that. Could you say it again?",
    still_there: "Are you still there?",
    goodbye: "Thank you for your time. Goodbye.",
    no_time_left: "I'm sorry, I have to end the call here. Thank you for your time. Goodbye.",
    withdrawn: "I'm sorry, the request has just been withdrawn. Thank you for your time. Goodbye.",
    interrupted: "I'm sorry, I have to break off this call for technical reasons. Goodbye.",
    one_moment: "I'm sorry, one moment please.",
    trouble: "I'm sorry, I'm having technical difficulties. Goodbye.",
    doubted: "I understood: {text}. Is that right?",
    read_back: "I confirm: a table for {party} on {date} at {time}, under the name {name}.",
    persons: ("one person", "{number} people"),
    nothing_agreed: "I'm sorry, I have to correct myself: nothing is agreed yet.",
};
