-- Orders by month that followed a click in a message of marketing: rows (month, orders, net revenue). The click is before
-- the payment, and the message was sent at most as many days before it as orders count for its campaign.
WITH month AS (SELECT * FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS m(since, until))
SELECT m.since, count(o.id), coalesce(sum(o.total - o.refunded), 0)::bigint
FROM month m
LEFT JOIN crm_order o ON o.paid_at >= m.since AND o.paid_at < m.until AND o.currency = %(currency)s AND {order_counts}
    AND EXISTS (
        SELECT FROM campaigns_message g
        LEFT JOIN campaigns_broadcast b ON g.origin = 'broadcast:' || b.id
        LEFT JOIN campaigns_carerule r ON g.origin = 'care:' || r.id
        WHERE g.customer_id = o.customer_id AND g.state = 'sent' AND g.message_class = 'marketing'
              AND g.clicked_at <= o.paid_at
              AND g.sent_at > o.paid_at - make_interval(days => coalesce(b.attribution_days, r.attribution_days, %(days)s)))
GROUP BY 1
