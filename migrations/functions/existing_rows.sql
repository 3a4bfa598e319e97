-- Rows of before, as these functions expect them. Looked at with every change of a function; where nothing is to do, nothing happens.

-- What a SIP address reaches. A call that somebody is making just now gets it when it is over.
update calls set reaches = null where id in (
    select c.id from calls c
     where c.number like 'sip%' and c.reaches is null and c.state not in ('claimed', 'dialing', 'talking') and offhook_reaches(c) is not null
       for update skip locked);

do $$
declare row_of record; reached text;
begin
    for row_of in select * from do_not_call where number like 'sip%' loop
        reached := offhook_reached_number(row_of.number);
        if reached <> row_of.number then
            insert into do_not_call (number, reason, call_id, added_at)
            values (reached, coalesce(offhook_reason(row_of.reason), 'asked not to be called'), row_of.call_id,
                    least(now(), greatest(row_of.added_at, '2000-01-01 UTC')))
            on conflict do nothing;
            delete from do_not_call where number = row_of.number;
        end if;
    end loop;
end $$;
update opening_times o set number = offhook_reached_number(o.number)
 where o.number like 'sip%' and offhook_reached_number(o.number) <> o.number
   and not exists (select from opening_times k where k.number = offhook_reached_number(o.number));
update closed_days d set number = offhook_reached_number(d.number)
 where d.number like 'sip%' and offhook_reached_number(d.number) <> d.number
   and not exists (select from closed_days k where k.number = offhook_reached_number(d.number));
update numbers n set number = offhook_reached_number(n.number)
 where n.number like 'sip%' and offhook_reached_number(n.number) <> n.number
   and not exists (select from numbers k where k.number = offhook_reached_number(n.number));
