-- Refusing what no sensible person means: texts that cannot be seen or said, moments of other centuries, and what is so long that no index
-- and no telephone takes it. Only what is new or has changed is looked at: a row of before can still be taken back, paused and erased.

-- What is wrong with a text for people: the end of a sentence that begins with its column; or null. `lines`: it may have several.
create or replace function offhook_text_fault(said text, lines boolean) returns text language plpgsql immutable as $$
declare
    one text := case when lines
        then substring(said from '[\u0001-\u0008\u000B\u000C\u000E-\u001F\u007F-\u009F\u202A-\u202E\u2028\u2029\u2066-\u2069\uFFF9-\uFFFB]')
        else substring(said from '[\u0001-\u001F\u007F-\u009F\u202A-\u202E\u2028\u2029\u2066-\u2069\uFFF9-\uFFFB]') end;
begin
    -- What has no shape: spaces, joiners and marks, the fillers of Hangul, the blank of Braille, variation selectors, tags.
    if said <> '' and regexp_replace(said,
        '[\s\u0001-\u001F\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB\U000E0000-\U000E0FFF]',
        '', 'g') = '' then
        return 'has nothing in it that can be seen';
    elsif one is not null then
        return format('has %s, a control character', offhook_code_point(ascii(one)));
    end if;
    return null;
end $$;

create or replace function offhook_refuse_text(named text, said text, lines boolean, violated text) returns void language plpgsql as $$
declare fault text := offhook_text_fault(said, lines);
begin
    if fault is not null then
        perform offhook_refuse(format('%s %s', named, fault), case when lines
            then format('Write %s in characters that can be seen.', named)
            else format('Write %s on one line, in characters that can be seen.', named) end, violated);
    end if;
end $$;

-- A moment somebody may mean.
create or replace function offhook_refuse_moment(named text, moment timestamptz, latest timestamptz, violated text) returns void
language plpgsql as $$
begin
    if not isfinite(moment) or moment < '2000-01-01 UTC' or moment > latest then
        perform offhook_refuse(format('%s %s is no moment that can be meant', named, moment),
            format('Check the year of %s, or leave it out to take its default.', named), violated);
    end if;
end $$;

-- `before` is null for a new row.
create or replace function calls_refuse_odd_row(c calls, before calls) returns void language plpgsql as $$
declare
    -- What a changed column is compared with; of a new row, every column has changed.
    text_of record; past text;
begin
    -- Most have none of these in any text, and are looked at once.
    if concat(c.request_key, c.restaurant_name, c.guest_name, c.special_requests, c.booking_reference, c.consent) ~
        '[\u0001-\u001F\u007F-\u00A0\u00AD\u034F\u061C\u115F\u1160\u1680\u17B4\u17B5\u180B-\u180F\u2000-\u200F\u2028-\u202F\u205F-\u206F\u2800\u3000\u3164\uFE00-\uFE0F\uFEFF\uFFA0\uFFF9-\uFFFB\U000E0000-\U000E0FFF]'
    then
        for text_of in
            select * from (values
                ('request_key', c.request_key, before.request_key, false, 'request_key_is_given'),
                ('restaurant_name', c.restaurant_name, before.restaurant_name, true, 'restaurant_name_is_given'),
                ('guest_name', c.guest_name, before.guest_name, true, 'guest_name_is_given'),
                ('special_requests', c.special_requests, before.special_requests, true, 'special_requests_can_be_said'),
                ('booking_reference', c.booking_reference, before.booking_reference, false, 'booking_reference_can_be_said'),
                ('consent', c.consent, before.consent, true, 'consent_is_told')) t (name, said, was, lines, violated)
             where t.said is distinct from t.was
        loop
            perform offhook_refuse_text(text_of.name, text_of.said, text_of.lines, text_of.violated);
        end loop;
    end if;
    if length(c.number) > 255 and c.number is distinct from before.number then
        perform offhook_refuse(format('number has %s characters', length(c.number)), 'Give a SIP address of at most 255 characters.',
            'number_is_e164_or_sip_uri');
    end if;
    if c.not_before is distinct from before.not_before then
        perform offhook_refuse_moment('not_before', c.not_before, now() + interval '732 days', 'moments_are_finite');
    end if;
    if c.not_after is distinct from before.not_after then
        perform offhook_refuse_moment('not_after', c.not_after, now() + interval '100 years', 'moments_are_finite');
    end if;
    if before is null then
        perform offhook_refuse_moment('created_at', c.created_at, now() + interval '1 day', 'created_at_stays');
    end if;
    if c.other_dates is distinct from before.other_dates then
        select string_agg(d::text, ', ') into past from unnest(c.other_dates) d where d < (now() at time zone c.restaurant_zone)::date;
        if past is not null then
            perform offhook_refuse(format('other_dates names %s, which is in the past', past),
                'Name days still to come, in the restaurant''s calendar, or leave other_dates out.', 'other_dates_are_to_come');
        end if;
    end if;
end $$;

create or replace function trunks_refuse_odd_row() returns trigger language plpgsql as $$
declare
    was trunks; c record; twice text;
begin
    if tg_op = 'UPDATE' then
        was := old;
    end if;
    for c in
        select * from (values ('username', new.username, was.username, 255), ('host', new.host, was.host, 253),
            ('outbound_proxy', new.outbound_proxy, was.outbound_proxy, 253), ('from_domain', new.from_domain, was.from_domain, 253),
            ('tls_server_name', new.tls_server_name, was.tls_server_name, 253), ('secret', new.secret, was.secret, 255),
            ('tls_authorities', new.tls_authorities, was.tls_authorities, 255), ('tls_certificate', new.tls_certificate, was.tls_certificate, 255),
            ('tls_key', new.tls_key, was.tls_key, 255)) t (name, said, was, most) where t.said is distinct from t.was
    loop
        if length(c.said) > c.most then
            perform offhook_refuse(format('%s of trunk "%s" has %s characters', c.name, left(new.name, 63), length(c.said)),
                format('Give at most %s.', c.most), 'trunk_texts_are_short');
        end if;
        -- The value is not repeated: it may be a secret.
        perform offhook_refuse_text(c.name, c.said, false, 'trunk_texts_are_short');
    end loop;
    if new.pause_reason is distinct from was.pause_reason then
        perform offhook_refuse_text('pause_reason', new.pause_reason, true, 'trunk_pause_reason_is_short');
    end if;
    if new.headers is distinct from was.headers and jsonb_typeof(new.headers) = 'object' then
        select string_agg(h, ' and ' order by h) into twice from jsonb_object_keys(new.headers) h group by lower(h) having count(*) > 1 limit 1;
        if twice is not null then
            perform offhook_refuse(format('headers of trunk "%s": %s are the same header', new.name, twice),
                'The names of headers are compared without regard to case: keep one of them.', 'trunk_headers_differ');
        end if;
    end if;
    return new;
end $$;
create or replace trigger trunks_refuse_odd_row
    before insert or update of username, host, outbound_proxy, from_domain, tls_server_name, secret, tls_authorities, tls_certificate,
    tls_key, pause_reason, headers on trunks for each row execute function trunks_refuse_odd_row();

-- What the queue counts on a trunk with every claim; looked at closer only where it is odd.
create or replace function trunks_refuse_odd_count() returns trigger language plpgsql as $$
begin
    perform offhook_refuse(format('tokens %s, refilled_at %s, failures %s, paused_until %s of trunk "%s" cannot be', new.tokens, new.refilled_at,
            new.failures, coalesce(new.paused_until::text, 'null'), new.name),
        'The queue counts them: leave them as they are. calls_per_second limits a trunk, and paused or enabled = false stops it.',
        'trunk_is_counted_by_the_queue');
    return new;
end $$;
create or replace trigger trunks_refuse_odd_count before insert or update of tokens, refilled_at, failures, paused_until on trunks for each row
    when (new.tokens = 'NaN' or abs(new.tokens) > 1000000 or not isfinite(new.refilled_at) or new.refilled_at > now() + interval '1 day'
          or new.failures < 0 or not isfinite(new.paused_until) or new.paused_until > now() + interval '732 days')
    execute function trunks_refuse_odd_count();

-- A trunk that was used is what attempts tell of.
create or replace function trunks_stay() returns trigger language plpgsql as $$
declare
    named text := case when tg_op = 'DELETE' then 'deleted' else 'renamed' end;
begin
    if tg_op = 'UPDATE' and new.name = old.name then
        return new;
    end if;
    if exists (select from calls c where c.trunk = old.name) or exists (select from attempts a where a.trunk = old.name) then
        perform offhook_refuse(format('trunk "%s" cannot be %s: calls were made over it, or name it', old.name, named),
            'Set enabled = false, and insert another one.', 'trunk_is_known', 'foreign_key_violation');
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$;
create or replace trigger trunks_stay before delete or update of name on trunks for each row execute function trunks_stay();

create or replace function do_not_call_refuse_odd_row() returns trigger language plpgsql as $$
begin
    if length(new.number) > 255 then
        perform offhook_refuse(format('number has %s characters', length(new.number)), 'Give a SIP address of at most 255 characters.',
            'do_not_call_number_is_e164_or_sip_uri');
    elsif length(new.reason) > 500 then
        perform offhook_refuse(format('reason has %s characters', length(new.reason)), 'Say why in at most 500 characters.',
            'do_not_call_reason_is_given');
    end if;
    perform offhook_refuse_text('reason', new.reason, true, 'do_not_call_reason_is_given');
    perform offhook_refuse_moment('added_at', new.added_at, now() + interval '1 day', 'do_not_call_added_at_is_a_moment');
    return new;
end $$;
create or replace trigger do_not_call_refuse_odd_row before insert or update on do_not_call
    for each row execute function do_not_call_refuse_odd_row();

create or replace function closed_days_refuse_odd_row() returns trigger language plpgsql as $$
begin
    if new.day < date '2000-01-01' or new.day > current_date + 3660 then
        perform offhook_refuse(format('the closed day %s is no day that can be meant', new.day), 'Check the year of day.', 'closed_day_is_finite');
    end if;
    return new;
end $$;
create or replace trigger closed_days_refuse_odd_row before insert or update on closed_days
    for each row when (isfinite(new.day)) execute function closed_days_refuse_odd_row();
