-- Return why a broadcast's message must not be sent any more: it was stopped, or the customer has left the segment
-- (J4).
CREATE OR REPLACE FUNCTION campaigns_broadcast_unmatched(p_broadcast bigint, p_customer bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE b record;
BEGIN
    SELECT state, segment_id INTO b FROM campaigns_broadcast WHERE id = p_broadcast;
    IF NOT FOUND OR b.state = 'stopped' THEN
        RETURN 'stopped';
    ELSIF NOT EXISTS (
        SELECT FROM analytics_segmentmembership m
        WHERE m.segment_id = b.segment_id AND m.customer_id = p_customer AND m.left_at IS NULL) THEN
        RETURN 'left_segment';
    END IF;
    RETURN NULL;
END $$;
