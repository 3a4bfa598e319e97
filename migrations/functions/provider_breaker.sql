-- The circuit breaker of a provider's server. Closed: paused_until is null. Open: it is set, and nobody is called by whoever uses that
-- server. From then on the server may be probed; a probe closes the breaker, never a call.

-- The servers of a coordinator or of an attempt, in the order in which both keep them.
create or replace function offhook_providers(servers text[]) returns table (provider text, server text) language sql immutable as $$
    select p.provider, s.server
      from unnest(array['speech_to_text', 'chat', 'text_to_speech']) with ordinality p (provider, nth)
      join unnest(servers) with ordinality s (server, nth) using (nth)
$$;

-- How long the next pause is: doubled with each one in a row, up to 10 minutes.
create or replace function offhook_provider_pause(pauses int) returns interval language sql stable set search_path from current as $$
    select least(i.provider_breaker_rest * power(2, least(pauses, 16)), interval '10 minutes') from installation i
$$;

-- What an attempt that has ended says about its servers. One that failed in a call is counted, and nobody is called before a probe, which is
-- due at once, has found that it works; after so many in a row, not before a pause. A conversation that reached a result of the
-- restaurant's shows that all three work.
create or replace function offhook_judge_providers(a attempts) returns void language plpgsql set search_path from current as $$
declare most int;
begin
    if a.servers is null then
        return;
    end if;
    if a.failed_provider is not null then
        select i.provider_breaker_failures into most from installation i;
        insert into provider_breakers as b (provider, server, failures, pauses, paused_until, reason, failed_at)
        select p.provider, p.server, 1, case when most <= 1 then 1 else 0 end,
               clock_timestamp() + case when most <= 1 then offhook_provider_pause(0) else '0' end, left(a.detail, 500), clock_timestamp()
          from offhook_providers(a.servers) p where p.provider = a.failed_provider
        on conflict (provider, server) do update set
            failures = b.failures + 1,
            -- While it is open, calls that were under way before say nothing new.
            pauses = case when b.paused_until is null and b.failures + 1 >= most then b.pauses + 1 else b.pauses end,
            paused_until = coalesce(b.paused_until,
                clock_timestamp() + case when b.failures + 1 >= most then offhook_provider_pause(b.pauses) else '0' end),
            reason = excluded.reason, failed_at = excluded.failed_at;
    elsif a.outcome is not null and a.outcome <> 'no_agreement' then
        update provider_breakers b set failures = 0, pauses = case when b.paused_until is null then 0 else b.pauses end,
               reason = case when b.paused_until is not null then b.reason end, worked_at = clock_timestamp()
          from (select * from offhook_providers(a.servers) order by provider) p
         where b.provider = p.provider and b.server = p.server
           and (b.failures > 0 or b.pauses > 0 or b.worked_at is null or b.worked_at < clock_timestamp() - interval '1 minute');
    end if;
end $$;

-- Which breakers keep a coordinator with these servers from calling; null: of one that does not name any, all.
create or replace function offhook_open_breakers(servers text[]) returns setof provider_breakers language sql stable
set search_path from current as $$
    select b.* from provider_breakers b
     where b.paused_until is not null
       and (servers is null or exists (select from offhook_providers(servers) p where p.provider = b.provider and p.server = b.server))
$$;

-- Takes the probes that are due of these servers: who gets one back is the one that makes it, within `lease`. Forgets servers that
-- nobody uses any more: whoever uses one would have probed it.
create or replace function offhook_take_probes(servers text[], lease interval) returns setof text language plpgsql
set search_path from current as $$
begin
    delete from provider_breakers b
     where (b.paused_until < clock_timestamp() - interval '1 minute' - 2 * lease
            or (b.paused_until is null and greatest(b.checked_at, b.worked_at, b.failed_at) < clock_timestamp() - interval '7 days'))
       and not exists (select from offhook_providers(servers) p where p.provider = b.provider and p.server = b.server);
    return query update provider_breakers b set paused_until = clock_timestamp() + lease
      from offhook_providers(servers) p
     where b.provider = p.provider and b.server = p.server and b.paused_until <= clock_timestamp()
    returning b.provider;
end $$;

-- Whether the pause that began with the last failure is not over.
create or replace function offhook_asked_early(b provider_breakers) returns boolean language sql stable set search_path from current as $$
    select coalesce(b.paused_until is not null and b.pauses > 0
                    and clock_timestamp() < b.failed_at + offhook_provider_pause(b.pauses - 1), false)
$$;

-- What a probe has found. `fault` is null where the server works. A server that fails for one coordinator and has worked for somebody within
-- the last minute is not closed to the others: whoever probed it does not call before its own probe has gone well. Returns whether the
-- breaker is open now.
-- A coordinator that starts asks whatever the breaker says: a server that fails again before its pause is over has a new pause of the same
-- length, and not a longer one.
create or replace function offhook_provider_probed(of_provider text, of_server text, fault text, took_ms int) returns boolean
language plpgsql set search_path from current as $$
declare most int; open boolean;
begin
    select i.provider_breaker_failures into most from installation i;
    insert into provider_breakers as b (provider, server, checked_at, pauses, paused_until, reason, failed_at, worked_at, latency_ms)
    select of_provider, of_server, clock_timestamp(), case when fault is null then 0 else 1 end,
           case when fault is not null then clock_timestamp() + offhook_provider_pause(0) end, left(fault, 500),
           case when fault is not null then clock_timestamp() end, case when fault is null then clock_timestamp() end,
           case when fault is null then took_ms end
    on conflict (provider, server) do update set
        checked_at = excluded.checked_at,
        -- A short sentence is not a conversation: one more spoiled call opens it again, for longer.
        failures = case when fault is null then least(b.failures, most - 1) else b.failures end,
        pauses = case when fault is null then case when b.failures > 0 then b.pauses else 0 end
                      when b.paused_until is null and b.worked_at > clock_timestamp() - interval '1 minute' then b.pauses
                      when offhook_asked_early(b) then b.pauses
                      else b.pauses + 1 end,
        paused_until = case when fault is null then null
                            when b.paused_until is null and b.worked_at > clock_timestamp() - interval '1 minute' then null
                            when offhook_asked_early(b) then clock_timestamp() + offhook_provider_pause(b.pauses - 1)
                            else clock_timestamp() + offhook_provider_pause(b.pauses) end,
        reason = excluded.reason,
        failed_at = case when fault is not null and not offhook_asked_early(b) then excluded.failed_at else b.failed_at end, worked_at = coalesce(excluded.worked_at, b.worked_at),
        latency_ms = coalesce(excluded.latency_ms, b.latency_ms)
    returning b.paused_until is not null into open;
    return open;
end $$;

-- Closes the breakers of these providers without a probe, where probing is switched off: the next call finds out.
create or replace function offhook_let_providers_through(servers text[], due text[]) returns void language sql set search_path from current as $$
    update provider_breakers b set paused_until = null, failures = least(b.failures, i.provider_breaker_failures - 1)
      from offhook_providers(servers) p, installation i
     where b.provider = p.provider and b.server = p.server and p.provider = any (due)
$$;

-- A breaker that has closed lets calls through.
create or replace trigger provider_breakers_wake after update of paused_until on provider_breakers for each row
    when (old.paused_until is not null and new.paused_until is null) execute function offhook_notify('offhook_calls');
create or replace trigger provider_breakers_wake_delete after delete on provider_breakers for each row
    when (old.paused_until is not null) execute function offhook_notify('offhook_calls');
