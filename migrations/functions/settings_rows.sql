-- Refusing a wrong row of the tables that all coordinators share: installation, countries and number_ranges.

create or replace function installation_refuse_wrong_row() returns trigger language plpgsql as $$
declare
    missing text; domain text;
begin
    missing := case
        when new.paused is null then 'paused' when new.quiet_time is null then 'quiet_time' when new.calls_per_day is null then 'calls_per_day'
        when new.sip_recording is null then 'sip_recording' when new.provider_breaker_failures is null then 'provider_breaker_failures'
        when new.provider_breaker_rest is null then 'provider_breaker_rest' when new.id is null then 'id' end;
    if missing is not null then
        perform offhook_refuse(format('%s of the installation is missing', missing), format('Set %s to a value; an explicit null is not taken.',
            missing), missing, 'not_null_violation');
    end if;
    if new.id !~ '^[A-Za-z0-9-]{1,64}$' then
        perform offhook_refuse('id of the installation is not a word', 'Use up to 64 letters, digits and dashes: it is part of every Call-ID.',
            'installation_id_is_a_word');
    end if;
    if length(new.pause_reason) > 500 then
        perform offhook_refuse(format('pause_reason has %s characters', length(new.pause_reason)), 'Say why in at most 500 characters.',
            'installation_pause_reason_is_short');
    end if;
    perform offhook_refuse_text('pause_reason', new.pause_reason, true, 'installation_pause_reason_is_short');
    if new.max_concurrent < 0 then
        perform offhook_refuse(format('max_concurrent is %s', new.max_concurrent), 'Use 0 or more, or null for no limit.', 'installation_has_room');
    end if;
    if not new.quiet_time between interval '0' and interval '1 day' then
        perform offhook_refuse(format('quiet_time %s cannot be', new.quiet_time), 'Use 0 to 1 day, such as ''1 minute''.',
            'quiet_time_is_up_to_a_day');
    end if;
    if new.calls_per_day < 1 then
        perform offhook_refuse(format('calls_per_day is %s', new.calls_per_day), 'Use 1 or more; `offhook pause` stops all calls.',
            'calls_per_day_is_positive');
    end if;
    if not new.keep between interval '0' and interval '100 years' or not new.keep_recordings between interval '0' and interval '100 years' then
        perform offhook_refuse(format('keep %s, keep_recordings %s: one of them is not a length of time', new.keep, new.keep_recordings),
            'Give an interval from the end of a call, such as ''30 days'', or null to keep for ever.', 'installation_keeps_0_to_100_years');
    end if;
    if coalesce(array_ndims(new.sip_domains), 1) <> 1 or array_position(new.sip_domains, null) is not null then
        perform offhook_refuse('sip_domains is not a plain list of domains', 'Write it as {sip.example.org,pbx.example.org}, or null for all.',
            'sip_domains_are_a_plain_list');
    end if;
    select d into domain from unnest(new.sip_domains) d
     where length(d) > 253 or d !~ '^([A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?|\[[0-9A-Fa-f:.]+\])$' limit 1;
    if domain is not null then
        perform offhook_refuse(format('sip_domains names "%s", which is not a domain', left(domain, 60)),
            'Write only what follows the @ of an address, without port, such as sip.example.org or [2001:db8::1].', 'sip_domains_are_a_plain_list');
    end if;
    if new.sip_recording not in ('announced', 'after_consent', 'off') then
        perform offhook_refuse(format('sip_recording "%s" is not known', new.sip_recording), 'Use announced, after_consent or off.',
            'sip_recording_is_known');
    end if;
    if new.provider_breaker_failures not between 1 and 100 then
        perform offhook_refuse(format('provider_breaker_failures is %s', new.provider_breaker_failures), 'Use 1 to 100.',
            'provider_breaker_failures_are_1_to_100');
    end if;
    if not new.provider_breaker_rest between interval '0' and interval '10 minutes' then
        perform offhook_refuse(format('provider_breaker_rest %s cannot be', new.provider_breaker_rest), 'Use 0 to 10 minutes, such as ''15 seconds''.',
            'provider_breaker_rest_is_up_to_10_minutes');
    end if;
    return new;
end $$;
create or replace trigger installation_refuse_wrong_row before update of
    id, paused, pause_reason, max_concurrent, quiet_time, calls_per_day, keep, keep_recordings, sip_domains, sip_recording,
    provider_breaker_failures, provider_breaker_rest on installation for each row execute function installation_refuse_wrong_row();

create or replace function installation_stays() returns trigger language plpgsql as $$
begin
    perform offhook_refuse(format('the row of installation is the only one, and cannot be %s',
            case tg_op when 'DELETE' then 'deleted' else 'added to' end), 'Change its values with update.', 'there_is_one_installation');
    return null;
end $$;
create or replace trigger installation_stays before insert or delete on installation for each row execute function installation_stays();

create or replace function countries_refuse_wrong_row() returns trigger language plpgsql as $$
declare
    missing text := case when new.code is null then 'code' when new.name is null then 'name' when new.allowed is null then 'allowed'
        when new.mobile_needs_consent is null then 'mobile_needs_consent' when new.recording is null then 'recording'
        when new.recording_source is null then 'recording_source' end;
begin
    if missing is not null then
        perform offhook_refuse(format('%s of the country is missing', missing), format('Give %s a value; an explicit null is not taken.', missing),
            missing, 'not_null_violation');
    end if;
    if new.code !~ '^([A-Z]{2}|001)$' then
        perform offhook_refuse(format('code "%s" is not one of a country', left(new.code, 20)), 'Use ISO 3166-1, such as DE.',
            'country_code_is_iso_3166');
    end if;
    if length(new.name) > 100 or new.name !~ '\S' then
        perform offhook_refuse(format('name of country %s is %s', new.code, case when new.name ~ '\S' then 'longer than 100 characters' else 'empty' end),
            'Give its name in at most 100 characters.', 'country_name_is_given');
    end if;
    perform offhook_refuse_text('name', new.name, false, 'country_name_is_given');
    if (new.calling_from is null) <> (new.calling_to is null) then
        perform offhook_refuse(format('country %s has only one of calling_from and calling_to', new.code),
            'Set both, or both to null where a call''s own hours are enough.', 'country_calling_hours_are_two');
    end if;
    if new.calling_from >= new.calling_to then
        perform offhook_refuse(format('calling_from %s of country %s is not before calling_to %s', new.calling_from, new.code, new.calling_to),
            'Set both within one day; 24:00 as calling_to means until midnight.', 'country_calling_hours_are_in_order');
    end if;
    if new.recording not in ('announced', 'after_consent', 'off') then
        perform offhook_refuse(format('recording "%s" of country %s is not known', new.recording, new.code), 'Use announced, after_consent or off.',
            'country_recording_is_known');
    end if;
    return new;
end $$;
create or replace trigger countries_refuse_wrong_row before insert or update on countries
    for each row execute function countries_refuse_wrong_row();

create or replace function number_ranges_refuse_wrong_row() returns trigger language plpgsql as $$
begin
    if coalesce(new.prefix, '') !~ '^\+[1-9][0-9]{0,14}$' then
        perform offhook_refuse(format('prefix "%s" is not the beginning of a number', left(coalesce(new.prefix, ''), 20)),
            'Write it in E.164, such as +4932.', 'number_range_prefix_is_e164');
    end if;
    if not exists (select from countries c where c.code = new.country) then
        perform offhook_refuse(format('there is no country "%s"', left(coalesce(new.country, ''), 20)),
            'Use a code of countries, such as DE; 001 for numbers that belong to no country.', 'number_ranges_country_fkey', 'foreign_key_violation');
    end if;
    if new.kind is null or new.kind not in ('landline', 'mobile', 'landline_or_mobile', 'premium', 'shared_cost', 'personal', 'pager', 'satellite',
            'international', 'short', 'emergency') then
        perform offhook_refuse(format('kind "%s" is not known', left(coalesce(new.kind, ''), 20)),
            'Use landline, mobile, landline_or_mobile, premium, shared_cost, personal, pager, satellite, international, short or emergency.',
            'number_range_kind_is_known');
    end if;
    if new.source is null or new.source !~ '\S' then
        perform offhook_refuse('source is missing', 'Say in source why this range is what it is.', 'source', 'not_null_violation');
    end if;
    return new;
end $$;
create or replace trigger number_ranges_refuse_wrong_row before insert or update on number_ranges
    for each row execute function number_ranges_refuse_wrong_row();
