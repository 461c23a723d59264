-- compatible from: 0073 (older versions send the same statements, and delete by the row what could go by the month)
-- Calls, events and their deliveries become tables with partitions, into which nothing is copied: the table that there is
-- becomes the partition of what has no month of its own, or, where it is large, the first one, up to the end of the next month.
-- Its indexes become parts of the new table's. store/engine/partitions.py makes and drops months.
-- Deliveries (inbox) are kept once by their identity, whatever their age, so they have no partitions: there autovacuum starts
-- once a fiftieth of the rows is gone, as after a night's retention, and not a fifth.
{{postgres:
DO $body$
DECLARE
  one text;
  key text;
  part text;
  own record;
  ends text;
  found text;
  definition text;
  definitions text[];
  granted record;
BEGIN
  FOREACH one IN ARRAY ARRAY['attempts', 'event_deliveries', 'events'] LOOP
    SELECT string_agg(DISTINCT pg_describe_object(depends.classid, depends.objid, 0), ', ') INTO found
    FROM pg_depend depends
    WHERE depends.refclassid = 'pg_class'::regclass AND depends.refobjid = to_regclass(one)
      AND (depends.classid IN ('pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_policy'::regclass,
          'pg_publication_rel'::regclass)
        OR depends.classid = 'pg_constraint'::regclass
          AND EXISTS (SELECT 1 FROM pg_constraint c WHERE c.oid = depends.objid AND c.contype = 'f'));
    IF found IS NOT NULL THEN
      RAISE EXCEPTION 'the table % gets partitions, and % would see only one of them: drop that, migrate, create it again',
        one, found;
    END IF;
    IF EXISTS (SELECT 1 FROM pg_constraint WHERE conrelid = to_regclass(one) AND conname = one || '_until') THEN
      EXECUTE format('ALTER TABLE %I VALIDATE CONSTRAINT %I', one, one || '_until');
    END IF;
  END LOOP;
  LOCK TABLE attempts, events, event_deliveries IN ACCESS EXCLUSIVE MODE;
  FOREACH one IN ARRAY ARRAY['attempts', 'events', 'event_deliveries'] LOOP
    key := CASE one WHEN 'event_deliveries' THEN 'event_id' ELSE 'id' END;
    SELECT class.oid, class.relacl, class.relowner, class.relowner::regrole::text AS owner,
      quote_ident(space.nspname) AS space
    INTO own FROM pg_class class JOIN pg_namespace space ON space.oid = class.relnamespace
    WHERE class.oid = to_regclass(one);
    SELECT substring(pg_get_constraintdef(oid) FROM '[0-9]{12,}') INTO ends
    FROM pg_constraint WHERE conrelid = own.oid AND conname = one || '_until';
    part := one || CASE WHEN ends IS NULL THEN '_default' ELSE '_first' END;
    SELECT array_agg(pg_get_indexdef(indexrelid) ORDER BY indexrelid) INTO definitions
    FROM pg_index WHERE indrelid = own.oid AND NOT indisprimary;
    SELECT pg_get_constraintdef(oid) INTO definition FROM pg_constraint WHERE conrelid = own.oid AND contype = 'p';
    FOR found IN SELECT index.relname FROM pg_index JOIN pg_class index ON index.oid = indexrelid WHERE indrelid = own.oid LOOP
      EXECUTE format('ALTER INDEX %s.%I RENAME TO %I', own.space, found, replace(found, one, part));
    END LOOP;
    EXECUTE format('ALTER TABLE %s.%I RENAME TO %I', own.space, one, part);
    EXECUTE format('CREATE TABLE %s.%I (LIKE %s.%I INCLUDING DEFAULTS INCLUDING STORAGE) PARTITION BY RANGE (%I)',
      own.space, one, own.space, part, key);
    EXECUTE format('ALTER TABLE %s.%I ADD CONSTRAINT %I %s', own.space, one, one || '_pkey', definition);
    FOREACH found IN ARRAY coalesce(definitions, '{}') LOOP
      EXECUTE found;
    END LOOP;
    IF ends IS NULL THEN
      EXECUTE format('ALTER TABLE %s.%I ATTACH PARTITION %s.%I DEFAULT', own.space, one, own.space, part);
    ELSE
      EXECUTE format('ALTER TABLE %s.%I ATTACH PARTITION %s.%I FOR VALUES FROM (MINVALUE) TO (%s)',
        own.space, one, own.space, part, ends);
      EXECUTE format('ALTER TABLE %s.%I DROP CONSTRAINT %I', own.space, part, one || '_until');
      EXECUTE format('CREATE TABLE %s.%I PARTITION OF %s.%I DEFAULT', own.space, one || '_default', own.space, one);
      EXECUTE format('ALTER TABLE %s.%I OWNER TO %s', own.space, one || '_default', own.owner);
    END IF;
    FOR granted IN SELECT acl.privilege_type AS what, acl.is_grantable AS further,
        CASE acl.grantee WHEN 0 THEN 'PUBLIC' ELSE acl.grantee::regrole::text END AS role
      FROM aclexplode(own.relacl) acl WHERE acl.grantee <> own.relowner LOOP
      EXECUTE format('GRANT %s ON %s.%I TO %s%s', granted.what, own.space, one, granted.role,
        CASE WHEN granted.further THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    EXECUTE format('ALTER TABLE %s.%I OWNER TO %s', own.space, one, own.owner);
  END LOOP;
END
$body$;
ALTER TABLE inbox SET (autovacuum_vacuum_scale_factor = 0.02);}}
