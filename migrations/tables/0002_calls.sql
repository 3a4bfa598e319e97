-- The queue. A person inserts into `calls` with plain SQL, so every rule that can be checked on one row is a constraint here. The
-- constraints are the backstop: the triggers of functions/ look first, and refuse a wrong row with a sentence that says what to change.

create type call_state as enum
    ('queued', 'claimed', 'dialing', 'talking', 'finished', 'held', 'expired', 'cancelled');

create type call_kind as enum ('book', 'change', 'cancel', 'confirm');

create type disposition as enum
    ('answered', 'busy', 'no_answer', 'voicemail', 'menu_dead_end', 'rejected', 'invalid_number',
     'trunk_failure', 'no_media', 'lost', 'cancelled');

create type outcome as enum
    ('booked', 'booked_alternative', 'declined', 'offer_outside_limits', 'callback_requested', 'walk_in_only',
     'wrong_number', 'refused', 'message_left', 'no_agreement', 'changed', 'cancelled', 'confirmed');

-- Whose calls these are: part of SIP Call-IDs and container labels, so that two installations on one machine keep apart.
create table installation (
    id               text not null default substr(md5(gen_random_uuid()::text), 1, 12),
    -- When a trunk rests, as the coordinator that started last has it (OFFHOOK_BREAKER_*); workers that change their trunk have no
    -- settings of their own.
    breaker_failures int not null default 5,
    breaker_rest     interval not null default '60 seconds',
    -- What is applied of functions/: by which version, and its checksum.
    functions_version  text,
    functions_checksum text,
    single           boolean primary key default true,
    constraint there_is_one_installation check (single)
);
insert into installation default values;

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
create index calls_live on calls (trunk, lease_until) where state in ('claimed', 'dialing', 'talking');

-- Calls that wait for the same thing stand in one lane: the trunk they name, `direct` for sip: URIs, '' for whichever trunk is preferred.
create function offhook_lane(trunk text, number text) returns text language sql immutable as $$
    select coalesce(trunk, case when number like 'sip%' then 'direct' else '' end)
$$;
create index calls_due on calls (offhook_lane(trunk, number), priority desc, due_at, id) where state = 'queued';
create index calls_expiry on calls (not_after) where state = 'queued';

-- The one transition table. src/call.rs holds the same table; a test walks every pair in both.
create table call_transitions (old call_state not null, new call_state not null, primary key (old, new));
insert into call_transitions values
    ('queued', 'claimed'), ('queued', 'cancelled'), ('queued', 'expired'),
    ('claimed', 'dialing'), ('claimed', 'queued'), ('claimed', 'finished'), ('claimed', 'held'),
    ('claimed', 'cancelled'), ('claimed', 'expired'),
    ('dialing', 'talking'), ('dialing', 'queued'), ('dialing', 'finished'), ('dialing', 'held'),
    ('dialing', 'cancelled'), ('dialing', 'expired'),
    ('talking', 'queued'), ('talking', 'finished'), ('talking', 'held'), ('talking', 'cancelled'),
    ('talking', 'expired'),
    ('held', 'queued'), ('held', 'finished'), ('held', 'cancelled');
