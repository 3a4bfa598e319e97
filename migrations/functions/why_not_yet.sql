-- "Why has this call not been made yet?": `select offhook_why_not_yet(id) from calls where state = 'queued'`.

create or replace function offhook_local(moment timestamptz, zone text) returns text language sql stable as $$
    select to_char(moment at time zone zone, 'FMDy YYYY-MM-DD HH24:MI') || ' in ' || zone
$$;

-- A sentence of its own out of words that stand in `why`.
create or replace function offhook_sentence(words text) returns text language sql immutable as $$
    select upper(left(words, 1)) || substr(words, 2)
$$;

-- What this call waits for, one of the words of calls.waits_for, in a sentence.
create or replace function offhook_waits_for(c calls, waits text, until timestamptz) returns text language plpgsql stable
set search_path from current as $$
declare
    i installation; n numbers; other bigint;
    due text := offhook_local(until, c.restaurant_zone);
begin
    select * into i from installation;
    select * into n from numbers k where k.number = coalesce(c.reaches, c.number);
    if waits = 'other_call' then
        select o.id into other from calls o where coalesce(o.reaches, o.number) = coalesce(c.reaches, c.number) and o.id <> c.id and o.state in ('claimed', 'dialing', 'talking') limit 1;
        return format('%s to the same number is under way; there is one at a time.', coalesce('Call ' || other, 'Another call'));
    end if;
    return case waits
        when 'not_before' then case
            when c.not_before <= clock_timestamp() then format('It was put off until %s.', due)
            when until > c.not_before then format('It is not to be made before %s, and may be made from %s on.',
                offhook_local(c.not_before, c.restaurant_zone), due)
            else format('It is not to be made before %s.', due) end
        when 'calling_hours' then case
            when c.due_at >= c.not_after then format('No hours in which the restaurant may be called are left before %s.', due)
            else format('It is outside the hours in which the restaurant may be called, until %s.', due) end
        when 'retry' then format('%s; attempt %s is made at %s.', offhook_sentence(coalesce(c.why, 'the last attempt came to nothing')),
            c.attempt + 1, due)
        when 'quiet_time' then format('The number was rung at %s and is left alone for %s (quiet_time); the call is due at %s.',
            offhook_local(n.last_rung_at, c.restaurant_zone), i.quiet_time, due)
        when 'daily_cap' then format('The number was rung %s times today, and %s times a day is the most (calls_per_day); the call is due at %s.',
            n.rung, i.calls_per_day, due)
        when 'trunk' then format('No trunk could take it; it is looked at again at %s.', due)
        else format('It is due at %s.', due) end;
end $$;

-- Everything between a call and its being made, the weightiest first: a word for programs, a sentence for people, and until when, where
-- that is known.
create or replace function offhook_explain(of_call bigint) returns table (reason text, sentence text, until timestamptz)
language plpgsql stable security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
declare
    moment timestamptz := clock_timestamp();
    c calls; a attempts; i installation; t trunks; instead trunks; keeps record; spoils provider_breakers;
    due boolean; waits text; zone_fault text[]; live int; bucket double precision; before bigint; most int; under_way int; running int; draining int; whose text;
begin
    select * into c from calls k where k.id = of_call;
    if not found then
        return;
    end if;
    whose := coalesce(': ' || c.why, '');
    select * into a from attempts k where k.call_id = c.id and k.number = c.attempt;
    if c.state in ('claimed', 'dialing', 'talking') then
        return query select c.state::text, format('It is being made: attempt %s over trunk "%s" %s%s.', c.attempt, a.trunk,
            case when a.ended_at is not null then 'has ended and is being settled' when c.state = 'talking' then 'talks'
                 when a.ringing_at is not null then 'rings' when c.state = 'dialing' then 'dials' else 'is being started' end,
            case when c.cancel_requested then ', and is being taken back' else '' end), null::timestamptz;
        return;
    elsif c.state = 'held' then
        return query select 'held', format('It waits for a person%s. `offhook call release %s` has it made again, with --finish it stays as it is.',
            whose, c.id), null::timestamptz;
        return;
    elsif c.state = 'expired' then
        return query select 'expired', format('Its time has passed%s. Insert a new call.', whose), null::timestamptz;
        return;
    elsif c.state = 'cancelled' then
        return query select 'cancelled', format('It was cancelled%s.', whose), null::timestamptz;
        return;
    elsif c.state = 'finished' then
        return query select 'finished', format('It is finished%s.', whose), null::timestamptz;
        return;
    end if;

    select * into i from installation;
    keeps := offhook_obstacle(c, moment, i);
    if keeps.goes_to = 'cancelled' then
        return query select 'do_not_call', format('It will be cancelled: %s.', keeps.because), null::timestamptz;
        return;
    elsif keeps.goes_to = 'expired' then
        return query select 'expired', format('It will end as expired: %s.', keeps.because), null::timestamptz;
        return;
    end if;

    zone_fault := offhook_zone_fault(c.number, c.restaurant_zone, c.trunk);
    if zone_fault is not null then
        return query select 'restaurant_zone', format('It is not made: %s. %s', zone_fault[1], zone_fault[2]), null::timestamptz;
        return;
    end if;

    -- Until its moment has come, or what has to pass first as soon as somebody looks.
    due := c.due_at <= moment;
    if not due then
        waits := case when c.waits_for in ('not_before', 'calling_hours') and c.not_before > moment then 'not_before'
                      when c.waits_for = 'not_before' and keeps.waits = 'calling_hours' and keeps.until = c.due_at then 'calling_hours'
                      else coalesce(c.waits_for, case when c.attempt > 0 then 'retry' else 'not_before' end) end;
        return query select waits, offhook_waits_for(c, waits, c.due_at), case when waits <> 'other_call' then c.due_at end;
    elsif keeps.waits is not null then
        return query select keeps.waits, offhook_waits_for(c, keeps.waits, keeps.until),
            case when keeps.waits <> 'other_call' then keeps.until end;
    end if;

    -- What keeps it back however long it waits, until somebody does something.
    if i.paused then
        return query select 'paused', format('All calls are paused%s; `offhook resume` goes on.', coalesce(' (' || i.pause_reason || ')', '')),
            null::timestamptz;
    end if;
    if offhook_lane(c.trunk, c.number) <> '' then
        select * into t from trunks k where k.name = offhook_lane(c.trunk, c.number);
    else
        select * into t from trunks k where k.enabled and k.host is not null
         order by k.paused, k.paused_until is not null, k.preference, k.name limit 1;
    end if;
    if t.name is null then
        return query select 'no_trunk', case when c.number like 'sip%'
            then 'There is no trunk "direct" to dial a SIP address through; insert it into trunks without a host, or name a trunk in the call.'
            else 'No trunk with a host is enabled; insert one into trunks, or set enabled = true.' end, null::timestamptz;
    elsif not t.enabled then
        return query select 'trunk_disabled', format('Trunk "%s" is disabled; set enabled = true, or name another trunk in the call.', t.name),
            null::timestamptz;
    elsif t.paused then
        return query select 'trunk_paused', format('%s "%s" is paused%s; `offhook resume --trunk %s` goes on.',
            case when c.trunk is null and t.host is not null then 'Every trunk that could carry it is paused, and' else 'Trunk' end, t.name,
            coalesce(' (' || t.pause_reason || ')', ''), t.name), null::timestamptz;
    end if;
    for spoils in select b.* from provider_breakers b where b.paused_until is not null order by b.provider, b.server loop
        return query select 'provider_paused', format('Nobody is called because %s does not work (%s): %s. It is asked again %s.',
            case spoils.provider when 'speech_to_text' then 'the recogniser' when 'chat' then 'the language model' else 'the voice' end,
            spoils.server, coalesce(rtrim(spoils.reason, '.'), 'the reason is not known'), case when spoils.paused_until <= moment then 'now'
                else 'at ' || to_char(spoils.paused_until at time zone 'UTC', 'HH24:MI:SS "UTC"') end), spoils.paused_until;
    end loop;
    select count(*), count(*) filter (where k.draining), sum(k.most_calls) filter (where not k.draining), sum(k.calls) filter (where not k.draining)
      into running, draining, most, under_way from coordinators k where k.until > moment;
    -- Those of a version that does not say so itself are seen by what they do.
    if running = 0 and not exists (select from leader k where k.until > moment)
        and not exists (select from calls k where k.state in ('claimed', 'dialing', 'talking') and k.lease_until > moment) then
        return query select 'no_coordinator', 'No coordinator runs; start one with `offhook run`.', null::timestamptz;
    elsif running > 0 and running = draining then
        return query select 'no_coordinator', 'Every coordinator is leaving (draining); start one with `offhook run`.', null::timestamptz;
    end if;
    if not due or keeps.waits is not null then
        return;
    end if;

    -- What passes by itself.
    if t.enabled and not t.paused then
        if t.paused_until is not null then
            -- Whoever names a trunk that rests goes over its first fallback that works.
            select k.* into instead from unnest(t.fallback) with ordinality f (name, nth) join trunks k on k.name = f.name
             where k.enabled and not k.paused and k.paused_until is null and (k.host is not null or c.number like 'sip%')
             order by f.nth limit 1;
            if instead.name is not null then
                t := instead;
            elsif t.paused_until > moment then
                return query select 'trunk_resting', format('Trunk "%s" rests %suntil %s.', t.name,
                    case when t.failures > 1 then format('after %s failures in a row ', t.failures) else 'as it wished ' end,
                    to_char(t.paused_until at time zone 'UTC', 'HH24:MI:SS "UTC"')), t.paused_until;
            elsif offhook_calls_being_set_up(t.name) > 0 then
                return query select 'trunk_probing', format('Another call finds out whether trunk "%s" works again.', t.name), null::timestamptz;
            end if;
        end if;
        live := offhook_live_calls(t.name);
        if live >= t.max_concurrent then
            return query select 'trunk_full', format('Trunk "%s" is full: %s of %s calls are under way.', t.name, live, t.max_concurrent), null::timestamptz;
        end if;
        bucket := offhook_bucket(t, moment);
        if bucket < 1 then
            return query select 'calls_per_second', format('The calls per second of trunk "%s" (%s) are used up for the moment.', t.name, t.calls_per_second),
                moment + (1 - bucket) / t.calls_per_second * interval '1 second';
        end if;
    end if;
    if i.max_concurrent is not null then
        live := offhook_live_calls_in_all();
        if live >= i.max_concurrent then
            return query select 'installation_full', format('%s of %s calls in all are under way (installation.max_concurrent).', live, i.max_concurrent),
                null::timestamptz;
        end if;
    end if;
    if under_way >= most then
        return query select 'coordinators_full', format('Every coordinator is busy: %s of %s calls are under way (OFFHOOK_MAX_CALLS).', under_way, most),
            null::timestamptz;
    end if;
    select count(*) into before from calls k
     where k.state = 'queued' and k.ready and offhook_lane(k.trunk, k.number) in (offhook_lane(c.trunk, c.number), t.name)
       and (k.turn_at, k.id) < (c.turn_at, c.id);
    return query select 'in_line', case before when 0 then 'It is due, and next in line.' when 1 then 'It is due; one call comes before it.'
        else format('It is due; %s calls come before it.', before) end, null::timestamptz;
end $$;

-- One or two sentences; null where there is no such call.
create or replace function offhook_why_not_yet(of_call bigint) returns text language sql stable set search_path from current as $$
    select string_agg(o.sentence, ' ' order by o.nth)
      from offhook_explain(of_call) with ordinality o (reason, sentence, until, nth) where o.nth <= 2
$$;
