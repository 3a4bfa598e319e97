-- Refusing a wrong row of `calls`: every rule on one call that needs no clock, in the order of the columns.
create or replace function calls_refuse_wrong_row(c calls) returns void language plpgsql as $$
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
        perform offhook_refuse_number('number', c.number, 'number_is_e164_or_sip_uri');
    end if;
    if c.line_type not in ('landline', 'mobile') then
        perform offhook_refuse(format('line_type "%s" is not known', c.line_type),
            'Use landline or mobile, or leave it out where the number itself tells.', 'line_type_is_known');
    end if;
    if c.consent !~ '\S' or length(c.consent) > 500 then
        perform offhook_refuse(format('consent is %s', case when c.consent ~ '\S' then 'longer than 500 characters' else 'empty' end),
            'Say in at most 500 characters how and when the restaurant agreed to automated calls, or leave it out.', 'consent_is_told');
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
        perform offhook_refuse(
            format('guest_phone "%s" is not a telephone number in E.164%s', left(offhook_without_invisible(c.guest_phone), 60),
                (select ': ' || r.fault from offhook_read_number(c.guest_phone) r)),
            'Write the country code and the number, such as +4915112345678.', 'guest_phone_is_e164');
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
    if c.wanted_date > current_date + 732 then
        perform offhook_refuse(format('wanted_date %s is more than two years away', c.wanted_date), 'Check the year.',
            'wanted_table_is_to_come');
    end if;
    if exists (select from unnest(c.other_dates) d where d > current_date + 732 or d < date '2000-01-01') then
        perform offhook_refuse(format('other_dates names %s', (select string_agg(d::text, ', ') from unnest(c.other_dates) d
                where d > current_date + 732 or d < date '2000-01-01')),
            'Check the year: a table can be booked up to two years ahead.', 'other_dates_are_within_two_years');
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
    if not c.keep between interval '0' and interval '100 years' or not c.keep_recording between interval '0' and interval '100 years' then
        perform offhook_refuse(format('keep %s, keep_recording %s: one of them is not a length of time', c.keep, c.keep_recording),
            'Give an interval from the end of the call, such as ''30 days'', or leave it out to keep it as long as every other; ''0'' deletes '
            || 'at once.', case when not c.keep between interval '0' and interval '100 years' then 'keep_is_0_to_100_years'
                                else 'keep_recording_is_0_to_100_years' end);
    end if;
    if c.trunk is not null and not exists (select from trunks t where t.name = c.trunk) then
        perform offhook_refuse(format('there is no trunk "%s"', c.trunk),
            format('Use one of %s, leave trunk out to take the preferred one, or insert it into trunks first.',
                (select string_agg(t.name, ', ' order by t.name) from trunks t)),
            'calls_trunk_fkey', 'foreign_key_violation');
    end if;
end $$;
