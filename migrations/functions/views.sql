-- One row per call, the outcome flattened: what a person selects. The attempt shown is the one that reached an outcome, else the last
-- one. Made anew with every change, so that columns can change.
drop view if exists call_results, trunk_status, provider_status;

create view call_results as
select c.id, c.request_key, c.kind, c.state, c.why, c.restaurant_name, c.number, c.guest_name, c.party_size,
       c.wanted_date, c.wanted_time,
       a.disposition, a.outcome, a.agreed_date, a.agreed_time, a.agreed_party, a.agreed_name, a.reference, a.notes,
       a.offers, a.evidence, a.language, a.sip_code, a.sip_reason,
       c.attempt as attempts, a.number as attempt, a.answered_at, a.ended_at,
       case when a.answered_at is not null then extract(epoch from a.ended_at - a.answered_at)::double precision end
           as talked_seconds,
       r.uri as recording, r.duration_ms as recording_ms, l.uri as event_log,
       c.due_at, c.created_at, c.finished_at, c.delete_after,
       a.trunk, a.failed_trunks, a.cause, a.ended_by::text, a.ended_cause, a.failed_provider,
       a.detail, a.codec, a.loss_percent, a.jitter_ms, a.round_trip_ms, a.mos
from calls c
left join lateral (
    select * from attempts a where a.call_id = c.id order by (a.outcome is not null) desc, a.number desc limit 1
) a on true
left join recordings r on r.call_id = a.call_id and r.attempt = a.number
left join event_logs l on l.call_id = a.call_id and l.attempt = a.number;

create view trunk_status as
select t.name, t.host, t.port, t.transport, t.preference,
       case when not t.enabled then 'disabled' when t.paused then 'paused' when t.paused_until is null then 'ready'
            when t.paused_until > now() then 'resting' else 'probing' end as state,
       t.pause_reason, t.paused_until, t.failures, l.live, t.max_concurrent, t.fallback
from trunks t
cross join lateral (
    select count(*)::int as live from attempts a where a.trunk = t.name and a.settled_at is null
) l;

-- The recogniser's, the language model's and the voice's servers: `works`, `failing` (calls were spoiled, not yet enough to open the
-- breaker), `paused` (open: nobody is called) or `probing` (a probe is due or under way).
create view provider_status as
select b.provider, b.server,
       case when b.paused_until > now() then 'paused' when b.paused_until is not null then 'probing'
            when b.reason is not null then 'failing' else 'works' end as state,
       b.reason, b.failures, b.paused_until, b.failed_at, b.worked_at, b.checked_at, b.latency_ms
from provider_breakers b;
