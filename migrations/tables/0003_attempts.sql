-- What every call leaves behind.

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
    cause         int,                           -- Q.850, of the far end's Reason header
    retry_after   int,                           -- seconds, as the far end wants it
    failed_trunks jsonb not null default '[]',   -- tried before `trunk`: trunk, sip_call_id, why, sip_code, cause, at
    detail        text,
    codec         text,
    media         jsonb,                         -- packets, loss, concealment
    -- Of the line; null where it was not measured, or nobody answered.
    loss_percent   double precision generated always as (
        case when (media ->> 'packets_received')::double precision + (media ->> 'packets_lost')::double precision > 0
            then 100 * (media ->> 'packets_lost')::double precision
                 / ((media ->> 'packets_received')::double precision + (media ->> 'packets_lost')::double precision) end) stored,
    jitter_ms      double precision generated always as ((media ->> 'jitter_ms')::double precision) stored,
    round_trip_ms  double precision generated always as ((media ->> 'round_trip_ms')::double precision) stored,
    mos            double precision generated always as ((media ->> 'mos')::double precision) stored, -- 1 to 4.5
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
