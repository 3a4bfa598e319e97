-- Whether the clock of a row is one of the country that its number is in. With another country's clock a restaurant would be rung at night.

-- The countries that a number may be in; null where it may be anywhere: SIP addresses that reach no telephone number for certain, numbers of
-- no country. `over`: the trunk the call names.
create or replace function offhook_countries_of(number text, over text) returns text[] language plpgsql stable as $$
#variable_conflict use_variable
declare
    reached record; d number_ranges;
begin
    if number like 'sip%' then
        select * into reached from offhook_reached(number, over);
        if not reached.certain then
            return null;
        end if;
        number := reached.number;
    end if;
    -- Toll-free in North America: the number says nothing about which of its countries it rings in.
    if number ~ '^\+18(00|22|33|44|55|66|77|88)[0-9]{7}$' then
        return (select array_agg(distinct r.country) from number_ranges r where r.prefix like '+1%');
    end if;
    d := offhook_range(number);
    return case when d.country <> '001' then array[d.country] end;
end $$;

-- Whether two zones have the same clock during the year to come: looked at once a week, as the clocks of most countries change in different weeks
-- or at the same moment.
create or replace function offhook_same_clock(one text, other text) returns boolean language sql stable as $$
    select not exists (select from generate_series(0, 52) week, lateral (select now() + week * interval '168 hours' as moment) m
                        where offhook_ahead_of_utc(m.moment, one) <> offhook_ahead_of_utc(m.moment, other))
$$;

-- What is wrong with a zone for a number: a sentence, and a hint; or null. The number is not repeated: the sentence also goes into calls.why.
create or replace function offhook_zone_fault(number text, zone text, over text) returns text[] language plpgsql stable as $$
#variable_conflict use_variable
declare
    countries_of text[] := offhook_countries_of(number, over); named text; has text; zones int; code text;
begin
    if countries_of is null
        or exists (select from country_zones k where k.country = any (countries_of) and k.zone = zone)
        -- A country whose zones nobody has told.
        or not exists (select from country_zones k where k.country = any (countries_of))
        or exists (select from country_zones k where k.country = any (countries_of) and offhook_same_clock(k.zone, zone)) then
        return null;
    end if;
    code := countries_of[1];
    if cardinality(countries_of) > 1 then
        named := 'North America';
        has := 'America/New_York, America/Chicago, America/Denver, America/Los_Angeles and others';
    else
        select c.name into named from countries c where c.code = code;
        -- One of each clock.
        select string_agg(k.zone, ', ' order by k.nth, k.zone), count(*) into has, zones
          from (select distinct on (offhook_ahead_of_utc(j.january, z.zone), offhook_ahead_of_utc(j.january + interval '4344 hours', z.zone)) z.*
                  from country_zones z, lateral (select date_trunc('year', now(), 'UTC') as january) j where z.country = code
                 order by offhook_ahead_of_utc(j.january, z.zone), offhook_ahead_of_utc(j.january + interval '4344 hours', z.zone), z.nth, z.zone) k;
    end if;
    return array[
        format('restaurant_zone "%s" is not a time zone of the country the number is in (%s): its clock is %s', zone, named,
            case when zones = 1 then 'that of ' || has else 'one of ' || has end),
        format('Set restaurant_zone to the zone the restaurant is in, such as %s, or correct the number.', split_part(has, ',', 1))
            || case when cardinality(countries_of) = 1 then format(' Of a number that rings in another country, an operator says so: insert into '
                || 'number_ranges (prefix, country, kind, source) values (''<the number>'', ''<that country>'', ''%s'', ''<who says so>'').',
                (offhook_range(coalesce(nullif((select r.number from offhook_reached(number, over) r), ''), number))).kind) else '' end];
end $$;

create or replace function offhook_refuse_zone(c calls) returns void language plpgsql stable as $$
declare
    fault text[] := offhook_zone_fault(c.number, c.restaurant_zone, c.trunk);
begin
    if fault is not null then
        perform offhook_refuse(fault[1], fault[2], 'restaurant_zone_is_of_the_country');
    end if;
end $$;

create or replace function country_zones_refuse_wrong_row() returns trigger language plpgsql as $$
begin
    if not exists (select from countries c where c.code = new.country) then
        perform offhook_refuse(format('there is no country "%s"', left(coalesce(new.country, ''), 20)), 'Use a code of countries, such as DE.',
            'country_zones_country_fkey', 'foreign_key_violation');
    end if;
    if not exists (select from restaurant_zones z where z.name = new.zone) then
        perform offhook_refuse(format('zone "%s" is not the name of a time zone', left(coalesce(new.zone, ''), 60)),
            'Use an IANA name such as Europe/Berlin.', 'country_zones_zone_fkey', 'foreign_key_violation');
    end if;
    if new.nth is null then
        perform offhook_refuse('nth is missing', 'Leave nth out to take its default; an explicit null is not taken.', 'nth', 'not_null_violation');
    end if;
    if new.source is null or new.source !~ '\S' then
        perform offhook_refuse('source is missing', 'Say in source why this country has this zone.', 'source', 'not_null_violation');
    end if;
    return new;
end $$;
create or replace trigger country_zones_refuse_wrong_row before insert or update on country_zones
    for each row execute function country_zones_refuse_wrong_row();
