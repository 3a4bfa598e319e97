-- Seconds somebody asked for: a year at most, null where none were named.
create or replace function offhook_seconds(wish jsonb) returns int language sql immutable as $$
    select case when jsonb_typeof(wish) = 'number' then greatest(0, least((wish #>> '{}')::numeric, 31536000))::int end
$$;

-- Notes that an attempt has rung its number, if it has: somebody heard it, or may have. Counted on the restaurant's calendar day. A trunk
-- that failed before, and a busy line, disturbed nobody.
create or replace function offhook_note_ringing(a attempts) returns void language plpgsql set search_path = public, pg_temp as $$
declare called calls; today date := (a.ended_at at time zone 'UTC')::date;
begin
    if a.ringing_at is null and a.answered_at is null
        and a.disposition not in ('answered', 'no_answer', 'voicemail', 'menu_dead_end', 'rejected', 'no_media', 'provider_failure')
        and not (a.disposition = 'lost' and a.dialing_at is not null) then
        return;
    end if;
    select * into called from calls c where c.id = a.call_id;
    begin
        today := (a.ended_at at time zone called.restaurant_zone)::date;
    exception when invalid_parameter_value then
        null;                                    -- a zone that has gone since: no reason to lose a result
    end;
    insert into numbers as n (number, last_rung_at, day, rung) values (coalesce(called.reaches, called.number), a.ended_at, today, 1)
    on conflict (number) do update set
        last_rung_at = greatest(n.last_rung_at, excluded.last_rung_at), day = excluded.day,
        rung = case when n.day = excluded.day then n.rung + 1 else 1 end;
end $$;

-- The end of an attempt, as src/report.rs writes it. The transcript is there already: turns are written as they happen. Told twice,
-- the first telling stands.
create or replace function offhook_finish_attempt(of_call bigint, of_attempt int, report jsonb) returns boolean language plpgsql
set search_path = public, pg_temp as $$
declare r jsonb := report -> 'recording'; ended attempts;
begin
    perform set_config('offhook.ending', of_call || '/' || of_attempt, true); -- live_calls.sql
    update attempts t set
        ended_at     = clock_timestamp(),
        disposition  = (report ->> 'disposition')::disposition,
        sip_code     = (report ->> 'sip_code')::int,
        sip_reason   = report ->> 'sip_reason',
        cause        = (report ->> 'cause')::int,
        ended_by     = (report -> 'ended' ->> 'by')::end_cause,
        ended_cause  = (report -> 'ended' ->> 'cause')::int,
        silent_ms    = (report -> 'ended' ->> 'silent_ms')::bigint,
        retry_after  = offhook_seconds(report -> 'retry_after'),
        detail       = report ->> 'detail',
        failed_provider = case when report ->> 'failed_provider' in ('speech_to_text', 'chat', 'text_to_speech')
                            then report ->> 'failed_provider' end,
        codec        = report ->> 'codec',
        media        = report -> 'media',
        outcome      = (report ->> 'outcome')::outcome,
        agreed_date  = (report ->> 'agreed_date')::date,
        agreed_time  = (report ->> 'agreed_time')::time,
        agreed_party = (report ->> 'agreed_party')::int,
        agreed_name  = report ->> 'agreed_name',
        reference    = report ->> 'reference',
        notes        = report ->> 'notes',
        offers       = coalesce(report -> 'offers', '[]'),
        evidence     = coalesce((select array_agg(e::int) from jsonb_array_elements_text(report -> 'evidence') e), '{}'),
        language     = report ->> 'language'
     where t.call_id = of_call and t.number = of_attempt and t.ended_at is null
    returning * into ended;
    perform set_config('offhook.ending', '', true);
    if ended.call_id is null then return false; end if;
    perform offhook_note_ringing(ended);
    perform offhook_judge_providers(ended);
    if jsonb_typeof(r) = 'object' then
        insert into recordings (call_id, attempt, uri, sha256, bytes, duration_ms, complete)
        values (of_call, of_attempt, r ->> 'uri', r ->> 'sha256', (r ->> 'bytes')::bigint, (r ->> 'duration_ms')::bigint,
                coalesce((r ->> 'complete')::boolean, true))
        on conflict do nothing;
    end if;
    if coalesce((report ->> 'do_not_call')::boolean, false) then
        insert into do_not_call (number, reason, call_id)
        select coalesce(c.reaches, c.number), coalesce(offhook_reason(report ->> 'detail'), 'asked not to be called'), c.id from calls c where c.id = of_call
        on conflict do nothing;
    end if;
    insert into events (call_id, attempt, kind, detail)
    values (of_call, of_attempt, 'ended', jsonb_build_object('disposition', report -> 'disposition', 'outcome', report -> 'outcome',
                                                           'ended', report -> 'ended'));
    perform pg_notify('offhook_ended', of_call || '/' || of_attempt);
    return true;
end $$;
