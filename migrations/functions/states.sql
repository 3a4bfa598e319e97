-- What happens when a call moves on (the moves it can make are in call_transitions).

create or replace function calls_before_update() returns trigger language plpgsql as $$
begin
    if new.state <> old.state then
        if not exists (select from call_transitions t where t.old = old.state and t.new = new.state) then
            perform offhook_refuse(
                format('call %s cannot go from %s to %s', old.id, old.state, new.state),
                'See docs/states.md for the moves a call can make.');
        end if;
        if new.state in ('finished', 'expired', 'cancelled') then
            new.finished_at := now();
        end if;
        if new.state not in ('claimed', 'dialing', 'talking') then
            new.claimed_by := null;
            new.lease_until := null;
        end if;
    end if;
    perform calls_refuse_change_by_hand(old, new);
    if not isfinite(new.due_at) then
        perform offhook_refuse(format('due_at %s is no moment', new.due_at), 'Use offhook_snooze for another time, or hold the call.',
            'moments_are_finite');
    end if;
    if new.state not in ('claimed', 'dialing', 'talking') then
        new.lease_until := null;
        -- A live call keeps what it has: another one that reaches the same number may be live too.
        new.reaches := case when new.number like 'sip%' then offhook_reaches(new) end;
    else
        new.reaches := old.reaches;
    end if;
    -- Its place in the queue. A call that the queue itself makes wait keeps its turn; one whose time was changed takes a new one.
    if new.state <> 'queued' then
        new.ready := false;
        new.waits_for := null;
    elsif old.state <> 'queued' then
        new.ready := new.due_at <= clock_timestamp();
        new.turn_at := new.due_at - new.priority * interval '1 minute';
        new.waits_for := case when not new.ready then coalesce(new.waits_for, 'retry') end;
    elsif new.due_at <> old.due_at or new.priority <> old.priority then
        new.turn_at := case
            when new.due_at = old.due_at then old.turn_at - (new.priority - old.priority) * interval '1 minute'
            when coalesce(new.waits_for, old.waits_for) in ('other_call', 'quiet_time', 'daily_cap', 'calling_hours', 'trunk')
                then least(old.turn_at, new.due_at - new.priority * interval '1 minute')
            else new.due_at - new.priority * interval '1 minute' end;
        new.ready := new.due_at <= clock_timestamp();
        new.waits_for := case when not new.ready then coalesce(new.waits_for, 'not_before') end;
    end if;
    -- Nothing is in line before it is due.
    new.ready := new.ready and new.due_at <= clock_timestamp();
    new.updated_at := now();
    return new;
end $$;

create or replace trigger calls_before_update before update on calls for each row execute function calls_before_update();

-- `update calls set cancel_requested = true` is how a call is taken back. One that is not live is cancelled on the spot; a live one
-- is told to its worker. The name makes it run before calls_before_update, which fills in finished_at.
create or replace function calls_at_cancel() returns trigger language plpgsql as $$
begin
    -- Asked again, too: a call may have been lost, and so be held, after it was asked for the first time.
    -- What is over is not taken back: the wish leaves no trace, in the row or in the audit.
    if old.state in ('finished', 'expired', 'cancelled') and new.state = old.state then
        new.cancel_requested := old.cancel_requested;
    end if;
    if new.cancel_requested and old.state in ('queued', 'held') and new.state = old.state then
        new.state := 'cancelled';
        new.why := 'taken back by the user';
    end if;
    return new;
end $$;

create or replace trigger calls_at_cancel before update of cancel_requested on calls for each row execute function calls_at_cancel();
