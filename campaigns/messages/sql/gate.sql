-- Functions of time and chance for the gate in the database. tests/reference/gate.py computes the same in Python; a test
-- compares both.

-- Return the holdout's bucket, 0 to 99: a hash of origin and customer, so that it is the same on every machine (X1).
CREATE OR REPLACE FUNCTION campaigns_bucket(p_origin text, p_customer bigint) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (('x' || left(encode(sha256(convert_to(p_origin || '/' || p_customer::text, 'UTF8')), 'hex'), 8))::bit(32)::bigint
            % 100)::integer
$$;

-- Return the end of the quiet hours at p_now, or NULL outside them (J6). Two equal times turn them off.
CREATE OR REPLACE FUNCTION campaigns_quiet_until(p_now timestamptz, p_zone text, p_from time, p_until time)
RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN p_from = p_until THEN NULL
        WHEN p_from < p_until AND l.t >= p_from AND l.t < p_until THEN (l.d + p_until) AT TIME ZONE p_zone
        WHEN p_from > p_until AND l.t < p_until THEN (l.d + p_until) AT TIME ZONE p_zone
        WHEN p_from > p_until AND l.t >= p_from THEN (l.d + 1 + p_until) AT TIME ZONE p_zone
        END
    FROM (SELECT (p_now AT TIME ZONE p_zone)::time AS t, (p_now AT TIME ZONE p_zone)::date AS d) AS l
$$;

-- Return how long after the quiet hours a message waits, so that the messages of the morning are spread out (J6).
CREATE OR REPLACE FUNCTION campaigns_spread(p_id uuid, p_minutes integer) RETURNS interval
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT make_interval(secs => CASE WHEN p_minutes > 0 THEN
        ('x' || right(p_id::text, 8))::bit(32)::bigint % (p_minutes * 60) ELSE 0 END)
$$;

-- Return why a message must not be sent any more: its rule or journey was paused, or its reason is gone (J4). NULL:
-- send it.
CREATE OR REPLACE FUNCTION campaigns_unmatched(p_origin text, p_occurrence text, p_customer bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE r record;
BEGIN
    IF p_origin LIKE 'broadcast:%' THEN
        RETURN campaigns_broadcast_unmatched(split_part(p_origin, ':', 2)::bigint, p_customer);
    ELSIF p_origin LIKE 'journey:%' THEN
        RETURN campaigns_journey_unmatched(p_occurrence, p_customer);
    ELSIF p_origin NOT LIKE 'care:%' THEN
        RETURN NULL;
    END IF;
    SELECT trigger, state, segment_id INTO r FROM campaigns_carerule WHERE id = split_part(p_origin, ':', 2)::bigint;
    IF NOT FOUND OR r.state <> 'active' THEN
        RETURN 'rule_paused';
    ELSIF r.segment_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM analytics_segmentmembership m
        WHERE m.segment_id = r.segment_id AND m.customer_id = p_customer AND m.left_at IS NULL) THEN
        RETURN 'left_segment';
    ELSIF r.trigger = 'no_order' AND EXISTS (
        SELECT FROM crm_order o WHERE o.customer_id = p_customer AND crm_order_counts(o.state, o.refunded, o.total)
            AND o.paid_at > substr(p_occurrence, 6)::timestamptz) THEN
        RETURN 'left_segment';
    ELSIF r.trigger = 'after_purchase' AND NOT EXISTS (
        SELECT FROM crm_order o WHERE o.id = split_part(p_occurrence, ':', 2)::bigint
            AND crm_order_counts(o.state, o.refunded, o.total)) THEN
        RETURN 'left_segment';
    END IF;
    RETURN NULL;
END $$;
