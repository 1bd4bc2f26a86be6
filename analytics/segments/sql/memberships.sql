-- The intervals in which customers were in a segment: one row per customer and one per leaving (docs/adr/0012).
CREATE OR REPLACE VIEW analytics_segmentmembership AS
SELECT s.id AS segment_id, k.customer_id, k.since[array_position(k.inside, s.id)] AS entered_at, NULL::timestamptz AS left_at
FROM analytics_segment s JOIN analytics_customersegments k ON s.id = ANY (k.inside)
UNION ALL
SELECT l.segment_id, gone.customer_id, gone.entered_at, l.left_at
FROM analytics_segmentleaving l CROSS JOIN LATERAL unnest(l.customers, l.entered) AS gone(customer_id, entered_at);
