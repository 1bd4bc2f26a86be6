-- Whether an order counts as bought: it was paid and did not come back whole (A2, A7). A placed, a cancelled and a wholly
-- refunded order count nowhere. The planner takes the text of this function in, so that indexes on these columns serve.
CREATE OR REPLACE FUNCTION crm_order_counts(p_state text, p_refunded bigint, p_total bigint) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT p_state = 'paid' AND (p_refunded < p_total OR p_total = 0)
$$;
