-- What happened to one campaign by hour of the shop: rows (kind, hour, count). An order counts as in figures.sql.
WITH message AS (
    SELECT m.customer_id, m.state, m.reason, m.sent_at, m.opened_at, m.clicked_at,
           least(lead(m.sent_at) OVER (PARTITION BY m.customer_id ORDER BY m.sent_at),
                 m.sent_at + make_interval(days => %(days)s)) AS until
    FROM campaigns_message m
    WHERE m.origin = %(origin)s AND m.state IN ('sent', 'failed') AND m.sent_at IS NOT NULL
          AND m.sent_at >= %(since)s - make_interval(days => %(days)s)),
happened AS (
    SELECT 'sent' AS kind, sent_at AS at FROM message WHERE state = 'sent' OR reason IN ('bounce', 'undelivered')
    UNION ALL SELECT 'opened', opened_at FROM message WHERE state = 'sent' AND opened_at IS NOT NULL
    UNION ALL SELECT 'clicked', clicked_at FROM message WHERE state = 'sent' AND clicked_at IS NOT NULL
    UNION ALL
    SELECT 'ordered', o.paid_at
    FROM message m JOIN crm_order o ON o.customer_id = m.customer_id AND {order_counts}
        AND o.paid_at >= m.sent_at AND o.paid_at < m.until
    WHERE m.state = 'sent')
SELECT kind, date_trunc('hour', at AT TIME ZONE %(zone)s), count(*)
FROM happened WHERE at >= %(since)s AND at < %(until)s
GROUP BY 1, 2 ORDER BY 2, 1
