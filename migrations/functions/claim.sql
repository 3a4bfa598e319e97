-- A free block of four UDP ports of a machine, wandering through the range so that late packets of the last call meet nobody.
create or replace function offhook_free_port(on_host text, port_first int, port_last int, wander bigint) returns int language sql volatile
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
                    next_moment := offhook_next_calling_moment(moment, c.number, c.restaurant_zone, c.calling_from, c.calling_to);
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
                    elsif next_moment is null or (next_moment > moment and next_moment >= c.not_after) then
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
