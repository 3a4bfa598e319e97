-- What ended a call that was answered, so that a line that dropped can be told from somebody who hung up. src/end_cause.rs has the meanings.

create type end_cause as enum
    ('hung_up_by_callee', 'hung_up_by_us', 'media_lost', 'dialog_lost', 'process_stopped', 'attempt_stale');

alter table attempts
    add column ended_by     end_cause,           -- null: nobody answered, or it is not known
    add column ended_cause  int,                 -- Q.850, of the Reason header of the callee's BYE
    add column silent_ms    bigint,              -- media_lost: how long nothing had come
    add column line_dropped boolean;             -- the retry policy's verdict, when it was settled
