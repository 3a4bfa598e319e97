-- Who changed what: how calls are made, what a person did to a call. A value that may be a person's is not repeated.

-- What logs and the audit show of a number: enough to recognise it, not enough to call it.
create or replace function offhook_mask(number text) returns text language sql immutable as $$
    select case when number ~ '^sips?:' then regexp_replace(number, ':[^@]*@', ':…@') else '…' || right(number, 3) end
$$;

create or replace function offhook_changes(before jsonb, after jsonb) returns jsonb language sql immutable as $$
    select coalesce(jsonb_object_agg(key, jsonb_build_array(before -> key, after -> key)), '{}')
      from (select jsonb_object_keys(before || after) as key) keys
     where before -> key is distinct from after -> key
       and key <> all('{tokens,refilled_at,failures,paused_until,functions_version,functions_checksum,updated_at}')
$$;

-- The first argument names the column that says which row it is, the second 'masked' where that is a number.
create or replace function offhook_audit() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
declare
    before jsonb := case when tg_op <> 'INSERT' then to_jsonb(old) else '{}' end;
    after  jsonb := case when tg_op <> 'DELETE' then to_jsonb(new) else '{}' end;
    named  text := coalesce(after, before) ->> tg_argv[0];
    changes jsonb;
begin
    named := coalesce(named, before ->> tg_argv[0]);
    changes := offhook_changes(before, after) - 'headers';
    if tg_nargs > 1 then
        named := offhook_mask(named);
        changes := changes - tg_argv[0];
    end if;
    if tg_op = 'UPDATE' and changes = '{}' then
        return null;
    end if;
    insert into audit (act, subject, detail)
    values (tg_table_name || case tg_op when 'INSERT' then ' added' when 'UPDATE' then ' changed' else ' removed' end, named, changes);
    return null;
end $$;

-- Not the columns that every claim and every ending writes.
create or replace trigger trunks_audit
    after insert or delete or update of name, host, port, transport, username, secret, caller_id, from_domain, codecs, max_concurrent,
    calls_per_second, enabled, preference, outbound_proxy, outbound_proxy_port, tls_authorities, tls_certificate, tls_key, tls_server_name,
    asserted_identity, anonymous, headers, register, session_expires, srtp, fallback, paused, pause_reason, retry_policy, breaker_failures,
    breaker_rest, number_format, international_prefix, country_code, national_prefix, dial_prefix, user_phone on trunks
    for each row execute function offhook_audit('name');
create or replace trigger retry_policies_audit after insert or update or delete on retry_policies
    for each row execute function offhook_audit('name');
create or replace trigger do_not_call_audit after insert or update or delete on do_not_call
    for each row execute function offhook_audit('number', 'masked');
create or replace trigger installation_audit after update on installation for each row execute function offhook_audit('id');

-- A call taken back, let go or deleted. What a coordinator does to a call is told by its events.
create or replace function calls_audit() returns trigger language plpgsql security definer set search_path = public, pg_temp as $$
begin
    insert into audit (act, call_id, detail)
    values (case when tg_op = 'DELETE' then 'call removed by hand' when new.cancel_requested and not old.cancel_requested then 'call taken back'
                 else 'held call ' || new.state end,
            old.id, case when tg_op = 'UPDATE' then jsonb_build_object('state', jsonb_build_array(old.state, new.state)) else '{}' end);
    return null;
end $$;

create or replace trigger calls_audit_change after update of state, cancel_requested on calls
    for each row when ((new.cancel_requested and not old.cancel_requested) or (old.state = 'held' and new.state <> 'held'))
    execute function calls_audit();
create or replace trigger calls_audit_delete after delete on calls
    for each row when (old.delete_after is null or old.delete_after > clock_timestamp()) execute function calls_audit();

create or replace function audit_only_grows() returns trigger language plpgsql as $$
begin
    perform offhook_refuse('the audit is only ever added to', 'Leave it as it is: it holds no whole number and no name.');
    return null;
end $$;
create or replace trigger audit_only_grows before update or delete or truncate on audit for each statement execute function audit_only_grows();
