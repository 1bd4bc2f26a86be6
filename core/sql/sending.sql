-- A number for each batch that is handed to the outside. A sequence, because two senders must not wait for one row.
CREATE SEQUENCE IF NOT EXISTS core_sending_seq;

-- Whether nothing may be sent: a person or a restore holds it, or this database is older than what the caller has sent from
-- it before (core/marker.py). Every claim asks this in its own statement.
CREATE OR REPLACE FUNCTION core_sending_held(p_line uuid, p_seen bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM core_sendinghold h
        WHERE h.held OR (h.line = p_line AND (SELECT last_value FROM core_sending_seq) < p_seen))
$$;
