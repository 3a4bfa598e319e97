-- The next moment, from `moment` on, at which the restaurant's clock is within its calling hours.
-- `24:00` as the end means until midnight. A local time that a clock change skips is taken an hour later by Postgres.
create or replace function offhook_next_calling_moment(moment timestamptz, zone text, calling_from time, calling_to time)
returns timestamptz language sql stable as $$
    select case
        when l.t::time >= calling_from and l.t::time < calling_to then moment
        when l.t::time < calling_from then (l.t::date + calling_from) at time zone zone
        else (l.t::date + 1 + calling_from) at time zone zone
    end
    from (select moment at time zone zone as t) l
$$;

-- The latest table the guest would take: after it there is nothing left to call about.
create or replace function offhook_last_table(c calls) returns timestamptz language sql stable as $$
    select (greatest(c.wanted_date, (select max(d) from unnest(c.other_dates) d)) + coalesce(c.latest_time, c.wanted_time))
        at time zone c.restaurant_zone
$$;
