-- Calls that go over to another trunk where one fails: room, the breaker, claiming with it, and what the worker may ask.

-- What is asked of a trunk right now, and whether it has room.

create function offhook_live_calls(of_trunk text) returns int language sql stable set search_path from current as $$
    select count(*)::int from calls l join attempts a on a.call_id = l.id and a.number = l.attempt
     where l.state in ('claimed', 'dialing', 'talking') and a.trunk = of_trunk
$$;

-- Those of which nobody knows yet whether the trunk carries them.
create function offhook_calls_being_set_up(of_trunk text) returns int language sql stable set search_path from current as $$
    select count(*)::int from calls l join attempts a on a.call_id = l.id and a.number = l.attempt
     where l.state in ('claimed', 'dialing') and a.trunk = of_trunk and a.ringing_at is null and a.ended_at is null
$$;

-- What its calls per second have left over.
create function offhook_bucket(t trunks, moment timestamptz) returns double precision language sql immutable as $$
    select least(greatest(1, t.calls_per_second / 20),
        t.tokens + t.calls_per_second * greatest(0, extract(epoch from moment - t.refilled_at)))
$$;

-- The breaker. Closed: paused_until is null. Open: it lies ahead. Half open: it has passed, and one call at a time finds out.

-- As the coordinator that started last has it (OFFHOOK_BREAKER_*); workers that change their trunk have no settings of their own.
alter table installation
    add column breaker_failures int not null default 5,
    add column breaker_rest     interval not null default '60 seconds';

-- What a call says about its trunk. `retry_after`, in seconds, is the trunk's own wish: it is kept, up to an hour. `direct` has no
-- breaker: every sip: URI points somewhere else. A call that went well while the trunk rests does not wake it: the wish stands.
create function offhook_judge_trunk(of_trunk text, failed boolean, retry_after int, most_failures int, rest interval)
returns void language plpgsql set search_path from current as $$
declare
    wish interval := case when retry_after > 3600 then 3600 else coalesce(retry_after, 0) end * interval '1 second';
begin
    if failed then
        update trunks t set
            failures = t.failures + 1,
            paused_until = case
                when t.failures + 1 >= most_failures or t.paused_until is not null
                    then greatest(t.paused_until, clock_timestamp() + greatest(rest, wish))
                when wish > interval '0' then clock_timestamp() + wish end
         where t.name = of_trunk and t.host is not null;
    else
        update trunks t set
            failures = 0, paused_until = case when t.paused_until > clock_timestamp() then t.paused_until end
         where t.name = of_trunk and (t.failures > 0 or t.paused_until <= clock_timestamp());
    end if;
end $$;

-- Seconds somebody asked for: a year at most, null where none were named.
create function offhook_seconds(wish jsonb) returns int language sql immutable as $$
    select case when jsonb_typeof(wish) = 'number' then greatest(0, least((wish #>> '{}')::numeric, 31536000))::int end
$$;

create view trunk_status as
select t.name, t.host, t.port, t.transport, t.preference,
       case when not t.enabled then 'disabled' when t.paused_until is null then 'ready'
            when t.paused_until > now() then 'resting' else 'probing' end as state,
       t.paused_until, t.failures, l.live, t.max_concurrent, t.fallback
from trunks t
cross join lateral (
    select count(*)::int as live from calls c join attempts a on a.call_id = c.id and a.number = c.attempt
     where c.state in ('claimed', 'dialing', 'talking') and a.trunk = t.name
) l;

-- Claiming, as in 0005, with the half open breaker.
create or replace function offhook_claim(coordinator text, on_host text, namespace text, lease interval, port_first int, port_last int,
    token_hashes bytea[], out claimed bigint[], out wait_ms int, out no_ports boolean)
language plpgsql set search_path from current as $$
declare
    look constant int := 32;             -- candidates looked at in one go
    moment timestamptz;
    preferred text;
    t trunks; c calls; candidate record;
    live int; allowed int; taken int; bucket double precision; progressed boolean; next_moment timestamptz; port int; n int;
    probing boolean; serves_all boolean; passed_preferred boolean := false; stands_in_for text[];
begin
    claimed := '{}';
    no_ports := false;
    if coalesce(cardinality(token_hashes), 0) = 0 then return; end if;
    perform pg_advisory_xact_lock(1869768040, 1);
    moment := clock_timestamp();
    select name into preferred from trunks
     where enabled and host is not null and paused_until is null order by preference, name limit 1;

    <<trunk>>
    for t in select * from trunks where enabled and (paused_until is null or paused_until <= moment) order by preference, name loop
        live := offhook_live_calls(t.name);
        allowed := least(cardinality(token_hashes) - cardinality(claimed), t.max_concurrent - live);
        -- One call finds out whether a trunk that has rested works again; whoever prefers no trunk goes round it meanwhile.
        probing := t.paused_until is not null;
        if probing then
            allowed := least(allowed, 1 - offhook_calls_being_set_up(t.name));
        end if;
        serves_all := t.host is not null and (coalesce(t.name = preferred, false) or (probing and not passed_preferred));
        passed_preferred := passed_preferred or coalesce(t.name = preferred, false);
        -- Calls that name a trunk which rests need not wait for it where it has a fallback.
        stands_in_for := case when not probing then array(
            select r.name from trunks r
             where r.enabled and r.host is not null and r.paused_until is not null
               and (r.paused_until > moment or offhook_calls_being_set_up(r.name) > 0)
               and t.name = (select f.name from unnest(r.fallback) with ordinality f (name, nth) join trunks k on k.name = f.name
                              where k.enabled and k.paused_until is null order by f.nth limit 1)) end;
        continue trunk when allowed <= 0;
        taken := 0;
        -- A bucket near one call: what was not used in a quiet hour does not make a burst. The fraction is kept.
        bucket := offhook_bucket(t, moment);

        <<batch>>
        for round in 1 .. 16 loop
            progressed := false;
            for candidate in
                select q.id from (
                    (select k.id, k.priority, k.due_at from calls k
                      where k.state = 'queued' and offhook_lane(k.trunk, k.number) = t.name and k.due_at <= moment
                        and not exists (select from calls o where o.number = k.number and o.state in ('claimed', 'dialing', 'talking'))
                      order by k.priority desc, k.due_at, k.id limit look)
                    union all
                    (select k.id, k.priority, k.due_at from calls k
                      where serves_all
                        and k.state = 'queued' and offhook_lane(k.trunk, k.number) = '' and k.due_at <= moment
                        and not exists (select from calls o where o.number = k.number and o.state in ('claimed', 'dialing', 'talking'))
                      order by k.priority desc, k.due_at, k.id limit look)
                    union all
                    (select w.id, w.priority, w.due_at from unnest(stands_in_for) r (name) cross join lateral (
                        select k.id, k.priority, k.due_at from calls k
                         where k.state = 'queued' and offhook_lane(k.trunk, k.number) = r.name and k.due_at <= moment
                           and (t.host is not null or k.number like 'sip%')
                           and not exists (select from calls o where o.number = k.number and o.state in ('claimed', 'dialing', 'talking'))
                         order by k.priority desc, k.due_at, k.id limit look) w)
                ) q order by q.priority desc, q.due_at, q.id limit look
            loop
                exit batch when taken >= allowed;
                select * into c from calls where id = candidate.id and state = 'queued' for update skip locked;
                continue when not found;
                begin
                    next_moment := offhook_next_calling_moment(moment, c.restaurant_zone, c.calling_from, c.calling_to);
                    if c.cancel_requested then
                        update calls set state = 'cancelled', why = 'taken back by the user' where id = c.id;
                        progressed := true;
                    elsif c.not_after <= moment then
                        update calls set state = 'expired', why = coalesce(c.why || '; ', '') || 'not_after passed' where id = c.id;
                        progressed := true;
                    elsif exists (select from do_not_call d where d.number = c.number) then
                        update calls set state = 'cancelled', why = 'the number is on the do-not-call list: '
                            || (select d.reason from do_not_call d where d.number = c.number) where id = c.id;
                        progressed := true;
                    elsif next_moment > moment and next_moment >= c.not_after then
                        update calls set state = 'expired', why = 'no calling hours are left before not_after' where id = c.id;
                        progressed := true;
                    elsif next_moment > moment then
                        update calls set due_at = next_moment, why = 'waits for the calling hours' where id = c.id;
                        progressed := true;
                    elsif exists (select from calls o where o.number = c.number and o.state in ('claimed', 'dialing', 'talking')) then
                        null;                               -- another call to this number was claimed a moment ago
                    elsif bucket < 1 then
                        wait_ms := least(coalesce(wait_ms, 60000), ceil((1 - bucket) / t.calls_per_second * 1000)::int);
                        exit batch;
                    else
                        port := offhook_free_port(on_host, port_first, port_last, c.id + c.attempt);
                        if port is null then
                            no_ports := true;
                            exit batch;
                        end if;
                        n := c.attempt + 1;
                        update calls set state = 'claimed', attempt = n, claimed_by = coordinator, lease_until = moment + lease, why = null
                         where id = c.id;
                        insert into attempts (call_id, number, trunk, host, container, sip_call_id, token_hash, port_base)
                        values (c.id, n, t.name, on_host, format('%s-offhook-%s-%s', namespace, c.id, n),
                                format('%s-%s-%s@offhook', c.id, n, (select i.id from installation i)),
                                token_hashes[cardinality(claimed) + 1], port);
                        insert into port_leases (host, base, call_id, attempt) values (on_host, port, c.id, n);
                        insert into events (call_id, attempt, kind, detail)
                        values (c.id, n, 'claimed', jsonb_strip_nulls(jsonb_build_object('by', coordinator, 'trunk', t.name,
                            'instead_of', nullif(c.trunk, t.name))));
                        claimed := claimed || c.id;
                        taken := taken + 1;
                        bucket := bucket - 1;
                        progressed := true;
                    end if;
                exception when others then
                    -- One row that cannot be claimed must not keep the others waiting.
                    update calls set due_at = moment + interval '10 minutes', why = 'could not be claimed: ' || sqlerrm where id = c.id;
                    progressed := true;
                end;
            end loop;
            exit batch when not progressed;
        end loop;
        if taken > 0 then
            update trunks set tokens = bucket, refilled_at = moment where name = t.name;
        end if;
        exit trunk when no_ports or cardinality(claimed) = cardinality(token_hashes);
    end loop;
end $$;

-- What a worker may do, beyond 0003.

-- As in 0003; a trunk that lets a telephone ring works.
create or replace function worker_progress(token text, step text, detail jsonb, age_ms bigint default 0) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare a attempts := offhook_own_attempt(token); go_on boolean; happened timestamptz;
begin
    select not c.cancel_requested into go_on from calls c where c.id = a.call_id for update;
    a := offhook_own_attempt(token);             -- again, under the lock: the attempt may have been settled while we waited for it
    if step = 'dialing' and not go_on then
        return false;
    end if;
    if step not in ('dialing', 'ringing', 'talking') then
        raise exception 'unknown step %', step;
    end if;
    happened := clock_timestamp() - age_ms * interval '1 millisecond';
    update attempts t set
        dialing_at  = case when step = 'dialing' then coalesce(t.dialing_at, happened) else t.dialing_at end,
        ringing_at  = case when step = 'ringing' then coalesce(t.ringing_at, happened) else t.ringing_at end,
        answered_at = case when step = 'talking' then coalesce(t.answered_at, happened) else t.answered_at end,
        seen_at = clock_timestamp()
     where t.call_id = a.call_id and t.number = a.number;
    if step = 'dialing' then
        update calls c set state = 'dialing' where c.id = a.call_id and c.state = 'claimed';
    elsif step = 'talking' then
        update calls c set state = 'talking' where c.id = a.call_id and c.state = 'dialing';
    end if;
    -- A step told again, because the answer was lost on the way, is one event.
    if (case step when 'dialing' then a.dialing_at when 'ringing' then a.ringing_at else a.answered_at end) is null then
        insert into events (call_id, attempt, at, kind, detail) values (a.call_id, a.number, happened, step, worker_progress.detail);
        if step <> 'dialing' then
            perform offhook_judge_trunk(a.trunk, false, null, null, null);
        end if;
    end if;
    return go_on;
end $$;

-- The attempt's trunk has failed before anybody was rung; may the call go over `next_trunk`? `nth` is the number of this try within
-- the attempt, from 2; `failed` says what happened: why, sip_code, cause, retry_after. Answers
--   {"go": true, "sip_call_id": …}  the row knows: dial, under this Call-ID
--   {"go": false, "wait_ms": …}     only its calls per second are used up: ask again then
--   {"go": false, "why": …}         not over this one
--   {"go": false, "cancelled": true} over none: the user has taken the call back
-- The same question gets the same answer, and one call is one token. The advisory lock is the claim's: room is counted on what is.
create function worker_change_trunk(token text, nth int, next_trunk text, failed jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    a attempts := offhook_own_attempt(token);
    t trunks; moment timestamptz; bucket double precision; cancelled boolean; first text; first_call_id text; breaker installation;
begin
    perform pg_advisory_xact_lock(1869768040, 1);
    select c.cancel_requested into cancelled from calls c where c.id = a.call_id for update;
    a := offhook_own_attempt(token);             -- again, under the locks
    if cancelled then
        return jsonb_build_object('go', false, 'cancelled', true);
    end if;
    if jsonb_array_length(a.failed_trunks) = nth - 1 and a.trunk = next_trunk then
        return jsonb_build_object('go', true, 'sip_call_id', a.sip_call_id);
    end if;
    if jsonb_array_length(a.failed_trunks) <> nth - 2 or a.ringing_at is not null or a.answered_at is not null
        or a.ended_at is not null then
        return jsonb_build_object('go', false, 'why', 'the attempt is not at a point where its trunk can change');
    end if;
    first := coalesce(a.failed_trunks -> 0 ->> 'trunk', a.trunk);
    first_call_id := coalesce(a.failed_trunks -> 0 ->> 'sip_call_id', a.sip_call_id);
    if next_trunk = a.trunk or jsonb_path_exists(a.failed_trunks, '$[*] ? (@.trunk == $name)', jsonb_build_object('name', next_trunk))
        or not exists (select from trunks k where k.name = first and next_trunk = any(k.fallback)) then
        return jsonb_build_object('go', false, 'why', format('"%s" is not a fallback of "%s"', next_trunk, first));
    end if;

    moment := clock_timestamp();
    select * into t from trunks k where k.name = next_trunk;
    if not t.enabled then
        return jsonb_build_object('go', false, 'why', format('"%s" is not enabled', next_trunk));
    elsif t.paused_until > moment then
        return jsonb_build_object('go', false, 'why', format('"%s" rests after failures', next_trunk));
    elsif t.paused_until is not null and offhook_calls_being_set_up(next_trunk) > 0 then
        return jsonb_build_object('go', false, 'why', format('another call finds out whether "%s" works again', next_trunk));
    elsif offhook_live_calls(next_trunk) >= t.max_concurrent then
        return jsonb_build_object('go', false, 'why', format('"%s" has no room', next_trunk));
    end if;
    bucket := offhook_bucket(t, moment);
    if bucket < 1 then
        return jsonb_build_object('go', false, 'wait_ms', ceil((1 - bucket) / t.calls_per_second * 1000)::bigint,
            'why', format('the calls per second of "%s" are used up', next_trunk));
    end if;
    update trunks k set tokens = bucket - 1, refilled_at = moment where k.name = next_trunk;
    select * into breaker from installation;
    perform offhook_judge_trunk(a.trunk, true, offhook_seconds(failed -> 'retry_after'), breaker.breaker_failures, breaker.breaker_rest);
    update attempts k set
        trunk = next_trunk,
        sip_call_id = replace(first_call_id, '@', '.' || nth || '@'),
        dialing_at = coalesce(k.dialing_at, moment),
        failed_trunks = k.failed_trunks || (jsonb_build_object('trunk', a.trunk, 'sip_call_id', a.sip_call_id, 'at', moment)
            || jsonb_strip_nulls(jsonb_build_object('why', failed -> 'why', 'sip_code', failed -> 'sip_code', 'cause', failed -> 'cause',
                'retry_after', failed -> 'retry_after')))
     where k.call_id = a.call_id and k.number = a.number
    returning * into a;
    update calls c set state = 'dialing' where c.id = a.call_id and c.state = 'claimed';
    insert into events (call_id, attempt, kind, detail)
    values (a.call_id, a.number, 'trunk_changed',
            jsonb_build_object('from', a.failed_trunks -> -1 -> 'trunk', 'to', next_trunk, 'why', failed -> 'why', 'sip_code', failed -> 'sip_code'));
    return jsonb_build_object('go', true, 'sip_call_id', a.sip_call_id);
end $$;

-- As in 0003, with cause and Retry-After.
create or replace function offhook_finish_attempt(of_call bigint, of_attempt int, report jsonb) returns boolean language plpgsql
set search_path = public, pg_temp as $$
declare r jsonb := report -> 'recording';
begin
    update attempts t set
        ended_at     = clock_timestamp(),
        disposition  = (report ->> 'disposition')::disposition,
        sip_code     = (report ->> 'sip_code')::int,
        sip_reason   = report ->> 'sip_reason',
        cause        = (report ->> 'cause')::int,
        retry_after  = offhook_seconds(report -> 'retry_after'),
        detail       = report ->> 'detail',
        codec        = report ->> 'codec',
        media        = report -> 'media',
        outcome      = (report ->> 'outcome')::outcome,
        agreed_date  = (report ->> 'agreed_date')::date,
        agreed_time  = (report ->> 'agreed_time')::time,
        agreed_party = (report ->> 'agreed_party')::int,
        agreed_name  = report ->> 'agreed_name',
        reference    = report ->> 'reference',
        notes        = report ->> 'notes',
        offers       = coalesce(report -> 'offers', '[]'),
        evidence     = coalesce((select array_agg(e::int) from jsonb_array_elements_text(report -> 'evidence') e), '{}'),
        language     = report ->> 'language'
     where t.call_id = of_call and t.number = of_attempt and t.ended_at is null;
    if not found then return false; end if;
    if jsonb_typeof(r) = 'object' then
        insert into recordings (call_id, attempt, uri, sha256, bytes, duration_ms, complete)
        values (of_call, of_attempt, r ->> 'uri', r ->> 'sha256', (r ->> 'bytes')::bigint, (r ->> 'duration_ms')::bigint,
                coalesce((r ->> 'complete')::boolean, true))
        on conflict do nothing;
    end if;
    if coalesce((report ->> 'do_not_call')::boolean, false) then
        insert into do_not_call (number, reason, call_id)
        select c.number, coalesce(report ->> 'detail', 'asked not to be called'), c.id from calls c where c.id = of_call
        on conflict do nothing;
    end if;
    insert into events (call_id, attempt, kind, detail)
    values (of_call, of_attempt, 'ended', jsonb_build_object('disposition', report -> 'disposition', 'outcome', report -> 'outcome'));
    perform pg_notify('offhook_ended', of_call || '/' || of_attempt);
    return true;
end $$;

-- Roles, as in 0006: a new function is nobody's until it is given.
revoke execute on all functions in schema public from public;
grant select (cause, retry_after, failed_trunks, loss_percent, jitter_ms, round_trip_ms, mos) on attempts to offhook_user;
grant select on trunk_status to offhook_user;
grant execute on function worker_change_trunk to offhook_worker;
