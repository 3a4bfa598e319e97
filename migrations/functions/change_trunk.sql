-- The attempt's trunk has failed before anybody was rung; may the call go over `next_trunk`? `nth` is the number of this try within
-- the attempt, from 2; `failed` says what happened: why, sip_code, cause, retry_after. Returns
--   {"go": true, "sip_call_id": …}  the row knows: dial, under this Call-ID
--   {"go": false, "wait_ms": …}     only its calls per second are used up: ask again then
--   {"go": false, "why": …}         not over this one
--   {"go": false, "cancelled": true} over none: the user has taken the call back
-- The same question gets the same answer, and one call is one token. The advisory lock is the claim's: room is counted on what is.
create or replace function worker_change_trunk(token text, nth int, next_trunk text, failed jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare
    a attempts := offhook_own_attempt(token);
    t trunks; moment timestamptz; bucket double precision; cancelled boolean; first text; first_call_id text; refusal text[];
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

    refusal := (select offhook_destination_refusal(c.number, c.line_type, c.consent) from calls c where c.id = a.call_id);
    if refusal is not null then
        return jsonb_build_object('go', false, 'why', refusal[1]);
    elsif exists (select from calls c join do_not_call d on d.number = coalesce(c.reaches, c.number) where c.id = a.call_id) then
        return jsonb_build_object('go', false, 'why', 'the number is on the do-not-call list');
    end if;
    moment := clock_timestamp();
    select * into t from trunks k where k.name = next_trunk;
    if not t.enabled then
        return jsonb_build_object('go', false, 'why', format('"%s" is not enabled', next_trunk));
    elsif t.paused then
        return jsonb_build_object('go', false, 'why', format('"%s" is paused', next_trunk));
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
    perform offhook_judge_trunk(a.trunk, true, offhook_seconds(failed -> 'retry_after'));
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
