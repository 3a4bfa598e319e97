-- Where the log of an answered call lies: the events of its conversation, and what followed from each. Kept as long as the sound, and
-- like it deleted before its row.

create table event_logs (
    call_id      bigint not null,
    attempt      int not null,
    uri          text,
    bytes        bigint not null,
    created_at   timestamptz not null default now(),
    delete_after timestamptz,
    deleted_at   timestamptz,
    primary key (call_id, attempt),
    foreign key (call_id, attempt) references attempts (call_id, number) on delete cascade,
    constraint an_event_log_is_somewhere_or_deleted check ((uri is null) = (deleted_at is not null))
);
create index event_logs_to_delete on event_logs (delete_after) where deleted_at is null and delete_after is not null;
