-- `journey_id + 0`: while a journey fills, the planner assumes that it is empty and would scan all of its runs per
-- customer.
WITH chosen AS MATERIALIZED (
    SELECT a.customer_id, coalesce(past.times, 0) + 1 AS number, a.cause, a.context,
           CASE WHEN coalesce(past.held_out, campaigns_bucket(%(origin)s, a.customer_id) < %(holdout)s)
                THEN 'held_out' ELSE 'active' END AS state
    FROM (SELECT DISTINCT ON (g.customer_id) g.* FROM ({select}) AS g(customer_id, cause, at, context)
          WHERE g.customer_id > %(after)s ORDER BY g.customer_id, g.at) AS a
    JOIN crm_customer c ON c.id = a.customer_id AND c.state = 'active'
    LEFT JOIN LATERAL (
        SELECT count(*) AS times, bool_or(r.state = 'active') AS active, max(r.entered_at) AS entered,
               max(r.ended_at) AS ended, bool_or(r.cause = a.cause) AS known,
               (array_agg(r.state = 'held_out' ORDER BY r.number))[1] AS held_out
        FROM campaigns_journeyrun r WHERE r.customer_id = a.customer_id AND r.journey_id + 0 = %(journey)s) AS past ON true
    WHERE coalesce(past.times, 0) = 0 OR (
        NOT past.active AND NOT past.known AND a.at > coalesce(past.ended, past.entered) AND {again})
    ORDER BY a.customer_id LIMIT %(limit)s),
made AS (
    INSERT INTO campaigns_journeyrun (
        journey_id, version_id, customer_id, number, cause, state, step, context, waits_for, attempts, error, end_reason,
        entered_at, step_at, due_at)
    SELECT %(journey)s, %(version)s, customer_id, number, cause, state, %(first)s, context, '', 0, '', '', %(now)s, %(now)s,
           %(now)s
    FROM chosen ORDER BY customer_id ON CONFLICT DO NOTHING RETURNING id, customer_id, state)
SELECT id, customer_id, state FROM made UNION ALL SELECT count(*), max(customer_id), 'chosen' FROM chosen
