-- Who may do what. Given anew with every change of a function: a new one is nobody's until it is given.

revoke execute on all functions in schema public from public, offhook_user, offhook_worker;
revoke all on all tables in schema public from public, offhook_user, offhook_worker;

-- A person: inserts and changes calls, keeps the do-not-call list, reads everything but the tokens. Trunks are the owner's.
grant usage on schema public to offhook_user, offhook_worker;

grant select on calls, call_results, trunk_status, provider_status, turns, tool_calls, events, recordings, event_logs, trunks, do_not_call, audit,
    call_transitions, restaurant_zones, numbers, countries, country_zones, number_ranges, opening_times, closed_days
    to offhook_user;

grant select (call_id, number, trunk, host, container, sip_call_id, port_base, created_at, launched_at, dialing_at, ringing_at,
    answered_at, ended_at, settled_at, seen_at, disposition, sip_code, sip_reason, detail, codec, media, outcome, agreed_date,
    agreed_time, agreed_party, agreed_name, reference, notes, offers, evidence, language,
    cause, ended_by, ended_cause, failed_provider, servers, silent_ms, line_dropped, retry_after, failed_trunks, loss_percent, jitter_ms, round_trip_ms, mos) on attempts to offhook_user;

grant insert (request_key, kind, number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date,
        wanted_time, earliest_time, latest_time, other_dates, special_requests, booking_reference, language_hint, not_before,
        not_after, calling_from, calling_to, priority, max_attempts, record, trunk, keep, keep_recording, line_type, consent),
    update (kind, number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time,
        earliest_time, latest_time, other_dates, special_requests, booking_reference, language_hint, not_before,
        not_after, calling_from, calling_to, priority, max_attempts, record, trunk, cancel_requested, keep, keep_recording, line_type, consent)
    on calls to offhook_user;

grant insert, update, delete on do_not_call, opening_times, closed_days to offhook_user;

grant select (sip_domains, sip_recording) on installation to offhook_user;

-- Which retry policy a call follows; the policies themselves, pausing and trunks are the owner's.
grant select on retry_policies to offhook_user;

grant insert (retry_policy), update (retry_policy) on calls to offhook_user;

grant execute on function offhook_snooze, offhook_release, offhook_why_not_yet, offhook_explain, offhook_import, offhook_import_statement,
    offhook_import_fault
    to offhook_user;

grant execute on function offhook_refuse, offhook_lane, offhook_is_dialable, offhook_wanted_table, calls_refuse_wrong_row,
    offhook_calling_code, offhook_national_prefix, offhook_number_character, offhook_code_point, offhook_without_invisible,
    offhook_read_national_part, offhook_read_number, offhook_as_stored, offhook_refuse_number,
    offhook_next_calling_moment(timestamptz, text, text, time, time), offhook_next_open_moment, offhook_ahead_of_utc,
    offhook_unescaped, offhook_plain_user, offhook_reached, offhook_reached_number, offhook_reaches, calls_refuse_change_by_hand,
    calls_refuse_odd_row, offhook_text_fault, offhook_refuse_text, offhook_refuse_moment,
    offhook_range, offhook_sip_domain, offhook_destination_refusal, offhook_refuse_destination, offhook_countries_of, offhook_same_clock,
    offhook_zone_fault, offhook_refuse_zone, offhook_refuse_hours, offhook_recording
    to offhook_user;

-- A worker: its own attempt, by token, and nothing else.
grant execute on function worker_event, worker_progress, worker_seen, worker_turn, worker_tool_begin, worker_tool_end, worker_finish,
    worker_change_trunk
    to offhook_worker;

select offhook_keep_to_own_logins();
