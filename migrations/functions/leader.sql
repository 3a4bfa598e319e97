-- One leader for what only one may do at a time. Whoever asks while nobody else holds the task holds it until `lease` from now; asking
-- again renews it, and with a lease of 0 it is given up.
create or replace function offhook_lead(task text, coordinator text, lease interval) returns boolean language plpgsql
set search_path from current as $$
#variable_conflict use_column -- in the target of `on conflict` a name can only be a column's
begin
    insert into leader as l (task, coordinator, until)
    values (offhook_lead.task, offhook_lead.coordinator, clock_timestamp() + lease)
    on conflict (task) do update set coordinator = excluded.coordinator, until = excluded.until
        where l.coordinator = excluded.coordinator or l.until <= clock_timestamp();
    return found and lease > interval '0';
end $$;
