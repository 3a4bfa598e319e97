-- Pausing: no new calls, over one trunk or over all; those under way go on. The columns are `paused` and `pause_reason` of trunks and of
-- installation, and the coordinators are told at once (wake_ups.sql).

-- For `trunk`, or for all where it is null. Returns whether that changed anything.
create or replace function offhook_pause(trunk text default null, reason text default null) returns boolean language plpgsql
set search_path from current as $$
declare was boolean := offhook_is_paused(trunk);
begin
    if trunk is null then
        update installation set paused = true, pause_reason = nullif(btrim(reason), '');
    else
        update trunks t set paused = true, pause_reason = nullif(btrim(reason), '') where t.name = trunk;
    end if;
    return not was;
end $$;

create or replace function offhook_resume(trunk text default null) returns boolean language plpgsql set search_path from current as $$
declare was boolean := offhook_is_paused(trunk);
begin
    if trunk is null then
        update installation set paused = false, pause_reason = null;
    else
        update trunks t set paused = false, pause_reason = null where t.name = trunk;
    end if;
    return was;
end $$;

create or replace function offhook_is_paused(trunk text) returns boolean language plpgsql stable set search_path from current as $$
declare is_so boolean;
begin
    if trunk is null then
        return (select i.paused from installation i);
    end if;
    select t.paused into is_so from trunks t where t.name = trunk;
    if not found then
        perform offhook_refuse(format('there is no trunk "%s"', trunk),
            format('Use one of %s.', (select string_agg(t.name, ', ' order by t.name) from trunks t)), 'trunk_is_known');
    end if;
    return is_so;
end $$;
