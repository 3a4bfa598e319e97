-- Whether a text is a host name, or an address as it is written in a host's place: an IPv6 address without brackets.
create or replace function offhook_is_host(host text) returns boolean language plpgsql immutable as $$
begin
    if host ~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$' then
        return true;
    end if;
    return host ~ '^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$' and family(host::inet) = 6;
exception when invalid_text_representation then
    return false;
end $$;

-- What to do about a text that is no host: one with a port, as most programs take it, is taken apart.
create or replace function offhook_host_hint(host text, port_column text, otherwise text) returns text language sql immutable as $$
    select case when host ~* '^[a-z0-9.-]+:[0-9]+$' or host ~* '^\[[0-9a-f:.]+\](:[0-9]+)?$' then
        format('Write %s in its column, and the port in the column %s%s.', regexp_replace(regexp_replace(host, ':[0-9]+$', ''), '[][]', '', 'g'),
            port_column, coalesce(': ' || substring(host from ':([0-9]+)$'), ''))
        else otherwise end
$$;

-- Refusing a wrong row of `trunks`: every rule on one trunk, with its sentence.
create or replace function trunks_refuse_wrong_row() returns trigger language plpgsql as $$
declare
    missing text; named_by text;
begin
    missing := case
        when new.name is null then 'name' when new.caller_id is null then 'caller_id'
        when new.codecs is null then 'codecs' when new.max_concurrent is null then 'max_concurrent'
        when new.calls_per_second is null then 'calls_per_second' when new.enabled is null then 'enabled'
        when new.preference is null then 'preference' when new.tokens is null then 'tokens'
        when new.refilled_at is null then 'refilled_at' when new.anonymous is null then 'anonymous'
        when new.headers is null then 'headers' when new.srtp is null then 'srtp' when new.fallback is null then 'fallback' when new.paused is null then 'paused'
        when new.number_format is null then 'number_format' when new.international_prefix is null then 'international_prefix'
        when new.dial_prefix is null then 'dial_prefix' when new.user_phone is null then 'user_phone' end;
    if missing is not null then
        perform offhook_refuse(format('%s of the trunk is missing', missing), case missing
            when 'name' then 'Give a short name in lower case, such as berlin-1.'
            else format('Leave %s out to take its default; an explicit null is not taken.', missing) end,
            missing, 'not_null_violation');
    end if;
    new.caller_id := offhook_caller_as_stored(new.caller_id);
    new.asserted_identity := offhook_without_invisible(new.asserted_identity);
    if new.asserted_identity ~* '^tel:' and offhook_as_stored(new.asserted_identity) ~ '^\+' then
        new.asserted_identity := 'tel:' || offhook_as_stored(new.asserted_identity);
    end if;
    if new.name !~ '^[a-z0-9][a-z0-9_-]{0,62}$' then
        perform offhook_refuse(format('trunk name "%s" is not a word', new.name),
            'Use 1 to 63 lower-case letters, digits, dashes and underscores, such as berlin-1.', 'trunk_name_is_a_word');
    end if;
    if not offhook_is_host(new.host) then
        perform offhook_refuse(format('host "%s" of trunk "%s" is neither a host name nor an address', new.host, new.name),
            offhook_host_hint(new.host, 'port',
                'Write only the name or the address, such as sip.example.org: the port has a column of its own, and sip: is left out.'),
            'trunk_host_is_a_host');
    end if;
    if new.port not between 1 and 65535 then
        perform offhook_refuse(format('port %s of trunk "%s" is not a port', new.port, new.name),
            'Use 1 to 65535, or leave it out to take what the DNS says (SRV), else 5060, over TLS 5061.', 'trunk_port_is_a_port');
    end if;
    if new.max_concurrent not between 0 and 10000 then
        perform offhook_refuse(format('max_concurrent %s of trunk "%s" cannot be', new.max_concurrent, new.name),
            'Use 0 to 10000: the number of calls your contract allows at the same time; 0 stops the trunk.', 'trunk_has_room');
    end if;
    if not (new.calls_per_second >= 0.001 and new.calls_per_second <= 1000) then
        perform offhook_refuse(format('calls_per_second %s of trunk "%s" cannot be', new.calls_per_second, new.name),
            'Use 0.001 to 1000; 0.5 is one call every two seconds. Set enabled = false to stop the trunk.',
            'trunk_rate_is_positive');
    end if;
    if not (new.codecs <@ '{opus,g722,pcmu,pcma}'::text[] and cardinality(new.codecs) > 0 and array_ndims(new.codecs) = 1) then
        perform offhook_refuse(format('codecs %s of trunk "%s" are not codecs offhook speaks', new.codecs, new.name),
            'Name one or more of opus, g722, pcmu and pcma, the preferred one first, such as {pcma,pcmu}.', 'trunk_codecs_are_known');
    end if;
    if not (new.secret ~ '^[A-Za-z0-9._-]+$' and new.secret !~ '^\.') then
        -- The value is not repeated: it may be the secret itself.
        perform offhook_refuse(format('secret of trunk "%s" is not the name of a file', new.name),
            'Put the password into a file of the coordinator''s secrets folder and name that file here; never the password itself.',
            'trunk_secret_is_a_file_name');
    end if;
    if new.secret is not null and coalesce(new.username, '') !~ '\S' then
        perform offhook_refuse(format('trunk "%s" has a secret and no username', new.name),
            'Give the user name the trunk knows you by, or leave secret out.', 'trunk_secret_goes_with_a_username');
    end if;
    if new.caller_id !~ '^[A-Za-z0-9+._-]{1,64}$' then
        perform offhook_refuse(format('caller_id "%s" of trunk "%s" is not the user part of an address%s', new.caller_id, new.name,
                ': it has ' || offhook_code_point(ascii(substring(new.caller_id from '[^A-Za-z0-9+._-]')))),
            'Give the number or name calls come from, without sip: and host, such as +4930123456.', 'trunk_caller_id_is_a_user_part');
    end if;
    if new.from_domain !~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$' then
        perform offhook_refuse(format('from_domain "%s" of trunk "%s" is not a host name', new.from_domain, new.name),
            'Write only the name, such as example.org, or leave it out.', 'trunk_from_domain_is_a_host');
    end if;
    if length(new.pause_reason) > 500 then
        perform offhook_refuse(format('pause_reason of trunk "%s" has %s characters', new.name, length(new.pause_reason)),
            'Say why it is paused in at most 500 characters.', 'trunk_pause_reason_is_short');
    end if;
    perform trunks_refuse_wrong_way_out(new);
    perform trunks_refuse_wrong_invite(new);
    perform trunks_refuse_wrong_number_format(new);
    if tg_op = 'UPDATE' and new.name <> old.name then
        select k.name into named_by from trunks k where old.name = any(k.fallback) limit 1;
        if named_by is not null then
            perform offhook_refuse(format('trunk "%s" cannot be renamed: it is a fallback of trunk "%s"', old.name, named_by),
                'Take it out of fallback there first.', 'trunk_fallback_is_known', 'foreign_key_violation');
        end if;
    end if;
    return new;
end $$;

create or replace function trunks_refuse_wrong_way_out(t trunks) returns void language plpgsql as $$
declare
    -- The value is not repeated: it may be what should be in the file.
    file_names constant text := '^[A-Za-z0-9_-][A-Za-z0-9._-]*$';
    file record;
begin
    if t.transport not in ('udp', 'tcp', 'tls') then
        perform offhook_refuse(format('transport "%s" of trunk "%s" is not one offhook speaks', t.transport, t.name),
            'Use udp, tcp or tls in lower case, or leave it out to take what the DNS says, else UDP.', 'trunk_transport_is_known');
    end if;
    if not offhook_is_host(t.outbound_proxy) then
        perform offhook_refuse(
            format('outbound_proxy "%s" of trunk "%s" is neither a host name nor an address', t.outbound_proxy, t.name),
            offhook_host_hint(t.outbound_proxy, 'outbound_proxy_port',
                'Write only the name or the address, such as proxy.example.org; its port goes into outbound_proxy_port.'),
            'trunk_outbound_proxy_is_a_host');
    end if;
    if t.outbound_proxy_port not between 1 and 65535 then
        perform offhook_refuse(format('outbound_proxy_port %s of trunk "%s" is not a port', t.outbound_proxy_port, t.name),
            'Use 1 to 65535, or leave it out to take what the DNS says.', 'trunk_outbound_proxy_port_is_a_port');
    end if;
    if t.outbound_proxy_port is not null and t.outbound_proxy is null then
        perform offhook_refuse(format('trunk "%s" has an outbound_proxy_port and no outbound_proxy', t.name),
            'Name the proxy in outbound_proxy; the port of the trunk itself is port.', 'trunk_outbound_proxy_port_goes_with_a_proxy');
    end if;
    for file in
        select * from (values ('tls_authorities', t.tls_authorities), ('tls_certificate', t.tls_certificate), ('tls_key', t.tls_key)) f (name, value)
         where f.value !~ file_names
    loop
        perform offhook_refuse(format('%s of trunk "%s" is not the name of a file', file.name, t.name),
            'Put the PEM text into a file of the coordinator''s secrets folder and name that file here; never the text itself, and no path.',
            'trunk_tls_files_are_file_names');
    end loop;
    if (t.tls_certificate is null) <> (t.tls_key is null) then
        perform offhook_refuse(
            format('trunk "%s" has a %s', t.name,
                case when t.tls_key is null then 'tls_certificate and no tls_key' else 'tls_key and no tls_certificate' end),
            'Name both files, or leave both out where the trunk does not ask who we are.', 'trunk_tls_key_goes_with_a_certificate');
    end if;
    if t.tls_server_name !~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$' then
        perform offhook_refuse(format('tls_server_name "%s" of trunk "%s" is not a host name', t.tls_server_name, t.name),
            'Write the name in the trunk''s certificate, such as sip.example.org, or leave it out to take host.',
            'trunk_tls_server_name_is_a_host');
    end if;
    if t.transport <> 'tls' and coalesce(t.tls_authorities, t.tls_certificate, t.tls_key, t.tls_server_name) is not null then
        perform offhook_refuse(format('trunk "%s" goes over %s and has columns for TLS', t.name, t.transport),
            'Set transport = ''tls'', or leave out the columns that begin with tls_.', 'trunk_tls_goes_with_its_transport');
    end if;
    if t.register is not null and t.host is null then
        perform offhook_refuse(format('trunk "%s" registers and has no host', t.name),
            'Give the registrar as host, or leave register out.', 'trunk_register_goes_with_a_host');
    end if;
    if not t.register between interval '1 minute' and interval '1 day' then
        perform offhook_refuse(format('register %s of trunk "%s" cannot be', t.register, t.name),
            'Use 1 minute to 1 day, such as ''10 minutes'', or leave it out where the trunk knows you by address or by call.',
            'trunk_register_is_a_minute_to_a_day');
    end if;
end $$;

create or replace function trunks_refuse_wrong_invite(t trunks) returns void language plpgsql as $$
declare
    fault text[]; unknown text;
begin
    if not (length(t.asserted_identity) <= 255
            and (t.asserted_identity ~ '^sips?:[!#-;=?-~]+$' or t.asserted_identity ~ '^tel:\+?[0-9.()*;=A-Za-z-]+$')) then
        perform offhook_refuse(format('asserted_identity "%s" of trunk "%s" is not a sip: or tel: URI', t.asserted_identity, t.name),
            'Write it as tel:+4930123456 or sip:+4930123456@example.org, without brackets and display name.',
            'trunk_asserted_identity_is_a_uri');
    end if;
    fault := offhook_headers_fault(t.headers);
    if fault is not null then
        perform offhook_refuse(format('headers of trunk "%s": %s', t.name, fault[1]), fault[2], 'trunk_headers_can_be_sent');
    end if;
    if not t.session_expires between interval '90 seconds' and interval '1 day' then
        perform offhook_refuse(format('session_expires %s of trunk "%s" cannot be', t.session_expires, t.name),
            'Use 90 seconds to 1 day, such as ''30 minutes'' (RFC 4028), or leave it out to do only what the trunk asks for.',
            'trunk_session_expires_is_90_seconds_to_a_day');
    end if;
    if t.srtp not in ('off', 'prefer', 'require') then
        perform offhook_refuse(format('srtp "%s" of trunk "%s" is not known', t.srtp, t.name),
            'Use off, prefer (encrypted where the trunk can) or require (no call without it).', 'trunk_srtp_is_known');
    end if;
    if coalesce(array_ndims(t.fallback), 1) <> 1 or cardinality(t.fallback) > 8 or array_position(t.fallback, null) is not null
        or cardinality(t.fallback) <> (select count(distinct f) from unnest(t.fallback) f) then
        perform offhook_refuse(format('fallback %s of trunk "%s" is not a list of trunks', t.fallback, t.name),
            'Name up to 8 trunks, each once, in the order they are to be tried, such as {berlin-2,hamburg}.', 'trunk_fallback_is_a_plain_list');
    end if;
    if t.name = any(t.fallback) then
        perform offhook_refuse(format('trunk "%s" is its own fallback', t.name),
            'Name other trunks: the same one is not tried twice within an attempt.', 'trunk_fallback_is_another_trunk');
    end if;
    select f into unknown from unnest(t.fallback) f where not exists (select from trunks k where k.name = f) limit 1;
    if unknown is not null then
        perform offhook_refuse(format('fallback of trunk "%s" names "%s", and there is no such trunk', t.name, unknown),
            format('Use some of %s, or insert "%s" into trunks first.',
                (select string_agg(k.name, ', ' order by k.name) from trunks k where k.name <> t.name), unknown),
            'trunk_fallback_is_known', 'foreign_key_violation');
    end if;
end $$;

-- How the trunk wants numbers written.
create or replace function trunks_refuse_wrong_number_format(t trunks) returns void language plpgsql as $$
begin
    if t.number_format not in ('e164', 'international', 'digits', 'national') then
        perform offhook_refuse(format('number_format "%s" of trunk "%s" is not known', t.number_format, t.name),
            'Use e164 (+4930123456), international (004930123456), digits (4930123456) or national (030123456 within country_code).',
            'trunk_number_format_is_known');
    end if;
    if t.international_prefix !~ '^(\+|[0-9]{1,8})$' then
        perform offhook_refuse(format('international_prefix "%s" of trunk "%s" is not one', t.international_prefix, t.name),
            'Write what is dialled before a country code: 1 to 8 digits, such as 00 or 011, or + alone.',
            'trunk_international_prefix_is_dialled');
    end if;
    if t.country_code is not null
        and (t.country_code !~ '^[1-9][0-9]{0,2}$' or offhook_calling_code(t.country_code) is distinct from t.country_code) then
        perform offhook_refuse(format('country_code "%s" of trunk "%s" is not the calling code of a country', t.country_code, t.name),
            'Write only its digits, without + and zeros, such as 49 for Germany or 1 for the United States.', 'trunk_country_code_is_one');
    end if;
    if t.national_prefix !~ '^[0-9]{0,4}$' then
        perform offhook_refuse(format('national_prefix "%s" of trunk "%s" is not one', t.national_prefix, t.name),
            'Write what is dialled before a number within the country: up to 4 digits, such as 0, or '''' for nothing.',
            'trunk_national_prefix_is_dialled');
    end if;
    if t.number_format = 'national' and (t.country_code is null or t.national_prefix is null) then
        perform offhook_refuse(
            format('number_format of trunk "%s" is national, and its %s is missing', t.name,
                case when t.country_code is null then 'country_code' else 'national_prefix' end),
            'Give the country''s calling code as country_code, such as 49, and what is dialled before a number within it as national_prefix: '
            || '0 in Germany, '''' (nothing) in Italy, Spain or Denmark.',
            'trunk_national_numbers_are_of_a_country');
    end if;
    if t.dial_prefix !~ '^[0-9*#]{0,16}$' then
        perform offhook_refuse(format('dial_prefix "%s" of trunk "%s" cannot be dialled', t.dial_prefix, t.name),
            'Use up to 16 digits, * and #, such as 9 or #31#, or leave it out.', 'trunk_dial_prefix_is_dialled');
    end if;
end $$;

create or replace trigger trunks_refuse_wrong_row
    before insert or update of name, host, port, username, secret, caller_id, from_domain, codecs, max_concurrent, calls_per_second,
    enabled, preference, transport, outbound_proxy, outbound_proxy_port, tls_authorities, tls_certificate, tls_key, tls_server_name,
    asserted_identity, anonymous, headers, register, session_expires, srtp, fallback, paused, pause_reason, number_format,
    international_prefix, country_code, national_prefix, dial_prefix, user_phone on trunks
    for each row execute function trunks_refuse_wrong_row();

create or replace function trunks_before_delete() returns trigger language plpgsql as $$
declare
    named_by text;
begin
    select k.name into named_by from trunks k where old.name = any(k.fallback) and k.name <> old.name limit 1;
    if named_by is not null then
        perform offhook_refuse(format('trunk "%s" cannot be deleted: it is a fallback of trunk "%s"', old.name, named_by),
            'Take it out of fallback there first, or set enabled = false.', 'trunk_fallback_is_known', 'foreign_key_violation');
    end if;
    return old;
end $$;

create or replace trigger trunks_before_delete before delete on trunks for each row execute function trunks_before_delete();

create or replace function trunks_refuse_wrong_breaker() returns trigger language plpgsql as $$
declare
    missing text := case when new.breaker_failures is null then 'breaker_failures' when new.breaker_rest is null then 'breaker_rest' end;
begin
    if missing is not null then
        perform offhook_refuse(format('%s of the trunk is missing', missing),
            format('Leave %s out to take its default; an explicit null is not taken.', missing), missing, 'not_null_violation');
    end if;
    if new.breaker_failures not between 1 and 1000 then
        perform offhook_refuse(format('breaker_failures %s of trunk "%s" cannot be', new.breaker_failures, new.name),
            'Use 1 to 1000: so many failures in a row make the trunk rest.', 'trunk_breaker_failures_are_1_to_1000');
    end if;
    if new.breaker_rest not between interval '0' and interval '1 day' then
        perform offhook_refuse(format('breaker_rest %s of trunk "%s" cannot be', new.breaker_rest, new.name),
            'Use 0 to 1 day, such as ''60 seconds''.', 'trunk_breaker_rest_is_at_most_a_day');
    end if;
    return new;
end $$;

create or replace trigger trunks_refuse_wrong_breaker before insert or update of breaker_failures, breaker_rest on trunks
    for each row execute function trunks_refuse_wrong_breaker();
