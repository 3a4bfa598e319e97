-- The rows of opening_times and closed_days, and what a change of them does to the calls that wait.

create or replace function opening_times_refuse_wrong_row() returns trigger language plpgsql as $$
declare
    missing text := case when new.number is null then 'number' when new.weekday is null then 'weekday'
                         when new.opens is null then 'opens' when new.closes is null then 'closes' end;
begin
    if missing is not null then
        perform offhook_refuse(format('%s of the opening times is missing', missing), case missing
            when 'number' then 'Give the restaurant''s number as its calls have it, such as +4930123456.'
            when 'weekday' then 'Give 1 for Monday to 7 for Sunday.'
            else format('Give %s on the restaurant''s clock, such as 18:00; a day without a row is closed.', missing) end,
            missing, 'not_null_violation');
    end if;
    new.number := offhook_as_stored(new.number);
    if not offhook_is_dialable(new.number) then
        perform offhook_refuse_number('number', new.number, 'opening_times_number_is_e164_or_sip_uri');
    end if;
    new.number := offhook_reached_number(new.number);
    if new.weekday not between 1 and 7 then
        perform offhook_refuse(format('weekday %s is none', new.weekday), 'Use 1 for Monday to 7 for Sunday.', 'weekday_is_1_to_7');
    end if;
    if new.opens = '24:00' then
        perform offhook_refuse('opens 24:00 is the next day', 'Use 00:00 of the next weekday.', 'opens_is_before_midnight');
    end if;
    return new;
end $$;

create or replace trigger opening_times_refuse_wrong_row before insert or update on opening_times
    for each row execute function opening_times_refuse_wrong_row();

create or replace function closed_days_refuse_wrong_row() returns trigger language plpgsql as $$
declare
    missing text := case when new.number is null then 'number' when new.day is null then 'day' end;
begin
    if missing is not null then
        perform offhook_refuse(format('%s of the closed day is missing', missing), case missing
            when 'number' then 'Give the restaurant''s number as its calls have it, such as +4930123456.'
            else 'Give the day in the restaurant''s calendar, such as 2030-12-24.' end,
            missing, 'not_null_violation');
    end if;
    new.number := offhook_as_stored(new.number);
    if not offhook_is_dialable(new.number) then
        perform offhook_refuse_number('number', new.number, 'closed_days_number_is_e164_or_sip_uri');
    end if;
    new.number := offhook_reached_number(new.number);
    if not isfinite(new.day) then
        perform offhook_refuse('the closed day is infinite',
            'Give real days; a number that is never to be called belongs into do_not_call.', 'closed_day_is_finite');
    end if;
    return new;
end $$;

create or replace trigger closed_days_refuse_wrong_row before insert or update on closed_days
    for each row execute function closed_days_refuse_wrong_row();

-- Puts the queued calls to these numbers to their new next moment. The wait after an attempt stays: only a call that waits for no
-- retry gets earlier. One that waits for something else (another call, its quiet time) is looked at when that is over. One that has no
-- moment left waits for its end, since the times may change again.
create or replace function offhook_reschedule(numbers text[]) returns void language plpgsql set search_path from current as $$
begin
    update calls c set
        due_at = coalesce(n.due, c.not_after),
        why = case when n.due is null then 'no calling hours are left before not_after'
                   when c.why in ('no calling hours are left before not_after', 'waits for the calling hours') then null
                   else c.why end,
        waits_for = case when n.due is null then 'calling_hours' when n.due <= now() then null when c.waits_for = 'retry' then 'retry'
                         when n.due > greatest(now(), c.not_before) then 'calling_hours' else 'not_before' end
      from (select k.id, case when m.due < k.not_after then m.due end as due
              from calls k
             cross join lateral (
                select offhook_next_calling_moment(greatest(now(), k.not_before, case when k.waits_for = 'retry' then k.due_at end),
                    coalesce(k.reaches, k.number), k.restaurant_zone, k.calling_from, k.calling_to) as due) m
             where k.state = 'queued' and coalesce(k.reaches, k.number) = any(numbers)
               and coalesce(k.waits_for, '') not in ('other_call', 'quiet_time', 'daily_cap', 'trunk')
             order by k.id for update of k) n
     where c.id = n.id and c.due_at <> coalesce(n.due, c.not_after);
end $$;

create or replace function opening_times_changed() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    perform offhook_reschedule(array(select distinct t.number from changed t));
    return null;
end $$;

create or replace function opening_times_moved() returns trigger language plpgsql security definer
set search_path = public, pg_temp as $$
begin
    perform offhook_reschedule(array(select t.number from before t union select t.number from changed t));
    return null;
end $$;

create or replace trigger opening_times_inserted after insert on opening_times referencing new table as changed
    for each statement execute function opening_times_changed();
create or replace trigger opening_times_updated after update on opening_times referencing old table as before new table as changed
    for each statement execute function opening_times_moved();
create or replace trigger opening_times_deleted after delete on opening_times referencing old table as changed
    for each statement execute function opening_times_changed();
create or replace trigger closed_days_inserted after insert on closed_days referencing new table as changed
    for each statement execute function opening_times_changed();
create or replace trigger closed_days_updated after update on closed_days referencing old table as before new table as changed
    for each statement execute function opening_times_moved();
create or replace trigger closed_days_deleted after delete on closed_days referencing old table as changed
    for each statement execute function opening_times_changed();
