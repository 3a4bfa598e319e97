-- Whom we may call. One answer for everybody who asks: the row that comes in, the coordinator before it starts a worker, and the worker
-- before it changes its trunk.

-- The range of a telephone number, by the longest prefix; null where no number begins like that, and for SIP addresses. The last prefix in
-- the order of characters that is not after the number is the longest, if the number begins with it; if not, what both begin with is
-- looked for in its place.
create or replace function offhook_range(number text) returns number_ranges language plpgsql stable as $$
declare
    r number_ranges; beginning text := number; digits int;
begin
    if number not like '+%' then
        return null;
    end if;
    loop
        select * into r from number_ranges n where n.prefix <= beginning order by n.prefix desc limit 1;
        if not found or starts_with(beginning, r.prefix) then
            return r;
        end if;
        digits := 1;
        while left(beginning, digits) = left(r.prefix, digits) loop
            digits := digits + 1;
        end loop;
        beginning := left(beginning, digits - 1);
    end loop;
end $$;

-- The domain a sip: URI leads to, without port and parameters.
create or replace function offhook_sip_domain(uri text) returns text language sql immutable as $$
    select lower(coalesce(substring(place from '^\[[^]]*\]'), substring(place from '^[^:;?>]*')))
    from (select substring(uri from '@([^@]*)$') as place) p
$$;

-- Why a number must not be called: a sentence, a hint, and the constraint's name for programs; or null. The number is not repeated: the
-- sentence also goes into calls.why and logs.
create or replace function offhook_destination_refusal(number text, line_type text, consent text) returns text[]
language plpgsql stable as $$
#variable_conflict use_variable
declare
    d number_ranges; c countries; domains text[]; place text; reached record;
begin
    if number like 'sip%' then
        select i.sip_domains into domains from installation i;
        place := offhook_sip_domain(number);
        if domains is not null and not exists (select from unnest(domains) allowed (domain) where lower(allowed.domain) = place) then
            return array[format('the number leads to %s, which is not among the domains offhook may call', place),
                format('An operator allows it with: update installation set sip_domains = sip_domains || ''{%s}''.', place),
                'destination_is_allowed'];
        end if;
        -- What the user part says for certain to be a telephone number is one; what else it reaches, the exchange decides.
        select * into reached from offhook_reached(number);
        if not reached.certain or reached.number not like '+%' then
            return null;
        end if;
        number := reached.number;
    end if;
    d := offhook_range(number);
    select * into c from countries k where k.code = d.country;
    if not found then
        return array['the number is in no country: no telephone number begins like that',
            'Check the country code, such as +49 for Germany.', 'destination_is_allowed'];
    end if;
    if d.kind not in ('landline', 'mobile', 'landline_or_mobile') then
        return array[
            format('the number is %s (%s)', case d.kind
                when 'premium' then 'a premium-rate number' when 'shared_cost' then 'a shared-cost number'
                when 'personal' then 'a personal number, which may lead anywhere' when 'pager' then 'the number of a pager'
                when 'satellite' then 'the number of a satellite telephone' when 'international' then 'a number of an international network'
                when 'short' then 'a short number of a service' when 'emergency' then 'an emergency number' end, c.name),
            'Give an ordinary number of the restaurant.', 'destination_is_allowed'];
    end if;
    if not c.allowed then
        return array[
            format('the number is in a country offhook may not call (%s)', c.name),
            format('An operator allows it with: update countries set allowed = true where code = ''%s''.', c.code),
            'destination_is_allowed'];
    end if;
    if c.mobile_needs_consent and consent is null
        and (d.kind = 'mobile' or line_type = 'mobile' or (d.kind = 'landline_or_mobile' and line_type is null)) then
        return array[
            format('the number %s a mobile, and an automated call to a mobile there needs consent (%s)',
                case when 'mobile' in (d.kind, line_type) then 'is' else 'may be' end, c.name),
            case when d.kind = 'landline_or_mobile' and line_type is null
                then 'Set line_type to landline where it is one; for a mobile, say in consent how and when it was given.'
                else 'Say in consent how and when it was given.' end,
            'mobile_has_consent'];
    end if;
    return null;
end $$;

create or replace function offhook_refuse_destination(c calls) returns void language plpgsql stable as $$
declare
    refusal text[] := offhook_destination_refusal(c.number, c.line_type, c.consent);
begin
    if refusal is not null then
        perform offhook_refuse(refusal[1], refusal[2], refusal[3]);
    end if;
end $$;

-- How a call is recorded: as its country has it, and not at all where its row says so.
create or replace function offhook_recording(number text, record boolean) returns text language sql stable as $$
    select case when not record then 'off'
        when reached not like '+%' then (select i.sip_recording from installation i)
        else coalesce((select k.recording from offhook_range(reached) r join countries k on k.code = r.country), 'after_consent') end
    from (select case when number not like 'sip%' then number when r.certain then r.number else 'sip' end as reached
            from offhook_reached(number) r) n
$$;
