-- A line and a waiting room. A queued call waits outside until it is due, then stands in line (`ready`) until it is claimed; one that
-- cannot be made right now (its number is busy, quiet, or has been called often enough today) goes back outside. Whoever claims
-- looks at the head of the line only.

alter table calls
    add column ready    boolean not null default false,            -- in line: queued, due, and nothing but room is missing
    add column turn_at  timestamptz not null default now(),        -- place in line: when it was due, a minute earlier per priority
    add column waits_for text,                                     -- why it is outside
    add constraint waits_for_is_known
        check (waits_for in ('not_before', 'calling_hours', 'quiet_time', 'daily_cap', 'other_call', 'trunk', 'retry'));

update calls set turn_at = due_at - priority * interval '1 minute', ready = due_at <= now() where state = 'queued';

create index calls_in_line on calls (offhook_lane(trunk, number), turn_at, id) where state = 'queued' and ready;
create index calls_outside on calls (due_at, turn_at) where state = 'queued' and not ready;
create index calls_behind_another on calls (number, turn_at) where state = 'queued' and waits_for = 'other_call';
create index calls_queued_number on calls (number) where state = 'queued';
drop index calls_due;
-- calls_one_live_per_number finds the live ones. Without lease_until in an index, a lease is renewed without a new entry in every index.
drop index calls_live;

-- What is under way on a trunk.
drop index attempts_unsettled;
create index attempts_unsettled on attempts (trunk) where settled_at is null;

alter table trunks
    add column paused       boolean not null default false,        -- claims nothing; what is under way goes on
    add column pause_reason text,
    add constraint trunk_pause_reason_is_short check (length(pause_reason) <= 500),
    -- The same as before, without asking a function at every claim.
    drop constraint trunk_headers_can_be_sent,
    add constraint trunk_headers_can_be_sent check (headers = '{}' or offhook_headers_fault(headers) is null);

alter table installation
    add column paused         boolean not null default false,
    add column pause_reason   text,
    add column max_concurrent int,                                 -- calls at the same time over all trunks and machines; null: any
    add column quiet_time     interval not null default '1 minute', -- between two calls that ring one number
    add column calls_per_day  int not null default 10,             -- that ring one number, on its calendar day
    add constraint installation_pause_reason_is_short check (length(pause_reason) <= 500),
    add constraint installation_has_room check (max_concurrent >= 0),
    add constraint quiet_time_is_up_to_a_day check (quiet_time between interval '0' and interval '1 day'),
    add constraint calls_per_day_is_positive check (calls_per_day >= 1);

-- When a number was last rung, and how often on that day of its calendar.
create table numbers (
    number       text primary key,
    last_rung_at timestamptz not null,
    day          date not null,
    rung         int not null
);

-- Who does what only one may do, until when.
create table leader (
    task        text primary key,
    coordinator text not null,
    until       timestamptz not null
);
