-- Where calls leave the building. A secret is never in a table: `secret` names a file in the coordinator's secrets folder.
-- The constraints are the backstop: the triggers of functions/ look first, and refuse a wrong row with a sentence that says what to change.

-- What is wrong with the headers of a trunk: a sentence and a hint, or null. Values are not repeated.
create function offhook_headers_fault(headers jsonb) returns text[] language plpgsql immutable as $$
declare
    -- What the worker writes itself, or has a column of its own.
    own constant text[] := '{accept,allow,allow-events,authorization,call-id,contact,content-disposition,content-encoding,content-length,
        content-type,cseq,expires,from,max-forwards,mime-version,min-se,p-asserted-identity,p-preferred-identity,privacy,
        proxy-authenticate,proxy-authorization,proxy-require,rack,record-route,require,route,rseq,session-expires,supported,to,
        unsupported,user-agent,via,www-authenticate}';
    header record;
begin
    if jsonb_typeof(headers) <> 'object' then
        return array['headers are not an object', 'Write names and values, such as {"X-Customer": "1234"}.'];
    end if;
    if (select count(*) from jsonb_object_keys(headers)) > 20 then
        return array['headers are more than 20', 'Keep those that the trunk asks for.'];
    end if;
    for header in select key as name, value, value #>> '{}' as text from jsonb_each(headers) order by key loop
        if header.name !~ '^[A-Za-z0-9.!%*_+`''~-]{1,64}$' then
            return array[format('"%s" is not the name of a header', header.name),
                'Use letters, digits and dashes, without the colon, such as X-Customer.'];
        elsif length(header.name) = 1 then
            return array[format('the header "%s" is a short form', header.name), 'Write the name in full.'];
        elsif lower(header.name) = any(own) then
            return array[format('the header %s is written by offhook', header.name),
                'Leave it out; caller_id, from_domain, asserted_identity, anonymous, session_expires and outbound_proxy say what goes into such headers.'];
        elsif jsonb_typeof(header.value) <> 'string' then
            return array[format('the value of the header %s is not a text', header.name), 'Put it into quotes, such as {"X-Customer": "1234"}.'];
        elsif header.text !~ '\S' or length(header.text) > 500 or header.text ~ '[\x01-\x1f\x7f]' then
            return array[format('the value of the header %s cannot be sent', header.name),
                'Give 1 to 500 characters on one line, without tabs and other control characters.'];
        end if;
    end loop;
    return null;
end $$;

create table trunks (
    name             text primary key,
    host             text,                       -- null: the number is a sip: URI and is dialled where it points
    port             int,                        -- null: what the DNS says (SRV), else 5060, over TLS 5061
    transport        text,                       -- udp, tcp or tls; null: what the DNS says (NAPTR), else UDP
    outbound_proxy   text,                       -- requests go there first
    outbound_proxy_port int,
    username         text,
    secret           text,
    -- Files in the coordinator's secrets folder, as `secret` is.
    tls_authorities  text,                       -- certificates that are trusted instead of the public ones
    tls_certificate  text,                       -- ours, where the trunk asks for one
    tls_key          text,
    tls_server_name  text,                       -- the name in the trunk's certificate, where it is not `host`
    caller_id        text not null default 'offhook',
    from_domain      text,
    asserted_identity text,                      -- P-Asserted-Identity, a sip: or tel: URI
    anonymous        boolean not null default false,
    headers          jsonb not null default '{}', -- more headers for the INVITE, name and value
    register         interval,                   -- REGISTER for so long at a time; null: not wanted
    session_expires  interval,                   -- asked for (RFC 4028); null: only what the trunk asks for
    srtp             text not null default 'off',
    codecs           text[] not null default '{opus,pcmu,pcma}',
    max_concurrent   int not null default 10,
    calls_per_second double precision not null default 1,
    enabled          boolean not null default true,
    preference       int not null default 100,   -- lowest enabled first for calls that name no trunk
    tokens           double precision not null default 1,
    refilled_at      timestamptz not null default now(),
    -- The breaker: a trunk that failed several times in a row rests until `paused_until`.
    failures         int not null default 0,
    paused_until     timestamptz,
    fallback         text[] not null default '{}', -- trunks that take the call over where this one fails, in that order
    constraint trunk_name_is_a_word check (name ~ '^[a-z0-9][a-z0-9_-]{0,62}$'),
    constraint trunk_host_is_a_host
        check (host ~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$' or host ~ '^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$'),
    constraint trunk_port_is_a_port check (port between 1 and 65535),
    constraint trunk_has_room check (max_concurrent between 0 and 10000),
    constraint trunk_rate_is_positive check (calls_per_second > 0 and calls_per_second <= 1000),
    constraint trunk_codecs_are_known
        check (codecs <@ '{opus,g722,pcmu,pcma}'::text[] and cardinality(codecs) > 0 and array_ndims(codecs) = 1),
    constraint trunk_secret_is_a_file_name check (secret ~ '^[A-Za-z0-9._-]+$' and secret !~ '^\.'),
    constraint trunk_secret_goes_with_a_username check (secret is null or username ~ '\S'),
    constraint trunk_caller_id_is_a_user_part check (caller_id ~ '^[A-Za-z0-9+._-]{1,64}$'),
    constraint trunk_from_domain_is_a_host check (from_domain ~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$'),
    constraint trunk_transport_is_known check (transport in ('udp', 'tcp', 'tls')),
    constraint trunk_outbound_proxy_is_a_host
        check (outbound_proxy ~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$' or outbound_proxy ~ '^[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*$'),
    constraint trunk_outbound_proxy_port_is_a_port check (outbound_proxy_port between 1 and 65535),
    constraint trunk_outbound_proxy_port_goes_with_a_proxy check (outbound_proxy_port is null or outbound_proxy is not null),
    constraint trunk_tls_files_are_file_names
        check (coalesce(tls_authorities, 'x') ~ '^[A-Za-z0-9._-]+$' and coalesce(tls_authorities, 'x') !~ '^\.'
               and coalesce(tls_certificate, 'x') ~ '^[A-Za-z0-9._-]+$' and coalesce(tls_certificate, 'x') !~ '^\.'
               and coalesce(tls_key, 'x') ~ '^[A-Za-z0-9._-]+$' and coalesce(tls_key, 'x') !~ '^\.'),
    constraint trunk_tls_key_goes_with_a_certificate check ((tls_certificate is null) = (tls_key is null)),
    constraint trunk_tls_server_name_is_a_host check (tls_server_name ~ '^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$'),
    constraint trunk_tls_goes_with_its_transport
        check (coalesce(transport, 'tls') = 'tls' or coalesce(tls_authorities, tls_certificate, tls_key, tls_server_name) is null),
    constraint trunk_asserted_identity_is_a_uri
        check (length(asserted_identity) <= 255 and (asserted_identity ~ '^sips?:[!#-;=?-~]+$' or asserted_identity ~ '^tel:\+?[0-9.()*;=A-Za-z-]+$')),
    constraint trunk_headers_can_be_sent check (offhook_headers_fault(headers) is null),
    constraint trunk_register_is_a_minute_to_a_day check (register between interval '1 minute' and interval '1 day'),
    constraint trunk_register_goes_with_a_host check (register is null or host is not null),
    constraint trunk_session_expires_is_90_seconds_to_a_day check (session_expires between interval '90 seconds' and interval '1 day'),
    constraint trunk_srtp_is_known check (srtp in ('off', 'prefer', 'require')),
    constraint trunk_fallback_is_a_plain_list
        check (coalesce(array_ndims(fallback), 1) = 1 and cardinality(fallback) <= 8
               and case when coalesce(array_ndims(fallback), 1) = 1 then array_position(fallback, null) is null end),
    constraint trunk_fallback_is_another_trunk check (name <> all(fallback))
);
insert into trunks (name, host, preference, calls_per_second) values ('direct', null, 1000, 10);
