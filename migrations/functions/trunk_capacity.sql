-- What is asked of a trunk right now, and whether it has room.

-- An attempt is under way until it is settled. (In plpgsql, which keeps its plans; in SQL each claim would plan anew.)
create or replace function offhook_live_calls(of_trunk text) returns int language plpgsql stable as $$
begin
    return (select count(*) from attempts a where a.trunk = of_trunk and a.settled_at is null);
end $$;

-- Over all trunks.
create or replace function offhook_live_calls_in_all() returns int language plpgsql stable as $$
begin
    return (select count(*) from attempts a where a.settled_at is null);
end $$;

-- Those of which nobody knows yet whether the trunk carries them.
create or replace function offhook_calls_being_set_up(of_trunk text) returns int language plpgsql stable as $$
begin
    return (select count(*) from attempts a
             where a.trunk = of_trunk and a.settled_at is null and a.ringing_at is null and a.answered_at is null and a.ended_at is null);
end $$;

-- What its calls per second have left over.
create or replace function offhook_bucket(t trunks, moment timestamptz) returns double precision language sql immutable as $$
    select least(greatest(1, t.calls_per_second / 20),
        t.tokens + t.calls_per_second * greatest(0, extract(epoch from moment - t.refilled_at)))
$$;

-- The ways out right now: which trunk may take calls of which lane, and how many. Preferred trunks first.
--   its own lane      calls that name it (`direct`: sip: URIs)
--   the lane ''       calls that name none go over the preferred trunk; while one that is preferred to it has rested and is found
--                     out about, that one takes a call of them
--   a resting trunk's its first fallback that works stands in. A trunk that a person has paused or disabled is waited for.
create or replace function offhook_ways_out(moment timestamptz)
returns table (nth int, trunk text, lane text, sip_only boolean, room int, bucket double precision, per_second double precision)
language plpgsql stable as $$
#variable_conflict use_column
begin
    return query with usable as materialized (
        select t.*, t.paused_until is not null as has_rested, offhook_bucket(t, moment) as bucket
          from trunks t where t.enabled and not t.paused
    ), open as materialized (
        select u.name, u.host, u.preference, u.has_rested as probing, u.bucket, u.calls_per_second,
               row_number() over (order by u.preference, u.name)::int as nth,
               least(u.max_concurrent - offhook_live_calls(u.name),
                     case when u.has_rested then 1 - offhook_calls_being_set_up(u.name) end) as room
          from usable u where u.paused_until is null or u.paused_until <= moment
    ), preferred as materialized (
        select o.nth from open o where o.host is not null and not o.probing order by o.nth limit 1
    )
    select dense_rank() over (order by o.nth)::int, o.name, l.lane, l.sip_only, o.room, o.bucket, o.calls_per_second
      from open o cross join lateral (
        select o.name as lane, false as sip_only
        union all
        select '', false
         where o.host is not null
           and case when o.probing then not exists (select from preferred p where p.nth < o.nth)
                    else exists (select from preferred p where p.nth = o.nth) end
        union all
        select r.name, o.host is null
          from usable r
         where not o.probing and r.host is not null and r.has_rested
           and (r.paused_until > moment or offhook_calls_being_set_up(r.name) > 0)
           and o.name = (select f.name from unnest(r.fallback) with ordinality f (name, nth) join open k on k.name = f.name
                          where not k.probing order by f.nth limit 1)
      ) l
     where o.room > 0;
end $$;
