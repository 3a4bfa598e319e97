-- Whom we may call, and how: data, which an operator changes with plain UPDATEs (docs/destinations.md). The sources are an engineer's
-- reading of the law, not advice.

create table countries (
    code                 text primary key,       -- ISO 3166-1; 001: numbers that belong to no country
    name                 text not null,
    allowed              boolean not null default false,
    -- The earliest and latest a call may be made there, whatever its row allows; null: as the row says.
    calling_from         time,
    calling_to           time,
    calling_source       text,
    -- A mobile, or what may be one, is called only with `calls.consent`.
    mobile_needs_consent boolean not null default false,
    consent_source       text,
    -- announced: recorded from the start, and the callee is told at once; after_consent: only after the callee has heard it and
    -- gone on without objecting; off: never.
    recording            text not null default 'after_consent',
    recording_source     text not null default 'not looked into: the careful way',
    -- The law that asks for saying that a machine is calling. offhook says it everywhere.
    disclosure           text,
    constraint country_code_is_iso_3166 check (code ~ '^([A-Z]{2}|001)$'),
    constraint country_name_is_given check (name ~ '\S'),
    constraint country_calling_hours_are_in_order check (calling_from < calling_to),
    constraint country_calling_hours_are_two check ((calling_from is null) = (calling_to is null)),
    constraint country_recording_is_known check (recording in ('announced', 'after_consent', 'off'))
);

create table number_ranges (
    prefix  text collate "C" primary key,        -- of numbers in E.164; the longest that fits counts
    country text not null references countries (code),
    kind    text not null,
    source  text not null,
    constraint number_range_prefix_is_e164 check (prefix ~ '^\+[1-9][0-9]{0,14}$'),
    constraint number_range_kind_is_known
        check (kind in ('landline', 'mobile', 'landline_or_mobile', 'premium', 'shared_cost', 'personal', 'pager', 'satellite',
                        'international', 'short', 'emergency'))
);
create index number_ranges_country on number_ranges (country);

alter table calls
    add column line_type text,                   -- null: as the numbering plan tells
    add column consent   text,                   -- to an automated call: how and when it was given
    add constraint line_type_is_known check (line_type in ('landline', 'mobile')),
    add constraint consent_is_told check (consent ~ '\S' and length(consent) <= 500);

alter table installation
    -- The domains sip: URIs may lead to; null: all.
    add column sip_domains   text[],
    -- How calls to sip: URIs are recorded, which are in no country.
    add column sip_recording text not null default 'announced',
    add constraint sip_domains_are_a_plain_list
        check (coalesce(array_ndims(sip_domains), 1) = 1
               and case when coalesce(array_ndims(sip_domains), 1) = 1 then array_position(sip_domains, null) is null end),
    add constraint sip_recording_is_known check (sip_recording in ('announced', 'after_consent', 'off'));

insert into countries (code, name) values
    ('001', 'no country'), ('AC', 'Ascension Island'), ('AD', 'Andorra'), ('AE', 'United Arab Emirates'), ('AF', 'Afghanistan'),
    ('AG', 'Antigua & Barbuda'), ('AI', 'Anguilla'), ('AL', 'Albania'), ('AM', 'Armenia'), ('AO', 'Angola'), ('AR', 'Argentina'),
    ('AS', 'American Samoa'), ('AT', 'Austria'), ('AU', 'Australia'), ('AW', 'Aruba'), ('AX', 'Åland Islands'), ('AZ', 'Azerbaijan'),
    ('BA', 'Bosnia & Herzegovina'), ('BB', 'Barbados'), ('BD', 'Bangladesh'), ('BE', 'Belgium'), ('BF', 'Burkina Faso'),
    ('BG', 'Bulgaria'), ('BH', 'Bahrain'), ('BI', 'Burundi'), ('BJ', 'Benin'), ('BL', 'St. Barthélemy'), ('BM', 'Bermuda'),
    ('BN', 'Brunei'), ('BO', 'Bolivia'), ('BQ', 'Caribbean Netherlands'), ('BR', 'Brazil'), ('BS', 'Bahamas'), ('BT', 'Bhutan'),
    ('BW', 'Botswana'), ('BY', 'Belarus'), ('BZ', 'Belize'), ('CA', 'Canada'), ('CC', 'Cocos (Keeling) Islands'),
    ('CD', 'Congo - Kinshasa'), ('CF', 'Central African Republic'), ('CG', 'Congo - Brazzaville'), ('CH', 'Switzerland'),
    ('CI', 'Côte d’Ivoire'), ('CK', 'Cook Islands'), ('CL', 'Chile'), ('CM', 'Cameroon'), ('CN', 'China'), ('CO', 'Colombia'),
    ('CR', 'Costa Rica'), ('CU', 'Cuba'), ('CV', 'Cape Verde'), ('CW', 'Curaçao'), ('CX', 'Christmas Island'), ('CY', 'Cyprus'),
    ('CZ', 'Czechia'), ('DE', 'Germany'), ('DJ', 'Djibouti'), ('DK', 'Denmark'), ('DM', 'Dominica'), ('DO', 'Dominican Republic'),
    ('DZ', 'Algeria'), ('EC', 'Ecuador'), ('EE', 'Estonia'), ('EG', 'Egypt'), ('EH', 'Western Sahara'), ('ER', 'Eritrea'),
    ('ES', 'Spain'), ('ET', 'Ethiopia'), ('FI', 'Finland'), ('FJ', 'Fiji'), ('FK', 'Falkland Islands (Islas Malvinas)'),
    ('FM', 'Micronesia'), ('FO', 'Faroe Islands'), ('FR', 'France'), ('GA', 'Gabon'), ('GB', 'United Kingdom'), ('GD', 'Grenada'),
    ('GE', 'Georgia'), ('GF', 'French Guiana'), ('GG', 'Guernsey'), ('GH', 'Ghana'), ('GI', 'Gibraltar'), ('GL', 'Greenland'),
    ('GM', 'Gambia'), ('GN', 'Guinea'), ('GP', 'Guadeloupe'), ('GQ', 'Equatorial Guinea'), ('GR', 'Greece'), ('GT', 'Guatemala'),
    ('GU', 'Guam'), ('GW', 'Guinea-Bissau'), ('GY', 'Guyana'), ('HK', 'Hong Kong'), ('HN', 'Honduras'), ('HR', 'Croatia'),
    ('HT', 'Haiti'), ('HU', 'Hungary'), ('ID', 'Indonesia'), ('IE', 'Ireland'), ('IL', 'Israel'), ('IM', 'Isle of Man'), ('IN', 'India'),
    ('IO', 'British Indian Ocean Territory'), ('IQ', 'Iraq'), ('IR', 'Iran'), ('IS', 'Iceland'), ('IT', 'Italy'), ('JE', 'Jersey'),
    ('JM', 'Jamaica'), ('JO', 'Jordan'), ('JP', 'Japan'), ('KE', 'Kenya'), ('KG', 'Kyrgyzstan'), ('KH', 'Cambodia'), ('KI', 'Kiribati'),
    ('KM', 'Comoros'), ('KN', 'St. Kitts & Nevis'), ('KP', 'North Korea'), ('KR', 'South Korea'), ('KW', 'Kuwait'),
    ('KY', 'Cayman Islands'), ('KZ', 'Kazakhstan'), ('LA', 'Laos'), ('LB', 'Lebanon'), ('LC', 'St. Lucia'), ('LI', 'Liechtenstein'),
    ('LK', 'Sri Lanka'), ('LR', 'Liberia'), ('LS', 'Lesotho'), ('LT', 'Lithuania'), ('LU', 'Luxembourg'), ('LV', 'Latvia'),
    ('LY', 'Libya'), ('MA', 'Morocco'), ('MC', 'Monaco'), ('MD', 'Moldova'), ('ME', 'Montenegro'), ('MF', 'St. Martin'),
    ('MG', 'Madagascar'), ('MH', 'Marshall Islands'), ('MK', 'North Macedonia'), ('ML', 'Mali'), ('MM', 'Myanmar (Burma)'),
    ('MN', 'Mongolia'), ('MO', 'Macao'), ('MP', 'Northern Mariana Islands'), ('MQ', 'Martinique'), ('MR', 'Mauritania'),
    ('MS', 'Montserrat'), ('MT', 'Malta'), ('MU', 'Mauritius'), ('MV', 'Maldives'), ('MW', 'Malawi'), ('MX', 'Mexico'),
    ('MY', 'Malaysia'), ('MZ', 'Mozambique'), ('NA', 'Namibia'), ('NC', 'New Caledonia'), ('NE', 'Niger'), ('NF', 'Norfolk Island'),
    ('NG', 'Nigeria'), ('NI', 'Nicaragua'), ('NL', 'Netherlands'), ('NO', 'Norway'), ('NP', 'Nepal'), ('NR', 'Nauru'), ('NU', 'Niue'),
    ('NZ', 'New Zealand'), ('OM', 'Oman'), ('PA', 'Panama'), ('PE', 'Peru'), ('PF', 'French Polynesia'), ('PG', 'Papua New Guinea'),
    ('PH', 'Philippines'), ('PK', 'Pakistan'), ('PL', 'Poland'), ('PM', 'St. Pierre & Miquelon'), ('PR', 'Puerto Rico'),
    ('PS', 'Palestine'), ('PT', 'Portugal'), ('PW', 'Palau'), ('PY', 'Paraguay'), ('QA', 'Qatar'), ('RE', 'Réunion'), ('RO', 'Romania'),
    ('RS', 'Serbia'), ('RU', 'Russia'), ('RW', 'Rwanda'), ('SA', 'Saudi Arabia'), ('SB', 'Solomon Islands'), ('SC', 'Seychelles'),
    ('SD', 'Sudan'), ('SE', 'Sweden'), ('SG', 'Singapore'), ('SH', 'St. Helena'), ('SI', 'Slovenia'), ('SJ', 'Svalbard & Jan Mayen'),
    ('SK', 'Slovakia'), ('SL', 'Sierra Leone'), ('SM', 'San Marino'), ('SN', 'Senegal'), ('SO', 'Somalia'), ('SR', 'Suriname'),
    ('SS', 'South Sudan'), ('ST', 'São Tomé & Príncipe'), ('SV', 'El Salvador'), ('SX', 'Sint Maarten'), ('SY', 'Syria'),
    ('SZ', 'Eswatini'), ('TA', 'Tristan da Cunha'), ('TC', 'Turks & Caicos Islands'), ('TD', 'Chad'), ('TG', 'Togo'), ('TH', 'Thailand'),
    ('TJ', 'Tajikistan'), ('TK', 'Tokelau'), ('TL', 'Timor-Leste'), ('TM', 'Turkmenistan'), ('TN', 'Tunisia'), ('TO', 'Tonga'),
    ('TR', 'Türkiye'), ('TT', 'Trinidad & Tobago'), ('TV', 'Tuvalu'), ('TW', 'Taiwan'), ('TZ', 'Tanzania'), ('UA', 'Ukraine'),
    ('UG', 'Uganda'), ('US', 'United States'), ('UY', 'Uruguay'), ('UZ', 'Uzbekistan'), ('VA', 'Vatican City'),
    ('VC', 'St. Vincent & Grenadines'), ('VE', 'Venezuela'), ('VG', 'British Virgin Islands'), ('VI', 'U.S. Virgin Islands'),
    ('VN', 'Vietnam'), ('VU', 'Vanuatu'), ('WF', 'Wallis & Futuna'), ('WS', 'Samoa'), ('XK', 'Kosovo'), ('YE', 'Yemen'),
    ('YT', 'Mayotte'), ('ZA', 'South Africa'), ('ZM', 'Zambia'), ('ZW', 'Zimbabwe');

-- The European Union with its outermost regions, the rest of the European Economic Area, Switzerland, Great Britain, the United States
-- and Canada, and some more where English, German, Spanish or Dutch is spoken.
update countries set allowed = true where code in (
    'AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU', 'IE', 'IT', 'LT', 'LU', 'LV', 'MT', 'NL', 'PL',
    'PT', 'RO', 'SE', 'SI', 'SK', 'AX', 'GF', 'GP', 'MF', 'MQ', 'RE', 'YT', 'IS', 'LI', 'NO', 'VA', 'CH', 'GB', 'US', 'CA', 'PR',
    'AU', 'NZ', 'MX');

update countries set disclosure = 'Regulation (EU) 2024/1689 (AI Act), Art. 50(1), applies from 2026-08-02' where code in (
    'AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU', 'IE', 'IT', 'LT', 'LU', 'LV', 'MT', 'NL', 'PL',
    'PT', 'RO', 'SE', 'SI', 'SK', 'AX', 'GF', 'GP', 'MF', 'MQ', 'RE', 'YT');
update countries set disclosure = '47 CFR 64.1200(b): who calls is said at the beginning of a call with an artificial voice'
 where code in ('US', 'PR', 'AS', 'GU', 'MP', 'VI');

update countries set calling_from = '08:00', calling_to = '21:00', calling_source = '47 CFR 64.1200(c)(1), for solicitations; kept for all calls',
    mobile_needs_consent = true,
    consent_source = '47 USC 227(b)(1)(A)(iii) (TCPA), FCC 24-17: a voice made by AI is an artificial voice',
    recording = 'after_consent',
    recording_source = '18 USC 2511(2)(d); about a dozen states want the consent of all (such as Cal. Penal Code 632), and an area code '
        || 'does not tell where a telephone is'
 where code in ('US', 'PR', 'AS', 'GU', 'MP', 'VI');
update countries set calling_from = '09:00', calling_to = '21:30',
    calling_source = 'CRTC Unsolicited Telecommunications Rules, Part III, on weekdays, for telemarketing; kept for all calls',
    mobile_needs_consent = true, consent_source = 'as in the United States; CRTC Unsolicited Telecommunications Rules, Part IV',
    recording = 'announced', recording_source = 'Criminal Code s. 184(2)(a); PIPEDA: told at the beginning, and free to object'
 where code = 'CA';

update countries c set recording = 'announced', recording_source = s.source from (values
    ('DE', '§ 201 StGB, https://www.gesetze-im-internet.de/stgb/__201.html: consent, here by going on after the announcement'),
    ('AT', '§ 120 StGB (Austria); Regulation (EU) 2016/679, Art. 13'),
    ('CH', 'Art. 179ter and 179quinquies StGB (Switzerland): reservations in the course of business may be recorded'),
    ('LI', 'Regulation (EU) 2016/679, Art. 13'),
    ('ES', 'STC 114/1984: who takes part may record; Regulation (EU) 2016/679, Art. 13'),
    ('NL', 'Art. 139a Sr: who takes part may record; Regulation (EU) 2016/679, Art. 13'),
    ('BE', 'Act of 13 June 2005 on electronic communications: in business, with those who take part told beforehand'),
    ('FR', 'Art. 226-1 Code pénal: consent is presumed where it is done openly and nobody objects'),
    ('IT', 'Cass. pen. SS.UU. 36747/2003: who takes part may record; Regulation (EU) 2016/679, Art. 13'),
    ('IE', 'Regulation (EU) 2016/679, Art. 13'),
    ('GB', 'Investigatory Powers (Interception by Businesses etc.) Regulations 2018 (SI 2018/356); UK GDPR, Art. 13'),
    ('AU', 'Telecommunications (Interception and Access) Act 1979, s. 6: not without the knowledge of who takes part'),
    ('NZ', 'Crimes Act 1961, s. 216B: who takes part may record')
) s (code, source) where c.code = s.code;
