-- Many calls at once, of which the right ones go in and the wrong ones come back with a sentence (`offhook call import`).

-- Inserts objects of `columns`; what an object leaves out, or has as null, takes its column's default.
create or replace function offhook_import_statement(columns text[]) returns text language sql stable set search_path from current as $$
    select format('insert into calls (%s) select %s from jsonb_to_recordset($1) as r (%s) on conflict (request_key) do nothing',
        string_agg(quote_ident(w.name), ', ' order by w.nth),
        string_agg(case when f.adbin is null then format('r.%I', w.name)
                        else format('coalesce(r.%I, %s)', w.name, pg_get_expr(f.adbin, f.adrelid)) end, ', ' order by w.nth),
        string_agg(format('%I %s', w.name, format_type(k.atttypid, k.atttypmod)), ', ' order by w.nth))
      from unnest(columns) with ordinality w (name, nth)
      join pg_attribute k on k.attrelid = 'calls'::regclass and k.attname = w.name and k.attnum > 0 and not k.attisdropped
      left join pg_attrdef f on f.adrelid = k.attrelid and f.adnum = k.attnum
$$;

-- The column of `fields` that cannot be read as what it is: a sentence and a hint, or null.
create or replace function offhook_import_fault(columns text[], fields jsonb) returns text[] language plpgsql stable
set search_path from current as $$
declare
    k record; said text;
begin
    for k in
        select t.attname as name, format_type(t.atttypid, t.atttypmod) as type, t.atttypid from pg_attribute t
         where t.attrelid = 'calls'::regclass and t.attname = any(columns) and t.attnum > 0 order by array_position(columns, t.attname::text)
    loop
        begin
            execute format('select r.%I from jsonb_to_record($1) as r (%I %s)', k.name, k.name, k.type) into said using fields;
        exception when data_exception then
            said := left(fields ->> k.name, 60);
            return case
                when k.type in ('integer', 'smallint', 'bigint') then
                    array[format('%s "%s" is not a whole number', k.name, said), 'Write digits only, such as 4.']
                when k.type = 'date' then array[format('%s "%s" is not a day', k.name, said), 'Write it as 2030-12-04.']
                when k.type like 'time without%' then array[format('%s "%s" is not a time of day', k.name, said), 'Write it as 19:30.']
                when k.type like 'timestamp%' then array[format('%s "%s" is not a moment', k.name, said), 'Write it as 2030-12-04T19:30:00Z.']
                when k.type = 'boolean' then array[format('%s "%s" is neither true nor false', k.name, said), 'Write true or false.']
                when k.type = 'interval' then array[format('%s "%s" is not a length of time', k.name, said), 'Write it as 2 hours, or 30 days.']
                when k.type = 'date[]' then array[format('%s "%s" is not a list of days', k.name, said),
                    'Write it as {2030-12-05,2030-12-06}; in JSON also as ["2030-12-05"].']
                when exists (select from pg_enum e where e.enumtypid = k.atttypid) then
                    array[format('%s "%s" is not known', k.name, said),
                        'Use ' || (select string_agg(e.enumlabel, ', ' order by e.enumsortorder) from pg_enum e where e.enumtypid = k.atttypid) || '.']
                else array[format('%s "%s" does not fit', k.name, said), format('The column is of the type %s.', k.type)] end;
        end;
    end loop;
    return null;
end $$;

-- Inserts the objects of the array `calls`. Returns how many are new, and which were refused, counted from 0; the others are known by
-- their request_key. 04/12/2030 is refused: it may be April or December.
create or replace function offhook_import(columns text[], calls jsonb) returns jsonb language plpgsql
set search_path from current set datestyle = 'ISO, YMD' as $$
declare
    statement constant text := offhook_import_statement(columns);
    total constant int := jsonb_array_length(calls);
    -- All at once; where one of them is wrong, block by block, and row by row within the block that has it.
    block constant int := 32;
    first int := 0; size int := greatest(total, 1); part jsonb;
    inserted int := 0; here int; refused jsonb := '[]'; sentence text; hint text; fault text[];
begin
    while first < total loop
        begin
            part := jsonb_path_query_array(calls, '$[$first to $last]', jsonb_build_object('first', first, 'last', least(first + size, total) - 1));
            execute statement using part;
            get diagnostics here = row_count;
            inserted := inserted + here;
            first := first + size;
        exception when data_exception or integrity_constraint_violation then
            if size > 1 then
                size := case when size > block then block else 1 end;
                continue;
            end if;
            get stacked diagnostics sentence = message_text, hint = pg_exception_hint;
            if sqlstate like '22%' then
                fault := offhook_import_fault(columns, calls -> first);
                sentence := coalesce(fault[1], sentence);
                hint := coalesce(fault[2], hint);
            end if;
            refused := refused || jsonb_build_object('nth', first, 'sentence', sentence, 'hint', nullif(hint, ''));
            first := first + 1;
        end;
        if size = 1 and first % block = 0 then
            size := block;
        end if;
    end loop;
    return jsonb_build_object('inserted', inserted, 'refused', refused);
end $$;
