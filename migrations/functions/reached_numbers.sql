-- The number that an address reaches, however it is written: what do_not_call, the limits of a number, its opening times and its erasure
-- compare.

-- A text with its escapes (`%2B`) resolved; as it is where they make no text.
create or replace function offhook_unescaped(said text) returns text language plpgsql immutable as $$
declare
    bytes bytea := ''; piece text;
begin
    if said !~ '%' then
        return said;
    end if;
    for piece in select (regexp_matches(said, '%[0-9A-Fa-f]{2}|[^%]+|%', 'g'))[1] loop
        bytes := bytes || case when piece ~ '^%..$' then decode(substr(piece, 2), 'hex') else convert_to(piece, 'UTF8') end;
    end loop;
    return convert_from(bytes, 'UTF8');
exception when character_not_in_repertoire or untranslatable_character then
    return said;
end $$;

-- The user part of an address, lower case, without parameters and password; escaped only what has to be (RFC 3261 section 19.1.4).
create or replace function offhook_plain_user(said text) returns text language sql immutable as $$
    select lower(string_agg(case when piece ~ '^%..$' and chr(nullif(get_byte(decode(substr(piece, 2), 'hex'), 0), 0)) ~ '^[-A-Za-z0-9_.!~*''()+&=$,/]$'
                                 then chr(nullif(get_byte(decode(substr(piece, 2), 'hex'), 0), 0)) else piece end, '' order by nth))
      from regexp_matches(regexp_replace(said, '[;:].*$', ''), '%[0-9A-Fa-f]{2}|[^%]+|%', 'g') with ordinality p (pieces, nth),
           lateral (select p.pieces[1] as piece) one
$$;

-- `number`: E.164 where the address is a telephone number or its user part can be read as one; else the SIP address without what makes no
-- difference: scheme, password, parameters, escapes, upper case and the usual port. `certain`: false where a user part of digits alone was taken
-- for a number with its country code, which it need not be. `over`: the trunk the call names, whose ways of writing numbers are known.
create or replace function offhook_reached(said text, over text default null, out number text, out certain boolean)
language plpgsql stable as $$
#variable_conflict use_variable
declare
    t trunks; user_part text; digits text; said_context text; context text; place text; read record;
begin
    number := said;
    certain := true;
    -- What has headers is no address that can be called, and is refused as it was said.
    if said is null or said !~ '^sips?:[^@]+@[^@?]+$' then
        return;
    end if;
    select * into t from trunks k where k.name = coalesce(over, 'direct');
    user_part := regexp_replace(split_part(said, '@', 1), '^sips?:', '');
    said_context := (regexp_match(user_part, ';phone-context=(?:\+|%2B)?([0-9]+)', 'i'))[1];
    context := said_context;
    user_part := offhook_without_invisible(offhook_unescaped(regexp_replace(user_part, '[;:].*$', '')));
    user_part := regexp_replace(user_part, '^tel:', '', 'i');
    if t.dial_prefix <> '' and starts_with(user_part, t.dial_prefix) then
        user_part := substr(user_part, length(t.dial_prefix) + 1);
    end if;
    select * into read from offhook_read_number(user_part);
    if read.fault is null and read.number ~ '^\+' then
        number := read.number;
        return;
    end if;
    if user_part ~ '^[0-9 ().-]+$' then
        digits := regexp_replace(user_part, '[^0-9]', '', 'g');
        if t.international_prefix ~ '^[0-9]+$' and t.country_code is not null and starts_with(digits, t.international_prefix) then
            read := offhook_read_number('+' || substr(digits, length(t.international_prefix) + 1));
        elsif coalesce(context, t.country_code) is not null
            and (context is not null or coalesce(t.national_prefix, '') <> '' and starts_with(digits, t.national_prefix)
                 or t.number_format = 'national') then
            context := coalesce(context, t.country_code);
            digits := regexp_replace(digits, '^' || coalesce(case when over is not null then t.national_prefix end,
                offhook_national_prefix(offhook_calling_code(context)), ''), '');
            read := offhook_read_number('+' || context || digits);
        elsif length(digits) between 9 and 15 and digits !~ '^0' and offhook_calling_code(digits) is not null then
            certain := t.number_format = 'digits' and over is not null;
            read := offhook_read_number('+' || digits);
        end if;
        if read.fault is null and read.number ~ '^\+' then
            number := read.number;
            return;
        end if;
        certain := true;
    end if;
    place := split_part(said, '@', 2);
    number := 'sip:' || coalesce(offhook_plain_user(regexp_replace(split_part(said, '@', 1), '^sips?:', '')), '')
        || coalesce(';phone-context=+' || said_context, '') || '@' || rtrim(offhook_sip_domain(said), '.')
        || coalesce(nullif((regexp_match(place, '^(?:\[[^]]*\]|[^:;?>]*)(:[0-9]+)'))[1],
                           case when said like 'sips:%' then ':5061' else ':5060' end), '');
    if number ~ '^sip:[;@]' then
        number := said;
    end if;
end $$;

-- The number alone, as tables about numbers keep it.
create or replace function offhook_reached_number(said text) returns text language sql stable as $$
    select number from offhook_reached(offhook_as_stored(said))
$$;

-- calls.reaches of a row.
create or replace function offhook_reaches(c calls) returns text language sql stable as $$
    select nullif(r.number, c.number) from offhook_reached(c.number, c.trunk) r
$$;
