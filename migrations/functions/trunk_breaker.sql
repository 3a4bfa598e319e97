-- The circuit breaker of a trunk. Closed: paused_until is null. Open: it lies ahead. Half open: it has passed, and one call at a time
-- finds out.

-- What a call says about its trunk. `retry_after`, in seconds, is the trunk's own wish: it is kept, up to an hour. `direct` has no
-- breaker: every sip: URI points somewhere else. A call that went well while the trunk rests does not wake it: the wish stands.
-- The last two are what a coordinator of the version before brings along; else the trunk's own columns say when it rests.
create or replace function offhook_judge_trunk(of_trunk text, failed boolean, retry_after int, most_failures int default null,
    rest interval default null) returns void language plpgsql set search_path from current as $$
declare
    wish interval := case when retry_after > 3600 then 3600 else coalesce(retry_after, 0) end * interval '1 second';
begin
    if failed then
        update trunks t set
            failures = t.failures + 1,
            paused_until = case
                when t.failures + 1 >= coalesce(most_failures, t.breaker_failures) or t.paused_until is not null
                    then greatest(t.paused_until, clock_timestamp() + greatest(coalesce(rest, t.breaker_rest), wish))
                when wish > interval '0' then clock_timestamp() + wish end
         where t.name = of_trunk and t.host is not null;
    else
        update trunks t set
            failures = 0, paused_until = case when t.paused_until > clock_timestamp() then t.paused_until end
         where t.name = of_trunk and (t.failures > 0 or t.paused_until <= clock_timestamp());
    end if;
end $$;
