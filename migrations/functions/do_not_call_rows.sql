-- A reason as it may stand in `do_not_call`, of what somebody said: null where nothing is left of it.
create or replace function offhook_reason(said text) returns text language sql immutable as $$
    select case when offhook_text_fault(r.plain, true) is null then nullif(btrim(left(r.plain, 500)), '') end
      from (select regexp_replace(said, '[\u0001-\u001F\u007F-\u009F\u202A-\u202E\u2028\u2029\u2066-\u2069\uFFF9-\uFFFB]', ' ', 'g') as plain) r
$$;

-- Refusing a wrong row of `do_not_call`.
create or replace function do_not_call_refuse_wrong_row() returns trigger language plpgsql as $$
declare
    missing text := case when new.number is null then 'number' when new.reason is null then 'reason'
                         when new.added_at is null then 'added_at' end;
begin
    if missing is not null then
        perform offhook_refuse(format('%s is missing', missing),
            case missing when 'number' then 'Give the number that is not to be called, in E.164, such as +4930123456.'
                 else format('Leave %s out to take its default; an explicit null is not taken.', missing) end,
            missing, 'not_null_violation');
    end if;
    new.number := offhook_as_stored(new.number);
    if not offhook_is_dialable(new.number) then
        perform offhook_refuse_number('number', new.number, 'do_not_call_number_is_e164_or_sip_uri');
    end if;
    new.number := offhook_reached_number(new.number);
    if new.reason !~ '\S' then
        perform offhook_refuse('reason is empty', 'Say why, or leave it out for "asked not to be called".',
            'do_not_call_reason_is_given');
    end if;
    return new;
end $$;

create or replace trigger do_not_call_refuse_wrong_row before insert or update on do_not_call
    for each row execute function do_not_call_refuse_wrong_row();
