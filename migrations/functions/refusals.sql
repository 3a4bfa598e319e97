-- Refusing a wrong row with a sentence that says what to change. BEFORE triggers run ahead of NOT NULL, CHECK and foreign keys, so a
-- person reads these sentences, and the constraints of tables/ stand behind them. A refusal carries the constraint's name for programs.
-- The rules themselves are in call_rows.sql, trunk_rows.sql, retry_policy_rows.sql, opening_times.sql and do_not_call_rows.sql.

create or replace function offhook_refuse(sentence text, hint text, violated text default '', code text default 'check_violation')
returns void language plpgsql as $$
begin
    raise exception '%', sentence using errcode = code, hint = hint, constraint = violated;
end $$;

-- What a person may have meant by a number that cannot be dialled: spaces, dots, dashes and brackets taken out, 00 read as +.
create or replace function offhook_number_hint(number text) returns text language sql immutable as $$
    select case when meant.number ~ '^\+[1-9][0-9]{6,14}$'
        then format('Write it in E.164 as %s.', meant.number)
        else 'Write the country code and the number without spaces, such as +4930123456 (E.164), '
             || 'or a SIP address such as sip:trattoria@example.org.'
    end
    from (select regexp_replace(regexp_replace(regexp_replace(
              number, '\(0\)', ''), '[\s./()-]', '', 'g'), '^00', '+') as number) meant
$$;

create or replace function offhook_is_dialable(number text) returns boolean language sql immutable as $$
    select number ~ '^\+[1-9][0-9]{6,14}$' or number ~ '^sips?:[^@\s<>"]+@[^@\s<>"]+$'
$$;
