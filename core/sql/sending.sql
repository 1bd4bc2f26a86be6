-- A number for each outgoing batch. A sequence, because two senders must not wait for one row.
CREATE SEQUENCE IF NOT EXISTS core_sending_seq;

-- True if nothing may be sent: a person or a restore holds sending, or this database is older than the batches that the
-- caller has sent from it (core/sending/marker.py). Every claim calls this in its own statement.
CREATE OR REPLACE FUNCTION core_sending_held(p_line uuid, p_seen bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (
        SELECT FROM core_sendinghold h
        WHERE h.held OR (h.line = p_line AND (SELECT last_value FROM core_sending_seq) < p_seen))
$$;
