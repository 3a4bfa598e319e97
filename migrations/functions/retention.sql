-- What is kept how long. The files of a call (its sound, its event log) are deleted by a coordinator of the machine they lie on, the row
-- by whoever leads.

-- The name sorts it behind calls_at_cancel, which may end a call itself. `finished_at` is filled in by a later trigger.
create or replace function calls_at_end() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare usual installation; ended timestamptz := coalesce(old.finished_at, now()); files_until timestamptz;
begin
    select * into usual from installation;
    new.delete_after := ended + coalesce(new.keep, usual.keep);
    files_until := least(ended + coalesce(new.keep_recording, usual.keep_recordings), new.delete_after);
    update recordings r set delete_after = files_until where r.call_id = new.id and r.deleted_at is null;
    update event_logs l set delete_after = files_until where l.call_id = new.id and l.deleted_at is null;
    return new;
end $$;

create or replace trigger calls_at_end before update of state, cancel_requested, keep, keep_recording on calls
    for each row when (new.state in ('finished', 'expired', 'cancelled')
        and (new.state, new.keep, new.keep_recording) is distinct from (old.state, old.keep, old.keep_recording))
    execute function calls_at_end();

-- A file that is only known of when its call is over already, as of a machine that was away, is kept no longer than the others.
create or replace function files_of_a_call_that_is_over() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    select least(c.finished_at + coalesce(c.keep_recording, i.keep_recordings), c.delete_after) into new.delete_after
      from calls c, installation i where c.id = new.call_id and c.state in ('finished', 'expired', 'cancelled');
    return new;
end $$;

create or replace trigger recordings_at_insert before insert on recordings
    for each row execute function files_of_a_call_that_is_over();
create or replace trigger event_logs_at_insert before insert on event_logs
    for each row execute function files_of_a_call_that_is_over();

-- The files of up to `most` attempts on a machine, all that are due of each: where its recording lies, and where its event log.
create or replace function offhook_files_to_delete(on_host text, most int, out call_id bigint, out attempt int, out recording text,
    out event_log text) returns setof record language sql stable set search_path from current as $$
    with due as (
        (select r.call_id, r.attempt, r.uri as recording, null as event_log, r.delete_after
           from recordings r join attempts a on a.call_id = r.call_id and a.number = r.attempt
          where r.deleted_at is null and r.delete_after <= clock_timestamp() and a.host = on_host
          order by r.delete_after, r.call_id, r.attempt limit most)
        union all
        (select l.call_id, l.attempt, null, l.uri, l.delete_after
           from event_logs l join attempts a on a.call_id = l.call_id and a.number = l.attempt
          where l.deleted_at is null and l.delete_after <= clock_timestamp() and a.host = on_host
          order by l.delete_after, l.call_id, l.attempt limit most)
    )
    select d.call_id, d.attempt, max(d.recording), max(d.event_log) from due d
     group by d.call_id, d.attempt order by min(d.delete_after), d.call_id, d.attempt limit most
$$;

create or replace function offhook_recording_deleted(of_call bigint, of_attempt int) returns void language plpgsql
set search_path from current as $$
begin
    update recordings set uri = null, deleted_at = clock_timestamp() where call_id = of_call and attempt = of_attempt and deleted_at is null;
    if found then
        insert into audit (act, call_id, subject) values ('recording deleted', of_call, of_call || '-' || of_attempt);
    end if;
end $$;

create or replace function offhook_event_log_deleted(of_call bigint, of_attempt int) returns void language plpgsql
set search_path from current as $$
begin
    update event_logs set uri = null, deleted_at = clock_timestamp() where call_id = of_call and attempt = of_attempt and deleted_at is null;
    if found then
        insert into audit (act, call_id, subject) values ('event log deleted', of_call, of_call || '-' || of_attempt);
    end if;
end $$;

-- Deletes calls whose time has come, with all that hangs on them, where their files are gone. Returns how many.
create or replace function offhook_delete_calls(most int) returns int language sql set search_path from current as $$
    with due as materialized (
        select c.id from calls c
         where c.delete_after <= clock_timestamp()
           and not exists (select from recordings r where r.call_id = c.id and r.deleted_at is null)
           and not exists (select from event_logs l where l.call_id = c.id and l.deleted_at is null)
         order by c.delete_after limit most for update skip locked
    ), gone as (
        delete from calls c using due where c.id = due.id returning c.id
    ), noted as (
        insert into audit (act, call_id) select 'call deleted', id from gone returning 1
    )
    select count(*)::int from noted
$$;

-- Everything about a number: calls to it, and calls made for whoever has it. What waits is taken back, what is under way is ended, and
-- all of it is due to be deleted as soon as it is over. Its entry in do_not_call stays, without a story: it is the owner's own wish.
-- Returns how many calls are concerned.
create or replace function offhook_erase(of_number text) returns int language plpgsql set search_path from current as $$
declare concerned int;
begin
    of_number := offhook_as_stored(of_number);
    -- Who is told that nothing is left of a number has to have named one.
    if of_number is null or not offhook_is_dialable(of_number) then
        perform offhook_refuse_number('number', coalesce(of_number, ''), 'erased_number_is_e164_or_sip_uri');
    end if;
    of_number := offhook_reached_number(of_number);
    update calls c set keep = '0', keep_recording = '0', cancel_requested = cancel_requested or state not in ('finished', 'expired', 'cancelled')
     where c.number = of_number or c.reaches = of_number or c.guest_phone = of_number;
    get diagnostics concerned = row_count;
    delete from numbers n where n.number = of_number;
    update do_not_call d set reason = 'asked not to be called', call_id = null where d.number = of_number;
    insert into audit (act, subject, detail) values ('erase', offhook_mask(of_number), jsonb_build_object('calls', concerned));
    return concerned;
end $$;
