-- Who may connect. The roles offhook_user and offhook_worker belong to the whole server, so a login of another installation on it has their
-- rights here as well: it is kept out of the database. That is done where `offhook setup` has made the database, which is offhook's alone then;
-- in any other, logins of the user's own applications may be at work, and its owner does it (docs/security.md).

-- Takes the right to connect from PUBLIC, and gives it to the logins that setup made for this database. Whoever could connect until now and
-- has something to do here keeps it: roles that own or were granted anything in this database, people's own logins in our roles, and
-- monitoring and backups. Does nothing a second time, but for a login of ours that is new.
create or replace function offhook_keep_to_own_logins() returns void language plpgsql as $$
declare
    made constant text := 'made by offhook setup for %';   -- how setup marks its roles (coordinator/src/command/setup/answers.rs)
    home record; login record;
begin
    select d.oid, d.datname as name, shobj_description(d.datdba, 'pg_authid') as mark, pg_get_userbyid(d.datdba) as owner,
           exists (select from aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
                    where a.grantee = 0 and a.privilege_type = 'CONNECT') as open
      into home from pg_database d where d.datname = current_database();
    if coalesce(home.mark, '') not like made or home.owner <> home.name or not pg_has_role(home.owner, 'usage') then
        return;
    end if;
    if home.open then
        for login in
            select r.rolname from pg_roles r left join lateral (select shobj_description(r.oid, 'pg_authid') as mark) m on true
             where r.rolname in ('pg_monitor', 'pg_read_all_data')
                or r.rolname not in ('offhook_user', 'offhook_worker') and r.rolname <> home.owner and exists (
                    select from pg_shdepend s where s.dbid = home.oid and s.refclassid = 'pg_authid'::regclass and s.refobjid = r.oid)
                or r.rolcanlogin and not r.rolsuper and coalesce(m.mark, '') not like made and exists (
                    select from pg_auth_members g join pg_roles ours on ours.oid = g.roleid
                     where g.member = r.oid and ours.rolname in ('offhook_user', 'offhook_worker'))
        loop
            execute format('grant connect on database %I to %I', home.name, login.rolname);
        end loop;
        execute format('revoke connect on database %I from public', home.name);
    end if;
    for login in
        select r.rolname from pg_roles r
         where r.rolname in (home.name || '_worker_login', home.name || '_user_login') and shobj_description(r.oid, 'pg_authid') = home.mark
           and not has_database_privilege(r.oid, home.oid, 'connect')
    loop
        execute format('grant connect on database %I to %I', home.name, login.rolname);
    end loop;
end $$;
