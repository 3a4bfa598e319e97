-- Claiming: which call is made next, through which trunk, and the row of its attempt, in one transaction. Launching comes after commit.

-- Whose calls these are: part of SIP Call-IDs and container labels, so that two installations on one machine keep apart.
create table installation (
    id   text not null default substr(md5(gen_random_uuid()::text), 1, 12),
    single boolean primary key default true,
    constraint there_is_one_installation check (single)
);
insert into installation default values;

-- The breaker: a trunk that failed several times in a row rests until `paused_until`.
alter table trunks add column failures int not null default 0;
alter table trunks add column paused_until timestamptz;

-- Calls that wait for the same thing stand in one lane: the trunk they name, `direct` for sip: URIs, '' for whichever trunk is preferred.
create function offhook_lane(trunk text, number text) returns text language sql immutable as $$
    select coalesce(trunk, case when number like 'sip%' then 'direct' else '' end)
$$;
drop index calls_due;
create index calls_due on calls (offhook_lane(trunk, number), priority desc, due_at, id) where state = 'queued';
create index calls_expiry on calls (not_after) where state = 'queued';

-- `update calls set cancel_requested = true` is how a call is taken back. One that is not live is cancelled on the spot; a live one
-- is told to its worker. The name makes it run before calls_before_update, which fills in finished_at.
create function calls_at_cancel() returns trigger language plpgsql as $$
begin
    if new.cancel_requested and not old.cancel_requested and old.state in ('queued', 'held') and new.state = old.state then
        new.state := 'cancelled';
        new.why := 'taken back by the user';
    end if;
    return new;
end $$;
create trigger calls_at_cancel before update of cancel_requested on calls for each row execute function calls_at_cancel();

-- Queued calls that can never be made any more: expired, or their number asked not to be called. Answers how many it ended; called
-- again while that is `most`. Loops over rows, because an update that finds none would still wake every coordinator.
create function offhook_sweep(most int) returns int language plpgsql set search_path from current as $$
declare c record; ended int := 0;
begin
    for c in select id from calls where state = 'queued' and not_after <= now() order by not_after limit most for update skip locked loop
        update calls set state = 'expired', why = coalesce(why || '; ', '') || 'not_after passed' where id = c.id;
        ended := ended + 1;
    end loop;
    for c in
        select q.id, d.reason from calls q join do_not_call d on d.number = q.number
         where q.state = 'queued' limit most - ended for update of q skip locked
    loop
        update calls set state = 'cancelled', why = 'the number is on the do-not-call list: ' || c.reason where id = c.id;
        ended := ended + 1;
    end loop;
    return ended;
end $$;

-- A free block of four UDP ports of a machine, wandering through the range so that late packets of the last call meet nobody.
create function offhook_free_port(on_host text, port_first int, port_last int, wander bigint) returns int language sql volatile
set search_path from current as $$
    select b from generate_series(port_first, port_last - 3, 4) b
     where not exists (select from port_leases l where l.host = on_host and l.base = b)
     order by ((b - port_first) / 4 - wander % 1000003 + 1000003) % greatest((port_last - port_first + 1) / 4, 1) limit 1
$$;

-- Claims up to as many due calls as there are `token_hashes` (sha-256 of the tokens their workers will carry).
--   claimed   the calls, each now with a new current attempt, a lease, and four ports of `on_host`
--   wait_ms   set where a due call waits for nothing but its trunk's calls per second: ask again then
--   no_ports  a due call waits for ports
-- One claimer at a time in the whole database (advisory lock), so that limits are counted on what is, not on what was.
create function offhook_claim(coordinator text, on_host text, namespace text, lease interval, port_first int, port_last int,
    token_hashes bytea[], out claimed bigint[], out wait_ms int, out no_ports boolean)
language plpgsql set search_path from current as $$
declare
    look constant int := 32;             -- candidates looked at in one go
    moment timestamptz;
    preferred text;
    t trunks; c calls; candidate record;
    live int; allowed int; taken int; bucket double precision; progressed boolean; next_moment timestamptz; port int; n int;
begin
    claimed := '{}';
    no_ports := false;
    if coalesce(cardinality(token_hashes), 0) = 0 then return; end if;
    perform pg_advisory_xact_lock(1869768040, 1);
    moment := clock_timestamp();
    select name into preferred from trunks
     where enabled and host is not null and (paused_until is null or paused_until <= moment) order by preference, name limit 1;

    <<trunk>>
    for t in select * from trunks where enabled and (paused_until is null or paused_until <= moment) order by preference, name loop
        select count(*) into live from calls l join attempts a on a.call_id = l.id and a.number = l.attempt
         where l.state in ('claimed', 'dialing', 'talking') and a.trunk = t.name;
        allowed := least(cardinality(token_hashes) - cardinality(claimed), t.max_concurrent - live);
        continue trunk when allowed <= 0;
        taken := 0;
        -- A bucket near one call: what was not used in a quiet hour does not make a burst. The fraction is kept.
        bucket := least(greatest(1, t.calls_per_second / 20),
            t.tokens + t.calls_per_second * greatest(0, extract(epoch from moment - t.refilled_at)));

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
                      where t.name = preferred
                        and k.state = 'queued' and offhook_lane(k.trunk, k.number) = '' and k.due_at <= moment
                        and not exists (select from calls o where o.number = k.number and o.state in ('claimed', 'dialing', 'talking'))
                      order by k.priority desc, k.due_at, k.id limit look)
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
                        values (c.id, n, 'claimed', jsonb_build_object('by', coordinator, 'trunk', t.name));
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
