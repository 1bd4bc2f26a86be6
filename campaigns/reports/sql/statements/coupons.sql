-- Figures of many coupons: rows (coupon, kind, label, six counts). The kinds are
--   issued   codes issued to customers, those sent in a message, those whose message reports opens, was opened, clicked
--   used     label: the coupon's currency; codes used, uses, discount
--   order    label: currency; customers, orders, net amount
-- A code is seen when the message that brought it was opened. An order is the paid one with the number of a redeemed use
-- and its customer.
WITH coupon AS (SELECT unnest(%(coupons)s::bigint[]) AS id),
code AS (
    SELECT k.coupon_id, k.customer_id,
           CASE WHEN k.issued_for ~ '^message:[0-9a-f-]{{36}}$' THEN substr(k.issued_for, 9)::uuid END AS message_id
    FROM coupon c JOIN campaigns_couponcode k ON k.coupon_id = c.id),
used AS (
    SELECT u.* FROM coupon c JOIN campaigns_couponuse u ON u.coupon_id = c.id WHERE u.state = 'redeemed'),
bought AS (
    SELECT DISTINCT u.coupon_id, o.id, o.customer_id, o.currency, o.total - o.refunded AS net
    FROM used u JOIN crm_order o ON o.customer_id = u.customer_id AND o.number = u.order_reference AND {order_counts}
    WHERE u.order_reference <> ''
    UNION
    -- Orders of guests, by the index of their numbers.
    SELECT u.coupon_id, o.id, o.customer_id, o.currency, o.total - o.refunded
    FROM used u JOIN crm_order o ON reverse(upper(o.number)) = reverse(upper(u.order_reference))
        AND o.number = u.order_reference AND o.customer_id IS NULL AND {order_counts}
    WHERE u.customer_id IS NULL AND u.order_reference <> '')
SELECT k.coupon_id, 'issued', '', count(*) FILTER (WHERE k.customer_id IS NOT NULL),
       count(*) FILTER (WHERE m.state = 'sent'),
       count(*) FILTER (WHERE m.state = 'sent' AND (m.channel = ANY(%(local)s)
                        OR (m.channel = ANY(%(html)s) AND m.message_class = 'marketing'))),
       count(m.opened_at) FILTER (WHERE m.state = 'sent'), count(m.clicked_at) FILTER (WHERE m.state = 'sent'), 0::bigint
FROM code k LEFT JOIN campaigns_message m ON m.id = k.message_id
GROUP BY k.coupon_id
UNION ALL
SELECT u.coupon_id, 'used', p.currency, count(DISTINCT u.code_id), count(*), sum(u.discount)::bigint, 0, 0, 0
FROM used u JOIN campaigns_coupon p ON p.id = u.coupon_id GROUP BY u.coupon_id, p.currency
UNION ALL
SELECT b.coupon_id, 'order', b.currency, count(DISTINCT b.customer_id), count(*), sum(b.net)::bigint, 0, 0, 0
FROM bought b GROUP BY b.coupon_id, b.currency
