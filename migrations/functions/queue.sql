-- Which queued calls are ready to be claimed, and which wait for something. The states of a call itself are in states.sql.

-- A new call: ready where it is due.
create or replace function calls_take_their_place() returns trigger language plpgsql as $$
begin
    new.ready := new.due_at <= clock_timestamp();
    new.turn_at := new.due_at - new.priority * interval '1 minute';
    new.waits_for := case when not new.ready then
        coalesce(new.waits_for, case when new.due_at > new.not_before then 'calling_hours' else 'not_before' end) end;
    return new;
end $$;

-- The name makes it run after calls_before_insert, which works out due_at.
create or replace trigger calls_take_their_place before insert on calls for each row execute function calls_take_their_place();

-- Makes up to `most` calls ready that have become due; those with the earlier turn first, where many become due at once.
create or replace function offhook_let_in(moment timestamptz, most int) returns int language plpgsql
set search_path from current set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare let_in int;
begin
    update calls set ready = true, waits_for = null where id = any (array(
        select id from calls where state = 'queued' and not ready and due_at <= moment
         order by due_at, turn_at limit most for update skip locked));
    get diagnostics let_in = row_count;
    return let_in;
end $$;

-- Nobody is calling `freed` any more: the next ones to that number are due again, once the number has had its quiet time. Three of
-- them, so that the next does not hang on one that cannot be made; the rest wait on.
create or replace function offhook_wake_waiting(freed text) returns int language plpgsql
set search_path from current set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare next_moment timestamptz; woken int;
begin
    select greatest(clock_timestamp(), n.last_rung_at + i.quiet_time) into next_moment
      from installation i left join numbers n on n.number = freed where i.single;
    update calls set due_at = next_moment, waits_for = case when next_moment > clock_timestamp() then 'quiet_time' end
     where id = any (array(
        select id from calls where coalesce(reaches, number) = freed and state = 'queued' and waits_for = 'other_call'
         order by turn_at limit 3 for update skip locked));
    get diagnostics woken = row_count;
    return woken;
end $$;

create or replace function calls_number_is_free() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare called text := coalesce(old.reaches, old.number);
begin
    if exists (select from calls where coalesce(reaches, number) = called and state = 'queued' and waits_for = 'other_call')
        and not exists (select from calls where coalesce(reaches, number) = called and state in ('claimed', 'dialing', 'talking')) then
        perform offhook_wake_waiting(called);
    end if;
    return null;
end $$;

-- (With its owner's rights: whoever takes a call back may not move others.) A call has ended; or one that was the next has left the queue.
create or replace trigger calls_number_is_free after update of state on calls for each row
    when (old.state in ('queued', 'claimed', 'dialing', 'talking') and new.state <> old.state and new.state not in ('claimed', 'dialing', 'talking'))
    execute function calls_number_is_free();

-- What keeps the queue right besides the claims: makes up to `most` calls ready that are due, and wakes those that wait for a call which has
-- ended (in the moment between, nobody could). Returns how many moved; called again while that is `most`.
create or replace function offhook_keep_queue(most int) returns int language plpgsql
set search_path from current set enable_seqscan = off set jit = off set plan_cache_mode = force_generic_plan as $$
declare moved int; waiting text := '';
begin
    if not pg_try_advisory_xact_lock(1869768040, 4) then return 0; end if;
    moved := offhook_let_in(clock_timestamp(), most);
    loop
        select coalesce(reaches, number) into waiting from calls
         where coalesce(reaches, number) > waiting and state = 'queued' and waits_for = 'other_call' order by coalesce(reaches, number) limit 1;
        exit when not found or moved >= most;
        if not exists (select from calls o where coalesce(o.reaches, o.number) = waiting and o.state in ('claimed', 'dialing', 'talking')) then
            moved := moved + offhook_wake_waiting(waiting);
        end if;
    end loop;
    return moved;
end $$;
