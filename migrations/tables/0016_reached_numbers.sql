-- The number that a SIP address reaches. `sip:+4930123456@gateway.example.org` rings the telephone that `+4930123456` rings: whatever holds for a
-- number (do_not_call, one live call, quiet time, opening times, erasure) compares this one. functions/reached_numbers.sql finds it.

alter table calls add column reaches text;       -- null: as `number` says

drop index calls_one_live_per_number, calls_behind_another, calls_queued_number, calls_queued_by_number;
create unique index calls_one_live_per_number on calls (coalesce(reaches, number)) where state in ('claimed', 'dialing', 'talking');
create index calls_behind_another on calls (coalesce(reaches, number), turn_at) where state = 'queued' and waits_for = 'other_call';
create index calls_queued_number on calls (coalesce(reaches, number)) where state = 'queued';
create index calls_by_reached_number on calls (reaches) where reaches is not null;

-- What the queue counts was open to every value. As it can have been, where it cannot.
update calls set attempts_counted = greatest(0, least(attempts_counted, attempt)) where attempts_counted not between 0 and attempt;
update trunks set tokens = 1, refilled_at = now() where tokens = 'NaN' or abs(tokens) > 1000000 or not isfinite(refilled_at)
    or refilled_at > now() + interval '1 day';
update trunks set failures = greatest(0, failures), paused_until = case when isfinite(paused_until) then paused_until end
 where failures < 0 or not isfinite(paused_until);
alter table calls add constraint attempts_counted_is_within_attempts check (attempts_counted between 0 and attempt) not valid;
