-- Whether the recogniser, the language model and the voice work: a circuit breaker for each server, shared by all coordinators.

create table provider_breakers (
    provider     text not null,               -- which of the three
    server       text not null,               -- its base URL, without user, password and query
    failures     int not null default 0,      -- calls in a row that it spoiled
    pauses       int not null default 0,      -- in a row; each is twice as long as the one before
    paused_until timestamptz,                 -- set: open. Nobody is called; from then on it may be probed
    reason       text,                        -- what failed last
    failed_at    timestamptz,                 -- a call or a probe failed
    worked_at    timestamptz,                 -- a call or a probe went well
    checked_at   timestamptz,                 -- the last probe
    latency_ms   int,                         -- of the last probe that went well
    primary key (provider, server),
    constraint provider_is_known check (provider in ('speech_to_text', 'chat', 'text_to_speech'))
);

alter table installation
    add column provider_breaker_failures int not null default 2,                      -- spoiled calls in a row that open the breaker
    add column provider_breaker_rest     interval not null default '15 seconds',     -- the first pause; doubled up to 10 minutes
    add constraint provider_breaker_failures_are_1_to_100 check (provider_breaker_failures between 1 and 100),
    add constraint provider_breaker_rest_is_up_to_10_minutes
        check (provider_breaker_rest between interval '0' and interval '10 minutes');

alter table attempts
    add column failed_provider text,          -- the provider that spoiled the call
    add column servers         text[],        -- base URLs of its recogniser, language model and voice, in this order
    add constraint failed_provider_is_known check (failed_provider in ('speech_to_text', 'chat', 'text_to_speech'));
