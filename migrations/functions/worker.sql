-- What a worker may do: write to the attempt its token belongs to, and only while that attempt is the current one.
-- Every function takes the token first; a token of an older attempt is refused (fencing). They run with their owner's rights, so the
-- path they search is fixed: a worker's temporary table cannot stand in for one of ours.

create or replace function offhook_own_attempt(token text) returns attempts language plpgsql stable security definer
set search_path = public, pg_temp as $$
declare a attempts;
begin
    select t.* into a from attempts t join calls c on c.id = t.call_id and c.attempt = t.number
     where t.token_hash = sha256(convert_to(token, 'UTF8')) and t.settled_at is null;
    if not found then
        raise exception 'this attempt is over or was never given out'
            using errcode = 'insufficient_privilege', constraint = 'writes_of_the_current_attempt_only',
                  hint = 'The worker must stop: its writes do not count any more.';
    end if;
    return a;
end $$;

-- `number` counts the worker's events, so that one told again after a lost connection is stored once; `age_ms` is how long ago it
-- happened, where it had to wait for the database.
create or replace function worker_event(token text, kind text, detail jsonb, number int default null, age_ms bigint default 0)
returns void language plpgsql security definer set search_path = public, pg_temp as $$
#variable_conflict use_column -- in the target of `on conflict` a name can only be a column's
declare a attempts := offhook_own_attempt(token);
begin
    insert into events (call_id, attempt, number, at, kind, detail)
    values (a.call_id, a.number, worker_event.number, clock_timestamp() - age_ms * interval '1 millisecond', worker_event.kind,
            worker_event.detail)
    on conflict (call_id, attempt, number) where events.number is not null do nothing;
end $$;

-- `step` is dialing, ringing or talking. Committed before the act it names: the row knows first. Returns false where the call was
-- cancelled or its number unwanted meanwhile, and then nothing may be dialled. A trunk that lets a telephone ring works.
create or replace function worker_progress(token text, step text, detail jsonb, age_ms bigint default 0) returns boolean
language plpgsql security definer set search_path = public, pg_temp as $$
declare a attempts := offhook_own_attempt(token); go_on boolean; happened timestamptz;
begin
    select not c.cancel_requested into go_on from calls c where c.id = a.call_id for update;
    a := offhook_own_attempt(token);             -- again, under the lock: the attempt may have been settled while we waited for it
    -- Its number may have come onto the list since it was claimed.
    if step = 'dialing' and (not go_on or exists (select from calls c join do_not_call d on d.number = coalesce(c.reaches, c.number)
                                                    where c.id = a.call_id)) then
        return false;
    end if;
    if step not in ('dialing', 'ringing', 'talking') then
        raise exception 'unknown step %', step;
    end if;
    happened := clock_timestamp() - age_ms * interval '1 millisecond';
    update attempts t set
        dialing_at  = case when step = 'dialing' then coalesce(t.dialing_at, happened) else t.dialing_at end,
        ringing_at  = case when step = 'ringing' then coalesce(t.ringing_at, happened) else t.ringing_at end,
        answered_at = case when step = 'talking' then coalesce(t.answered_at, happened) else t.answered_at end,
        seen_at = clock_timestamp()
     where t.call_id = a.call_id and t.number = a.number;
    if step = 'dialing' then
        update calls c set state = 'dialing' where c.id = a.call_id and c.state = 'claimed';
    elsif step = 'talking' then
        update calls c set state = 'talking' where c.id = a.call_id and c.state = 'dialing';
    end if;
    -- A step told again, because the answer was lost on the way, is one event.
    if (case step when 'dialing' then a.dialing_at when 'ringing' then a.ringing_at else a.answered_at end) is null then
        insert into events (call_id, attempt, at, kind, detail) values (a.call_id, a.number, happened, step, worker_progress.detail);
        if step <> 'dialing' then
            perform offhook_judge_trunk(a.trunk, false, null);
        end if;
    end if;
    return go_on;
end $$;

-- A sign of life; returns whether the call is to be cancelled.
create or replace function worker_seen(token text) returns boolean language plpgsql security definer set search_path = public, pg_temp as $$
declare a attempts := offhook_own_attempt(token);
begin
    update attempts t set seen_at = clock_timestamp() where t.call_id = a.call_id and t.number = a.number;
    return (select c.cancel_requested from calls c where c.id = a.call_id);
end $$;

create or replace function worker_turn(token text, number int, speaker text, language text, said text, started_ms bigint, ended_ms bigint,
    interrupted boolean) returns void language plpgsql security definer set search_path = public, pg_temp as $$
#variable_conflict use_column -- in the target of `on conflict` a name can only be a column's
declare a attempts := offhook_own_attempt(token);
begin
    insert into turns as t (call_id, attempt, number, speaker, language, text, started_ms, ended_ms, interrupted)
    values (a.call_id, a.number, worker_turn.number, worker_turn.speaker, worker_turn.language, said, worker_turn.started_ms,
            worker_turn.ended_ms, worker_turn.interrupted)
    on conflict (call_id, attempt, number) do update
        set text = excluded.text, ended_ms = excluded.ended_ms, interrupted = excluded.interrupted, language = excluded.language;
end $$;

-- The journal of tools. `begin` returns null the first time and the stored result ({} where it is not known) every other time:
-- a tool whose number is known is not run again.
create or replace function worker_tool_begin(token text, number int, name text, arguments jsonb) returns jsonb
language plpgsql security definer set search_path = public, pg_temp as $$
declare a attempts := offhook_own_attempt(token); known jsonb;
begin
    insert into tool_calls (call_id, attempt, number, name, arguments)
    values (a.call_id, a.number, worker_tool_begin.number, worker_tool_begin.name, worker_tool_begin.arguments)
    on conflict do nothing;
    if found then return null; end if;
    select coalesce(t.result, '{}') into known from tool_calls t
     where t.call_id = a.call_id and t.attempt = a.number and t.number = worker_tool_begin.number;
    return known;
end $$;

create or replace function worker_tool_end(token text, number int, result jsonb) returns void language plpgsql security definer
set search_path = public, pg_temp as $$
declare a attempts := offhook_own_attempt(token);
begin
    update tool_calls t set result = worker_tool_end.result, ended_at = clock_timestamp()
     where t.call_id = a.call_id and t.attempt = a.number and t.number = worker_tool_end.number;
end $$;

create or replace function worker_finish(token text, report jsonb) returns void language plpgsql security definer
set search_path = public, pg_temp as $$
declare a attempts := offhook_own_attempt(token);
begin
    perform offhook_finish_attempt(a.call_id, a.number, report);
end $$;
