-- How long what calls leave behind is kept, and who changed what.

alter table installation
    add column keep            interval default '180 days', -- a call that is over, with everything said in it; null: for ever
    add column keep_recordings interval default '30 days',  -- its sound; null: as long as the call
    add constraint installation_keeps_0_to_100_years
        check (keep between interval '0' and interval '100 years' and keep_recordings between interval '0' and interval '100 years');

alter table calls
    add column keep           interval,    -- counted from its end; null: as the installation has it
    add column keep_recording interval,    -- likewise
    add column delete_after   timestamptz, -- set when it is over
    add constraint keep_is_0_to_100_years check (keep between interval '0' and interval '100 years'),
    add constraint keep_recording_is_0_to_100_years check (keep_recording between interval '0' and interval '100 years');
create index calls_to_delete on calls (delete_after) where delete_after is not null;

-- The sound goes first and the row says so; a row is only deleted when no sound is left that nobody would find any more.
alter table recordings
    alter column uri drop not null,
    add column delete_after timestamptz,
    add column deleted_at   timestamptz,
    add constraint a_recording_is_somewhere_or_deleted check ((uri is null) = (deleted_at is not null));
create index recordings_to_delete on recordings (delete_after) where deleted_at is null and delete_after is not null;
create index calls_by_number on calls (number);
create index calls_by_guest_phone on calls (guest_phone);

-- Who did what, beyond what `events` tells of a call. Only ever added to. Numbers are masked: it outlives what it tells of.
create table audit (
    id      bigint generated always as identity primary key,
    at      timestamptz not null default clock_timestamp(),
    who     text not null default session_user,
    program text not null default coalesce(current_setting('application_name', true), ''),
    act     text not null,
    call_id bigint,                              -- the call may be gone
    subject text,                                -- a trunk's name, a masked number
    detail  jsonb not null default '{}'          -- column: [before, after]
);
create index audit_call on audit (call_id) where call_id is not null;
