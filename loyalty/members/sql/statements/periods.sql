-- What members bought in some periods: rows (period, net revenue, orders, buyers, buyers who had bought before or bought
-- again in the period).
WITH period AS (
    SELECT * FROM unnest(%(names)s::text[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS p(name, since, until)),
bought AS (
    SELECT p.name, o.customer_id, sum(o.total - o.refunded) AS net, count(*) AS orders, min(o.paid_at) AS first_at
    FROM period p
    JOIN crm_order o ON o.paid_at >= p.since AND o.paid_at < p.until AND o.currency = %(currency)s AND {order_counts}
    JOIN loyalty_member m ON m.customer_id = o.customer_id AND m.program_id = %(program)s AND m.state = 'active'
    GROUP BY 1, 2)
SELECT b.name, sum(b.net)::bigint, sum(b.orders)::bigint, count(*), count(*) FILTER (WHERE b.orders > 1 OR EXISTS (
    SELECT FROM crm_order o WHERE o.customer_id = b.customer_id AND o.paid_at < b.first_at AND {order_counts}))
FROM bought b GROUP BY b.name
