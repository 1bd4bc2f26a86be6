CREATE TEMP TABLE lk_back ON COMMIT DROP AS
WITH done AS (
    SELECT f.order_id, split_part(f.number, '-', 1) AS number, p.sku, sum(t.quantity) AS quantity
    FROM crm_refund f JOIN crm_refundline t ON t.refund_id = f.id JOIN crm_orderline l ON l.id = t.line_id
    JOIN crm_product p ON p.id = l.product_id
    WHERE f.source = %(source)s AND f.order_id IN (SELECT known FROM lk_return) GROUP BY 1, 2, 3),
left_over AS (
    SELECT o.number, p.sku, sum(l.quantity - l.refunded_quantity) AS quantity
    FROM crm_orderline l JOIN crm_order o ON o.id = l.order_id JOIN crm_product p ON p.id = l.product_id
    WHERE l.order_id IN (SELECT known FROM lk_return) GROUP BY 1, 2
    UNION ALL
    SELECT p.number, p.sku, sum(p.quantity) FROM lk_priced p JOIN lk_order n USING (number)
    WHERE n.known IS NULL AND p.has_line AND p.code IS NULL AND p.kind = 'product'
      AND p.number IN (SELECT number FROM lk_return) GROUP BY 1, 2),
numbered AS (
    SELECT *, 'R' || to_char(at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISS') AS refund,
           sum(quantity) OVER (PARTITION BY number, sku, at ORDER BY row_number) AS running
    FROM lk_return),
fresh AS (
    SELECT b.*, least(b.quantity, greatest(running - coalesce(d.quantity, 0), 0)) AS new
    FROM numbered b LEFT JOIN done d ON d.order_id = b.known AND d.number = b.refund AND d.sku = b.sku)
SELECT f.*, coalesce(l.quantity, 0) AS left_over,
       sum(new) OVER (PARTITION BY f.number, f.sku ORDER BY f.row_number) AS taken,
       coalesce(n.order_state, k.becomes, o.state) AS order_state
FROM fresh f LEFT JOIN left_over l USING (number, sku) LEFT JOIN lk_order n ON n.number = f.number
LEFT JOIN lk_move k ON k.number = f.number LEFT JOIN crm_order o ON o.id = f.known
