-- The moves a call can make, and the wake-ups that go with them.

-- The one transition table. src/call.rs holds the same table; a test walks every pair in both.
create table call_transitions (old call_state not null, new call_state not null, primary key (old, new));
insert into call_transitions values
    ('queued', 'claimed'), ('queued', 'cancelled'), ('queued', 'expired'),
    ('claimed', 'dialing'), ('claimed', 'queued'), ('claimed', 'finished'), ('claimed', 'held'),
    ('claimed', 'cancelled'), ('claimed', 'expired'),
    ('dialing', 'talking'), ('dialing', 'queued'), ('dialing', 'finished'), ('dialing', 'held'),
    ('dialing', 'cancelled'), ('dialing', 'expired'),
    ('talking', 'queued'), ('talking', 'finished'), ('talking', 'held'), ('talking', 'cancelled'),
    ('talking', 'expired'),
    ('held', 'queued'), ('held', 'finished'), ('held', 'cancelled');

create function calls_before_update() returns trigger language plpgsql as $$
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
    if new.attempt < old.attempt then
        perform offhook_refuse('an attempt number only grows', 'Leave attempt to the coordinator.');
    end if;
    new.updated_at := now();
    return new;
end $$;
create trigger calls_before_update before update on calls for each row execute function calls_before_update();

-- Wake-ups. Statement level: a batch of 100,000 rows is one notification.
create function offhook_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify(tg_argv[0], '');
    return null;
end $$;
create trigger calls_wake_insert after insert on calls for each statement execute function offhook_notify('offhook_calls');
create trigger calls_wake_update after update of state, due_at, cancel_requested on calls
    for each statement execute function offhook_notify('offhook_calls');
create trigger do_not_call_wake after insert on do_not_call for each statement execute function offhook_notify('offhook_calls');

create function events_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('offhook_events', new.call_id::text);
    return null;
end $$;
create trigger events_notify after insert on events for each row execute function events_notify();
create trigger turns_notify after insert on turns for each row execute function events_notify();
