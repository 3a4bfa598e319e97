-- Rules that need more than one column of one row, and the sentences a person reads when a row is refused.

create function offhook_refuse(sentence text, hint text) returns void language plpgsql as $$
begin
    raise exception '%', sentence using errcode = 'check_violation', hint = hint;
end $$;

-- The next moment, from `moment` on, at which the restaurant's clock is within its calling hours.
-- `24:00` as the end means until midnight. A local time that a clock change skips is taken an hour later by Postgres.
create function offhook_next_calling_moment(moment timestamptz, zone text, calling_from time, calling_to time)
returns timestamptz language sql stable as $$
    select case
        when l.t::time >= calling_from and l.t::time < calling_to then moment
        when l.t::time < calling_from then (l.t::date + calling_from) at time zone zone
        else (l.t::date + 1 + calling_from) at time zone zone
    end
    from (select moment at time zone zone as t) l
$$;

create function calls_before_insert() returns trigger language plpgsql as $$
begin
    -- pg_timezone_names is read through the conversion itself: an unknown zone raises.
    begin
        perform now() at time zone new.restaurant_zone;
    exception when others then
        perform offhook_refuse(
            format('restaurant_zone "%s" is not a time zone', new.restaurant_zone),
            'Use an IANA name such as Europe/Berlin or America/New_York.');
    end;
    if new.restaurant_zone !~ '/' and new.restaurant_zone <> 'UTC' then
        perform offhook_refuse(
            format('restaurant_zone "%s" is an abbreviation and does not know about summer time', new.restaurant_zone),
            'Use an IANA name such as Europe/Berlin or America/New_York.');
    end if;
    if new.state <> 'queued' or new.attempt <> 0 then
        perform offhook_refuse('a new call starts as queued with attempt 0', 'Leave out state and attempt.');
    end if;
    -- Checked here and not only by constraint because the moment of the table is computed from them.
    if new.not_after is null then
        new.not_after := (new.wanted_date + coalesce(new.latest_time, new.wanted_time)) at time zone new.restaurant_zone;
        if cardinality(new.other_dates) > 0 then
            new.not_after := greatest(new.not_after,
                ((select max(d) from unnest(new.other_dates) d) + coalesce(new.latest_time, new.wanted_time))
                    at time zone new.restaurant_zone);
        end if;
        if new.not_after <= now() then
            perform offhook_refuse(
                format('the wanted table (%s %s, %s) is in the past', new.wanted_date, new.wanted_time, new.restaurant_zone),
                'Set wanted_date and wanted_time to a moment still to come, in the restaurant''s local time.');
        end if;
        if new.not_before >= new.not_after then
            perform offhook_refuse('not_before is later than the wanted table', 'Set not_before to a moment before the wanted table.');
        end if;
    elsif new.not_after <= now() then
        perform offhook_refuse('not_after is in the past', 'Set not_after to a moment still to come, or leave it out.');
    end if;
    new.due_at := offhook_next_calling_moment(greatest(now(), new.not_before), new.restaurant_zone, new.calling_from, new.calling_to);
    return new;
end $$;
create trigger calls_before_insert before insert on calls for each row execute function calls_before_insert();

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
