-- The roles; functions/grants.sql says who may do what. Roles belong to the whole cluster and cannot log in by themselves: give them
-- to your own login roles, such as
--   create role worker login password '…' in role offhook_worker;
-- Where the migrating role may not create roles, somebody who may does it first, and `migrate` grants the rest.

do $$
declare wanted text;
begin
    foreach wanted in array array['offhook_user', 'offhook_worker'] loop
        begin
            if not exists (select from pg_roles where rolname = wanted) then
                execute format('create role %I nologin', wanted);
            end if;
        exception when duplicate_object or unique_violation then
            null; -- another database of the cluster is being migrated at the same moment
        end;
    end loop;
end $$;
