-- Up to `most` free blocks of four UDP ports of a machine, wandering through the range so that late packets of the last call meet
-- nobody. What is bound to which of the four, and their number, is said in src/attempt.rs (PORTS_PER_ATTEMPT). A series in the select list is made one by one: nothing beyond what is needed is looked at.
create or replace function offhook_free_ports(on_host text, port_first int, port_last int, wander bigint, most int) returns int[]
language plpgsql stable as $$
begin
    return (select coalesce(array_agg(f.base), '{}') from (
        select s.base from (
            select port_first + ((wander % blocks.n + generate_series(0, blocks.n - 1)) % blocks.n)::int * 4 as base
              from (select (port_last - port_first + 1) / 4 as n) blocks where blocks.n > 0
        ) s
         where (select true from port_leases l where l.host = on_host and l.base = s.base) is null
         limit most
    ) f);
end $$;
drop function if exists offhook_free_port(text, int, int, bigint);

-- Claims up to as many due calls as there are `token_hashes` (sha-256 of the tokens their workers will carry).
--   claimed   the calls, each now with a new current attempt, a lease, and four ports of `on_host`
--   wait_ms   set where a due call waits for nothing but its trunk's calls per second, or was not looked at: ask again then
--   no_ports  a due call waits for ports
-- One claimer at a time in the whole database (advisory lock), so that limits are counted on what is, not on what was. It looks at the
-- head of the queue; what it finds there that cannot be made is not ready any more, so that nobody looks at it again before something changes.
-- Plans that do not take the indexes are ruled out: a session may have made its plans while the tables were small. Nobody is woken by
-- a claim, since it leaves less to do than before (wake_ups.sql): it says what it is by a setting of the transaction, because only a
-- superuser may give one of its own making to a function.
--   servers   of the recogniser, the language model and the voice of whoever claims; nothing is claimed while the circuit breaker of one
--             of them is open (provider_breaker.sql); null: of any
drop function if exists offhook_claim(text, text, text, interval, int, int, bytea[]);
create or replace function offhook_claim(coordinator text, on_host text, namespace text, lease interval, port_first int, port_last int,
    token_hashes bytea[], servers text[] default null, out claimed bigint[], out wait_ms int, out no_ports boolean)
language plpgsql set search_path from current set enable_seqscan = off set enable_bitmapscan = off set jit = off set plan_cache_mode = force_generic_plan
as $$
declare
    moment timestamptz;
    home installation;
    wanted int;
    -- The ways out; and by trunk: its name, and what it may still take.
    lanes text[]; sip_only boolean[]; lane_trunks int[];
    open_trunks text[]; rates double precision[]; rooms int[]; buckets double precision[]; left_over double precision[];
    -- The head of the queue, and over which trunk each of it may go.
    heads bigint[]; head_trunks int[];
    first int; size int; moved int;
begin
    claimed := '{}';
    no_ports := false;
    wanted := coalesce(cardinality(token_hashes), 0);
    if wanted = 0 then return; end if;
    perform pg_advisory_xact_lock(1869768040, 1);
    moment := clock_timestamp();
    select * into home from installation where single;
    -- Which of them are ours is asked only where one is open: this is under the lock that all claimers wait for.
    if home.paused or (exists (select from provider_breakers b where b.paused_until is not null)
                       and exists (select from offhook_open_breakers(servers))) then
        return;
    end if;
    perform set_config('offhook.claiming', 'yes', true);
    perform offhook_let_in(moment, greatest(4 * wanted, 32));
    if home.max_concurrent is not null then
        wanted := least(wanted, home.max_concurrent - offhook_live_calls_in_all());
        if wanted <= 0 then
            perform set_config('offhook.claiming', '', true);
            return;
        end if;
    end if;
    select array_agg(w.lane), array_agg(w.sip_only), array_agg(w.nth),
           array_agg(w.trunk) filter (where w.lane = w.trunk), array_agg(w.per_second) filter (where w.lane = w.trunk),
           array_agg(w.room) filter (where w.lane = w.trunk), array_agg(w.bucket) filter (where w.lane = w.trunk)
      into lanes, sip_only, lane_trunks, open_trunks, rates, rooms, buckets
      from (select * from offhook_ways_out(moment) order by nth, lane) w;
    if lanes is null then
        perform set_config('offhook.claiming', '', true);
        return;
    end if;
    left_over := buckets;

    <<look>>
    for round in 1 .. 8 loop
        select array_agg(h.id order by h.turn_at, h.id, h.nth), array_agg(h.nth order by h.turn_at, h.id, h.nth)
          into heads, head_trunks
          from unnest(lanes, sip_only, lane_trunks) w (lane, sip_only, nth)
         cross join lateral (
            select k.id, k.turn_at, w.nth from calls k
             where k.state = 'queued' and k.ready and offhook_lane(k.trunk, k.number) = w.lane
               and (not w.sip_only or k.number like 'sip%')
             order by k.turn_at, k.id
             -- A few more than can be taken, in case some cannot be made; many more where that was so.
             limit case when rooms[w.nth] <= 0 then 0 when round = 1 then least(wanted, rooms[w.nth]) + 4 else 64 end
             for update skip locked) h;
        moved := 0;
        first := 1;
        size := cardinality(heads);
        while first <= cardinality(heads) loop
            declare
                free_ports int[] := offhook_free_ports(on_host, port_first, port_last, heads[first], least(size, wanted - cardinality(claimed)));
                room int[] := rooms; bucket double precision[] := buckets; wait int := wait_ms; short_of_ports boolean := false;
                taken bigint[] := '{}'; over int[] := '{}'; numbers_taken text[] := '{}';
                sent bigint[] := '{}'; states call_state[] := '{}'; whys text[] := '{}'; dues timestamptz[] := '{}'; waits text[] := '{}';
                c calls; nth int; head record; obstacle record;
            begin
                for head in
                    select h.nth, k as call from unnest(heads[first : first + size - 1], head_trunks[first : first + size - 1])
                                         with ordinality h (id, nth, place) join calls k on k.id = h.id order by h.place
                loop
                    c := head.call; nth := head.nth;
                    exit when cardinality(claimed) + cardinality(taken) >= wanted;
                    continue when room[nth] <= 0 or c.id = any (taken) or c.id = any (sent);
                    obstacle := offhook_obstacle(c, moment, home, coalesce(c.reaches, c.number) = any (numbers_taken));
                    if obstacle.goes_to is not null then
                        sent := sent || c.id; states := states || obstacle.goes_to; whys := whys || obstacle.because;
                        dues := dues || coalesce(obstacle.until, c.due_at); waits := waits || obstacle.waits;
                    elsif bucket[nth] < 1 then
                        wait := least(coalesce(wait, 60000), ceil((1 - bucket[nth]) / rates[nth] * 1000)::int);
                        room[nth] := 0;                     -- nobody behind it gets through either
                    elsif cardinality(taken) >= cardinality(free_ports) then
                        short_of_ports := true;
                        exit;
                    else
                        taken := taken || c.id; over := over || nth; numbers_taken := numbers_taken || coalesce(c.reaches, c.number);
                        room[nth] := room[nth] - 1;
                        bucket[nth] := bucket[nth] - 1;
                    end if;
                end loop;
                if cardinality(taken) > 0 then
                    update calls k set state = 'claimed', attempt = k.attempt + 1, claimed_by = coordinator,
                           lease_until = moment + lease, why = null
                     where k.id = any (taken);
                    insert into attempts (call_id, number, trunk, host, container, sip_call_id, token_hash, port_base, servers)
                    select k.id, k.attempt, open_trunks[t.nth], on_host, format('%s-offhook-%s-%s', namespace, k.id, k.attempt),
                           format('%s-%s-%s@offhook', k.id, k.attempt, home.id), token_hashes[cardinality(claimed) + t.place], t.port, servers
                      from unnest(taken, over, free_ports) with ordinality t (id, nth, port, place) join calls k on k.id = t.id
                     where t.id is not null order by t.place;
                    insert into port_leases (host, base, call_id, attempt)
                    select on_host, a.port_base, a.call_id, a.number
                      from unnest(taken) t (id) join calls k on k.id = t.id join attempts a on a.call_id = k.id and a.number = k.attempt;
                    insert into events (call_id, attempt, kind, detail)
                    select k.id, k.attempt, 'claimed', jsonb_strip_nulls(jsonb_build_object('by', coordinator,
                           'trunk', open_trunks[t.nth], 'instead_of', nullif(k.trunk, open_trunks[t.nth])))
                      from unnest(taken, over) with ordinality t (id, nth, place) join calls k on k.id = t.id order by t.place;
                end if;
                if cardinality(sent) > 0 then
                    update calls k set state = s.state, why = s.why, due_at = s.due_at, waits_for = s.waits_for
                      from unnest(sent, states, whys, dues, waits) s (id, state, why, due_at, waits_for) where k.id = s.id;
                end if;
                -- Nothing has failed: it stands.
                claimed := claimed || taken; moved := moved + cardinality(sent);
                rooms := room; buckets := bucket; wait_ms := wait; no_ports := short_of_ports;
                first := first + size;
            exception when others then
                -- A lost lock, no room on the disk, a shutdown (appendix A of the manual): no row's fault, and the claim fails as a whole.
                if left(sqlstate, 2) in ('40', '53', '54', '55', '57', '58', 'XX') then
                    raise;
                elsif size = 1 then
                    update calls set due_at = moment + interval '10 minutes', waits_for = 'retry', why = 'could not be claimed: ' || sqlerrm
                     where id = heads[first];
                    moved := moved + 1;
                    first := first + 1;
                else
                    size := 1;                              -- one by one, so that the one that cannot be claimed stops nobody else
                end if;
            end;
            exit look when no_ports or cardinality(claimed) >= wanted;
        end loop;
        exit look when moved = 0;
        if round = 8 then
            wait_ms := 1;                                   -- so many could not be made that the queue is not looked through yet
        end if;
    end loop;
    update trunks t set tokens = u.now_left, refilled_at = moment
      from unnest(open_trunks, left_over, buckets) u (name, before, now_left)
     where t.name = u.name and u.now_left < u.before;
    perform set_config('offhook.claiming', '', true);
end $$;
