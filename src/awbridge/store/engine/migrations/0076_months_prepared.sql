-- compatible from: 0073 (older versions write no id of a month after the next)
-- Calls, events and their deliveries go by age: 0077 makes them tables with a partition for each month. A large table becomes
-- the first of its partitions, without being copied. What proves that its rows belong there is validated by 0077, while
-- others read and write. A table with an id of a time far ahead stays as the partition of what has no month.
{{postgres:
DO $body$
DECLARE
  family text[];
  one text;
  key text;
  ends bigint := extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC') + interval '2 months')::bigint
    * 1000000 * 1024;
  newest bigint;
  latest bigint;
  large boolean;
BEGIN
  FOREACH family SLICE 1 IN ARRAY ARRAY[ARRAY['attempts', 'attempts'], ARRAY['events', 'event_deliveries']] LOOP
    large := false;
    latest := 0;
    FOREACH one IN ARRAY family LOOP
      key := CASE one WHEN 'event_deliveries' THEN 'event_id' ELSE 'id' END;
      EXECUTE format('SELECT max(newest) FROM generate_series(0, 63) AS shards (number),
        LATERAL (SELECT max(%I) AS newest FROM %I WHERE shard = shards.number) AS found', key, one) INTO newest;
      latest := greatest(latest, newest);
      large := large OR pg_relation_size(to_regclass(one)) >= 64 * 1024 * 1024;
    END LOOP;
    IF large AND latest < ends THEN
      FOR one IN SELECT DISTINCT unnest(family) LOOP
        key := CASE one WHEN 'event_deliveries' THEN 'event_id' ELSE 'id' END;
        EXECUTE format('ALTER TABLE %I ADD CONSTRAINT %I CHECK (%I < %s) NOT VALID', one, one || '_until', key, ends);
      END LOOP;
    END IF;
  END LOOP;
END
$body$;}}
