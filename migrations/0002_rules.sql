-- Refusing a wrong row with a sentence that says what to change. BEFORE triggers run ahead of NOT NULL, CHECK and foreign keys, so a
-- person reads these sentences, and the constraints of 0001 stand behind them. A refusal carries the constraint's name for programs.

create function offhook_refuse(sentence text, hint text, violated text default '', code text default 'check_violation')
returns void language plpgsql as $$
begin
    raise exception '%', sentence using errcode = code, hint = hint, constraint = violated;
end $$;

-- What a person may have meant by a number that cannot be dialled: spaces, dots, dashes and brackets taken out, 00 read as +.
create function offhook_number_hint(number text) returns text language sql immutable as $$
    select case when meant.number ~ '^\+[1-9][0-9]{6,14}$'
        then format('Write it in E.164 as %s.', meant.number)
        else 'Write the country code and the number without spaces, such as +4930123456 (E.164), '
             || 'or a SIP address such as sip:trattoria@example.org.'
    end
    from (select regexp_replace(regexp_replace(regexp_replace(
              number, '\(0\)', ''), '[\s./()-]', '', 'g'), '^00', '+') as number) meant
$$;

create function offhook_is_dialable(number text) returns boolean language sql immutable as $$
    select number ~ '^\+[1-9][0-9]{6,14}$' or number ~ '^sips?:[^@\s<>"]+@[^@\s<>"]+$'
$$;

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

-- The latest table the guest would take: after it there is nothing left to call about.
create function offhook_last_table(c calls) returns timestamptz language sql stable as $$
    select (greatest(c.wanted_date, (select max(d) from unnest(c.other_dates) d)) + coalesce(c.latest_time, c.wanted_time))
        at time zone c.restaurant_zone
$$;

-- Every rule on one call that needs no clock, in the order of the columns.
create function calls_refuse_wrong_row(c calls) returns void language plpgsql as $$
declare
    missing text; meant text;
begin
    missing := case
        when c.number is null then 'number' when c.restaurant_name is null then 'restaurant_name'
        when c.restaurant_zone is null then 'restaurant_zone' when c.guest_name is null then 'guest_name'
        when c.guest_phone is null then 'guest_phone' when c.party_size is null then 'party_size'
        when c.wanted_date is null then 'wanted_date' when c.wanted_time is null then 'wanted_time'
        when c.request_key is null then 'request_key' when c.kind is null then 'kind'
        when c.other_dates is null then 'other_dates' when c.not_before is null then 'not_before'
        when c.calling_from is null then 'calling_from' when c.calling_to is null then 'calling_to'
        when c.priority is null then 'priority' when c.max_attempts is null then 'max_attempts'
        when c.record is null then 'record' when c.state is null then 'state' when c.attempt is null then 'attempt'
        when c.attempts_counted is null then 'attempts_counted' when c.due_at is null then 'due_at'
        when c.cancel_requested is null then 'cancel_requested' when c.created_at is null then 'created_at'
        when c.updated_at is null then 'updated_at' end;
    if missing is not null then
        perform offhook_refuse(format('%s is missing', missing), case missing
            when 'number' then 'Give the restaurant''s number in E.164, such as +4930123456, or a SIP address.'
            when 'restaurant_name' then 'Give the name the restaurant answers to.'
            when 'restaurant_zone' then 'Give the restaurant''s IANA time zone, such as Europe/Berlin.'
            when 'guest_name' then 'Give the name the table is booked under.'
            when 'guest_phone' then 'Give the number the restaurant can call back, in E.164, such as +4915112345678.'
            when 'party_size' then 'Give the number of people, 1 to 50.'
            when 'wanted_date' then 'Give the day of the table in the restaurant''s calendar, such as 2030-12-04.'
            when 'wanted_time' then 'Give the time of the table on the restaurant''s clock, such as 19:30.'
            else format('Leave %s out to take its default; an explicit null is not taken.', missing) end,
            missing, 'not_null_violation');
    end if;
    if c.request_key !~ '\S' or length(c.request_key) > 200 then
        perform offhook_refuse(format('request_key has %s characters', length(btrim(c.request_key))),
            'Give a key of at most 200 characters that is the same when the same request is inserted again, or leave it out.',
            'request_key_is_given');
    end if;
    if not offhook_is_dialable(c.number) then
        perform offhook_refuse(format('number "%s" is neither a telephone number in E.164 nor a SIP address', c.number),
            offhook_number_hint(c.number), 'number_is_e164_or_sip_uri');
    end if;
    if c.restaurant_name !~ '\S' or length(c.restaurant_name) > 200 then
        perform offhook_refuse(format('restaurant_name is %s',
                case when c.restaurant_name ~ '\S' then 'longer than 200 characters' else 'empty' end),
            'Give the name the restaurant answers to, in at most 200 characters.', 'restaurant_name_is_given');
    end if;
    if not exists (select from restaurant_zones z where z.name = c.restaurant_zone) then
        select z.name into meant from restaurant_zones z
         where lower(z.name) in (lower(c.restaurant_zone), lower(replace(c.restaurant_zone, ' ', '_')))
            or lower(z.name) like '%/' || lower(replace(c.restaurant_zone, ' ', '_')) order by z.name limit 1;
        perform offhook_refuse(format('restaurant_zone "%s" is not the name of a time zone', c.restaurant_zone),
            coalesce('Write it as ' || meant || '.',
                'Use an IANA name such as Europe/Berlin or America/New_York; abbreviations do not know about summer time.'),
            'restaurant_zone_is_known');
    end if;
    if c.guest_name !~ '\S' or length(c.guest_name) > 200 then
        perform offhook_refuse(format('guest_name is %s',
                case when c.guest_name ~ '\S' then 'longer than 200 characters' else 'empty' end),
            'Give the name the table is booked under, in at most 200 characters.', 'guest_name_is_given');
    end if;
    if c.guest_phone !~ '^\+[1-9][0-9]{6,14}$' then
        perform offhook_refuse(format('guest_phone "%s" is not a telephone number in E.164', c.guest_phone),
            offhook_number_hint(c.guest_phone), 'guest_phone_is_e164');
    end if;
    if c.party_size not between 1 and 50 then
        perform offhook_refuse(format('party_size is %s', c.party_size),
            'Give a number of people from 1 to 50; larger parties are better arranged by a person.', 'party_size_is_1_to_50');
    end if;
    if array_ndims(c.other_dates) > 1 then
        perform offhook_refuse('other_dates is an array of arrays', 'Write it as a plain list, such as {2030-12-05,2030-12-06}.',
            'other_dates_are_a_plain_list');
    end if;
    if cardinality(c.other_dates) > 14 or array_position(c.other_dates, null) is not null then
        perform offhook_refuse(case when cardinality(c.other_dates) > 14
                then format('other_dates names %s days', cardinality(c.other_dates)) else 'other_dates contains a null' end,
            'Name at most 14 days, each of them a date.', 'other_dates_are_at_most_14');
    end if;
    if not (isfinite(c.wanted_date) and isfinite(c.not_before) and coalesce(isfinite(c.not_after), true)
            and not '{infinity,-infinity}'::date[] && c.other_dates) then
        perform offhook_refuse('a date or moment of the call is infinite',
            'Give real dates in wanted_date, other_dates, not_before and not_after; leave not_before out for now, and not_after '
            || 'for the moment of the wanted table.', 'moments_are_finite');
    end if;
    if c.wanted_time = '24:00' or c.earliest_time = '24:00' or c.latest_time = '24:00' then
        perform offhook_refuse('a table at 24:00 is a table on the next day',
            'Use 00:00 of the next day, or 23:59, in wanted_time, earliest_time and latest_time.', 'times_are_before_midnight');
    end if;
    if c.earliest_time > c.wanted_time then
        perform offhook_refuse(format('earliest_time %s is after wanted_time %s', c.earliest_time, c.wanted_time),
            'Set earliest_time to wanted_time or before, or leave it out if nothing earlier will do.', 'earliest_is_not_after_wanted');
    end if;
    if c.latest_time < c.wanted_time then
        perform offhook_refuse(format('latest_time %s is before wanted_time %s', c.latest_time, c.wanted_time),
            'Set latest_time to wanted_time or after, or leave it out if nothing later will do. For a range that crosses midnight, '
            || 'insert the next day as other_dates.', 'latest_is_not_before_wanted');
    end if;
    if length(c.special_requests) > 1000 then
        perform offhook_refuse(format('special_requests has %s characters', length(c.special_requests)),
            'Say it in at most 1000 characters: it is spoken on the telephone.', 'special_requests_are_short');
    end if;
    if c.kind <> 'book' and coalesce(c.booking_reference, '') !~ '\S' then
        perform offhook_refuse(format('a call of kind "%s" needs booking_reference', c.kind),
            'Give the reference of the existing booking, or the name it was made under; use kind "book" for a new one.',
            'booking_reference_goes_with_existing_booking');
    end if;
    if length(c.booking_reference) > 100 then
        perform offhook_refuse(format('booking_reference has %s characters', length(c.booking_reference)),
            'Give only the reference, in at most 100 characters; the rest belongs in special_requests.', 'booking_reference_is_short');
    end if;
    if c.language_hint not in ('en', 'de', 'es', 'nl') then
        perform offhook_refuse(format('language_hint "%s" is not a language offhook speaks', c.language_hint),
            'Use en, de, es or nl, or leave it out to have it guessed from the number.', 'language_hint_is_spoken');
    end if;
    if c.not_after <= c.not_before then
        perform offhook_refuse(format('not_after %s is not later than not_before %s', c.not_after, c.not_before),
            'Set not_before to a moment before not_after; where not_after is left out, it is the moment of the wanted table.',
            'not_after_is_later_than_not_before');
    end if;
    if c.calling_from >= c.calling_to then
        perform offhook_refuse(format('calling_from %s is not before calling_to %s', c.calling_from, c.calling_to),
            'Set both on the restaurant''s clock and within one day; 24:00 as calling_to means until midnight.',
            'calling_hours_are_in_order');
    end if;
    if c.priority not between -100 and 100 then
        perform offhook_refuse(format('priority is %s', c.priority), 'Use -100 to 100; higher goes first, 0 is the default.',
            'priority_is_between_minus_100_and_100');
    end if;
    if c.max_attempts not between 1 and 10 then
        perform offhook_refuse(format('max_attempts is %s', c.max_attempts), 'Use 1 to 10; 3 is the default.', 'max_attempts_is_1_to_10');
    end if;
    if c.trunk is not null and not exists (select from trunks t where t.name = c.trunk) then
        perform offhook_refuse(format('there is no trunk "%s"', c.trunk),
            format('Use one of %s, leave trunk out to take the preferred one, or insert it into trunks first.',
                (select string_agg(t.name, ', ' order by t.name) from trunks t)),
            'calls_trunk_fkey', 'foreign_key_violation');
    end if;
end $$;

create function calls_before_insert() returns trigger language plpgsql as $$
begin
    perform calls_refuse_wrong_row(new);
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
    if offhook_last_table(new) <= now() then
        perform offhook_refuse(
            format('the wanted table (%s %s, %s) is in the past', new.wanted_date, new.wanted_time, new.restaurant_zone),
            'Set wanted_date and wanted_time to a moment still to come, in the restaurant''s local time.', 'wanted_table_is_to_come');
    end if;
    if new.wanted_date > current_date + 732 then
        perform offhook_refuse(format('wanted_date %s is more than two years away', new.wanted_date), 'Check the year.',
            'wanted_table_is_to_come');
    end if;
    if new.not_after is null then
        new.not_after := offhook_last_table(new);
        if new.not_before >= new.not_after then
            perform offhook_refuse(format('not_before %s is later than the wanted table', new.not_before),
                'Set not_before to a moment before the wanted table.', 'not_after_is_later_than_not_before');
        end if;
    elsif new.not_after <= now() then
        perform offhook_refuse(format('not_after %s is in the past', new.not_after),
            'Set not_after to a moment still to come, or leave it out.', 'not_after_is_to_come');
    end if;
    new.due_at := offhook_next_calling_moment(greatest(now(), new.not_before), new.restaurant_zone, new.calling_from, new.calling_to);
    if new.due_at >= new.not_after then
        perform offhook_refuse(
            format('the restaurant can only be called from %s to %s (%s), and not once before not_after %s', new.calling_from,
                new.calling_to, new.restaurant_zone, new.not_after),
            'Widen calling_from and calling_to, set not_before earlier, or ask for a later table.', 'there_is_time_to_call');
    end if;
    return new;
end $$;
create trigger calls_before_insert before insert on calls for each row execute function calls_before_insert();

-- A change by a person. What is asked for can change until the call is being made; the clock of the call follows the change.
create function calls_before_change() returns trigger language plpgsql as $$
begin
    perform calls_refuse_wrong_row(new);
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
    if new.not_after is null or (new.not_after = old.not_after and offhook_last_table(new) <> offhook_last_table(old)
                                 and old.not_after = offhook_last_table(old)) then
        new.not_after := offhook_last_table(new);
        if new.not_after <= now() then
            perform offhook_refuse(
                format('the wanted table (%s %s, %s) is in the past', new.wanted_date, new.wanted_time, new.restaurant_zone),
                'Set wanted_date and wanted_time to a moment still to come, in the restaurant''s local time.',
                'wanted_table_is_to_come');
        end if;
        if new.not_before >= new.not_after then
            perform offhook_refuse(format('not_before %s is later than the wanted table', new.not_before),
                'Set not_before to a moment before the wanted table.', 'not_after_is_later_than_not_before');
        end if;
    end if;
    if new.state = 'queued' and new.due_at = old.due_at
        and (new.not_before, new.calling_from, new.calling_to, new.restaurant_zone)
            is distinct from (old.not_before, old.calling_from, old.calling_to, old.restaurant_zone) then
        -- The wait after an attempt stays, an earlier wish does not shorten it.
        new.due_at := offhook_next_calling_moment(
            greatest(now(), new.not_before, case when old.attempt > 0 then old.due_at end),
            new.restaurant_zone, new.calling_from, new.calling_to);
    end if;
    return new;
end $$;
create trigger calls_before_change before update of
    request_key, kind, number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time,
    earliest_time, latest_time, other_dates, special_requests, booking_reference, language_hint, not_before, not_after, calling_from,
    calling_to, priority, max_attempts, record, trunk on calls
    for each row execute function calls_before_change();

create function calls_before_delete() returns trigger language plpgsql as $$
begin
    if old.state in ('claimed', 'dialing', 'talking') then
        perform offhook_refuse(format('call %s is %s and cannot be deleted', old.id, old.state),
            'Set cancel_requested = true, and delete it when it is over.', 'live_calls_stay');
    end if;
    return old;
end $$;
create trigger calls_before_delete before delete on calls for each row execute function calls_before_delete();

create function trunks_refuse_wrong_row() returns trigger language plpgsql as $$
declare
    missing text;
begin
    missing := case
        when new.name is null then 'name' when new.port is null then 'port' when new.caller_id is null then 'caller_id'
        when new.codecs is null then 'codecs' when new.max_concurrent is null then 'max_concurrent'
        when new.calls_per_second is null then 'calls_per_second' when new.enabled is null then 'enabled'
        when new.preference is null then 'preference' when new.tokens is null then 'tokens'
        when new.refilled_at is null then 'refilled_at' end;
    if missing is not null then
        perform offhook_refuse(format('%s of the trunk is missing', missing), case missing
            when 'name' then 'Give a short name in lower case, such as berlin-1.'
            else format('Leave %s out to take its default; an explicit null is not taken.', missing) end,
            missing, 'not_null_violation');
    end if;
    if new.name !~ '^[a-z0-9][a-z0-9_-]{0,62}$' then
        perform offhook_refuse(format('trunk name "%s" is not a word', new.name),
            'Use 1 to 63 lower-case letters, digits, dashes and underscores, such as berlin-1.', 'trunk_name_is_a_word');
    end if;
    if not (new.host ~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$' or new.host ~ '^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$') then
        perform offhook_refuse(format('host "%s" of trunk "%s" is neither a host name nor an address', new.host, new.name),
            'Write only the name or the address, such as sip.example.org: the port has a column of its own, and sip: is left out.',
            'trunk_host_is_a_host');
    end if;
    if new.port not between 1 and 65535 then
        perform offhook_refuse(format('port %s of trunk "%s" is not a UDP port', new.port, new.name),
            'Use 1 to 65535; 5060 is the default.', 'trunk_port_is_a_port');
    end if;
    if new.max_concurrent not between 0 and 10000 then
        perform offhook_refuse(format('max_concurrent %s of trunk "%s" cannot be', new.max_concurrent, new.name),
            'Use 0 to 10000: the number of calls your contract allows at the same time; 0 stops the trunk.', 'trunk_has_room');
    end if;
    if not (new.calls_per_second > 0 and new.calls_per_second <= 1000) then
        perform offhook_refuse(format('calls_per_second %s of trunk "%s" cannot be', new.calls_per_second, new.name),
            'Use more than 0 and at most 1000; 0.5 is one call every two seconds. Set enabled = false to stop the trunk.',
            'trunk_rate_is_positive');
    end if;
    if not (new.codecs <@ '{opus,pcmu,pcma}'::text[] and cardinality(new.codecs) > 0 and array_ndims(new.codecs) = 1) then
        perform offhook_refuse(format('codecs %s of trunk "%s" are not codecs offhook speaks', new.codecs, new.name),
            'Name one or more of opus, pcmu and pcma, the preferred one first, such as {pcma,pcmu}.', 'trunk_codecs_are_known');
    end if;
    if not (new.secret ~ '^[A-Za-z0-9._-]+$' and new.secret !~ '^\.') then
        -- The value is not repeated: it may be the secret itself.
        perform offhook_refuse(format('secret of trunk "%s" is not the name of a file', new.name),
            'Put the password into a file of the coordinator''s secrets folder and name that file here; never the password itself.',
            'trunk_secret_is_a_file_name');
    end if;
    if new.secret is not null and coalesce(new.username, '') !~ '\S' then
        perform offhook_refuse(format('trunk "%s" has a secret and no username', new.name),
            'Give the user name the trunk knows you by, or leave secret out.', 'trunk_secret_goes_with_a_username');
    end if;
    if new.caller_id !~ '^[A-Za-z0-9+._-]{1,64}$' then
        perform offhook_refuse(format('caller_id "%s" of trunk "%s" is not the user part of an address', new.caller_id, new.name),
            'Give the number or name calls come from, without sip: and host, such as +4930123456.', 'trunk_caller_id_is_a_user_part');
    end if;
    if new.from_domain !~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$' then
        perform offhook_refuse(format('from_domain "%s" of trunk "%s" is not a host name', new.from_domain, new.name),
            'Write only the name, such as example.org, or leave it out.', 'trunk_from_domain_is_a_host');
    end if;
    return new;
end $$;
create trigger trunks_refuse_wrong_row
    before insert or update of name, host, port, username, secret, caller_id, from_domain, codecs, max_concurrent, calls_per_second,
    enabled, preference on trunks
    for each row execute function trunks_refuse_wrong_row();

create function do_not_call_refuse_wrong_row() returns trigger language plpgsql as $$
declare
    missing text := case when new.number is null then 'number' when new.reason is null then 'reason'
                         when new.added_at is null then 'added_at' end;
begin
    if missing is not null then
        perform offhook_refuse(format('%s is missing', missing),
            case missing when 'number' then 'Give the number that is not to be called, in E.164, such as +4930123456.'
                 else format('Leave %s out to take its default; an explicit null is not taken.', missing) end,
            missing, 'not_null_violation');
    end if;
    if not offhook_is_dialable(new.number) then
        perform offhook_refuse(format('number "%s" is neither a telephone number in E.164 nor a SIP address', new.number),
            offhook_number_hint(new.number), 'do_not_call_number_is_e164_or_sip_uri');
    end if;
    if new.reason !~ '\S' then
        perform offhook_refuse('reason is empty', 'Say why, or leave it out for "asked not to be called".',
            'do_not_call_reason_is_given');
    end if;
    return new;
end $$;
create trigger do_not_call_refuse_wrong_row before insert or update on do_not_call
    for each row execute function do_not_call_refuse_wrong_row();
