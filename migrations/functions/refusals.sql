-- Refusing a wrong row with a sentence that says what to change. BEFORE triggers run ahead of NOT NULL, CHECK and foreign keys, so a
-- person reads these sentences, and the constraints of tables/ stand behind them. A refusal carries the constraint's name for programs.
-- The rules themselves are in call_rows.sql, trunk_rows.sql, retry_policy_rows.sql, opening_times.sql and do_not_call_rows.sql.

create or replace function offhook_refuse(sentence text, hint text, violated text default '', code text default 'check_violation')
returns void language plpgsql as $$
begin
    raise exception '%', sentence using errcode = code, hint = hint, constraint = violated;
end $$;
