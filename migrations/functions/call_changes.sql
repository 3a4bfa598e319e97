-- A call there is no time for: with the restaurant's opening times and its country's hours where those are the narrower ones.
create or replace function offhook_refuse_hours(c calls) returns void language plpgsql stable as $$
declare
    k countries;
    opens boolean := exists (select from opening_times o where o.number = coalesce(c.reaches, c.number))
        or exists (select from closed_days d where d.number = coalesce(c.reaches, c.number));
begin
    select n.* into k from countries n join offhook_range(coalesce(c.reaches, c.number)) r on r.country = n.code
     where n.calling_from > c.calling_from or n.calling_to < c.calling_to;
    perform offhook_refuse(
        format('the restaurant can only be called from %s to %s (%s)%s, and not once before not_after %s', c.calling_from, c.calling_to,
            c.restaurant_zone, coalesce(format(', in %s only from %s to %s', k.name, k.calling_from, k.calling_to), '')
                || case when opens then ', when it is open' else '' end, c.not_after),
        'Widen calling_from and calling_to, set not_before earlier, or ask for a later table.'
            || case when opens then ' Its opening times are in opening_times and closed_days.' else '' end,
        'there_is_time_to_call');
end $$;

create or replace function calls_before_insert() returns trigger language plpgsql as $$
begin
    new.number := offhook_as_stored(new.number);
    new.guest_phone := offhook_as_stored(new.guest_phone);
    perform calls_refuse_wrong_row(new);
    perform calls_refuse_odd_row(new, null);
    new.reaches := offhook_reaches(new);
    new.updated_at := now();
    if new.state <> 'queued' or new.attempt <> 0 or new.attempts_counted <> 0 or new.claimed_by is not null
        or new.lease_until is not null or new.finished_at is not null then
        perform offhook_refuse('a new call starts as queued, with attempt 0 and nobody working on it',
            'Leave out state, attempt, attempts_counted, claimed_by, lease_until and finished_at.', 'claim_has_a_lease');
    end if;
    if exists (select from calls c where c.request_key = new.request_key) then
        -- The same request again: the unique key answers, or `on conflict do nothing`, even when the table is history by now.
        new.not_after := coalesce(new.not_after, new.not_before + interval '1 second');
        return new;
    end if;
    if offhook_wanted_table(new) <= now() then
        perform offhook_refuse(
            format('the wanted table (%s %s, %s) is in the past', new.wanted_date, new.wanted_time, new.restaurant_zone),
            'Set wanted_date and wanted_time to a moment still to come, in the restaurant''s local time; what else will do goes into '
            || 'earliest_time, latest_time and other_dates.', 'wanted_table_is_to_come');
    end if;
    if new.not_before >= offhook_wanted_table(new) then
        perform offhook_refuse(format('not_before %s is later than the wanted table', new.not_before),
            'Set not_before to a moment before the wanted table.', 'not_after_is_later_than_not_before');
    end if;
    if new.not_after <= now() then
        perform offhook_refuse(format('not_after %s is in the past', new.not_after),
            'Set not_after to a moment still to come, or leave it out.', 'not_after_is_to_come');
    end if;
    -- Nobody is called about a table whose time is over.
    new.not_after := least(new.not_after, offhook_wanted_table(new));
    perform offhook_refuse_destination(new);
    perform offhook_refuse_zone(new);
    new.due_at := offhook_next_calling_moment(greatest(now(), new.not_before), coalesce(new.reaches, new.number), new.restaurant_zone, new.calling_from,
        new.calling_to);
    if new.due_at is null or new.due_at >= new.not_after then
        perform offhook_refuse_hours(new);
    end if;
    return new;
end $$;

create or replace trigger calls_before_insert before insert on calls for each row execute function calls_before_insert();

-- A change by a person. What is asked for can change until the call is being made; the clock of the call follows the change.
create or replace function calls_before_change() returns trigger language plpgsql as $$
declare wanted timestamptz;
begin
    new.number := offhook_as_stored(new.number);
    new.guest_phone := offhook_as_stored(new.guest_phone);
    perform calls_refuse_wrong_row(new);
    perform calls_refuse_odd_row(new, old);
    new.reaches := offhook_reaches(new);
    if old.state not in ('queued', 'held')
        and (new.kind, new.number, new.restaurant_name, new.restaurant_zone, new.guest_name, new.guest_phone, new.party_size,
             new.wanted_date, new.wanted_time, new.earliest_time, new.latest_time, new.other_dates, new.special_requests,
             new.booking_reference, new.language_hint)
            is distinct from
            (old.kind, old.number, old.restaurant_name, old.restaurant_zone, old.guest_name, old.guest_phone, old.party_size,
             old.wanted_date, old.wanted_time, old.earliest_time, old.latest_time, old.other_dates, old.special_requests,
             old.booking_reference, old.language_hint) then
        perform offhook_refuse(format('call %s is %s: what it asks for can no longer change', old.id, old.state),
            case when old.state in ('claimed', 'dialing', 'talking') then 'Set cancel_requested = true and insert a new call.'
                 else 'Insert a new call.' end, 'request_changes_before_the_call');
    end if;
    if new.record <> old.record and old.state in ('claimed', 'dialing', 'talking') then
        perform offhook_refuse(format('call %s is %s: whether it is recorded can no longer change', old.id, old.state),
            'Set keep_recording = ''0'': what is recorded is deleted when the call is over. cancel_requested = true ends it.',
            'request_changes_before_the_call');
    end if;
    if (new.number, new.line_type, new.consent) is distinct from (old.number, old.line_type, old.consent)
        and old.state in ('queued', 'held') then
        perform offhook_refuse_destination(new);
    end if;
    if (new.number, new.restaurant_zone) is distinct from (old.number, old.restaurant_zone) then
        perform offhook_refuse_zone(new);
    end if;
    wanted := offhook_wanted_table(new);
    if wanted is distinct from offhook_wanted_table(old) and wanted <= now() then
        perform offhook_refuse(
            format('the wanted table (%s %s, %s) is in the past', new.wanted_date, new.wanted_time, new.restaurant_zone),
            'Set wanted_date and wanted_time to a moment still to come, in the restaurant''s local time.', 'wanted_table_is_to_come');
    end if;
    if new.not_after is null
        or (new.not_after = old.not_after and wanted <> offhook_wanted_table(old) and old.not_after = offhook_wanted_table(old)) then
        new.not_after := wanted;
    elsif new.not_after <> old.not_after or wanted <> offhook_wanted_table(old) then
        -- Nobody is called about a table whose time is over.
        new.not_after := least(new.not_after, wanted);
    end if;
    if new.not_before >= new.not_after then
        perform offhook_refuse(format('not_before %s is later than the wanted table', new.not_before),
            'Set not_before to a moment before the wanted table.', 'not_after_is_later_than_not_before');
    end if;
    if new.state = 'queued' and new.due_at = old.due_at
        and (new.number, new.not_before, new.calling_from, new.calling_to, new.restaurant_zone)
            is distinct from (old.number, old.not_before, old.calling_from, old.calling_to, old.restaurant_zone) then
        -- The wait after an attempt stays, an earlier wish does not shorten it.
        new.due_at := offhook_next_calling_moment(
            greatest(now(), new.not_before, case when old.attempt > 0 then old.due_at end),
            coalesce(new.reaches, new.number), new.restaurant_zone, new.calling_from, new.calling_to);
        if new.due_at is null then
            perform offhook_refuse_hours(new);
        end if;
    end if;
    return new;
end $$;

create or replace trigger calls_before_change before update of
    request_key, kind, number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time,
    earliest_time, latest_time, other_dates, special_requests, booking_reference, language_hint, not_before, not_after, calling_from,
    calling_to, priority, max_attempts, record, trunk, keep, keep_recording, line_type, consent on calls
    for each row execute function calls_before_change();

create or replace function calls_before_delete() returns trigger language plpgsql as $$
begin
    if old.state in ('claimed', 'dialing', 'talking') then
        perform offhook_refuse(format('call %s is %s and cannot be deleted', old.id, old.state),
            'Set cancel_requested = true, and delete it when it is over.', 'live_calls_stay');
    end if;
    -- Who deletes the row first leaves files that nobody knows of.
    if exists (select from recordings r where r.call_id = old.id and r.deleted_at is null)
        or exists (select from event_logs l where l.call_id = old.id and l.deleted_at is null) then
        perform offhook_refuse(format('call %s has a recording or an event log', old.id),
            'Set keep = ''0'' and keep_recording = ''0'': its files are deleted, and the row with them as soon as they are gone.',
            'files_are_deleted_first');
    end if;
    return old;
end $$;

create or replace trigger calls_before_delete before delete on calls for each row execute function calls_before_delete();
