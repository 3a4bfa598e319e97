-- Queued calls that can never be made any more: expired, or their number asked not to be called. Returns how many it ended; called
-- again while that is `most`. Loops over rows, because an update that finds none would still wake every coordinator.
create or replace function offhook_end_expired(most int) returns int language plpgsql
set search_path from current set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare c record; ended int := 0;
begin
    -- One at a time, whoever leads: a leader that was asleep for longer than its lease does not sweep beside the next one.
    if not pg_try_advisory_xact_lock(1869768040, 3) then return 0; end if;
    for c in select id from calls where state = 'queued' and not_after <= now() order by not_after limit most for update skip locked loop
        update calls set state = 'expired', why = coalesce(why || '; ', '') || 'not_after passed' where id = c.id;
        ended := ended + 1;
    end loop;
    for c in
        -- Number by number of the list, which is shorter than the queue; in its order, since that is what makes the index do.
        select q.id, d.reason from do_not_call d
         cross join lateral (select k.id from calls k where k.state = 'queued' and coalesce(k.reaches, k.number) = d.number
                              limit most for update skip locked) q
         order by d.number limit most - ended
    loop
        update calls set state = 'cancelled', why = 'the number is on the do-not-call list: ' || c.reason where id = c.id;
        ended := ended + 1;
    end loop;
    return ended;
end $$;
