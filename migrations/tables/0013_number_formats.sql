-- How a trunk wants numbers written. Rows keep them in E.164: who is called, and what holds for a number, does not depend on its trunk.

alter table trunks
    add column number_format        text not null default 'e164',   -- e164 +4930…, international 004930…, digits 4930…, national 030…
    add column international_prefix text not null default '00',     -- what is dialled before a country code
    add column country_code         text,                           -- of the trunk's country, such as 49
    add column national_prefix      text,                           -- what is dialled before a number within the country: 0, or nothing
    add column dial_prefix          text not null default '',       -- goes before every number
    add column user_phone           boolean not null default false, -- ;user=phone
    add constraint trunk_number_format_is_known check (number_format in ('e164', 'international', 'digits', 'national')),
    add constraint trunk_international_prefix_is_dialled check (international_prefix ~ '^(\+|[0-9]{1,8})$'),
    add constraint trunk_country_code_is_one check (country_code ~ '^[1-9][0-9]{0,2}$'),
    add constraint trunk_national_prefix_is_dialled check (national_prefix ~ '^[0-9]{0,4}$'),
    add constraint trunk_national_numbers_are_of_a_country
        check (number_format <> 'national' or (country_code is not null and national_prefix is not null)),
    add constraint trunk_dial_prefix_is_dialled check (dial_prefix ~ '^[0-9*#]{0,16}$');
