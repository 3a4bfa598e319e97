-- Wake-ups. Statement level: a batch of 100,000 rows is one notification.
create or replace function offhook_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify(tg_argv[0], '');
    return null;
end $$;

create or replace trigger calls_wake_insert after insert on calls for each statement execute function offhook_notify('offhook_calls');

-- A claim leaves less to do than before: it wakes nobody.
create or replace trigger calls_wake_update after update of state, due_at, cancel_requested on calls for each statement
    when (coalesce(current_setting('offhook.claiming', true), '') <> 'yes') execute function offhook_notify('offhook_calls');

create or replace trigger trunks_wake after update of enabled, paused, max_concurrent on trunks for each statement
    execute function offhook_notify('offhook_calls');

create or replace trigger installation_wake after update of paused, max_concurrent, quiet_time, calls_per_day on installation for each statement
    execute function offhook_notify('offhook_calls');

create or replace trigger do_not_call_wake after insert on do_not_call for each statement execute function offhook_notify('offhook_calls');

create or replace function events_notify() returns trigger language plpgsql as $$
begin
    perform pg_notify('offhook_events', new.call_id::text);
    return null;
end $$;

create or replace trigger events_notify after insert on events for each row execute function events_notify();

create or replace trigger turns_notify after insert on turns for each row execute function events_notify();
