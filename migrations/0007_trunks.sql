-- Trunks as carriers and PBXs want them, and what a call over a bad line leaves behind.

-- Answered, but no sound came within the bound.
alter type disposition add value 'no_media' before 'lost';
