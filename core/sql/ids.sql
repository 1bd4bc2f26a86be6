-- Ids that come in the order of time where the server can make them (PostgreSQL 18): the next one then lies beside the last in
-- its index, and a row of a busy table does not cost a page of its own in the log.
DO $$
BEGIN
    EXECUTE format('CREATE OR REPLACE FUNCTION core_new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS %L',
        CASE WHEN current_setting('server_version_num')::int >= 180000 THEN 'SELECT uuidv7()' ELSE 'SELECT gen_random_uuid()' END);
END $$;
