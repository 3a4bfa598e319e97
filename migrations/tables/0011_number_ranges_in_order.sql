-- Prefixes in the order of their digits, whatever order the database's language has: the longest one that fits is found by two or three
-- look-ups (functions/destinations.sql).
create index number_ranges_in_order on number_ranges (prefix collate "C");
