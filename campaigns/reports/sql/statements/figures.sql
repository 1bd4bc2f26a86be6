-- Figures of many campaigns in one statement: rows (origin, kind, label, six counts). The kinds are
--   state         label: state and reason; messages, on channels that report opens, confirmed by the provider, opened,
--                 clicked
--   unsubscribed  messages whose unsubscribe link was used
--   order         label: currency, empty for all; customers, orders, net amount, orders and net amount after a click
--   coupon        label: currency; redeemed uses, discount
-- An order counts for the last message of the campaign before it, inside the window of that message, so that it counts
-- once for any number of messages.
WITH campaign AS (SELECT * FROM unnest(%(origins)s::text[], %(days)s::int[]) AS c(origin, days)),
reached AS (
    SELECT m.origin, m.customer_id, m.sent_at, m.clicked_at,
           least(lead(m.sent_at) OVER (PARTITION BY m.origin, m.customer_id ORDER BY m.sent_at),
                 m.sent_at + make_interval(days => c.days)) AS until
    FROM campaign c JOIN campaigns_message m ON m.origin = c.origin AND m.state = 'sent'),
bought AS (
    SELECT r.origin, o.currency, o.customer_id, o.total - o.refunded AS net, coalesce(r.clicked_at <= o.paid_at, false) AS clicked
    -- By the index of each customer's orders; OFFSET 0 keeps the planner from reading all orders instead.
    FROM reached r JOIN LATERAL (
        SELECT * FROM crm_order o WHERE o.customer_id = r.customer_id AND {order_counts}
            AND o.paid_at >= r.sent_at AND o.paid_at < r.until OFFSET 0) o ON true),
code AS (
    SELECT u.discount, p.currency,
           CASE WHEN k.issued_for LIKE 'journey:%%' THEN 'journey:' || split_part(k.issued_for, ':', 2) END AS origin,
           CASE WHEN k.issued_for ~ '^message:[0-9a-f-]{{36}}$' THEN substr(k.issued_for, 9)::uuid END AS message_id
    FROM campaigns_couponuse u
    JOIN campaigns_couponcode k ON k.id = u.code_id AND (k.issued_for LIKE 'message:%%' OR k.issued_for LIKE 'journey:%%')
    JOIN campaigns_coupon p ON p.id = u.coupon_id
    WHERE u.state = 'redeemed'),
left_us AS (
    SELECT CASE WHEN c.evidence ~ '^message [0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}$'
                THEN substr(c.evidence, 9)::uuid END AS message_id
    FROM crm_consent c WHERE c.decision = 'withdrawn' AND c.evidence LIKE 'message %%')
SELECT m.origin, 'state', m.state || ':' || m.reason, count(*),
       count(*) FILTER (WHERE m.channel = ANY(%(local)s) OR (m.channel = ANY(%(html)s) AND m.message_class = 'marketing')),
       count(m.delivered_at), count(m.opened_at), count(m.clicked_at), 0::bigint
FROM campaign c JOIN campaigns_message m ON m.origin = c.origin
GROUP BY m.origin, m.state, m.reason
UNION ALL
SELECT m.origin, 'unsubscribed', '', count(DISTINCT m.id), 0, 0, 0, 0, 0
FROM left_us l JOIN campaigns_message m ON m.id = l.message_id JOIN campaign c ON c.origin = m.origin
GROUP BY m.origin
UNION ALL
SELECT b.origin, 'order', coalesce(b.currency, ''), count(DISTINCT b.customer_id), count(*), sum(b.net)::bigint,
       count(*) FILTER (WHERE b.clicked), coalesce(sum(b.net) FILTER (WHERE b.clicked), 0)::bigint, 0
FROM bought b
GROUP BY GROUPING SETS ((b.origin, b.currency), (b.origin))
UNION ALL
SELECT coalesce(k.origin, m.origin), 'coupon', k.currency, count(*), sum(k.discount)::bigint, 0, 0, 0, 0
FROM code k LEFT JOIN campaigns_message m ON m.id = k.message_id
JOIN campaign c ON c.origin = coalesce(k.origin, m.origin)
GROUP BY 1, k.currency
