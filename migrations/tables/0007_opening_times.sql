-- When a restaurant can be reached, by its number. A number without rows can be called at any time its calls allow.

create table opening_times (
    number  text not null,
    weekday smallint not null,                   -- ISO 8601: 1 is Monday, 7 is Sunday
    opens   time not null,                       -- the restaurant's clock
    closes  time not null,                       -- not after `opens`: on the next day; 24:00: midnight
    primary key (number, weekday, opens),
    constraint opening_times_number_is_e164_or_sip_uri
        check (number ~ '^\+[1-9][0-9]{6,14}$' or number ~ '^sips?:[^@\s<>"]+@[^@\s<>"]+$'),
    constraint weekday_is_1_to_7 check (weekday between 1 and 7),
    constraint opens_is_before_midnight check (opens < '24:00')
);

create table closed_days (
    number text not null,
    day    date not null,                        -- the restaurant's calendar
    primary key (number, day),
    constraint closed_days_number_is_e164_or_sip_uri
        check (number ~ '^\+[1-9][0-9]{6,14}$' or number ~ '^sips?:[^@\s<>"]+@[^@\s<>"]+$'),
    constraint closed_day_is_finite check (isfinite(day))
);

-- A change of opening times looks for the queued calls of its numbers.
create index calls_queued_by_number on calls (number) where state = 'queued';

