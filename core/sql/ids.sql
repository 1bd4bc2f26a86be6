-- Ids in the order of time if the server can make them (PostgreSQL 18): new entries are then neighbours in the index,
-- and a row of a busy table does not cost a separate page in the log.
DO $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION core_new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS %L',
        CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 'SELECT uuidv7()' ELSE 'SELECT gen_random_uuid()' END);
END $$;
