-- Facts for journeys: whether an event happened to a customer, and whether a run must end. The engine, the entries and
-- the gate at the moment of sending use the same functions (J4).

-- Return whether an event's properties meet all conditions [{"field", "operator", "value"}]. A value that is no number
-- meets no comparison of size.
CREATE OR REPLACE FUNCTION campaigns_where(p_properties jsonb, p_conditions jsonb) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT NOT EXISTS (
        SELECT FROM jsonb_array_elements(coalesce(p_conditions, '[]')) AS c
        CROSS JOIN LATERAL (SELECT p_properties ->> (c ->> 'field') AS given, c ->> 'value' AS wanted) AS v
        WHERE NOT coalesce(CASE c ->> 'operator'
            WHEN 'eq' THEN v.given = v.wanted
            WHEN 'ne' THEN v.given IS DISTINCT FROM v.wanted
            WHEN 'gte' THEN CASE WHEN v.given ~ '^-?[0-9]{1,18}([.][0-9]{1,9})?$' THEN v.given::numeric >= v.wanted::numeric END
            WHEN 'lte' THEN CASE WHEN v.given ~ '^-?[0-9]{1,18}([.][0-9]{1,9})?$' THEN v.given::numeric <= v.wanted::numeric END
            END, false))
$$;

-- Return whether the event p_key happened to a customer after p_since. Orders are read directly, because an import
-- brings them without an event each.
CREATE OR REPLACE FUNCTION campaigns_happened(p_key text, p_conditions jsonb, p_customer bigint, p_since timestamptz)
RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
    IF p_key = 'crm.order_paid' THEN
        RETURN EXISTS (
            SELECT FROM crm_order o WHERE o.customer_id = p_customer AND crm_order_counts(o.state, o.refunded, o.total)
                AND o.paid_at > p_since AND campaigns_where(jsonb_build_object('amount', o.total, 'channel', o.channel), p_conditions));
    ELSIF p_key LIKE 'activity:%' THEN
        RETURN EXISTS (
            SELECT FROM crm_activityevent a WHERE a.customer_id = p_customer AND a.occurred_at > p_since
                AND a.kind = substr(p_key, 10) AND campaigns_where(a.properties, p_conditions));
    END IF;
    RETURN EXISTS (
        SELECT FROM core_domainevent e WHERE e.subject_id = p_customer AND e.occurred_at > p_since AND e.kind = p_key
            AND campaigns_where(e.payload, p_conditions));
END $$;

-- Return why a run must end before its next step: 'goal', 'unmatched', 'inactive', or NULL to continue. p_definition is
-- its version's.
CREATE OR REPLACE FUNCTION campaigns_run_over(p_definition jsonb, p_customer bigint, p_entered timestamptz) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE policy text := p_definition #>> '{exit,policy}';
BEGIN
    IF NOT EXISTS (SELECT FROM crm_customer c WHERE c.id = p_customer AND c.state = 'active') THEN
        RETURN 'inactive';
    ELSIF policy IN ('goal', 'both') AND campaigns_happened(
            p_definition #>> '{goal,event}', p_definition #> '{goal,where}', p_customer, p_entered) THEN
        RETURN 'goal';
    ELSIF policy IN ('unmatched', 'both') AND NOT EXISTS (
            SELECT FROM analytics_segmentmembership m WHERE m.segment_id = (p_definition #>> '{entry,segment}')::bigint
                AND m.customer_id = p_customer AND m.left_at IS NULL) THEN
        RETURN 'unmatched';
    END IF;
    RETURN NULL;
END $$;

-- Return why a journey's message must not be sent any more (J4), as a reason of the gate. NULL: send it.
CREATE OR REPLACE FUNCTION campaigns_journey_unmatched(p_occurrence text, p_customer bigint) RETURNS text
LANGUAGE plpgsql STABLE AS $$
DECLARE r record; why text;
BEGIN
    SELECT j.state, n.end_reason, n.entered_at, v.definition INTO r FROM campaigns_journeyrun n
        JOIN campaigns_journey j ON j.id = n.journey_id JOIN campaigns_journeyversion v ON v.id = n.version_id
        WHERE n.id = split_part(p_occurrence, ':', 2)::bigint;
    IF NOT FOUND OR r.state <> 'running' OR r.end_reason = 'stopped' THEN
        RETURN 'rule_paused';
    END IF;
    -- A run that completed may still have a message in the queue.
    why := CASE WHEN r.end_reason IN ('goal', 'unmatched') THEN r.end_reason
                ELSE campaigns_run_over(r.definition, p_customer, r.entered_at) END;
    RETURN CASE why WHEN 'goal' THEN 'goal_reached' WHEN 'unmatched' THEN 'left_segment' END;
END $$;

-- Return the next time at or after p_from at which a clock in p_zone shows p_time.
CREATE OR REPLACE FUNCTION campaigns_next_local(p_from timestamptz, p_zone text, p_time time) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (d.day + CASE WHEN (p_from AT TIME ZONE p_zone)::time > p_time THEN 1 ELSE 0 END + p_time) AT TIME ZONE p_zone
    FROM (SELECT (p_from AT TIME ZONE p_zone)::date AS day) AS d
$$;
