-- What keeps a queued call that is due from being made at `moment`, whatever room there is; all null where nothing does.
-- `taken`: a call to its number has been claimed a moment ago.
--   goes_to  the state it belongs into: cancelled or expired, or queued where it only has to wait
--   because  for people
--   until    when it may be made again
--   waits    what for, as in calls.waits_for
create or replace function offhook_obstacle(c calls, moment timestamptz, home installation, taken boolean default false,
    out goes_to call_state, out because text, out until timestamptz, out waits text)
language plpgsql stable as $$
declare unwanted text; wrong_zone text[]; busy boolean; rung numbers; here text := c.restaurant_zone; called text := coalesce(c.reaches, c.number);
begin
    if c.cancel_requested then
        goes_to := 'cancelled'; because := 'taken back by the user';
        return;
    elsif c.not_after <= moment then
        goes_to := 'expired'; because := coalesce(c.why || '; ', '') || 'not_after passed';
        return;
    elsif offhook_wanted_table(c) <= moment then
        goes_to := 'expired'; because := coalesce(c.why || '; ', '') || 'the time of the wanted table has passed';
        return;
    end if;
    unwanted := (select d.reason from do_not_call d where d.number = called);
    if unwanted is not null then
        goes_to := 'cancelled'; because := 'the number is on the do-not-call list: ' || unwanted;
        return;
    end if;
    until := offhook_next_calling_moment(moment, called, here, c.calling_from, c.calling_to);
    wrong_zone := offhook_zone_fault(c.number, here, c.trunk);
    if wrong_zone is not null then
        -- A row of before zones were compared: nobody is rung by another country's clock. It waits for whoever corrects it.
        until := moment + interval '1 hour';
        waits := 'calling_hours'; because := wrong_zone[1];
    elsif until is distinct from moment then
        waits := 'calling_hours'; because := 'waits for the calling hours';
    else
        until := null;
        select * into rung from numbers n where n.number = called;
        busy := taken or exists (select from calls o where coalesce(o.reaches, o.number) = called and o.state in ('claimed', 'dialing', 'talking'))
            -- Of before a call and its attempt had to agree: it may be dialling.
            or c.attempt > 0 and coalesce((select a.settled_at is null from attempts a where a.call_id = c.id and a.number = c.attempt), false);
        if busy then
            -- Its end wakes us (queue.sql); this is for the day nobody does.
            until := moment + interval '10 minutes';
            waits := 'other_call'; because := 'waits for the end of another call to this number';
        elsif rung.day = (moment at time zone here)::date and rung.rung >= home.calls_per_day then
            until := offhook_next_calling_moment((rung.day + 1)::timestamp at time zone here, called, here, c.calling_from, c.calling_to);
            waits := 'daily_cap'; because := format('the number has been rung %s times today', rung.rung);
        elsif rung.last_rung_at + home.quiet_time > moment then
            until := offhook_next_calling_moment(rung.last_rung_at + home.quiet_time, called, here, c.calling_from, c.calling_to);
            waits := 'quiet_time'; because := 'the number was rung a moment ago';
        else
            return;
        end if;
    end if;
    goes_to := 'queued';
    if waits <> 'other_call' and (until is null or until >= c.not_after) then
        goes_to := 'expired';
        because := case when wrong_zone is not null then because || ', and there is no time left before not_after'
                        when waits = 'calling_hours' then 'no calling hours are left before not_after'
                              else because || ', and there is no time left before not_after' end;
        until := null; waits := null;
    end if;
end $$;
