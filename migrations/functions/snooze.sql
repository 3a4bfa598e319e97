-- What a person decides about one call that waits: put it off, or let a held one go. None of it uses up an attempt.

-- The next moment, from `moment` on, at which this call may be made.
create or replace function offhook_may_be_made(c calls, moment timestamptz) returns timestamptz language sql stable
set search_path from current as $$
    select offhook_next_calling_moment(moment, coalesce(c.reaches, c.number), c.restaurant_zone, c.calling_from, c.calling_to)
$$;

-- Takes the call's row for a change, and refuses one that is in none of these states.
create or replace function offhook_waiting_call(of_call bigint, states call_state[], wish text) returns calls language plpgsql
set search_path from current as $$
declare c calls;
begin
    select * into c from calls where id = of_call for update;
    if not found then
        perform offhook_refuse(format('there is no call %s', of_call), 'See `offhook call list`.', 'call_is_known');
    elsif c.state <> all(states) then
        perform offhook_refuse(format('call %s is %s and cannot be %s', of_call, c.state, wish),
            case when c.state in ('claimed', 'dialing', 'talking') then 'Wait for its end, or take it back with cancel_requested = true.'
                 when c.state = 'queued' then 'It is in the queue already; see `offhook call show` for what it waits for.'
                 else 'Insert a new call.' end, 'call_waits');
    end if;
    return c;
end $$;

-- Not before `until`. A held call goes back into the queue for that moment. Returns when it is due.
create or replace function offhook_snooze(of_call bigint, until timestamptz) returns timestamptz language plpgsql security definer
set search_path = public, pg_temp as $$
declare
    c calls := offhook_waiting_call(of_call, '{queued,held}', 'snoozed');
    due timestamptz;
begin
    if until is null or not isfinite(until) or until <= clock_timestamp() then
        perform offhook_refuse(format('call %s cannot be snoozed until %s', of_call, coalesce(until::text, 'nothing')),
            'Name a moment still to come.', 'snooze_is_to_come');
    elsif until >= c.not_after then
        perform offhook_refuse(format('call %s may not be made after %s, and %s is later', of_call, c.not_after, until),
            'Snooze it for less, set not_after later, or take the call back.', 'not_after_is_later_than_not_before');
    end if;
    -- A wait after an attempt is not cut short: somebody was disturbed a moment ago.
    due := offhook_may_be_made(c, case when c.state = 'queued' and c.waits_for = 'retry' then greatest(until, c.due_at) else until end);
    if due is null or due >= c.not_after then
        perform offhook_refuse(
            format('from %s on, the restaurant cannot be called before not_after %s', until, c.not_after),
            'Snooze it for less, widen calling_from and calling_to, or set not_after later.', 'there_is_time_to_call');
    end if;
    update calls set state = 'queued', not_before = until, due_at = due, why = 'put off by a person',
        waits_for = case when due > until then 'calling_hours' else 'not_before' end
     where id = of_call;
    insert into events (call_id, kind, detail) values (of_call, 'snoozed', jsonb_build_object('until', until, 'due_at', due));
    return due;
end $$;

-- Lets a held call go: back into the queue, or with `finish` it stays as it is for good. Returns its state.
create or replace function offhook_release(of_call bigint, finish boolean default false) returns call_state language plpgsql
security definer set search_path = public, pg_temp as $$
declare
    c calls := offhook_waiting_call(of_call, '{held}', 'released');
    due timestamptz; reason text;
begin
    if finish then
        update calls set state = 'finished', why = 'finished by a person; it was held because ' || coalesce(c.why, 'somebody wished so')
         where id = of_call;
    else
        select d.reason into reason from do_not_call d where d.number = coalesce(c.reaches, c.number);
        if found then
            perform offhook_refuse(format('call %s cannot be made again: the number is on the do-not-call list (%s)', of_call, reason),
                'Finish it instead (`--finish`).', 'number_may_be_called');
        end if;
        due := offhook_may_be_made(c, greatest(clock_timestamp(), c.not_before));
        if due is null or due >= c.not_after then
            perform offhook_refuse(format('call %s cannot be made again before its not_after %s', of_call, c.not_after),
                'Set not_after to a later moment first, or finish it instead (`--finish`).', 'there_is_time_to_call');
        end if;
        update calls set state = 'queued', due_at = due, why = 'released by a person',
            waits_for = case when due > greatest(clock_timestamp(), c.not_before) then 'calling_hours'
                             when due > clock_timestamp() then 'not_before' end
         where id = of_call;
    end if;
    insert into events (call_id, kind, detail) values (of_call, 'released', jsonb_build_object('finish', finish));
    return (select k.state from calls k where k.id = of_call);
end $$;
