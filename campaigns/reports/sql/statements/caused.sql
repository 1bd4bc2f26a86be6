-- What the customers of an experiment bought by month: rows (arm, month, customers drawn by its end, then of their net
-- revenue in the month: sum, sum of squares, customers with an order). By intention to treat: everyone who was drawn
-- counts from that moment on, whether a message reached them or not.
WITH month AS (SELECT * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS m(since, until)),
bought AS (
    SELECT e.arm_id, m.since, o.customer_id, sum(o.total - o.refunded)::float8 AS net
    FROM month m
    JOIN crm_order o ON o.paid_at >= m.since AND o.paid_at < m.until AND o.currency = %(currency)s AND {order_counts}
    JOIN campaigns_exposure e ON e.experiment_id = %(experiment)s AND e.customer_id = o.customer_id
        AND e.exposed_at <= o.paid_at
    GROUP BY 1, 2, 3),
drawn AS (
    SELECT e.arm_id, m.since, count(*) AS customers
    FROM month m JOIN campaigns_exposure e ON e.experiment_id = %(experiment)s AND e.exposed_at < m.until
    GROUP BY 1, 2)
SELECT d.arm_id, d.since, d.customers, coalesce(sum(b.net), 0)::float8, coalesce(sum(b.net * b.net), 0)::float8,
       count(b.customer_id)
FROM drawn d LEFT JOIN bought b ON b.arm_id = d.arm_id AND b.since = d.since
GROUP BY 1, 2, 3
