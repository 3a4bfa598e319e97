-- When to call again, as data: `default` is what a patient person would do. A call's own policy wins, then its trunk's, then `default`.
-- A pause between two calls is drawn at random between `_from` and `_to`, so that calls do not come back in step.
-- The constraints are the backstop: functions/retry_policy_rows.sql looks first, and refuses a wrong row with a sentence.

create table retry_policies (
    name               text primary key,
    busy_from          interval not null default '5 minutes',    -- after a busy line
    busy_to            interval not null default '10 minutes',
    no_answer_from     interval not null default '30 minutes',   -- after it rang out
    no_answer_to       interval not null default '60 minutes',
    machine_from       interval not null default '2 hours',      -- after a machine or a menu: another hour
    machine_to         interval not null default '4 hours',
    machine_times      int not null default 1,                   -- how often a machine or a menu is called again
    trunk_failure_from interval not null default '30 seconds',   -- after the trunk's fault, growing; never counted as an attempt
    trunk_failure_to   interval not null default '120 seconds',
    dropped_from       interval not null default '2 minutes',    -- after a conversation was cut off, or no sound came
    dropped_to         interval not null default '2 minutes',
    dropped_times      int not null default 1,                   -- how often such a call is made again
    lost_times         int not null default 5,                   -- how often in a row a worker may be lost before it dialled, until a person has to look
    constraint retry_policy_name_is_a_word check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    constraint retry_policy_pauses_are_at_most_30_days
        check (busy_from >= '0' and busy_to <= '30 days' and no_answer_from >= '0' and no_answer_to <= '30 days'
               and machine_from >= '0' and machine_to <= '30 days' and trunk_failure_from >= '0' and trunk_failure_to <= '30 days'
               and dropped_from >= '0' and dropped_to <= '30 days'),
    constraint retry_policy_pauses_are_in_order
        check (busy_from <= busy_to and no_answer_from <= no_answer_to and machine_from <= machine_to
               and trunk_failure_from <= trunk_failure_to and dropped_from <= dropped_to),
    -- The hold of the do-not-ring-twice rule is no setting, but a person can be rung in vain too often: ten times is enough.
    constraint retry_policy_times_are_0_to_10 check (machine_times between 0 and 10 and dropped_times between 0 and 10),
    constraint retry_policy_lost_times_are_0_to_100 check (lost_times between 0 and 100)
);
insert into retry_policies (name) values ('default');

alter table calls add column retry_policy text references retry_policies (name);

alter table trunks
    add column retry_policy     text references retry_policies (name),
    add column breaker_failures int not null default 5,               -- so many failures in a row make the trunk rest
    add column breaker_rest     interval not null default '60 seconds', -- for so long
    add constraint trunk_breaker_failures_are_1_to_1000 check (breaker_failures between 1 and 1000),
    add constraint trunk_breaker_rest_is_at_most_a_day check (breaker_rest between interval '0' and interval '1 day');

-- What the coordinators' settings were, for the trunks there are.
update trunks set breaker_failures = greatest(1, least(i.breaker_failures, 1000)), breaker_rest = least(i.breaker_rest, interval '1 day')
  from installation i;
alter table installation drop column breaker_failures, drop column breaker_rest;

-- Who makes calls: one row per running coordinator, renewed as leases are. One whose `until` has passed is gone.
create table coordinators (
    name       text primary key,
    host       text not null,
    calls      int not null,                     -- under way
    most_calls int not null,                     -- OFFHOOK_MAX_CALLS
    draining   boolean not null,
    started_at timestamptz not null default now(),
    until      timestamptz not null
);
