-- Calling hours, when a number may be called: where its call's hours, its country's hours and its opening times meet, and never on its closed days. All
-- of it is read off the restaurant's clock: an hour that the clock skips does not happen, an hour that it repeats happens twice.

-- The next such moment from `moment` on, or null where there is none within 60 days. `24:00` as `calling_to` means until midnight.
create or replace function offhook_next_calling_moment(moment timestamptz, number text, zone text, calling_from time, calling_to time)
returns timestamptz language plpgsql stable as $$
declare
    country text; floor_from time; floor_to time; first time; last time; here timestamp; there timestamp; answer timestamptz;
begin
    if moment is null then
        return null;
    end if;
    country := (offhook_range(offhook_next_calling_moment.number)).country;
    select k.calling_from, k.calling_to into floor_from, floor_to from countries k where k.code = country;
    first := greatest(calling_from, floor_from);
    last := least(calling_to, floor_to);
    if first >= last then
        return null;
    end if;
    if exists (select from opening_times o where o.number = offhook_next_calling_moment.number)
        or exists (select from closed_days d where d.number = offhook_next_calling_moment.number) then
        return offhook_next_open_moment(moment, offhook_next_calling_moment.number, zone, first, last);
    end if;
    here := moment at time zone zone;
    if here::time >= first and here::time < last then
        return moment;
    end if;
    there := case when here::time < first then here::date else here::date + 1 end + first;
    answer := there at time zone zone;
    if answer at time zone zone = there and answer - moment = there - here then
        return answer;
    end if;
    -- The clock changes in between.
    return offhook_next_open_moment(moment, offhook_next_calling_moment.number, zone, first, last);
end $$;

-- By how much a zone's clock is ahead of UTC.
create or replace function offhook_ahead_of_utc(moment timestamptz, zone text) returns interval language sql stable as $$
    select (moment at time zone zone) - (moment at time zone 'UTC')
$$;

-- The same for every case, from stretch to stretch in which the clock does not change. A restaurant that is closed on a day does not
-- open on it, not for the hours after its midnight either, and on a closed day nobody is there for the hours of the evening before.
create or replace function offhook_next_open_moment(moment timestamptz, number text, zone text, first time, last time)
returns timestamptz language plpgsql stable as $$
declare
    -- In hours: a day of Postgres is as long as the session's zone has it.
    end_of_search constant timestamptz := moment + interval '1440 hours';
    from_here timestamptz := moment; to_here timestamptz; low timestamptz; middle timestamptz;
    ahead interval; local_from timestamp; local_to timestamp; has_times boolean; found timestamp;
begin
    has_times := exists (select from opening_times o where o.number = offhook_next_open_moment.number);
    while from_here < end_of_search loop
        ahead := offhook_ahead_of_utc(from_here, zone);
        to_here := least(from_here + interval '168 hours', end_of_search);
        if offhook_ahead_of_utc(to_here, zone) <> ahead then
            low := from_here;
            while to_here - low > interval '1 second' loop
                middle := low + (to_here - low) / 2;
                if offhook_ahead_of_utc(middle, zone) = ahead then low := middle; else to_here := middle; end if;
            end loop;
            to_here := date_trunc('second', to_here);       -- clocks change at whole seconds
        end if;
        local_from := from_here at time zone zone;
        local_to := (to_here at time zone 'UTC') + ahead;
        with days as (
            select local_from::date + n as day from generate_series(-1, local_to::date - local_from::date) n
        ), closed as (
            select d.day from closed_days d where d.number = offhook_next_open_moment.number
        )
        select lower(
            tsmultirange(tsrange(local_from, local_to))
            * (select range_agg(tsrange(day + first, day + last)) from days)
            * (select case when has_times
                   then coalesce(range_agg(tsrange(day + opens, day + case when closes > opens then 0 else 1 end + closes)), '{}')
                   else '{(,)}' end
                 from days join opening_times o on o.number = offhook_next_open_moment.number and o.weekday = extract(isodow from day)
                where day not in (select c.day from closed c))
            - (select coalesce(range_agg(tsrange(day, day + 1)), '{}') from days where day in (select c.day from closed c)))
        into found;
        if found is not null then
            return (found - ahead) at time zone 'UTC';
        end if;
        from_here := to_here;
    end loop;
    return null;
end $$;

-- As coordinators before opening times ask; the claim asks again.
create or replace function offhook_next_calling_moment(moment timestamptz, zone text, calling_from time, calling_to time)
returns timestamptz language sql stable as $$
    select offhook_next_calling_moment(moment, ''::text, zone, calling_from, calling_to)
$$;

-- The moment of the wanted table. After it nobody is called, other times and days notwithstanding: a table whose time has passed cannot be
-- asked for.
create or replace function offhook_wanted_table(c calls) returns timestamptz language plpgsql stable as $$
begin
    return (c.wanted_date + c.wanted_time) at time zone c.restaurant_zone;
end $$;

-- As it was called while calls could be made until the latest table.
drop function if exists offhook_last_table(calls);
