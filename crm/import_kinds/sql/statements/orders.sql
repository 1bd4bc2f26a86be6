CREATE TEMP TABLE lk_order ON COMMIT DROP AS
WITH summed AS (
    SELECT g.*, sum_discount + line_discounts + {minor_discount} AS given_discounts,
           {minor_points_amount} AS points, sum_shipping + {minor_shipping} AS shippings,
           {minor_tax} AS given_taxes, sum_fee + {minor_fees} AS all_fees,
           CASE WHEN g.total IS NOT NULL THEN {minor_total} END AS given_total,
           coalesce(t.state, g.given_state, {paid}) AS letter,
           coalesce(t.state, g.given_state) IS NOT NULL AS stated,
           greatest(coalesce(round(g.refunded_amount * factor), g.lines_refunded, 0), t.came_back) AS came_back
    FROM lk_grouped g LEFT JOIN lk_state t USING (number)),
valued AS (
    SELECT s.*, CASE WHEN line_count > 0 THEN sum_product
                     ELSE given_total + given_discounts + points - shippings - given_taxes - all_fees
                END AS goods
    FROM summed s),
taxed AS (
    -- When prices include the tax, the total is right without it.
    SELECT v.*, CASE WHEN line_count > 0
                      AND given_total = goods - given_discounts - points + shippings + all_fees
                     THEN 0 ELSE given_taxes END AS taxes
    FROM valued v),
whole AS (
    SELECT x.*, given_discounts{rest} AS discounts FROM taxed x)
SELECT w.*, goods - discounts - points + shippings + taxes + all_fees AS sum_total,
       {order_state} AS order_state, o.id AS known, o.customer_id AS known_customer,
       o.state AS known_state, o.refunded AS known_refunded, o.total AS known_total,
       CASE WHEN differing IS NOT NULL THEN 'order_columns_differ'
            WHEN spoiled AND line_count = 0 THEN 'order_has_refused_rows'
            WHEN o.id IS NULL AND w.placed_at IS NULL THEN 'required'
            WHEN o.id IS NULL AND goods IS NULL THEN 'no_price'
            WHEN least(discounts, points, shippings, taxes, all_fees, goods) < 0 THEN 'negative'
            WHEN goods - discounts - points + shippings + taxes + all_fees < 0 THEN 'discount_exceeds_order'
            WHEN goods + shippings + taxes + all_fees > {largest} THEN 'number_too_large'
            WHEN NOT spoiled AND given_total <> goods - discounts - points + shippings + taxes + all_fees
                 THEN 'total_mismatch'
            WHEN came_back < 0 OR came_back > coalesce(goods - discounts - points + shippings + taxes + all_fees,
                                                       o.total) THEN 'refund_exceeds_order'
            WHEN o.state = 'cancelled' AND stated AND letter <> {refunded} AND ({order_state}) = 'paid'
                 THEN 'order_state' END AS code,
       CASE WHEN differing IS NOT NULL THEN differing
            WHEN spoiled AND line_count = 0 THEN 'number'
            WHEN o.id IS NULL AND w.placed_at IS NULL THEN 'placed_at'
            WHEN o.id IS NULL AND goods IS NULL THEN 'total'
            WHEN least(discounts, points, shippings, taxes, all_fees, goods) < 0
                OR goods - discounts - points + shippings + taxes + all_fees < 0 THEN 'discount'
            WHEN given_total <> goods - discounts - points + shippings + taxes + all_fees THEN 'total'
            WHEN came_back < 0 OR came_back > coalesce(goods - discounts - points + shippings + taxes + all_fees,
                                                       o.total) THEN 'refunded_amount'
            WHEN o.state = 'cancelled' AND ({order_state}) = 'paid' THEN 'state'
            ELSE 'total' END AS field
FROM whole w LEFT JOIN crm_order o ON o.source = %(source)s AND o.number = w.number
WHERE NOT (empty AND coalesce(given_total, 0) = 0)
