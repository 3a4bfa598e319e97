-- Reading telephone numbers as people write them: pasted with what cannot be seen, in the digits of another script, with brackets and
-- dashes. What is stored is E.164, and everything that compares numbers compares that.

-- The calling code of the country a number belongs to, without +; null where no number begins like that.
create or replace function offhook_calling_code(digits text) returns text language sql stable as $$
    select substr(r.prefix, 2) from number_ranges r
     where r.prefix in ('+' || left(digits, 1), '+' || left(digits, 2), '+' || left(digits, 3)) order by length(r.prefix) limit 1
$$;

-- What people there dial before a number within the country, and leave out after the calling code; null where that is nothing, or a digit
-- that numbers begin with. Of libphonenumber (nationalPrefix); tests/numbers_are_read_as_they_are_shown.rs compares the two.
create or replace function offhook_national_prefix(calling_code text) returns text language sql immutable as $$
    select case when calling_code = any('{20,27,31,32,33,40,41,43,44,46,49,51,53,54,55,57,58,60,61,62,63,64,66,81,82,84,86,90,91,92,93,94,95,98,211,212,213,218,
        231,232,233,234,243,249,250,251,252,254,255,256,260,261,262,263,264,265,291,353,355,358,359,370,373,374,377,380,381,382,
        383,385,386,387,389,421,423,508,590,591,593,594,595,596,598,686,850,855,856,880,886,961,962,963,964,966,967,970,971,972,
        976,977,994,995,996}'::text[]) then '0'
        when calling_code = '36' then '06' when calling_code in ('7', '375', '993') then '8' end
$$;

-- A character of a number as one of 0-9 + ( ) / . - and space; '' where it cannot be seen, null where it belongs in no number.
create or replace function offhook_number_character(code int) returns text language plpgsql immutable as $$
declare
    -- Where the ten digits of a script begin: Arabic, Extended Arabic, N'Ko, Devanagari, Bengali, Gurmukhi, Gujarati, Oriya, Tamil, Telugu,
    -- Kannada, Malayalam, Thai, Lao, Tibetan, Myanmar, Khmer, Mongolian, full width, and the five of mathematics.
    zeros constant int[] := '{1632,1776,1984,2406,2534,2662,2790,2918,3046,3174,3302,3430,3664,3792,3872,4160,6112,6160,65296,
        120782,120792,120802,120812,120822}';
    zero int;
begin
    case
        when code between 48 and 57 then return chr(code);
        -- U+FE62, U+FF0B
        when code in (43, 65122, 65291) then return '+';
        -- U+2010 to U+2015, U+2043, U+2212, U+2E3A, U+2E3B, U+30FC, U+FE58, U+FE63, U+FF0D
        when code in (45, 8259, 8722, 11834, 11835, 12540, 65112, 65123, 65293) or code between 8208 and 8213 then return '-';
        -- U+00B7, U+2022, U+2024, U+2027, U+30FB, U+FF0E
        when code in (46, 183, 8226, 8228, 8231, 12539, 65294) then return '.';
        -- U+2044, U+2215, U+FF0F
        when code in (47, 8260, 8725, 65295) then return '/';
        when code in (40, 91, 65288, 65339) then return '(';
        when code in (41, 93, 65289, 65341) then return ')';
        -- Tab to carriage return, U+0085, U+00A0, U+1680, U+2000 to U+200A, U+2028, U+2029, U+202F, U+205F, U+3000
        when code in (32, 133, 160, 5760, 8232, 8233, 8239, 8287, 12288) or code between 9 and 13 or code between 8192 and 8202 then
            return ' ';
        -- U+00AD, U+034F, U+061C, U+180E, U+200B to U+200F, U+202A to U+202D, U+2060 to U+2064, U+2066 to U+206F, U+FE00 to U+FE0F, U+FEFF
        when code in (173, 847, 1564, 6158, 65279) or code between 8203 and 8207 or code between 8234 and 8237
            or code between 8288 and 8292 or code between 8294 and 8303 or code between 65024 and 65039 then
            return '';
        else
            select z into zero from unnest(zeros) z where code between z and z + 9;
            return (code - zero)::text;
    end case;
end $$;

-- A character by its name, and itself where it can be seen.
create or replace function offhook_code_point(code int) returns text language sql immutable as $$
    select 'U+' || lpad(upper(to_hex(code)), 4, '0') || case when code between 33 and 126 or code between 161 and 8191 then ' "' || chr(code) || '"' else '' end
$$;

-- A text without what cannot be seen in it, and without space around it.
create or replace function offhook_without_invisible(said text) returns text language sql immutable as $$
    select regexp_replace(regexp_replace(said,
        '[\u00AD\u034F\u061C\u180E\u200B-\u200F\u202A-\u202D\u2060-\u2064\u2066-\u206F\uFE00-\uFE0F\uFEFF]', '', 'g'),
        '^[\s\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+|[\s\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]+$', '', 'g')
$$;

-- What follows the calling code, as people write it: without the zero that is dialled only within the country, where it is clear which
-- that is. `fault` says what is not clear.
create or replace function offhook_read_national_part(calling_code text, said text, out digits text, out fault text)
language plpgsql immutable as $$
declare
    tail text := regexp_replace(said, '^[ ./-]+', '');
    prefix text := offhook_national_prefix(calling_code);
begin
    if prefix is not null then
        -- +49 (0)30 …
        tail := regexp_replace(tail, '^\( *' || prefix || ' *\)[ ./-]*(?=[1-9(])', '');
    end if;
    if prefix = '0' then
        -- +49 (030) …
        tail := regexp_replace(tail, '^\( *0 *([1-9][0-9 ]*\))', '(\1');
    end if;
    if tail ~ '\([ -]*0[ -]*\)' or tail ~ ('\([ -]*' || prefix || '[ -]*\)') then
        fault := case when substring(tail from '\([ -]*(0|' || prefix || ')[ -]*\)') = prefix
            then format('it is not clear whether its (%s) is dialled: it does not follow the country code +%s', prefix, calling_code)
            else coalesce(format('it is not clear whether its (0) is dialled: numbers of +%s have no 0 that is left out', calling_code),
                'it is not clear whether its (0) is dialled') end;
        return;
    end if;
    if regexp_replace(tail, '\([^()]*\)', '', 'g') ~ '[()]' then
        fault := 'a bracket in it has no other';
        return;
    end if;
    if prefix in ('0', '06') and starts_with(regexp_replace(tail, '[^0-9]', '', 'g'), prefix) then
        fault := format('it has a %s after its country code +%s, where it is left out', prefix, calling_code);
        return;
    end if;
    -- 030/123456 is an area code; 123456/57 are two lines, and 12345/67890 may be.
    if tail ~ '/' and regexp_replace(tail, '[ .()-]', '', 'g') !~ '^[0-9]{1,5}/[0-9]{3,}$' then
        fault := 'it is not clear what its / means: write one number';
        return;
    end if;
    digits := regexp_replace(tail, '[^0-9]', '', 'g');
end $$;

-- A number as it is stored: E.164, or a SIP address as it is. Where it is neither, `number` is what was said, `fault` what is wrong with
-- it, and `hint` what to do.
create or replace function offhook_read_number(said text, out number text, out fault text, out hint text) language plpgsql stable as $$
#variable_conflict use_variable
declare
    shown text; plain text := ''; code int; one text; body text; calling_code text; digits text;
begin
    number := said;
    if said is null or said ~ '^\+[1-9][0-9]{6,14}$' then
        return;
    end if;
    hint := 'Write the country code and the number, such as +4930123456 (E.164), or a SIP address such as sip:trattoria@example.org.';
    shown := offhook_without_invisible(said);
    if shown ~* '^sips?:' then
        shown := regexp_replace(shown, '^[^:]*', lower(split_part(shown, ':', 1)));
        one := substring(shown from '[\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202E\u202F\u205F\u3000]');
        if one is not null then
            fault := format('it has %s, which belongs in no SIP address', offhook_code_point(ascii(one)));
        elsif shown ~ '@[^@]*\?' then
            fault := 'it has headers behind a question mark, which no call may have';
            hint := 'Leave out the question mark and what follows it.';
        elsif shown ~ '^sips?:[^@\s<>"]+@[^@\s<>"]+$' then
            number := shown;
            hint := null;
        else
            fault := 'a SIP address has a user, an @ and a host';
        end if;
        return;
    end if;
    if shown ~* '^tel:' then
        shown := regexp_replace(shown, '^tel:(//)?', '', 'i');
        if shown ~ ';' then
            fault := 'a tel: address with parameters names more than a number';
            return;
        end if;
        shown := replace(replace(replace(replace(replace(shown, '%20', ' '), '%28', '('), '%29', ')'), '%2B', '+'), '%2b', '+');
    end if;
    if length(shown) > 100 then
        fault := 'it has more than 100 characters';
        return;
    end if;
    foreach one in array string_to_array(shown, null) loop
        code := ascii(one);
        if code = 8238 then
            fault := 'it has U+202E, which shows it in another order than it is dialled';
            return;
        end if;
        one := offhook_number_character(code);
        if one is null then
            fault := format('it has %s, which belongs in no telephone number', offhook_code_point(code));
            return;
        end if;
        plain := plain || one;
    end loop;
    -- (+49) and (0049) are +49.
    plain := regexp_replace(btrim(plain), '^\( *(\+|00)([0-9 ]*)\)', '\1\2 ');
    if plain ~ '\+.*\+' or plain ~ '[0-9].*\+' then
        fault := 'a + stands in the middle of it: write one number';
        return;
    elsif plain like '+%' then
        body := substr(plain, 2);
    elsif plain ~ '^0[ -]?0' then
        body := regexp_replace(plain, '^0[ -]?0', '');
    else
        fault := case when plain ~ '[0-9]' then 'it has no country code' else 'it has no digits' end;
        return;
    end if;
    body := regexp_replace(body, '^[ -]*\( *([1-9][0-9]{0,2}) *\)', '\1 ');
    digits := regexp_replace(body, '[^0-9]', '', 'g');
    if digits like '0%' or digits = '' then
        fault := case when digits = '' then 'it has no digits' else 'no country code begins with 0' end;
        return;
    end if;
    calling_code := offhook_calling_code(digits);
    select r.digits, r.fault into digits, fault
      from offhook_read_national_part(calling_code,
          case when calling_code is null then body
               else regexp_replace(body, '^' || regexp_replace(calling_code, '(.)', '[^0-9]*\1', 'g'), '') end) r;
    if fault is not null then
        return;
    end if;
    digits := coalesce(calling_code, '') || digits;
    if length(digits) not between 7 and 15 then
        fault := format('it has %s digits, and E.164 has 7 to 15', length(digits));
        return;
    end if;
    number := '+' || digits;
    hint := null;
end $$;

-- A number as it is stored; what cannot be read stays as it is, to be refused.
create or replace function offhook_as_stored(said text) returns text language sql stable as $$
    select number from offhook_read_number(said)
$$;

-- The same for whoever is shown as the caller: a number in E.164 where it begins with +, else in the trunk's own way: digits alone,
-- 00 included, or a name.
create or replace function offhook_caller_as_stored(said text) returns text language plpgsql stable as $$
declare
    read record; shown text := ''; one text;
begin
    select * into read from offhook_read_number(said);
    if read.fault is null and read.number ~ '^\+'
        and offhook_number_character(ascii(regexp_replace(offhook_without_invisible(said), '^tel:', '', 'i'))) = '+' then
        return read.number;
    end if;
    if said ~ '^[A-Za-z0-9+._-]{1,64}$' then
        return said;
    end if;
    foreach one in array string_to_array(offhook_without_invisible(said), null) loop
        shown := shown || coalesce(offhook_number_character(ascii(one)), one);
    end loop;
    return case when shown ~ '^[0-9 ./-]+$' then regexp_replace(shown, '[^0-9]', '', 'g') else shown end;
end $$;

create or replace function offhook_is_dialable(number text) returns boolean language sql immutable as $$
    select number ~ '^\+[1-9][0-9]{6,14}$'
        or number ~ '^sips?:[^@\s<>"]+@[^@\s<>"?]+$' and number !~ '[\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202E\u202F\u205F\u3000]'
$$;

-- Refuses a number that is neither a telephone number nor a SIP address.
create or replace function offhook_refuse_number(named text, said text, violated text) returns void language plpgsql stable as $$
declare
    read record;
begin
    select * into read from offhook_read_number(said);
    perform offhook_refuse(
        format('%s "%s" is neither a telephone number in E.164 nor a SIP address: %s', named, left(offhook_without_invisible(said), 60),
            coalesce(read.fault, 'it is written in another way')),
        coalesce(read.hint, format('Write it in E.164 as %s.', read.number)), violated);
end $$;

-- Of before numbers were read.
drop function if exists offhook_number_hint(text);
