-- Wrong rows of retry_policies, and of the columns that name one, are refused with a sentence that says what to change.

create or replace function retry_policies_refuse_wrong_row() returns trigger language plpgsql as $$
declare
    missing text; pause record;
begin
    select key into missing from jsonb_each(to_jsonb(new)) where jsonb_typeof(value) = 'null' order by key limit 1;
    if missing is not null then
        perform offhook_refuse(format('%s of the retry policy is missing', missing), case missing
            when 'name' then 'Give a short name in lower case, such as patient.'
            else format('Leave %s out to take its default; an explicit null is not taken.', missing) end,
            missing, 'not_null_violation');
    end if;
    if new.name !~ '^[a-z0-9][a-z0-9_-]{0,62}$' then
        perform offhook_refuse(format('the name "%s" of a retry policy is not a word', new.name),
            'Use 1 to 63 lower-case letters, digits, dashes and underscores, such as patient.', 'retry_policy_name_is_a_word');
    end if;
    if tg_op = 'UPDATE' and old.name = 'default' and new.name <> 'default' then
        perform offhook_refuse('the retry policy "default" cannot have another name',
            'Insert a policy of that name, and name it in retry_policy of calls or trunks.', 'the_default_policy_stays');
    end if;
    for pause in
        select * from (values ('busy', new.busy_from, new.busy_to), ('no_answer', new.no_answer_from, new.no_answer_to),
            ('machine', new.machine_from, new.machine_to), ('trunk_failure', new.trunk_failure_from, new.trunk_failure_to),
            ('dropped', new.dropped_from, new.dropped_to),
            ('provider_failure', new.provider_failure_from, new.provider_failure_to)) p (name, least, most)
    loop
        if pause.least < interval '0' or pause.most < interval '0' or pause.least > interval '30 days' or pause.most > interval '30 days' then
            perform offhook_refuse(
                format('the pause %s to %s after "%s" of retry policy "%s" cannot be', pause.least, pause.most, pause.name, new.name),
                'Use 0 to 30 days, such as ''5 minutes''.', 'retry_policy_pauses_are_at_most_30_days');
        elsif pause.least > pause.most then
            perform offhook_refuse(format('%s_from %s of retry policy "%s" is longer than %s_to %s', pause.name, pause.least, new.name,
                    pause.name, pause.most),
                format('Set %s_from to the shortest pause and %s_to to the longest; both the same is always that pause.', pause.name, pause.name),
                'retry_policy_pauses_are_in_order');
        end if;
    end loop;
    if new.machine_times not between 0 and 10 or new.dropped_times not between 0 and 10 then
        perform offhook_refuse(format('machine_times %s or dropped_times %s of retry policy "%s" cannot be', new.machine_times,
                new.dropped_times, new.name),
            'Use 0 (never again) to 10.', 'retry_policy_times_are_0_to_10');
    end if;
    if new.provider_failure_times not between 0 and 10 then
        perform offhook_refuse(format('provider_failure_times %s of retry policy "%s" cannot be', new.provider_failure_times, new.name),
            'Use 0 (a person looks at the first) to 10.', 'retry_policy_provider_failure_times_are_0_to_10');
    end if;
    if new.lost_times not between 0 and 100 then
        perform offhook_refuse(format('lost_times %s of retry policy "%s" cannot be', new.lost_times, new.name),
            'Use 0 (a person looks at the first) to 100.', 'retry_policy_lost_times_are_0_to_100');
    end if;
    return new;
end $$;

create or replace trigger retry_policies_refuse_wrong_row before insert or update on retry_policies
    for each row execute function retry_policies_refuse_wrong_row();

create or replace function retry_policies_before_delete() returns trigger language plpgsql as $$
declare
    named_by text;
begin
    if old.name = 'default' then
        perform offhook_refuse('the retry policy "default" cannot be deleted', 'Change its values instead.', 'the_default_policy_stays');
    end if;
    select format('trunk "%s"', t.name) into named_by from trunks t where t.retry_policy = old.name limit 1;
    if named_by is null then
        select 'call ' || c.id into named_by from calls c where c.retry_policy = old.name limit 1;
    end if;
    if named_by is not null then
        perform offhook_refuse(format('the retry policy "%s" cannot be deleted: %s names it', old.name, named_by),
            'Set retry_policy to another one there, or to null for the default, or keep it.', 'retry_policy_is_known', 'foreign_key_violation');
    end if;
    return old;
end $$;

create or replace trigger retry_policies_before_delete before delete on retry_policies
    for each row execute function retry_policies_before_delete();

-- For calls and trunks alike. Costs nothing where no policy is named.
create or replace function offhook_refuse_unknown_retry_policy() returns trigger language plpgsql as $$
begin
    if not exists (select from retry_policies p where p.name = new.retry_policy) then
        perform offhook_refuse(format('there is no retry policy "%s"', new.retry_policy),
            format('Use one of %s, leave retry_policy out for the default, or insert it into retry_policies first.',
                (select string_agg(p.name, ', ' order by p.name) from retry_policies p)),
            tg_table_name || '_retry_policy_fkey', 'foreign_key_violation');
    end if;
    return new;
end $$;

create or replace trigger calls_refuse_unknown_retry_policy before insert or update of retry_policy on calls
    for each row when (new.retry_policy is not null) execute function offhook_refuse_unknown_retry_policy();

create or replace trigger trunks_refuse_unknown_retry_policy before insert or update of retry_policy on trunks
    for each row when (new.retry_policy is not null) execute function offhook_refuse_unknown_retry_policy();
