-- Orders by month that followed a click in a message of marketing: rows (month, orders, net revenue).
WITH month AS (SELECT * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS m(since, until))
SELECT m.since, count(o.id), coalesce(sum(o.total - o.refunded), 0)::bigint
FROM month m
LEFT JOIN crm_order o ON o.paid_at >= m.since AND o.paid_at < m.until AND o.currency = %(currency)s AND {order_counts}
    AND {after_click}
GROUP BY 1
