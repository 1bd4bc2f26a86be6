-- Whether an order counts as bought: it was paid and not fully returned (A2, A7). Placed, cancelled and fully refunded
-- orders never count. The planner inlines this function, so that indexes on these columns can be used.
CREATE OR REPLACE FUNCTION crm_order_counts(p_state text, p_refunded bigint, p_total bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT p_state = 'paid' AND (p_refunded < p_total OR p_total = 0)
$$;
