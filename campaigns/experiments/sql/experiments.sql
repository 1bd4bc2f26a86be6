-- Return a share from 0 to 9,999 by a hash of experiment and customer (X1). campaigns/experiments/rules.py computes the
-- same; a test compares both.
CREATE OR REPLACE FUNCTION campaigns_share(p_salt text, p_customer bigint) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
    SELECT (('x' || left(encode(sha256(convert_to(p_salt || '/' || p_customer::text, 'UTF8')), 'hex'), 8))::bit(32)::bigint
            % 10000)::integer
$$;

-- Draw these customers unless they are drawn already. p_ends are the arms' upper limits of shares in the order of
-- p_arms. When two calls draw a customer at once, the first one wins; both compute the same arm.
CREATE OR REPLACE FUNCTION campaigns_draw(
    p_experiment bigint, p_salt text, p_arms bigint[], p_ends integer[], p_customers bigint[], p_origin text
) RETURNS void LANGUAGE sql AS $$
    -- Materialized: each share is computed once for any number of arms.
    WITH drawn AS MATERIALIZED (
        SELECT fresh.customer, campaigns_share(p_salt, fresh.customer) AS share
        FROM (SELECT DISTINCT given.customer FROM unnest(p_customers) AS given(customer)
              WHERE NOT EXISTS (SELECT FROM campaigns_exposure e
                                WHERE e.experiment_id = p_experiment AND e.customer_id = given.customer)) AS fresh)
    INSERT INTO campaigns_exposure (experiment_id, customer_id, arm_id, origin)
        SELECT p_experiment, drawn.customer, p_arms[1 + (SELECT count(*) FROM unnest(p_ends) AS ended WHERE ended <= drawn.share)],
               p_origin
        FROM drawn ORDER BY drawn.customer
        ON CONFLICT DO NOTHING;
$$;

-- Draw in the same way, and return the arm of every customer.
CREATE OR REPLACE FUNCTION campaigns_expose(
    p_experiment bigint, p_salt text, p_arms bigint[], p_ends integer[], p_customers bigint[], p_origin text
) RETURNS TABLE (customer bigint, arm bigint) LANGUAGE plpgsql AS $$
BEGIN
    PERFORM campaigns_draw(p_experiment, p_salt, p_arms, p_ends, p_customers, p_origin);
    RETURN QUERY SELECT e.customer_id, e.arm_id FROM campaigns_exposure e
        WHERE e.experiment_id = p_experiment AND e.customer_id = ANY (p_customers);
END $$;
