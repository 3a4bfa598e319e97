-- What `make demo` asks for: the sandbox as a trunk, and five calls in four languages.
insert into trunks (name, host, port, preference, calls_per_second)
values ('sandbox', '127.0.0.1', :sip_port, 1, 5)
on conflict (name) do nothing;

insert into calls (request_key, restaurant_name, number, restaurant_zone, guest_name, guest_phone, party_size,
                   wanted_date, wanted_time, earliest_time, latest_time, calling_from, calling_to, max_attempts)
select 'demo-' || name, restaurant, number, zone, 'Ada Winter', '+4915112345678', 4,
       current_date + 14, '19:30', '19:00', '20:30', '00:00', '24:00', 1
from (values
    ('golden-lion',    'The Golden Lion',      '+442079460101', 'Europe/London'),     -- gives the table
    ('alte-post',      'Alte Post',            '+493023125102', 'Europe/Berlin'),     -- offers another time
    ('la-marea',       'La Marea',             '+34910000102',  'Europe/Madrid'),     -- wants name, spelling and number
    ('gouden-leeuw',   'De Gouden Leeuw',      '+31200000101',  'Europe/Amsterdam'),  -- gives the table
    ('blue-anchor',    'The Blue Anchor',      '+442079460102', 'Europe/London')      -- is fully booked
) as restaurants (name, restaurant, number, zone)
on conflict (request_key) do nothing;
