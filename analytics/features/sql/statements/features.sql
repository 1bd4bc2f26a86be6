WITH people AS ({people}),
orders AS (
    SELECT customer_id,
           count(*) FILTER (WHERE kept) AS order_count, coalesce(sum(item_count) FILTER (WHERE kept), 0) AS item_count,
           sum(total::float8) AS gross_spend, sum(refunded::float8) AS refunded, sum(discount::float8) AS discounted,
           min(paid_at) FILTER (WHERE kept) AS first_order_at, max(paid_at) FILTER (WHERE kept) AS last_order_at,
           (array_agg(paid_at ORDER BY paid_at) FILTER (WHERE kept))[count(*) FILTER (WHERE kept)::int - 1] AS previous_order_at,
           count(*) FILTER (WHERE kept AND paid_at > %(as_of)s - interval '365 days') AS orders_365,
           coalesce(sum((total - refunded)::float8) FILTER (WHERE paid_at > %(as_of)s - interval '365 days'), 0) AS spend_365,
           mode() WITHIN GROUP (ORDER BY channel) FILTER (WHERE kept AND channel <> '') AS main_channel,
           count(*) FILTER (WHERE kept AND paid_at > %(as_of)s - interval '90 days') AS orders_90,
           coalesce(sum((total - refunded)::float8) FILTER (WHERE paid_at > %(as_of)s - interval '90 days'), 0) AS spend_90
    FROM {paid}
    GROUP BY customer_id),
adjustments AS (
    SELECT customer_id, sum(amount::float8) AS adjusted,
           coalesce(sum(amount::float8) FILTER (WHERE occurred_at > %(as_of)s - interval '365 days'), 0) AS spend_365,
           coalesce(sum(amount::float8) FILTER (WHERE occurred_at > %(as_of)s - interval '90 days'), 0) AS spend_90
    FROM crm_spendadjustment WHERE {scope} GROUP BY customer_id),
refunds AS (SELECT customer_id, count(*) AS refund_count FROM crm_refund
            WHERE {scope} GROUP BY customer_id),
bought AS (
    SELECT line.customer_id, product.category, sum({line_amount}::float8) AS spent
    FROM {lines} AS line JOIN crm_product product ON product.id = line.product_id
    WHERE product.category <> '' AND {line_counts}
    GROUP BY 1, 2),
categories AS (
    SELECT customer_id, array_agg(category ORDER BY category) AS categories,
           (array_agg(category ORDER BY spent DESC, category))[1] AS top_category
    FROM bought GROUP BY customer_id),
activity AS (
    SELECT customer_id, max(occurred_at) AS last_activity_at,
           count(*) FILTER (WHERE occurred_at > %(as_of)s - interval '30 days') AS activity_30
    FROM crm_activityevent WHERE {scope} GROUP BY customer_id),
membership AS (
    SELECT m.customer_id, max(tier.rank) AS tier_rank, sum(a.available) FILTER (WHERE type.spendable) AS points_available
    FROM loyalty_member m JOIN loyalty_program program ON program.id = m.program_id AND program.is_default
    LEFT JOIN loyalty_tier tier ON tier.id = m.tier_id LEFT JOIN loyalty_account a ON a.member_id = m.id
    LEFT JOIN loyalty_pointtype type ON type.id = a.point_type_id
    WHERE m.state = 'active' AND m.{scope} GROUP BY m.customer_id)
{sources},
reach AS ({reach}),
rows AS (
    SELECT people.customer_id,
           coalesce(o.order_count, 0)::int AS order_count, coalesce(o.item_count, 0)::numeric(16, 3) AS item_count,
           coalesce(o.gross_spend, 0)::bigint AS gross_spend, coalesce(o.refunded, 0)::bigint AS refunded,
           coalesce(j.adjusted, 0)::bigint AS adjusted,
           (coalesce(o.gross_spend - o.refunded, 0) + coalesce(j.adjusted, 0))::bigint AS net_spend, coalesce(o.discounted, 0)::bigint AS discounted,
           coalesce(r.refund_count, 0)::int AS refund_count, o.first_order_at, o.last_order_at, o.previous_order_at,
           CASE WHEN o.order_count > 1 THEN
               extract(epoch FROM o.last_order_at - o.first_order_at)::float8 / 86400 / (o.order_count - 1) END
               AS mean_interval_days,
           CASE WHEN o.order_count > 0 THEN round((o.gross_spend - o.refunded + coalesce(j.adjusted, 0))::numeric / o.order_count)::bigint
                ELSE 0 END AS average_order,
           coalesce(o.orders_365, 0)::int AS orders_365, (coalesce(o.spend_365, 0) + coalesce(j.spend_365, 0))::bigint AS spend_365,
           coalesce(o.orders_90, 0)::int AS orders_90, (coalesce(o.spend_90, 0) + coalesce(j.spend_90, 0))::bigint AS spend_90,
           coalesce(k.categories, '{{}}')::varchar(200)[] AS categories,
           coalesce(k.top_category, '')::varchar(200) AS top_category,
           coalesce(o.main_channel, '')::varchar(40) AS main_channel, v.last_activity_at,
           coalesce(v.activity_30, 0)::int AS activity_30,
           coalesce(m.points_available, 0)::bigint AS points_available, coalesce(m.tier_rank, 0)::smallint AS tier_rank,
           m.customer_id IS NOT NULL AS is_member,
           ({messages_90})::int AS messages_90, ({opened_90})::int AS opened_90,
           coalesce(reach.reachable, '{{}}')::varchar(20)[] AS reachable,
           ({stage})::varchar(8) AS stage
    FROM people LEFT JOIN orders o USING (customer_id) LEFT JOIN refunds r USING (customer_id)
    LEFT JOIN adjustments j USING (customer_id)
    LEFT JOIN categories k USING (customer_id)
    LEFT JOIN activity v USING (customer_id) LEFT JOIN membership m USING (customer_id)
    LEFT JOIN reach USING (customer_id) {joins})
SELECT * FROM rows
