-- Members who bought since a moment: their customer ids. With the last parameter only those who had bought before, or
-- bought again since then. The conditions are those of periods.sql; the parameters are positional, because the statement
-- is a part of a query of customers.
SELECT b.customer_id FROM (
    SELECT o.customer_id, count(*) AS orders, min(o.paid_at) AS first_at
    FROM crm_order o
    JOIN loyalty_member m ON m.customer_id = o.customer_id AND m.program_id = %s AND m.state = 'active'
    WHERE o.paid_at >= %s AND o.paid_at < %s AND o.currency = %s AND {order_counts}
    GROUP BY 1) b
WHERE NOT %s OR b.orders > 1 OR EXISTS (
    SELECT FROM crm_order o WHERE o.customer_id = b.customer_id AND o.paid_at < b.first_at AND {order_counts})
