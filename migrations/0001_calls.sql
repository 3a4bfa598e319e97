-- The queue and everything a call leaves behind. A person inserts into `calls` with plain SQL, so every rule that can be
-- checked on one row is a constraint here. The constraints are the backstop: the triggers of 0002 look first, and refuse a
-- wrong row with a sentence that says what to change.

create type call_state as enum
    ('queued', 'claimed', 'dialing', 'talking', 'finished', 'held', 'expired', 'cancelled');

create type call_kind as enum ('book', 'change', 'cancel', 'confirm');

create type disposition as enum
    ('answered', 'busy', 'no_answer', 'voicemail', 'menu_dead_end', 'rejected', 'invalid_number',
     'trunk_failure', 'lost', 'cancelled');

create type outcome as enum
    ('booked', 'booked_alternative', 'declined', 'offer_outside_limits', 'callback_requested', 'walk_in_only',
     'wrong_number', 'refused', 'message_left', 'no_agreement', 'changed', 'cancelled', 'confirmed');

-- Where calls leave the building. A secret is never in a table: `secret` names a file in the coordinator's secrets folder.
create table trunks (
    name             text primary key,
    host             text,                       -- null: the number is a sip: URI and is dialled where it points
    port             int  not null default 5060,
    username         text,
    secret           text,
    caller_id        text not null default 'offhook',
    from_domain      text,
    codecs           text[] not null default '{opus,pcmu,pcma}',
    max_concurrent   int not null default 10,
    calls_per_second double precision not null default 1,
    enabled          boolean not null default true,
    preference       int not null default 100,   -- lowest enabled first for calls that name no trunk
    tokens           double precision not null default 1,
    refilled_at      timestamptz not null default now(),
    constraint trunk_name_is_a_word check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    constraint trunk_host_is_a_host
        check (host ~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$' or host ~ '^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$'),
    constraint trunk_port_is_a_port check (port between 1 and 65535),
    constraint trunk_has_room check (max_concurrent between 0 and 10000),
    constraint trunk_rate_is_positive check (calls_per_second > 0 and calls_per_second <= 1000),
    constraint trunk_codecs_are_known
        check (codecs <@ '{opus,pcmu,pcma}'::text[] and cardinality(codecs) > 0 and array_ndims(codecs) = 1),
    constraint trunk_secret_is_a_file_name check (secret ~ '^[A-Za-z0-9._-]+$' and secret !~ '^\.'),
    constraint trunk_secret_goes_with_a_username check (secret is null or username ~ '\S'),
    constraint trunk_caller_id_is_a_user_part check (caller_id ~ '^[A-Za-z0-9+._-]{1,64}$'),
    constraint trunk_from_domain_is_a_host check (from_domain ~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$')
);
insert into trunks (name, host, preference, calls_per_second) values ('direct', null, 1000, 10);

create table do_not_call (
    number   text primary key,
    reason   text not null default 'asked not to be called',
    call_id  bigint,
    added_at timestamptz not null default now(),
    constraint do_not_call_number_is_e164_or_sip_uri
        check (number ~ '^\+[1-9][0-9]{6,14}$' or number ~ '^sips?:[^@\s<>"]+@[^@\s<>"]+$'),
    constraint do_not_call_reason_is_given check (reason ~ '\S')
);

-- The time zones a restaurant can be in, by their exact names: Postgres itself also takes `europe/berlin`, and abbreviations that
-- know nothing about summer time.
create table restaurant_zones (name text primary key);
insert into restaurant_zones
select name from pg_timezone_names
 where name = 'UTC'
    or name ~ '^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Canada|Etc|Europe|Indian|Pacific|US)/';

create table calls (
    id                bigint generated always as identity primary key,
    request_key       text not null default gen_random_uuid()::text,
    kind              call_kind not null default 'book',
    number            text not null,
    restaurant_name   text not null,
    restaurant_zone   text not null,
    guest_name        text not null,
    guest_phone       text not null,
    party_size        int  not null,
    wanted_date       date not null,             -- the restaurant's calendar
    wanted_time       time not null,             -- the restaurant's clock
    earliest_time     time,                      -- null: as wanted
    latest_time       time,                      -- null: as wanted
    other_dates       date[] not null default '{}',
    special_requests  text,
    booking_reference text,
    language_hint     text,
    not_before        timestamptz not null default now(),
    not_after         timestamptz,               -- null at insert: the moment of the wanted table
    calling_from      time not null default '09:00',
    calling_to        time not null default '21:00',
    priority          smallint not null default 0,   -- higher first
    max_attempts      smallint not null default 3,
    record            boolean not null default true,
    trunk             text references trunks (name),

    state             call_state not null default 'queued',
    attempt           int not null default 0,    -- the current attempt; writes that carry another number do not count
    attempts_counted  int not null default 0,    -- those that used up one of max_attempts
    due_at            timestamptz not null default now(),
    why               text,                      -- the reason for the present state, for people
    claimed_by        text,
    lease_until       timestamptz,
    cancel_requested  boolean not null default false,
    created_at        timestamptz not null default now(),
    updated_at        timestamptz not null default now(),
    finished_at       timestamptz,

    constraint number_is_e164_or_sip_uri
        check (number ~ '^\+[1-9][0-9]{6,14}$' or number ~ '^sips?:[^@\s<>"]+@[^@\s<>"]+$'),
    constraint restaurant_name_is_given check (restaurant_name ~ '\S' and length(restaurant_name) <= 200),
    constraint guest_name_is_given check (guest_name ~ '\S' and length(guest_name) <= 200),
    constraint guest_phone_is_e164 check (guest_phone ~ '^\+[1-9][0-9]{6,14}$'),
    constraint party_size_is_1_to_50 check (party_size between 1 and 50),
    constraint times_are_before_midnight check (wanted_time < '24:00' and earliest_time < '24:00' and latest_time < '24:00'),
    constraint earliest_is_not_after_wanted check (earliest_time <= wanted_time),
    constraint latest_is_not_before_wanted check (latest_time >= wanted_time),
    constraint other_dates_are_a_plain_list check (coalesce(array_ndims(other_dates), 1) = 1),
    constraint other_dates_are_at_most_14
        check (cardinality(other_dates) <= 14
               and case when coalesce(array_ndims(other_dates), 1) = 1 then array_position(other_dates, null) is null end),
    constraint booking_reference_goes_with_existing_booking check (kind = 'book' or coalesce(booking_reference, '') ~ '\S'),
    constraint booking_reference_is_short check (length(booking_reference) <= 100),
    constraint language_hint_is_spoken check (language_hint in ('en', 'de', 'es', 'nl')),
    constraint moments_are_finite
        check (isfinite(wanted_date) and isfinite(not_before) and isfinite(not_after)
               and not '{infinity,-infinity}'::date[] && other_dates),
    constraint not_after_is_later_than_not_before check (not_after > not_before),
    constraint calling_hours_are_in_order check (calling_from < calling_to),
    constraint priority_is_between_minus_100_and_100 check (priority between -100 and 100),
    constraint max_attempts_is_1_to_10 check (max_attempts between 1 and 10),
    constraint special_requests_are_short check (length(special_requests) <= 1000),
    constraint request_key_is_given check (request_key ~ '\S' and length(request_key) <= 200),
    constraint claim_has_a_lease check ((state in ('claimed', 'dialing', 'talking')) = (claimed_by is not null))
);
-- A second insert of the same request is the same request: `on conflict (request_key) do nothing` makes retries safe.
create unique index calls_request_key on calls (request_key);
-- One live call per number, whatever the coordinators believe.
create unique index calls_one_live_per_number on calls (number) where state in ('claimed', 'dialing', 'talking');
create index calls_due on calls (priority desc, due_at, id) where state = 'queued';
create index calls_live on calls (trunk, lease_until) where state in ('claimed', 'dialing', 'talking');

create table attempts (
    call_id       bigint not null references calls (id) on delete cascade,
    number        int not null,
    trunk         text not null references trunks (name),
    host          text not null,                 -- the coordinator's machine
    container     text not null,
    sip_call_id   text not null,
    token_hash    bytea not null,                -- sha-256 of the worker's token
    port_base     int,
    created_at    timestamptz not null default now(),
    launched_at   timestamptz,
    dialing_at    timestamptz,
    ringing_at    timestamptz,
    answered_at   timestamptz,
    ended_at      timestamptz,
    settled_at    timestamptz,                   -- the policy has spoken: retried, finished or held
    seen_at       timestamptz,                   -- the worker's last sign of life
    -- the telephony result …
    disposition   disposition,
    sip_code      int,
    sip_reason    text,
    detail        text,
    codec         text,
    media         jsonb,                         -- packets, loss, concealment
    -- … and what was understood, kept apart
    outcome       outcome,
    agreed_date   date,
    agreed_time   time,
    agreed_party  int,
    agreed_name   text,
    reference     text,
    notes         text,
    offers        jsonb not null default '[]',
    evidence      int[] not null default '{}',   -- turn numbers
    language      text,
    primary key (call_id, number),
    constraint an_end_has_a_disposition check ((ended_at is null) = (disposition is null))
);
create index attempts_unsettled on attempts (host) where settled_at is null;
create unique index attempts_token on attempts (token_hash);

-- UDP ports of a machine, leased to one attempt at a time: a block of four from `base`.
create table port_leases (
    host    text not null,
    base    int not null,
    call_id bigint not null,
    attempt int not null,
    primary key (host, base),
    foreign key (call_id, attempt) references attempts (call_id, number) on delete cascade
);

create table turns (
    call_id     bigint not null,
    attempt     int not null,
    number      int not null,                    -- from 1, both speakers
    speaker     text not null check (speaker in ('callee', 'agent')),
    language    text,
    text        text not null,                   -- for the agent: what was heard of it, not what was written
    started_ms  bigint not null,                 -- on the recording's clock
    ended_ms    bigint not null,
    interrupted boolean not null default false,
    at          timestamptz not null default now(),
    primary key (call_id, attempt, number),
    foreign key (call_id, attempt) references attempts (call_id, number) on delete cascade
);

create table tool_calls (
    call_id   bigint not null,
    attempt   int not null,
    number    int not null,
    name      text not null,
    arguments jsonb not null,
    result    jsonb,                             -- null: begun, not known to have ended
    at        timestamptz not null default now(),
    ended_at  timestamptz,
    primary key (call_id, attempt, number),
    foreign key (call_id, attempt) references attempts (call_id, number) on delete cascade
);

create table events (
    id      bigint generated always as identity primary key,
    call_id bigint not null references calls (id) on delete cascade,
    attempt int,
    number  int,                                 -- the worker's own count of an attempt's events: one told twice is stored once
    at      timestamptz not null default clock_timestamp(),
    kind    text not null,
    detail  jsonb not null default '{}'
);
create index events_call on events (call_id, id);
create unique index events_of_a_worker on events (call_id, attempt, number) where number is not null;

create table recordings (
    call_id     bigint not null,
    attempt     int not null,
    uri         text not null,
    sha256      text not null,
    bytes       bigint not null,
    duration_ms bigint not null,
    complete    boolean not null default true,   -- false: rescued from a worker that died
    created_at  timestamptz not null default now(),
    primary key (call_id, attempt),
    foreign key (call_id, attempt) references attempts (call_id, number) on delete cascade
);

-- One row per call, the outcome flattened: what a person selects. The attempt shown is the one that reached an outcome,
-- else the last one.
create view call_results as
select c.id, c.request_key, c.kind, c.state, c.why, c.restaurant_name, c.number, c.guest_name, c.party_size,
       c.wanted_date, c.wanted_time,
       a.disposition, a.outcome, a.agreed_date, a.agreed_time, a.agreed_party, a.agreed_name, a.reference, a.notes,
       a.offers, a.evidence, a.language, a.sip_code, a.sip_reason,
       c.attempt as attempts, a.number as attempt, a.answered_at, a.ended_at,
       case when a.answered_at is not null then extract(epoch from a.ended_at - a.answered_at)::double precision end
           as talked_seconds,
       r.uri as recording, r.duration_ms as recording_ms,
       c.due_at, c.created_at, c.finished_at
from calls c
left join lateral (
    select * from attempts a where a.call_id = c.id order by (a.outcome is not null) desc, a.number desc limit 1
) a on true
left join recordings r on r.call_id = a.call_id and r.attempt = a.number;
