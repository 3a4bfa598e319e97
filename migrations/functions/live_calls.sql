-- What nobody changes by hand, the owner neither. A call is live while an attempt of it is under way, and an attempt is settled when its call
-- moves on: whoever moves one of them alone leaves a worker that dials, and a call that is made again meanwhile.
-- A coordinator does both in one transaction, as it has in every version, so that both are looked at when the transaction ends.

create or replace function offhook_call_and_attempt_agree(of_call bigint, changed text) returns void language plpgsql
set search_path = public, pg_temp set enable_seqscan = off as $$
declare
    c calls; a attempts;
begin
    select * into c from calls where id = of_call;
    if not found then
        return;
    end if;
    if c.state in ('claimed', 'dialing', 'talking') then
        select * into a from attempts t where t.call_id = c.id and t.number = c.attempt;
        if not found or a.settled_at is not null then
            perform offhook_refuse(
                case when changed = 'attempt'
                     then format('attempt %s of call %s cannot be settled or deleted by hand: the call is %s', c.attempt, c.id, c.state)
                     else format('call %s cannot be made %s by hand: it has no attempt under way', c.id, c.state) end,
                case when changed = 'attempt'
                     then 'Set cancel_requested = true for the call: the attempt is ended first, and settled with it.'
                     else 'Leave state, attempt, claimed_by and lease_until to the coordinator, which claims what is due; '
                          || 'offhook_why_not_yet says why a call has not been made yet.' end, 'live_calls_have_an_attempt');
        end if;
        return;
    end if;
    -- Its last attempt: those before it were settled before it began.
    select * into a from attempts t where t.call_id = c.id and t.number = c.attempt;
    if found and a.settled_at is null then
        perform offhook_refuse(
            format('call %s cannot be made %s by hand: its attempt %s is under way, and would go on', c.id, c.state, a.number),
            'Set cancel_requested = true: the attempt is ended, and then the call is cancelled. '
            || 'To have it made again after that, insert a new call.', 'live_calls_have_an_attempt');
    end if;
end $$;

-- (With their owner's rights: they run at the end of whosever transaction it is.)
create or replace function calls_agree() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform offhook_call_and_attempt_agree(new.id, 'call');
    return null;
end $$;

create or replace function attempts_agree() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    perform offhook_call_and_attempt_agree(old.call_id, 'attempt');
    return null;
end $$;

do $$
begin
    -- There is no `create or replace` for these.
    if not exists (select from pg_trigger where tgrelid = 'calls'::regclass and tgname = 'calls_agree') then
        create constraint trigger calls_agree after update on calls deferrable initially deferred for each row
            when ((new.state, new.attempt) is distinct from (old.state, old.attempt)
                  and (old.state in ('claimed', 'dialing', 'talking') or new.state in ('claimed', 'dialing', 'talking')))
            execute function calls_agree();
    end if;
    if not exists (select from pg_trigger where tgrelid = 'attempts'::regclass and tgname = 'attempts_agree_update') then
        create constraint trigger attempts_agree_update after update on attempts deferrable initially deferred for each row
            when (new.settled_at is distinct from old.settled_at) execute function attempts_agree();
        create constraint trigger attempts_agree_delete after delete on attempts deferrable initially deferred for each row
            when (old.settled_at is null) execute function attempts_agree();
    end if;
end $$;

-- Columns of a call that only the queue writes, and what a change of them would mean.
create or replace function calls_refuse_change_by_hand(old calls, new calls) returns void language plpgsql as $$
declare
    live constant call_state[] := '{claimed,dialing,talking}';
    over constant call_state[] := '{finished,expired,cancelled}';
begin
    if new.attempt < old.attempt then
        perform offhook_refuse('an attempt number only grows', 'Leave attempt to the coordinator.', 'attempt_is_counted_by_the_queue');
    elsif new.attempt <> old.attempt
        and not (old.state = 'queued' and new.state = 'claimed' and new.attempt = old.attempt + 1) then
        perform offhook_refuse(format('attempt of call %s cannot be set to %s: the queue counts attempts', old.id, new.attempt),
            'Leave attempt as it is; raise max_attempts to have the call made more often.', 'attempt_is_counted_by_the_queue');
    end if;
    if new.attempts_counted <> old.attempts_counted
        and not (old.state = any (live) and new.state <> all (live) and new.attempts_counted = old.attempts_counted + 1) then
        perform offhook_refuse(format('attempts_counted of call %s cannot be set to %s: the queue counts attempts', old.id,
                new.attempts_counted),
            'Leave attempts_counted as it is; raise max_attempts to have the call made more often.', 'attempts_are_counted_by_the_queue');
    end if;
    if new.created_at is distinct from old.created_at then
        perform offhook_refuse(format('created_at of call %s cannot change', old.id), 'Leave it as it is.', 'created_at_stays');
    end if;
    if new.finished_at is distinct from old.finished_at or new.delete_after is distinct from old.delete_after then
        if new.state <> all (over) then
            perform offhook_refuse(format('call %s is %s: it has no end yet', old.id, new.state),
                'Leave finished_at and delete_after out; keep and keep_recording say how long it is kept after its end.',
                'finished_at_is_the_end_of_a_call');
        elsif new.state = old.state and new.finished_at is distinct from old.finished_at then
            perform offhook_refuse(format('finished_at of call %s cannot change: it says when the call ended', old.id),
                'Set keep and keep_recording to have it kept longer or shorter.', 'finished_at_is_the_end_of_a_call');
        end if;
    end if;
    if new.state = any (live) and old.state = any (live) then
        if new.claimed_by is distinct from old.claimed_by and new.lease_until is not distinct from old.lease_until then
            perform offhook_refuse(format('claimed_by of call %s cannot change: its coordinator looks after an attempt', old.id),
                'Leave it as it is. Another coordinator takes the call over when this one is gone.', 'claim_has_a_lease');
        end if;
    end if;
    if new.state = any (live) and (new.lease_until is null or not isfinite(new.lease_until)
                                   or new.lease_until > clock_timestamp() + interval '30 days') then
        perform offhook_refuse(format('lease_until of call %s cannot be %s', old.id, coalesce(new.lease_until::text, 'null')),
            'Leave it to the coordinator that makes the call: it renews the lease every few seconds.', 'claim_has_a_lease');
    end if;
end $$;

-- What an attempt has become stays: whether its number may be rung again is decided by it.
create or replace function attempts_before_change() returns trigger language plpgsql as $$
declare
    named text := format('attempt %s of call %s', old.number, old.call_id);
    ending boolean := coalesce(current_setting('offhook.ending', true), '') = old.call_id || '/' || old.number;
    fixed text;
begin
    fixed := case
        when new.call_id <> old.call_id then 'call_id' when new.number <> old.number then 'number' when new.host <> old.host then 'host'
        when new.container <> old.container then 'container' when new.token_hash <> old.token_hash then 'token_hash'
        when new.port_base is distinct from old.port_base then 'port_base'
        when new.dialing_at is distinct from old.dialing_at and old.dialing_at is not null then 'dialing_at'
        when new.ringing_at is distinct from old.ringing_at and old.ringing_at is not null then 'ringing_at'
        when new.answered_at is distinct from old.answered_at and old.answered_at is not null then 'answered_at'
        when new.ended_at is distinct from old.ended_at and old.ended_at is not null then 'ended_at'
        when new.settled_at is distinct from old.settled_at and old.settled_at is not null then 'settled_at'
        when (new.trunk, new.sip_call_id) is distinct from (old.trunk, old.sip_call_id)
             and jsonb_array_length(new.failed_trunks) is distinct from jsonb_array_length(old.failed_trunks) + 1 then 'trunk' end;
    if fixed is not null then
        perform offhook_refuse(format('%s of %s cannot change', fixed, named),
            'It says what has happened, and decides whether the number may be rung again. Leave it as it is.', 'attempts_tell_what_happened');
    end if;
    if old.settled_at is null and not ending
        and (new.ended_at, new.disposition, new.sip_code, new.sip_reason, new.cause, new.ended_by, new.ended_cause, new.silent_ms,
             new.retry_after, new.detail, new.failed_provider, new.outcome, new.agreed_date, new.agreed_time, new.agreed_party,
             new.agreed_name, new.reference, new.notes, new.offers, new.evidence, new.language)
            is distinct from
            (old.ended_at, old.disposition, old.sip_code, old.sip_reason, old.cause, old.ended_by, old.ended_cause, old.silent_ms,
             old.retry_after, old.detail, old.failed_provider, old.outcome, old.agreed_date, old.agreed_time, old.agreed_party,
             old.agreed_name, old.reference, old.notes, old.offers, old.evidence, old.language) then
        perform offhook_refuse(format('%s is under way: how it ends is told by its worker', named),
            'Set cancel_requested = true for the call to end it. What was agreed can be corrected when it is settled.',
            'attempts_tell_what_happened');
    end if;
    if new.settled_at is not null and new.ended_at is null then
        perform offhook_refuse(format('%s cannot be settled: it has not ended', named),
            'Set cancel_requested = true for the call: the attempt is ended first, and settled with it.', 'attempts_tell_what_happened');
    end if;
    return new;
end $$;

create or replace trigger attempts_before_change before update of
    call_id, number, trunk, host, container, sip_call_id, token_hash, port_base, dialing_at, ringing_at, answered_at, ended_at, settled_at,
    disposition, sip_code, sip_reason, cause, ended_by, ended_cause, silent_ms, retry_after, detail, failed_provider, outcome, agreed_date,
    agreed_time, agreed_party, agreed_name, reference, notes, offers, evidence, language on attempts
    for each row execute function attempts_before_change();

-- An attempt is deleted with its call, and its files before both.
create or replace function attempts_before_delete() returns trigger language plpgsql as $$
begin
    if exists (select from recordings r where r.call_id = old.call_id and r.attempt = old.number and r.deleted_at is null)
        or exists (select from event_logs l where l.call_id = old.call_id and l.attempt = old.number and l.deleted_at is null) then
        perform offhook_refuse(format('attempt %s of call %s has a recording or an event log', old.number, old.call_id),
            'Set keep = ''0'' and keep_recording = ''0'' for the call: its files are deleted, and its rows with them.',
            'files_are_deleted_first');
    end if;
    return old;
end $$;
create or replace trigger attempts_before_delete before delete on attempts for each row execute function attempts_before_delete();

-- The ports of an attempt under way: another call would hear its sound. Looked at when the transaction ends, as the others.
create or replace function port_leases_agree() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if exists (select from attempts a where a.call_id = old.call_id and a.number = old.attempt and a.settled_at is null) then
        perform offhook_refuse(format('the ports from %s of %s are in use by attempt %s of call %s', old.base, old.host, old.attempt, old.call_id),
            'Leave the row as it is: it is deleted when the attempt is settled.', 'ports_are_leased');
    end if;
    return null;
end $$;

do $$
begin
    if not exists (select from pg_trigger where tgrelid = 'port_leases'::regclass and tgname = 'port_leases_agree') then
        create constraint trigger port_leases_agree after update or delete on port_leases deferrable initially deferred for each row
            execute function port_leases_agree();
    end if;
end $$;

-- `truncate` asks no row.
create or replace function live_calls_stay() returns trigger language plpgsql as $$
begin
    if exists (select from calls where state in ('claimed', 'dialing', 'talking')) then
        perform offhook_refuse(format('%s cannot be truncated: a call is under way', tg_table_name),
            'Run `offhook pause`, set cancel_requested = true for live calls, and wait for their end.', 'live_calls_stay');
    elsif exists (select from recordings where deleted_at is null) or exists (select from event_logs where deleted_at is null) then
        perform offhook_refuse(format('%s cannot be truncated: there are recordings or event logs', tg_table_name),
            'Set keep = ''0'' and keep_recording = ''0'' for all calls: their files are deleted, and the rows with them.', 'files_are_deleted_first');
    end if;
    return null;
end $$;
create or replace trigger calls_truncate before truncate on calls for each statement execute function live_calls_stay();
create or replace trigger attempts_truncate before truncate on attempts for each statement execute function live_calls_stay();
